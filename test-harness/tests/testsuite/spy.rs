//! A native filter of the test's own, anywhere in the chain.

use super::get;
use http::{Request, Response};
use proxy_filter_test::abi::{BufferType, Callback, Host, MapType};
use proxy_filter_test::{Message, MockProxy, Spy};

#[test]
fn seq_15_requests_pass_a_then_b_and_responses_b_then_a() {
    let add = |name: &'static str| {
        Spy::acting(name, move |callback, host: &dyn Host| {
            let map = match callback {
                Callback::proxy_on_request_headers { .. } => MapType::HttpRequestHeaders,
                Callback::proxy_on_response_headers { .. } => MapType::HttpResponseHeaders,
                _ => return None,
            };
            host.proxy_add_header_map_value(map, b"x-passed", name.as_bytes()).unwrap();
            Some(0)
        })
    };
    let (a, between, b) = (add("a"), Spy::new("between"), add("b"));
    let builder = [&a, &between, &b].into_iter().fold(MockProxy::builder(), |builder, spy| builder.plugin(spy.plugin()));
    let exchange = get(&builder.start().unwrap());
    let passed = |headers: &http::HeaderMap| -> Vec<String> {
        headers.get_all("x-passed").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(passed(between.request().headers()), ["a"]);
    assert_eq!(passed(between.response().headers()), ["b"]);
    assert_eq!(passed(exchange.upstream_request().headers()), ["a", "b"]);
    assert_eq!(passed(exchange.response().headers()), ["b", "a"]);
}

#[test]
fn seq_16_a_spy_after_a_filter_that_replies_sees_only_the_end() {
    let denies = Spy::acting("denies", |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => {
            host.proxy_send_local_response(403, b"", b"no", b"", u32::MAX).unwrap();
            Some(1)
        }
        _ => None,
    });
    let after = Spy::new("after");
    let proxy = MockProxy::builder().plugin(denies.plugin()).plugin(after.plugin()).start().unwrap();
    assert_eq!(get(&proxy).response().status(), 403);
    assert_eq!(denies.response().body(), "no", "its own reply passes it");
    let told: Vec<&str> = after.callbacks().iter().filter(|callback| callback.context_id() > 1).map(Callback::name).collect();
    assert_eq!(told, ["proxy_on_context_create", "proxy_on_log", "proxy_on_done", "proxy_on_delete"]);
}

#[test]
fn act_9_what_an_acting_spy_buffers_is_seen_once() {
    let buffers = Spy::acting("buffers", |callback, _| match callback {
        Callback::proxy_on_request_body { end_of_stream, .. } => Some(1 - end_of_stream),
        _ => None,
    });
    let after = Spy::new("after");
    let proxy = MockProxy::builder().plugin(buffers.plugin()).plugin(after.plugin()).start().unwrap();
    proxy.send(Message::from(Request::post("http://shop.example/").body("abcdef").unwrap()).in_chunks_of(2));
    assert_eq!(buffers.raw_requests()[0].body(), "abcdef");
    assert_eq!(after.raw_requests()[0].chunks(), ["abcdef"]);
}

#[test]
fn seq_7_trailers_and_bodies_are_seen_both_ways() {
    let spy = Spy::acting("spy", |callback, host: &dyn Host| match callback {
        Callback::proxy_on_response_body { size, .. } if size > 0 => {
            host.proxy_set_buffer_bytes(BufferType::HttpResponseBody, 0, size, b"changed").unwrap();
            Some(0)
        }
        _ => None,
    });
    let proxy = MockProxy::new(spy.plugin()).unwrap();
    proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("answer").trailer("x-sum", "1"));
    let exchange = proxy.send(Message::from(Request::post("http://shop.example/").body("a").unwrap()).trailer("x-end", "1"));
    assert_eq!(spy.raw_requests()[0].trailers(), [("x-end".into(), "1".into())]);
    assert_eq!(spy.raw_responses()[0].body(), "answer", "before it acts");
    assert_eq!(exchange.response().body(), "changed");
}

#[test]
fn a_spy_sees_each_stream_and_is_one_in_two_places() {
    let spy = Spy::new("spy");
    let proxy = MockProxy::builder().plugin(spy.plugin()).plugin(spy.plugin()).start().unwrap();
    proxy.set_upstream(|_| Response::new("ok"));
    drop((get(&proxy), get(&proxy)));
    assert_eq!(spy.raw_requests().len(), 4);
}

#[cfg(feature = "wasmtime")]
#[test]
fn lif_9_a_chain_mixes_modules_and_a_spy() {
    use super::guest::{callback, data, module};
    use proxy_filter_test::Plugin;
    let add = "(drop (call $proxy_add_header_map_value (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 16) (i32.const 3)))";
    let guest = |value: &[u8]| {
        Plugin::from_bytes(module(&format!("{}{}", data(16, value), callback("proxy_on_request_headers", add, 0))))
    };
    let spy = Spy::new("between");
    let chain = MockProxy::builder().plugin(guest(b"x-a")).plugin(spy.plugin()).plugin(guest(b"x-b"));
    let exchange = get(&chain.start().unwrap());
    assert!(spy.request().headers().contains_key("x-a") && !spy.request().headers().contains_key("x-b"));
    assert!(exchange.upstream_request().headers().contains_key("x-b"));
}

#[test]
#[should_panic(expected = "this closure says no")]
fn a_closure_that_panics_fails_the_test() {
    let spy = Spy::acting("spy", |callback, _| match callback {
        Callback::proxy_on_request_headers { .. } => panic!("this closure says no"),
        _ => None,
    });
    get(&MockProxy::new(spy.plugin()).unwrap());
}

#[test]
fn what_passes_in_several_workers_is_all_written_down() {
    let spy = Spy::new("spy");
    let proxy = MockProxy::builder().plugin(spy.plugin()).workers(3).start().unwrap();
    proxy.set_upstream(|request| Response::new(request.uri().path().to_owned()));
    let request = |path: &str| Request::get(format!("http://shop.example{path}")).body("").unwrap();
    let sent = ["/1", "/2", "/3", "/4", "/5"];
    sent.into_iter().for_each(|path| drop(proxy.send(request(path))));
    let paths: Vec<_> = spy.raw_requests().iter().map(|request| request.header(":path").unwrap().to_vec()).collect();
    assert_eq!(paths, sent.map(|path| path.as_bytes().to_vec()), "in the order in which they came");
    let bodies: Vec<_> = spy.raw_responses().iter().map(Message::body).collect();
    assert_eq!(bodies, sent);
    assert_eq!(spy.request().uri().path(), "/5");
}
