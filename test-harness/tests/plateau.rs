//! Guests that keep something of each stream are found by their memory (MEM-8).
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_test::{Lint, MockProxy, Plugin, TestResult, both_vms};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn get(proxy: &MockProxy) {
    proxy.send(Request::get("http://shop.example/cart").header("x-do", "requests add").body("").expect("a request"));
}

/// The filter in `guests/leak`, on this version of the crate proxy-wasm.
fn on_proxy_wasm(version: &str) -> Plugin {
    Plugin::from_crate(Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/leak").join(version)).name("reads-headers")
}

#[test]
fn mem_8_proxy_wasm_0_2_3_leaks_what_get_map_gives() -> TestResult {
    let proxy = MockProxy::new(on_proxy_wasm("0.2.3"))?;
    let panic = catch_unwind(AssertUnwindSafe(|| proxy.memory_plateau(1_000, || get(&proxy)))).expect_err("the test fails");
    let text = panic.downcast_ref::<String>().ok_or("a text")?;
    assert!(
        text.starts_with("MEM-8 (MemoryGrows): the plugin \"reads-headers\": never frees what hostcalls hand over"),
        "{text}"
    );
    assert!(text.contains("bytes in 1000 values by proxy_get_header_map_pairs"), "{text}");

    let proxy = MockProxy::builder().plugin(on_proxy_wasm("0.2.3")).allow(Lint::MemoryGrows).start()?;
    let grown = proxy.memory_plateau(1_000, || get(&proxy));
    assert!((100 << 10..1 << 20).contains(&grown), "{grown}");
    assert_eq!(proxy.findings()[0].lint(), Lint::MemoryGrows);
    Ok(())
}

#[test]
fn mem_8_proxy_wasm_0_2_4_does_not() -> TestResult {
    let proxy = MockProxy::new(on_proxy_wasm("0.2.4"))?;
    assert_eq!(proxy.memory_plateau(1_000, || get(&proxy)), 0);
    Ok(())
}

both_vms! {
    fn mem_8_the_sdk_does_not(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&metered::PLUGINS, "metered"))?;
        assert_eq!(proxy.memory_plateau(1_000, || get(&proxy)), 0);
        Ok(())
    }
}
