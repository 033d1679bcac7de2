//! Functions that a proxy offers by name, beside the ABI.

use crate::{Context, Status};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// A foreign function did not do its work.
///
/// ```
/// use proxy_filter::{ForeignError, Status};
/// let error = ForeignError { function: "acme.country".into(), status: Status::NotFound };
/// assert_eq!(error.to_string(), "foreign function acme.country failed: NOT_FOUND: the proxy has no such function");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignError {
    /// Its name.
    pub function: Box<str>,
    /// What it answered, or `NOT_FOUND` for a function that the proxy lacks (FOR-1).
    pub status: Status,
}

impl fmt::Display for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "foreign function {} failed: {}", self.function, self.status)?;
        f.write_str(match (&*self.function, self.status) {
            ("set_envoy_filter_state", Status::NotFound) => {
                ": the proxy makes no object of this key from a text, or this is no stream"
            }
            ("set_envoy_filter_state", Status::BadArgument) => ": the key's object cannot have this value",
            ("set_upstream_override_host", Status::NotFound) => ": Envoy up to 1.40 has no such function",
            ("expr_evaluate", Status::NotFound) => ": there is no such expression",
            ("expr_evaluate", Status::InternalFailure) => ": the expression asks for what is not there, or fails otherwise",
            ("expr_evaluate", Status::BadArgument) => ": another context's callback runs, for which it would be evaluated",
            ("expr_create", Status::BadArgument) => ": the text is no expression",
            ("declare_property", Status::BadArgument) => ": the property is declared already",
            ("sign" | "verify_signature", Status::BadArgument) => ": there is no key",
            ("expr_evaluate", Status::ResultMismatch) => ": the value is not of the type that was asked for",
            (_, Status::NotFound) => ": the proxy has no such function",
            _ => "",
        })
    }
}

impl core::error::Error for ForeignError {}

impl Context {
    /// Calls a function that the proxy offers by name, beside the ABI. Those of Envoy have a typed form in [`envoy`](crate::envoy).
    ///
    /// On the mock host `Builder::foreign_function` makes one, and `MockProxy::foreign_calls` tells what was called.
    ///
    /// A module that uses this imports `proxy_call_foreign_function`: a proxy without it does not load the module.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// /// The country of an address, where the proxy can tell.
    /// fn country(context: &Context, address: &str) -> Result<Option<Vec<u8>>, Failure> {
    ///     match context.call_foreign_function("acme.country", address) {
    ///         Ok(country) => Ok(Some(country)),
    ///         Err(error) if error.status == Status::NotFound => Ok(None),
    ///         Err(error) => Err(error.into()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// A [`ForeignError`] that names the function: `NOT_FOUND` when the proxy has none of this name (FOR-1), else what the function
    /// answers.
    pub fn call_foreign_function(&self, name: &str, arguments: impl AsRef<[u8]>) -> Result<Vec<u8>, ForeignError> {
        let call = self.host().and_then(|host| host.proxy_call_foreign_function(name.as_bytes(), arguments.as_ref()));
        call.map_err(|error| ForeignError { function: name.into(), status: error.status })
    }
}
