//! What a plugin offers to the proxy, whichever way it is run.

mod null;
mod trap;
#[cfg(feature = "wasmtime")]
pub(crate) mod wasm;

pub(crate) use null::NullVm;
pub use trap::{Trap, TrapKind};

use crate::host::State;
use proxy_filter_abi::Callback;

/// A virtual machine that holds plugins: a Wasmtime instance, or the *null VM*, the plugin linked natively into the test.
pub(crate) trait Vm {
    /// Makes a callback.
    fn call(&self, callback: Callback) -> Result<u32, Trap>;

    /// Makes a callback that may use so many instructions; where they are not counted it dies as it begins.
    fn call_with_fuel(&self, callback: Callback, fuel: u64, state: &State) -> Result<u32, Trap> {
        let _ = fuel;
        Err(Trap::injected(TrapKind::OutOfFuel, &callback, state))
    }

    /// What the callback that has killed the VM answered all the same, as when only the allocator has trapped (MEM-3).
    fn answered(&self) -> Option<u32> {
        None
    }

    /// The guest instructions (fuel) that callbacks have used so far; natively nothing is counted.
    fn fuel_used(&self) -> u64 {
        0
    }

    /// The size of the guest's memory; natively unknown.
    fn memory_size(&self) -> Option<u64> {
        None
    }
}
