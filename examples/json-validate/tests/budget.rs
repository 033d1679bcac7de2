//! What the filter costs as it ships: its size, its instructions, and what it asks of a proxy. The README shows the figures. A budget
//! that is exceeded is raised on purpose or not at all.

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 500_000;
/// For an order of one item; for one of 50.
const INSTRUCTIONS: [(usize, u64); 2] = [(1, 24_000), (50, 620_000)];

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    println!("{size} bytes");
    assert!(size <= BYTES, "json_validate.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn an_order_costs_few_instructions() -> TestResult {
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?).config(include_str!("../config.json")))?;
    for (items, budget) in INSTRUCTIONS {
        let body = format!(r#"{{"items": [{}]}}"#, vec![r#"{"sku": "pear-3", "count": 2}"#; items].join(", "));
        let send = || Request::post("http://shop.example/").header("content-type", "application/json").body(body.clone());
        // The first stream makes the tables that later ones use.
        drop(proxy.send(send()?));
        let exchange = proxy.send(send()?);
        assert_eq!(exchange.response().status(), 200);
        let used: u64 = exchange.callbacks().iter().map(|(_, instructions)| instructions).sum();
        println!("{used} instructions for {} bytes, {items} items", body.len());
        assert!(used <= budget, "{items} items take {used} instructions, the budget is {budget}");
    }
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_header_map_size",
        "env.proxy_get_header_map_value",
        "env.proxy_log",
        "env.proxy_remove_header_map_value",
        "env.proxy_replace_header_map_value",
        "env.proxy_send_local_response",
        "env.proxy_set_effective_context",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
