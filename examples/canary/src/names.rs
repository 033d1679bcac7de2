//! What HTTP allows in names.

use proxy_filter::prelude::*;

/// RFC 9110 (5.6.2): the characters of names of headers and cookies.
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Checks a name that stands in this field of the configuration; `what` it would be.
pub(crate) fn check_token(field: &str, name: &str, what: &str) -> Result<(), ConfigError> {
    if is_token(name) {
        return Ok(());
    }
    Err(ConfigError::new(format!("{field}: \"{}\" is not {what}", name.as_bytes().escape_ascii())))
}
