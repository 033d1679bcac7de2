//! The way to the host, and the only switch on the target: `Sys` has a method for each hostcall, named as the ABI names it.
//!
//! In Wasm it is zero-sized and its methods are imports, so that a module imports only the hostcalls it uses. Natively it is a
//! shared handle to a mock host.

/// What a VM keeps besides its plugins: hooks, which are nothing until the first use of what they are for, and its state.
///
/// Nothing stores hooks in a module that makes no use of it, so in Wasm the compiler takes them for the constant that they are.
macro_rules! for_each_state {
    ($apply:ident) => {
        $apply! {
            hooks set_hooks: crate::holds::Hooks, holds: crate::holds::Holds;
            task_hooks set_task_hooks: crate::task::Hooks, tasks: crate::task::Tasks;
            call_hooks set_call_hooks: crate::http_call::Hooks, calls: crate::http_call::Calls;
            grpc_hooks set_grpc_hooks: crate::grpc::Hooks, grpc_calls: crate::grpc::Calls;
            grpc_stream_hooks set_grpc_stream_hooks: crate::grpc::StreamHooks, grpc_streams: crate::grpc::Streams;
            tick_hooks set_tick_hooks: crate::time::Hooks, ticks: crate::time::Ticks;
            sleep_hooks set_sleep_hooks: crate::time::SleepHooks;
        }
    };
}

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod wasm;

#[cfg(not(target_family = "wasm"))]
pub use native::{Module, Sys};
#[cfg(target_family = "wasm")]
pub use wasm::{Allocator, SingleThreaded, Sys, allocate};

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::zeroed;
#[cfg(target_family = "wasm")]
pub(crate) use wasm::zeroed;
