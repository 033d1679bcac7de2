//! A mock proxy that behaves like Envoy, for unit tests of Proxy-Wasm filters under plain `cargo test`.
//!
//! # A first test
//!
//! ```no_run
//! # mod add_header { proxy_filter::register! { "add_header" => root Nothing }
//! # struct Nothing; impl proxy_filter::RootContext for Nothing { type Config = ();
//! # fn new(_: (), _: &proxy_filter::Plugin<'_>) -> Result<Self, proxy_filter::ConfigError> { Ok(Self) } } }
//! use proxy_filter_test::{MockProxy, TestResult, both_vms};
//! use serde_json::json;
//!
//! both_vms! {
//!     fn adds_the_configured_header(vm) -> TestResult {
//!         let config = json!({"request": {"add": [["x-hello", "world"]]}});
//!         let proxy = MockProxy::new(vm.plugin(&add_header::PLUGINS, "add_header").config(config))?;
//!         let exchange = proxy.send(http::Request::get("http://shop.example/cart").body("")?);
//!         assert_eq!(exchange.upstream_request().headers()["x-hello"], "world");
//!         Ok(())
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! It runs twice: `adds_the_configured_header::native` links the filter into the test (the *null VM*), for debuggers and coverage;
//! `…::wasm` builds the crate to Wasm, once, and runs the real module on Wasmtime. Nothing has to be built or installed beforehand.
//!
//! # What goes in
//!
//! [`MockProxy::send`] takes a request of the crate `http`, or a [`Message`] of raw pairs, chunks and trailers. The upstream is a
//! closure: [`MockProxy::set_upstream`]. [`Plugin`] says which filter runs and how it is configured; [`MockProxy::builder`] sets what
//! belongs to the proxy: clock, log level, buffer limit, framing, several filters.
//!
//! # What fails
//!
//! [`MockProxy::inject`] makes hostcalls fail by a [`Fault`]: which one, from when on, how often, with which status.
//!
//! # What comes out
//!
//! An [`Exchange`]: what the upstream received, what the client received, the local reply, the log, the instructions used. A plugin
//! that is not accepted is [`Refused`], with the reason and its log; one that dies is a [`Trap`], with a backtrace. When a test panics
//! the trace of all callbacks and hostcalls is printed.
//!
//! # How far it can be trusted
//!
//! Its behaviour is that of Envoy 1.40, held to it by scenarios that run on both and are compared. What does not have a meaning yet
//! (callouts, shared data, queues, metrics, most properties) answers `UNIMPLEMENTED`; `proxy-filter hostcalls` lists it.
//! Use a real proxy for what lies outside a filter: routes, clusters, TLS, timeouts, load.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `wasmtime` | yes | runs filters as the real `.wasm`; without it there is only the null VM, and a much quicker build |

mod both_vms;
mod builder;
mod chain;
mod connection;
mod exchange;
mod failure_policy;
mod fault;
#[cfg(feature = "wasmtime")]
pub mod filter_crate;
mod findings;
mod frames;
mod host;
mod instance;
mod lifecycle;
mod lint;
mod log;
mod message;
mod open_stream;
mod place;
mod plugin;
mod profile;
mod proxy;
mod refused;
mod running_vm;
mod spy;
mod trace;
mod upstream;
mod vm;

pub use builder::Builder;
pub use connection::{Connection, Ending};
pub use exchange::{Exchange, LocalReplySent, Outcome};
pub use failure_policy::FailurePolicy;
pub use fault::Fault;
pub use lint::{Finding, Lint, Severity};
pub use log::LogLine;
pub use message::Message;
pub use open_stream::{IntoHeaders, OpenStream};
pub use plugin::{IntoConfiguration, Plugin, VmKind};
pub use profile::{Difference, Profile};
pub use proxy::{Framing, MockProxy};
pub use proxy_filter_abi as abi;
pub use proxy_filter_abi::{LogLevel, PeerType};
pub use refused::{Reason, Refused};
pub use spy::Spy;
pub use upstream::Answer;
#[cfg(feature = "wasmtime")]
pub use vm::wasm::{LoadError, Problem, imports};
pub use vm::{Trap, TrapKind};

/// What a test that uses `?` answers.
pub type TestResult = Result<(), Box<dyn std::error::Error>>;

/// The hostcalls that are linked and traced but have no meaning yet: they answer `UNIMPLEMENTED`.
pub const UNIMPLEMENTED_HOSTCALLS: &[&str] = host::unimplemented::UNIMPLEMENTED;

/// The hostcalls that have their meaning for some arguments only, and for which: otherwise they answer `UNIMPLEMENTED`.
pub const PARTIAL_HOSTCALLS: &[(&str, &str)] = host::unimplemented::IN_PART;
