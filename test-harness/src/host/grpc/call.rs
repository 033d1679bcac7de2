//! A gRPC call or stream as Envoy's client has it: what comes from the service, and what the root is told of it.

use super::super::{HeaderMap, MapKind};
use crate::grpc_cluster::{Frame, Pairs};
use bytes::{Buf, Bytes, BytesMut};

/// What the root is told, each in a callback of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Initial(HeaderMap),
    Message(Bytes),
    Trailing(HeaderMap),
    Close { code: u32, message: String },
}

/// How far the service's side has come.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    /// A unary call: it has no callbacks but the last.
    unary: bool,
    headers_came: bool,
    ended: bool,
    bytes: BytesMut,
    /// The last message of a unary call (GRP-6).
    last: Option<Bytes>,
}

const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const UNKNOWN: u32 = 2;
/// What Envoy makes of a number that is no status.
const INVALID: u32 = u32::MAX;
const VIA_UPSTREAM: &str = "via_upstream";

impl Receiving {
    pub(super) fn new(unary: bool) -> Self {
        Self { unary, ..Self::default() }
    }

    /// The service has ended its side, or the client has given up.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes a frame. `service_time`: what the router adds to the headers that come once the request is whole.
    pub(super) fn receive(&mut self, frame: Frame, service_time: Option<u128>) -> Vec<Note> {
        if self.ended {
            return Vec::new();
        }
        let mut notes = Vec::new();
        match frame {
            Frame::Headers { pairs, end } => self.headers(&pairs, end, service_time, &mut notes),
            Frame::Data { bytes, end } => self.data(&bytes, end, &mut notes),
            Frame::Trailers(pairs) => self.trailers(map(MapKind::ResponseTrailers, &pairs), VIA_UPSTREAM, &mut notes),
            Frame::Reset => self.broken("remote reset", "remote_reset", &mut notes),
            Frame::Cut => self.broken("connection termination", "connection_termination", &mut notes),
        }
        self.told(notes)
    }

    /// Nobody listens.
    pub(super) fn refused(&mut self) -> Vec<Note> {
        let details = "remote_connection_failure|delayed_connect_error:_Connection_refused";
        let mut notes = Vec::new();
        self.broken("remote connection failure", details, &mut notes);
        self.told(notes)
    }

    /// The time of a unary call is over (GRP-7).
    pub(super) fn time_out(&mut self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.headers_came {
            self.fail(INTERNAL, "response_timeout", &mut notes);
        } else {
            self.local_reply("upstream request timeout", "response_timeout", &mut notes);
        }
        self.told(notes)
    }

