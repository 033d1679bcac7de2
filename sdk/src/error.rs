use crate::runtime::{Decimal, concat};
use crate::{LocalReply, Status, sys::Sys};
use alloc::{boxed::Box, string::String, string::ToString};
use core::any::Any;
use core::fmt;

/// What a callback answers when it can end in a local reply, a reset or a failure.
pub type Result<T, E = Interrupt> = core::result::Result<T, E>;

/// A hostcall failed.
///
/// ```
/// use proxy_filter::{Error, Status};
/// let error = Error { hostcall: "proxy_get_property", status: Status::BadArgument };
/// assert_eq!(error.to_string(), "proxy_get_property failed: BAD_ARGUMENT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The hostcall, by its name in the ABI.
    pub hostcall: &'static str,
    /// What the host answered.
    pub status: Status,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.hostcall, self.status)
    }
}

impl core::error::Error for Error {}

/// Why a callback could not do its work: a hostcall's [`Error`], or any other error that `?` met.
///
/// It is logged with the plugin, the context, the callback and the cause, and answered by the root's
/// [`FailurePolicy`](crate::FailurePolicy). It does not implement `core::error::Error` itself, so that `?` converts
/// every type that does.
// In a box, so that a callback's answer stays small: what it costs is paid by those that fail.
pub struct Failure(Box<Cause>);

enum Cause {
    Hostcall(Error),
    Other(Box<dyn Text>),
}

/// Only errors that are really converted link their formatting.
trait Text {
    fn text(&self) -> String;
}

impl<E: core::error::Error> Text for E {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Failure {
    /// The hostcall's error, if that is the cause.
    pub fn host_error(&self) -> Option<Error> {
        match *self.0 {
            Cause::Hostcall(error) => Some(error),
            Cause::Other(_) => None,
        }
    }

    /// Hands over what went wrong, as parts of a line; without `core::fmt` where a hostcall is the cause.
    pub(crate) fn tell<R>(&self, f: impl FnOnce([&[u8]; 3]) -> R) -> R {
        match &*self.0 {
            Cause::Hostcall(Error { hostcall, status }) => match status.name() {
                Some(name) => f([hostcall.as_bytes(), b" failed: ", name.as_bytes()]),
                None => f([hostcall.as_bytes(), b" failed: status ", Decimal::new(status.to_wire()).as_bytes()]),
            },
            Cause::Other(error) => f([error.text().as_bytes(), b"", b""]),
        }
    }

    #[cold]
    #[inline(never)]
    fn of_hostcall(hostcall: &'static str, status: Status) -> Self {
        Self(Box::new(Cause::Hostcall(Error { hostcall, status })))
    }

    /// What went wrong, in a line.
    pub(crate) fn text(&self) -> String {
        self.tell(|parts| String::from_utf8_lossy(&concat(&parts)).into_owned())
    }
}

impl<E: core::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        // Known at compile time for each `E`, so an SDK error is neither boxed nor formatted.
        match (&error as &dyn Any).downcast_ref::<Error>() {
            Some(Error { hostcall, status }) => Self::of_hostcall(hostcall, *status),
            None => Self(Box::new(Cause::Other(Box::new(error)))),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// How a callback ends other than by an action: a local reply, a reset of the stream, or a [`Failure`].
///
/// `?` makes one from a [`LocalReply`] and from every error. Callbacks in which no reply is possible answer
/// `Result<_, Failure>` instead, into which a reply does not convert.
pub struct Interrupt(pub(crate) Kind);

pub(crate) enum Kind {
    Reply(Box<LocalReply>),
    /// The function that resets, so that a filter which never does imports nothing for it.
    Reset(fn(&Sys) -> Result<(), Error>),
    Failure(Failure),
}

impl Interrupt {
    /// Resets the stream: the client sees its connection or stream closed without an answer.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// struct Drop429;
    /// impl HttpContext for Drop429 {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         match http.headers().get("x-abuse")? {
    ///             Some(_) => Err(Interrupt::reset()),
    ///             None => Ok(HeadersAction::Continue),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn reset() -> Self {
        Self(Kind::Reset(|sys| sys.proxy_close_stream(crate::abi::StreamType::HttpRequest)))
    }
}

impl<E: core::error::Error + 'static> From<E> for Interrupt {
    fn from(error: E) -> Self {
        Self(Kind::Failure(Failure::from(error)))
    }
}

impl From<Failure> for Interrupt {
    fn from(failure: Failure) -> Self {
        Self(Kind::Failure(failure))
    }
}

impl From<LocalReply> for Interrupt {
    fn from(reply: LocalReply) -> Self {
        Self(Kind::Reply(Box::new(reply)))
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Reply(reply) => f.debug_tuple("Reply").field(reply).finish(),
            Kind::Reset(_) => f.write_str("Reset"),
            Kind::Failure(failure) => f.debug_tuple("Failure").field(failure).finish(),
        }
    }
}

/// Turns what is missing or wrong into a local reply.
///
/// ```
/// use proxy_filter::prelude::*;
/// fn token(http: &RequestHeaders<'_>) -> Result<Vec<u8>> {
///     let value = http.headers().get("authorization")?.or_reply(|| LocalReply::new(401))?;
///     Ok(value.to_vec())
/// }
/// ```
pub trait OrReply<T> {
    /// The value, or the reply as an `Err` to return with `?`.
    ///
    /// # Errors
    /// An [`Interrupt`] that carries the reply, when there is no value.
    fn or_reply(self, reply: impl FnOnce() -> LocalReply) -> Result<T>;
}

impl<T> OrReply<T> for Option<T> {
    fn or_reply(self, reply: impl FnOnce() -> LocalReply) -> Result<T> {
        self.ok_or_else(|| reply().into())
    }
}

impl<T, E> OrReply<T> for core::result::Result<T, E> {
    fn or_reply(self, reply: impl FnOnce() -> LocalReply) -> Result<T> {
        self.map_err(|_| reply().into())
    }
}
