use crate::pairs_buffer::is_header_name;
use crate::sys::{Sys, zeroed};
use crate::{Error, Result};
use alloc::vec::Vec;
use proxy_filter_abi::pairs;

/// An answer that the filter gives in the upstream's place.
///
/// It is a *result* of a callback, not a call: return it as an `Err`, by `?` or [`send`](Self::send). So it cannot be sent
/// twice, or when the stream is already being logged, which crash Envoy (LOC-17, LOC-20), or to a root, which hangs it (LOC-15).
///
/// The reply passes the response callbacks of this filter and of those before it, which may still change it (LOC-2); with a
/// body it gets `content-length`, and `content-type: text/plain` unless given (LOC-8). When the request is gRPC the body
/// becomes `grpc-message` (LOC-12).
///
/// ```
/// use proxy_filter::prelude::*;
/// struct Teapot;
/// impl HttpContext for Teapot {
///     fn on_request_headers(&mut self, _http: RequestHeaders<'_>) -> Result<HeadersAction> {
///         LocalReply::new(418).header("x-kind", "teapot").body("short and stout").details("brewing").send()
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a reply is sent when the callback returns it as an `Err`"]
pub struct LocalReply {
    status: u16,
    details: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    grpc_status: Option<u32>,
}

/// Out of the range of gRPC codes: the proxy derives one from the HTTP status.
const NO_GRPC_STATUS: u32 = u32::MAX;

impl LocalReply {
    /// A reply with this HTTP status and nothing else. Envoy checks no status: 0 and 42 are sent as they are (LOC-11).
    pub const fn new(status: u16) -> Self {
        Self { status, details: Vec::new(), headers: Vec::new(), body: Vec::new(), grpc_status: None }
    }

    /// Why, for the proxy's own access log (Envoy: `response.code_details`, white space becomes `_`; LOC-10).
    pub fn details(mut self, details: impl AsRef<[u8]>) -> Self {
        self.details = details.as_ref().to_vec();
        self
    }

    /// Adds a header; names are lower-cased by the proxy, duplicates kept. `:status` and `content-length` are overwritten (LOC-9).
    ///
    /// Envoy writes values to the client as they are, so that a line break in one would begin a header of its own (HDR-20): each CR, LF
    /// and NUL becomes a space, as RFC 9110 (5.5) has it. A header whose name is none (RFC 9110, 5.6.2) is left out.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'\0');
        let name = name.as_ref();
        if is_header_name(name.strip_prefix(b":").unwrap_or(name)) {
            let value = value.as_ref().iter().map(|byte| if breaks(byte) { b' ' } else { *byte });
            self.headers.push((name.to_vec(), value.collect()));
        }
        self
    }

    /// The body. In the answer to a gRPC request it becomes `grpc-message` (LOC-12).
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The gRPC status (0 to 16) for requests that are gRPC; otherwise, or beyond 16, derived from the HTTP status (LOC-12).
    pub const fn grpc_status(mut self, code: u32) -> Self {
        self.grpc_status = Some(code);
        self
    }

    /// The reply as the `Err` that a callback returns.
    ///
    /// # Errors
    /// Always: an [`Interrupt`](crate::Interrupt) that carries the reply.
    pub fn send<T>(self) -> Result<T> {
        Err(self.into())
    }

    pub(crate) fn send_to(&self, sys: &Sys) -> Result<(), Error> {
        let pairs = self.headers.iter().map(|(name, value)| (name, value));
        let mut headers = zeroed(pairs::encoded_len(pairs.clone()));
        pairs::encode_into(pairs, &mut headers);
        let grpc_status = self.grpc_status.unwrap_or(NO_GRPC_STATUS);
        sys.proxy_send_local_response(u32::from(self.status), &self.details, &self.body, &headers, grpc_status)
    }
}
