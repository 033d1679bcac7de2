//! Stands before every hostcall: a fault makes it fail; it is written into the trace, with its arguments and its answer.

use super::VmHost;
use proxy_filter_abi::{BufferType, Host, LogLevel, MapType, MetricType, Pairs, Status, StreamType};
use std::fmt::{self, Write};
use std::rc::Rc;

/// A host whose calls are traced.
pub(crate) struct Traced(pub(crate) Rc<VmHost>);

impl Traced {
    /// Other threads may come before this hostcall.
    fn begin(&self) {
        if !self.0.is_atomic() {
            self.0.state().interleave();
        }
    }
}

macro_rules! traced {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        #[allow(unused_parens, reason = "generated from the table: one result is not a tuple")]
        impl Host for Traced {
            $(fn $name(&self, $($argument: proxy_filter_abi::hostcall_argument!($ty)),*)
                -> Result<($(proxy_filter_abi::hostcall_result!($rty)),*), Status> {
                self.begin();
                let faults = &self.0.state().faults;
                let mut fault = faults.strike(stringify!($name), |_key| false $(|| $argument.bytes() == Some(_key))*);
                let mut answer = match fault {
                    Some(status) => Err(status),
                    None => self.0.permit(stringify!($name)).and_then(|()| self.0.$name($($argument),*)),
                };
                match &answer {
                    Ok(($($result),*)) => {
                        let size = 0 $(+ $result.bytes().map_or(0, <[u8]>::len))*;
                        if size > 0 && faults.strike_allocation() {
                            fault = Some(Status::InvalidMemoryAccess);
                            answer = Err(Status::InvalidMemoryAccess);
                        } else if size > 0 {
                            self.0.note_handed_over(stringify!($name), size);
                        }
                    }
                    Err(status) if fault.is_none() => self.0.note_refusal(stringify!($name), *status),
                    Err(_) => {}
                }
                self.0.state().trace.hostcall(|line| {
                    line.push_str(concat!(stringify!($name), "("));
                    $(write_argument(line, stringify!($argument), &$argument);)*
                    if line.ends_with(", ") {
                        line.truncate(line.len() - 2);
                    }
                    line.push_str(") -> ");
                    match &answer {
                        Ok(($($result),*)) => {
                            line.push_str("OK");
                            $(write_result(line, stringify!($result), $result);)*
                        }
                        Err(status) => {
                            let by_fault = if fault.is_some() { " (injected)" } else { "" };
                            let _ = write!(line, "{status}{by_fault}");
                            self.0.state().take_refusal().iter().for_each(|why| line.push_str(&format!(": {why}")));
                        }
                    }
                });
                answer
            })*

            fn random_get(&self, bytes: &mut [u8]) -> Result<(), Status> {
                self.wasi("random_get", || self.0.fill_randomly(bytes))
            }

            fn environ_get(&self) -> Result<Vec<u8>, Status> {
                self.wasi("environ_get", || self.0.environment().concat().into_bytes())
            }
        }
    };
}

proxy_filter_abi::for_each_hostcall!(traced);

impl Traced {
    /// Does what a function of WASI does for a plugin that is linked into the test.
    fn wasi<T>(&self, function: &str, f: impl FnOnce() -> T) -> Result<T, Status> {
        self.begin();
        // CAP-4: errno 76, which the SDK tells as this status.
        let answer = if self.0.permits_wasi(function) { Ok(f()) } else { Err(Status::InternalFailure) };
        let word = answer.as_ref().err().map_or_else(|| "0".to_owned(), ToString::to_string);
        self.0.state().trace.hostcall(|line| line.push_str(&format!("WASI {function} -> {word}")));
        answer
    }
}

fn write_argument(line: &mut String, name: &str, value: &impl Traceable) {
    value.write(line, name);
    line.push_str(", ");
}

fn write_result(line: &mut String, name: &str, value: &impl Traceable) {
    line.push(' ');
    value.write(line, name);
}

/// How an argument or a result reads in the trace.
trait Traceable {
    fn write(&self, line: &mut String, name: &str);

    /// What it is, when it is bytes.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }
}

macro_rules! by_display {
    ($($ty:ty),*) => {
        $(impl Traceable for $ty {
            fn write(&self, line: &mut String, _name: &str) {
                let _ = write!(line, "{self}");
            }
        })*
    };
}

by_display!(u32, u64, i64, LogLevel, MapType, BufferType, StreamType, MetricType);

impl Traceable for &[u8] {
    fn write(&self, line: &mut String, name: &str) {
        let _ = match (name, Pairs::parse(self)) {
            ("pairs" | "headers" | "trailers" | "initial_metadata", Ok(pairs)) => write!(line, "{pairs:?}"),
            _ => write!(line, "{}", Short(self)),
        };
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Traceable for Vec<u8> {
    fn write(&self, line: &mut String, name: &str) {
        self.as_slice().write(line, name);
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// Bytes as a quoted text, cut where they are many.
pub(crate) struct Short<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 120;
        match self.0.get(..MOST) {
            Some(start) if self.0.len() > MOST => write!(f, "\"{}…\" ({} bytes)", start.escape_ascii(), self.0.len()),
            _ => write!(f, "\"{}\"", self.0.escape_ascii()),
        }
    }
}
