//! A local reply that a filter holds: nothing that comes meanwhile changes it.

use super::callouts::{MS, call};
use super::get;
use http::{Request, Response};
use proxy_filter_test::abi::{Callback, Host, StreamType};
use proxy_filter_test::{Answer, Cluster, Exchange, MockProxy, Outcome, Spy};

fn reply(host: &dyn Host) {
    host.proxy_send_local_response(403, b"denied", b"no", b"", u32::MAX).unwrap();
}

/// How often the filter has seen this callback.
fn count(spy: &Spy, callback: &str) -> usize {
    spy.callbacks().iter().filter(|seen| seen.name() == callback).count()
}

/// A filter that lets a request go, and replies when a service says so, after 10 ms; holds that in this callback; and lets it go after 100 ms.
fn late(held_in: &'static str) -> Spy {
    Spy::acting("late", move |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => call(host, "authz", 0).map(|_| 0),
        Callback::proxy_on_http_call_response { .. } => {
            host.proxy_set_tick_period_milliseconds(90).unwrap();
            host.proxy_set_effective_context(2).unwrap();
            reply(host);
            None
        }
        Callback::proxy_on_tick { .. } => {
            host.proxy_set_tick_period_milliseconds(0).unwrap();
            if host.proxy_set_effective_context(2).is_ok() {
                host.proxy_continue_stream(StreamType::HttpResponse).unwrap();
            }
            None
        }
        _ if callback.name() == held_in => Some(1),
        _ => None,
    })
}

/// What comes of a request to that, when the upstream does this after 50 ms: before the filter lets it go, and after it.
fn run(spy: &Spy, after: impl Fn() -> Answer + 'static) -> ((Outcome, String), Exchange) {
    let proxy = MockProxy::new(spy.plugin()).unwrap();
    proxy.set_cluster("authz", Cluster::from(Response::new("no")).latency(10 * MS));
    proxy.set_raw_upstream(move |_| after().after(50 * MS));
    let exchange = get(&proxy);
    proxy.advance(60 * MS);
    let held = (exchange.outcome(), exchange.details());
    proxy.advance(40 * MS);
    (held, exchange)
}

#[test]
fn loc_2_what_the_upstream_does_late_leaves_a_held_reply_alone() {
    for after in [|| Response::new("late").into(), || Answer::ResetBeforeResponse] {
        let spy = late("proxy_on_response_headers");
        let (held, exchange) = run(&spy, after);
        assert_eq!(held, (Outcome::Paused, "denied".to_owned()));
        assert_eq!((exchange.response().status().as_u16(), exchange.response().body()), (403, &"no".into()), "{exchange:?}");
        assert_eq!((exchange.details().as_str(), count(&spy, "proxy_on_response_headers")), ("denied", 1));
    }
}

#[test]
fn loc_33_the_time_of_the_route_runs_on_while_a_reply_is_held() {
    let timed_out = "response_timeout".to_owned();
    let (held, exchange) = run(&late("proxy_on_response_headers"), || Answer::Timeout);
    assert_eq!((held, exchange.response().status().as_u16()), ((Outcome::Complete, timed_out.clone()), 504));
    let (held, exchange) = run(&late("proxy_on_response_body"), || Answer::Timeout);
    assert_eq!((held, exchange.response().status().as_u16()), ((Outcome::Reset, timed_out), 403));
}

#[test]
fn loc_2_no_filter_sees_more_of_a_request_whose_reply_is_held() {
    let spy = Spy::acting("early", |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_body { .. } => {
            reply(host);
            Some(0)
        }
        Callback::proxy_on_response_headers { .. } => Some(1),
        _ => None,
    });
    let proxy = MockProxy::new(spy.plugin()).unwrap();
    let mut stream = proxy.open_stream();
    stream.send_request(Request::post("http://shop.example/").body(()).unwrap(), false);
    stream.send_request_body("abc", false);
    assert_eq!(stream.outcome(), Outcome::Paused);
    stream.send_request_body("def", false).send_request_trailers([("x-t", "1")]);
    assert_eq!((count(&spy, "proxy_on_request_body"), count(&spy, "proxy_on_request_trailers")), (1, 0));
    assert_eq!(stream.upstream_request().body(), "");
    // Its upstream may do what it likes.
    stream.send_response(Response::new(()), false).send_response_body("late", true).reset_upstream();
    assert_eq!((stream.outcome(), stream.details().as_str()), (Outcome::Paused, "denied"));
    assert_eq!(count(&spy, "proxy_on_response_headers"), 1);
}
