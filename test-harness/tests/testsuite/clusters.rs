//! The clusters of a test: their answers, their limits, their time.

use super::callouts::{MS, call, caller, said, start};
use super::get;
use http::Response;
use proxy_filter_test::abi::{Callback, Host};
use proxy_filter_test::{Answer, Cluster, Limit, Limits, Lint, MockProxy, Outcome, Plugin, Spy};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn canned_answers_come_in_their_order_and_the_last_stays() {
    let proxy = start(caller(|host| {
        for _ in 0..4 {
            call(host, "auth", 0);
        }
    }));
    proxy.set_cluster("auth", Cluster::answers([Answer::Refuse, Response::new("second").into(), Response::new("last").into()]));
    get(&proxy);
    let bodies: Vec<bool> =
        said(&proxy)[4..].iter().zip(["503", "second", "last", "last"]).map(|(line, part)| line.contains(part)).collect();
    assert_eq!(bodies, [true; 4], "{:?}", said(&proxy));
}

#[test]
fn a_cluster_can_be_replaced_while_calls_are_in_flight_and_keeps_its_record() {
    let proxy = start(caller(|host| {
        call(host, "auth", 0);
    }));
    proxy.set_cluster("auth", Cluster::new(|_| Response::new("old")).latency(10 * MS));
    get(&proxy);
    proxy.set_cluster("auth", Response::new("new"));
    get(&proxy);
    proxy.advance(10 * MS);
    let said = said(&proxy);
    assert!(said[2].contains("\"new\"") && said[3].contains("\"old\""), "{said:?}");
    assert_eq!(proxy.requests_to("auth").len(), 2);
}

#[test]
fn cal_21_what_is_in_flight_to_a_cluster_is_bounded_by_its_circuit_breaker() {
    let proxy = start(caller(|host| {
        for _ in 0..3 {
            call(host, "auth", 0);
        }
    }));
    proxy.set_cluster("auth", Cluster::from(Response::new("ok")).latency(MS).max_requests(2));
    get(&proxy);
    assert_eq!(said(&proxy), ["auth called: 4", "auth called: 8", "auth refused: INTERNAL_FAILURE"]);
    assert!(proxy.trace().contains("CAL-21: 2 requests to the cluster \"auth\" are in flight"), "{}", proxy.trace());
    proxy.advance(MS);
    get(&proxy);
    assert_eq!(said(&proxy)[5], "auth called: 16", "there is room again");
}

/// A filter that calls for each request, and again in each answer.
fn restless() -> Plugin {
    let spy = Spy::acting("caller", |callback, host: &dyn Host| {
        match callback {
            Callback::proxy_on_request_headers { .. } | Callback::proxy_on_http_call_response { .. } => call(host, "auth", 0),
            _ => None,
        };
        None
    });
    spy.plugin()
}

#[test]
fn a_guest_that_calls_in_each_answer_comes_to_rest_and_the_test_is_told() {
    let limits = Limits { callouts_at_once: 100, ..Limits::default() };
    let proxy = MockProxy::builder().plugin(restless()).limits(limits).start().expect("it starts");
    proxy.set_cluster("auth", Response::new("ok"));
    get(&proxy);
    assert_eq!(proxy.requests_to("auth").len(), 100);
    assert_eq!(said(&proxy).last().map(String::as_str), Some("auth refused: INTERNAL_FAILURE"));
    assert_eq!(proxy.limits_reached().iter().map(|reached| reached.limit).collect::<Vec<_>>(), [Limit::CalloutsAtOnce]);
    proxy.advance(MS);
    get(&proxy);
    assert_eq!(proxy.requests_to("auth").len(), 200, "time has moved");
}

#[test]
fn callouts_in_flight_and_what_they_send_are_bounded() {
    for (limits, begins, limit) in [
        (Limits { callouts_in_flight: 3, ..Limits::default() }, 3, Limit::CalloutsInFlight),
        (Limits { callout_bytes: 150, ..Limits::default() }, 2, Limit::CalloutBytes),
    ] {
        let proxy = MockProxy::builder().plugin(restless()).limits(limits).start().expect("it starts");
        proxy.set_cluster("auth", Cluster::from(Response::new("ok")).latency(MS));
        (0..5).for_each(|_| drop(get(&proxy)));
        assert_eq!(proxy.requests_to("auth").len(), begins, "{limit:?}");
        assert_eq!(proxy.limits_reached()[0].limit, limit);
        assert!(proxy.trace().contains(&format!("INTERNAL_FAILURE: {limit}")), "{}", proxy.trace());
    }
}

