//! Prints what the example add-header costs, beside the same filter on the crate proxy-wasm: one build profile, one run.

use http::Request;
use proxy_filter_conformance::allocations::{HEADERS, OURS, PEER, allocations};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult};
use std::path::Path;

/// The callbacks of a stream that are counted: those that both filters need.
const COUNTED: [&str; 4] = ["proxy_on_context_create", "proxy_on_request_headers", "proxy_on_done", "proxy_on_delete"];

fn main() -> TestResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let ours = Cost::of(&root.join("examples/add-header"))?;
    let peer = Cost::of(&root.join("conformance/peers/add-header"))?;

    println!("add-header: one request header added, JSON configuration, the shipped profile\n");
    println!("{:<28}{:>14}{:>18}{:>8}", "", "proxy-filter", "proxy-wasm 0.2.5", "ratio");
    row("size of the module, bytes", ours.size, peer.size);
    for (index, name) in COUNTED.iter().enumerate() {
        row(&format!("{name}, fuel"), ours.callbacks[index], peer.callbacks[index]);
    }
    row("stream, fuel", ours.callbacks.iter().sum(), peer.callbacks.iter().sum());
    let minimal = Cost::of(&root.join("conformance/guests/fixed-header"))?;
    println!(
        "\nfixed-header: one fixed request header, no configuration: {} bytes, {} a stream",
        minimal.size,
        minimal.callbacks.iter().sum::<u64>()
    );

    println!("\nallocations in the guest, hand-overs of the host included; a request of {HEADERS} headers");
    let (ours, peer) = (allocations(OURS)?, allocations(PEER)?);
    for (what, count) in &ours {
        row(what, u64::from(*count), peer.get(what).copied().unwrap_or_default().into());
    }
    println!("\nFuel is guest instructions as Wasmtime counts them; a stream is the four callbacks above.");
    Ok(())
}

fn row(what: &str, ours: u64, peer: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a ratio to two digits")]
    let ratio = ours as f64 / peer as f64;
    let ratio = if peer == 0 { String::new() } else { format!("{ratio:.2}") };
    println!("{:<28}{ours:>14}{peer:>18}{ratio:>8}", what.trim_start_matches("proxy_on_"));
}

struct Cost {
    size: u64,
    callbacks: Vec<u64>,
}

impl Cost {
    fn of(crate_dir: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
        let wasm = FilterCrate::build_once(crate_dir, &options)?.wasm;
        let size = std::fs::metadata(&wasm)?.len();
        let config = r#"{"request": {"add": [["x-hello", "world"]]}}"#;
        let proxy = MockProxy::new(Plugin::from_file(&wasm).root_id("add_header").config(config))?;
        let request = || Request::get("http://shop.example/cart").body("");
        // The first stream makes tables and buffers that later ones use again.
        proxy.send(request()?);
        let exchange = proxy.send(request()?);
        assert_eq!(exchange.upstream_request().headers()["x-hello"], "world");
        let fuel = |name| exchange.callbacks().iter().filter(|(callback, _)| *callback == name).map(|(_, fuel)| fuel).sum();
        Ok(Self { size, callbacks: COUNTED.iter().map(|name| fuel(*name)).collect() })
    }
}
