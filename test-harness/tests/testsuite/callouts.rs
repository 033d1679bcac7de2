//! HTTP callouts, the clusters that they go to, and the clock that they come back by.

use super::{get, messages};
use http::Response;
use proxy_filter_test::abi::{BufferType, Callback, Host, LogLevel, MapType, pairs};
use proxy_filter_test::{Answer, Cluster, Message, MockProxy, Outcome, Plugin, Spy};
use std::cell::Cell;
use std::time::Duration;

pub(super) const MS: Duration = Duration::from_millis(1);

pub(super) fn info(host: &dyn Host, line: &str) {
    host.proxy_log(LogLevel::Info, line.as_bytes()).unwrap();
}

/// Calls a cluster, and logs what the hostcall says.
pub(super) fn call(host: &dyn Host, cluster: &str, timeout: u32) -> Option<u32> {
    call_with(host, cluster, &[(":method", "GET"), (":path", "/check"), (":authority", "auth.example")], b"", timeout)
}

pub(super) fn call_with(host: &dyn Host, cluster: &str, headers: &[(&str, &str)], body: &[u8], timeout: u32) -> Option<u32> {
    let answer = host.proxy_http_call(cluster.as_bytes(), &pairs::encode(headers.iter().copied()), body, b"", timeout);
    info(
        host,
        &answer.map_or_else(|status| format!("{cluster} refused: {status}"), |token| format!("{cluster} called: {token}")),
    );
    answer.ok()
}

/// Logs what a callout's callback shows.
pub(super) fn told(host: &dyn Host, callback: Callback) {
    let Callback::proxy_on_http_call_response { context_id, call_id, num_headers, body_size, num_trailers } = callback else {
        return;
    };
    let status = host.proxy_get_header_map_value(MapType::HttpCallResponseHeaders, b":status");
    let status = status.map_or_else(|status| status.to_string(), |status| String::from_utf8(status).unwrap());
    let body = host.proxy_get_buffer_bytes(BufferType::HttpCallResponseBody, 0, u32::MAX);
    let body = body.map_or_else(|status| status.to_string(), |body| String::from_utf8(body).unwrap());
    let (code, message) = host.proxy_get_status().unwrap();
    let message = String::from_utf8(message).unwrap();
    info(
        host,
        &format!(
            "root {context_id}, {call_id}: {status} {body:?} ({num_headers}, {body_size}, {num_trailers}), {code} {message:?}"
        ),
    );
}

/// A filter that does this in `request_headers`, and logs what comes of it.
pub(super) fn caller(act: impl Fn(&dyn Host) + 'static) -> Plugin {
    in_callback("proxy_on_request_headers", act)
}

pub(super) fn in_callback(name: &'static str, act: impl Fn(&dyn Host) + 'static) -> Plugin {
    let spy = Spy::acting("caller", move |callback, host: &dyn Host| {
        if callback.name() == name {
            act(host);
        }
        told(host, callback);
        None
    });
    spy.plugin()
}

pub(super) fn start(plugin: Plugin) -> MockProxy {
    MockProxy::new(plugin).expect("it starts")
}

pub(super) fn said(proxy: &MockProxy) -> Vec<String> {
    messages(&proxy.log()).into_iter().map(str::to_owned).collect()
}

#[test]
fn cal_9_cal_14_an_answer_without_latency_is_there_when_send_returns() {
    let proxy = start(caller(|host| {
        call(host, "auth", 0);
    }));
    proxy.cluster("auth", |_| Response::builder().status(404).body("who?").unwrap());
    let exchange = get(&proxy);
    assert_eq!(exchange.outcome(), Outcome::Complete);
    assert_eq!(said(&proxy), ["auth called: 4", "root 1, 4: 404 \"who?\" (3, 4, 0), 0 \"\""]);
}

#[test]
fn cal_1_to_cal_6_what_is_refused_has_envoys_status_and_the_trace_says_why() {
    let proxy = start(caller(|host| {
        call(host, "nowhere", 0);
        call(host, "", 0);
        call_with(host, "auth", &[(":method", "GET"), (":authority", "a")], b"", 0);
        call_with(host, "auth", &[(":path", "/"), (":authority", "a")], b"", 0);
        call_with(host, "auth", &[(":path", "/"), (":method", "GET")], b"", 0);
        call(host, "auth", 1 << 31);
        call(host, "empty", 0);
        call_with(host, "auth", &[(":method", "GET"), (":path", "/"), ("host", "a")], b"", i32::MAX.cast_unsigned());
    }));
    proxy.cluster("auth", |_| Response::new("")).set_cluster("empty", Cluster::without_hosts());
    get(&proxy);
    let bad = "auth refused: BAD_ARGUMENT";
    assert_eq!(
        said(&proxy)[..8],
        [
            "nowhere refused: BAD_ARGUMENT",
            " refused: BAD_ARGUMENT",
            bad,
            bad,
            bad,
            bad,
            "empty refused: INTERNAL_FAILURE",
            "auth called: 8"
        ],
    );
    let trace = proxy.trace();
    for why in [
        "CAL-1: no cluster is named \"nowhere\", but [\"auth\", \"empty\"]",
        "CAL-2: the headers have no :path",
        "CAL-2: the headers have no :method",
        "CAL-2: the headers have no :authority",
        "CAL-3: a timeout of 2147483648 ms is more than 2^31-1",
        "CAL-5: the cluster \"empty\" has no host",
    ] {
        assert!(trace.contains(why), "{why}: {trace}");
    }
    assert_eq!(proxy.requests_to("auth").len(), 1, "what is refused is not sent");
}