/// Pauses a request for a call, and continues it when that has ended.
fn gate(timeout: u32) -> Plugin {
    let spy = Spy::acting("gate", move |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => call(host, "auth", timeout).map(|_| 1),
        Callback::proxy_on_http_call_response { .. } => {
            host.proxy_set_effective_context(2).unwrap();
            host.proxy_continue_stream(proxy_filter_test::abi::StreamType::HttpRequest).unwrap();
            None
        }
        _ => None,
    });
    spy.plugin()
}

#[test]
fn cal_3_a_call_that_nothing_will_ever_end_fails_the_test_unless_it_is_allowed() {
    let silent = |timeout, allowed: &[Lint]| {
        let builder = allowed.iter().fold(MockProxy::builder().plugin(gate(timeout)), |builder, lint| builder.allow(*lint));
        let proxy = builder.set_cluster("auth", Answer::Timeout).start().expect("it starts");
        let exchange = get(&proxy);
        assert_eq!(exchange.outcome(), Outcome::Paused);
        drop(exchange);
        catch_unwind(AssertUnwindSafe(|| drop(proxy)))
    };
    let panic = silent(0, &[]).expect_err("it fails");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with("CAL-3 (CalloutNeverAnswered): the plugin \"gate\""), "{text}");
    assert!(silent(0, &[Lint::CalloutNeverAnswered]).is_ok());
    assert!(silent(500, &[]).is_ok(), "it would end by its timeout");
}

#[test]
fn a_stream_that_waits_for_a_call_goes_on_by_it() {
    let proxy = start(gate(500));
    proxy.set_cluster("auth", Cluster::from(Response::new("ok")).latency(20 * MS));
    let exchange = get(&proxy);
    proxy.advance(19 * MS);
    assert!(!exchange.reached_upstream());
    proxy.advance(MS);
    assert_eq!(exchange.response().status(), 200);
}

#[test]
fn setting_the_wall_clock_moves_no_call() {
    let proxy = start(caller(|host| {
        call(host, "auth", 50);
    }));
    proxy.set_cluster("auth", Answer::Timeout);
    get(&proxy);
    proxy.set_time(Duration::from_secs(4_000_000_000)).advance(49 * MS);
    assert_eq!(said(&proxy).len(), 1);
    proxy.set_time(Duration::ZERO).advance(MS);
    assert_eq!(said(&proxy).len(), 2);
}

#[test]
fn an_upstream_may_take_its_time_too() {
    let proxy = MockProxy::builder().start().expect("it starts");
    proxy.set_raw_upstream(|_| Answer::from(Response::new("slow")).after(10 * MS).after(5 * MS));
    let exchange = get(&proxy);
    assert_eq!(exchange.outcome(), Outcome::Open);
    proxy.advance(14 * MS);
    assert_eq!(exchange.outcome(), Outcome::Open);
    proxy.advance(MS);
    assert_eq!(exchange.response().body(), "slow");
    let gone = get(&proxy);
    proxy.disconnect(&gone);
    drop(gone);
    proxy.advance(15 * MS);
}

#[test]
fn tests_are_told_which_cluster_is_missing() {
    let proxy = MockProxy::builder().start().expect("it starts");
    let panic = catch_unwind(AssertUnwindSafe(|| proxy.requests_to("authz"))).expect_err("there is none");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert_eq!(text, "this proxy has no cluster \"authz\": MockProxy::cluster adds one");
    let panic = catch_unwind(|| Cluster::answers(Vec::<Answer>::new())).map(drop).expect_err("no answer");
    assert!(panic.downcast_ref::<&str>().expect("a text").starts_with("a cluster without an answer"));
    proxy.cluster("authz", |_| Response::new(""));
    assert!(proxy.requests_to("authz").is_empty());
}
