//! What is told of a request: a line of JSON, of fields that the configuration chooses.

use core::time::Duration;
use proxy_filter::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// What stands under a key of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// There is none: `null`.
    Missing,
    /// A number.
    Number(i64),
    /// Any bytes: clients write what they like.
    Text(Vec<u8>),
}

/// A field, by where its value is found.
#[derive(Debug)]
pub(crate) enum Field {
    RequestHeader(String),
    Property(Kind, &'static [&'static str]),
}

/// How a property is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Number,
    Milliseconds,
}

const PROPERTIES: [(&str, Kind, &[&str]); 14] = [
    ("time_ms", Kind::Milliseconds, &["request", "time"]),
    ("duration_ms", Kind::Milliseconds, &["request", "duration"]),
    ("method", Kind::Text, &["request", "method"]),
    ("authority", Kind::Text, &["request", "host"]),
    // Without the query, which often holds what is nobody's business.
    ("path", Kind::Text, &["request", "url_path"]),
    ("protocol", Kind::Text, &["request", "protocol"]),
    ("request_id", Kind::Text, &["request", "id"]),
    ("request_bytes", Kind::Number, &["request", "size"]),
    ("status", Kind::Number, &["response", "code"]),
    ("response_bytes", Kind::Number, &["response", "size"]),
    ("response_flags", Kind::Number, &["response", "flags"]),
    ("response_code_details", Kind::Text, &["response", "code_details"]),
    ("upstream_address", Kind::Text, &["upstream", "address"]),
    ("source_address", Kind::Text, &["source", "address"]),
];

/// Headers that are secrets, or hold some.
const SECRET: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

impl Field {
    /// The field that a configuration names.
    pub(crate) fn named(name: &str) -> Result<Self, ConfigError> {
        let refuse = |why: &str| Err(ConfigError::new(format!("fields: \"{}\": {why}", name.escape_debug())));
        if let Some(header) = name.strip_prefix("request_header:") {
            let header = header.to_ascii_lowercase();
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if SECRET.contains(&&*header) {
                return refuse("this header holds secrets, which do not belong into a record");
            }
            if header.is_empty() || !header.bytes().all(token) {
                return refuse("this is not the name of a header");
            }
            return Ok(Self::RequestHeader(header));
        }
        match PROPERTIES.iter().find(|(property, ..)| *property == name) {
            Some((_, kind, path)) => Ok(Self::Property(*kind, path)),
            None => {
                let names = PROPERTIES.map(|(name, ..)| name).join(", ");
                refuse(&format!("there is no such field, but {names} and request_header:NAME"))
            }
        }
    }

    pub(crate) fn read(&self, http: &Log<'_>) -> Result<Value, Failure> {
        let text = |value: Option<Vec<u8>>| value.filter(|bytes| !bytes.is_empty()).map_or(Value::Missing, Value::Text);
        Ok(match self {
            Self::RequestHeader(name) => text(http.request_headers().get(name)?.map(proxy_filter::Value::into_bytes)),
            Self::Property(Kind::Text, path) => text(http.property_bytes(path)?),
            Self::Property(Kind::Number, path) => http.property_at(path)?.map_or(Value::Missing, Value::Number),
            Self::Property(Kind::Milliseconds, path) => {
                let time: Option<Duration> = http.property_at(path)?;
                time.and_then(|time| i64::try_from(time.as_millis()).ok()).map_or(Value::Missing, Value::Number)
            }
        })
    }
}

/// An object of JSON on one line. Text that is longer than `max_value_bytes` is cut and ends in `…`; what is no UTF-8 is `�`.
///
/// # Errors
/// None that could happen: no value here is one that JSON lacks.
pub fn json_line<'a>(
    values: impl IntoIterator<Item = (&'a str, Value), IntoIter: Clone>,
    max_value_bytes: usize,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Line { values: values.into_iter(), max_value_bytes })
}

struct Line<I> {
    values: I,
    max_value_bytes: usize,
}

impl<'a, I: Iterator<Item = (&'a str, Value)> + Clone> Serialize for Line<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.values.clone() {
            match value {
                Value::Missing => map.serialize_entry(key, &())?,
                Value::Number(number) => map.serialize_entry(key, &number)?,
                Value::Text(bytes) => map.serialize_entry(key, &*shortened(&bytes, self.max_value_bytes))?,
            }
        }
        map.end()
    }
}

/// At most so many bytes, and a sign that there were more.
fn shortened(bytes: &[u8], most: usize) -> Cow<'_, str> {
    let Some(start) = bytes.get(..most).filter(|start| start.len() < bytes.len()) else {
        return String::from_utf8_lossy(bytes);
    };
    // Not within a character: the bytes of one that go on begin with 0b10.
    let whole = start.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    let end = match core::str::from_utf8(start.get(whole..).unwrap_or_default()) {
        Ok(_) => start.len(),
        Err(_) => whole,
    };
    let text = String::from_utf8_lossy(start.get(..end).unwrap_or_default());
    Cow::Owned(format!("{text}…"))
}
