//! The fields that an access log can have, and where their values are found.

use crate::metrics::{request_bytes, response_bytes};
use crate::tags::{TAGS, Tags};
use core::time::Duration;
use proxy_filter::prelude::*;

/// What stands under a key of the access log.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// There is none: `null`.
    Missing,
    /// A number.
    Number(i64),
    /// Any bytes: clients and servers write what they like.
    Text(Vec<u8>),
}

/// A field, by where its value is found.
#[derive(Debug)]
pub(crate) enum Field {
    Tag(&'static str),
    RequestHeader(String),
    ResponseHeader(String),
    Property(Kind, &'static [&'static str]),
    RequestBytes,
    ResponseBytes,
}

/// How a property is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Number,
    Milliseconds,
}

/// The properties of Envoy that are fields by a name of their own.
const PROPERTIES: [(&str, Kind, &[&str]); 23] = [
    ("time_ms", Kind::Milliseconds, &["request", "time"]),
    ("duration_ms", Kind::Milliseconds, &["request", "duration"]),
    ("method", Kind::Text, &["request", "method"]),
    // Without the query, which often holds what is nobody's business.
    ("path", Kind::Text, &["request", "url_path"]),
    ("query", Kind::Text, &["request", "query"]),
    ("authority", Kind::Text, &["request", "host"]),
    ("scheme", Kind::Text, &["request", "scheme"]),
    ("protocol", Kind::Text, &["request", "protocol"]),
    ("user_agent", Kind::Text, &["request", "useragent"]),
    ("referer", Kind::Text, &["request", "referer"]),
    ("request_id", Kind::Text, &["request", "id"]),
    ("status", Kind::Number, &["response", "code"]),
    ("response_code_details", Kind::Text, &["response", "code_details"]),
    ("upstream_latency_ms", Kind::Milliseconds, &["response", "backend_latency"]),
    ("upstream_address", Kind::Text, &["upstream", "address"]),
    ("upstream_attempts", Kind::Number, &["upstream", "request_attempt_count"]),
    ("upstream_cluster", Kind::Text, &["xds", "cluster_name"]),
    ("route", Kind::Text, &["xds", "route_name"]),
    ("source_address", Kind::Text, &["source", "address"]),
    ("destination_address", Kind::Text, &["destination", "address"]),
    ("connection_id", Kind::Number, &["connection", "id"]),
    ("server_name", Kind::Text, &["connection", "requested_server_name"]),
    ("tls_version", Kind::Text, &["connection", "tls_version"]),
];

/// Headers that are secrets, or hold some: a log is read by many.
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

impl Field {
    /// The field that a configuration names.
    pub(crate) fn named(name: &str) -> Result<Self, ConfigError> {
        if let Some(header) = name.strip_prefix("request_header:") {
            return header_name(name, header).map(Self::RequestHeader);
        }
        if let Some(header) = name.strip_prefix("response_header:") {
            return header_name(name, header).map(Self::ResponseHeader);
        }
        if let Some(tag) = TAGS.iter().find(|tag| **tag == name) {
            return Ok(Self::Tag(tag));
        }
        match (PROPERTIES.iter().find(|(property, ..)| *property == name), name) {
            (Some((_, kind, path)), _) => Ok(Self::Property(*kind, path)),
            (None, "request_bytes") => Ok(Self::RequestBytes),
            (None, "response_bytes") => Ok(Self::ResponseBytes),
            (None, _) => Err(ConfigError::new(format!(
                "access_log.fields: \"{}\" is no field; there are {}, request_bytes, response_bytes, request_header:NAME, \
                 response_header:NAME and the tags {}",
                name.escape_debug(),
                PROPERTIES.map(|(name, ..)| name).join(", "),
                TAGS.join(", "),
            ))),
        }
    }

    pub(crate) fn read(&self, http: &Log<'_>, tags: &Tags) -> Result<Value, Failure> {
        let text = |value: Option<Vec<u8>>| value.filter(|bytes| !bytes.is_empty()).map_or(Value::Missing, Value::Text);
        let bytes = |value: u64| i64::try_from(value).map_or(Value::Missing, Value::Number);
        Ok(match self {
            Self::Tag(tag) => text(tags.value(tag).map(|value| value.as_bytes().to_vec())),
            Self::RequestHeader(name) => text(http.request_headers().get(name)?.map(proxy_filter::Value::into_bytes)),
            Self::ResponseHeader(name) => text(http.response_headers().get(name)?.map(proxy_filter::Value::into_bytes)),
            Self::Property(Kind::Text, path) => text(http.property_bytes(path)?),
            Self::Property(Kind::Number, path) => http.property_at(path)?.map_or(Value::Missing, Value::Number),
            Self::Property(Kind::Milliseconds, path) => {
                let time: Option<Duration> = http.property_at(path)?;
                time.and_then(|time| i64::try_from(time.as_millis()).ok()).map_or(Value::Missing, Value::Number)
            }
            Self::RequestBytes => bytes(request_bytes(http)?),
            Self::ResponseBytes => bytes(response_bytes(http)?),
        })
    }
}

/// A header that may be told of, in lower case.
fn header_name(field: &str, name: &str) -> Result<String, ConfigError> {
    let refuse = |why: &str| Err(ConfigError::new(format!("access_log.fields: \"{}\": {why}", field.escape_debug())));
    let lower = name.to_ascii_lowercase();
    if SECRET.contains(&&*lower) {
        return refuse("this header holds secrets, which do not belong into a log");
    }
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let bare = lower.strip_prefix(':').unwrap_or(&lower);
    if bare.is_empty() || !bare.bytes().all(token) {
        return refuse("this is not the name of a header");
    }
    Ok(lower)
}
