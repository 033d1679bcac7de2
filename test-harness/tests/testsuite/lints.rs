//! What crashes, doubles, corrupts or hangs Envoy fails the test, unless it is allowed.

use super::guest::{callback, data, module};
use super::{get, messages};
use http::{Request, Response};
use proxy_filter_test::{Builder, Exchange, Finding, Lint, Message, MockProxy, Outcome, Plugin, Severity};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const REPLY: &str = "(drop (call $proxy_send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
                     (i32.const 0) (i32.const 0) (i32.const -1)))";
const CLOSE: &str = "(drop (call $proxy_close_stream (i32.const 0)))";
const CONTINUE_REQUEST: &str = "(drop (call $proxy_continue_stream (i32.const 0)))";
const CONTINUE_RESPONSE: &str = "(drop (call $proxy_continue_stream (i32.const 1)))";

/// Runs the instructions in a callback of a stream only: its id is not 1.
fn in_stream(instructions: &str) -> String {
    format!("(if (i32.gt_u (local.get 0) (i32.const 1)) (then {instructions}))")
}

fn guest(callbacks: &[(&str, &str, u32)]) -> Plugin {
    let callbacks = callbacks.iter().map(|(name, instructions, answer)| callback(name, &in_stream(instructions), *answer));
    let data = data(16, b"x-ab\r\nc: dcontent-length");
    Plugin::from_bytes(module(&format!("{data}\n{}", callbacks.collect::<Vec<_>>().join("\n")))).name("faulty")
}

/// One exchange with bodies both ways, and time for a tick.
fn drive(proxy: &MockProxy) -> Exchange {
    proxy.set_upstream(|_| Response::new("pong"));
    let exchange = proxy.send(Request::post("http://shop.example/").body("ping").unwrap());
    proxy.advance(Duration::from_secs(1));
    exchange
}

/// It fails a test with the row, the mend, and how to go on; it is allowed on request, and then listed.
#[track_caller]
fn check(lint: Lint, builder: impl Fn() -> Builder) {
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let proxy = builder().start().unwrap();
        drop(drive(&proxy));
    }))
    .expect_err("the test fails");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with(lint.row()), "{lint:?}: {text}");
    assert!(text.contains(lint.mend()) && text.contains(&format!("Builder::allow(Lint::{lint:?})")), "{text}");
    let proxy = builder().allow(lint).start().unwrap();
    let exchange = drive(&proxy);
    let finding = &proxy.findings()[0];
    assert_eq!(finding.lint(), lint, "{exchange:?}");
    assert!(finding.callback().is_some());
    if lint.severity() == Severity::Crash {
        let later = drive(&proxy);
        assert_eq!((later.outcome(), later.raw_response()), (Outcome::Reset, None), "Envoy is gone");
    }
}

fn check_guest(lint: Lint, callbacks: &[(&str, &str, u32)]) {
    check(lint, || MockProxy::builder().plugin(guest(callbacks)));
}

#[test]
fn loc_17_a_reply_after_the_end() {
    for callback in ["proxy_on_log", "proxy_on_done", "proxy_on_delete"] {
        check_guest(Lint::ReplyAfterEnd, &[(callback, REPLY, 1)]);
    }
}

#[test]
fn clo_5_a_close_after_the_end() {
    for callback in ["proxy_on_log", "proxy_on_done", "proxy_on_delete"] {
        check_guest(Lint::CloseAfterEnd, &[(callback, CLOSE, 1)]);
    }
}

#[test]
fn clo_6_a_close_at_creation() {
    check_guest(Lint::CloseInContextCreate, &[("proxy_on_context_create", CLOSE, 0)]);
}

#[test]
fn clo_7_clo_8_two_closes_in_one_callback() {
    let twice = format!("{CLOSE} {CLOSE}");
    check_guest(Lint::CloseTwiceInRequest, &[("proxy_on_request_headers", &twice, 0)]);
    check_guest(Lint::CloseTwiceInResponse, &[("proxy_on_response_headers", &twice, 0)]);
}

