//! The cookie that a client is given, so that it is known when it comes again.

use proxy_filter::prelude::*;
use serde::Deserialize;

/// The attributes of the cookie.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Attributes {
    path: String,
    /// In seconds.
    max_age: u32,
    same_site: SameSite,
    secure: bool,
    http_only: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum SameSite {
    Strict,
    Lax,
    None,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { path: "/".to_string(), max_age: 30 * 24 * 60 * 60, same_site: SameSite::Lax, secure: true, http_only: true }
    }
}

/// A cookie that is set where it is missing.
pub(crate) struct StickyCookie {
    /// What stands before the value, and what stands after it.
    before: String,
    after: String,
}

impl StickyCookie {
    /// Checks what a browser would otherwise silently not keep.
    pub(crate) fn new(field: &str, name: &str, attributes: &Attributes) -> Result<Self, ConfigError> {
        let Attributes { path, max_age, same_site, secure, http_only } = attributes;
        let refuse = |reason: &str| Err(ConfigError::new(format!("{field}: {reason}")));
        if !path.starts_with('/') || path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b';') {
            return refuse(&format!(
                "the path \"{}\" does not begin with / or holds what no path does",
                path.as_bytes().escape_ascii()
            ));
        }
        if *max_age == 0 {
            return refuse("a max_age of 0 would delete the cookie at once");
        }
        if *same_site == SameSite::None && !secure {
            return refuse("same_site none needs secure, or browsers drop the cookie");
        }
        if name.starts_with("__Secure-") && !secure {
            return refuse("a name with __Secure- needs secure, or browsers drop the cookie");
        }
        if name.starts_with("__Host-") && !(*secure && path == "/") {
            return refuse("a name with __Host- needs secure and the path /, or browsers drop the cookie");
        }
        let same_site = match same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        };
        let (secure, http_only) = (if *secure { "; Secure" } else { "" }, if *http_only { "; HttpOnly" } else { "" });
        let after = format!("; Path={path}; Max-Age={max_age}; SameSite={same_site}{secure}{http_only}");
        Ok(Self { before: format!("{name}="), after })
    }

    /// The value of a header `set-cookie`.
    pub(crate) fn line(&self, client: &ClientId) -> Vec<u8> {
        [self.before.as_bytes(), &client.0, self.after.as_bytes()].concat()
    }
}

/// What tells a client from others: 64 random bits, in hexadecimal digits.
pub(crate) struct ClientId([u8; 16]);

impl ClientId {
    pub(crate) fn random(context: &Context) -> Result<Self, Error> {
        let mut random = [0; 8];
        context.random_bytes(&mut random)?;
        let mut digits = [0; 16];
        for (place, byte) in digits.chunks_exact_mut(2).zip(random) {
            place.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Ok(Self(digits))
    }
}

impl AsRef<[u8]> for ClientId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn digit(number: u8) -> u8 {
    if number < 10 { b'0' + number } else { b'a' + number - 10 }
}
