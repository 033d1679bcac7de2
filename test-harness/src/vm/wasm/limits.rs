//! What a guest may use: instructions, memory, and what it makes the host do.

use crate::fault::Faults;
use wasmtime::ResourceLimiter;

/// What a VM may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Guest instructions for each callback.
    pub(crate) fuel: u64,
    /// Bytes of linear memory.
    pub(crate) memory: u64,
}

/// What a growth of memory would come to, and how much there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) wanted: u64,
    pub(super) limit: u64,
}

/// Bounds the guest's memory, and remembers what it was refused.
pub(super) struct MemoryLimiter {
    limit: u64,
    asked: Growth,
    refused: Option<Growth>,
    faults: Faults,
}

impl MemoryLimiter {
    pub(super) fn new(limit: u64, faults: Faults) -> Self {
        Self { limit, asked: Growth { wanted: u64::MAX, limit }, refused: None, faults }
    }

    /// What was refused since it was last asked.
    pub(super) fn take_refused(&mut self) -> Option<Growth> {
        self.refused.take()
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let limit = maximum.map_or(self.limit, |own| self.limit.min(own as u64));
        // The memory that a module begins with does not grow.
        let limit = if current > 0 && self.faults.strike_growth() { current as u64 } else { limit };
        self.asked = Growth { wanted: desired as u64, limit };
        let within = self.asked.wanted <= limit;
        if !within {
            self.refused = Some(self.asked);
        }
        Ok(within)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        const MOST_ELEMENTS: usize = 1 << 20;
        Ok(desired <= MOST_ELEMENTS)
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

    /// Takes a hostcall that moves so many bytes; false when nothing is left for it.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(HOSTCALL.saturating_add(bytes as u64)) {
            Some(rest) => self.0 = rest,
            None => self.0 = 0,
        }
        self.0 > 0
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0 == 0
    }
}
