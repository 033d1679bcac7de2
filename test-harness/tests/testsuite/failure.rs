//! What becomes of a proxy's exchanges when a plugin's VM dies.

use super::guest::{callback, data, module};
use super::messages;
use http::{Request, StatusCode};
use proxy_filter_test::{Exchange, Finding, Lint, MockProxy, Outcome, Plugin, Reason, TrapKind};
use std::time::Duration;

fn guest(definitions: &[String]) -> Plugin {
    Plugin::from_bytes(module(&definitions.join("\n")))
}

fn trap_in(name: &str) -> String {
    callback(name, "unreachable", 0)
}

/// A VM that dies while a stream is held back is a finding of its own (FAI-6); these tests look at what becomes of it.
fn start(definitions: &[String]) -> MockProxy {
    MockProxy::builder().plugin(guest(definitions)).allow(Lint::TrapWhilePaused).start().expect("the guest starts")
}

fn post(proxy: &MockProxy) -> Exchange {
    proxy.set_upstream(|_| http::Response::new("hello"));
    proxy.send(Request::post("http://shop.example/").body("body").expect("a request"))
}

#[track_caller]
fn is_failed_closed(exchange: &Exchange) {
    assert_eq!(exchange.outcome(), Outcome::Complete);
    let response = exchange.response();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{exchange:?}");
    assert!(response.body().is_empty() && !response.headers().contains_key("content-type"), "{exchange:?}");
    assert_eq!(exchange.details(), "wasm_fail_stream");
    assert_eq!(exchange.local_reply().map(|reply| (reply.status, reply.grpc_status)), Some((503, Some(14))));
}

#[test]
fn fai_2_a_trap_before_the_response_left_is_answered_with_503() {
    for name in ["proxy_on_request_headers", "proxy_on_request_body", "proxy_on_response_headers"] {
        let proxy = start(&[trap_in(name)]);
        let exchange = post(&proxy);
        assert!(exchange.trap().is_some_and(|trap| trap.callback.starts_with(name)), "{exchange:?}");
        is_failed_closed(&exchange);
        assert_eq!(exchange.reached_upstream(), name != "proxy_on_request_headers", "{name}");
    }
}

#[test]
fn a_trap_while_the_streams_context_is_made_is_answered_with_503() {
    let instructions = "(if (local.get 1) (then unreachable))";
    let proxy = start(&[callback("proxy_on_context_create", instructions, 0)]);
    let exchange = post(&proxy);
    is_failed_closed(&exchange);
    assert!(!exchange.reached_upstream());
}

#[test]
fn lif_16_a_trap_while_the_roots_context_is_made_loads_a_plugin_that_fails_every_request() {
    let proxy = start(&[trap_in("proxy_on_context_create")]);
    assert!(proxy.trap().is_some_and(|trap| trap.callback.starts_with("proxy_on_context_create(context_id=1")));
    assert!(proxy.trace().contains("proxy_on_vm_start(") && !proxy.trace().contains("proxy_on_configure("), "{}", proxy.trace());
    for _ in 0..2 {
        is_failed_closed(&post(&proxy));
    }
}

#[test]
fn fai_3_a_trap_in_response_body_resets_the_stream() {
    let exchange = post(&start(&[trap_in("proxy_on_response_body")]));
    assert_eq!(exchange.outcome(), Outcome::Reset);
    let response = exchange.raw_response().expect("the headers have left");
    assert_eq!(response.header(":status"), Some(&b"200"[..]));
    assert!(response.body().is_empty());
    assert_eq!(exchange.details(), "wasm_fail_stream");
}

#[test]
fn fai_4_fai_7_a_trap_after_the_end_leaves_the_response_alone_but_later_requests_get_503() {
    for name in ["proxy_on_log", "proxy_on_done", "proxy_on_delete"] {
        let proxy = start(&[trap_in(name)]);
        let exchange = post(&proxy);
        assert_eq!(exchange.outcome(), Outcome::Complete, "{name}");
        assert_eq!(exchange.response().body(), "hello", "{name}");
        assert!(exchange.trap().is_some_and(|trap| trap.callback.starts_with(name)), "{exchange:?}");
        for _ in 0..3 {
            is_failed_closed(&post(&proxy));
        }
    }
}

#[test]
fn fai_1_a_dead_vm_is_called_no_more() {
    let log = callback("proxy_on_log", "(call $report (i32.const 1))", 0);
    let done = callback("proxy_on_done", "(call $report (i32.const 2))", 1);
    let proxy = start(&[trap_in("proxy_on_request_headers"), log, done]);
    let trapped = post(&proxy);
    assert_eq!(trapped.callbacks().last().map(|(name, _)| *name), Some("proxy_on_request_headers"));
    let later = post(&proxy);
    assert!(later.callbacks().is_empty(), "{:?}", later.callbacks());
    assert!(proxy.log().is_empty());
    let before = proxy.trace();
    proxy.advance(Duration::from_secs(60));
    assert_eq!(proxy.trace(), before);
    proxy.shut_down();
}

