use core::fmt;

/// Why a hostcall failed.
///
/// On the wire 0 is success, which is not a failure and has no variant. A code that this crate does not know is kept as
/// [`Status::Other`]: a host that answers by a later specification is no reason to abort.
///
/// Source: specification v0.2.1, `proxy_status_t`.
///
/// ```
/// use proxy_filter_abi::Status;
/// assert_eq!(Status::from_wire(1), Some(Status::NotFound));
/// assert_eq!(Status::Unimplemented.to_string(), "UNIMPLEMENTED");
/// assert_eq!(Status::Other(40).to_wire(), 40);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// 1: what was asked for does not exist.
    NotFound,
    /// 2: an argument has no meaning, or has none in this phase: header maps answer it outside their callbacks.
    BadArgument,
    /// 3: the host could not serialise a value.
    SerializationFailure,
    /// 4: the host could not parse an argument.
    ParseFailure,
    /// 5: an expression is malformed (Envoy).
    BadExpression,
    /// 6: a pointer or a length lies outside the module's memory, or its allocator failed.
    InvalidMemoryAccess,
    /// 7: the queue is empty.
    Empty,
    /// 8: the compare-and-swap number has changed.
    CasMismatch,
    /// 9: a result has an unexpected size (Envoy).
    ResultMismatch,
    /// 10: the host failed for reasons of its own; Envoy also answers this for a restricted capability.
    InternalFailure,
    /// 11: the connection broke; no hostcall returns it, HTTP calls report it.
    BrokenConnection,
    /// 12: the host does not implement this.
    Unimplemented,
    /// Any other code, as it came.
    Other(u32),
}

impl Status {
    /// Reads a status from the wire: `None` is success.
    #[inline]
    pub const fn from_wire(code: u32) -> Option<Self> {
        Some(match code {
            0 => return None,
            1 => Self::NotFound,
            2 => Self::BadArgument,
            3 => Self::SerializationFailure,
            4 => Self::ParseFailure,
            5 => Self::BadExpression,
            6 => Self::InvalidMemoryAccess,
            7 => Self::Empty,
            8 => Self::CasMismatch,
            9 => Self::ResultMismatch,
            10 => Self::InternalFailure,
            11 => Self::BrokenConnection,
            12 => Self::Unimplemented,
            code => Self::Other(code),
        })
    }

    /// The code on the wire.
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::NotFound => 1,
            Self::BadArgument => 2,
            Self::SerializationFailure => 3,
            Self::ParseFailure => 4,
            Self::BadExpression => 5,
            Self::InvalidMemoryAccess => 6,
            Self::Empty => 7,
            Self::CasMismatch => 8,
            Self::ResultMismatch => 9,
            Self::InternalFailure => 10,
            Self::BrokenConnection => 11,
            Self::Unimplemented => 12,
            Self::Other(code) => code,
        }
    }

    /// The specification's name, or `None` for [`Status::Other`].
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NotFound => "NOT_FOUND",
            Self::BadArgument => "BAD_ARGUMENT",
            Self::SerializationFailure => "SERIALIZATION_FAILURE",
            Self::ParseFailure => "PARSE_FAILURE",
            Self::BadExpression => "BAD_EXPRESSION",
            Self::InvalidMemoryAccess => "INVALID_MEMORY_ACCESS",
            Self::Empty => "EMPTY",
            Self::CasMismatch => "CAS_MISMATCH",
            Self::ResultMismatch => "RESULT_MISMATCH",
            Self::InternalFailure => "INTERNAL_FAILURE",
            Self::BrokenConnection => "BROKEN_CONNECTION",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Other(_) => return None,
        })
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
