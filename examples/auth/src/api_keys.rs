//! API keys: random words that a client sends in a header. The configuration holds only what SHA-256 makes of them.

use crate::identity::{Identity, is_header_name, is_header_value};
use proxy_filter::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeysConfig {
    #[serde(default = "x_api_key")]
    header: String,
    keys: Vec<ApiKeyConfig>,
}

fn x_api_key() -> String {
    "x-api-key".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiKeyConfig {
    id: String,
    sha256: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    scopes: Vec<String>,
}

pub(crate) struct ApiKeys {
    pub(crate) header: String,
    keys: Vec<([u8; 32], Rc<Identity>)>,
}

impl ApiKeys {
    pub(crate) fn new(config: ApiKeysConfig) -> Result<Self, ConfigError> {
        if !is_header_name(&config.header) || config.header == "authorization" {
            let header = config.header.as_bytes().escape_ascii();
            return Err(ConfigError::new(format!(
                "api_keys.header: \"{header}\" is not a header name in lower case, or has a meaning"
            )));
        }
        if config.keys.is_empty() {
            return Err(ConfigError::new("api_keys.keys is empty: leave `api_keys` out, or give one"));
        }
        let mut keys = Vec::with_capacity(config.keys.len());
        for key in config.keys {
            let digest = unhex(&key.sha256).ok_or_else(|| {
                let mend = "must be the 64 hexadecimal digits that `printf %s KEY | sha256sum` prints";
                ConfigError::new(format!("api_keys: the key \"{}\": `sha256` {mend}", key.id))
            })?;
            keys.push((digest, fixed_identity("api_keys", &key.id, key.headers, key.scopes)?));
        }
        Ok(Self { header: config.header, keys })
    }

    /// The headers that its keys fill.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().flat_map(|(_, identity)| identity.headers.iter().map(|(name, _)| name.as_str()))
    }

    /// Compares with every key, each in the same time, however much of it is right.
    pub(crate) fn find(&self, sent: &[u8]) -> Option<Rc<Identity>> {
        let sent: [u8; 32] = Sha256::digest(sent).into();
        let mut found = u32::MAX;
        for (at, (digest, _)) in (0_u32..).zip(&self.keys) {
            found.conditional_assign(&at, digest.ct_eq(&sent));
        }
        let (_, identity) = self.keys.get(usize::try_from(found).ok()?)?;
        Some(Rc::clone(identity))
    }
}

/// Whom a configured key is of.
pub(crate) fn fixed_identity(
    list: &str,
    id: &str,
    headers: Vec<(String, String)>,
    scopes: Vec<String>,
) -> Result<Rc<Identity>, ConfigError> {
    if let Some((name, _)) = headers.iter().find(|(_, value)| !is_header_value(value)) {
        let what = "has a control character, or white space around it";
        return Err(ConfigError::new(format!("{list}: the key \"{id}\": the value of \"{}\" {what}", name.escape_debug())));
    }
    Ok(Rc::new(Identity { headers, scopes }))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let mut digits = pair.iter().map(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(digits.next()?? * 16 + digits.next()??).ok()?;
    }
    Some(bytes)
}
