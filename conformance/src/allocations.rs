//! What access to headers allocates in a guest, counted by the guest's own allocator.

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate};
use proxy_filter_test::{MockProxy, Plugin};
use std::collections::BTreeMap;
use std::path::Path;

/// The guest on proxy-filter, from the workspace's root.
pub const OURS: &str = "conformance/guests/allocations";
/// The same on the crate proxy-wasm.
pub const PEER: &str = "conformance/peers/allocations";

/// How many headers the request has.
pub const HEADERS: usize = 20;

/// How many allocations each kind of access makes in a stream that is not the first: `all` gives all headers, `walk` reads what that gave,
/// `get`, `absent`, `add`, `set` and `remove` are of one header.
///
/// # Errors
/// When the guest cannot be built or started.
pub fn allocations(guest: &str) -> Result<BTreeMap<String, u32>, Box<dyn std::error::Error>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(guest);
    let wasm = FilterCrate::build_once(&dir, &BuildOptions::default())?.wasm;
    let proxy = MockProxy::new(Plugin::from_file(&wasm))?;
    let request = || {
        // Envoy's own: `:authority`, `:path`, `:method`, `:scheme`, `x-forwarded-proto`, `x-request-id`.
        let request = Request::get("http://shop.example/");
        (6..HEADERS).fold(request, |request, number| request.header(format!("x-{}", number - 5), "value")).body("")
    };
    drop(proxy.send(request()?));
    let exchange = proxy.send(request()?);
    let lines = exchange.log();
    Ok(lines
        .iter()
        .filter_map(|line| line.message.split_once(' '))
        .filter_map(|(what, count)| Some((what.to_owned(), count.parse().ok()?)))
        .collect())
}
