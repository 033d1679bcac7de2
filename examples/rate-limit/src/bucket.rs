//! One token bucket, in one number.
//!
//! A bucket is stored as the time at which it will be full again: what is missing from it is how far that lies ahead. One that is full
//! already says nothing, so it need not be kept. All times are nanoseconds, since the Unix epoch or between two of them.

const SECOND: u64 = 1_000_000_000;

/// No bucket takes longer to refill than a year, so that no sum here can leave the 64 bits before the year 2500.
pub(crate) const LONGEST_REFILL: u64 = 365 * 24 * 3_600;

/// How large a bucket is, and how fast it refills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) burst: u64,
    /// In this time one token comes back.
    interval: u64,
    /// The time in which an empty bucket is full again.
    capacity: u64,
}

/// What became of one request, and of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) allowed: bool,
    /// How many more requests would be allowed now.
    pub(crate) remaining: u64,
    full_in: u64,
    next_in: u64,
}

impl Limit {
    /// `requests` in `seconds`, of which `burst` may come at once; nothing where that refills too slowly.
    pub(crate) fn new(requests: u32, seconds: u32, burst: u32) -> Option<Self> {
        // Rounded up: a bucket refills by less than a thousandth too slowly, and never too fast.
        let interval = (u64::from(seconds) * SECOND).div_ceil(u64::from(requests).max(1));
        let capacity = interval.checked_mul(u64::from(burst))?;
        (capacity <= LONGEST_REFILL * SECOND).then_some(Self { burst: burst.into(), interval, capacity })
    }

    /// The latest time at which a bucket can be full. One that says a later time was stored before the clock was set back, or under
    /// a larger limit: it is empty.
    pub(crate) fn latest(&self, now: u64) -> u64 {
        now.saturating_add(self.capacity)
    }

    /// Takes a token out of a bucket that is full at `full_at`, and gives the time at which it is full then.
    pub(crate) fn take(&self, full_at: u64, now: u64) -> (u64, Taken) {
        let missing = full_at.saturating_sub(now).min(self.capacity);
        let there = self.capacity - missing;
        let (missing, taken) = match there.checked_sub(self.interval) {
            Some(left) => {
                let missing = missing + self.interval;
                (missing, Taken { allowed: true, remaining: left / self.interval.max(1), full_in: missing, next_in: 0 })
            }
            None => (missing, Taken { allowed: false, remaining: 0, full_in: missing, next_in: self.interval - there }),
        };
        (now.saturating_add(missing), taken)
    }

    /// Seconds in which an empty bucket is full again.
    pub(crate) fn window(&self) -> u64 {
        self.capacity.div_ceil(SECOND)
    }
}

impl Taken {
    /// Seconds until all of the burst is there again.
    pub(crate) fn full_in(&self) -> u64 {
        self.full_in.div_ceil(SECOND)
    }

    /// Seconds until a request is allowed.
    pub(crate) fn next_in(&self) -> u64 {
        self.next_in.div_ceil(SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_neither_panic_nor_allow_too_much() {
        for (requests, seconds, burst) in [(1, 1, 1), (1_000_000, 1, 1_000_000), (1, 2_592_000, 12), (3, 7, 11)] {
            let limit = Limit::new(requests, seconds, burst).unwrap();
            for now in [0, 1, SECOND, u64::MAX / 2, u64::MAX - limit.capacity] {
                let mut full_at = 0;
                let mut allowed = 0;
                for _ in 0..u64::from(burst.min(20)) + 5 {
                    let (next, taken) = limit.take(full_at, now);
                    full_at = next;
                    allowed += u64::from(taken.allowed);
                }
                assert!(allowed <= u64::from(burst), "{limit:?} at {now}: {allowed}");
            }
            // Wherever the stored time lies, an empty bucket is the worst.
            for (full_at, now) in [(u64::MAX, 0), (u64::MAX, u64::MAX), (0, u64::MAX), (u64::MAX, SECOND)] {
                let (next, _) = limit.take(full_at, now);
                assert!(next <= limit.latest(now));
            }
        }
        assert!(Limit::new(1, 2_592_000, 1_000_000).is_none(), "it would take 82,000 years");
        assert!(Limit::new(0, 1, 1).is_some(), "no division by zero, whatever the configuration lets through");
    }

    #[test]
    fn a_bucket_refills_token_by_token() {
        let limit = Limit::new(2, 1, 2).unwrap();
        let (full_at, first) = limit.take(0, 0);
        assert_eq!((first.allowed, first.remaining, first.full_in()), (true, 1, 1));
        let (full_at, second) = limit.take(full_at, 0);
        assert_eq!((second.allowed, second.remaining), (true, 0));
        let (same, third) = limit.take(full_at, 0);
        assert_eq!((same, third.allowed, third.next_in()), (full_at, false, 1));
        assert!(!limit.take(full_at, SECOND / 2 - 1).1.allowed);
        assert!(limit.take(full_at, SECOND / 2).1.allowed);
    }
}
