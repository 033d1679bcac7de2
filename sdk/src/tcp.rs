//! What an author of a TCP filter implements, and what its callbacks answer.

use crate::action::Action;
use crate::{
    DownstreamClose, DownstreamData, Failure, NewConnection, Pause, RootContext, StreamLog, Tcp, UpstreamClose, UpstreamData,
};
use alloc::{boxed::Box, rc::Rc};
use core::fmt;

/// A root whose streams are TCP connections; registered as `tcp`. In Envoy it is a network filter.
///
/// An allow-list by what a client says first, kept until it is known:
///
/// ```
/// use proxy_filter::prelude::*;
///
/// struct Allow {
///     greeting: String,
/// }
///
/// impl RootContext for Allow {
///     type Config = String;
///     fn new(greeting: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
///         Ok(Self { greeting })
///     }
/// }
///
/// impl TcpPlugin for Allow {
///     type Stream = AllowStream;
///     fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> AllowStream {
///         AllowStream { root: Rc::clone(self), allowed: false }
///     }
/// }
///
/// struct AllowStream {
///     root: Rc<Allow>,
///     allowed: bool,
/// }
///
/// impl StreamContext for AllowStream {
///     fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
///         if self.allowed {
///             return Ok(StreamAction::Continue);
///         }
///         let (said, greeting) = (tcp.data().bytes()?, self.root.greeting.as_bytes());
///         self.allowed = said.starts_with(greeting);
///         match self.allowed {
///             true => Ok(StreamAction::Continue),
///             false if greeting.starts_with(&said) => Ok(StreamAction::Buffer),
///             false => Err(StreamInterrupt::close()),
///         }
///     }
/// }
///
/// proxy_filter::register! { "allow" => tcp Allow }
/// # fn main() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is registered as `tcp` but creates no stream contexts",
    note = "implement `TcpPlugin` for it, or register it as `root` if it handles no streams"
)]
pub trait TcpPlugin: RootContext {
    /// The context of one connection: a type of yours, or `Box<dyn StreamContext>` where there are several.
    type Stream: StreamContext;

    /// Makes the context of a connection, right before [`StreamContext::on_new_connection`].
    fn create_stream_context(self: &Rc<Self>, stream: &Tcp) -> Self::Stream;
}

macro_rules! stream_context {
    ($($(#[doc = $doc:literal])* fn $name:ident($handle:ident) -> $result:ty = $default:expr;)*) => {
        /// One TCP connection of a client, and the connection to the upstream that the proxy makes for it.
        ///
        /// Each callback is optional. Dropping the context is the end of the stream.
        ///
        /// # Errors
        /// What a callback returns as `Err` closes the connection ([`StreamInterrupt::close`]), or is a failure, which is logged and
        /// answered by [`RootContext::FAILURE_POLICY`]: there is nothing to reply with, so
        /// [`FailurePolicy::Reply`](crate::FailurePolicy::Reply) closes the connection too.
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is made for each connection but is no stream context",
            note = "implement `StreamContext` for it; every method has a default"
        )]
        pub trait StreamContext: 'static {
            $($(#[doc = $doc])*
            #[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
            fn $name(&mut self, tcp: $handle<'_>) -> $result {
                let _ = tcp;
                $default
            })*
        }

        #[diagnostic::do_not_recommend]
        impl<T: StreamContext + ?Sized> StreamContext for Box<T> {
            $(fn $name(&mut self, tcp: $handle<'_>) -> $result {
                (**self).$name(tcp)
            })*
        }
    };
}

