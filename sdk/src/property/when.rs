//! Where properties exist, as types; which handle sees which.

use crate::{
    AccessLog, Context, DownstreamClose, DownstreamData, HttpStream, Log, NewConnection, Paused, Plugin, RequestBody,
    RequestHeaders, RequestTrailers, ResponseBody, ResponseHeaders, ResponseTrailers, StreamLog, Tcp, UpstreamClose,
    UpstreamData, phase,
};

macro_rules! places {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {
        $($(#[doc = $doc])*
        #[derive(Debug)]
        pub enum $name {})*
    };
}

places! {
    /// In every callback, of roots and streams.
    Anywhere;
    /// In every callback of a stream, HTTP or TCP.
    InStream;
    /// In every callback of an HTTP stream.
    InHttp;
    /// As long as the request's headers are here, and in the log.
    InRequest;
    /// Once an upstream is chosen.
    WithUpstream;
    /// Once there is a response.
    InResponse;
    /// When the stream is over.
    AtEnd;
}

/// A handle: what a callback is given, and what it derefs to.
///
/// It is sealed: the handles of this crate are all there are.
pub trait Handle: sealed::Sealed {
    #[doc(hidden)]
    fn context(&self) -> &Context;
}

/// Properties that exist in the place `W` can be read by this handle.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot read this property, which exists only `{W}`",
    label = "this handle sees no property that exists `{W}`",
    note = "read it in a callback where it exists, and keep it in the stream's context: `proxy_filter::property` has the table of places and handles"
)]
pub trait Sees<W>: Handle {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! handles {
    ($($handle:ty: $($place:ident)+;)*) => {
        $(impl sealed::Sealed for $handle {}
        impl Handle for $handle {
            fn context(&self) -> &Context {
                self
            }
        }
        $(impl Sees<$place> for $handle {})+)*
    };
}

handles! {
    Context: Anywhere;
    Plugin<'_>: Anywhere;
    HttpStream: Anywhere InStream InHttp;
    RequestHeaders<'_>: Anywhere InStream InHttp InRequest;
    RequestBody<'_>: Anywhere InStream InHttp InRequest WithUpstream;
    RequestTrailers<'_>: Anywhere InStream InHttp InRequest WithUpstream;
    ResponseHeaders<'_>: Anywhere InStream InHttp WithUpstream InResponse;
    ResponseBody<'_>: Anywhere InStream InHttp WithUpstream InResponse;
    ResponseTrailers<'_>: Anywhere InStream InHttp WithUpstream InResponse;
    Log<'_>: Anywhere InStream InHttp InRequest WithUpstream InResponse AtEnd;
    AccessLog<'_>: Anywhere InStream InHttp InRequest WithUpstream InResponse AtEnd;
    Paused<phase::RequestHeaders>: Anywhere InStream InHttp InRequest;
    Paused<phase::RequestBody>: Anywhere InStream InHttp InRequest WithUpstream;
    Paused<phase::RequestTrailers>: Anywhere InStream InHttp InRequest WithUpstream;
    Paused<phase::ResponseHeaders>: Anywhere InStream InHttp WithUpstream InResponse;
    Paused<phase::ResponseBody>: Anywhere InStream InHttp WithUpstream InResponse;
    Paused<phase::ResponseTrailers>: Anywhere InStream InHttp WithUpstream InResponse;
    Tcp: Anywhere InStream;
    NewConnection<'_>: Anywhere InStream;
    DownstreamData<'_>: Anywhere InStream WithUpstream;
    UpstreamData<'_>: Anywhere InStream WithUpstream;
    UpstreamClose<'_>: Anywhere InStream WithUpstream;
    DownstreamClose<'_>: Anywhere InStream WithUpstream;
    StreamLog<'_>: Anywhere InStream WithUpstream;
    Paused<phase::NewConnection>: Anywhere InStream;
    Paused<phase::DownstreamData>: Anywhere InStream WithUpstream;
}
