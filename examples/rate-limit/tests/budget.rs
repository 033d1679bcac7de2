//! What the filter costs as it ships: its size, its instructions for each stream, and what it asks of a proxy. A budget that is
//! exceeded is raised on purpose or not at all; the README says the same figures.

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{Exchange, MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 112_640;
const ALLOWED: u64 = 5_000;
const REFUSED: u64 = 7_800;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    println!("{size} bytes");
    assert!(size <= BYTES, "rate_limit.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_stream_costs_few_instructions() -> TestResult {
    let config = r#"{"rules": [{"name": "all", "requests": 10}]}"#;
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?).config(config))?;
    proxy.set_property("source.address", "192.0.2.17:4711");
    let send = || -> Result<Exchange, http::Error> { Ok(proxy.send(Request::get("http://shop.example/cart").body("")?)) };
    // The first stream makes the table that later ones use.
    send()?;
    let exchange = send()?;
    println!("allowed: {} instructions", exchange.fuel_used());
    assert_eq!(exchange.response().status(), 200);
    assert!(exchange.fuel_used() <= ALLOWED, "a stream takes {} instructions, the budget is {ALLOWED}", exchange.fuel_used());
    for _ in 0..9 {
        send()?;
    }
    let exchange = send()?;
    println!("refused: {} instructions", exchange.fuel_used());
    assert_eq!(exchange.response().status(), 429);
    assert!(exchange.fuel_used() <= REFUSED, "a refusal takes {} instructions, the budget is {REFUSED}", exchange.fuel_used());
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_define_metric",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_current_time_nanoseconds",
        "env.proxy_get_header_map_value",
        "env.proxy_get_property",
        "env.proxy_get_shared_data",
        "env.proxy_increment_metric",
        "env.proxy_log",
        "env.proxy_replace_header_map_value",
        "env.proxy_send_local_response",
        "env.proxy_set_shared_data",
        "wasi_snapshot_preview1.random_get",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
