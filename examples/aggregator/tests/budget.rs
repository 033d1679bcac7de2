//! What the module costs as it ships: its size, the instructions of each request and each record, and what it asks of a proxy. A budget
//! that is exceeded is raised on purpose or not at all.

use http::{Request, Response};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};
use std::time::Duration;

const BYTES: usize = 167_936;
/// A stream of the filter, whose record has the usual nine fields.
const STREAM: u64 = 21_900;
/// A record in the service, from the queue into a batch of a hundred and out of the proxy.
const RECORD: u64 = 4_000;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    assert!(size <= BYTES, "aggregator.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn requests_and_records_cost_few_instructions() -> TestResult {
    let module = |root_id: &str| Ok::<_, Box<dyn std::error::Error>>(Plugin::from_bytes(shipped()?).root_id(root_id));
    let filter = module("aggregator_filter")?.config("{}").vm_id("filters");
    let service = module("aggregator")?.config(r#"{"cluster": "collector"}"#).vm_id("aggregator");
    let proxy = MockProxy::builder().plugin(filter).service(service).cluster("collector", |_| Response::new("")).start()?;
    let hundred = || -> Result<(u64, u64), Box<dyn std::error::Error>> {
        let before = proxy.fuel_used();
        let mut streams = 0;
        for _ in 0..100 {
            let exchange = proxy.send(Request::get("http://shop.example/cart").body("")?);
            let of_stream = |(name, _): &(&str, u64)| {
                !matches!(*name, "proxy_on_queue_ready" | "proxy_on_http_call_response" | "proxy_on_tick")
            };
            streams += exchange.callbacks().into_iter().filter(of_stream).map(|(_, fuel)| fuel).sum::<u64>();
        }
        proxy.advance(Duration::from_secs(1));
        Ok((streams, proxy.fuel_used() - before))
    };
    // The first ones make what later ones use.
    hundred()?;
    let (streams, all) = hundred()?;
    assert_eq!(proxy.counter("aggregator_records_shipped_total"), Some(200));
    let (stream, record) = (streams / 100, (all - streams) / 100);
    assert!(stream <= STREAM, "a stream takes {stream} instructions, the budget is {STREAM}");
    assert!(record <= RECORD, "a record takes {record} instructions in the service, the budget is {RECORD}");
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_close_stream",
        "env.proxy_continue_stream",
        "env.proxy_define_metric",
        "env.proxy_dequeue_shared_queue",
        "env.proxy_done",
        "env.proxy_enqueue_shared_queue",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_current_time_nanoseconds",
        "env.proxy_get_header_map_pairs",
        "env.proxy_get_header_map_value",
        "env.proxy_get_metric",
        "env.proxy_get_property",
        "env.proxy_http_call",
        "env.proxy_increment_metric",
        "env.proxy_log",
        "env.proxy_record_metric",
        "env.proxy_register_shared_queue",
        "env.proxy_resolve_shared_queue",
        "env.proxy_send_local_response",
        "env.proxy_set_effective_context",
        "env.proxy_set_tick_period_milliseconds",
        "wasi_snapshot_preview1.random_get",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
