use super::{CallError, Open};
use crate::{Error, HeaderMap, sys::Sys};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use proxy_filter_abi::{BufferType, MapType};

/// The response to an [`HttpCall`](crate::HttpCall): a copy, made when it came, so that it can be read whenever its turn is.
#[derive(Clone, PartialEq, Eq)]
// In a box: it is handed from the callback through what waits for it.
pub struct CallReply(Box<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
}

impl CallReply {
    /// The status; 0 where a host gives none.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The headers, with `:status`.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body; empty after [`discard_body`](crate::HttpCall::discard_body).
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The body, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.0.body
    }

    /// The trailers.
    pub fn trailers(&self) -> &HeaderMap {
        &self.0.trailers
    }
}

impl fmt::Debug for CallReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallReply")
            .field("headers", &self.0.headers)
            .field("body", &String::from_utf8_lossy(&self.0.body))
            .field("trailers", &self.0.trailers)
            .finish_non_exhaustive()
    }
}

/// Takes over what is here of the response: so many headers, bytes and trailers.
pub(super) fn read(sys: &Sys, [headers, body, trailers]: [u32; 3], open: &Open) -> Result<CallReply, CallError> {
    if headers == 0 {
        return Err(CallError::Reset);
    }
    let headers = map(sys, headers, MapType::HttpCallResponseHeaders).map_err(CallError::Unreadable)?;
    // The only pseudo-header of a response, and its first.
    let status = headers.iter().find(|(name, _)| name.first() == Some(&b':')).map_or(0, |(_, value)| number(value));
    let of_proxy = by_proxy(&headers, status);
    let mut bytes = Vec::new();
    if body > 0 && (open.wants_body || of_proxy) {
        bytes = sys.proxy_get_buffer_bytes(BufferType::HttpCallResponseBody, 0, body).map_err(CallError::Unreadable)?;
    }
    if of_proxy {
        if open.has_timeout && status == 504 && bytes == TIMED_OUT {
            return Err(CallError::Timeout);
        }
        if status == 503 && UNREACHABLE.iter().any(|text| bytes.starts_with(text)) {
            return Err(CallError::Unreachable(String::from_utf8_lossy(&bytes).into()));
        }
        if !open.wants_body {
            bytes = Vec::new();
        }
    }
    let trailers = map(sys, trailers, MapType::HttpCallResponseTrailers).map_err(CallError::Unreadable)?;
    Ok(CallReply(Box::new(Parts { status, headers, body: bytes, trailers })))
}

/// What Envoy writes into the response that it makes when a call's timeout passes (CAL-11), and when the server is not reached or
/// is gone before its headers came, or the request cannot be written (CAL-12, HDR-18).
const TIMED_OUT: &[u8] = b"upstream request timeout";
const UNREACHABLE: [&[u8]; 4] = [
    b"upstream connect error or disconnect/reset before headers",
    b"no healthy upstream",
    b"invalid header name: ",
    b"invalid header value for: ",
];

/// Whether the proxy may have made this response itself: it has the three headers that Envoy's have, and no other.
fn by_proxy(headers: &HeaderMap, status: u16) -> bool {
    matches!(status, 503 | 504)
        && headers.len() == 3
        && headers.get("content-type") == Some(b"text/plain")
        && headers.get("content-length").is_some()
}

fn map(sys: &Sys, len: u32, map: MapType) -> Result<HeaderMap, Error> {
    match len {
        0 => Ok(HeaderMap::readable(Vec::new())),
        _ => sys.proxy_get_header_map_pairs(map).map(HeaderMap::readable),
    }
}

fn number(digits: &[u8]) -> u16 {
    let next = |number: u16, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u16::from(digit - b'0')),
        _ => None,
    };
    digits.iter().try_fold(0, next).unwrap_or(0)
}
