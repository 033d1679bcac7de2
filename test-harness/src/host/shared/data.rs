//! Shared data (SHD): values by vm_id and key, each with the number of the store that made it.

use super::size_of;
use proxy_filter_abi::Status;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// All values that are shared.
#[derive(Debug)]
pub(crate) struct Data {
    values: RefCell<BTreeMap<(String, Vec<u8>), Value>>,
    /// SHD-6: one for all keys of all ids.
    next_cas: Cell<u32>,
    /// What they take up.
    bytes: Cell<usize>,
}

#[derive(Clone, Debug)]
struct Value {
    bytes: Vec<u8>,
    cas: u32,
}

impl Default for Data {
    fn default() -> Self {
        Self { values: RefCell::default(), next_cas: Cell::new(1), bytes: Cell::default() }
    }
}

impl Data {
    /// SHD-2, SHD-7.
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        let values = self.values.borrow();
        values.get(&(vm_id.to_owned(), key.to_vec())).map(|value| (value.bytes.clone(), value.cas))
    }

    /// SHD-3: with a number other than 0, only in the place of the value that has it, or of none. `INTERNAL_FAILURE` where all
    /// would take up more than `most` bytes.
    pub(crate) fn set(&self, most: usize, vm_id: &str, key: &[u8], bytes: &[u8], cas: u32) -> Result<(), Status> {
        let mut values = self.values.borrow_mut();
        let place = (vm_id.to_owned(), key.to_vec());
        let old = values.get(&place);
        if cas != 0 && old.is_some_and(|old| old.cas != cas) {
            return Err(Status::CasMismatch);
        }
        let size = |bytes: &[u8]| size_of(&[vm_id.as_bytes(), key, bytes]);
        let taken = self.bytes.get() + size(bytes) - old.map_or(0, |old| size(&old.bytes));
        if taken > most {
            return Err(Status::InternalFailure);
        }
        self.bytes.set(taken);
        let cas = self.next_cas.replace(self.next_cas.get().wrapping_add(1));
        values.insert(place, Value { bytes: bytes.to_vec(), cas });
        Ok(())
    }

    /// The keys that have a value, in their order.
    pub(crate) fn keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        self.values.borrow().keys().filter(|(id, _)| id == vm_id).map(|(_, key)| key.clone()).collect()
    }

    /// Drops what is shared by this id.
    pub(super) fn forget(&self, vm_id: &str) {
        self.values.borrow_mut().retain(|(id, key), value| {
            if id == vm_id {
                self.bytes.set(self.bytes.get() - size_of(&[id.as_bytes(), key, &value.bytes]));
            }
            id != vm_id
        });
    }
}
