//! What a module needs around its plugins: a panic that says where, and text without `core::fmt`.

use crate::{LogLevel, sys::Sys};
use alloc::string::String;

/// Appends a number without linking `core::fmt`, which is most of a small module's size.
pub(crate) fn push_decimal(text: &mut String, mut number: u32) {
    let mut digits = [b'0'; 10];
    let mut len = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        len += 1;
        if number == 0 {
            break;
        }
    }
    text.extend(digits.iter().skip(digits.len() - len).map(|digit| char::from(*digit)));
}

/// Writes a line of the SDK's own; there is nothing to be done about a host that refuses it.
pub(crate) fn log(sys: &Sys, level: LogLevel, parts: &[&str]) {
    let mut line = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| line.push_str(part));
    let _ = sys.proxy_log(level, line.as_bytes());
}

/// Gives a `no_std` filter its runtime: an allocator, and a panic handler that logs file and line before the VM traps.
///
/// Natively, and so in tests, it is nothing: std has both. A filter that links std does not need it either; it enables the
/// feature `std` instead, whose panic hook logs the same.
///
/// ```
/// #![cfg_attr(target_family = "wasm", no_std)]
/// proxy_filter::no_std_runtime!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! no_std_runtime {
    () => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[global_allocator]
            static ALLOCATOR: $crate::__private::Allocator = $crate::__private::Allocator;

            #[panic_handler]
            fn panic(info: &::core::panic::PanicInfo<'_>) -> ! {
                $crate::__private::log_panic(info.location(), info.message().as_str());
                ::core::arch::wasm32::unreachable()
            }
        };
    };
}

/// Logs `panicked at src/lib.rs:7:5: message` at level critical; of formatted messages only the place, which keeps them small.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub fn log_panic(place: Option<&core::panic::Location<'_>>, message: Option<&str>) {
    let mut line = String::from("panicked");
    if let Some(place) = place {
        line.push_str(" at ");
        line.push_str(place.file());
        line.push(':');
        push_decimal(&mut line, place.line());
        line.push(':');
        push_decimal(&mut line, place.column());
    }
    if let Some(message) = message {
        line.push_str(": ");
        line.push_str(message);
    }
    let _ = Sys.proxy_log(LogLevel::Critical, line.as_bytes());
}

/// What happens once in a VM, before its first context: the log backend and the panic hook are set.
#[inline]
pub(crate) fn on_first_context() {
    #[cfg(all(feature = "log", target_family = "wasm"))]
    crate::logger::install();
    #[cfg(all(feature = "std", target_family = "wasm"))]
    std::panic::set_hook(alloc::boxed::Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        log_panic(info.location(), text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_core_fmt_would() {
        for number in [0, 7, 10, 42, 1_000_000, u32::MAX] {
            let mut text = String::new();
            push_decimal(&mut text, number);
            assert_eq!(text, alloc::format!("{number}"));
        }
    }
}
