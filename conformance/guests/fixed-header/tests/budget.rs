//! What the SDK itself costs, by the smallest filter as it ships: its size, its instructions for each stream, and what it asks of a proxy.
//! `cargo run -p proxy-filter-conformance --bin costs` shows it callback by callback.

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 10_240;
const INSTRUCTIONS: u64 = 150;
const AMONG_TEN: u64 = 320;
const AMONG_A_THOUSAND: u64 = 460;

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

/// Guest instructions of one stream, while so many others are open.
fn instructions(others: usize) -> Result<u64, Box<dyn std::error::Error>> {
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?))?;
    let mut open = Vec::new();
    for _ in 0..others {
        let mut stream = proxy.open_stream();
        stream.send_request(Request::get("http://shop.example/").body(())?, false);
        open.push(stream);
    }
    // The first stream among them may make a table that later ones use.
    drop(proxy.send(Request::get("http://shop.example/").body("")?));
    let exchange = proxy.send(Request::get("http://shop.example/").body("")?);
    assert_eq!(exchange.upstream_request().headers()["x-hello"], "world");
    let counted = ["proxy_on_context_create", "proxy_on_request_headers", "proxy_on_done", "proxy_on_delete"];
    Ok(exchange.callbacks().iter().filter(|(name, _)| counted.contains(name)).map(|(_, fuel)| fuel).sum())
}

#[test]
fn a_stream_costs_few_instructions() -> TestResult {
    for (others, budget) in [(0, INSTRUCTIONS), (10, AMONG_TEN), (1000, AMONG_A_THOUSAND)] {
        let used = instructions(others)?;
        println!("a stream beside {others} others: {used} instructions");
        assert!(used <= budget, "a stream beside {others} others takes {used} instructions, the budget is {budget}");
    }
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    // The log for what goes wrong, the local response for the failure policy.
    assert_eq!(imports(&shipped()?)?, ["env.proxy_add_header_map_value", "env.proxy_log", "env.proxy_send_local_response"]);
    Ok(())
}
