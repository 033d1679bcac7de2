//! The configuration, and what of it is refused.

use crate::value::{DEEPEST, Value};
use alloc::{format, string::String, vec::Vec};
use proxy_filter::ConfigError;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The JSON Schema, draft 2020-12.
    pub(crate) schema: Value,
    /// The most bytes of a body.
    #[serde(default = "limit")]
    pub(crate) limit: usize,
    /// What is taken for JSON: `type/subtype` or `+suffix`.
    #[serde(default = "content_types")]
    pub(crate) content_types: Vec<String>,
    /// What becomes of bodies of another type.
    #[serde(default)]
    pub(crate) other_content_types: Other,
    /// Methods whose requests must have a body.
    #[serde(default = "methods")]
    pub(crate) body_required: Vec<String>,
    /// The most arrays and objects within each other.
    #[serde(default = "depth")]
    pub(crate) max_depth: usize,
    /// The most errors that an answer tells.
    #[serde(default = "errors")]
    pub(crate) max_errors: usize,
    /// The most schemas that are asked of a body.
    #[serde(default = "evaluations")]
    pub(crate) max_evaluations: u64,
    /// The request's headers wait for its body; for plugins with `allow_on_headers_stop_iteration`.
    #[serde(default)]
    pub(crate) hold_headers: bool,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Other {
    /// 415.
    #[default]
    Refuse,
    /// They go on as they are.
    Pass,
}

fn limit() -> usize {
    64 << 10
}

fn content_types() -> Vec<String> {
    ["application/json", "+json"].map(String::from).into()
}

fn methods() -> Vec<String> {
    ["POST", "PUT", "PATCH"].map(String::from).into()
}

fn depth() -> usize {
    32
}

fn errors() -> usize {
    8
}

fn evaluations() -> u64 {
    100_000
}

impl Config {
    /// Refuses what cannot be.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let between = |name: &str, value: usize, most: usize| match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::new(format!("{name}: {value} is not between 1 and {most}"))),
        };
        between("limit", self.limit, 16 << 20)?;
        between("max_depth", self.max_depth, DEEPEST)?;
        between("max_errors", self.max_errors, 100)?;
        between("max_evaluations", usize::try_from(self.max_evaluations).unwrap_or(usize::MAX), 100_000_000)?;
        if self.content_types.is_empty() {
            return Err(ConfigError::new("content_types is empty: nothing would be JSON"));
        }
        if let Some(text) = self.content_types.iter().find(|text| !is_content_type(text)) {
            return Err(ConfigError::new(format!(
                "content_types: \"{}\" is neither type/subtype nor +suffix",
                text.escape_debug()
            )));
        }
        match self.body_required.iter().find(|method| !is_token(method)) {
            Some(method) => Err(ConfigError::new(format!("body_required: \"{}\" is not a method", method.escape_debug()))),
            None => Ok(()),
        }
    }

    /// Whether a body of this type is JSON.
    pub(crate) fn takes(&self, content_type: &[u8]) -> bool {
        let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        self.content_types.iter().any(|text| {
            let text = text.to_ascii_lowercase();
            if text.starts_with('+') { media_type.ends_with(text.as_bytes()) } else { media_type == text.as_bytes() }
        })
    }
}

fn is_content_type(text: &str) -> bool {
    match (text.strip_prefix('+'), text.split_once('/')) {
        (Some(suffix), _) => is_token(suffix),
        (None, Some((kind, subtype))) => is_token(kind) && is_token(subtype),
        (None, None) => false,
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
