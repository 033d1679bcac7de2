//! What a VM may use of the host, and which of its callbacks are called (CAP-1 to CAP-5).

use super::VmHost;
use proxy_filter_abi::{AbiVersion, Callback, LogLevel, Status};
use std::collections::BTreeSet;

/// The capabilities that a VM's configuration lists; none at all restrict nothing (CAP-1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Adds a name.
    ///
    /// # Errors
    /// What is wrong with it, and what may be meant: Envoy would take it and allow nothing by it.
    pub(crate) fn add(&mut self, name: &str) -> Result<(), String> {
        if is_known(name) {
            self.0.insert(name.to_owned());
            return Ok(());
        }
        let meant = [format!("proxy_{name}"), format!("proxy_on_{name}"), name.to_ascii_lowercase()];
        let meant = name.rsplit_once('.').map(|(_, bare)| bare.to_owned()).into_iter().chain(meant).find(|meant| is_known(meant));
        let mend = meant.map_or_else(
            || "it is the name of a hostcall (proxy_log), a callback (proxy_on_tick) or a WASI function (fd_write)".to_owned(),
            |meant| format!("did you mean {meant:?}?"),
        );
        Err(format!("{name:?} is no capability: {mend}"))
    }

    pub(crate) fn allow(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.contains(name)
    }
}

fn is_known(name: &str) -> bool {
    // Without Wasmtime no plugin can call a WASI function.
    #[cfg(feature = "wasmtime")]
    let is_wasi = crate::vm::wasm::is_wasi_function(name);
    #[cfg(not(feature = "wasmtime"))]
    let is_wasi = !name.starts_with("proxy_") && !name.contains('.');
    is_wasi || AbiVersion::ALL.iter().any(|version| version.hostcall(name).is_some() || version.callback(name).is_some())
}

impl VmHost {
    /// CAP-2: a hostcall that is not allowed fails before anything is looked at.
    pub(crate) fn permit(&self, hostcall: &str) -> Result<(), Status> {
        if self.vm().capabilities.allow(hostcall) {
            return Ok(());
        }
        self.log_restricted("proxy-wasm", hostcall);
        Err(Status::InternalFailure)
    }

    /// CAP-4: whether a WASI function may be called.
    pub(crate) fn permits_wasi(&self, function: &str) -> bool {
        let allowed = self.vm().capabilities.allow(function);
        if !allowed {
            self.log_restricted("WASI", function);
        }
        allowed
    }

    /// CAP-3: a callback that is not allowed is as if it were not exported.
    pub(crate) fn permits_callback(&self, callback: &Callback) -> bool {
        self.vm().capabilities.allow(callback.name())
    }

    fn log_restricted(&self, kind: &str, name: &str) {
        let message = format!("Attempted call to restricted {kind} capability: {name}");
        self.state().log(LogLevel::Error, &self.plugin().name, message.as_bytes());
    }
}
