//! Unmodified filters on the crate proxy-wasm: what works works here, and what panics on Envoy panics here (rows SDK-1 to SDK-14).
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate};
use proxy_filter_test::{
    Answer, Builder, Cluster, Exchange, Lint, LogLevel, LogLine, Message, MockProxy, Outcome, Plugin, TrapKind,
};
use std::time::Duration;

fn plugin(mode: &str) -> Plugin {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/on-proxy-wasm");
    let built = FilterCrate::build_once(dir, &BuildOptions::default()).unwrap();
    Plugin::from_file(built.wasm).name("p").root_id("p").vm_config("vm").config(mode)
}

fn builder(mode: &str) -> Builder {
    MockProxy::builder().plugin(plugin(mode))
}

fn proxy(mode: &str) -> MockProxy {
    builder(mode).start().unwrap()
}

fn get(proxy: &MockProxy) -> Exchange {
    proxy.send(Request::get("http://shop.example/").body("").unwrap())
}

fn words(log: &[LogLine]) -> Vec<&str> {
    log.iter().map(|line| line.message.as_str()).collect()
}

/// What a request leads to that panics the crate: 503 and a dead VM (FAI-2).
#[track_caller]
fn panics(mode: &str, callback: &str) {
    let proxy = proxy(mode);
    let exchange = get(&proxy);
    let trap = exchange.trap().unwrap_or_else(|| panic!("{mode} should have trapped"));
    assert_eq!(trap.kind, TrapKind::Unreachable, "{trap}");
    assert!(trap.callback.starts_with(callback), "{trap}");
    assert_eq!(exchange.response().status(), 503);
    // FAI-7
    assert_eq!(get(&proxy).response().status(), 503);
}

#[test]
fn lif_9_the_root_is_started_configured_and_ended() {
    let proxy = proxy("nothing");
    assert_eq!(words(&proxy.log()), ["vm_start 2 Some(\"vm\")", "configure 7 nothing"]);
    assert_eq!(get(&proxy).outcome(), Outcome::Complete);
    let refused = builder("refuse").start().unwrap_err();
    assert!(refused.to_string().contains("proxy_on_configure answered false"), "{refused}");
}

#[test]
fn every_method_of_http_streams_works_where_it_is_legal() {
    let proxy = proxy("everything");
    proxy.set_raw_upstream(|_| {
        Message::new([(":status", "200"), ("content-length", "5")]).chunk("hel").chunk("lo").trailer("x-sum", "7")
    });
    let request = Message::from(Request::post("http://shop.example/cart?id=7").body("").unwrap());
    let exchange = proxy.send(request.chunk("ab").chunk("c").trailer("x-end", "1"));
    assert_eq!(exchange.outcome(), Outcome::Complete, "{}", proxy.trace());
    assert!(exchange.trap().is_none());
    let upstream = exchange.raw_upstream_request().unwrap();
    for (name, value) in [("x-set", "1"), ("x-added", "1"), ("x-last", "1")] {
        assert_eq!(upstream.header(name), Some(value.as_bytes()), "{name}");
        assert_eq!(exchange.response().headers()[name], value);
    }
    assert_eq!(upstream.header("x-removed"), None);
    let trailers: Vec<&[u8]> = upstream.trailers().iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(trailers, [&b"x-end"[..], b"x-set", b"x-added", b"x-added", b"x-last"]);
    let log = exchange.log();
    let words = words(&log);
    for line in [
        "properties Some(\"/cart?id=7\") Some(\"p\")",
        "note Some(\"kept\"), none None",
        "time true",
        "request headers: Some(\"1\") Some([233]) Some(\"1\")",
        "request headers: None None",
        "request body 2 false Some(\"ab\")",
        "request body 3 false Some(\"abc\")",
        "request body from 1: Some(\"b\")",
        "response body 3 false Some(\"hel\")",
        "log Some(\"1\") Some(\"1\")",
        "log Some(\"kept\")",
        "done",
    ] {
        assert!(words.contains(&line), "{line}: {words:#?}");
    }
}

#[test]
fn a_body_without_trailers_is_collected_and_replaced() {
    let proxy = proxy("everything");
    proxy.set_upstream(|request| http::Response::new(request.into_body()));
    let exchange = proxy.send(Message::from(Request::post("http://shop.example/").body("").unwrap()).chunk("ab").chunk("c"));
    assert_eq!(exchange.upstream_request().body(), "<abc>");
    assert_eq!(exchange.response().body(), "replaced");
}

#[test]
fn replies_resets_and_holds_end_as_in_envoy() {
    let replied = get(&proxy("reply"));
    assert_eq!((replied.response().status().as_u16(), replied.response().body().as_ref()), (403, &b"no"[..]));
    assert_eq!(replied.response().headers()["x-why"], "asked");
    assert!(!replied.reached_upstream());

    let grpc = Request::post("http://shop.example/").header("content-type", "application/grpc").body("").unwrap();
    let grpc = proxy("grpc-reply").send(grpc);
    // LOC-12
    assert_eq!(grpc.response().headers()["grpc-status"], "7");

    for mode in ["reset-request", "reset-response"] {
        assert_eq!(get(&proxy(mode)).outcome(), Outcome::Reset, "{mode}");
    }
    assert_eq!(get(&proxy("reply-instead")).response().status(), 502);

    for mode in ["hold-request", "hold-response"] {
        let proxy = proxy(mode);
        let exchange = get(&proxy);
        assert_eq!(exchange.outcome(), Outcome::Paused, "{mode}");
        assert_eq!(exchange.reached_upstream(), mode == "hold-response");
        proxy.advance(Duration::from_millis(40));
        assert_eq!(exchange.outcome(), Outcome::Complete, "{mode}");
        let ticks = exchange.log().iter().filter(|line| line.message == "tick: Ok(())").count();
        assert_eq!(ticks, 2, "the stream is made effective, and goes on");
    }
}

