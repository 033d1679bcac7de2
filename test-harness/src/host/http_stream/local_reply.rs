//! Answers given in the upstream's place, by a filter or by Envoy itself.

use super::{AskedBy, HttpStream, Side, Work};
use crate::host::header_map::{Entry, HeaderMap, MapKind, parse_leniently};

/// A local reply as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) details: Vec<u8>,
    pub(crate) headers: Vec<Entry>,
    pub(crate) body: Vec<u8>,
    pub(crate) grpc_status: Option<u32>,
}

impl Reply {
    /// What `proxy_send_local_response` asks for: LOC-10 (details), LOC-11 (the status is cut to 16 bits).
    pub(crate) fn of_filter(status: u32, details: &[u8], body: &[u8], headers: &[u8], grpc_status: u32) -> Self {
        let underscored = |byte: &u8| if byte.is_ascii_whitespace() || *byte == 0x0b { b'_' } else { *byte };
        Self {
            status: (status & 0xffff) as u16,
            details: details.iter().map(underscored).collect(),
            headers: parse_leniently(headers),
            body: body.to_vec(),
            grpc_status: (grpc_status <= 16).then_some(grpc_status),
        }
    }

    /// One of Envoy's own.
    pub(super) fn of_envoy(status: u16, details: &str, body: &str) -> Self {
        let details = details.replace(char::is_whitespace, "_").into_bytes();
        Self { status, details, headers: Vec::new(), body: body.into(), grpc_status: None }
    }

    /// FAI-2.
    pub(super) fn of_failed_vm() -> Self {
        Self { grpc_status: Some(14), ..Self::of_envoy(503, "wasm_fail_stream", "") }
    }

    /// LOC-8, LOC-9, LOC-12: the response that it makes.
    fn to_response(&self, is_grpc: bool) -> (HeaderMap, Vec<u8>) {
        let mut headers = HeaderMap::new(MapKind::ResponseHeaders);
        headers.add(b":status", b"200");
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b":status")) {
            headers.add(name, value);
        }
        if is_grpc {
            headers.set_in_place("content-type", b"application/grpc");
            headers.set_in_place(
                "grpc-status",
                self.grpc_status.unwrap_or_else(|| grpc_status_of(self.status)).to_string().as_bytes(),
            );
            if !self.body.is_empty() {
                headers.set_in_place("grpc-message", &percent_encode(&self.body));
            }
            headers.remove(b"content-length");
            return (headers, Vec::new());
        }
        headers.set_in_place(":status", self.status.to_string().as_bytes());
        if self.body.is_empty() {
            headers.remove(b"content-length");
        } else {
            headers.set_in_place("content-length", self.body.len().to_string().as_bytes());
            if !headers.contains("content-type") {
                headers.add(b"content-type", b"text/plain");
            }
        }
        (headers, self.body.clone())
    }
}

/// The response of this status and text that Envoy itself makes, for a call that no service answers.
pub(crate) fn envoys_answer(status: u16, text: &str) -> (HeaderMap, Vec<u8>) {
    Reply::of_envoy(status, "", text).to_response(false)
}

impl HttpStream {
    /// `proxy_send_local_response`, carried out after the callback that asked for it.
    pub(crate) fn reply(&mut self, filter: usize, reply: Reply, by: AskedBy) {
        let closed = self.note_reply(filter, by);
        if closed && self.running_side() == Some(Side::Response) && self.response.sent.is_none() {
            // LOC-30: the close of the same callback is forgotten.
            self.end = None;
        }
        self.send_reply(reply);
    }

    /// A local reply, carried out after the callback that asked for it. Three ways, by how far the response is:
    /// through the response callbacks (LOC-2), past them (LOC-5), or no answer but a reset (LOC-6).
    pub(crate) fn send_reply(&mut self, reply: Reply) {
        if self.end.is_some() {
            return;
        }
        self.details = Some(reply.details.clone());
        if self.response.headers.is_none() {
            // LOC-7: the first of one callback is sent, with the details of the last.
            self.prepared_reply.get_or_insert(reply);
            if !self.creating {
                self.work.retain(|work| !work.is_of(Side::Request));
            }
        } else if self.response.sent.is_none() {
            self.send_direct(reply);
        } else {
            let details = reply.details;
            self.reset(&details);
        }
    }

    /// The reply becomes the response and goes through the filters that have seen the request.
    pub(super) fn begin_reply(&mut self, reply: Reply) {
        let (headers, body) = reply.to_response(self.is_grpc());
        self.code = Some(reply.status);
        self.reply = Some(reply);
        self.events.clear();
        let body = if self.is_head() { Vec::new() } else { body };
        let end_of_stream = body.is_empty();
        self.response.headers = Some(headers);
        self.response.complete = true;
        if !end_of_stream {
            self.work.push(Work::Data { side: Side::Response, position: 0, data: body, end_of_stream: true });
        }
        self.work.push(Work::Headers { side: Side::Response, position: 0, end_of_stream });
    }

    /// The reply goes to the client past all filters (LOC-4, LOC-5).
    pub(super) fn send_direct(&mut self, reply: Reply) {
        let (headers, body) = reply.to_response(self.is_grpc());
        self.details = Some(reply.details.clone());
        self.reply = Some(reply);
        self.work.clear();
        self.events.clear();
        self.response.headers = Some(headers);
        self.response.trailers = None;
        let body = if self.is_head() { Vec::new() } else { body };
        self.finish_response_headers(body.is_empty());
        if let Some(sent) = &mut self.response.sent {
            sent.push_chunk(body);
        }
        self.sent(Side::Response, true);
    }

    fn is_grpc(&self) -> bool {
        let content_type = self.request.headers.as_ref().and_then(|headers| headers.get(b"content-type"));
        content_type.is_some_and(|value| {
            value.strip_prefix(b"application/grpc").is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
        })
    }
}

/// Envoy's mapping of HTTP to gRPC codes.
pub(super) fn grpc_status_of(http: u16) -> u32 {
    match http {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// As gRPC writes messages into headers: printable ASCII but `%` stays.
fn percent_encode(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for &byte in text {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            encoded.push(byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}
