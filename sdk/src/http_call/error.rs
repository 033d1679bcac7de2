use crate::{Error, Status};
use alloc::boxed::Box;
use core::fmt;

/// Why an HTTP call has no response of a server.
///
/// # What can be told apart
///
/// Where a call fails, Envoy makes a response itself, which looks as one of a server: 504 when the timeout passes (CAL-11), 503 when
/// there is no connection, it is closed before headers came, or the request cannot be written (CAL-12). It is known by what is in it:
/// exactly the headers `:status`, `content-type: text/plain` and `content-length`, and Envoy's own text as its body. Every other 503 or
/// 504 is a response, as are all
/// that a server gives; one that answers with just those headers and that text, as no other Envoy behind it does (it adds `date` and
/// `server`), is taken for a failure. Other hosts give no headers whatever the reason, which is [`Reset`](Self::Reset).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The proxy did not make the call.
    ///
    /// [`Status::BadArgument`]: it has no cluster of this name, or method or path are empty (CAL-1, CAL-2), or the stream that calls has
    /// ended. [`Status::InternalFailure`]: the cluster has no host (CAL-5).
    Refused {
        /// The cluster that was called.
        cluster: Box<str>,
        /// What the host answered.
        error: Error,
    },
    /// The [timeout](crate::HttpCall::timeout) passed before the response's headers came (CAL-11); one that passes after them is a
    /// [`Reset`](Self::Reset) (CAL-27).
    Timeout,
    /// No server was reached, or it closed the connection before headers came, or the request cannot be written, as for a method with a
    /// line break; with what the proxy says about it (CAL-12).
    Unreachable(Box<str>),
    /// The response broke off after its headers, or the timeout passed then, or it is larger than the proxy's buffer (CAL-13, CAL-27).
    /// Hosts other than Envoy tell every failure so.
    Reset,
    /// The response came, but the host did not let it be read.
    Unreadable(Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { cluster, error } => {
                let why = match error.status {
                    Status::BadArgument if error.hostcall == "proxy_http_call" => {
                        ": the proxy has no cluster of this name, or the method or the path is empty"
                    }
                    Status::InternalFailure => ": it has no host",
                    _ => "",
                };
                write!(f, "HTTP call to cluster \"{cluster}\": {error}{why}")
            }
            Self::Timeout => f.write_str("HTTP call: its timeout passed"),
            Self::Unreachable(why) => write!(f, "HTTP call: no server answered: {why}"),
            Self::Reset => f.write_str("HTTP call: reset before the whole response came"),
            Self::Unreadable(error) => write!(f, "HTTP call: its response cannot be read: {error}"),
        }
    }
}

impl core::error::Error for CallError {}