#[test]
fn sdk_1_reading_a_header_in_the_wrong_phase_kills_the_vm() {
    panics("SDK-1", "proxy_on_response_headers");
    panics("SDK-1-response", "proxy_on_request_headers");
    panics("SDK-1-trailer", "proxy_on_request_headers");
}

#[test]
fn sdk_2_reading_a_whole_map_or_body_there_gives_nothing() {
    assert_eq!(words(&get(&proxy("SDK-2")).log()), ["response headers", "[]"]);
    assert_eq!(words(&get(&proxy("SDK-2-body")).log()), ["None", "response headers"]);
}

#[test]
fn sdk_3_writing_in_the_wrong_phase_kills_the_vm() {
    panics("SDK-3", "proxy_on_response_headers");
    panics("SDK-3-body", "proxy_on_request_headers");
}

#[test]
fn sdk_5_reading_a_group_of_properties_kills_the_vm() {
    panics("SDK-5", "proxy_on_request_headers");
}

#[test]
fn sdk_6_properties_of_the_request_are_gone_in_the_response() {
    assert_eq!(words(&get(&proxy("SDK-6")).log()), ["response headers", "None"]);
    assert_eq!(words(&get(&proxy("SDK-6-path")).log()), ["None", "response headers"]);
}

#[test]
fn sdk_10_a_restricted_hostcall_kills_the_vm() {
    let all =
        ["proxy_on_context_create", "proxy_on_configure", "proxy_get_buffer_bytes", "proxy_log", "proxy_on_request_headers"];
    let exchange = get(&MockProxy::new(plugin("SDK-5").allowed_capabilities(all)).unwrap());
    let trap = exchange.trap().unwrap();
    assert!(trap.trace.iter().any(|line| line.contains("proxy_get_property(…) -> INTERNAL_FAILURE")), "{trap}");
}

#[test]
fn sdk_13_a_panic_is_logged_before_the_trap() {
    let exchange = get(&proxy("SDK-13"));
    let log = exchange.log();
    let panic = log.iter().find(|line| line.level == LogLevel::Critical).expect("it is logged");
    assert!(panic.message.contains("as asked"), "{panic}");
    assert!(exchange.trap().unwrap().backtrace.iter().any(|frame| frame.contains("mistakes")), "{exchange:?}");
}

#[test]
fn every_method_of_tcp_streams_works() {
    let proxy = proxy("tcp");
    let connection = proxy.connect();
    connection.send("wait").send(" for me");
    assert_eq!(connection.to_upstream(), ">wait for me");
    connection.upstream_sends("hello");
    assert_eq!(connection.to_client(), "hello<");
    connection.end();
    connection.upstream_ends();
    let log = connection.log();
    assert_eq!(
        words(&log),
        [
            "new connection",
            "downstream 4 false Some(\"wait\")",
            "downstream 11 false Some(\"wait for me\")",
            "upstream 5 false Some(\"hello\")",
            "downstream 0 true None",
            "upstream 0 true None",
            "upstream close Unknown",
            "downstream close Local",
            "done",
            "log",
        ]
    );
    for bye in ["bye", "bye upstream"] {
        let connection = proxy.connect();
        connection.send(bye);
        assert!(connection.is_closed(), "{bye}");
    }
}

#[test]
fn callouts_let_a_request_go_deny_it_and_time_out_as_in_envoy() {
    let ask = |quota: Cluster| {
        let proxy = proxy("ask 100 authz quota");
        proxy.cluster("authz", |_| http::Response::new("ann")).set_cluster("quota", quota);
        let exchange = get(&proxy);
        proxy.advance(Duration::from_millis(100));
        (exchange, proxy)
    };
    let (passed, proxy) = ask(Cluster::from(http::Response::new("fine")).latency(Duration::from_millis(99)));
    assert_eq!(passed.upstream_request().headers()["x-user"], "fine", "both are awaited");
    assert_eq!(proxy.requests_to("authz")[0].headers()["x-asks"], "1");

    let denied = http::Response::builder().status(429).body("").unwrap();
    let (denied, _proxy) = ask(denied.into());
    assert_eq!((denied.response().status().as_u16(), &denied.response().headers()["x-why"]), (403, &"429".parse().unwrap()));

    // CAL-11
    let (late, _proxy) = ask(Answer::Timeout.into());
    assert_eq!(late.response().headers()["x-why"], "504");

    let proxy = self::proxy("ask-on-tick 100 keys");
    proxy.cluster("keys", |_| http::Response::new("hello"));
    get(&proxy);
    proxy.advance(Duration::from_millis(40));
    assert!(words(&proxy.log()).contains(&"answer: Some(\"200\") Some(\"hello\") (3 headers, 5 bytes, 0 trailers)"));
}

#[test]
fn sdk_14_reading_a_header_of_a_call_that_was_reset_kills_the_vm() {
    let proxy = builder("ask 100 authz").allow(Lint::TrapWhilePaused).start().unwrap();
    proxy.set_cluster("authz", Answer::ResetAfter(http::Response::new("half").into()));
    let exchange = get(&proxy);
    let trap = exchange.trap().expect("it traps");
    assert!(trap.callback.starts_with("proxy_on_http_call_response"), "{trap}");
    assert_eq!(exchange.outcome(), Outcome::Paused, "FAI-6");
}
