//! The phases of a body, and what of the message is here beside the chunk.

use super::HttpStream;
use super::http::{RequestTrailers, ResponseTrailers};
use crate::holds::Holds;
use crate::{Body, Context, Error, Headers, LocalReply, sys::Sys};
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::Deref;
use proxy_filter_abi::{BufferType, MapType, StreamType};

phase! {
    /// The request while a chunk of its body is here.
    RequestBody: HttpStream {
        /// How many bytes are here: the chunk, or all that is kept.
        size: u32,
        /// Whether the request ends here; where trailers follow no chunk says so (SEQ-7).
        end_of_stream: bool,
    }
}

impl RequestBody<'_> {
    /// The bytes that are here.
    pub fn body(&self) -> Body<'_> {
        Body::new(self, BufferType::HttpRequestBody)
    }
}

phase! {
    /// The response while a chunk of its body is here.
    ResponseBody: HttpStream {
        /// How many bytes are here: the chunk, or all that is kept.
        size: u32,
        /// Whether the response ends here; where trailers follow no chunk says so.
        end_of_stream: bool,
    }
}

impl ResponseBody<'_> {
    /// The bytes that are here.
    pub fn body(&self) -> Body<'_> {
        Body::new(self, BufferType::HttpResponseBody)
    }
}

/// What both directions have; the headers that are held for a response can still be answered, so they have a type of their own.
macro_rules! beside {
    ($body:ident, $trailers:ident: $stream:ident, $trailers_map:ident, $buffer:ident) => {
        impl $body<'_> {
            /// The bytes that came with this callback: all that are here but those that earlier callbacks kept by
            /// [`DataAction::Buffer`](crate::DataAction::Buffer) or a hold (ACT-9). Ask before you change the body, and in each
            /// callback: what is here is counted from the first time on.
            ///
            /// # Errors
            /// As [`Body::bytes`].
            pub fn chunk(&self) -> Result<Vec<u8>, Error> {
                let seen = Holds::seen(&self.sys, self.id(), StreamType::$stream, |sys| {
                    sys.proxy_get_buffer_status(BufferType::$buffer).map_or(0, |(length, _flags)| length)
                });
                self.host()?.proxy_get_buffer_bytes(BufferType::$buffer, seen, u32::MAX)
            }

            /// The trailers that the message is to end with: only at its end, where they can be added (an edit makes them: Envoy has
            /// none to be read). A message that came with trailers has them in their own callback.
            ///
            /// Not after earlier chunks were kept, by [`DataAction::Buffer`](crate::DataAction::Buffer) or
            /// [`BodyPolicy::Collect`](crate::BodyPolicy::Collect): Envoy then writes the end twice toward HTTP/1 (HDR-26).
            pub fn trailers(&self) -> Option<Headers<'_>> {
                self.end_of_stream.then(|| Headers::new(self, MapType::$trailers_map))
            }
        }

        impl $trailers<'_> {
            /// The body, as far as it is held back until now and goes on with the trailers (ACT-15); `None` where all of it has gone.
            ///
            /// ```
            /// use proxy_filter::prelude::*;
            /// /// Keeps a chunk that may end within a word, so that trailers find it still here.
            /// struct Masked;
            /// # fn mask(_: &Body<'_>) -> Result<(), Error> { Ok(()) }
            /// impl HttpContext for Masked {
            ///     fn request_body_policy(&self) -> BodyPolicy {
            ///         BodyPolicy::Rewrite
            ///     }
            ///     fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
            ///         if !http.end_of_stream() && !http.body().bytes()?.ends_with(b"\n") {
            ///             return Ok(DataAction::Buffer);
            ///         }
            ///         mask(&http.body())?;
            ///         Ok(DataAction::Continue)
            ///     }
            ///     fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
            ///         if let Some(body) = http.held_body() {
            ///             mask(&body)?;
            ///         }
            ///         Ok(TrailersAction::Continue)
            ///     }
            /// }
            /// ```
            pub fn held_body(&self) -> Option<Body<'_>> {
                let body = Body::new(self, BufferType::$buffer);
                let is_empty = body.is_empty().unwrap_or(true);
                (!is_empty).then_some(body)
            }
        }
    };
}