/// A guest that pauses the first request and traps in the second.
fn pauses_then_traps() -> [String; 3] {
    let trap_at_the_third = "(if (i32.gt_u (local.get 0) (i32.const 2)) (then unreachable))";
    [
        callback("proxy_on_request_headers", trap_at_the_third, 1),
        callback("proxy_on_log", "(call $report (i32.const 1))", 0),
        callback("proxy_on_delete", "(call $report (i32.const 2))", 0),
    ]
}

#[test]
fn fai_1_fai_5_a_stream_in_flight_gets_no_callback_of_a_vm_that_died_in_another() {
    let proxy = start(&pauses_then_traps());
    let waiting = post(&proxy);
    assert_eq!(waiting.outcome(), Outcome::Paused);
    is_failed_closed(&post(&proxy));
    proxy.disconnect(&waiting);
    assert_eq!(waiting.outcome(), Outcome::Reset);
    assert!(proxy.log().is_empty(), "{:?}", proxy.log());
}

#[test]
fn fai_6_a_request_that_is_paused_hangs_when_the_vm_dies_in_a_tick() {
    let start_timer = callback("proxy_on_configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 100)))", 1);
    let proxy = start(&[start_timer, callback("proxy_on_request_headers", "", 1), trap_in("proxy_on_tick")]);
    let exchange = post(&proxy);
    proxy.advance(Duration::from_secs(1));
    assert!(proxy.trap().is_some());
    assert_eq!(exchange.outcome(), Outcome::Paused);
}

const REPLY: &str =
    "(drop (call $proxy_send_local_response (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const -1)))";

const CLOSE: &str = "(drop (call $proxy_close_stream (i32.const 0)))";

#[test]
fn loc_18_what_a_callback_asked_for_before_it_trapped_is_dropped() {
    for asked in [REPLY, "(drop (call $proxy_continue_stream (i32.const 0)))"] {
        let exchange = post(&start(&[callback("proxy_on_request_headers", &format!("{asked} unreachable"), 0)]));
        is_failed_closed(&exchange);
        assert!(!exchange.reached_upstream(), "{asked}");
    }
}

#[test]
fn fai_17_fai_18_what_envoy_does_not_survive_before_a_trap_is_found() {
    for (name, asked, lint) in [
        ("proxy_on_request_headers", CLOSE, Lint::CloseThenTrap),
        ("proxy_on_response_body", CLOSE, Lint::CloseThenTrap),
        ("proxy_on_response_headers", REPLY, Lint::ReplyThenTrap),
        ("proxy_on_response_body", REPLY, Lint::ReplyThenTrap),
    ] {
        let plugin = guest(&[callback(name, &format!("{asked} unreachable"), 0)]);
        let proxy = MockProxy::builder().plugin(plugin).allow(lint).start().expect("the guest starts");
        post(&proxy);
        assert_eq!(proxy.findings().iter().map(Finding::lint).collect::<Vec<_>>(), [lint], "{name}");
    }
}

#[test]
fn a_reply_of_a_plugin_that_dies_in_its_own_response_callback_is_replaced_by_503() {
    let exchange = post(&start(&[callback("proxy_on_request_headers", REPLY, 1), trap_in("proxy_on_response_headers")]));
    is_failed_closed(&exchange);
}

#[test]
fn other_plugins_go_on_when_one_dies() {
    let greet = callback("proxy_on_log", "(drop (call $proxy_log (i32.const 2) (i32.const 64) (i32.const 5)))", 0);
    let witness = [data(64, b"alive"), greet];
    for name in ["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_log"] {
        let proxy = MockProxy::builder()
            .plugin(guest(&[trap_in(name)]).name("dying"))
            .plugin(guest(&witness).name("witness"))
            .start()
            .expect("both start");
        for _ in 0..2 {
            let exchange = post(&proxy);
            assert_eq!(messages(&exchange.log()), ["alive"], "{name}: {exchange:?}");
        }
    }
}

#[test]
fn the_exchange_of_a_dead_plugin_may_be_dropped_in_any_order() {
    let proxy = start(&[trap_in("proxy_on_response_body")]);
    let (first, second) = (post(&proxy), post(&proxy));
    drop(proxy);
    drop(first);
    is_failed_closed(&second);
}

#[test]
fn lif_13_a_trap_while_starting_or_configuring_refuses_the_plugin() {
    for name in ["proxy_on_vm_start", "proxy_on_configure"] {
        let refused = MockProxy::new(guest(&[trap_in(name)])).expect_err("it traps");
        let Reason::Trap(trap) = refused.reason() else { panic!("{refused}") };
        assert_eq!(trap.kind, TrapKind::Unreachable);
        assert!(
            refused.to_string().starts_with(&format!("the plugin \"plugin\" was refused: trap in {name}(context_id=1,")),
            "{refused}"
        );
    }
}
