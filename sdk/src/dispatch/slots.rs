//! Where contexts live: found by the proxy's id in a look-up or two, called in place, never moved.

use alloc::boxed::Box;
use core::array;
use core::cell::{Cell, OnceCell, RefCell};

/// Values by id. One that has no other beside it takes the first slot, at an address that the compiler knows; the others are in a tree of
/// small tables, in which an id has one possible slot at each depth and takes the first that is free. Tables are made when needed
/// and stay. None ever moves, so a host may create or delete contexts while another is being called.
pub(crate) struct Slots<T> {
    first: Slot<T>,
    others: OnceCell<Box<Table<T>>>,
}

/// An id's place in the first table is that of the highest bits of its hash; in the table below it, of the next.
const BITS: u32 = 5;
const WIDTH: usize = 1 << BITS;
const DEPTH: u32 = u32::BITS.div_ceil(BITS);

struct Table<T> {
    slots: [Slot<T>; WIDTH],
    below: [OnceCell<Box<Table<T>>>; WIDTH],
}

impl<T> Table<T> {
    fn in_place(place: &OnceCell<Box<Self>>) -> Option<&Self> {
        if place.get().is_none() {
            let slots = array::from_fn(|_| Slot::empty());
            let below = array::from_fn(|_| OnceCell::new());
            // It cannot be set already: `get` said so on the line before.
            let _ = place.set(Box::new(Self { slots, below }));
        }
        place.get().map(|table| &**table)
    }
}

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

    /// Drops the value, after its borrow has ended: what an author's `Drop` does may re-enter.
    #[inline]
    fn clear(&self) {
        let removed = self.value.try_borrow_mut().ok().and_then(|mut value| value.take());
        drop(removed);
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
        Self { first: Slot::empty(), others: OnceCell::new() }
    }

    /// Puts a value in, in the place of one of the same id. Gives it back when all its slots are taken by values that were removed
    /// and are still being called.
    #[inline]
    pub(crate) fn insert(&self, id: u32, value: T) -> Result<(), T> {
        match self.others.get() {
            None => self.first.fill(id, value).or_else(|value| self.insert_below(id, value)),
            Some(_) => self.insert_below(id, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_below(&self, id: u32, mut value: T) -> Result<(), T> {
        self.remove(id);
        match self.first.fill(id, value) {
            Ok(()) => return Ok(()),
            Err(back) => value = back,
        }
        let (mut table, mut at) = (&self.others, hash(id));
        for _ in 0..DEPTH {
            let Some(Table { slots, below }) = Table::in_place(table) else { break };
            let (Some(slot), Some(next)) = (slots.get(place(at)), below.get(place(at))) else { break };
            match slot.fill(id, value) {
                Ok(()) => return Ok(()),
                Err(back) => value = back,
            }
            (table, at) = (next, at << BITS);
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
        drop(guard);
        if slot.id.get() != id {
            Self::removed_meanwhile(slot);
        }
        Found::Value(result)
    }

    /// Only the value that was called can be in the slot: no other gets in while it is borrowed.
    #[cold]
    #[inline(never)]
    fn removed_meanwhile(slot: &Slot<T>) {
        slot.clear();
    }

    /// Takes a value out and drops it; false when there was none.
    #[inline]
    pub(crate) fn remove(&self, id: u32) -> bool {
        if id == FREE {
            return false;
        }
        let Some(slot) = self.slot(id) else { return false };
        slot.id.set(FREE);
        slot.clear();
        true
    }

    /// Whether there is a value of this id.
    #[inline]
    pub(crate) fn contains(&self, id: u32) -> bool {
        id != FREE && self.slot(id).is_some()
    }

    /// The slot that says that it holds this id; of the id that means a free slot, one without a value.
    #[inline]
    fn slot(&self, id: u32) -> Option<&Slot<T>> {
        if self.first.id.get() == id { Some(&self.first) } else { self.slot_below(id) }
    }

    #[cold]
    #[inline(never)]
    fn slot_below(&self, id: u32) -> Option<&Slot<T>> {
        let (mut table, mut at) = (self.others.get()?, hash(id));
        loop {
            let slot = table.slots.get(place(at))?;
            if slot.id.get() == id {
                return Some(slot);
            }
            table = table.below.get(place(at))?.get()?;
            at <<= BITS;
        }
    }
}

/// Fibonacci hashing: consecutive ids, and ids at any stride, spread evenly; no two have the same hash.
#[inline]
fn hash(id: u32) -> u32 {
    id.wrapping_mul(0x9E37_79B9)
}

#[inline]
fn place(at: u32) -> usize {
    (at >> (u32::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::rc::Rc;
    #[cfg(not(target_family = "wasm"))]
    use std::collections::BTreeMap;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[cfg(not(target_family = "wasm"))]
    fn get(slots: &Slots<u32>, id: u32) -> Option<u32> {
        match slots.with(id, |value| *value) {
            Found::Value(value) => Some(value),
            Found::Busy | Found::Nothing => None,
        }
    }

    #[cfg(not(target_family = "wasm"))]
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
