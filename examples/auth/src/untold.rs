//! What must not be said of a configuration.

use proxy_filter::prelude::*;
use serde::de::{Deserialize, Deserializer, Error};

/// A part of a configuration that holds secrets. An error about it does not repeat what was written there, as serde's own would.
pub(crate) struct Untold<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Untold<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self).map_err(|error| {
            let said = error.to_string();
            // `invalid type: string "…", expected …`: of what was written only the kind stays.
            match said.rsplit_once(", expected ") {
                Some((found, expected)) => {
                    let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
                    D::Error::custom(format!("{kind}, expected {expected}"))
                }
                None => error,
            }
        })
    }
}
