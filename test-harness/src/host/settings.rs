//! How plugins and VMs are configured.

use super::Capabilities;
use std::collections::BTreeMap;

/// What a plugin is configured with, in the proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct PluginSettings {
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) vm: VmSettings,
    pub(crate) allow_on_headers_stop_iteration: bool,
    pub(crate) fail_open: bool,
}

impl PluginSettings {
    /// Whether one root serves both, in one VM.
    pub(crate) fn shares_root_with(&self, other: &Self) -> bool {
        let key = |plugin: &Self| (plugin.name.clone(), plugin.root_id.clone(), plugin.configuration.clone());
        key(self) == key(other)
    }
}

/// What a VM is configured with; plugins that agree in it, and in the code, share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VmSettings {
    pub(crate) vm_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) capabilities: Capabilities,
    /// What WASI's `environ_get` gives (ENV-1).
    pub(crate) environment: BTreeMap<String, String>,
}
