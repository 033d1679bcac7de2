//! What a module needs around its plugins: a panic that says where, and text without `core::fmt`.

use crate::LogLevel;
use crate::sys::{Sys, zeroed};
use alloc::vec::Vec;

/// A number as text, without linking `core::fmt`, which is most of a small module's size.
pub(crate) struct Decimal {
    digits: [u8; 10],
    start: usize,
}

impl Decimal {
    pub(crate) fn new(mut number: u32) -> Self {
        let (mut digits, mut start) = ([0; 10], 10);
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            start = at;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// Joins texts in a buffer of their size: growing one would link code for it.
pub(crate) fn concat(parts: &[&[u8]]) -> Vec<u8> {
    let mut text = zeroed(parts.iter().map(|part| part.len()).sum());
    let mut rest = text.as_mut_slice();
    for part in parts {
        let Some((place, after)) = rest.split_at_mut_checked(part.len()) else { break };
        place.copy_from_slice(part);
        rest = after;
    }
    text
}

/// Writes a line of the SDK's own; there is nothing to be done about a host that refuses it.
#[cold]
pub(crate) fn log(sys: &Sys, level: LogLevel, parts: &[&[u8]]) {
    let _ = sys.proxy_log(level, &concat(parts));
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
    let (file, line, column) = place.map_or(("an unknown place", 0, 0), |place| (place.file(), place.line(), place.column()));
    let (line, column) = (Decimal::new(line), Decimal::new(column));
    let (before, message) = message.map_or(("", ""), |message| (": ", message));
    let parts =
        [b"panicked at ", file.as_bytes(), b":", line.as_bytes(), b":", column.as_bytes(), before.as_bytes(), message.as_bytes()];
    log(&Sys, LogLevel::Critical, &parts);
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
        log_panic(
            info.location(),
            text.or_else(|| payload.downcast_ref::<alloc::string::String>().map(alloc::string::String::as_str)),
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn numbers_are_written_as_core_fmt_would() {
        for number in [0, 7, 10, 42, 1_000_000, u32::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), alloc::format!("{number}").as_bytes());
        }
        assert_eq!(concat(&[b"a", b"", b"bc"]), b"abc");
    }
}
