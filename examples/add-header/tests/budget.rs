//! What the filter costs as it ships: its size, its instructions for each stream, and what it asks of a proxy. `cargo costs` shows it
//! beside its peer. A budget that is exceeded is raised on purpose or not at all.

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 74_752;
const INSTRUCTIONS: u64 = 300;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    assert!(size <= BYTES, "add_header.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_stream_costs_few_instructions() -> TestResult {
    let config = r#"{"request": {"add": [["x-hello", "world"]]}}"#;
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?).config(config))?;
    // The first stream makes the table that later ones use.
    drop(proxy.send(Request::get("http://shop.example/").body("")?));
    let exchange = proxy.send(Request::get("http://shop.example/").body("")?);
    let counted = ["proxy_on_context_create", "proxy_on_request_headers", "proxy_on_done", "proxy_on_delete"];
    let used: u64 = exchange.callbacks().iter().filter(|(name, _)| counted.contains(name)).map(|(_, fuel)| fuel).sum();
    assert!(used <= INSTRUCTIONS, "a stream takes {used} instructions, the budget is {INSTRUCTIONS}");
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_add_header_map_value",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_header_map_pairs",
        "env.proxy_log",
        "env.proxy_remove_header_map_value",
        "env.proxy_replace_header_map_value",
        "env.proxy_send_local_response",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