beside! { RequestBody, RequestTrailers: HttpRequest, HttpRequestTrailers, HttpRequestBody }
beside! { ResponseBody, ResponseTrailers: HttpResponse, HttpResponseTrailers, HttpResponseBody }

/// The host gives the size of a map where it can still be changed, and nowhere else (HDR-3).
fn is_held(context: &Context, map: MapType) -> bool {
    context.host().is_ok_and(|host| host.proxy_get_header_map_size(map).is_ok())
}

macro_rules! held_request {
    ($($handle:ident),*) => {
        $(impl $handle<'_> {
            /// The request's headers, where they still wait for the body: the headers callback answered
            /// [`HeadersAction::StopIteration`](crate::HeadersAction::StopIteration), or holds them, and the plugin is configured for it
            /// (ACT-5).
            pub fn held_headers(&self) -> Option<Headers<'_>> {
                is_held(self, MapType::HttpRequestHeaders).then(|| Headers::new(self, MapType::HttpRequestHeaders))
            }
        })*
    };
}

held_request! { RequestBody, RequestTrailers }

/// The headers of a response that still wait for its body (ACT-7): they can be changed, and another answer can take the response's
/// place.
#[derive(Debug)]
pub struct HeldHeaders<'a> {
    stream: &'a HttpStream,
    headers: Headers<'a>,
}

impl<'a> Deref for HeldHeaders<'a> {
    type Target = Headers<'a>;
    fn deref(&self) -> &Headers<'a> {
        &self.headers
    }
}

impl HeldHeaders<'_> {
    /// Answers in the response's place (LOC-5): after this callback has returned, whose action then means nothing (LOC-1).
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn reply(self, reply: &LocalReply) -> Result<(), Error> {
        let (sys, id) = (&self.stream.sys, self.stream.id());
        // From here on a second answer is noticed, whether or not anything is held by a `Held`.
        let _ = Holds::holding(sys, id, StreamType::HttpResponse);
        if !sys.has_answered(id) {
            reply.send_to(&*self.stream.host()?)?;
            sys.over(id);
        }
        Ok(())
    }
}

macro_rules! held_response {
    ($($handle:ident),*) => {
        $(impl $handle<'_> {
            /// The response's headers, where they still wait for the body: the headers callback answered
            /// [`HeadersAction::StopIteration`](crate::HeadersAction::StopIteration), or holds them, and the plugin is configured for it
            /// (ACT-7).
            ///
            /// ```
            /// use proxy_filter::prelude::*;
            /// struct NoSecrets;
            /// impl HttpContext for NoSecrets {
            ///     fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
            ///         Ok(HeadersAction::StopIteration)
            ///     }
            ///     fn response_body_policy(&self) -> BodyPolicy {
            ///         BodyPolicy::Collect { limit: 1 << 20 }
            ///     }
            ///     fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
            ///         if http.body().bytes()?.starts_with(b"-----BEGIN PRIVATE KEY") {
            ///             match http.held_headers() {
            ///                 Some(headers) => headers.reply(&LocalReply::new(502))?,
            ///                 None => http.body().replace("")?,
            ///             }
            ///         }
            ///         Ok(DataAction::Continue)
            ///     }
            /// }
            /// ```
            pub fn held_headers(&self) -> Option<HeldHeaders<'_>> {
                let headers = || HeldHeaders { stream: self, headers: Headers::new(self, MapType::HttpResponseHeaders) };
                is_held(self, MapType::HttpResponseHeaders).then(headers)
            }
        })*
    };
}

held_response! { ResponseBody, ResponseTrailers }
