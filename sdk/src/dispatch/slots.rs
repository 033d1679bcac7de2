//! Where the contexts of streams live: found by the proxy's id in a look-up or two, called in place, never moved.

use alloc::boxed::Box;
use core::cell::{Cell, OnceCell, RefCell};

/// A table of values by id. It is a cascade of direct-mapped tables, each twice as large as the one before: an id has one
/// possible slot in each, and takes the first that is free. The first is always there; the others are made when needed. None
/// ever moves, so a host may create or delete contexts while another is being called.
pub(crate) struct Slots<T> {
    first: [Slot<T>; 1 << FIRST_BITS],
    others: [OnceCell<Box<[Slot<T>]>>; OTHERS],
}

const FIRST_BITS: u32 = 4;
const OTHERS: usize = 16;

struct Slot<T> {
    id: Cell<u32>,
    value: RefCell<Option<T>>,
}

impl<T> Slot<T> {
    const fn empty() -> Self {
        Self { id: Cell::new(FREE), value: RefCell::new(None) }
    }

    /// Puts the value in if the slot is free. A removed value that is still being called keeps its slot until that call returns.
    #[inline]
    fn fill(&self, id: u32, value: T) -> Result<(), T> {
        if self.id.get() != FREE {
            return Err(value);
        }
        match self.value.try_borrow_mut() {
            Ok(mut empty) => {
                self.id.set(id);
                *empty = Some(value);
                Ok(())
            }
            Err(_) => Err(value),
        }
    }
}

/// Id 0 is the VM's own context, never a stream.
const FREE: u32 = 0;

/// What a look-up found.
pub(crate) enum Found<R> {
    /// The value, and what was made of it.
    Value(R),
    /// It is being called already: the host re-entered.
    Busy,
    /// No such id.
    Nothing,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { first: [const { Slot::empty() }; 1 << FIRST_BITS], others: [const { OnceCell::new() }; OTHERS] }
    }

    /// Puts a value in, in the place of one of the same id. Gives it back when a million others are in its way.
    #[inline]
    pub(crate) fn insert(&self, id: u32, value: T) -> Result<(), T> {
        self.remove(id);
        match self.first.get(index(id, FIRST_BITS)) {
            Some(slot) => slot.fill(id, value).or_else(|value| self.insert_elsewhere(id, value)),
            None => Err(value),
        }
    }

    #[cold]
    fn insert_elsewhere(&self, id: u32, mut value: T) -> Result<(), T> {
        for (table, bits) in self.others.iter().zip(FIRST_BITS + 1..) {
            if table.get().is_none() {
                // It cannot be set already: `get` said so on the line before.
                let _ = table.set((0..1_usize << bits).map(|_| Slot::empty()).collect());
            }
            let Some(slot) = table.get().and_then(|slots| slots.get(index(id, bits))) else { continue };
            match slot.fill(id, value) {
                Ok(()) => return Ok(()),
                Err(back) => value = back,
            }
        }
        Err(value)
    }

    /// Calls `f` on the value in place.
    #[inline]
    pub(crate) fn with<R>(&self, id: u32, f: impl FnOnce(&mut T) -> R) -> Found<R> {
        let Some(slot) = self.slot(id) else { return Found::Nothing };
        let Ok(mut guard) = slot.value.try_borrow_mut() else { return Found::Busy };
        let Some(value) = &mut *guard else { return Found::Nothing };
        let result = f(value);
        if slot.id.get() != id {
            // It was removed while it ran.
            let removed = guard.take();
            drop(guard);
            drop(removed);
        }
        Found::Value(result)
    }

    /// Whether there is a value of this id.
    #[inline]
    pub(crate) fn contains(&self, id: u32) -> bool {
        self.slot(id).is_some()
    }

    /// Takes a value out and drops it; false when there was none.
    #[inline]
    pub(crate) fn remove(&self, id: u32) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        slot.id.set(FREE);
        // Dropped after the borrow has ended: what an author's `Drop` does may re-enter.
        let removed = slot.value.try_borrow_mut().ok().and_then(|mut value| value.take());
        drop(removed);
        true
    }

    #[inline]
    fn slot(&self, id: u32) -> Option<&Slot<T>> {
        match self.first.get(index(id, FIRST_BITS)) {
            Some(slot) if slot.id.get() == id && id != FREE => Some(slot),
            _ => {
                self.others.first()?.get()?;
                self.slot_elsewhere(id)
            }
        }
    }

    #[cold]
    fn slot_elsewhere(&self, id: u32) -> Option<&Slot<T>> {
        if id == FREE {
            return None;
        }
        for (table, bits) in self.others.iter().zip(FIRST_BITS + 1..) {
            let slot = table.get()?.get(index(id, bits))?;
            if slot.id.get() == id {
                return Some(slot);
            }
        }
        None
    }
}

/// Fibonacci hashing: consecutive ids, and ids at any stride, spread evenly.
#[inline]
fn index(id: u32, bits: u32) -> usize {
    (id.wrapping_mul(0x9E37_79B9) >> (32 - bits)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::rc::Rc;
    use std::collections::BTreeMap;

    fn get(slots: &Slots<u32>, id: u32) -> Option<u32> {
        match slots.with(id, |value| *value) {
            Found::Value(value) => Some(value),
            Found::Busy | Found::Nothing => None,
        }
    }

    proptest::proptest! {
        #[test]
        fn behaves_as_a_map(steps in proptest::collection::vec((1_u32..200, proptest::bool::ANY), 0..400)) {
            let (slots, mut map) = (Slots::new(), BTreeMap::new());
            for (step, (id, insert)) in (0_u32..).zip(steps) {
                if insert {
                    slots.insert(id, step).unwrap();
                    map.insert(id, step);
                } else {
                    assert_eq!(slots.remove(id), map.remove(&id).is_some());
                }
                assert_eq!(get(&slots, id), map.get(&id).copied());
            }
            for id in 0..200 {
                assert_eq!(get(&slots, id), map.get(&id).copied());
            }
        }
    }

    #[test]
    fn a_value_removed_while_it_is_called_lives_until_the_call_returns() {
        let (slots, value) = (Slots::new(), Rc::new(()));
        assert!(slots.insert(5, Rc::clone(&value)).is_ok());
        let found = slots.with(5, |inner| {
            assert!(slots.remove(5));
            assert!(slots.insert(5, Rc::new(())).is_ok(), "the id is free again");
            assert_eq!(Rc::strong_count(inner), 2);
        });
        assert!(matches!(found, Found::Value(())));
        assert_eq!(Rc::strong_count(&value), 1, "dropped");
        assert!(slots.remove(5));
    }

    #[test]
    fn a_value_that_is_being_called_is_busy() {
        let slots = Slots::new();
        slots.insert(1, ()).unwrap();
        let inner = slots.with(1, |()| matches!(slots.with(1, |()| ()), Found::Busy));
        assert!(matches!(inner, Found::Value(true)));
    }
}
