//! The configuration, and what of it is refused.

use crate::Rules;
use crate::content_type::ContentType;
use alloc::{format, string::String, vec::Vec};
use proxy_filter::ConfigError;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Bodies of requests are rewritten.
    pub(crate) request: bool,
    /// Bodies of responses are rewritten.
    pub(crate) response: bool,
    /// Only those whose `content-type` is one of these.
    pub(crate) content_types: Vec<ContentType>,
    cards: bool,
    keep_last_four: bool,
    emails: bool,
    keep_domain: bool,
    /// How it is said that a body with a `content-encoding` was left as it is.
    pub(crate) encoded: Encoded,
    /// Requests lose their `accept-encoding`, so that the upstream does not compress.
    pub(crate) remove_accept_encoding: bool,
    /// Every message may end in trailers, not only those that announce them in `trailer`.
    pub(crate) expect_trailers: bool,
    /// The most bytes that wait in the proxy for what a message with trailers ends in.
    pub(crate) hold_bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Encoded {
    /// In the proxy's log.
    pub(crate) log: bool,
    /// In this header of the message.
    pub(crate) header: Option<String>,
    /// In the counter `redact.encoded`.
    pub(crate) metric: bool,
}

impl Default for Config {
    fn default() -> Self {
        let types = ["text/*", "application/json", "+json", "application/x-ndjson", "application/xml", "+xml"];
        let types = types.into_iter().chain(["application/x-www-form-urlencoded"]);
        Self {
            request: false,
            response: true,
            content_types: types.filter_map(|text| ContentType::try_from(String::from(text)).ok()).collect(),
            cards: true,
            keep_last_four: false,
            emails: true,
            keep_domain: false,
            encoded: Encoded::default(),
            remove_accept_encoding: false,
            expect_trailers: false,
            hold_bytes: 64 << 10,
        }
    }
}

impl Default for Encoded {
    fn default() -> Self {
        Self { log: true, header: None, metric: true }
    }
}

impl Config {
    /// What is masked.
    pub(crate) fn rules(&self) -> Rules {
        Rules { cards: self.cards, keep_last_four: self.keep_last_four, emails: self.emails, keep_domain: self.keep_domain }
    }

    /// Refuses what would do nothing, or cannot be done.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |text: &str| Err(ConfigError::new(text));
        match self {
            Self { request: false, response: false, .. } => {
                refuse("request and response are both false: nothing would be masked")
            }
            Self { cards: false, emails: false, .. } => refuse("cards and emails are both false: nothing would be masked"),
            Self { cards: false, keep_last_four: true, .. } => refuse("keep_last_four needs cards, which is false"),
            Self { emails: false, keep_domain: true, .. } => refuse("keep_domain needs emails, which is false"),
            Self { content_types, .. } if content_types.is_empty() => refuse("content_types is empty: nothing would be masked"),
            Self { hold_bytes, .. } if !(1_024..=16 << 20).contains(hold_bytes) => {
                Err(ConfigError::new(format!("hold_bytes: {hold_bytes} is not between 1024 and 16777216")))
            }
            Self { encoded: Encoded { header: Some(name), .. }, .. } if !is_header_name(name) => {
                Err(ConfigError::new(format!("encoded.header: \"{}\" is not a header name", name.escape_default())))
            }
            _ => Ok(()),
        }
    }
}

/// Another name would make Envoy answer 503 (HDR-18), and a pseudo-header break the message.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
