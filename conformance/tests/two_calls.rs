//! A filter that awaits two services, beside the same kept by hand on the crate proxy-wasm: what a request costs the guest, and what
//! is left in it of streams that ended while their calls were on the way.
//!
//! `PROXY_FILTER_EXCHANGES` says how many streams end so: 2,000 unless it is set, 100,000 under `cargo make soak`. The figures are
//! printed: `cargo test -p proxy-filter-conformance --test two_calls -- --nocapture`.

use http::{Request, Response};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{Answer, Cluster, Limits, MockProxy, Outcome, Plugin, TestResult};
use std::path::Path;
use std::time::Duration;

const OURS: &str = "guests/two-calls";
const PEER: &str = "peers/two-calls";

fn plugin(guest: &str) -> Result<(Plugin, u64), Box<dyn std::error::Error>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(guest);
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    let wasm = FilterCrate::build_once(&dir, &options)?.wasm;
    Ok((Plugin::from_file(&wasm), std::fs::metadata(&wasm)?.len()))
}

fn proxy(guest: &str) -> Result<(MockProxy, u64), Box<dyn std::error::Error>> {
    let (plugin, size) = plugin(guest)?;
    Ok((MockProxy::new(plugin)?, size))
}

fn request() -> Result<Request<&'static str>, http::Error> {
    Request::get("http://shop.example/").header("authorization", "token").body("")
}

/// What a request costs the guest in all its callbacks, and the size of the module.
fn cost(guest: &str) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let (proxy, size) = proxy(guest)?;
    proxy.cluster("authz", |_| Response::new("ann"));
    proxy.cluster("quota", |_| Response::new(""));
    // The first makes tables that later ones use again.
    drop(proxy.send(request()?));
    proxy.advance(Duration::from_millis(1));
    let exchange = proxy.send(request()?);
    proxy.advance(Duration::from_millis(1));
    assert_eq!(exchange.upstream_request().headers()["x-user"], "ann", "{}", proxy.trace());
    assert_eq!(proxy.requests_to("quota").len(), 2);
    println!("{guest}: {size} bytes");
    for (callback, fuel) in exchange.callbacks() {
        println!("  {callback}: {fuel}");
    }
    Ok((exchange.fuel_used(), size))
}

/// What a request may cost beside the twin, in percent. Half was the aim: what the twin does not do is to box a future, to copy each
/// response when it comes, so that it can be read whenever its turn is, and to make sure that what ends is dropped. (Fuel counts the
/// bytes that are moved, too.)
const PERCENT: u64 = 140;

#[test]
fn what_it_costs_beside_its_twin() -> TestResult {
    let ((ours, our_size), (peer, peer_size)) = (cost(OURS)?, cost(PEER)?);
    println!("a request: {ours} instructions, {peer} on proxy-wasm 0.2.5; the module: {our_size} bytes, {peer_size}");
    assert!(ours * 100 <= peer * PERCENT, "{ours} instructions, the twin's {peer}");
    assert!(our_size < peer_size, "{our_size} bytes, the twin's {peer_size}");
    Ok(())
}

#[test]
fn both_answer_the_same() -> TestResult {
    for guest in [OURS, PEER] {
        let (proxy, _) = proxy(guest)?;
        proxy.cluster("authz", |_| Response::new("ann"));
        proxy.set_cluster("quota", Cluster::answers([Response::builder().status(429).body("")?]));
        let refused = proxy.send(request()?);
        proxy.advance(Duration::from_millis(1));
        assert_eq!(refused.response().status(), 403, "{guest}");
        let unknown = proxy.send(Request::get("http://shop.example/").body("")?);
        assert_eq!(unknown.response().status(), 401, "{guest}");
    }
    Ok(())
}

fn streams() -> usize {
    std::env::var("PROXY_FILTER_EXCHANGES").ok().and_then(|number| number.parse().ok()).unwrap_or(2_000)
}

/// CAL-15: clients that leave while their calls are on the way; how much memory the guest has after a few hundred, and at the end.
/// The answers come every now and then, or not before all clients have left.
fn left_behind(guest: &str, answers_come: bool) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let limits = Limits { callouts_in_flight: usize::MAX, callouts_at_once: usize::MAX, ..Limits::default() };
    let proxy = MockProxy::builder().plugin(plugin(guest)?.0).limits(limits).start()?;
    proxy.set_cluster("authz", Cluster::answers([Answer::Timeout]).max_requests(usize::MAX));
    proxy.set_cluster("quota", Cluster::new(|_| Response::new("")).latency(Duration::from_millis(5)).max_requests(usize::MAX));
    let mut early = 0;
    for number in 0..streams() {
        let exchange = proxy.send(request()?);
        assert_eq!(exchange.outcome(), Outcome::Paused, "{exchange:?}");
        proxy.disconnect(&exchange);
        // Both answers, the late one of a service and the timeout of the other, find nobody.
        if answers_come && number % 16 == 15 {
            proxy.advance(Duration::from_millis(300));
        }
        if number == 500 {
            early = proxy.memory_size().ok_or("a guest in Wasm has memory")?;
        }
    }
    assert!(proxy.trap().is_none());
    Ok((early, proxy.memory_size().ok_or("a guest in Wasm has memory")?))
}

#[test]
fn cal_15_what_ended_while_it_waited_leaves_nothing_behind() -> TestResult {
    let streams = streams();
    for (answers_come, when) in [(true, "their answers came later"), (false, "no answer came")] {
        for guest in [OURS, PEER] {
            let (early, late) = left_behind(guest, answers_come)?;
            println!(
                "{guest}: {streams} streams ended with two calls on the way, {when}: {late} bytes of memory, {early} after 500"
            );
            if guest == OURS {
                assert_eq!(early, late, "the guest's memory has grown");
            }
        }
    }
    Ok(())
}