stream_context! {
    /// A client has connected. The proxy has not connected to the upstream yet, and reads nothing from the client until it has.
    fn on_new_connection(NewConnection) -> Result<ConnectionAction, StreamInterrupt> = Ok(ConnectionAction::Continue);
    /// Bytes came from the client, or its end: it sends nothing more, and may go on reading (TCP-7).
    fn on_downstream_data(DownstreamData) -> Result<StreamAction, StreamInterrupt> = Ok(StreamAction::Continue);
    /// Bytes came from the upstream, or its end.
    fn on_upstream_data(UpstreamData) -> Result<StreamAction, StreamInterrupt> = Ok(StreamAction::Continue);
    /// The upstream has ended its half, right after [`on_upstream_data`](Self::on_upstream_data) said so. Envoy does not call it where
    /// the upstream resets, or where the client's connection is closed first (TCP-8). A failure is only logged.
    fn on_upstream_close(UpstreamClose) -> Result<(), Failure> = Ok(());
    /// The client's connection is closed, by whichever side: [`DownstreamClose::peer_type`]. A failure is only logged.
    fn on_downstream_close(DownstreamClose) -> Result<(), Failure> = Ok(());
    /// The stream is over, however it ended. A failure is only logged.
    fn on_log(StreamLog) -> Result<(), Failure> = Ok(());
}

/// What to do with a client that has connected.
#[derive(Debug)]
#[must_use = "it acts when the callback returns it"]
#[non_exhaustive]
pub enum ConnectionAction {
    /// The next filter sees it, and after the last the proxy connects to the upstream.
    Continue,
    /// The client waits until its [`Held`](crate::Held) is let go: what [`NewConnection::hold`] gives (TCP-2).
    Paused(Pause),
}

impl Action for ConnectionAction {
    #[inline]
    fn to_wire(self) -> Result<u32, (Pause, u32)> {
        match self {
            Self::Continue => Ok(0),
            Self::Paused(pause) => Err((pause, 1)),
        }
    }
}

/// What to do with the bytes of a data callback.
#[derive(Debug)]
#[must_use = "it acts when the callback returns it"]
#[non_exhaustive]
pub enum StreamAction {
    /// They go on, and with them all that was kept.
    Continue,
    /// The proxy keeps them; the next callback, when more came, sees all that is kept (TCP-3). Filters before this one then see it
    /// all again (TCP-15).
    ///
    /// At the end of the stream no more can come, and what is kept then is lost when both sides have ended (TCP-16): there it is
    /// taken as [`Continue`](Self::Continue). Over the proxy's buffer limit nothing more is read, so that a filter which waits for
    /// more than that waits for ever (TCP-17).
    Buffer,
    /// As [`Buffer`](Self::Buffer), also at the end, until the [`Held`](crate::Held) is let go: what [`DownstreamData::hold`] gives.
    /// (Nothing can let go of an upstream's bytes but its next callback: TCP-5.)
    Paused(Pause),
}

impl StreamAction {
    /// Where nothing follows, nobody would release what waits for it.
    #[inline]
    pub(crate) fn at_end(self, end_of_stream: bool) -> Self {
        match self {
            Self::Buffer if end_of_stream => Self::Continue,
            other => other,
        }
    }
}

impl Action for StreamAction {
    #[inline]
    fn to_wire(self) -> Result<u32, (Pause, u32)> {
        match self {
            Self::Continue => Ok(0),
            Self::Buffer => Ok(1),
            Self::Paused(pause) => Err((pause, 1)),
        }
    }
}

/// How a TCP callback ends other than by an action: the connection is closed, or a [`Failure`].
///
/// `?` makes one from every error.
///
/// ```compile_fail
/// use proxy_filter::prelude::*;
/// fn refuse() -> Result<(), StreamInterrupt> {
///     Err(LocalReply::new(403))? // there is no HTTP here to reply with
/// }
/// ```
pub struct StreamInterrupt(pub(crate) StreamEnd);

pub(crate) enum StreamEnd {
    Close,
    Failure(Failure),
}

impl StreamInterrupt {
    /// Closes the client's connection, after what was written to it before, and with it the upstream's (TCP-5). What this callback was
    /// about is dropped.
    pub fn close() -> Self {
        Self(StreamEnd::Close)
    }
}

impl<E: core::error::Error + 'static> From<E> for StreamInterrupt {
    fn from(error: E) -> Self {
        Self(StreamEnd::Failure(Failure::from(error)))
    }
}

impl From<Failure> for StreamInterrupt {
    fn from(failure: Failure) -> Self {
        Self(StreamEnd::Failure(failure))
    }
}

impl fmt::Debug for StreamInterrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            StreamEnd::Close => f.write_str("Close"),
            StreamEnd::Failure(failure) => f.debug_tuple("Failure").field(failure).finish(),
        }
    }
}
