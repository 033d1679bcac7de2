//! Failure policies: what becomes of streams and requests once a VM is dead.

use super::messages;
use http::{Request, StatusCode};
use proxy_filter_test::{Exchange, FailurePolicy, MockProxy, Outcome, Plugin, Reason};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

mod plugin {
    use proxy_filter::{
        ConfigError, HeadersAction, HttpContext, HttpPlugin, HttpStream, Plugin, RequestHeaders, Result, RootContext,
    };
    use std::rc::Rc;

    /// Panics in a request with the header `x-trap`.
    pub(super) struct Traps;

    impl RootContext for Traps {
        type Config = Vec<u8>;
        fn new(_config: Vec<u8>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }

    impl HttpPlugin for Traps {
        type Http = TrapsStream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> TrapsStream {
            TrapsStream
        }
    }

    pub(super) struct TrapsStream;

    impl HttpContext for TrapsStream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            assert!(http.headers().get("x-trap")?.is_none(), "trap");
            log::info!("here");
            Ok(HeadersAction::Continue)
        }
    }

    proxy_filter::register! { "traps" => http Traps }
}

const TRAP_IF_ASKED: &str = "(if (i32.gt_u (local.get 1) (i32.const 6)) (then unreachable))";

/// The same plugin in each VM.
fn plugins() -> Vec<Plugin> {
    vec![
        Plugin::native(&plugin::PLUGINS, "traps"),
        #[cfg(feature = "wasmtime")]
        traps_after(TRAP_IF_ASKED).root_id("traps").name("traps"),
    ]
}

/// A guest that logs `here` when it survives this in its request callback; a seventh header asks for a trap.
#[cfg(feature = "wasmtime")]
fn traps_after(instructions: &str) -> Plugin {
    use super::guest::{callback, data, module};
    let log = "(drop (call $proxy_log (i32.const 2) (i32.const 64) (i32.const 4)))";
    let headers = callback("proxy_on_request_headers", &format!("{instructions}\n{log}"), 0);
    Plugin::from_bytes(module(&format!("{}\n{headers}", data(64, b"here"))))
}

fn start(plugin: Plugin) -> MockProxy {
    MockProxy::new(plugin).expect("it starts")
}

fn ordinary(proxy: &MockProxy) -> Exchange {
    proxy.send(Request::get("http://shop.example/").body("").expect("a request"))
}

fn trapping(proxy: &MockProxy) -> Exchange {
    proxy.send(Request::get("http://shop.example/").header("x-trap", "1").body("").expect("a request"))
}

#[track_caller]
fn is_failed(exchange: &Exchange) {
    assert_eq!(exchange.response().status(), StatusCode::SERVICE_UNAVAILABLE, "{exchange:?}");
    assert_eq!(exchange.details(), "wasm_fail_stream");
    assert!(!exchange.reached_upstream());
}

#[track_caller]
fn is_filtered(exchange: &Exchange) {
    assert_eq!(exchange.response().status(), StatusCode::OK, "{exchange:?}");
    assert_eq!(messages(&exchange.log()), ["here"], "{exchange:?}");
}

#[track_caller]
fn is_unfiltered(exchange: &Exchange) {
    assert_eq!(exchange.response().status(), StatusCode::OK, "{exchange:?}");
    assert!(exchange.reached_upstream());
    assert!(exchange.callbacks().is_empty(), "{:?}", exchange.callbacks());
}

#[test]
fn fai_7_closed_fails_all_that_come_later() {
    for plugin in plugins() {
        for plugin in [plugin.clone(), plugin.failure_policy(FailurePolicy::Closed)] {
            let proxy = start(plugin);
            is_filtered(&ordinary(&proxy));
            is_failed(&trapping(&proxy));
            proxy.advance(Duration::from_secs(3600));
            is_failed(&ordinary(&proxy));
        }
    }
}

#[test]
fn fai_9_open_fails_the_trapped_stream_and_is_skipped_from_then_on() {
    for plugin in plugins() {
        let proxy = start(plugin.failure_policy(FailurePolicy::Open));
        is_filtered(&ordinary(&proxy));
        is_failed(&trapping(&proxy));
        is_unfiltered(&ordinary(&proxy));
        is_unfiltered(&trapping(&proxy));
    }
}

