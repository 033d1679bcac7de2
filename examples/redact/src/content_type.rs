//! Which messages are rewritten, by their `content-type`.

use crate::Format;
use alloc::{format, string::String};
use serde::Deserialize;

/// A pattern of content types: `text/html`, `text/*`, `*/*`, `+json`; the empty one stands for messages without a content type.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ContentType(Pattern);

enum Pattern {
    None,
    Any,
    /// All of a type; with the `/`.
    Type(String),
    /// All with a suffix; with the `+`.
    Suffix(String),
    One(String),
}

impl TryFrom<String> for ContentType {
    type Error = String;

    fn try_from(mut text: String) -> Result<Self, String> {
        text.make_ascii_lowercase();
        let pattern = match text.as_str() {
            "" => Pattern::None,
            "*/*" => Pattern::Any,
            text if text.strip_prefix('+').is_some_and(is_token) => Pattern::Suffix(text.into()),
            text => match text.split_once('/') {
                Some((kind, "*")) if is_token(kind) => Pattern::Type(text.trim_end_matches('*').into()),
                Some((kind, subtype)) if is_token(kind) && is_token(subtype) => Pattern::One(text.into()),
                _ => {
                    return Err(format!(
                        "content_types: \"{}\" is no content type, type/*, */* or +suffix",
                        text.escape_default()
                    ));
                }
            },
        };
        Ok(Self(pattern))
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
}

impl ContentType {
    fn matches(&self, media_type: &[u8]) -> bool {
        match &self.0 {
            Pattern::None => media_type.is_empty(),
            Pattern::Any => !media_type.is_empty(),
            Pattern::Type(start) => media_type.starts_with(start.as_bytes()),
            Pattern::Suffix(end) => media_type.ends_with(end.as_bytes()),
            Pattern::One(one) => media_type == one.as_bytes(),
        }
    }
}

/// How the body is written, if one of `patterns` is that of its `content-type` header.
pub(crate) fn format_of(content_type: Option<&[u8]>, patterns: &[ContentType]) -> Option<Format> {
    let media_type = content_type.unwrap_or_default().split(|byte| *byte == b';').next().unwrap_or_default();
    let media_type = media_type.trim_ascii().to_ascii_lowercase();
    if !patterns.iter().any(|pattern| pattern.matches(&media_type)) {
        return None;
    }
    Some(match media_type.as_slice() {
        b"application/x-www-form-urlencoded" => Format::Form,
        // Also application/problem+json and application/x-ndjson.
        media_type if media_type.ends_with(b"json") => Format::Json,
        _ => Format::Text,
    })
}
