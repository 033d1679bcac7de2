use super::{Context, RequestBody, ResponseBody};
use crate::phase;
use crate::{Body, DataAction, Headers, HeadersAction, Held, Paused, ReadOnly, TrailersAction, sys::Sys};
use core::marker::PhantomData;
use core::ops::Deref;
use proxy_filter_abi::{BufferType, MapType};

/// What can be asked about an HTTP stream in every one of its callbacks.
#[derive(Debug)]
pub struct HttpStream {
    context: Context,
}

impl HttpStream {
    pub(crate) fn new(sys: &Sys, id: u32) -> Self {
        Self { context: Context::new(sys, id) }
    }
}

impl Deref for HttpStream {
    type Target = Context;
    fn deref(&self) -> &Context {
        &self.context
    }
}

phase! {
    /// The request while its headers are here.
    RequestHeaders: HttpStream {
        /// Whether the request ends with its headers: no body and no trailers follow.
        end_of_stream: bool,
    }
}

impl RequestHeaders<'_> {
    /// The request's headers.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(self, MapType::HttpRequestHeaders)
    }
}

phase! {
    /// The request while its trailers are here.
    RequestTrailers: HttpStream {}
}

impl RequestTrailers<'_> {
    /// The request's trailers.
    pub fn trailers(&self) -> Headers<'_> {
        Headers::new(self, MapType::HttpRequestTrailers)
    }
}

phase! {
    /// The response while its headers are here.
    ResponseHeaders: HttpStream {
        /// Whether the response ends with its headers: no body and no trailers follow.
        end_of_stream: bool,
    }
}

impl ResponseHeaders<'_> {
    /// The response's headers.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(self, MapType::HttpResponseHeaders)
    }
}

phase! {
    /// The response while its trailers are here.
    ResponseTrailers: HttpStream {}
}

impl ResponseTrailers<'_> {
    /// The response's trailers.
    pub fn trailers(&self) -> Headers<'_> {
        Headers::new(self, MapType::HttpResponseTrailers)
    }
}

phase! {
    /// The stream when it is over: both messages as they were sent, to be read only.
    Log: HttpStream {}
}

impl Log<'_> {
    /// The request's headers, with what the proxy added to them (SEQ-13).
    pub fn request_headers(&self) -> Headers<'_, ReadOnly> {
        Headers::new(self, MapType::HttpRequestHeaders)
    }

    /// The response's headers; a stream that was never answered has none.
    pub fn response_headers(&self) -> Headers<'_, ReadOnly> {
        Headers::new(self, MapType::HttpResponseHeaders)
    }

    /// The response's trailers. (Those of the request are not kept: Envoy gives none here.)
    pub fn response_trailers(&self) -> Headers<'_, ReadOnly> {
        Headers::new(self, MapType::HttpResponseTrailers)
    }
}

phase! {
    /// What an access logger reads of a stream that is over, for the time of [`on_log`](crate::RootContext::on_log).
    ///
    /// It is the root's own context: what is asked of the proxy here (a call, a queue, a log line) is asked for the root. Nothing
    /// of the stream can be changed any more (ACL-2). Of a TCP connection there are no headers.
    AccessLog: Context {}
}

impl AccessLog<'_> {
    /// The request's headers, with what the proxy and the filters did to them.
    pub fn request_headers(&self) -> Headers<'_, ReadOnly> {
        Headers::new(self, MapType::HttpRequestHeaders)
    }

    /// The response's headers; a stream that was never answered has none.
    pub fn response_headers(&self) -> Headers<'_, ReadOnly> {
        Headers::new(self, MapType::HttpResponseHeaders)
    }

    /// The response's trailers.
    pub fn response_trailers(&self) -> Headers<'_, ReadOnly> {
        Headers::new(self, MapType::HttpResponseTrailers)
    }
}

/// Handles whose message can be held, and what is held then.
macro_rules! hold {
    ($($phase:ident -> $action:ident, $($content:ident: $view:ident($kind:expr)),+;)*) => {
        $(impl $phase<'_> {
            /// Makes the message wait: return the action, and keep the [`Held`] to let the message go or to answer it later.
            pub fn hold(self) -> (Held<phase::$phase>, $action) {
                let (held, pause) = Held::new(&self.sys, self.id());
                (held, $action::Paused(pause))
            }
        }

        impl Paused<phase::$phase> {
            $(#[doc = concat!("The ", stringify!($content), " that wait.")]
            pub fn $content(&self) -> $view<'_> {
                $view::new(self, $kind)
            })+
        })*
    };
}

hold! {
    RequestHeaders -> HeadersAction, headers: Headers(MapType::HttpRequestHeaders);
    RequestBody -> DataAction, body: Body(BufferType::HttpRequestBody);
    RequestTrailers -> TrailersAction, trailers: Headers(MapType::HttpRequestTrailers), body: Body(BufferType::HttpRequestBody);
    ResponseHeaders -> HeadersAction, headers: Headers(MapType::HttpResponseHeaders);
    ResponseBody -> DataAction, body: Body(BufferType::HttpResponseBody);
    ResponseTrailers -> TrailersAction, trailers: Headers(MapType::HttpResponseTrailers), body: Body(BufferType::HttpResponseBody);
}