#[test]
fn con_5_con_14_a_request_that_is_sent_twice() {
    check_guest(Lint::ContinueInRequestHeaders, &[("proxy_on_request_headers", CONTINUE_REQUEST, 0)]);
    check_guest(Lint::ContinueInContextCreate, &[("proxy_on_context_create", CONTINUE_REQUEST, 0)]);
}

#[test]
fn con_4_a_request_that_is_continued_and_paused_is_well() {
    let proxy = MockProxy::new(guest(&[("proxy_on_request_headers", CONTINUE_REQUEST, 1)])).unwrap();
    assert_eq!(get(&proxy).response().status(), 200);
    assert_eq!(proxy.findings(), []);
}

#[test]
fn con_6_con_7_response_headers_that_continue_themselves() {
    check_guest(Lint::ContinueInResponseHeaders, &[("proxy_on_response_headers", CONTINUE_RESPONSE, 0)]);
    check_guest(Lint::ContinueAndPauseResponseHeaders, &[("proxy_on_response_headers", CONTINUE_RESPONSE, 1)]);
}

#[test]
fn con_15_headers_that_go_on_without_their_body() {
    check_guest(Lint::ContinueAndPauseRequestHeaders, &[("proxy_on_request_headers", CONTINUE_REQUEST, 1)]);
}

#[test]
fn con_16_con_17_trailers_that_continue_themselves() {
    let upstream = |proxy: &MockProxy| {
        proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("pong").trailer("x-end", "1"));
        proxy.send(Message::from(Request::post("http://shop.example/").body("ping").unwrap()).trailer("x-end", "1"))
    };
    let (request, response) = ("proxy_on_request_trailers", "proxy_on_response_trailers");
    for (callback, instructions, answer, lint) in [
        (request, CONTINUE_REQUEST, 0, Some(Lint::ContinueInRequestTrailers)),
        (request, CONTINUE_REQUEST, 1, None),
        (response, CONTINUE_RESPONSE, 0, Some(Lint::ContinueInResponseTrailers)),
    ] {
        let builder = MockProxy::builder().plugin(guest(&[(callback, instructions, answer)]));
        let proxy = lint.into_iter().fold(builder, Builder::allow).start().unwrap();
        let exchange = upstream(&proxy);
        assert_eq!(proxy.findings().iter().map(Finding::lint).collect::<Vec<_>>(), lint.into_iter().collect::<Vec<_>>());
        assert_ne!(exchange.outcome(), Outcome::Paused);
    }
}

#[test]
fn loc_28_loc_29_loc_30_a_reply_and_a_close_in_one_callback() {
    let (reply_first, close_first) = (format!("{REPLY} {CLOSE}"), format!("{CLOSE} {REPLY}"));
    check_guest(Lint::ReplyThenCloseInResponse, &[("proxy_on_response_headers", &reply_first, 0)]);
    check_guest(Lint::ReplyAndClose, &[("proxy_on_request_headers", &close_first, 0)]);
    check_guest(Lint::ReplyAndClose, &[("proxy_on_request_body", &reply_first, 0)]);
    let proxy = MockProxy::new(guest(&[("proxy_on_response_headers", &close_first, 0)])).unwrap();
    assert_eq!(drive(&proxy).response().status(), 403, "LOC-30");
}

/// A guest whose root does this in its first tick, with the stream effective, which it pauses in this callback.
fn in_a_tick(paused_in: &str, instructions: &str) -> Plugin {
    let once = format!(
        "(drop (call $proxy_set_tick_period_milliseconds (i32.const 0))) (drop (call $proxy_set_effective_context (i32.const 2))) {instructions}"
    );
    let start = "(drop (call $proxy_set_tick_period_milliseconds (i32.const 100)))";
    let callbacks = [callback("proxy_on_configure", start, 1), callback("proxy_on_tick", &once, 0), callback(paused_in, "", 1)];
    Plugin::from_bytes(module(&callbacks.join("\n"))).name("ticks")
}

