//! Properties by path, and those that filters set.

use super::{FromProperty, PropertyError, SetPropertyError};
use crate::{Context, Error, HttpStream, Status, Tcp};
use alloc::string::String;
use alloc::vec::Vec;
use proxy_filter_abi::path;

/// What Envoy answers for itself: what is set under such a name is never read.
const BUILT_IN: &[&str] = &[
    "request",
    "response",
    "source",
    "destination",
    "connection",
    "connection_id",
    "upstream",
    "upstream_filter_state",
    "xds",
    "metadata",
    "filter_state",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
];

/// Reads the property of a path on the wire.
pub(super) fn read<T: FromProperty>(context: &Context, path: &[u8]) -> Result<Option<T>, PropertyError> {
    match context.host()?.proxy_get_property(path) {
        Ok(bytes) => T::from_property(bytes).map(Some).map_err(|shape| {
            let dotted = path.iter().map(|byte| if *byte == 0 { b'.' } else { *byte }).collect::<Vec<u8>>();
            PropertyError::WrongShape { property: String::from_utf8_lossy(&dotted).into_owned(), shape }
        }),
        Err(Error { status: Status::NotFound, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Context {
    /// Reads a property by its path, with the type of its value; `None` where there is none.
    ///
    /// For what has no name in [`property`](crate::property): metadata, filter state, what other proxies know.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # fn read(http: &HttpStream) -> Result<(), Failure> {
    /// let tier: Option<String> = http.property_at(&["xds", "route_metadata", "filter_metadata", "shop", "tier"])?;
    /// // What another filter has set as `tenant`, by its key in the filter state (PRO-12).
    /// let tenant: Option<String> = http.property_at(&["filter_state", "wasm.tenant"])?;
    /// # let _ = (tier, tenant);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Properties::property`](crate::property::Properties::property); [`PropertyError::NulInPart`].
    pub fn property_at<T: FromProperty>(&self, path: &[&str]) -> Result<Option<T>, PropertyError> {
        read(self, &path::encode(path).map_err(|error| PropertyError::NulInPart { index: error.index })?)
    }

    /// Reads a property by its path, as the proxy has it; `None` where there is none.
    ///
    /// # Errors
    /// As [`property_at`](Self::property_at).
    pub fn property_bytes(&self, path: &[&str]) -> Result<Option<Vec<u8>>, PropertyError> {
        self.property_at(path)
    }
}

fn set(context: &Context, name: &str, value: &[u8]) -> Result<(), SetPropertyError> {
    if name.is_empty() {
        return Err(SetPropertyError::EmptyName);
    }
    if name.bytes().any(|byte| byte == 0) {
        return Err(SetPropertyError::NulInName);
    }
    if let Some(name) = BUILT_IN.iter().find(|built_in| **built_in == name) {
        return Err(SetPropertyError::BuiltIn { name });
    }
    let host = context.host().map_err(SetPropertyError::Host)?;
    host.proxy_set_property(name.as_bytes(), value).map_err(SetPropertyError::Host)
}

macro_rules! set_property {
    ($($stream:ident: $what:literal;)*) => {
        $(impl $stream {
            #[doc = concat!("Sets a property of the ", $what, ", for the later callbacks of this filter, and for all others that it passes: \
                those of other VMs and access loggers too (PRO-11).")]
            ///
            /// The name has one part. It is read back as the property of that name; see [`property`](crate::property).
            ///
            /// # Errors
            /// What could never be read back is refused before it is set; what the host answers.
            pub fn set_property(&self, name: &str, value: impl AsRef<[u8]>) -> Result<(), SetPropertyError> {
                set(self, name, value.as_ref())
            }
        })*
    };
}

set_property! {
    HttpStream: "stream";
    Tcp: "connection";
}
