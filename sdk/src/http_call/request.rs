use crate::pairs_buffer::PairsBuffer;
use crate::{Error, sys::Sys};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use core::time::Duration;

/// An HTTP request of the plugin's own, to a cluster of the proxy: made here, sent by [`Context::call`](crate::Context::call).
///
/// It owns what it is given, so it can be made in a function and returned from it.
///
/// ```
/// use proxy_filter::HttpCall;
/// use std::time::Duration;
/// let call = HttpCall::post("billing", "/charge")
///     .with_authority("billing.internal")
///     .header("content-type", "application/json")
///     .body(r#"{"units":1}"#)
///     .timeout(Duration::from_millis(250));
/// # let _ = call;
/// ```
///
/// # The timeout
///
/// A call that nobody answers would hold its stream for ever, so unless told otherwise it is given up after
/// [5 seconds](Self::DEFAULT_TIMEOUT).
#[derive(Clone)]
#[must_use = "it is sent by `call`"]
// In a box, so that its builder's methods move a pointer.
pub struct HttpCall(Box<Parts>);

#[derive(Clone)]
struct Parts {
    cluster: Vec<u8>,
    headers: PairsBuffer,
    body: Vec<u8>,
    trailers: PairsBuffer,
    timeout: u32,
    wants_body: bool,
}

impl HttpCall {
    /// How long a call waits that was given no timeout.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A request with this method and path (with its query) to a cluster of the proxy, by its name (in Istio
    /// `outbound|80||authz.default.svc.cluster.local`): no host and no URL (CAL-1).
    pub fn new(cluster: impl AsRef<[u8]>, method: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Self {
        let (cluster, mut headers) = (cluster.as_ref().to_vec(), PairsBuffer::new());
        headers.push(b":method", method.as_ref());
        headers.push(b":path", path.as_ref());
        headers.push(AUTHORITY, &cluster);
        Self(Box::new(Parts {
            cluster,
            headers,
            body: Vec::new(),
            trailers: PairsBuffer::new(),
            timeout: const { to_millis(Self::DEFAULT_TIMEOUT) },
            wants_body: true,
        }))
    }

    /// A GET.
    pub fn get(cluster: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Self {
        Self::new(cluster, "GET", path)
    }

    /// A POST.
    pub fn post(cluster: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Self {
        Self::new(cluster, "POST", path)
    }

    /// Whom the request is for (`:authority`, in HTTP/1 `host`); the cluster's name unless you say otherwise.
    pub fn with_authority(mut self, authority: impl AsRef<[u8]>) -> Self {
        self.0.headers.replace(AUTHORITY, authority.as_ref());
        self
    }

    /// Adds a header; the proxy lower-cases its name (CAL-8). `content-length` is the proxy's to set.
    ///
    /// Each control byte but the tab in a value becomes a space, as RFC 9110 (5.5) has it for line breaks, since Envoy fails the call for
    /// one (CAL-12); a header whose name is none (RFC 9110, 5.6.2) is left out, for the same reason.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.0.headers.push_header(name.as_ref(), value.as_ref());
        self
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Adds a trailer, as [`header`](Self::header), for hosts that send it: Envoy does not (CAL-22).
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.0.trailers.push_header(name.as_ref(), value.as_ref());
        self
    }

    /// How long to wait for the whole response, in milliseconds rounded up, at most 2^31-1 of them (24 days; CAL-3).
    /// [`Duration::ZERO`] waits for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = to_millis(timeout);
        self
    }

    /// Leaves the response's body in the proxy: for those who look at the status alone.
    pub fn discard_body(mut self) -> Self {
        self.0.wants_body = false;
        self
    }

    pub(super) fn wants_body(&self) -> bool {
        self.0.wants_body
    }

    pub(super) fn has_timeout(&self) -> bool {
        self.0.timeout > 0
    }

    pub(super) fn cluster(&self) -> Box<str> {
        String::from_utf8_lossy(&self.0.cluster).into()
    }

    pub(super) fn send(&mut self, sys: &Sys) -> Result<u32, Error> {
        sys.proxy_http_call(&self.0.cluster, self.0.headers.wire(), &self.0.body, self.0.trailers.wire(), self.0.timeout)
    }
}

const AUTHORITY: &[u8] = b":authority";

/// Milliseconds, rounded up, as far as the host counts: a host may take them as signed (CAL-3).
pub(crate) const fn to_millis(duration: Duration) -> u32 {
    const MOST: u32 = i32::MAX.unsigned_abs();
    let seconds = duration.as_secs();
    if seconds >= MOST as u64 / 1_000 {
        return MOST;
    }
    // Less than `MOST` in all.
    seconds as u32 * 1_000 + duration.subsec_nanos().div_ceil(1_000_000)
}

impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCall").field("cluster", &String::from_utf8_lossy(&self.0.cluster)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// CAL-3
    #[test]
    fn timeouts_are_rounded_up_and_saturate() {
        assert_eq!(to_millis(Duration::ZERO), 0);
        assert_eq!(to_millis(Duration::from_nanos(1)), 1);
        assert_eq!(to_millis(Duration::from_millis(250)), 250);
        assert_eq!(to_millis(Duration::from_nanos(1_999_999_999)), 2_000);
        assert_eq!(to_millis(Duration::from_secs(2_147_482)), 2_147_482_000);
        assert_eq!(to_millis(Duration::from_secs(u64::from(u32::MAX))), i32::MAX.unsigned_abs());
        assert_eq!(to_millis(Duration::MAX), i32::MAX.unsigned_abs());
    }
}