#[test]
fn seq_37_what_a_root_asks_for_is_carried_out_one_by_one() {
    // LOC-26: the first reply's headers callback comes, then the second takes its place.
    let twice = format!("{REPLY} {}", REPLY.replace("403", "500"));
    let proxy = MockProxy::new(in_a_tick("proxy_on_request_headers", &twice)).unwrap();
    let exchange = drive(&proxy);
    assert_eq!(exchange.response().status(), 500);
    let check_tick = |lint, paused_in: &'static str, instructions: String| {
        check(lint, move || MockProxy::builder().plugin(in_a_tick(paused_in, &instructions)));
    };
    // LOC-27, CLO-11, LOC-29
    check_tick(Lint::ReplyTwiceInResponse, "proxy_on_response_headers", twice);
    check_tick(Lint::CloseTwiceInResponse, "proxy_on_request_headers", format!("{CLOSE} {CLOSE}"));
    check_tick(Lint::ReplyAndClose, "proxy_on_request_headers", format!("{REPLY} {CLOSE}"));
}

#[test]
fn con_13_a_response_that_is_continued_before_there_is_one() {
    for callback in ["proxy_on_context_create", "proxy_on_request_headers", "proxy_on_request_body"] {
        check_guest(Lint::ContinueResponseTooEarly, &[(callback, CONTINUE_RESPONSE, 0)]);
    }
}

#[test]
fn loc_15_a_reply_that_goes_to_the_root() {
    let to_root = format!("(drop (call $proxy_set_effective_context (i32.const 1))) {REPLY}");
    check_guest(Lint::ReplyOnRoot, &[("proxy_on_request_headers", &to_root, 0)]);
}

#[test]
fn loc_20_two_replies_in_one_response_callback() {
    let twice = format!("{REPLY} {REPLY}");
    for callback in ["proxy_on_response_headers", "proxy_on_response_body"] {
        check_guest(Lint::ReplyTwiceInResponse, &[(callback, &twice, 0)]);
    }
}

#[test]
fn loc_7_two_replies_in_a_request_callback_are_well() {
    let twice = format!("{REPLY} {REPLY}");
    let proxy = MockProxy::new(guest(&[("proxy_on_request_headers", &twice, 0)])).unwrap();
    assert_eq!(drive(&proxy).response().status(), 403);
}

#[test]
fn loc_21_a_reply_and_a_close() {
    check_guest(Lint::ReplyAndClose, &[("proxy_on_request_headers", &format!("{REPLY} {CLOSE}"), 0)]);
}

#[test]
fn act_8_a_stream_that_is_paused_for_ever() {
    check_held(&[("proxy_on_request_headers", "", 1)]);
    check_held(&[("proxy_on_response_headers", "", 1)]);
    check_held(&[("proxy_on_request_body", "", 1)]);
}

/// It fails when the proxy goes, unless the test knows of it.
fn check_held(callbacks: &[(&str, &str, u32)]) {
    let start = || MockProxy::builder().plugin(guest(callbacks));
    let shut_down = |builder: Builder| {
        let proxy = builder.start().unwrap();
        drop(drive(&proxy));
        proxy.shut_down();
    };
    let panic = catch_unwind(AssertUnwindSafe(|| shut_down(start()))).expect_err("the client would wait for ever");
    assert!(panic.downcast_ref::<String>().unwrap().starts_with("ACT-8"));
    shut_down(start().allow(Lint::NeverContinued));

    let proxy = start().start().unwrap();
    assert_eq!(drive(&proxy).outcome(), Outcome::Paused, "and now the test knows");
    proxy.shut_down();

    let proxy = start().start().unwrap();
    proxy.disconnect(&drive(&proxy));
}

#[test]
fn fai_6_a_tick_that_traps_while_a_request_waits() {
    let tick = callback("proxy_on_tick", "(unreachable)", 0);
    let start = callback("proxy_on_vm_start", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 100)))", 1);
    let pause = callback("proxy_on_request_headers", "", 1);
    let text = module(&[start, tick, pause].join("\n"));
    check(Lint::TrapWhilePaused, || MockProxy::builder().plugin(Plugin::from_bytes(text.clone())));
}

