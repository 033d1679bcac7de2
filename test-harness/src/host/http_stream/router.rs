//! The two ends of the filter chain: what Envoy adds and refuses where messages come in and go out.

use super::{End, HttpStream, Reply, Side, Work};
use crate::host::header_map::HeaderMap;
use crate::lint::Lint;
use crate::message::Message;

/// SEQ-12: what the connection manager adds to a request before filters see it.
pub(super) fn receive_request(headers: &mut HeaderMap, x_request_id: &str, http2: bool) {
    // What belongs to one connection goes no further.
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name.as_bytes());
    }
    // SEQ-33: who expects 100 Continue is told so by the proxy.
    headers.remove(b"expect");
    if http2 {
        join_cookies(headers);
    }
    match headers.get(b"te") {
        Some(b"trailers") | None => {}
        Some(_) => headers.remove(b"te"),
    }
    match headers.get(b"x-forwarded-proto").map(<[u8]>::to_vec) {
        // Who stands before says by which scheme the client came.
        Some(scheme) => headers.set_in_place(":scheme", &scheme),
        None => headers.add(b"x-forwarded-proto", b"http"),
    }
    // SEQ-23: who stands before may have given the request its id.
    if headers.get(b"x-request-id").is_none() {
        headers.add(b"x-request-id", x_request_id.as_bytes());
    }
}

/// HDR-36: over HTTP/2 a client may send its cookies apart.
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> =
        headers.entries().iter().filter(|(name, _)| name == b"cookie").map(|(_, value)| value.as_slice()).collect();
    if cookies.len() > 1 {
        let joined = cookies.join(&b"; "[..]);
        headers.set_in_place("cookie", &joined);
        headers.keep_first(b"cookie");
    }
}

/// SEQ-13: what the router adds to a response before filters see it.
pub(crate) fn receive_response(headers: &mut HeaderMap) {
    if headers.get(b":status") == Some(b"204") && headers.get(b"content-length") == Some(b"0") {
        headers.remove(b"content-length");
    }
    headers.remove(b"keep-alive");
    headers.set_in_place("x-envoy-upstream-service-time", b"0");
}

/// A response of status 1xx, which comes before the real one.
pub(super) fn is_informational(headers: &HeaderMap) -> bool {
    headers.get(b":status").is_some_and(|status| status.len() == 3 && status.starts_with(b"1") && status != b"101")
}

impl HttpStream {
    /// Takes a frame past the last filter: to the upstream, or to the client.
    pub(super) fn deliver(&mut self, work: Work) {
        match work {
            Work::Headers { side: Side::Request, end_of_stream, .. } => self.send_request_headers(end_of_stream),
            Work::Headers { side: Side::Response, end_of_stream, .. } => self.send_response_headers(end_of_stream),
            Work::Data { side, data, end_of_stream, .. } => {
                let half = self.half(side);
                if let Some(sent) = &mut half.sent {
                    sent.push_chunk(data);
                }
                self.sent(side, end_of_stream);
            }
            Work::Trailers { side, .. } => {
                let half = self.half(side);
                if let (Some(sent), Some(trailers)) = (&mut half.sent, &half.trailers) {
                    sent.set_trailers(trailers.entries().iter().map(|(name, value)| (name, value)));
                }
                self.sent(side, true);
            }
            Work::Log { .. } | Work::AccessLog { .. } | Work::Done { .. } | Work::Delete { .. } => {}
        }
    }

    /// Notes that a message has left, and whether with its end.
    pub(super) fn sent(&mut self, side: Side, end_of_stream: bool) {
        self.half(side).sent_to_end |= end_of_stream;
        if end_of_stream {
            self.note_length(side);
        }
        if side == Side::Response && end_of_stream {
            self.end.get_or_insert(End::Complete);
        }
    }

    /// The request has passed all filters: a route is chosen and the request encoded.
    pub(super) fn send_request_headers(&mut self, end_of_stream: bool) {
        let Some(headers) = &mut self.request.headers else { return };
        // HDR-16, HDR-17: no route matches.
        if !headers.contains(":path") || !headers.contains("x-forwarded-proto") {
            self.faults.push((None, Lint::NoForwardedProto));
            self.send_reply(Reply::of_envoy(404, "route_not_found", ""));
            return;
        }
        if !headers.contains(":method") {
            self.faults.push((None, Lint::NoForwardedProto));
            self.refuse_request("missing required header: :method");
            return;
        }
        if let Some(text) = first_invalid(headers.entries().iter().map(|(name, value)| (name.as_slice(), value.as_slice()))) {
            self.refuse_request(&text);
            return;
        }
        headers.set_in_place("x-envoy-expected-rq-timeout-ms", b"15000");
        self.request.sent = Some(Message::sent(headers.entries(), end_of_stream));
        self.times.asked = Some(self.times.now);
        self.sent(Side::Request, end_of_stream);
    }

    /// HDR-17, HDR-18: what the codec refuses to encode.
    fn refuse_request(&mut self, text: &str) {
        self.send_reply(Reply::of_envoy(503, &format!("filter_removed_required_request_headers{{{text}}}"), text));
    }

    /// The response has passed all filters: it is encoded for the client.
    pub(super) fn send_response_headers(&mut self, end_of_stream: bool) {
        let Some(headers) = &mut self.response.headers else { return };
        let status = headers.get(b":status").map(<[u8]>::to_vec);
        let number = status.as_deref().and_then(|status| std::str::from_utf8(status).ok()?.parse::<u16>().ok());
        if number.is_none() {
            // HDR-19: refused without further callbacks.
            let text = "missing required header: :status";
            self.send_direct(Reply::of_envoy(502, &format!("filter_removed_required_response_headers{{{text}}}"), text));
            return;
        }
        self.finish_response_headers(end_of_stream);
    }

    /// What the connection manager adds as the response leaves (SEQ-13).
    pub(super) fn finish_response_headers(&mut self, end_of_stream: bool) {
        let date = self.date.clone();
        let (request_read, http2) = (self.request.complete, self.downstream_is_http2);
        // LOC-32: a client that was told of a bad request is not listened to.
        let bad_request = self.reply.as_ref().is_some_and(|reply| reply.status == 400);
        let Some(headers) = &mut self.response.headers else { return };
        // What tells the length is the codec's business, as is the connection's end.
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
            headers.remove(name.as_bytes());
        }
        if !headers.contains("date") {
            headers.add(b"date", date.as_bytes());
        }
        headers.set_in_place("server", b"envoy");
        if (!request_read || bad_request) && !http2 {
            // The rest of the request is not read, so the connection cannot be used again.
            headers.set_in_place("connection", b"close");
        }
        let sent = Message::sent(headers.entries(), end_of_stream);
        self.note_split(&sent);
        self.code = sent.header(":status").and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
        self.response.sent = Some(sent);
        self.sent(Side::Response, end_of_stream);
        if self.end == Some(End::Complete) {
            self.work.clear();
        }
    }
}

/// HDR-18: the first header that the codec refuses to encode, in its words.
pub(crate) fn first_invalid<'a>(mut headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Option<String> {
    headers.find_map(|(name, value)| {
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let bare = name.strip_prefix(b":").unwrap_or(name);
        if !bare.iter().all(token) {
            Some(format!("invalid header name: {}", String::from_utf8_lossy(name).replace('\r', "\\r").replace('\n', "\\n")))
        } else if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            Some(format!("invalid header value for: {}", String::from_utf8_lossy(name)))
        } else {
            None
        }
    })
}