#[test]
fn fai_8_fail_open_lets_the_trapped_stream_go_on_too() {
    for plugin in plugins() {
        let proxy = start(plugin.fail_open(true));
        let trapped = trapping(&proxy);
        assert_eq!((trapped.response().status(), trapped.outcome()), (StatusCode::OK, Outcome::Complete), "{trapped:?}");
        assert!(trapped.trap().is_some());
        assert_eq!(trapped.callbacks().last().map(|(name, _)| *name), Some("proxy_on_request_headers"));
        is_unfiltered(&ordinary(&proxy));
    }
}

fn reload(seconds: u64) -> FailurePolicy {
    FailurePolicy::Reload { base_interval: Duration::from_secs(seconds) }
}

#[test]
fn fai_10_fai_11_reload_waits_for_its_time_and_says_so_in_the_trace() {
    for plugin in plugins() {
        let proxy = start(plugin.failure_policy(reload(10)));
        is_failed(&trapping(&proxy));
        proxy.advance(Duration::from_millis(9_999));
        is_failed(&ordinary(&proxy));
        assert!(proxy.trace().contains("wasm.traps.vm_reload_backoff"), "{}", proxy.trace());
        proxy.advance(Duration::from_millis(1));
        is_filtered(&ordinary(&proxy));
        let trace = proxy.trace();
        assert!(trace.contains("wasm.traps.vm_reload_success"), "{trace}");
        // Ids start again.
        assert_eq!(trace.matches("proxy_on_context_create(context_id=1, parent_id=0)").count(), 2, "{trace}");
        is_filtered(&ordinary(&proxy));
    }
}

#[test]
fn fai_10_the_time_counts_from_the_last_load() {
    for plugin in plugins() {
        let proxy = start(plugin.failure_policy(reload(10)));
        proxy.advance(Duration::from_secs(10));
        is_failed(&trapping(&proxy));
        is_filtered(&ordinary(&proxy));
        is_failed(&trapping(&proxy));
        is_failed(&ordinary(&proxy));
    }
}

#[cfg(feature = "wasmtime")]
#[test]
fn fai_10_fai_11_a_plugin_that_is_refused_when_it_is_loaded_anew_is_tried_again_later() {
    use super::guest::{callback, module};
    // It does not accept its configuration between the second 5 and the second 15 of its life.
    let clock = |seconds: u64| format!("(i64.const {})", (1_767_225_600 + seconds) * 1_000_000_000);
    let between = format!(
        "(drop (call $proxy_get_current_time_nanoseconds (i32.const 64)))
         (if (i32.and (i64.gt_u (i64.load (i32.const 64)) {}) (i64.lt_u (i64.load (i32.const 64)) {})) (then (return (i32.const 0))))",
        clock(5),
        clock(15)
    );
    let headers = callback("proxy_on_request_headers", TRAP_IF_ASKED, 0);
    let plugin = Plugin::from_bytes(module(&format!("{}\n{headers}", callback("proxy_on_configure", &between, 1))));
    let proxy = start(plugin.failure_policy(reload(10)));
    is_failed(&trapping(&proxy));
    proxy.advance(Duration::from_secs(11));
    is_failed(&ordinary(&proxy));
    assert!(proxy.trace().contains("wasm.plugin.vm_reload_failure"), "{}", proxy.trace());
    proxy.advance(Duration::from_secs(9));
    is_failed(&ordinary(&proxy));
    assert!(proxy.trace().contains("wasm.plugin.vm_reload_backoff"), "{}", proxy.trace());
    proxy.advance(Duration::from_secs(1));
    assert_eq!(ordinary(&proxy).response().status(), StatusCode::OK);
    assert!(proxy.trace().contains("wasm.plugin.vm_reload_success"), "{}", proxy.trace());
}

#[test]
fn fai_1_fai_10_plugins_of_a_dead_vm_are_loaded_anew_into_the_same_one() {
    for plugin in plugins() {
        let second = plugin.clone().name("second");
        let proxy = MockProxy::builder()
            .plugin(plugin.failure_policy(reload(1)))
            .plugin(second.failure_policy(reload(1)))
            .start()
            .expect("both start");
        proxy.advance(Duration::from_secs(1));
        is_failed(&trapping(&proxy));
        let exchange = ordinary(&proxy);
        assert_eq!(messages(&exchange.log()), ["here", "here"], "{exchange:?}");
        let trace = proxy.trace();
        // The stream has its id in the first (CTX-11) before the second is loaded.
        for id in [2, 3] {
            let root = format!("second: proxy_on_context_create(context_id={id}, parent_id=0)");
            assert_eq!(trace.matches(&root).count(), 1, "{trace}");
        }
    }
}

