//! Streams that a test drives step by step.

use http::{Request, Response};
use proxy_filter_test::abi::{Callback, Host, MapType, StreamType};
use proxy_filter_test::{Answer, Framing, Message, MockProxy, OpenStream, Outcome, Spy};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn proxy(spy: &Spy) -> MockProxy {
    MockProxy::new(spy.plugin()).unwrap()
}

fn post() -> Request<()> {
    Request::post("http://shop.example/").body(()).unwrap()
}

/// The stream callbacks that a spy got, without the context's id, which is 2.
fn told(spy: &Spy) -> Vec<String> {
    let stream = spy.callbacks().into_iter().filter(|callback| callback.context_id() == 2);
    let line = |callback: Callback| {
        callback.to_string().replace("proxy_on_", "").replace("context_id=2, ", "").replace("context_id=2", "")
    };
    stream.map(line).collect()
}

/// A spy that answers so to callbacks of which the text begins so.
fn answering(answers: &'static [(&'static str, u32)]) -> Spy {
    Spy::acting("spy", move |callback, _| {
        let text = callback.to_string();
        answers.iter().find(|(start, _)| text.starts_with(&format!("proxy_on_{start}"))).map(|(_, answer)| *answer)
    })
}

#[test]
fn seq_4_seq_5_seq_7_each_piece_comes_as_its_framing_has_it() {
    let steps = |stream: &mut OpenStream<'_>| {
        stream.send_request(post(), false).send_request_body("abc", false).send_request_body("de", true);
        stream.send_response(Response::new(()), false).send_response_body("x", false).send_response_trailers([("x-sum", "1")]);
        assert_eq!(stream.outcome(), Outcome::Complete);
    };
    let spy = Spy::new("spy");
    steps(&mut proxy(&spy).open_stream());
    assert_eq!(
        told(&spy),
        [
            "context_create(parent_id=1)",
            "request_headers(num_headers=6, end_of_stream=0)",
            "request_body(size=3, end_of_stream=0)",
            "request_body(size=2, end_of_stream=0)",
            "request_body(size=0, end_of_stream=1)",
            "response_headers(num_headers=2, end_of_stream=0)",
            "response_body(size=1, end_of_stream=0)",
            "response_trailers(num_trailers=1)",
            "log()",
            "done()",
            "delete()",
        ]
    );
    let spy = Spy::new("spy");
    let proxy = MockProxy::builder().plugin(spy.plugin()).framing(Framing::Http2).start().unwrap();
    steps(&mut proxy.open_stream());
    assert_eq!(told(&spy)[2..4], ["request_body(size=3, end_of_stream=0)", "request_body(size=2, end_of_stream=1)"]);
}

#[test]
fn each_side_may_have_a_framing_of_its_own() {
    let spy = Spy::new("spy");
    let proxy = MockProxy::builder().plugin(spy.plugin()).upstream_framing(Framing::Http2).start().unwrap();
    proxy.set_upstream(|_| Response::new("pong"));
    proxy.send(Request::post("http://shop.example/").body("ping").unwrap());
    let told = told(&spy);
    assert!(told.contains(&"request_body(size=0, end_of_stream=1)".to_owned()), "{told:?}");
    assert!(told.contains(&"response_body(size=4, end_of_stream=1)".to_owned()), "{told:?}");
}

#[test]
fn steps_and_send_are_the_same() {
    let (stepped, sent) = (Spy::new("spy"), Spy::new("spy"));
    let (one, other) = (proxy(&stepped), proxy(&sent));
    one.set_upstream(|_| Response::new("pong"));
    other.set_upstream(|_| Response::new("pong"));
    let headers = Message::from(post().map(|()| "")).with_header("content-length", "4");
    let mut stream = one.open_stream();
    stream.send_request(headers.clone(), false).send_request_body("ping", true).answer();
    let exchange = other.send(headers.chunk("ping"));
    assert_eq!(stream.raw_response(), exchange.raw_response());
    assert_eq!(stream.raw_upstream_request(), exchange.raw_upstream_request());
    assert_eq!(one.trace(), other.trace());
}

