//! What a client is told from others by.

use crate::names::check_token;
use crate::sticky_cookie::{Attributes, StickyCookie};
use proxy_filter::prelude::*;
use serde::Deserialize;

/// One way to know a client, as it is configured.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Hash {
    Header(String),
    Cookie(Cookie),
    ClientAddress,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cookie {
    name: String,
    /// The cookie is set where it is missing.
    set: Option<Attributes>,
}

/// The same, checked.
pub(crate) enum HashKey {
    Header(String),
    Cookie(String, Option<StickyCookie>),
    ClientAddress,
}

impl HashKey {
    /// Checks each key, and that there is none behind one that every request has.
    pub(crate) fn list(hash: Vec<Hash>) -> Result<Vec<Self>, ConfigError> {
        let last = hash.len().saturating_sub(1);
        let keys = hash.into_iter().enumerate().map(|(place, hash)| {
            let key = Self::new(place, hash)?;
            match &key {
                Self::Cookie(name, Some(_)) if place < last => Err(ConfigError::new(format!(
                    "hash[{place}]: what follows the cookie \"{name}\" is never asked: that is set where it is missing"
                ))),
                Self::ClientAddress if place < last => Err(ConfigError::new(format!(
                    "hash[{place}]: what follows the client_address is never asked: every client has one"
                ))),
                _ => Ok(key),
            }
        });
        keys.collect()
    }

    fn new(place: usize, hash: Hash) -> Result<Self, ConfigError> {
        match hash {
            Hash::Header(name) => {
                check_token(&format!("hash[{place}].header"), &name, "a header name")?;
                Ok(Self::Header(name))
            }
            Hash::Cookie(Cookie { name, set }) => {
                check_token(&format!("hash[{place}].cookie.name"), &name, "a cookie name")?;
                let set = set
                    .map(|attributes| StickyCookie::new(&format!("hash[{place}].cookie.set"), &name, &attributes))
                    .transpose()?;
                Ok(Self::Cookie(name, set))
            }
            Hash::ClientAddress => Ok(Self::ClientAddress),
        }
    }
}
