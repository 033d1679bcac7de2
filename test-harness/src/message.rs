//! Requests and responses as they are on the wire: ordered pairs of bytes, chunks, trailers.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use std::fmt;

/// A request or a response: what a client or an upstream sends, or has received.
///
/// `http` types convert into it and are the convenient way to make one. Where they cannot hold what a test is about (duplicate order,
/// a status of 0, control bytes, `:foo` names), make it from raw pairs.
///
/// ```
/// use proxy_filter_test::Message;
/// let request = Message::from(http::Request::post("http://shop.example/cart").body("a=1")?);
/// assert_eq!(request.header(":authority"), Some(&b"shop.example"[..]));
/// assert_eq!(request.header("content-length"), Some(&b"3"[..]));
///
/// let odd = Message::new([(":status", "0"), ("x-a", "1"), ("X-A", "2")]).chunk("ab").chunk("c").trailer("x-sum", "9");
/// assert_eq!(odd.body(), "abc");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Message {
    headers: Vec<(Bytes, Bytes)>,
    chunks: Vec<Bytes>,
    trailers: Vec<(Bytes, Bytes)>,
    ended_with_headers: bool,
}

impl Message {
    /// A message of these headers, pseudo-headers first, and nothing else. Nothing is added or checked.
    pub fn new<K: AsRef<[u8]>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { headers: owned(headers), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.extend(owned([(name, value)]));
        self
    }

    /// Adds a chunk of the body: it comes in a body callback of its own.
    #[must_use]
    pub fn chunk(mut self, chunk: impl Into<Bytes>) -> Self {
        self.chunks.push(chunk.into());
        self
    }

    /// Adds a trailer. With trailers no body callback says that it is the last (SEQ-7).
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.extend(owned([(name, value)]));
        self
    }

    /// The body cut anew, into chunks of this size.
    #[must_use]
    pub fn in_chunks_of(mut self, size: usize) -> Self {
        let body = self.body();
        self.chunks = body.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
        self
    }

    /// The headers, in order.
    pub fn headers(&self) -> &[(Bytes, Bytes)] {
        &self.headers
    }

    /// The first value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value.as_ref())
    }

    /// Whether it says of itself that its body comes in chunks of HTTP/1.1.
    pub fn chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"))
    }

    /// Whether the proxy sent it with the end of the stream on its headers: with no body, not even an empty one.
    pub fn ended_with_headers(&self) -> bool {
        self.ended_with_headers
    }

    /// The chunks of the body, as they came.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The body as a whole.
    pub fn body(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }

    /// The trailers, in order.
    pub fn trailers(&self) -> &[(Bytes, Bytes)] {
        &self.trailers
    }

    /// The message as a request of the crate `http`.
    ///
    /// # Errors
    /// When it holds what these types refuse; look at [`headers`](Self::headers) instead.
    pub fn to_request(&self) -> Result<http::Request<Bytes>, http::Error> {
        let text = |name| self.header(name).map(String::from_utf8_lossy);
        let mut uri = Uri::builder();
        if let Some(authority) = text(":authority") {
            uri = uri.authority(authority.as_ref()).scheme(text(":scheme").as_deref().unwrap_or("http"));
        }
        let uri = uri.path_and_query(text(":path").as_deref().unwrap_or("/")).build()?;
        let mut request = http::Request::builder().method(text(":method").as_deref().unwrap_or("GET")).uri(uri);
        for (name, value) in self.plain_headers() {
            request = request.header(HeaderName::from_bytes(name)?, HeaderValue::from_bytes(value)?);
        }
        request.body(self.body())
    }

    /// The message as a response of the crate `http`.
    ///
    /// # Errors
    /// As [`to_request`](Self::to_request).
    pub fn to_response(&self) -> Result<http::Response<Bytes>, http::Error> {
        let mut response = http::Response::builder().status(self.header(":status").unwrap_or_default());
        for (name, value) in self.plain_headers() {
            response = response.header(HeaderName::from_bytes(name)?, HeaderValue::from_bytes(value)?);
        }
        response.body(self.body())
    }

    fn plain_headers(&self) -> impl Iterator<Item = &(Bytes, Bytes)> {
        self.headers.iter().filter(|(name, _)| !name.starts_with(b":"))
    }

    /// The beginning of a message that has left the proxy.
    pub(crate) fn sent(headers: &[(Vec<u8>, Vec<u8>)], end_of_stream: bool) -> Self {
        Self { ended_with_headers: end_of_stream, ..Self::new(headers.iter().map(|(name, value)| (name, value))) }
    }

    pub(crate) fn push_chunk(&mut self, chunk: Vec<u8>) {
        if !chunk.is_empty() {
            self.chunks.push(chunk.into());
        }
    }

    /// Status and headers only, with nothing added.
    pub(crate) fn of_response(parts: &http::response::Parts) -> Self {
        let status = Self::new([(":status", parts.status.as_str())]);
        parts.headers.iter().fold(status, |message, (name, value)| message.with_header(name, value))
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> usize {
        let pairs = self.headers.iter().chain(&self.trailers).map(|(name, value)| name.len() + value.len());
        pairs.sum::<usize>() + self.chunks.iter().map(Bytes::len).sum::<usize>()
    }

    pub(crate) fn pop_chunk(&mut self) {
        self.chunks.pop();
    }

    pub(crate) fn set_trailers<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, trailers: impl IntoIterator<Item = (K, V)>) {
        self.trailers = owned(trailers);
    }

    /// What every real client and server says of a body whose length is known.
    fn with_content_length(mut self, headers: &http::HeaderMap, body: Bytes, say_zero: bool) -> Self {
        let framed = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        if !framed && (say_zero || !body.is_empty()) {
            self = self.with_header("content-length", body.len().to_string());
        }
        if body.is_empty() { self } else { self.chunk(body) }
    }
}

fn owned<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(Bytes, Bytes)> {
    let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    pairs.into_iter().map(|(name, value)| (copy(name.as_ref()), copy(value.as_ref()))).collect()
}

impl<B: Into<Bytes>> From<http::Request<B>> for Message {
    fn from(request: http::Request<B>) -> Self {
        let (parts, body) = request.into_parts();
        let host = parts.headers.get(header::HOST).map_or(&b"localhost"[..], HeaderValue::as_bytes);
        let authority = parts.uri.authority().map_or(host, |authority| authority.as_str().as_bytes());
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut message = Self::new([
            (":authority", authority),
            (":path", path.as_bytes()),
            (":method", parts.method.as_str().as_bytes()),
            (":scheme", parts.uri.scheme_str().unwrap_or("http").as_bytes()),
        ]);
        for (name, value) in parts.headers.iter().filter(|(name, _)| **name != header::HOST) {
            message = message.with_header(name, value);
        }
        message.with_content_length(&parts.headers, body.into(), false)
    }
}

impl<B: Into<Bytes>> From<http::Response<B>> for Message {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let bodiless =
            parts.status.is_informational() || parts.status == StatusCode::NO_CONTENT || parts.status == StatusCode::NOT_MODIFIED;
        Self::of_response(&parts).with_content_length(&parts.headers, body.into(), !bodiless)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.headers {
            writeln!(f, "{}: {}", name.escape_ascii(), value.escape_ascii())?;
        }
        for chunk in &self.chunks {
            writeln!(f, "[{} bytes] {}", chunk.len(), chunk.escape_ascii())?;
        }
        for (name, value) in &self.trailers {
            writeln!(f, "trailer {}: {}", name.escape_ascii(), value.escape_ascii())?;
        }
        Ok(())
    }
}
