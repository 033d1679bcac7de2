//! What the filter costs as it ships: its size, its instructions for a request, and what it asks of a proxy. A budget that is exceeded is
//! raised on purpose or not at all.
//!
//! `cargo test -p ext-auth --test budget -- --nocapture` prints the figures.

use http::{Request, Response};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{Exchange, MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 184_320;
/// Asks the authorization service.
const ASKS: u64 = 26_000;
/// Asks both services.
const ASKS_BOTH: u64 = 39_000;
/// Is answered from the cache.
const CACHED: u64 = 34_000;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

/// What the second of two equal requests costs in all its callbacks; the first makes tables that later ones use.
fn second(config: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?).config(config))?;
    proxy.cluster("authz", |_| Response::builder().header("x-user", "ann").body("").expect("a response"));
    proxy.cluster("quota", |_| Response::new(""));
    let request = || Request::get("http://shop.example/cart").header("authorization", "Bearer 0123456789abcdef").body("");
    proxy.send(request()?);
    let exchange: Exchange = proxy.send(request()?);
    assert_eq!(exchange.upstream_request().headers()["x-user"], "ann");
    for (callback, fuel) in exchange.callbacks() {
        println!("  {callback}: {fuel}");
    }
    Ok(exchange.fuel_used())
}

const AUTHORIZATION: &str = r#""authorization": {"protocol": "http", "cluster": "authz", "upstream_headers": ["x-user"]}"#;

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    println!("{size} bytes");
    assert!(size <= BYTES, "ext_auth.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_request_costs_few_instructions() -> TestResult {
    let quota = r#""quota": {"protocol": "http", "cluster": "quota", "request_headers": []}"#;
    for (what, config, budget) in [
        ("asks", format!("{{{AUTHORIZATION}}}"), ASKS),
        ("asks both", format!("{{{AUTHORIZATION}, {quota}}}"), ASKS_BOTH),
        ("is cached", format!("{{{AUTHORIZATION}, \"cache\": {{}}}}"), CACHED),
    ] {
        let used = second(&config)?;
        println!("a request that {what}: {used} instructions");
        assert!(used <= budget, "a request that {what} takes {used} instructions, the budget is {budget}");
    }
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_add_header_map_value",
        "env.proxy_close_stream",
        "env.proxy_continue_stream",
        "env.proxy_define_metric",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_current_time_nanoseconds",
        "env.proxy_get_header_map_pairs",
        "env.proxy_get_property",
        "env.proxy_get_shared_data",
        "env.proxy_get_status",
        "env.proxy_grpc_call",
        "env.proxy_grpc_cancel",
        "env.proxy_http_call",
        "env.proxy_increment_metric",
        "env.proxy_log",
        "env.proxy_remove_header_map_value",
        "env.proxy_send_local_response",
        "env.proxy_set_effective_context",
        "env.proxy_set_shared_data",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
