//! The allocator of `no_std_runtime!`: small in code, constant in time, and without a word of overhead for each block.
//!
//! A block is of a power of two of bytes. A freed one is kept for the next of its size, so that a filter which does the same work for
//! each stream stops growing after the first. What it does not do is to join neighbours: memory once used for small blocks is not
//! used for a large one. A filter for which that matters links std, whose allocator does.

use core::cell::Cell;

/// The linear memory under a [`Heap`]: words by address.
pub(crate) trait Memory {
    /// Reads the word at an address that was allocated from this memory.
    fn load(&self, address: usize) -> usize;
    /// Writes the word at an address that was allocated from this memory.
    fn store(&self, address: usize, word: usize);
    /// Adds at least so many bytes at the end and gives where they begin and how many they are.
    fn grow(&self, bytes: usize) -> Option<(usize, usize)>;
}

/// Which memory is free.
pub(crate) struct Heap<M> {
    memory: M,
    /// For each power of two, the first freed block of that size, each holding the address of the next; 0 ends the list.
    freed: [Cell<usize>; CLASSES],
    /// What has never been allocated yet.
    unused: Cell<usize>,
    end: Cell<usize>,
}

/// The smallest block, 8 bytes, holds a word and is aligned for every number.
const SMALLEST: u32 = 3;
/// Up to 2 GiB, half of a 32-bit memory.
const CLASSES: usize = 29;

impl<M: Memory> Heap<M> {
    pub(crate) const fn new(memory: M) -> Self {
        Self { memory, freed: [const { Cell::new(0) }; CLASSES], unused: Cell::new(0), end: Cell::new(0) }
    }

    /// A freed block of this size and alignment, if there is one.
    #[inline]
    pub(crate) fn reuse(&self, size: usize, align: usize) -> Option<usize> {
        let freed = self.freed.get(class(size, align))?;
        let block = freed.get();
        // An alignment above its size is not that of every block in the list.
        if block == 0 || block & (align - 1) != 0 {
            return None;
        }
        freed.set(self.memory.load(block));
        Some(block)
    }

    /// A block that was never used before, if the memory can hold it.
    pub(crate) fn extend(&self, size: usize, align: usize) -> Option<usize> {
        let class = class(size, align);
        if class >= CLASSES {
            return None;
        }
        let size = size_of_class(class);
        let fits = |unused: usize| {
            let block = unused.checked_add(align - 1)? & !(align - 1);
            let after = block.checked_add(size)?;
            (unused != 0 && after <= self.end.get()).then_some((block, after))
        };
        let (block, after) = fits(self.unused.get()).or_else(|| {
            let (start, added) = self.memory.grow(size.checked_add(align)?)?;
            if start != self.end.get() {
                // Somebody else has grown the memory in between: theirs stays theirs.
                self.unused.set(start);
            }
            self.end.set(start.checked_add(added)?);
            fits(self.unused.get())
        })?;
        self.unused.set(after);
        Some(block)
    }

    /// Takes a block back, of the size and alignment that it was asked for.
    #[inline]
    pub(crate) fn free(&self, block: usize, size: usize, align: usize) {
        if let Some(freed) = self.freed.get(class(size, align)) {
            self.memory.store(block, freed.get());
            freed.set(block);
        }
    }

    /// Whether a block of the one size holds the other too.
    #[inline]
    pub(crate) fn same_block(size: usize, other: usize, align: usize) -> bool {
        class(size, align) == class(other, align)
    }
}

/// Which list a block is of.
#[inline]
fn class(size: usize, align: usize) -> usize {
    // One less, so that a power of two is its own; as a number of bits it is that of the next power.
    let bits = usize::BITS - (size.max(align).max(1 << SMALLEST) - 1).leading_zeros();
    (bits - SMALLEST) as usize
}

