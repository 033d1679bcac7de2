//! What a guest may use: instructions, memory, and what it makes the host do.

use crate::fault::Faults;
use wasmtime::ResourceLimiter;

/// What a VM may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Guest instructions for each callback.
    pub(crate) fuel: u64,
    /// Bytes of linear memory, that of all memories together.
    pub(crate) memory: u64,
}

/// What a growth of memory would come to, and how much there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) wanted: u64,
    pub(super) limit: u64,
}

/// Bounds the guest's memories and tables, each kind altogether, and remembers what it was refused.
pub(super) struct MemoryLimiter {
    limit: u64,
    used: u64,
    elements: usize,
    asked: Growth,
    refused: Option<Growth>,
    faults: Faults,
}

impl MemoryLimiter {
    pub(super) fn new(limit: u64, faults: Faults) -> Self {
        Self { limit, used: 0, elements: 0, asked: Growth { wanted: u64::MAX, limit }, refused: None, faults }
    }

    /// What was refused since it was last asked.
    pub(super) fn take_refused(&mut self) -> Option<Growth> {
        self.refused.take()
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let others = self.used.saturating_sub(current as u64);
        let limit = maximum.map_or(self.limit, |own| self.limit.min(others.saturating_add(own as u64)));
        // The memory that a module begins with does not grow.
        let limit = if current > 0 && self.faults.strike_growth() { self.used } else { limit };
        self.asked = Growth { wanted: others.saturating_add(desired as u64), limit };
        let within = self.asked.wanted <= limit;
        if within {
            self.used = self.asked.wanted;
        } else {
            self.refused = Some(self.asked);
        }
        Ok(within)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        const MOST_ELEMENTS: usize = 1 << 20;
        let wanted = self.elements.saturating_sub(current).saturating_add(desired);
        let within = wanted <= MOST_ELEMENTS;
        if within {
            self.elements = wanted;
        }
        Ok(within)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = Some(self.asked);
        Ok(())
    }
}

/// What a callback makes the host do, which fuel does not count: hostcalls, and the bytes that they move.
pub(super) struct HostWork(u64);

/// What one hostcall counts beside its bytes.
const HOSTCALL: u64 = 1 << 10;

impl HostWork {
    /// What a callback may have done: so many hostcalls, or KiB.
    pub(super) fn new(hostcalls: usize) -> Self {
        Self((hostcalls as u64).saturating_mul(HOSTCALL))
    }

    /// Takes a hostcall; false when nothing is left for it.
    pub(super) fn take_call(&mut self) -> bool {
        self.0 = self.0.saturating_sub(HOSTCALL);
        self.0 > 0
    }

    /// Takes the bytes that a hostcall has moved.
    pub(super) fn take_bytes(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes as u64);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0 == 0
    }
}
