//! What is refused or has no effect is a warning: listed, and a failure of the test where it is denied.

use super::get;
use super::guest::{callback, module};
use proxy_filter_test::{Finding, Lint, MockProxy, Plugin};
use std::panic::{AssertUnwindSafe, catch_unwind};

const REPLY: &str = "(drop (call $proxy_send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
                     (i32.const 0) (i32.const 0) (i32.const -1)))";
const CONTINUE: &str = "(drop (call $proxy_continue_stream (i32.const 0)))";
const RESPONSE_HEADER: &str =
    "(drop (call $proxy_get_header_map_value (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 512) (i32.const 516)))";

fn guest(callbacks: &[(&str, &str, u32)]) -> Plugin {
    let callbacks = callbacks.iter().map(|(name, instructions, answer)| callback(name, instructions, *answer));
    Plugin::from_bytes(module(&callbacks.collect::<Vec<_>>().join("\n"))).name("careless")
}

/// The first guest makes the mistake, in each of two requests, and the second does what is right.
#[track_caller]
fn check(lint: Lint, mistaken: &[(&str, &str, u32)], right: &[(&str, &str, u32)]) {
    let drive = |proxy: &MockProxy| {
        drop(get(proxy));
        proxy.advance(std::time::Duration::from_secs(1));
    };
    let proxy = MockProxy::new(guest(mistaken)).unwrap();
    drive(&proxy);
    let found: Vec<(Lint, Option<String>)> =
        proxy.findings().iter().map(|finding| (finding.lint(), finding.plugin().map(ToOwned::to_owned))).collect();
    assert_eq!(found, [(lint, Some("careless".to_owned()))]);

    let proxy = MockProxy::builder().plugin(guest(mistaken)).deny(lint).start().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| drive(&proxy))).expect_err("it is denied");
    assert!(panic.downcast_ref::<String>().unwrap().starts_with(lint.row()));

    let proxy = MockProxy::builder().plugin(guest(right)).deny(lint).start().unwrap();
    drive(&proxy);
    assert_eq!(proxy.findings(), []);
}

#[test]
fn hdr_1_a_map_that_is_not_there() {
    let twice = format!("{RESPONSE_HEADER} {RESPONSE_HEADER}");
    check(Lint::RefusedHostcall, &[("proxy_on_request_headers", &twice, 0)], &[("proxy_on_response_headers", &twice, 0)]);
}

#[test]
fn ctx_5_a_context_that_is_deleted() {
    let start = "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))";
    let act = "(drop (call $proxy_set_effective_context (i32.const 2)))";
    check(
        Lint::DeadContext,
        &[("proxy_on_vm_start", start, 1), ("proxy_on_tick", act, 0)],
        &[("proxy_on_vm_start", start, 1), ("proxy_on_log", act, 0)],
    );
}

#[test]
fn con_9_what_was_not_paused_is_continued() {
    check(
        Lint::ContinueWhatIsNotPaused,
        &[("proxy_on_response_headers", CONTINUE, 0)],
        &[("proxy_on_request_headers", CONTINUE, 1)],
    );
}

#[test]
fn con_9_a_request_that_is_continued_twice() {
    let start = ("proxy_on_vm_start", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))", 1);
    let pause = ("proxy_on_request_headers", "", 1);
    let once = format!("(drop (call $proxy_set_effective_context (i32.const 2))) {CONTINUE}");
    let twice = format!("{once} {CONTINUE}");
    check(
        Lint::ContinueWhatIsNotPaused,
        &[start, pause, ("proxy_on_tick", &twice, 0)],
        &[start, pause, ("proxy_on_tick", &once, 0)],
    );
}

#[test]
fn loc_7_two_replies_in_a_request_callback() {
    let twice = format!("{REPLY} {REPLY}");
    check(Lint::ReplyTwiceInRequest, &[("proxy_on_request_headers", &twice, 0)], &[("proxy_on_request_headers", REPLY, 0)]);
}

#[test]
fn a_warning_stands_once_for_a_plugin_and_a_callback() {
    let proxy =
        MockProxy::new(guest(&[("proxy_on_request_headers", RESPONSE_HEADER, 0), ("proxy_on_request_body", RESPONSE_HEADER, 0)]))
            .unwrap();
    for _ in 0..5 {
        drop(proxy.send(http::Request::post("http://shop.example/").body("ping").unwrap()));
    }
    assert_eq!(proxy.findings().iter().map(Finding::lint).collect::<Vec<_>>(), [Lint::RefusedHostcall; 2]);
}