fn size_of_class(class: usize) -> usize {
    1 << (class + SMALLEST as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeMap, vec::Vec};
    use core::cell::RefCell;
    #[cfg(not(target_family = "wasm"))]
    use proptest::prelude::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PAGE: usize = 65_536;
    const BASE: usize = 16 * PAGE;

    /// A memory that is only a map of the words written.
    #[derive(Default)]
    struct Words {
        words: RefCell<BTreeMap<usize, usize>>,
        pages: Cell<usize>,
        most: usize,
    }

    impl Memory for Words {
        fn load(&self, address: usize) -> usize {
            self.words.borrow()[&address]
        }
        fn store(&self, address: usize, word: usize) {
            self.words.borrow_mut().insert(address, word);
        }
        fn grow(&self, bytes: usize) -> Option<(usize, usize)> {
            let (before, more) = (self.pages.get(), bytes.div_ceil(PAGE));
            if before + more > self.most {
                return None;
            }
            self.pages.set(before + more);
            Some((BASE + before * PAGE, more * PAGE))
        }
    }

    fn heap(most: usize) -> Heap<Words> {
        Heap::new(Words { most, ..Words::default() })
    }

    fn allocate(heap: &Heap<Words>, size: usize, align: usize) -> Option<usize> {
        heap.reuse(size, align).or_else(|| heap.extend(size, align))
    }

    #[cfg(not(target_family = "wasm"))]
    proptest! {
        /// Each step allocates a block, frees one of those that live, or has another grow the memory.
        #[test]
        fn blocks_are_aligned_lie_inside_the_memory_and_never_overlap(
            steps in proptest::collection::vec((0_u8..8, 1_usize..5_000, 0_u32..10, any::<prop::sample::Index>()), 1..300),
        ) {
            let heap = heap(100);
            let mut live: Vec<(usize, usize, usize)> = Vec::new();
            for (kind, size, align, which) in steps {
                let align = 1 << align;
                match kind {
                    0..=4 => {
                        let Some(block) = allocate(&heap, size, align) else { continue };
                        prop_assert_eq!(block % align, 0);
                        prop_assert!(block >= BASE && block + size <= BASE + heap.memory.pages.get() * PAGE);
                        for (other, other_size, _) in &live {
                            prop_assert!(block + size <= *other || other + other_size <= block, "{block:#x} and {other:#x} overlap");
                        }
                        live.push((block, size, align));
                    }
                    5 | 6 if !live.is_empty() => {
                        let (block, size, align) = live.swap_remove(which.index(live.len()));
                        heap.free(block, size, align);
                    }
                    _ => {
                        let (before, _) = heap.memory.grow(1).unwrap_or((0, 0));
                        // Filled with a block of its own, which ours must not touch.
                        if before != 0 {
                            live.push((before, PAGE, 1 << 30));
                        }
                    }
                }
                live.retain(|(_, _, align)| *align != 1 << 30 || kind == 7);
            }
        }
    }

    #[test]
    fn a_freed_block_serves_the_next_of_its_size() {
        let heap = heap(10);
        let first = allocate(&heap, 100, 8).unwrap();
        heap.free(first, 100, 8);
        assert_eq!(allocate(&heap, 65, 1), Some(first), "both are of 128 bytes");
        assert_ne!(allocate(&heap, 65, 1), Some(first));
    }

    #[test]
    fn the_same_work_again_takes_no_more_memory() {
        let heap = heap(1_000);
        let round = || {
            let blocks: Vec<_> = (1..200).map(|n| (allocate(&heap, n * 37, 8).unwrap(), n * 37)).collect();
            blocks.into_iter().for_each(|(block, size)| heap.free(block, size, 8));
        };
        round();
        let pages = heap.memory.pages.get();
        (0..100).for_each(|_| round());
        assert_eq!(heap.memory.pages.get(), pages);
    }

    #[test]
    fn a_memory_that_is_full_says_so_and_goes_on() {
        let heap = heap(2);
        assert_eq!(allocate(&heap, 3 * PAGE, 8), None);
        assert_eq!(allocate(&heap, usize::MAX / 2 + 1, 1), None, "too large for any class");
        let blocks: Vec<_> = core::iter::from_fn(|| allocate(&heap, 4_096, 16)).collect();
        assert_eq!(blocks.len(), 2 * PAGE / 4_096);
        heap.free(blocks[7], 4_096, 16);
        assert_eq!(allocate(&heap, 4_000, 16), Some(blocks[7]));
    }

    #[test]
    fn a_block_keeps_its_place_while_it_fits() {
        assert!(Heap::<Words>::same_block(65, 128, 1));
        assert!(!Heap::<Words>::same_block(128, 129, 1));
        assert!(Heap::<Words>::same_block(1, 64, 64));
    }
}
