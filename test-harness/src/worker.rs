//! A worker thread of the proxy: its VMs, and the plugins in them that its streams pass.

use crate::host::State;
use crate::instance::Instance;
use crate::place::Place;
use crate::plugin::Plugin;
use crate::refused::Refused;
use crate::running_vm::{Thread, Vms};
use std::cell::RefCell;
use std::rc::Rc;

/// A worker: no VM is another's (LIF-8).
pub(crate) struct Worker {
    pub(crate) vms: Vms,
    pub(crate) filters: RefCell<Vec<Rc<Place>>>,
    pub(crate) loggers: RefCell<Vec<Rc<Place>>>,
}

impl Worker {
    pub(crate) fn new(state: &Rc<State>, thread: Thread) -> Self {
        Self { vms: Vms::new(Rc::clone(state), thread), filters: RefCell::default(), loggers: RefCell::default() }
    }

    /// Starts its instances of the plugins.
    pub(crate) fn start(&self, loggers: &[Plugin], filters: &[Plugin]) -> Result<(), Refused> {
        let place = |plugin: &Plugin| Place::start(&self.vms, plugin.clone()).map(Rc::new);
        self.loggers.replace(loggers.iter().map(place).collect::<Result<_, _>>()?);
        self.filters.replace(filters.iter().map(place).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Whether it has a filter or an access logger of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let of_name = |place: &Rc<Place>| place.plugin_name() == name;
        self.filters.borrow().iter().any(of_name) || self.loggers.borrow().iter().any(of_name)
    }

    /// Puts a new instance in the place of the filter of its name, or of the access logger; gives the old one.
    pub(crate) fn replace(&self, plugin: &Plugin) -> Result<Option<Rc<Instance>>, Refused> {
        let new = Rc::new(Place::start(&self.vms, plugin.clone())?);
        let mut places = [self.filters.borrow_mut(), self.loggers.borrow_mut()];
        let old = places.iter_mut().flat_map(|places| places.iter_mut()).find(|place| place.plugin_name() == new.plugin_name());
        Ok(old.map(|old| std::mem::replace(old, new).instance()))
    }

    /// Whether a new stream would come to this root.
    pub(crate) fn serves_by(&self, instance: &Instance) -> bool {
        let serves = |place: &Rc<Place>| Rc::ptr_eq(&place.instance().root, &instance.root);
        self.filters.borrow().iter().any(serves) || self.loggers.borrow().iter().any(serves)
    }
}
