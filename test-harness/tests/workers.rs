//! Several workers, interleaved as a seed says: natively and as the real `.wasm`.
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_test::abi::{Callback, Host};
use proxy_filter_test::{Builder, Exchange, MockProxy, Spy, TestResult, VmKind, both_vms, interleavings};
use sharing::PLUGINS;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn requests(count: usize) -> impl Iterator<Item = Request<&'static str>> {
    (0..count).map(|_| Request::get("http://shop.example/").body("").expect("a request"))
}

/// A proxy with a counter in each of four workers.
fn counting(vm: VmKind, config: &str, seed: u64) -> Builder {
    let count = vm.plugin(&PLUGINS, "count").config(config);
    MockProxy::builder().plugin(count).workers(4).seed(seed)
}

fn count(proxy: &MockProxy) -> String {
    String::from_utf8(proxy.shared_data("").get("count").unwrap_or_default()).unwrap_or_default()
}

/// What four requests at the same time count, and the trace.
fn four(vm: VmKind, config: &str, seed: u64) -> Result<(String, String), Box<dyn std::error::Error>> {
    let proxy = counting(vm, config, seed).start()?;
    let exchanges = proxy.send_concurrently(requests(4));
    assert!(exchanges.iter().all(|exchange| exchange.response().status() == 200));
    Ok((count(&proxy), proxy.trace()))
}

both_vms! {
    fn a_race_that_was_planted_is_found_and_replayed(vm) -> TestResult {
        let failed = Cell::new(None);
        let found = catch_unwind(AssertUnwindSafe(|| interleavings(1_000, |seed| {
            let (count, _) = four(vm, "lossy", seed)?;
            if count == "4" {
                return Ok(());
            }
            failed.set(Some(seed));
            Err(format!("4 requests were counted as {count}").into())
        })));
        let message = found.err().and_then(|panic| panic.downcast_ref::<String>().cloned()).ok_or("it was not found")?;
        let seed = failed.get().ok_or("it has failed")?;
        assert!(message.starts_with(&format!("seed {seed}: 4 requests were counted as ")), "{message}");
        let (first, again) = (four(vm, "lossy", seed)?, four(vm, "lossy", seed)?);
        assert_ne!(first.0, "4");
        assert_eq!(first, again, "the same trace, line by line");
        Ok(())
    }

    fn shd_3_an_update_loses_nothing_whatever_the_seed(vm) -> TestResult {
        // A thousand natively; each of the VMs takes a while to start.
        let seeds = if vm == VmKind::Native { 1_000 } else { 200 };
        let mut retried = 0;
        interleavings(seeds, |seed| {
            let (count, trace) = four(vm, "update", seed)?;
            retried += u32::from(trace.contains("CAS_MISMATCH"));
            assert_eq!(count, "4");
            Ok(())
        });
        assert!(u64::from(retried) > seeds / 10, "updates did meet: {retried}");
        Ok(())
    }

    fn lif_8_each_worker_has_vms_of_its_own_and_streams_come_in_turn(vm) -> TestResult {
        let proxy = counting(vm, "update", 0).start()?;
        for worker in [0, 1, 2, 3, 0] {
            let exchange = send(&proxy);
            assert_eq!(exchange.response().status(), 200);
            let last = proxy.trace().lines().rev().find(|line| line.contains("proxy_on_delete")).unwrap_or_default().to_owned();
            assert!(last.starts_with(&format!("count (worker {worker}): ")), "{last}");
        }
        proxy.next_worker(3);
        send(&proxy);
        let trace = proxy.trace();
        // Contexts 1 are the roots; the second stream of worker 0 is context 3, the second of worker 3 too.
        assert_eq!(trace.matches(": proxy_on_configure(").count(), 4, "{trace}");
        assert!(trace.contains("count (worker 3): proxy_on_request_headers(context_id=3,"), "{trace}");
        Ok(())
    }

    fn que_9_of_several_workers_the_last_that_registered_is_told(vm) -> TestResult {
        let consume = vm.plugin(&PLUGINS, "consume");
        let proxy = MockProxy::builder().plugin(consume).workers(3).start()?;
        proxy.queue("", "lines").ok_or("it is registered")?.enqueue("one");
        assert!(proxy.trace().contains("consume (worker 2): proxy_on_queue_ready"), "{}", proxy.trace());
        Ok(())
    }

    fn que_8_a_service_sees_each_item_of_all_workers_once(vm) -> TestResult {
        let seeds = if vm == VmKind::Native { 200 } else { 20 };
        interleavings(seeds, |seed| {
            let produce = vm.plugin(&PLUGINS, "produce").config("consumers");
            let consume = vm.plugin(&PLUGINS, "consume").vm_id("consumers");
            let proxy = MockProxy::builder().plugin(produce).service(consume).workers(4).seed(seed).start()?;
            proxy.send_concurrently(requests(8));
            let items = proxy.log().iter().filter(|line| line.message == "/").count();
            assert_eq!(items, 8);
            Ok(())
        });
        Ok(())
    }

    fn an_update_reaches_all_workers(vm) -> TestResult {
        let proxy = counting(vm, "update", 0).start()?;
        proxy.update(vm.plugin(&PLUGINS, "count").config("lossy"))?;
        let trace = proxy.trace();
        assert_eq!(trace.matches("proxy_on_delete(context_id=1)").count(), 4, "{trace}");
        proxy.send_concurrently(requests(4));
        assert_eq!(proxy.shut_down().len(), 0);
        Ok(())
    }
}

