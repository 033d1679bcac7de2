//! The [Proxy-Wasm ABI](https://github.com/proxy-wasm/spec) as tables, types and codecs, for both sides of the boundary.
//!
//! A proxy and a plugin talk through functions that pass integers and pointers. This crate says once, for both sides:
//!
//! - which **hostcalls** exist: [`for_each_hostcall!`](crate::for_each_hostcall) hands every row of the table to a macro of yours.
//!   From it come the imports of a guest, the trait [`Host`], the linker entries of a mock host, and [`HOSTCALLS`], which
//!   documents them;
//! - which **callbacks** exist: [`for_each_callback!`](crate::for_each_callback), the trait [`Exports`], the value [`Callback`] and [`CALLBACKS`];
//! - the **types** that cross as integers, each with a checked conversion from the wire: [`Status`], [`MapType`], [`BufferType`], …;
//! - the **codecs**: header maps ([`Pairs`]), property paths ([`path`]), and the protobuf of Envoy's own messages ([`protobuf`]).
//!
//! `no_std` with `alloc`, no dependencies, no `unsafe`. Nothing here panics on bytes or integers that come from the other side.
//!
//! ```
//! use proxy_filter_abi::{Pairs, Status, pairs};
//!
//! let wire = pairs::encode([("x-tenant", "shop"), ("x-tenant", "cart")]);
//! let map = Pairs::parse(&wire)?;
//! assert_eq!(map.len(), 2);
//! assert_eq!(map.iter().next(), Some((&b"x-tenant"[..], &b"shop"[..])));
//!
//! assert_eq!(Status::from_wire(2), Some(Status::BadArgument));
//! assert_eq!(Status::from_wire(0), None, "0 is success");
//! assert_eq!(Status::from_wire(77).map(Status::to_wire), Some(77), "unknown codes are data");
//! # Ok::<(), pairs::ParseError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod callbacks;
mod hostcalls;
mod legacy;
pub mod pairs;
pub mod path;
pub mod protobuf;
mod reference;
mod status;
mod types;

pub use callbacks::{CALLBACKS, Callback, CallbackRow, Exports, ReturnKind};
pub use hostcalls::{HOSTCALLS, Host, HostcallRow, Parameter, WireKind};
pub use legacy::{LEGACY_CALLBACKS, LEGACY_HOSTCALLS};
pub use pairs::Pairs;
pub use reference::hostcalls_markdown;
pub use status::Status;
pub use types::{AbiVersion, BufferType, LogLevel, MapType, MetricType, PeerType, StreamType};
