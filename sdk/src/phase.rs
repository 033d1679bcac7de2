//! The phases in which a message can be held, as types.

use crate::task::Stop;
use crate::{Context, Failure, Held, HttpStream, Interrupt, StreamInterrupt, Tcp, sys::Sys};
use core::fmt::Debug;
use core::ops::Deref;
use proxy_filter_abi::StreamType;

/// A phase in which a message can be held: the parameter of [`Held`] and [`Paused`](crate::Paused).
///
/// It is sealed: the types of the module [`phase`](crate::phase) are all there are.
pub trait Phase: sealed::Sealed + 'static {
    /// The half of the stream that is held, by which the proxy lets it go on.
    const STREAM: StreamType;
    /// What can be asked about the stream in all of its phases.
    type Stream: Deref<Target = Context> + Debug;
    /// What a task that decides what is held can end in: that of the phase's callback.
    type Stop: 'static;
    #[doc(hidden)]
    fn stream(sys: &Sys, id: u32) -> Self::Stream;
    #[doc(hidden)]
    fn conclude(held: Held<Self>, result: Result<(), Self::Stop>)
    where
        Self: Sized;
}

/// A phase in which the client can still be answered: nothing of a response has left by it.
#[diagnostic::on_unimplemented(
    message = "what is held in the phase `{Self}` cannot be answered, or not any more",
    note = "`reply` exists for held requests and for held response headers; what has left cannot be answered, a TCP connection has `close`"
)]
pub trait Answerable: Phase {}

/// A phase of a TCP connection, which can be closed while it is held.
#[diagnostic::on_unimplemented(
    message = "what is held in the phase `{Self}` is no TCP connection that could be closed",
    note = "`close` exists for held TCP connections: a held request is answered, by `reply`"
)]
pub trait Closable: Phase {}

pub(crate) mod sealed {
    pub trait Sealed {}
}

macro_rules! phases {
    ($($(#[doc = $doc:literal])* $name:ident on $message:ident of $stream:ident or $stop:ident $(: $marker:ident)?;)*) => {
        $($(#[doc = $doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Phase for $name {
            const STREAM: StreamType = StreamType::$message;
            type Stream = $stream;
            type Stop = $stop;
            fn stream(sys: &Sys, id: u32) -> $stream {
                $stream::new(sys, id)
            }
            fn conclude(held: Held<Self>, result: Result<(), $stop>) {
                held.conclude(result.map_err(Stop::stopped));
            }
        }
        $(impl $marker for $name {})?)*
    };
}

phases! {
    /// A request is held before its headers go on.
    RequestHeaders on HttpRequest of HttpStream or Interrupt: Answerable;
    /// A request is held with a part of its body.
    RequestBody on HttpRequest of HttpStream or Interrupt: Answerable;
    /// A request is held before its trailers go on.
    RequestTrailers on HttpRequest of HttpStream or Interrupt: Answerable;
    /// A response is held before its headers go on.
    ResponseHeaders on HttpResponse of HttpStream or Interrupt: Answerable;
    /// A response is held with a part of its body.
    ResponseBody on HttpResponse of HttpStream or Failure;
    /// A response is held before its trailers go on.
    ResponseTrailers on HttpResponse of HttpStream or Failure;
    /// A client waits before the proxy connects to the upstream.
    NewConnection on Downstream of Tcp or StreamInterrupt: Closable;
    /// A client's bytes are held.
    DownstreamData on Downstream of Tcp or StreamInterrupt: Closable;
}