#[test]
fn cal_8_what_is_sent_is_on_record() {
    let proxy = start(caller(|host| {
        let headers = [
            (":method", "POST"),
            (":path", "/take?n=1"),
            (":authority", "quota.example"),
            ("X-A", "1"),
            ("content-length", "99"),
        ];
        call_with(host, "quota", &headers, b"body", 0);
    }));
    proxy.cluster("quota", |request| Response::new(request.into_body()));
    get(&proxy);
    let requests = proxy.requests_to("quota");
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.method().as_str(), request.uri().path_and_query().unwrap().as_str()), ("POST", "/take?n=1"));
    assert_eq!(request.uri().authority().unwrap(), "quota.example");
    assert_eq!((&request.headers()["x-a"], &request.headers()["content-length"]), (&"1".parse().unwrap(), &"4".parse().unwrap()));
    assert_eq!(request.headers()["x-envoy-internal"], "true");
    assert_eq!(request.body(), "body");
    assert_eq!(said(&proxy)[1], "root 1, 4: 200 \"body\" (3, 4, 0), 0 \"\"");
}

#[test]
fn cal_9_calls_end_by_their_latency_then_in_the_order_of_asking() {
    let proxy = start(caller(|host| {
        for cluster in ["slow", "quick", "slow", "quick"] {
            call(host, cluster, 0);
        }
    }));
    proxy.set_cluster("slow", Cluster::new(|_| Response::new("slow")).latency(20 * MS));
    let asked = Cell::new(0);
    // By its own latency, each answer: the second of them comes first.
    proxy.cluster("quick", move |_| {
        asked.set(asked.get() + 1);
        Answer::from(Response::new(format!("quick {}", asked.get()))).after((12 - asked.get()) * MS)
    });
    get(&proxy);
    assert_eq!(said(&proxy).len(), 4, "time does not pass by itself");
    proxy.advance(9 * MS);
    assert_eq!(said(&proxy).len(), 4);
    proxy.advance(11 * MS);
    let tokens: Vec<String> = said(&proxy)[4..].iter().map(|line| line[..11].to_owned()).collect();
    assert_eq!(tokens, ["root 1, 16:", "root 1, 8: ", "root 1, 4: ", "root 1, 12:"]);
}

#[test]
fn cal_11_a_timeout_is_a_response_of_status_504_at_its_time() {
    let proxy = start(caller(|host| {
        call(host, "never", 50);
        call(host, "late", 50);
        call(host, "in-time", 50);
    }));
    proxy.set_cluster("never", Answer::Timeout);
    proxy.set_cluster("late", Cluster::new(|_| Response::new("late")).latency(50 * MS));
    proxy.set_cluster("in-time", Cluster::new(|_| Response::new("in time")).latency(49 * MS));
    get(&proxy);
    proxy.advance(49 * MS);
    assert_eq!(said(&proxy)[3..], ["root 1, 12: 200 \"in time\" (3, 7, 0), 0 \"\""]);
    proxy.advance(MS);
    let timed_out = |token: u32| format!("root 1, {token}: 504 \"upstream request timeout\" (3, 24, 0), 0 \"\"");
    assert_eq!(said(&proxy)[4..], [timed_out(4), timed_out(8)]);
    proxy.advance(Duration::from_secs(3600));
    assert_eq!(said(&proxy).len(), 6, "what comes too late does not come");
}

#[test]
fn cal_12_a_service_that_is_down_is_a_response_of_status_503() {
    let proxy = start(caller(|host| {
        call(host, "down", 0);
        call(host, "breaks", 0);
        call_with(host, "down", &[(":method", "GET"), (":path", "/"), (":authority", "a"), ("x-a", "1\n2")], b"", 0);
    }));
    proxy.set_cluster("down", Answer::Refuse).set_cluster("breaks", Answer::ResetBeforeResponse);
    get(&proxy);
    for (line, token) in said(&proxy)[3..].iter().zip([4, 8, 12]) {
        assert!(line.starts_with(&format!("root 1, {token}: 503 \"")) && line.contains("\" (3, "), "{line}");
    }
    assert_eq!(proxy.raw_requests_to("down").len(), 1, "what the codec refuses is not sent");
}