#[test]
fn fai_1_the_death_of_a_shared_vm_is_that_of_all_its_plugins() {
    for plugin in plugins() {
        let second = plugin.clone().name("second");
        for (second, survives) in [(second.clone(), false), (second.vm_id("apart"), true)] {
            let first = plugin.clone().failure_policy(FailurePolicy::Open);
            let proxy = MockProxy::builder().plugin(first).plugin(second).start().expect("both start");
            is_failed(&trapping(&proxy));
            if survives { is_filtered(&ordinary(&proxy)) } else { is_failed(&ordinary(&proxy)) }
        }
    }
}

#[test]
fn fai_20_plugins_of_one_vm_fail_each_by_its_own_policy() {
    for plugin in plugins() {
        let second = plugin.clone().name("second").failure_policy(FailurePolicy::Open);
        let proxy =
            MockProxy::builder().plugin(plugin.failure_policy(FailurePolicy::Open)).plugin(second).start().expect("both start");
        is_failed(&trapping(&proxy));
        is_unfiltered(&ordinary(&proxy));
    }
}

#[test]
fn fai_11_fail_open_and_a_failure_policy_are_refused() {
    for plugin in plugins() {
        let refused = MockProxy::new(plugin.fail_open(true).failure_policy(FailurePolicy::Open)).expect_err("both are set");
        assert!(matches!(refused.reason(), Reason::FailOpenAndFailurePolicy), "{refused}");
        assert!(
            refused.to_string().ends_with("only one of fail_open and failure_policy can be set: leave fail_open out"),
            "{refused}"
        );
    }
}

#[test]
fn fai_15_an_interval_that_crashes_envoy_is_refused_with_a_panic() {
    let policy = FailurePolicy::Reload { base_interval: Duration::from_millis(1) };
    let panic = catch_unwind(AssertUnwindSafe(|| plugins().remove(0).failure_policy(policy))).expect_err("it panics");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert_eq!(message, "a base_interval of 1ms crashes Envoy (FAI-15): give 2 ms or more");
}

/// What ends a guest, whichever way, is the same to a policy.
#[cfg(feature = "wasmtime")]
#[test]
fn mem_3_mem_7_limits_and_allocators_that_trap_are_traps_to_every_policy() {
    use super::guest::{callback, module_with_allocator};
    let asked = |instructions: &str| format!("(if (i32.gt_u (local.get 1) (i32.const 6)) (then {instructions}))");
    let endless = traps_after(&asked("(loop $for_ever (br $for_ever))")).fuel_limit(100_000);
    let greedy =
        traps_after(&asked("(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable))")).memory_limit(1 << 20);
    // The allocator is called for the property, and the callback runs on to its end.
    let property = "(drop (call $proxy_get_property (i32.const 64) (i32.const 11) (i32.const 96) (i32.const 100)))
        (call $report (i32.const 7))";
    let text =
        format!("{}\n{}", super::guest::data(64, b"plugin_name"), callback("proxy_on_request_headers", &asked(property), 0));
    let allocator = r#"(func (export "malloc") (param i32) (result i32) unreachable)"#;
    let allocating = Plugin::from_bytes(module_with_allocator(allocator, &text));
    for (plugin, says) in [(endless, &[][..]), (greedy, &[]), (allocating, &["7"])] {
        let closed = start(plugin.clone());
        let trapped = trapping(&closed);
        is_failed(&trapped);
        assert_eq!(messages(&trapped.log()), says);
        is_failed(&ordinary(&closed));

        let open = start(plugin.clone().failure_policy(FailurePolicy::Open));
        is_failed(&trapping(&open));
        is_unfiltered(&ordinary(&open));

        let legacy = start(plugin.clone().fail_open(true));
        assert_eq!(trapping(&legacy).response().status(), StatusCode::OK);
        is_unfiltered(&ordinary(&legacy));

        let reloading = start(plugin.failure_policy(reload(1)));
        is_failed(&trapping(&reloading));
        reloading.advance(FailurePolicy::RELOAD_INTERVAL);
        assert_eq!(ordinary(&reloading).response().status(), StatusCode::OK);
        assert!(reloading.trace().contains("vm_reload_success"));
    }
}
