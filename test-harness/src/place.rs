//! A plugin's place in the proxy's configuration, and the instance that serves it.

use crate::failure_policy::FailurePolicy;
use crate::instance::Instance;
use crate::plugin::Plugin;
use crate::refused::{Reason, Refused};
use crate::running_vm::Vms;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// A plugin's place: as a filter in the chain, an access logger, or a service.
pub(crate) struct Place {
    plugin: Plugin,
    policy: FailurePolicy,
    instance: RefCell<Rc<Instance>>,
    /// When it was last loaded, or tried to be.
    loaded: Cell<Duration>,
}

impl Place {
    pub(crate) fn start(vms: &Vms, plugin: Plugin) -> Result<Self, Refused> {
        let policy = policy_of(&plugin)?;
        let instance = RefCell::new(Rc::new(Instance::start(vms, &plugin)?));
        Ok(Self { plugin, policy, instance, loaded: Cell::new(vms.state().events.now()) })
    }

    pub(crate) fn plugin_name(&self) -> &str {
        &self.plugin.settings.name
    }

    /// The instance as it is.
    pub(crate) fn instance(&self) -> Rc<Instance> {
        Rc::clone(&self.instance.borrow())
    }

    /// The instance for a new stream: a new one where the VM has died and the policy is to reload (FAI-10).
    pub(crate) fn latest(&self, vms: &Vms) -> Rc<Instance> {
        if let FailurePolicy::Reload { base_interval } = self.policy
            && self.instance().vm.is_dead()
        {
            self.reload(vms, base_interval);
        }
        self.instance()
    }

    fn reload(&self, vms: &Vms, base_interval: Duration) {
        let state = vms.state();
        let now = state.events.now();
        let event = if now.saturating_sub(self.loaded.get()) < base_interval {
            "backoff"
        } else {
            self.loaded.set(now);
            match Instance::start(vms, &self.plugin) {
                Ok(instance) if !instance.vm.is_dead() => {
                    *self.instance.borrow_mut() = Rc::new(instance);
                    "success"
                }
                _ => "failure",
            }
        };
        state.trace.callback(format!("{}: wasm.{}.vm_reload_{event}", self.plugin_name(), self.plugin_name()));
    }

    /// Whether requests skip the plugin once its VM is dead (FAI-8, FAI-9).
    pub(crate) fn fails_open(&self) -> bool {
        self.policy == FailurePolicy::Open
    }
}

/// FAI-11: `fail_open` is the older way to say `FAIL_OPEN`.
fn policy_of(plugin: &Plugin) -> Result<FailurePolicy, Refused> {
    match (plugin.failure_policy, plugin.settings.fail_open) {
        (Some(_), true) => {
            let name = plugin.settings.name.clone();
            Err(Refused::new(name, Reason::FailOpenAndFailurePolicy, Vec::new()))
        }
        (Some(policy), false) => Ok(policy),
        (None, true) => Ok(FailurePolicy::Open),
        (None, false) => Ok(FailurePolicy::Closed),
    }
}
