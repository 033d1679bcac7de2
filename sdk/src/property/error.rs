//! Why a property cannot be read or set.

use super::WrongShape;
use crate::Error;
use alloc::string::String;
use core::fmt;

/// A property could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyError {
    /// The proxy's value is none of the type that was asked for.
    WrongShape {
        /// The property, with dots between its parts.
        property: String,
        /// What was expected, and found.
        shape: WrongShape,
    },
    /// A part of the path holds a NUL byte, which separates parts: it would be read as another path.
    NulInPart {
        /// Which part, from 0.
        index: usize,
    },
    /// The host refused. Envoy answers `SERIALIZATION_FAILURE` for a group (`request`, PRO-4), and for what has a null in it (PRO-35).
    Host(Error),
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongShape { property, shape } => write!(f, "property {property}: {shape}"),
            Self::NulInPart { index } => {
                write!(f, "part {index} of a property's path holds a NUL byte, which separates parts")
            }
            Self::Host(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PropertyError {}

impl From<Error> for PropertyError {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

/// A property could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetPropertyError {
    /// The name is empty: such a property is set, and cannot be read (PRO-15).
    EmptyName,
    /// The name holds a NUL byte: such a property is set, and never found (PRO-13). Names have one part; a dot in them is fine.
    NulInName,
    /// The name is one of the proxy's own, whose value would be read in its place (PRO-14).
    BuiltIn {
        /// The name.
        name: &'static str,
    },
    /// The host refused: `BAD_ARGUMENT` when it was declared read-only and is set already (PRO-17).
    Host(Error),
}

impl fmt::Display for SetPropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => f.write_str("a property without a name cannot be read back"),
            Self::NulInName => f.write_str(
                "a property whose name holds a NUL byte is never found again: a name has one part, which may hold dots",
            ),
            Self::BuiltIn { name } => {
                write!(
                    f,
                    "property {name} is the proxy's own, which would be read in the place of what is set: choose another name"
                )
            }
            Self::Host(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SetPropertyError {}
