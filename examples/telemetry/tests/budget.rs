//! What the filter costs as it ships: its size, its instructions for each stream, and what it asks of a proxy. A budget that is exceeded
//! is raised on purpose or not at all.

mod mesh;

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 139_264;
/// A stream whose series are there, without an access log; and with one of 15 fields.
const INSTRUCTIONS: u64 = 48_000;
const INSTRUCTIONS_WITH_LOG: u64 = 84_000;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

fn instructions(config: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let proxy = mesh::in_mesh(MockProxy::builder().plugin(Plugin::from_bytes(shipped()?).config(config))).start()?;
    // The first stream defines what later ones use.
    drop(proxy.send(Request::get("http://shop.example/").body("")?));
    let exchange = proxy.send(Request::get("http://shop.example/").body("")?);
    Ok(exchange.fuel_used())
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    assert!(size <= BYTES, "telemetry.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_stream_costs_few_instructions() -> TestResult {
    let used = instructions("{}")?;
    assert!(used <= INSTRUCTIONS, "a stream takes {used} instructions, the budget is {INSTRUCTIONS}");
    Ok(())
}

#[test]
fn a_stream_with_a_line_costs_few_instructions() -> TestResult {
    let used = instructions(&include_str!("../config.json").replace("\"sample_percent\": 10", "\"sample_percent\": 100"))?;
    assert!(
        used <= INSTRUCTIONS_WITH_LOG,
        "a stream with a line takes {used} instructions, the budget is {INSTRUCTIONS_WITH_LOG}"
    );
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_define_metric",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_header_map_value",
        "env.proxy_get_property",
        "env.proxy_increment_metric",
        "env.proxy_log",
        "env.proxy_record_metric",
        "env.proxy_send_local_response",
        "wasi_snapshot_preview1.random_get",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
