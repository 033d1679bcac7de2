//! Write [Proxy-Wasm](https://github.com/proxy-wasm/spec) filters for Envoy, Istio and other proxies in Rust.
//!
//! ```
//! use proxy_filter::prelude::*;
//!
//! /// One for each configuration; every stream shares it.
//! struct Tag {
//!     value: String,
//! }
//!
//! impl RootContext for Tag {
//!     type Config = String;
//!     fn new(value: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
//!         Ok(Self { value })
//!     }
//! }
//!
//! impl HttpPlugin for Tag {
//!     type Http = TagStream;
//!     fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> TagStream {
//!         TagStream(Rc::clone(self))
//!     }
//! }
//!
//! /// One for each HTTP request.
//! struct TagStream(Rc<Tag>);
//!
//! impl HttpContext for TagStream {
//!     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
//!         http.headers().set("x-tag", &self.0.value)?;
//!         Ok(HeadersAction::Continue)
//!     }
//! }
//!
//! proxy_filter::register! { "tag" => http Tag }
//!
//! // The same filter, natively, on the mock host:
//! use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "tag").config("blue"))?;
//! let exchange = proxy.send(http::Request::get("http://shop.example/").body("")?);
//! assert_eq!(exchange.upstream_request().headers()["x-tag"], "blue");
//! # Ok(()) }
//! ```
//!
//! # How it is shaped
//!
//! - A **root context** ([`RootContext`]) is made from a configuration, which is typed ([`FromConfig`], [`Json`]). It makes a
//!   **stream context** for each request ([`HttpPlugin`], [`HttpContext`]) or TCP connection ([`TcpPlugin`], [`StreamContext`]). [`register!`] says which root id is served by which root.
//! - A callback is given a **handle** of its phase ([`RequestHeaders`], [`ResponseBody`], …), which offers what can be legal
//!   there and nothing else, and answers an **action**.
//! - Every hostcall answers `Result<_, `[`Error`]`>`; absence is `Ok(None)`. What a callback returns as `Err` is a local reply
//!   ([`LocalReply`]), a reset, or a failure that is logged and answered by the declared [`FailurePolicy`]. Nothing aborts the
//!   VM: a trap there takes down the traffic of everybody else in it.
//! - What VMs and threads share is in the proxy: [values](SharedData) with an [`update`](SharedData::update) that loses nothing, and
//!   [queues](QueueId). A root may be an [access logger](RootContext::on_log), and [end later](RootContext::on_done) than it is asked to.
//!
#![doc = include_str!("waiting.md")]
//!
//! # Metrics
//!
//! [`Counter`], [`Gauge`] and [`Histogram`] live in the root and are defined when they are first used; [`CounterFamily`] and its like have a
//! series for each combination of tags, no more than they may. What Envoy would refuse or count wrongly cannot be written (rows MET).
//!
//! ```
//! use proxy_filter::prelude::*;
//!
//! struct Telemetry {
//!     requests: CounterFamily<1>,
//!     sizes: Histogram,
//! }
//!
//! impl Telemetry {
//!     const fn new() -> Self {
//!         Self { requests: CounterFamily::new("requests", ["code"], 600), sizes: Histogram::new("request.bytes") }
//!     }
//!
//!     fn count(&self, cx: &Context, code: &str, size: u64) -> Result<(), Error> {
//!         self.requests.add(cx, [code], 1)?;
//!         self.sizes.record(cx, size)
//!     }
//! }
//! ```
//!
//! # gRPC
//!
//! [`Context::grpc_call`] makes a unary call, [`Context::grpc_stream`] opens a stream, from streams and from roots; [`GrpcCall`] says what is
//! sent. Both are awaited in [`wait`](RequestHeaders::wait) or [`spawn`](Plugin::spawn), and cancelled when they are dropped, so also when
//! the stream that waits ends. A status other than 0 is a [`GrpcError`].
//!
//! ```
//! use proxy_filter::prelude::*;
//! # struct Auth;
//! # impl RootContext for Auth { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
//! # impl HttpPlugin for Auth { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream } }
//! struct Stream;
//! impl HttpContext for Stream {
//!     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
//!         http.wait(async move |request| {
//!             let user = request.grpc_call(GrpcCall::new("authz", "acme.Auth", "Check").message(b"ann")).await?;
//!             request.headers().set("x-user", user)?;
//!             Ok(())
//!         })
//!     }
//! }
//! proxy_filter::register! { "auth" => http Auth }
//!
//! use proxy_filter_test::{GrpcCluster, GrpcStatus, MockProxy, Plugin as TestPlugin};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "auth"))?;
//! proxy.grpc_cluster("authz", GrpcCluster::unary(|request| match request.message() {
//!     b"ann" => Ok("Ann"),
//!     _ => Err(GrpcStatus::new(7, "who?")),
//! }));
//! let exchange = proxy.send(http::Request::get("http://shop.example/").body("")?);
//! assert_eq!(exchange.upstream_request().headers()["x-user"], "Ann");
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `log` | yes | `log::info!` and friends write to the proxy's log |
//! | `json` | yes | [`Json<T>`], a configuration deserialised by serde |
//! | `host-log-level` | no | asks the proxy for its log level, so that lines below it cost nothing; needs a host of ABI 0.2.1 |
//! | `std` | no | for filters that link std: a panic is logged with its place before the VM traps |
//!
//! The crate is `no_std` with `alloc`, always; [`no_std_runtime!`] gives a `no_std` filter its allocator and panic handler.
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;
#[cfg(any(test, all(feature = "std", target_family = "wasm")))]
extern crate std;

