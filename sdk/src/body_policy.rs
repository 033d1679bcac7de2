use crate::holds::Holds;
use crate::{Context, Error, Headers, LocalReply, Result, Status, sys::Sys};
use proxy_filter_abi::{MapType, StreamType};

/// How the body of a message is to come: asked once, right after its headers callback.
///
/// ```
/// use proxy_filter::prelude::*;
/// /// Refuses requests whose body is not what it says.
/// struct Checked;
/// impl HttpContext for Checked {
///     fn request_body_policy(&self) -> BodyPolicy {
///         BodyPolicy::Collect { limit: 64 * 1024 }
///     }
///     // Called once, with all of the body, however it came.
///     fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
///         if http.body().bytes()?.starts_with(b"{") {
///             return Ok(DataAction::Continue);
///         }
///         LocalReply::new(400).body("not JSON").send()
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyPolicy {
    /// Chunk by chunk, as the proxy gets them, with the `content-length` that the message has.
    Stream,
    /// Chunk by chunk, and its length may change: `content-length` is removed while the headers are here, since Envoy does not
    /// adjust it (HDR-25).
    Rewrite,
    /// All of it at once: the body callback is called a single time, when the body is complete, with `end_of_stream`; also when
    /// trailers follow it (SEQ-7), and whether or not the proxy ends it with an empty callback (SEQ-4, SEQ-5). `content-length` is
    /// removed as for [`Rewrite`](Self::Rewrite).
    ///
    /// A message without a body, which ends with its headers, has no body callback. A body of more than `limit` bytes is answered
    /// by [`request_body_over_limit`](crate::HttpContext::request_body_over_limit) or
    /// [`response_body_over_limit`](crate::HttpContext::response_body_over_limit), in the headers phase already where
    /// `content-length` says so. The proxy's own buffer limit, 1 MiB in Envoy unless configured, comes first when it is lower
    /// (ACT-17, ACT-18).
    ///
    /// The headers have gone on by the time the body is complete, unless the headers callback answered
    /// [`HeadersAction::StopIteration`](crate::HeadersAction::StopIteration) to a plugin that is configured for it (ACT-5): then
    /// they wait for the body, and `held_headers()` of the body's handle has them. A request can be answered in both cases: when it
    /// has begun to go to the upstream, Envoy resets it there (LOC-2).
    Collect {
        /// The most bytes that are taken in.
        limit: usize,
    },
}

/// What becomes of a chunk.
pub(crate) enum Step {
    /// It is for the author's callback.
    Deliver,
    /// It is kept until the body is complete.
    Wait,
    /// With it the body is larger than the author takes.
    OverLimit,
}

/// Does what the policy says about a message whose headers are here.
#[inline]
pub(crate) fn apply(
    sys: &Sys,
    id: u32,
    message: StreamType,
    policy: BodyPolicy,
    over_limit: impl FnOnce() -> LocalReply,
) -> Result<()> {
    let limit = match policy {
        BodyPolicy::Stream => return Ok(()),
        BodyPolicy::Rewrite => None,
        BodyPolicy::Collect { limit } => Some(limit),
    };
    let context = Context::new(sys, id);
    let headers = Headers::new(
        &context,
        if message == StreamType::HttpRequest { MapType::HttpRequestHeaders } else { MapType::HttpResponseHeaders },
    );
    if let Some(limit) = limit {
        let length = headers.get("content-length")?;
        if length.is_some_and(|length| is_more(&length, limit)) {
            return over_limit().send();
        }
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        if !Holds::collect(sys, id, message, limit) {
            // Where it cannot be noted, nothing would be collected, and the body would pass unseen.
            return Err(Error { hostcall: "proxy_on_context_create", status: Status::InternalFailure }.into());
        }
    }
    Ok(headers.remove("content-length")?)
}

/// Whether a decimal number is more than `limit`; what is no number is not, and the proxy judges it.
fn is_more(number: &[u8], limit: usize) -> bool {
    let mut value = 0_usize;
    for byte in number {
        match byte {
            b'0'..=b'9' => value = value.saturating_mul(10).saturating_add(usize::from(byte - b'0')),
            _ => return false,
        }
    }
    value > limit
}

#[cfg(test)]
mod tests {
    use super::is_more;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn lengths_are_compared_as_numbers() {
        assert!(is_more(b"11", 10) && is_more(b"99999999999999999999999999", usize::MAX - 1));
        assert!(!is_more(b"10", 10) && !is_more(b"", 0) && !is_more(b"+11", 10) && !is_more(b"1 1", 1) && !is_more(b"0011", 11));
    }
}
