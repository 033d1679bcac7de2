use core::fmt;
use core::num::NonZeroU32;

/// Why a hostcall failed: an open enumeration, whose codes beyond those named here stay what they are.
///
/// On the wire 0 is success, which is not a failure and has no value here. A code that this crate does not name is kept: a host that
/// answers by a later specification is no reason to abort.
///
/// Source: specification v0.2.1, `proxy_status_t`.
///
/// ```
/// use proxy_filter_abi::Status;
/// assert_eq!(Status::from_wire(1), Some(Status::NotFound));
/// assert_eq!(Status::from_wire(0), None);
/// assert_eq!(Status::Unimplemented.to_string(), "UNIMPLEMENTED");
/// let later = Status::from_wire(40).unwrap();
/// assert_eq!((later.to_wire(), later.name()), (40, None));
/// ```
// Not an `enum`: reading one from the wire would be a branch for each code at each hostcall of a guest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(NonZeroU32);

macro_rules! statuses {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal $text:literal;)*) => {
        #[allow(non_upper_case_globals, reason = "they are the variants of an enumeration")]
        impl Status {
            $($(#[doc = $doc])*
            pub const $name: Self = Self(match NonZeroU32::new($code) { Some(code) => code, None => NonZeroU32::MAX });)*

            /// The specification's name; `None` for a code that it does not have.
            pub const fn name(self) -> Option<&'static str> {
                Some(match self {
                    $(Self::$name => $text,)*
                    _ => return None,
                })
            }
        }

        impl fmt::Debug for Status {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$name => f.write_str(stringify!($name)),)*
                    _ => f.debug_tuple("Status").field(&self.0).finish(),
                }
            }
        }
    };
}

statuses! {
    /// 1: what was asked for does not exist.
    NotFound = 1 "NOT_FOUND";
    /// 2: an argument has no meaning, or has none in this phase: header maps answer it outside their callbacks.
    BadArgument = 2 "BAD_ARGUMENT";
    /// 3: the host could not serialise a value.
    SerializationFailure = 3 "SERIALIZATION_FAILURE";
    /// 4: the host could not parse an argument.
    ParseFailure = 4 "PARSE_FAILURE";
    /// 5: an expression is malformed (Envoy).
    BadExpression = 5 "BAD_EXPRESSION";
    /// 6: a pointer or a length lies outside the module's memory, or its allocator failed.
    InvalidMemoryAccess = 6 "INVALID_MEMORY_ACCESS";
    /// 7: the queue is empty.
    Empty = 7 "EMPTY";
    /// 8: the compare-and-swap number has changed.
    CasMismatch = 8 "CAS_MISMATCH";
    /// 9: a result has an unexpected size (Envoy).
    ResultMismatch = 9 "RESULT_MISMATCH";
    /// 10: the host failed for reasons of its own; Envoy also answers this for a restricted capability.
    InternalFailure = 10 "INTERNAL_FAILURE";
    /// 11: the connection broke; no hostcall returns it, HTTP calls report it.
    BrokenConnection = 11 "BROKEN_CONNECTION";
    /// 12: the host does not implement this.
    Unimplemented = 12 "UNIMPLEMENTED";
}

impl Status {
    /// Reads a status from the wire: `None` is success.
    #[inline]
    pub const fn from_wire(code: u32) -> Option<Self> {
        match NonZeroU32::new(code) {
            Some(code) => Some(Self(code)),
            None => None,
        }
    }

    /// The code on the wire.
    #[inline]
    pub const fn to_wire(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.to_wire()),
        }
    }
}

impl core::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_code_survives_the_round_trip() {
        assert_eq!(Status::from_wire(0), None);
        for code in (1..64).chain([u32::MAX]) {
            let status = Status::from_wire(code).unwrap();
            assert_eq!(status.to_wire(), code);
            assert_eq!(status.name().is_some(), code <= 12);
        }
    }
}
