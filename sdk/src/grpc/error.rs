use crate::{Error, Status, sys::Sys};
use alloc::string::String;
use core::fmt;

/// Why a gRPC call has no message, or how a stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrpcError {
    /// The proxy did not begin it.
    ///
    /// [`Status::InternalFailure`]: it has no cluster of this name (GRP-2). [`Status::BadArgument`]: the name is empty, which is not passed
    /// on to the host, or the stream that calls has ended.
    Refused {
        /// The cluster that was called.
        cluster: String,
        /// What the host answered.
        error: Error,
    },
    /// It has ended with this status of gRPC.
    Status {
        /// Its number, such as 7 for `PERMISSION_DENIED`. The proxy's own are 14 where nobody answers and where a call's time passes, 13 where the
        /// response breaks off, 2 where it is no gRPC (GRP-7, GRP-24).
        code: u32,
        /// Its message, as the host gives it: Envoy puts in braces behind it how the response ended, `no way{via_upstream}` (STA-4).
        message: String,
    },
    /// A message came, but the host did not let it be read.
    Unreadable(Error),
}

impl GrpcError {
    /// The status of gRPC, where there is one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Refused { .. } | Self::Unreadable(_) => None,
        }
    }

    /// STA-4: in `proxy_on_grpc_close`.
    pub(super) fn of_status(sys: &Sys, code: u32) -> Self {
        let message = sys.proxy_get_status().map(|(_, message)| message).unwrap_or_default();
        Self::Status { code, message: String::from_utf8_lossy(&message).into_owned() }
    }
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { cluster, .. } if cluster.is_empty() => f.write_str("gRPC: no cluster is named: give its name"),
            Self::Refused { cluster, error } => {
                let why = match error.status {
                    Status::InternalFailure | Status::ParseFailure => ": the proxy has no cluster of this name",
                    _ => "",
                };
                write!(f, "gRPC to cluster \"{cluster}\": {error}{why}")
            }
            Self::Status { code, message } => write!(f, "gRPC: status {code}: {message}"),
            Self::Unreadable(error) => write!(f, "gRPC: its message cannot be read: {error}"),
        }
    }
}

impl core::error::Error for GrpcError {}
