//! Messages cut into the events that a stream receives, as the protocol's framing has it.

use crate::host::http_stream::{Event, Side};
use crate::host::{HeaderMap, MapKind};
use crate::message::Message;
use crate::proxy::Framing;
use crate::upstream::Answer;
use bytes::Bytes;

pub(crate) fn headers(side: Side, message: &Message, end_of_stream: bool) -> Event {
    let kind = match side {
        Side::Request => MapKind::RequestHeaders,
        Side::Response => MapKind::ResponseHeaders,
    };
    Event::Headers { side, headers: HeaderMap::from_entries(kind, message.headers().to_vec()), end_of_stream }
}

/// A piece of a body. Over HTTP/1 its end is an event of its own (SEQ-4), over HTTP/2 the last piece has it (SEQ-5).
pub(crate) fn data(side: Side, data: &[u8], end_of_stream: bool, framing: Framing) -> Vec<Event> {
    let piece = |data: &[u8], end_of_stream| Event::Data { side, data: data.to_vec(), end_of_stream };
    match framing {
        Framing::Http1 if end_of_stream && !data.is_empty() => vec![piece(data, false), piece(b"", true)],
        Framing::Http1 if !end_of_stream && data.is_empty() => Vec::new(),
        _ => vec![piece(data, end_of_stream)],
    }
}

pub(crate) fn trailers(side: Side, trailers: &[(Bytes, Bytes)]) -> Event {
    let kind = match side {
        Side::Request => MapKind::RequestTrailers,
        Side::Response => MapKind::ResponseTrailers,
    };
    Event::Trailers { side, trailers: HeaderMap::from_entries(kind, trailers.to_vec()) }
}

/// A whole request.
pub(crate) fn request(request: &Message, framing: Framing) -> Vec<Event> {
    let bodiless = request.chunks().is_empty() && request.trailers().is_empty() && !request.chunked();
    message(Side::Request, request, bodiless, framing)
}

/// What the upstream does.
pub(crate) fn answer(answer: &Answer, request: &Message, framing: Framing) -> Vec<Event> {
    let instead = |status, details, body| vec![Event::UpstreamReset { status, details, body }];
    match answer {
        Answer::Response(response) => message(Side::Response, response, ends_with_headers(request, response, framing), framing),
        Answer::Refuse => instead(
            503,
            "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
            "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
        ),
        Answer::Timeout => vec![Event::RouteTimeout],
        Answer::Later(_, later) => self::answer(later, request, framing),
        Answer::NoCluster => instead(503, "cluster_not_found", ""),
        Answer::ResetBeforeResponse => vec![reset_before_response()],
        Answer::ResetAfter(response) => {
            let chunks = response.chunks().iter().flat_map(|chunk| data(Side::Response, chunk, false, framing));
            [headers(Side::Response, response, false)].into_iter().chain(chunks).chain([reset_after_headers(framing)]).collect()
        }
    }
}

pub(crate) fn reset_before_response() -> Event {
    Event::UpstreamReset {
        status: 503,
        details: "upstream_reset_before_response_started{connection_termination}",
        body: "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
    }
}

pub(crate) fn reset_after_headers(framing: Framing) -> Event {
    let details = match framing {
        Framing::Http1 => "upstream_reset_after_response_started{protocol_error}",
        Framing::Http2 => "upstream_reset_after_response_started{connection_termination}",
    };
    Event::UpstreamReset { status: 503, details, body: "" }
}

fn message(side: Side, message: &Message, ends_with_headers: bool, framing: Framing) -> Vec<Event> {
    let mut events = vec![headers(side, message, ends_with_headers)];
    if ends_with_headers {
        return events;
    }
    let (chunks, has_trailers) = (message.chunks(), !message.trailers().is_empty());
    for (index, chunk) in chunks.iter().enumerate() {
        events.extend(data(side, chunk, index + 1 == chunks.len() && !has_trailers, framing));
    }
    if has_trailers {
        events.push(trailers(side, message.trailers()));
    } else if chunks.is_empty() {
        events.extend(data(side, b"", true, framing));
    }
    events
}

/// SEQ-9: what a codec takes for a response without a body.
fn ends_with_headers(request: &Message, response: &Message, framing: Framing) -> bool {
    let status = response.header(":status").unwrap_or_default();
    request.header(":method") == Some(b"HEAD")
        || matches!(status, b"204" | b"304")
        || response.header("content-length") == Some(b"0")
        || framing == Framing::Http2 && response.chunks().is_empty() && response.trailers().is_empty()
}