#[test]
fn cal_13_sta_1_sta_2_a_late_reset_has_no_headers_and_its_status_stays() {
    let proxy = start(caller(|host| {
        assert_eq!(host.proxy_get_status(), Ok((0, Vec::new())), "STA-1");
        call(host, "cut", 0);
        call(host, "whole", 0);
    }));
    let cut = Message::from(Response::new("half")).with_header("x-a", "1");
    proxy.set_cluster("cut", Answer::ResetAfter(cut)).set_cluster("whole", Response::new("ok"));
    get(&proxy);
    assert_eq!(
        said(&proxy)[2..],
        ["root 1, 4: BAD_ARGUMENT \"NOT_FOUND\" (0, 0, 0), 11 \"reset\"", "root 1, 8: 200 \"ok\" (3, 2, 0), 11 \"\"",],
    );
}

#[test]
fn cal_27_a_timeout_within_the_body_is_a_late_reset() {
    let proxy = start(caller(|host| {
        call(host, "stalls", 50);
    }));
    proxy.set_cluster("stalls", Message::new([(":status", "200"), ("content-length", "9")]).chunk("half"));
    get(&proxy);
    proxy.advance(49 * MS);
    assert_eq!(said(&proxy).len(), 1);
    proxy.advance(MS);
    assert_eq!(said(&proxy)[1], "root 1, 4: BAD_ARGUMENT \"NOT_FOUND\" (0, 0, 0), 11 \"reset\"");
}

#[test]
fn cal_13_a_response_over_the_buffer_limit_is_a_reset() {
    let proxy = start(caller(|host| {
        call(host, "huge", 0);
    }));
    proxy.cluster("huge", |_| Response::new(vec![b'a'; (32 << 20) + 1]));
    get(&proxy);
    assert_eq!(said(&proxy)[1], "root 1, 4: BAD_ARGUMENT \"NOT_FOUND\" (0, 0, 0), 11 \"reset\"");
}

#[test]
fn ctx_8_what_has_come_is_read_through_the_root_and_only_in_its_callback() {
    let spy = Spy::acting("caller", |callback, host: &dyn Host| {
        match callback {
            Callback::proxy_on_request_headers { .. } => {
                call(host, "auth", 0);
                return Some(1);
            }
            Callback::proxy_on_http_call_response { .. } => {
                host.proxy_set_effective_context(2).unwrap();
                told(host, callback);
                assert_eq!(host.proxy_get_header_map_value(MapType::HttpRequestHeaders, b":path").unwrap(), b"/");
                let trailers = host.proxy_get_header_map_pairs(MapType::HttpCallResponseTrailers).unwrap();
                assert_eq!(trailers, pairs::encode([("x-sum", "9")]));
                host.proxy_continue_stream(proxy_filter_test::abi::StreamType::HttpRequest).unwrap();
            }
            Callback::proxy_on_response_headers { .. } => {
                assert!(host.proxy_get_header_map_value(MapType::HttpCallResponseHeaders, b":status").is_err());
                assert!(host.proxy_get_buffer_bytes(BufferType::HttpCallResponseBody, 0, 9).is_err());
                assert_eq!(host.proxy_get_header_map_pairs(MapType::HttpCallResponseHeaders), Ok(Vec::new()));
            }
            _ => {}
        }
        None
    });
    let proxy = start(spy.plugin());
    proxy.set_cluster("auth", Message::from(Response::new("ok")).trailer("x-sum", "9"));
    let exchange = get(&proxy);
    assert_eq!(exchange.outcome(), Outcome::Complete, "{exchange:?}");
    assert_eq!(said(&proxy)[1], "root 1, 4: 200 \"ok\" (3, 2, 1), 0 \"\"");
}

#[test]
fn mem_6_a_call_that_is_refused_writes_the_token_0() {
    #[cfg(feature = "wasmtime")]
    {
        use super::guest::{callback, data, module};
        let code = "(i32.store (i32.const 32) (i32.const 77))
             (call $report (call $proxy_http_call (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32)))
             (call $report (i32.load (i32.const 32)))";
        let text = module(&format!("{}{}", data(64, b"auth"), callback("proxy_on_request_headers", code, 0)));
        let proxy = start(Plugin::from_bytes(text));
        get(&proxy);
        assert_eq!(said(&proxy), ["2", "0"]);
    }
}

#[test]
fn hdr_35_trailers_are_a_map_only_where_some_came() {
    let spy = Spy::acting("caller", |callback, host: &dyn Host| {
        match callback {
            Callback::proxy_on_request_headers { .. } => {
                call(host, "with", 0);
                call(host, "without", 0);
            }
            Callback::proxy_on_http_call_response { .. } => {
                let get = |name: &[u8]| host.proxy_get_header_map_value(MapType::HttpCallResponseTrailers, name);
                info(host, &format!("{:?} {:?}", get(b"x-sum"), get(b"x-none")));
            }
            _ => {}
        }
        None
    });
    let proxy = start(spy.plugin());
    proxy.set_cluster("with", Message::from(Response::new("ok")).trailer("x-sum", "9"));
    proxy.set_cluster("without", Response::new("ok"));
    get(&proxy);
    assert_eq!(said(&proxy)[2..], ["Ok([57]) Err(NotFound)", "Err(BadArgument) Err(BadArgument)"]);
}
