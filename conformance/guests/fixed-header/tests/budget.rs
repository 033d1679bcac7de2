//! What the SDK itself costs, by the smallest filter as it ships: its size, its instructions for each stream, and what it asks of a proxy.
//! `cargo run -p proxy-filter-conformance --bin costs` shows it callback by callback.

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 10_240;
const INSTRUCTIONS: u64 = 150;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    assert!(size <= BYTES, "fixed_header.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_stream_costs_few_instructions() -> TestResult {
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?))?;
    let request = || Request::get("http://shop.example/").body("");
    drop(proxy.send(request()?));
    let exchange = proxy.send(request()?);
    assert_eq!(exchange.upstream_request().headers()["x-hello"], "world");
    let counted = ["proxy_on_context_create", "proxy_on_request_headers", "proxy_on_done", "proxy_on_delete"];
    let used: u64 = exchange.callbacks().iter().filter(|(name, _)| counted.contains(name)).map(|(_, fuel)| fuel).sum();
    assert!(used <= INSTRUCTIONS, "a stream takes {used} instructions, the budget is {INSTRUCTIONS}: {:?}", exchange.callbacks());
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    // The log for what goes wrong, the local response for the failure policy.
    assert_eq!(imports(&shipped()?)?, ["env.proxy_add_header_map_value", "env.proxy_log", "env.proxy_send_local_response"]);
    Ok(())
}
