//! What must not be seen: in no log, no reply, no `Debug`.

use proxy_filter::prelude::*;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny};

/// Text from a configuration. An error about it does not repeat what was written there, as serde's own would.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Other(IgnoredAny),
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text)),
            Written::Other(IgnoredAny) => Err(Error::custom("a secret must be text in quotes")),
        }
    }
}
