//! The way to the host, and the only switch on the target: `Sys` has a method for each hostcall, named as the ABI names it.
//!
//! In Wasm it is zero-sized and its methods are imports, so that a module imports only the hostcalls it uses. Natively it is a
//! shared handle to a mock host.

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