#[test]
fn act_1_act_2_what_is_held_is_looked_at_in_between() {
    let spy = answering(&[("request_headers", 1)]);
    let proxy = proxy(&spy);
    let mut stream = proxy.open_stream();
    stream.send_request(post(), false).send_request_body("abc", false).send_request_body("de", true);
    assert_eq!((stream.outcome(), stream.paused_by().as_deref()), (Outcome::Paused, Some("spy")));
    assert!(!stream.reached_upstream());
    assert_eq!(told(&spy).len(), 2, "ACT-1: no body callback while it is paused");
    stream.disconnect();
    assert_eq!((stream.outcome(), stream.paused_by()), (Outcome::Reset, None));
}

#[test]
fn seq_18_a_client_goes_away_at_any_point() {
    type Step = fn(&mut OpenStream<'_>);
    let steps: [Step; 4] = [
        |stream| _ = stream.send_request(post(), false),
        |stream| _ = stream.send_request_body("abc", true),
        |stream| _ = stream.send_response(Response::new(()), false),
        |stream| _ = stream.send_response_body("abc", false),
    ];
    for count in 1..=steps.len() {
        let spy = Spy::new("spy");
        let proxy = proxy(&spy);
        let mut stream = proxy.open_stream();
        steps[..count].iter().for_each(|step| step(&mut stream));
        assert_eq!(stream.outcome(), Outcome::Open);
        stream.disconnect();
        assert_eq!((stream.outcome(), stream.details().as_str()), (Outcome::Reset, "downstream_remote_disconnect"));
        let told = told(&spy);
        assert_eq!(told[told.len() - 3..], ["log()", "done()", "delete()"], "{count}");
        // What still comes from the upstream is of no interest any more.
        stream.send_response_body("late", true);
    }
}

#[test]
fn seq_19_an_upstream_breaks_before_and_within_its_response() {
    let spy = Spy::new("spy");
    let proxy = proxy(&spy);
    let mut stream = proxy.open_stream();
    stream.send_request(post(), true).reset_upstream();
    assert_eq!(stream.response().status(), 503);
    assert_eq!(stream.details(), "upstream_reset_before_response_started{connection_termination}");
    assert_eq!(spy.response().status(), 503, "it passes the filters");

    let mut stream = proxy.open_stream();
    stream.send_request(post(), true).send_response(Response::new(()), false).send_response_body("par", false).reset_upstream();
    assert_eq!((stream.outcome(), stream.response().body()), (Outcome::Reset, &"par".into()));
    assert_eq!(stream.details(), "upstream_reset_after_response_started{protocol_error}");
}

#[test]
fn seq_19_no_answer_in_time_and_no_cluster() {
    let spy = Spy::new("spy");
    let proxy = proxy(&spy);
    for (answer, status, details, body) in [
        (Answer::Timeout, 504, "response_timeout", "upstream request timeout"),
        (Answer::NoCluster, 503, "cluster_not_found", ""),
    ] {
        proxy.set_raw_upstream(move |_| answer.clone());
        let exchange = proxy.send(post().map(|()| ""));
        assert_eq!((exchange.response().status().as_u16(), exchange.details().as_str()), (status, details));
        assert_eq!(spy.response().body(), body);
    }
}

#[test]
fn seq_9_informational_responses_pass_the_filters_by() {
    let spy = Spy::new("spy");
    let proxy = proxy(&spy);
    let mut stream = proxy.open_stream();
    stream.send_request(post(), true);
    stream.send_response(Message::new([(":status", "103")]), false).send_response(Message::new([(":status", "204")]), true);
    assert_eq!(stream.response().status(), 204);
    assert_eq!(spy.raw_responses().len(), 1);
}

#[test]
fn seq_17_what_is_no_http_is_answered_past_the_filters() {
    let spy = Spy::new("spy");
    let proxy = proxy(&spy);
    let mut stream = proxy.open_stream();
    stream.send_malformed_request();
    assert_eq!((stream.response().status().as_u16(), stream.details().as_str()), (400, "http1.codec_error"));
    assert_eq!(told(&spy), ["context_create(parent_id=1)", "log()", "done()", "delete()"]);
    assert_eq!(spy.raw_requests(), []);
}

#[test]
fn seq_29_a_response_may_come_before_the_request_has_ended() {
    let spy = Spy::new("spy");
    let proxy = proxy(&spy);
    let mut stream = proxy.open_stream();
    stream.send_request(post(), false).send_response(Response::builder().status(413).body(()).unwrap(), true);
    assert_eq!((stream.outcome(), stream.response().status().as_u16()), (Outcome::Complete, 413));
    assert_eq!(stream.response().headers()["connection"], "close");
}

#[test]
fn loc_2_a_reply_ends_a_request_under_way() {
    let spy = Spy::acting("spy", |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_body { .. } => {
            host.proxy_send_local_response(429, b"", b"slow down", b"", u32::MAX).unwrap();
            Some(0)
        }
        _ => None,
    });
    let proxy = proxy(&spy);
    let mut stream = proxy.open_stream();
    stream.send_request(post(), false);
    assert!(stream.reached_upstream());
    stream.send_request_body("abc", false);
    assert_eq!((stream.response().status().as_u16(), stream.upstream_request_is_complete()), (429, false));
}

