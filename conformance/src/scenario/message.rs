//! What the client of a scenario sends, and what its upstream answers.

use crate::message::Pairs;
use std::borrow::Cow;

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A `content-length` that is the sum of the chunks, after the given headers.
    ContentLength,
    /// `transfer-encoding: chunked`, one HTTP chunk for each piece, after the given headers.
    Chunked,
    /// Nothing is added; the given headers say it all.
    AsGiven,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, without TLS and by prior knowledge.
    Http2,
}

/// What the client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Cow<'static, str>,
    /// The request target.
    pub path: Cow<'static, str>,
    /// Name and value of each header as they go over the wire, `host` included.
    pub headers: Pairs,
    /// Pieces of the body, sent one after the other.
    pub body: Vec<Vec<u8>>,
    /// Whether and how the body's length is told.
    pub framing: Framing,
    /// Trailers; over HTTP/1 they need [`Framing::Chunked`].
    pub trailers: Pairs,
    /// A METADATA frame after the headers; it needs HTTP/2.
    pub metadata: Pairs,
    /// It is sent when the plugin has logged a line that contains this.
    pub when: Option<&'static str>,
    /// The client closes its connection once it has sent so many pieces: 1 is the header section.
    pub disconnect_after: Option<usize>,
    /// Bytes to send instead of all the above but the method; for what is no proper request.
    pub raw: Option<Cow<'static, [u8]>>,
}

/// Any bytes on an HTTP/1 connection, to be answered as a `GET` is.
pub fn raw(bytes: &'static str) -> Request {
    Request { raw: Some(bytes.as_bytes().into()), ..get("/") }
}

/// A `GET` to host `shop.example`.
pub fn get(path: &'static str) -> Request {
    request("GET", path)
}

/// A `POST` to host `shop.example`, without a body as yet.
pub fn post(path: &'static str) -> Request {
    request("POST", path)
}

/// Any request to host `shop.example`.
pub fn request(method: &'static str, path: &'static str) -> Request {
    Request {
        method: method.into(),
        path: path.into(),
        headers: vec![pair("host", "shop.example")],
        body: Vec::new(),
        framing: Framing::AsGiven,
        trailers: Vec::new(),
        metadata: Vec::new(),
        when: None,
        disconnect_after: None,
        raw: None,
    }
}

impl Request {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(pair(name, value));
        self
    }

    /// Adds an entry to the METADATA frame.
    #[must_use]
    pub fn metadata(mut self, name: &str, value: &str) -> Self {
        self.metadata.push(pair(name, value));
        self
    }

    /// The client leaves after so many pieces; 1 is the header section.
    #[must_use]
    pub fn disconnect_after(mut self, pieces: usize) -> Self {
        self.disconnect_after = Some(pieces);
        self
    }

    /// Sends it only when the plugin has logged a line that contains `text`; time passes for that on the mock host too.
    #[must_use]
    pub fn when(mut self, text: &'static str) -> Self {
        self.when = Some(text);
        self
    }

    /// A script for the scripted guest and this stream only.
    #[must_use]
    pub fn script(self, script: &str) -> Self {
        self.header("x-script", script)
    }

    /// A body with a `content-length`, sent in these pieces.
    #[must_use]
    pub fn body(mut self, pieces: &[&str]) -> Self {
        self.body = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
        self.framing = Framing::ContentLength;
        self
    }

    /// A chunked body of these pieces.
    #[must_use]
    pub fn chunked(self, pieces: &[&str]) -> Self {
        let mut request = self.body(pieces);
        request.framing = Framing::Chunked;
        request
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push(pair(name, value));
        self
    }
}

/// What the upstream answers to every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Codes of informational responses (1xx) that go before it.
    pub informational: Vec<u16>,
    /// Name and value of each header.
    pub headers: Pairs,
    /// Pieces of the body, sent one after the other.
    pub body: Vec<Vec<u8>>,
    /// Whether and how the body's length is told.
    pub framing: Framing,
    /// Trailers; over HTTP/1 they need [`Framing::Chunked`].
    pub trailers: Pairs,
    /// The upstream closes its connection afterwards, whatever the headers promised.
    pub then_close: bool,
}

/// A response with `content-length: 0`.
pub fn respond(status: u16) -> Response {
    Response {
        status,
        informational: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        framing: Framing::ContentLength,
        trailers: Vec::new(),
        then_close: false,
    }
}

impl Response {
    /// Sends an informational response first, such as 103.
    #[must_use]
    pub fn informational(mut self, code: u16) -> Self {
        self.informational.push(code);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(pair(name, value));
        self
    }

    /// A body with a `content-length`, sent in these pieces.
    #[must_use]
    pub fn body(mut self, pieces: &[&str]) -> Self {
        self.body = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
        self
    }

    /// A chunked body of these pieces.
    #[must_use]
    pub fn chunked(self, pieces: &[&str]) -> Self {
        let mut response = self.body(pieces);
        response.framing = Framing::Chunked;
        response
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push(pair(name, value));
        self
    }

    /// Closes the connection afterwards.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.then_close = true;
        self
    }

    /// Adds neither `content-length` nor `transfer-encoding`.
    #[must_use]
    pub fn unframed(mut self) -> Self {
        self.framing = Framing::AsGiven;
        self
    }
}

/// How the upstream behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// It reads the whole request, then answers.
    Respond(Response),
    /// It reads the whole request, then closes the connection.
    CloseBeforeResponse,
    /// Nobody listens.
    Refuse,
    /// It reads the request and never answers.
    Silent,
    /// The route names a cluster that does not exist.
    NoCluster,
}

fn pair(name: &str, value: impl AsRef<[u8]>) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_ref().to_vec())
}
