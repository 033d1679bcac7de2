//! What the filter costs as it ships: its size, its instructions for each connection, and what it asks of a proxy. A budget that is
//! exceeded is raised on purpose or not at all; the README says the same figures.

use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 143_360;
const BY_SOURCE: u64 = 2_900;
const BY_FIRST_BYTES: u64 = 9_700;
const DATA: u64 = 310;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    println!("{size} bytes");
    assert!(size <= BYTES, "tcp_allow.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

/// The instructions of a whole connection, and of one more callback for data that pass.
fn connection(proxy: &MockProxy) -> (u64, u64) {
    let connection = proxy.connect();
    connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc");
    let before = connection.fuel_used();
    connection.send("more");
    let data = connection.fuel_used() - before;
    assert_eq!(connection.to_upstream(), &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfcmore"[..]);
    connection.upstream_sends("answer").end().upstream_ends();
    assert!(connection.is_closed());
    (connection.fuel_used(), data)
}

#[test]
fn a_connection_costs_few_instructions() -> TestResult {
    let config = r#"{"allow": [{"name": "office", "sources": ["10.0.0.0/8", "2001:db8::/32"]}, {"name": "all", "first_bytes": ["tls_client_hello"]}]}"#;
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?).config(config))?;
    let cost = |address: &str| {
        proxy.set_property("source.address", address);
        // The first makes the tables that later ones use.
        connection(&proxy);
        connection(&proxy)
    };
    let (by_source, _) = cost("10.1.2.3:4711");
    let (by_first_bytes, data) = cost("192.0.2.1:4711");
    println!("by source {by_source}, by first bytes {by_first_bytes}, data that pass {data} instructions");
    assert!(by_source <= BY_SOURCE, "by its source a connection takes {by_source} instructions, the budget is {BY_SOURCE}");
    assert!(by_first_bytes <= BY_FIRST_BYTES, "by its first bytes it takes {by_first_bytes}, the budget is {BY_FIRST_BYTES}");
    assert!(data <= DATA, "data that pass take {data}, the budget is {DATA}");
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_close_stream",
        "env.proxy_continue_stream",
        "env.proxy_define_metric",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_current_time_nanoseconds",
        "env.proxy_get_property",
        "env.proxy_increment_metric",
        "env.proxy_log",
        "env.proxy_send_local_response",
        "env.proxy_set_effective_context",
        "env.proxy_set_tick_period_milliseconds",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