mod action;
mod body;
mod body_policy;
mod config;
mod context;
mod cookies;
mod dispatch;
pub mod envoy;
mod error;
mod foreign;
mod grpc;
mod handles;
mod headers;
#[cfg(any(test, target_family = "wasm"))]
mod heap;
mod held;
mod holds;
mod http_call;
mod local_reply;
#[cfg(all(feature = "log", target_family = "wasm"))]
mod logger;
mod machine;
mod metric_families;
mod metrics;
mod pairs_buffer;
mod pending;
pub mod phase;
pub mod property;
mod query;
mod queue;
mod register;
mod runtime;
mod shared_data;
mod sys;
mod task;
mod tcp;
mod time;

pub use action::{DataAction, FailurePolicy, HeadersAction, TrailersAction};
pub use body::Body;
pub use body_policy::BodyPolicy;
#[cfg(feature = "json")]
pub use config::Json;
pub use config::{ConfigError, FromConfig};
pub use context::{HttpContext, HttpPlugin, RootContext};
pub use cookies::Cookies;
pub use error::{Error, Failure, Interrupt, OrReply, Result};
pub use foreign::ForeignError;
pub use grpc::{GrpcCall, GrpcError, GrpcStream, Unary};
pub use handles::{
    AccessLog, Context, DownstreamClose, DownstreamData, HeldHeaders, HttpStream, Log, NewConnection, Plugin, RequestBody,
    RequestHeaders, RequestTrailers, ResponseBody, ResponseHeaders, ResponseTrailers, StreamLog, Tcp, UpstreamClose,
    UpstreamData,
};
pub use headers::{Editable, HeaderMap, Headers, NotUtf8, ReadOnly, Value};
pub use held::{Gone, Held, Pause, Paused};
pub use http_call::{Call, CallError, CallReply, HttpCall};
pub use local_reply::LocalReply;
pub use metric_families::{CounterFamily, GaugeFamily, HistogramFamily};
pub use metrics::{Counter, Gauge, Histogram};
pub use query::Query;
pub use queue::QueueId;
pub use shared_data::{Cas, SharedData, Stored, UpdateError};
#[cfg(not(target_family = "wasm"))]
pub use sys::Module;
pub use task::{First, join, join3, oneshot, race};
pub use tcp::{ConnectionAction, StreamAction, StreamContext, StreamInterrupt, TcpPlugin};
pub use time::{Elapsed, Sleep};

/// The ABI that this crate speaks.
pub use proxy_filter_abi as abi;
pub use proxy_filter_abi::protobuf;
pub use proxy_filter_abi::{LogLevel, PeerType, Status};

/// What a filter's source begins with: `use proxy_filter::prelude::*;`.
///
/// Besides this crate's names it holds those of `alloc` that std's own prelude has, so that code which compiles natively
/// compiles in a `no_std` filter as well.
pub mod prelude {
    #[cfg(feature = "json")]
    pub use crate::Json;
    pub use crate::property::{Properties, PropertyError};
    pub use crate::{
        AccessLog, Body, BodyPolicy, ConfigError, ConnectionAction, Context, Counter, CounterFamily, DataAction, DownstreamClose,
        DownstreamData, Error, Failure, FailurePolicy, FromConfig, Gauge, GaugeFamily, Gone, HeadersAction, Held, Histogram,
        HistogramFamily, HttpContext, HttpPlugin, HttpStream, Interrupt, LocalReply, Log, LogLevel, NewConnection, OrReply,
        Pause, Paused, PeerType, Plugin, QueueId, RequestBody, RequestHeaders, RequestTrailers, ResponseBody, ResponseHeaders,
        ResponseTrailers, Result, RootContext, SharedData, Status, StreamAction, StreamContext, StreamInterrupt, StreamLog, Tcp,
        TcpPlugin, TrailersAction, UpdateError, UpstreamClose, UpstreamData, phase,
    };
    pub use crate::{CallError, CallReply, First, GrpcCall, GrpcError, GrpcStream, HttpCall, join, join3, oneshot, race};
    pub use alloc::borrow::{Cow, ToOwned};
    pub use alloc::boxed::Box;
    pub use alloc::format;
    pub use alloc::rc::Rc;
    pub use alloc::string::{String, ToString};
    pub use alloc::vec;
    pub use alloc::vec::Vec;
}

/// Not part of the crate's public interface: what the expansion of [`register!`] and [`no_std_runtime!`] names.
#[doc(hidden)]
pub mod __private {
    pub use crate::dispatch::{HttpRow, RootRow, TcpRow, Vm, distinct};
    #[cfg(target_family = "wasm")]
    pub use crate::runtime::log_panic;
    pub use crate::sys::*;
    pub use alloc::boxed::Box;
    pub use proxy_filter_abi::{Exports, Host};
}
