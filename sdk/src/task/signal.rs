//! What wakes a task: a flag, and its place in the chain of those that were woken.

use alloc::{sync::Arc, task::Wake};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// No task.
pub(crate) const NONE: u32 = u32::MAX;

/// The task that was woken last; each knows the one before it. A chain of atomics, since a waker may be sent to another thread.
pub(super) struct Ready {
    last: AtomicU32,
}

impl Ready {
    pub(super) fn new() -> Self {
        Self { last: AtomicU32::new(NONE) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.load(Ordering::Relaxed) == NONE
    }

    /// Takes the chain over.
    pub(super) fn take(&self) -> u32 {
        self.last.swap(NONE, Ordering::Acquire)
    }
}

/// One for each task; what its wakers are made of.
pub(crate) struct Signal {
    number: u32,
    /// It is in the chain, or its task is no more: nothing more happens when it wakes.
    woken: AtomicBool,
    before: AtomicU32,
    ready: Arc<Ready>,
}

impl Signal {
    pub(super) fn new(number: u32, ready: &Arc<Ready>) -> Arc<Self> {
        let (woken, before) = (AtomicBool::new(false), AtomicU32::new(NONE));
        Arc::new(Self { number, woken, before, ready: Arc::clone(ready) })
    }

    pub(super) fn reset(&mut self) {
        *self.woken.get_mut() = false;
    }

    /// Its turn has come: from now on it can be woken again.
    pub(super) fn answer(&self) {
        self.woken.store(false, Ordering::Release);
    }

    /// Nothing wakes it any more. Whether it is in the chain.
    pub(super) fn silence(&self) -> bool {
        self.woken.swap(true, Ordering::AcqRel)
    }

    pub(super) fn next(&self) -> u32 {
        self.before.load(Ordering::Relaxed)
    }

    pub(super) fn set_next(&self, number: u32) {
        self.before.store(number, Ordering::Relaxed);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.silence() {
            return;
        }
        let mut last = self.ready.last.load(Ordering::Relaxed);
        loop {
            self.set_next(last);
            match self.ready.last.compare_exchange_weak(last, self.number, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => last = now,
            }
        }
    }
}
