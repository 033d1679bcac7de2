//! What all VMs of a proxy share, by their vm_id: data and queues.

mod data;
mod queues;

pub(crate) use data::Data;
pub(crate) use queues::Queues;

use std::cell::RefCell;
use std::collections::BTreeMap;

/// What the VMs of a proxy share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) data: Data,
    pub(crate) queues: Queues,
    /// How many VMs there are of each vm_id.
    vms: RefCell<BTreeMap<String, usize>>,
}

impl Shared {
    /// A VM of this id begins.
    pub(crate) fn arrive(&self, vm_id: &str) {
        *self.vms.borrow_mut().entry(vm_id.to_owned()).or_default() += 1;
    }

    /// A VM of this id is no more; what the VMs of an id share goes with the last of them (SHD-8).
    pub(crate) fn leave(&self, vm_id: &str) {
        let mut vms = self.vms.borrow_mut();
        let left = vms.get(vm_id).map_or(0, |count| count.saturating_sub(1));
        if left > 0 {
            vms.insert(vm_id.to_owned(), left);
            return;
        }
        vms.remove(vm_id);
        self.data.forget(vm_id);
        self.queues.forget(vm_id);
    }
}

/// What an entry or an item costs besides its bytes.
const OVERHEAD: usize = 64;

/// What these bytes take up.
fn size_of(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum::<usize>().saturating_add(OVERHEAD)
}
