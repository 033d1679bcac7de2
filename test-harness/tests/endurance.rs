//! Many exchanges through one VM: the guest's memory at the end is that after the first thousand.
//!
//! `PROXY_FILTER_EXCHANGES` says how many there are: 1,500 unless it is set, 100,000 under `cargo make soak`.
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_test::{Message, MockProxy, Plugin, TestResult};

fn exchanges() -> usize {
    std::env::var("PROXY_FILTER_EXCHANGES").ok().and_then(|number| number.parse().ok()).unwrap_or(1_500)
}

/// Bodies of several sizes, so that the guest's allocator has something to do.
fn send(proxy: &MockProxy, number: usize) -> TestResult {
    let body = "x".repeat(number % 7 * 1_000);
    let request = Message::from(Request::post("http://shop.example/").header("x-number", number).body(body)?).in_chunks_of(4_096);
    let exchange = proxy.send(request);
    assert!(exchange.reached_upstream(), "{exchange:?}");
    Ok(())
}

fn memory_stays(plugin: Plugin) -> TestResult {
    let proxy = MockProxy::new(plugin)?;
    proxy.set_upstream(|_| http::Response::new("answer"));
    (0..1_000).try_for_each(|number| send(&proxy, number))?;
    let after_a_thousand = proxy.memory_size();
    assert!(after_a_thousand.is_some());
    (1_000..exchanges()).try_for_each(|number| send(&proxy, number))?;
    assert_eq!(proxy.memory_size(), after_a_thousand, "the guest's memory has grown");
    assert!(proxy.trap().is_none());
    Ok(())
}

#[test]
fn a_guest_that_makes_every_call_stops_growing() -> TestResult {
    memory_stays(Plugin::wasm(&torture::PLUGINS, "torture").config("strict"))
}

#[test]
fn a_guest_that_collects_bodies_stops_growing() -> TestResult {
    memory_stays(Plugin::wasm(&streams::PLUGINS, "collect").config("8192"))
}

#[test]
fn add_header_stops_growing() -> TestResult {
    let config = r#"{"request": {"append": [["x-a", "1"]]}, "response": {"set": [["x-b", "2"]]}}"#;
    memory_stays(Plugin::wasm(&add_header::PLUGINS, "add_header").config(config))
}
