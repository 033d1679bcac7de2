//! Which callbacks were made, and what each has cost.

use std::collections::VecDeque;

/// The callbacks of a proxy so far, each with the guest instructions that it used; of very many the last.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    kept: VecDeque<(&'static str, u64)>,
    dropped: usize,
}

/// How many callbacks are kept; then the oldest are dropped.
const MOST: usize = 1 << 20;

impl Costs {
    pub(crate) fn push(&mut self, callback: &'static str, fuel: u64) {
        if self.kept.len() == MOST {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back((callback, fuel));
    }

    /// How many there were so far, those included that are not kept.
    pub(crate) fn count(&self) -> usize {
        self.dropped + self.kept.len()
    }

    /// Those after the first so many, as far as they are kept.
    pub(crate) fn since(&self, count: usize) -> Vec<(&'static str, u64)> {
        self.kept.iter().skip(count.saturating_sub(self.dropped)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_the_last_are_kept_each_in_its_place() {
        let mut costs = Costs::default();
        (0..MOST as u64 + 5).for_each(|fuel| costs.push("proxy_on_log", fuel));
        assert_eq!((costs.count(), costs.since(0).len()), (MOST + 5, MOST));
        assert_eq!(costs.since(0)[0], ("proxy_on_log", 5));
        assert_eq!(costs.since(MOST + 3), [("proxy_on_log", MOST as u64 + 3), ("proxy_on_log", MOST as u64 + 4)]);
    }
}
