//! Envoy's own foreign functions, typed: expressions, filter state, route cache, signatures, compression.
//!
//! They are no part of the ABI: a proxy that is no Envoy answers each with a [`ForeignError`] that names the function and says `NOT_FOUND`
//! (FOR-1), which a filter can live with. What is more, a module that uses one imports `proxy_call_foreign_function`.
//!
//! | function | here |
//! |---|---|
//! | `expr_create`, `expr_evaluate`, `expr_delete` | [`Expression`] |
//! | `set_envoy_filter_state` | [`set_filter_state`], [`key`], [`override_upstream`] |
//! | `declare_property` | [`Declaration`] |
//! | `clear_route_cache` | [`clear_route_cache`] |
//! | `verify_signature`, `sign` | [`verify_signature`], [`sign`] |
//! | `compress`, `uncompress` | [`compress`], [`uncompress`] |
//! | another | [`Context::call_foreign_function`](crate::Context::call_foreign_function) |
//!
//! ```
//! use proxy_filter::envoy::{self, LifeSpan};
//! use proxy_filter::prelude::*;
//!
//! /// Sends clients of a tenant to the cluster of theirs, whichever route the path alone would give them.
//! struct ByTenant;
//! impl HttpContext for ByTenant {
//!     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
//!         let tenant = http.headers().get("x-tenant")?.or_reply(|| LocalReply::new(400))?;
//!         let tenant = tenant.to_str().or_reply(|| LocalReply::new(400))?;
//!         // For a filter of Envoy's that comes later.
//!         envoy::set_filter_state(&http, envoy::key::UPSTREAM_SERVER_NAME, tenant, LifeSpan::Request)?;
//!         http.headers().set("x-route", tenant)?;
//!         envoy::clear_route_cache(&http)?;
//!         Ok(HeadersAction::Continue)
//!     }
//! }
//! # struct Root;
//! # impl RootContext for Root { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
//! # impl HttpPlugin for Root { type Http = ByTenant; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> ByTenant { ByTenant } }
//! # proxy_filter::register! { "by_tenant" => http Root }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
//! let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "by_tenant"))?;
//! let exchange = proxy.send(http::Request::get("http://shop.example/").header("x-tenant", "blue").body("")?);
//! assert_eq!(exchange.upstream_request().headers()["x-route"], "blue");
//! assert_eq!(proxy.foreign_calls()[1].function, "clear_route_cache");
//! # Ok(()) }
//! ```

mod expression;
mod filter_state;
mod signature;

pub use expression::Expression;
pub use filter_state::{Declaration, LifeSpan, key, override_upstream, set_filter_state};
pub use signature::{Hash, Key, SignatureError, sign, verify_signature};

use crate::{Context, ForeignError};
use alloc::vec::Vec;

/// Has the route of the request chosen again, by what its headers say now (FOR-13).
///
/// Envoy 1.40 chooses again by itself when request headers are edited (HDR-23); this is for other things that routes look at, and for
/// versions that do not. Phases: `on_request_headers`; later the request has its route, and nothing happens.
///
/// # Errors
/// `NOT_FOUND`: the proxy has no such function.
pub fn clear_route_cache(context: &Context) -> Result<(), ForeignError> {
    context.call_foreign_function("clear_route_cache", []).map(drop)
}

/// A zlib stream of these bytes (RFC 1950), made by the proxy: without linking a compressor, 30 KiB or more, into the module (FOR-3).
///
/// ```
/// # mod zip {
/// # use proxy_filter::{envoy, prelude::*};
/// # pub struct Root;
/// # impl RootContext for Root { type Config = Vec<u8>; fn new(text: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
/// let small = envoy::compress(plugin, &text)?;
/// assert!(small.len() < text.len());
/// assert_eq!(envoy::uncompress(plugin, &small)?, text);
/// # Ok(Self) } }
/// # proxy_filter::register! { "zip" => root Root }
/// # }
/// # use proxy_filter_test::{MockProxy, Plugin};
/// # MockProxy::new(Plugin::native(&zip::PLUGINS, "zip").config("proxy ".repeat(100))).unwrap();
/// ```
///
/// # Errors
/// `NOT_FOUND`: the proxy has no such function.
pub fn compress(context: &Context, bytes: impl AsRef<[u8]>) -> Result<Vec<u8>, ForeignError> {
    context.call_foreign_function("compress", bytes)
}

/// What a zlib stream holds (FOR-3); bytes after its end are ignored (FOR-4).
///
/// Envoy gives all of it, however large it gets: bytes of a client's are better not passed here unchecked.
///
/// # Errors
/// - `SERIALIZATION_FAILURE`: the bytes are no zlib stream, or it is cut off.
/// - `NOT_FOUND`: the proxy has no such function.
pub fn uncompress(context: &Context, bytes: impl AsRef<[u8]>) -> Result<Vec<u8>, ForeignError> {
    context.call_foreign_function("uncompress", bytes)
}
