//! Many buckets in a bounded number of shared values.
//!
//! A proxy keeps each key of shared data for good, and clients choose what keys there are; so there is a fixed number of *sets*, each
//! one shared value with room for a few buckets. A hash of the client's key says which set, and finds the bucket within it. A bucket that
//! is full again is the same as none, and gives its room to another. Since a set is stored as a whole, two workers never make two buckets
//! of one key.

use crate::bucket::{Limit, Taken};
use proxy_filter::prelude::*;

/// How many buckets a set has room for.
pub(crate) const BUCKETS: usize = 16;

/// A bucket: the hash of its key, and when it is full.
const BYTES: usize = 16;

/// Takes a token out of the bucket of `hash` in a set; gives the set as it is then, and nothing beside it when there is no room for one
/// more bucket.
pub(crate) fn take(set: &[u8], hash: u64, limit: &Limit, now: u64) -> (Vec<u8>, Option<Taken>) {
    let mut mine = None;
    let mut others = 0;
    let mut kept = Vec::with_capacity(BUCKETS * BYTES);
    for (other, full_at) in buckets(set) {
        if other == hash {
            mine = Some(full_at);
        } else if full_at > now {
            others += 1;
            if others < BUCKETS {
                push(&mut kept, other, full_at.min(limit.latest(now)));
            }
        }
    }
    if mine.is_none() && others >= BUCKETS {
        return (set.to_vec(), None);
    }
    let (full_at, taken) = limit.take(mine.unwrap_or_default(), now);
    if mine == Some(full_at) {
        // Refused: nothing to be stored, so that a client who does not stop keeps nobody from storing.
        return (set.to_vec(), Some(taken));
    }
    push(&mut kept, hash, full_at);
    (kept, Some(taken))
}

fn push(set: &mut Vec<u8>, hash: u64, full_at: u64) {
    set.extend_from_slice(&hash.to_le_bytes());
    set.extend_from_slice(&full_at.to_le_bytes());
}

/// The buckets of a set, as far as the bytes are some: another plugin with the same `vm_id` may have stored anything.
fn buckets(set: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    set.chunks_exact(BYTES).filter_map(|bucket| {
        let (hash, full_at) = bucket.split_first_chunk()?;
        Some((u64::from_le_bytes(*hash), u64::from_le_bytes(full_at.try_into().ok()?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn limit() -> Limit {
        Limit::new(2, 2, 2).unwrap()
    }

    #[test]
    fn a_set_has_room_for_so_many_and_again_when_they_are_full() {
        let mut set = Vec::new();
        for hash in 0..BUCKETS as u64 {
            let (next, taken) = take(&set, hash, &limit(), SECOND);
            assert!(taken.unwrap().allowed);
            set = next;
        }
        assert_eq!(set.len(), BUCKETS * BYTES);
        let (same, none) = take(&set, 99, &limit(), SECOND);
        assert_eq!((&same, none), (&set, None));
        // Those that have one are served.
        assert!(take(&set, 0, &limit(), SECOND).1.unwrap().allowed);
        let (next, taken) = take(&set, 99, &limit(), 2 * SECOND);
        assert!(taken.unwrap().allowed);
        assert_eq!(next.len(), BYTES, "the others were full again");
    }

    #[test]
    fn a_refusal_stores_nothing() {
        let (set, _) = take(&[], 7, &limit(), SECOND);
        let (set, _) = take(&set, 7, &limit(), SECOND);
        let (same, taken) = take(&set, 7, &limit(), SECOND);
        assert_eq!((same, taken.unwrap().allowed), (set, false));
    }

    #[test]
    fn a_clock_that_is_set_back_empties_buckets_and_locks_nobody_out() {
        let late = 1_000_000 * SECOND;
        let (set, _) = take(&[], 7, &limit(), late);
        let (set, _) = take(&set, 8, &limit(), late);
        let (set, taken) = take(&set, 7, &limit(), SECOND);
        assert!(!taken.unwrap().allowed);
        assert!(take(&set, 7, &limit(), 2 * SECOND).1.unwrap().allowed, "a token has come back");
        let (set, _) = take(&set, 7, &limit(), 2 * SECOND);
        assert!(buckets(&set).all(|(_, full_at)| full_at <= 4 * SECOND), "{set:?}");
    }

    #[test]
    fn bytes_of_others_are_no_harm() {
        for length in [1, 15, 17, 16 * 16 + 3, 16 * 40] {
            for byte in [0, 1, 0xff] {
                let stored = vec![byte; length];
                let (set, _) = take(&stored, 7, &limit(), SECOND);
                let (set, _) = take(&set, 7, &limit(), 4 * SECOND);
                let (_, taken) = take(&set, 7, &limit(), 8 * SECOND);
                assert!(length > 16 * 16 || taken.unwrap().allowed, "{length} {byte}");
            }
        }
    }
}