#[test]
fn con_1_a_stream_is_continued_from_another() {
    let spy = Spy::acting("spy", |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_headers { context_id: 2, .. } => Some(1),
        Callback::proxy_on_request_headers { .. } => {
            host.proxy_set_effective_context(2).unwrap();
            host.proxy_add_header_map_value(MapType::HttpRequestHeaders, b"x-late", b"1").unwrap();
            host.proxy_continue_stream(StreamType::HttpRequest).unwrap();
            Some(0)
        }
        _ => None,
    });
    let proxy = proxy(&spy);
    let mut first = proxy.open_stream();
    first.send_request(post(), true);
    assert_eq!(first.outcome(), Outcome::Paused);
    proxy.open_stream().send_request(post(), true);
    assert_eq!(first.outcome(), Outcome::Open, "CTX-4, CTX-8");
    assert_eq!(first.upstream_request().headers()["x-late"], "1");
    assert_eq!(first.answer().response().status(), 200);
}

#[test]
fn a_testers_mistake_is_told_in_one_sentence() {
    let mistake = |steps: &dyn Fn(&mut OpenStream<'_>)| -> String {
        let spy = Spy::new("spy");
        let proxy = proxy(&spy);
        let panic = catch_unwind(AssertUnwindSafe(|| steps(&mut proxy.open_stream()))).expect_err("a mistake");
        panic.downcast_ref::<String>().cloned().unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
    };
    let twice = mistake(&|stream| _ = stream.send_request(post(), true).send_request(post(), true));
    assert!(twice.contains("this stream has its request: open another for another request"), "{twice}");
    let early = mistake(&|stream| _ = stream.send_request_body("a", true));
    assert_eq!(early, "the request has not begun: send_request comes first");
    let late = mistake(&|stream| _ = stream.send_request(post(), true).send_request_trailers([("x-a", "1")]));
    assert_eq!(late, "the request has ended: nothing of it can follow");
    let unasked = mistake(&|stream| _ = stream.send_response(Response::new(()), true));
    assert!(unasked.starts_with("the upstream has not received the request ("), "{unasked}");
    let again = mistake(&|stream| _ = stream.send_request(post(), true).send_response(Response::new(()), false).answer());
    assert!(again.contains("the upstream answers once"), "{again}");
}