fn send(proxy: &MockProxy) -> Exchange {
    proxy.send(requests(1).next().expect("one"))
}

/// A native plugin that holds each request and lets it go in the same callback.
mod hold {
    use proxy_filter::prelude::*;

    pub(super) struct Hold;

    impl RootContext for Hold {
        type Config = ();
        fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }

    impl HttpPlugin for Hold {
        type Http = Stream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
            Stream
        }
    }

    pub(super) struct Stream;

    impl HttpContext for Stream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            http.headers().set("x-seen", "1")?;
            let (held, wait) = http.hold();
            held.resume()?;
            Ok(wait)
        }
    }

    proxy_filter::register! { "hold" => http Hold }
}

#[test]
fn what_a_callback_asks_for_waits_for_its_end_whatever_comes_in_between() {
    interleavings(300, |seed| {
        let plugin = proxy_filter_test::Plugin::native(&hold::PLUGINS, "hold");
        let proxy = MockProxy::builder().plugin(plugin).workers(3).seed(seed).start()?;
        let exchanges = proxy.send_concurrently(requests(9));
        assert!(exchanges.iter().all(|exchange| exchange.response().status() == 200));
        assert!(proxy.findings().is_empty(), "{:?}", proxy.findings());
        Ok(())
    });
}

/// Ticks of several workers are due at once: one may come in the middle of another.
#[test]
fn ticks_are_interleaved_too() -> TestResult {
    let module = |seed| {
        let text = r#"(module
            (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
            (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_configure") (param i32 i32) (result i32) (drop (call $tick (i32.const 10))) (i32.const 1))
            (func (export "proxy_on_tick") (param i32) (drop (call $now (i32.const 0))) (drop (call $now (i32.const 0)))))"#;
        MockProxy::builder().plugin(proxy_filter_test::Plugin::from_bytes(text)).workers(4).seed(seed).start()
    };
    let mut nested = 0;
    for seed in 0..20 {
        let proxy = module(seed)?;
        proxy.advance(Duration::from_millis(30));
        let trace = proxy.trace();
        assert_eq!(trace.matches("proxy_on_tick").count(), 12, "{trace}");
        nested +=
            usize::from(trace.lines().any(|line| line.starts_with("        plugin (worker ") && line.contains("proxy_on_tick")));
    }
    assert!(nested > 0);
    Ok(())
}

#[test]
fn a_spy_in_several_workers_is_never_cut() {
    let calls = Spy::acting("spy", |callback, host: &dyn Host| {
        if matches!(callback, Callback::proxy_on_request_headers { .. }) {
            let count = host.proxy_get_shared_data(b"count").map_or(0, |(value, _)| value[0]);
            host.proxy_set_shared_data(b"count", &[count + 1], 0).expect("stored");
        }
        None
    });
    interleavings(100, |seed| {
        let proxy = MockProxy::builder().plugin(calls.plugin()).workers(4).seed(seed).start()?;
        proxy.send_concurrently(requests(8));
        assert_eq!(proxy.shared_data("").get("count"), Some(vec![8]));
        Ok(())
    });
}

#[test]
fn one_worker_is_not_interleaved_unless_a_seed_is_given() -> TestResult {
    let plugin = || proxy_filter_test::Plugin::native(&PLUGINS, "count").config("lossy");
    let proxy = MockProxy::new(plugin())?;
    proxy.send_concurrently(requests(4));
    assert_eq!(count(&proxy), "4");
    // Streams of one worker never cut each other, whatever the seed.
    interleavings(50, |seed| {
        let proxy = MockProxy::builder().plugin(plugin()).seed(seed).start()?;
        proxy.send_concurrently(requests(4));
        assert_eq!(count(&proxy), "4");
        Ok(())
    });
    Ok(())
}

#[test]
#[should_panic(expected = "there is no worker 4: the proxy has 4")]
fn a_worker_that_is_not_there() {
    counting(VmKind::Native, "update", 0).start().unwrap().next_worker(4);
}

#[test]
#[should_panic(expected = "a proxy has a worker at least")]
fn no_worker_at_all() {
    let _ = MockProxy::builder().workers(0);
}