    fn headers(&mut self, pairs: &Pairs, end: bool, service_time: Option<u128>, notes: &mut Vec<Note>) {
        self.headers_came = true;
        let mut headers = map(MapKind::ResponseHeaders, pairs);
        if let Some(time) = service_time {
            headers.add(b"x-envoy-upstream-service-time", time.to_string().as_bytes());
        }
        let status = headers.get(b":status").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok()).unwrap_or(0_u16);
        let fails = status != 200 && !(end && headers.contains("grpc-status"));
        let shown = if end || fails { HeaderMap::new(MapKind::ResponseHeaders) } else { headers.clone() };
        notes.push(Note::Initial(shown));
        if fails {
            self.fail(of_http(status), VIA_UPSTREAM, notes);
        } else if end {
            self.trailers(headers, VIA_UPSTREAM, notes);
        }
    }

    fn data(&mut self, bytes: &[u8], end: bool, notes: &mut Vec<Note>) {
        const HEAD: usize = 5;
        self.bytes.extend_from_slice(bytes);
        while let Some(head) = self.bytes.first_chunk::<HEAD>() {
            let [flags, length @ ..] = *head;
            let length = u32::from_be_bytes(length) as usize;
            // Envoy's client says of no compression that it knows it.
            if flags > 1 || (flags == 1 && self.bytes.len() >= HEAD + length && length > 0) {
                return self.fail(INTERNAL, VIA_UPSTREAM, notes);
            }
            if self.bytes.len() < HEAD + length {
                break;
            }
            self.bytes.advance(HEAD);
            notes.push(Note::Message(self.bytes.split_to(length).freeze()));
        }
        // What is no frame shows by its first byte.
        if self.bytes.first().is_some_and(|flags| *flags > 1) {
            return self.fail(INTERNAL, VIA_UPSTREAM, notes);
        }
        if end {
            self.fail(UNKNOWN, VIA_UPSTREAM, notes);
        }
    }

    fn trailers(&mut self, map: HeaderMap, details: &str, notes: &mut Vec<Note>) {
        let code = map.get(b"grpc-status").map_or(UNKNOWN, |status| {
            let number = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok());
            number.filter(|number| *number <= 16).unwrap_or(INVALID)
        });
        let message = String::from_utf8_lossy(map.get(b"grpc-message").unwrap_or_default()).into_owned();
        notes.push(Note::Trailing(map));
        self.close(code, &message, details, notes);
    }

    /// STA-4: the details stand in braces behind the message.
    fn close(&mut self, code: u32, message: &str, details: &str, notes: &mut Vec<Note>) {
        self.ended = true;
        let message = if message.is_empty() { details.to_owned() } else { format!("{message}{{{details}}}") };
        notes.push(Note::Close { code, message });
    }

    fn fail(&mut self, code: u32, details: &str, notes: &mut Vec<Note>) {
        notes.push(Note::Trailing(HeaderMap::new(MapKind::ResponseTrailers)));
        self.close(code, "", details, notes);
    }

    fn broken(&mut self, reason: &str, details: &str, notes: &mut Vec<Note>) {
        if self.headers_came {
            return self.fail(INTERNAL, &format!("upstream_reset_after_response_started{{{details}}}"), notes);
        }
        let text = format!("upstream connect error or disconnect/reset before headers. reset reason: {reason}");
        self.local_reply(&text, &format!("upstream_reset_before_response_started{{{details}}}"), notes);
    }

    /// What Envoy's router answers in the service's place.
    fn local_reply(&mut self, text: &str, details: &str, notes: &mut Vec<Note>) {
        notes.push(Note::Initial(HeaderMap::new(MapKind::ResponseHeaders)));
        let code = UNAVAILABLE.to_string();
        let pairs =
            [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", code.as_str()), ("grpc-message", text)];
        self.trailers(HeaderMap::from_entries(MapKind::ResponseHeaders, pairs), details, notes);
    }

    /// GRP-5 to GRP-7: a unary call has one callback.
    fn told(&mut self, notes: Vec<Note>) -> Vec<Note> {
        if !self.unary {
            return notes;
        }
        let mut told = Vec::new();
        for note in notes {
            match note {
                Note::Message(message) => self.last = Some(message),
                Note::Close { code: 0, .. } => told.push(match self.last.take() {
                    Some(message) => Note::Message(message),
                    None => Note::Close { code: INTERNAL, message: String::new() },
                }),
                Note::Close { .. } => told.push(note),
                Note::Initial(_) | Note::Trailing(_) => {}
            }
        }
        told
    }
}

fn map(kind: MapKind, pairs: &Pairs) -> HeaderMap {
    HeaderMap::from_entries(kind, pairs.iter().map(|(name, value)| (name, value)))
}

/// The status for a response that is not gRPC.
fn of_http(status: u16) -> u32 {
    match status {
        400 => INTERNAL,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc_cluster::{framed, owned};

    fn data(bytes: impl Into<Bytes>, end: bool) -> Frame {
        Frame::Data { bytes: bytes.into(), end }
    }

    #[test]
    fn grp_8_messages_come_whole_however_they_are_cut() {
        let all = [framed(b"ab"), framed(b""), framed(b"cde")].concat();
        for cut in 0..=all.len() {
            let mut receiving = Receiving::new(false);
            let (first, second) = all.split_at(cut);
            let mut notes = receiving.receive(data(first.to_vec(), false), None);
            notes.extend(receiving.receive(data(second.to_vec(), false), None));
            let messages = ["ab", "", "cde"].map(|text| Note::Message(Bytes::from(text)));
            assert_eq!(notes, messages, "cut at {cut}");
        }
    }

    #[test]
    fn grp_7_a_unary_call_is_told_once() {
        let ok = || Frame::Trailers(owned([("grpc-status", "0")]));
        let mut receiving = Receiving::new(true);
        assert_eq!(receiving.receive(ok(), None), [Note::Close { code: 13, message: String::new() }]);
        let mut receiving = Receiving::new(true);
        assert_eq!(receiving.receive(data(framed(b"a"), false), None), []);
        assert_eq!(receiving.receive(ok(), None), [Note::Message(Bytes::from("a"))]);
        assert_eq!(receiving.receive(ok(), None), [], "it is over");
        assert_eq!(Receiving::new(true).time_out().len(), 1);
    }

    #[test]
    fn grp_7_statuses_of_http() {
        let codes = [400, 401, 403, 404, 429, 500, 503].map(of_http);
        assert_eq!(codes, [13, 16, 7, 12, 14, 2, 14]);
    }
}
