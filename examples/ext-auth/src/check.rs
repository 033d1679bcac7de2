//! The messages of Envoy's own authorization service, `envoy.service.auth.v3.Authorization`. What the cache holds is a `CheckResponse`, too.

use crate::answer::{Answer, Verdict};
use crate::attributes::{Attributes, Source};
use crate::config::Service;
use core::fmt;
use proxy_filter::prelude::*;
use proxy_filter::protobuf::{self, Field, Message};

pub(crate) const SERVICE: &str = "envoy.service.auth.v3.Authorization";
pub(crate) const METHOD: &str = "Check";
/// In which an HTTP service says what a gRPC service says in `headers_to_remove`.
pub(crate) const TO_REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// The `CheckRequest`.
pub(crate) fn request(service: &Service, attributes: &Attributes) -> Vec<u8> {
    let mut http = Message::new()
        .bytes(1, &text(attributes.first("x-request-id")))
        .bytes(2, &text(attributes.first(":method")))
        .bytes(4, &text(attributes.first(":path")))
        .bytes(5, &text(attributes.first(":authority")))
        .bytes(6, &text(attributes.first(":scheme")));
    for name in &service.request_headers {
        let values: Vec<&[u8]> = attributes.values(name).collect();
        if !values.is_empty() {
            http = http.bytes(3, &entry(name, &text(&values.join(&b","[..]))));
        }
    }
    let mut context = Message::new();
    if let (true, Some(source)) = (service.source, &attributes.source) {
        context = context.bytes(1, &peer(source));
    }
    let request = Message::new().bytes(2, &http.into_bytes()).into_bytes();
    context = context.bytes(4, &request);
    for (name, value) in &service.context_extensions {
        context = context.bytes(10, &entry(name, value.as_bytes()));
    }
    Message::new().bytes(1, &context.into_bytes()).into_bytes()
}

/// A `string` must be UTF-8, or a server refuses the whole message.
fn text(bytes: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => text.as_bytes().into(),
        Cow::Owned(text) => text.into_bytes().into(),
    }
}

/// Of a `map<string, string>`.
fn entry(name: &str, value: &[u8]) -> Vec<u8> {
    Message::new().bytes(1, name.as_bytes()).bytes(2, value).into_bytes()
}

fn peer(source: &Source) -> Vec<u8> {
    let socket = Message::new().bytes(2, source.ip.as_bytes()).varint(3, source.port).into_bytes();
    let address = Message::new().bytes(1, &socket).into_bytes();
    Message::new().bytes(1, &address).bytes(4, source.principal.as_bytes()).into_bytes()
}

/// A service's message, or an entry of the cache, makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the CheckResponse {}", self.0)
    }
}

impl core::error::Error for Malformed {}

impl From<protobuf::Malformed> for Malformed {
    fn from(_: protobuf::Malformed) -> Self {
        Self("is no protobuf message")
    }
}

const WRONG_TYPE: Malformed = Malformed("has a field of another type");

/// Reads a `CheckResponse`; of its headers those of these names, for the upstream or for the client.
pub(crate) fn response(message: &[u8], upstream: &[String], client: &[String]) -> Result<Answer, Malformed> {
    let (mut code, mut denied, mut ok) = (0, None, None);
    for field in protobuf::fields(message) {
        match field? {
            (1, Field::Bytes(status)) => code = number(status, 1)?,
            (2, Field::Bytes(response)) => denied = Some(response),
            (3, Field::Bytes(response)) => ok = Some(response),
            // A reader that went past these would take a refusal for an OK.
            (1..=3, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    match (code, denied) {
        (0, Some(_)) => Err(Malformed("is OK and has a denied_response")),
        (0, None) => ok_response(ok.unwrap_or_default(), upstream),
        (_, denied) => denied_response(denied.unwrap_or_default(), client),
    }
}

fn ok_response(message: &[u8], wanted: &[String]) -> Result<Answer, Malformed> {
    let mut answer = Answer::allowed();
    for field in protobuf::fields(message) {
        match field? {
            (2, Field::Bytes(option)) => answer.headers.extend(header(option, wanted)?),
            (5, Field::Bytes(name)) => answer.remove.extend(to_remove(core::str::from_utf8(name).unwrap_or_default())),
            (2 | 5, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(answer)
}

fn denied_response(message: &[u8], wanted: &[String]) -> Result<Answer, Malformed> {
    let mut answer = Answer::denied(403);
    let Verdict::Denied { status, body, .. } = &mut answer.verdict else { return Ok(answer) };
    for field in protobuf::fields(message) {
        match field? {
            (1, Field::Bytes(http_status)) => match number(http_status, 1)? {
                // Envoy sends any number as it is (LOC-11).
                code @ 200..600 => *status = code as u16,
                0 => {}
                _ => return Err(Malformed("has an HTTP status out of 200 to 599")),
            },
            (2, Field::Bytes(option)) => answer.headers.extend(header(option, wanted)?),
            (3, Field::Bytes(text)) => *body = text.to_vec(),
            (1..=3, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(answer)
}

/// The number in this field of a message.
fn number(message: &[u8], wanted: u32) -> Result<u64, Malformed> {
    let mut number = 0;
    for field in protobuf::fields(message) {
        match field? {
            (field, Field::Varint(value)) if field == wanted => number = value,
            (field, _) if field == wanted => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(number)
}

/// A `HeaderValueOption`, if it is wanted. What it says of values that are there already is passed over: none are.
fn header(option: &[u8], wanted: &[String]) -> Result<Option<(String, Vec<u8>)>, Malformed> {
    let (mut name, mut value) = (&b""[..], &b""[..]);
    for field in protobuf::fields(option) {
        let (1, Field::Bytes(header)) = field? else { continue };
        for field in protobuf::fields(header) {
            match field? {
                (1, Field::Bytes(key)) => name = key,
                (2 | 3, Field::Bytes(text)) => value = text,
                (1..=3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
    }
    let Some(name) = wanted.iter().find(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name)) else { return Ok(None) };
    // Envoy would answer 503 in the upstream's place, and to a client it would be the end of a header (HDR-18, HDR-20).
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Malformed("has a header value with a control character"));
    }
    Ok(Some((name.clone(), value.to_vec())))
}

/// What a request cannot be without stays, as in Envoy.
pub(crate) fn to_remove(name: &str) -> Option<String> {
    let name = name.trim().to_ascii_lowercase();
    (!name.is_empty() && name != "host" && !name.starts_with(':')).then_some(name)
}

/// The same answer as a `CheckResponse`.
pub(crate) fn encode(answer: &Answer) -> Vec<u8> {
    let headers = answer.headers.iter().fold(Message::new(), |message, (name, value)| {
        message.bytes(2, &Message::new().bytes(1, &entry(name, value)).into_bytes())
    });
    match &answer.verdict {
        Verdict::Allowed => {
            let ok = answer.remove.iter().fold(headers, |message, name| message.bytes(5, name.as_bytes()));
            Message::new().bytes(3, &ok.into_bytes()).into_bytes()
        }
        Verdict::Denied { status, body, .. } => {
            const PERMISSION_DENIED: u64 = 7;
            let code = |code| Message::new().varint(1, code).into_bytes();
            let denied = headers.bytes(1, &code(u64::from(*status))).bytes(3, body);
            Message::new().bytes(1, &code(PERMISSION_DENIED)).bytes(2, &denied.into_bytes()).into_bytes()
        }
    }
}
