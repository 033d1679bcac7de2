//! The phases in which a message can be held, as types.

use crate::{Context, HttpStream, sys::Sys};
use core::fmt::Debug;
use core::ops::Deref;
use proxy_filter_abi::StreamType;

/// A phase in which a message can be held: the parameter of [`Held`](crate::Held) and [`Paused`](crate::Paused).
///
/// It is sealed: the types of the module [`phase`](crate::phase) are all there are.
pub trait Phase: sealed::Sealed + 'static {
    /// The half of the stream that is held, by which the proxy lets it go on.
    const STREAM: StreamType;
    /// What can be asked about the stream in all of its phases.
    type Stream: Deref<Target = Context> + Debug;
    #[doc(hidden)]
    fn stream(sys: &Sys, id: u32) -> Self::Stream;
}

/// A phase in which the client can still be answered: nothing of a response has left by it.
#[diagnostic::on_unimplemented(
    message = "what is held in the phase `{Self}` cannot be answered any more",
    note = "response headers have left by then: `reply` exists for held requests and for held response headers"
)]
pub trait Answerable: Phase {}

pub(crate) mod sealed {
    pub trait Sealed {}
}

macro_rules! phases {
    ($($(#[doc = $doc:literal])* $name:ident on $stream:ident $(: $answerable:ident)?;)*) => {
        $($(#[doc = $doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Phase for $name {
            const STREAM: StreamType = StreamType::$stream;
            type Stream = HttpStream;
            fn stream(sys: &Sys, id: u32) -> HttpStream {
                HttpStream::new(sys, id)
            }
        }
        $(impl $answerable for $name {})?)*
    };
}

phases! {
    /// A request is held before its headers go on.
    RequestHeaders on HttpRequest: Answerable;
    /// A request is held with a part of its body.
    RequestBody on HttpRequest: Answerable;
    /// A request is held before its trailers go on.
    RequestTrailers on HttpRequest: Answerable;
    /// A response is held before its headers go on.
    ResponseHeaders on HttpResponse: Answerable;
    /// A response is held with a part of its body.
    ResponseBody on HttpResponse;
    /// A response is held before its trailers go on.
    ResponseTrailers on HttpResponse;
}
