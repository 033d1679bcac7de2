use crate::runtime::{Decimal, concat};
use alloc::{string::String, string::ToString, vec::Vec};
use core::fmt;

/// What a plugin's configuration can be read into: the `Config` of a [`RootContext`](crate::RootContext).
///
/// | type | reads |
/// |---|---|
/// | `()` | nothing: the configuration is not even fetched |
/// | `Vec<u8>` | the bytes |
/// | `String` | UTF-8 text |
/// | `Option<C>` | `None` where the configuration is empty, otherwise `C` |
/// | [`Json<T>`](crate::Json) | JSON, by serde |
///
/// ```
/// use proxy_filter::{ConfigError, FromConfig};
/// struct Percent(u8);
/// impl FromConfig for Percent {
///     fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
///         let text = String::from_config(bytes)?;
///         match text.trim().parse() {
///             Ok(number @ 0..=100) => Ok(Self(number)),
///             Ok(_) => Err(ConfigError::new("must be at most 100")),
///             Err(error) => Err(error.into()),
///         }
///     }
/// }
/// assert_eq!(Percent::from_config(b"30").map(|p| p.0).unwrap(), 30);
/// assert_eq!(Percent::from_config(b"300").err().unwrap().to_string(), "number too large to fit in target type");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a plugin's configuration",
    note = "for JSON derive `serde::Deserialize` for it and write `type Config = Json<{Self}>`, or implement `FromConfig`"
)]
pub trait FromConfig: Sized {
    /// Whether the configuration has to be fetched from the proxy at all.
    const NEEDS_BYTES: bool = true;

    /// Reads the configuration's bytes.
    ///
    /// Envoy passes those of a `google.protobuf.StringValue` or `BytesValue` (LIF-24); any other type comes as serialised
    /// protobuf (LIF-25). Istio passes `pluginConfig` as JSON.
    ///
    /// # Errors
    /// Why the bytes are not a configuration. It is logged, and the proxy refuses to load the plugin.
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError>;
}

impl FromConfig for () {
    const NEEDS_BYTES: bool = false;
    fn from_config(_bytes: &[u8]) -> Result<Self, ConfigError> {
        Ok(())
    }
}

impl FromConfig for Vec<u8> {
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
        Ok(bytes.to_vec())
    }
}

impl FromConfig for String {
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(error) => {
                let place = Decimal::new(u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX));
                let text = concat(&[b"not UTF-8 text: invalid byte at ", place.as_bytes()]);
                Err(ConfigError(String::from_utf8_lossy(&text).into_owned()))
            }
        }
    }
}

impl<C: FromConfig> FromConfig for Option<C> {
    const NEEDS_BYTES: bool = C::NEEDS_BYTES;
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.is_empty() { Ok(None) } else { C::from_config(bytes).map(Some) }
    }
}

/// A configuration in JSON, deserialised by serde.
///
/// ```
/// use proxy_filter::{FromConfig, Json};
/// #[derive(serde::Deserialize, Debug)]
/// #[serde(deny_unknown_fields)]
/// struct Config { name: String, limit: u32 }
///
/// let Json(config) = Json::<Config>::from_config(br#"{"name": "cart", "limit": 5}"#).unwrap();
/// assert_eq!((config.name.as_str(), config.limit), ("cart", 5));
///
/// let error = Json::<Config>::from_config(br#"{"name": "cart", "limit": "5"}"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"invalid type: string "5", expected u32 at line 1 column 29"#);
/// ```
#[cfg(feature = "json")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

#[cfg(feature = "json")]
impl<T: serde::de::DeserializeOwned> FromConfig for Json<T> {
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
        match serde_json::from_slice(bytes) {
            Ok(value) => Ok(Self(value)),
            Err(error) => {
                let mut text = error.to_string();
                // JSON has no control characters but white space; a protobuf message has its tags and lengths.
                let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
                if bytes.is_empty() {
                    text.push_str(" (the configuration is empty)");
                } else if bytes.iter().take(16).any(control) {
                    text.push_str(" (these bytes look like protobuf: in Envoy, pass JSON as a google.protobuf.StringValue)");
                }
                Err(ConfigError(text))
            }
        }
    }
}

/// Why a plugin does not accept its configuration, or could not be made.
///
/// `?` makes one from every error; [`new`](Self::new) from a text. It is logged at level error, and the proxy then refuses to
/// load the plugin (LIF-13).
pub struct ConfigError(pub(crate) String);

impl ConfigError {
    /// An error of one's own, told in a sentence that names the field and the mend.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl<E: core::error::Error + 'static> From<E> for ConfigError {
    fn from(error: E) -> Self {
        Self(crate::Failure::from(error).text())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Config {
        name: String,
    }

    #[test]
    fn a_bad_configuration_is_told_with_line_column_and_cause() {
        let text = |bytes: &[u8]| Json::<Config>::from_config(bytes).unwrap_err().to_string();
        assert_eq!(text(b"{\n  \"nam\": 1\n}"), "missing field `name` at line 3 column 1");
        assert!(text(b"").ends_with("(the configuration is empty)"), "{}", text(b""));
        assert!(text(b"\x0a\x08\x0a\x01").contains("StringValue"), "{}", text(b"\x0a\x08\x0a\x01"));
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_the_place() {
        assert_eq!(String::from_config(b"ab\xffc").unwrap_err().to_string(), "not UTF-8 text: invalid byte at 2");
        assert_eq!(Option::<String>::from_config(b"").unwrap(), None);
    }
}