#[test]
fn hdr_20_a_response_that_is_split() {
    let add = "(drop (call $proxy_add_header_map_value (i32.const 2) (i32.const 16) (i32.const 3) (i32.const 19) (i32.const 7)))";
    check_guest(Lint::SplitResponse, &[("proxy_on_response_headers", add, 0)]);
}

#[test]
fn hdr_25_a_changed_body_with_the_old_length_is_a_warning() {
    let append = |buffer: u32| {
        format!(
            "(drop (call $proxy_set_buffer_bytes (i32.const {buffer}) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 3)))"
        )
    };
    for (callback, buffer) in [("proxy_on_request_body", 0), ("proxy_on_response_body", 1)] {
        let proxy = MockProxy::new(guest(&[(callback, &append(buffer), 0)])).unwrap();
        let exchange = drive(&proxy);
        assert_eq!(exchange.outcome(), Outcome::Complete);
        assert_eq!(proxy.findings().iter().map(Finding::lint).collect::<Vec<_>>(), [Lint::ContentLengthMismatch]);
        assert_eq!(messages(&proxy.log()), [""; 0]);
    }
}

#[test]
fn hdr_25_a_changed_body_without_a_length_is_well() {
    let remove = "(drop (call $proxy_remove_header_map_value (i32.const 2) (i32.const 26) (i32.const 14)))";
    let empty = "(drop (call $proxy_set_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 0)))";
    let proxy = MockProxy::new(guest(&[("proxy_on_response_headers", remove, 0), ("proxy_on_response_body", empty, 0)])).unwrap();
    assert_eq!(drive(&proxy).response().body(), "");
    assert_eq!(proxy.findings(), []);
}

#[test]
fn hdr_16_a_request_without_a_scheme_is_a_warning() {
    let set = "(drop (call $proxy_set_header_map_pairs (i32.const 0) (i32.const 0) (i32.const 0)))";
    let proxy = MockProxy::new(guest(&[("proxy_on_request_headers", set, 0)])).unwrap();
    assert_eq!(drive(&proxy).response().status(), 404);
    assert_eq!(proxy.findings()[0].lint(), Lint::NoForwardedProto);
}

#[test]
fn hdr_26_trailers_after_a_paused_body() {
    let add = "(if (local.get 2) (then (drop (call $proxy_add_header_map_value (i32.const 1) (i32.const 16) (i32.const 3) \
               (i32.const 16) (i32.const 3)))))";
    let body =
        format!("(func (export \"proxy_on_request_body\") (param i32 i32 i32) (result i32) {add} (i32.eqz (local.get 2)))");
    let text = module(&format!("{}\n{body}", data(16, b"x-ab")));
    check(Lint::TrailersAfterPausedBody, || MockProxy::builder().plugin(Plugin::from_bytes(text.clone())));
}

/// A plugin that Envoy does not survive (GRP-4) in this callback, and that answers it so.
fn aborts_in(name: &'static str, answer: u32) -> Plugin {
    let spy = proxy_filter_test::Spy::acting("aborts", move |callback, host: &dyn proxy_filter_test::abi::Host| {
        (callback.name() == name).then(|| {
            assert!(host.proxy_grpc_call(b"", b"acme.Auth", b"Check", b"", b"", 50).is_err());
            answer
        })
    });
    spy.plugin()
}

#[track_caller]
fn fails(test: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test fails");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with(Lint::GrpcWithoutTarget.row()), "{text}");
}

#[test]
fn a_mistake_while_the_proxy_starts_or_ends_fails_the_test() {
    for callback in ["proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure"] {
        fails(|| drop(MockProxy::new(aborts_in(callback, 1))));
    }
    fails(|| drop(MockProxy::new(aborts_in("proxy_on_configure", 0)).expect_err("it is refused besides")));
    let proxy = MockProxy::new(aborts_in("proxy_on_done", 1)).unwrap();
    fails(|| drop(proxy.shut_down()));
    MockProxy::builder().plugin(aborts_in("proxy_on_configure", 1)).allow(Lint::GrpcWithoutTarget).start().unwrap().shut_down();
}
