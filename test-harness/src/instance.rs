//! A plugin at its place in the chain: a root of a VM, which other plugins may share.

use crate::host::Root;
use crate::plugin::Plugin;
use crate::refused::Refused;
use crate::running_vm::{RunningVm, Vms};
use std::rc::Rc;

/// A plugin at its place in the chain.
pub(crate) struct Instance {
    pub(crate) vm: Rc<RunningVm>,
    pub(crate) root: Rc<Root>,
}

impl Instance {
    /// Starts a plugin: in a VM that runs already where one has its code and settings, and there with a root that it shares with
    /// plugins of the same name, root id and configuration (LIF-11).
    pub(crate) fn start(vms: &Vms, plugin: &Plugin) -> Result<Self, Refused> {
        let settings = Rc::new(plugin.settings.clone());
        let refuse = |reason| Refused::new(settings.name.clone(), reason, vms.state().log.borrow().clone());
        let vm = vms.get_or_start(plugin, &settings).map_err(refuse)?;
        let root = match vm.host.root_of(&settings) {
            Some(root) => root,
            None => vm.start_root(&settings).map_err(refuse)?,
        };
        Ok(Self { vm, root })
    }
}
