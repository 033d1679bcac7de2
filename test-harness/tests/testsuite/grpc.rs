//! gRPC calls and streams, the services that they go to, and the clock that they come back by.

use super::{get, messages};
use proxy_filter_test::abi::{BufferType, Callback, Host, LogLevel, MapType, Status, pairs, protobuf};
use proxy_filter_test::{GrpcCluster, GrpcEvent, GrpcReply, GrpcStatus, Limit, Limits, Lint, MockProxy, Plugin, Spy};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn info(host: &dyn Host, line: &str) {
    host.proxy_log(LogLevel::Info, line.as_bytes()).unwrap();
}

fn call(host: &dyn Host, cluster: &str, message: &str, timeout: u32) -> Result<u32, Status> {
    host.proxy_grpc_call(
        cluster.as_bytes(),
        b"acme.Auth",
        b"Check",
        &pairs::encode([("X-User", "ann")]),
        message.as_bytes(),
        timeout,
    )
}

fn open(host: &dyn Host) -> u32 {
    host.proxy_grpc_stream(b"grpc", b"acme.Chat", b"Talk", b"").unwrap()
}

/// Logs what a callback shows.
fn told(host: &dyn Host, callback: Callback) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let map = |map| text(host.proxy_get_header_map_value(map, b"x-a").unwrap_or_default());
    match callback {
        Callback::proxy_on_grpc_receive_initial_metadata { call_id, num_elements, .. } => {
            info(host, &format!("{call_id}: initial {num_elements} {}", map(MapType::GrpcCallInitialMetadata)));
        }
        Callback::proxy_on_grpc_receive { call_id, .. } => {
            let message = host.proxy_get_buffer_bytes(BufferType::GrpcCallMessage, 0, u32::MAX).unwrap();
            info(host, &format!("{call_id}: {}", text(message)));
        }
        Callback::proxy_on_grpc_receive_trailing_metadata { call_id, num_elements, .. } => {
            info(host, &format!("{call_id}: trailing {num_elements} {}", map(MapType::GrpcCallTrailingMetadata)));
        }
        Callback::proxy_on_grpc_close { call_id, status_code, .. } => {
            let (code, message) = host.proxy_get_status().unwrap();
            assert_eq!(code, status_code);
            info(host, &format!("{call_id}: closed {code} {}", text(message)));
        }
        _ => {}
    }
}

/// A filter that does this in `request_headers`, and logs what comes of it.
fn caller(act: impl Fn(&dyn Host) + 'static) -> Plugin {
    acting(move |callback, host| {
        if let Callback::proxy_on_request_headers { .. } = callback {
            act(host);
        }
    })
}

fn acting(act: impl Fn(Callback, &dyn Host) + 'static) -> Plugin {
    let spy = Spy::acting("caller", move |callback, host: &dyn Host| {
        told(host, callback);
        act(callback, host);
        None
    });
    spy.plugin()
}

fn start(plugin: Plugin, cluster: GrpcCluster) -> MockProxy {
    MockProxy::builder().plugin(plugin).grpc_cluster("grpc", cluster).start().expect("it starts")
}

#[test]
fn grp_5_grp_7_a_message_or_a_status() {
    let proxy = start(
        caller(|host| {
            assert_eq!(call(host, "grpc", "ann", 100), Ok(5));
            assert_eq!(call(host, "grpc", "bob", 100), Ok(9));
        }),
        GrpcCluster::unary(|request| match request.message() {
            b"ann" => Ok("welcome"),
            _ => Err(GrpcStatus::new(7, "who?").with_metadata("x-a", "1")),
        }),
    );
    get(&proxy);
    assert_eq!(messages(&proxy.log()), ["5: welcome", "9: closed 7 who?{via_upstream}"]);
    let request = &proxy.grpc_requests_to("grpc")[1];
    assert_eq!((request.service(), request.method(), request.message()), ("acme.Auth", "Check", &b"bob"[..]));
    assert_eq!(request.metadata("x-user"), Some(&b"ann"[..]));
    assert_eq!(request.metadata("grpc-timeout"), Some(&b"100m"[..]));
    assert!(request.half_closed() && !request.cancelled());
}

#[test]
fn grp_7_a_call_times_out_on_the_proxys_clock() {
    for cluster in [GrpcCluster::never(), GrpcCluster::unary(|_| Ok::<_, GrpcStatus>("late")).latency(60 * MS)] {
        let proxy = start(caller(|host| _ = call(host, "grpc", "", 50)), cluster);
        get(&proxy);
        proxy.advance(49 * MS);
        assert_eq!(messages(&proxy.log()), [""; 0]);
        proxy.advance(MS);
        assert_eq!(messages(&proxy.log()), ["5: closed 14 upstream request timeout{response_timeout}"]);
        assert!(proxy.grpc_requests_to("grpc")[0].cancelled());
        proxy.advance(100 * MS);
        assert_eq!(proxy.log().len(), 1, "nothing more comes");
    }
}

#[test]
fn grp_7_answers_come_by_their_time_not_in_the_order_of_the_calls() {
    let first = Cell::new(true);
    let proxy = start(
        caller(|host| (0..2).for_each(|_| _ = call(host, "grpc", "", 100))),
        GrpcCluster::stream(move |_| {
            let after = if first.replace(false) { 20 * MS } else { 10 * MS };
            move |event, reply| {
                if event == GrpcEvent::HalfClose {
                    reply.after(after).message("yes");
                    reply.end(GrpcStatus::ok());
                }
            }
        }),
    );
    get(&proxy);
    proxy.advance(10 * MS);
    assert_eq!(messages(&proxy.log()), ["9: yes"]);
    proxy.advance(10 * MS);
    assert_eq!(messages(&proxy.log()), ["9: yes", "5: yes"]);
}

#[test]
fn grp_8_a_stream_speaks_both_ways() {
    let plugin = acting(|callback, host| match callback {
        Callback::proxy_on_request_headers { .. } => {
            let stream = open(host);
            host.proxy_grpc_send(stream, b"one", 0).unwrap();
        }
        Callback::proxy_on_grpc_receive { call_id, .. } => host.proxy_grpc_send(call_id, b"two", 1).unwrap(),
        Callback::proxy_on_grpc_close { call_id, .. } => {
            assert_eq!(host.proxy_grpc_close(call_id), Ok(()), "GRP-21");
            assert_eq!(host.proxy_grpc_close(call_id), Err(Status::NotFound), "GRP-14");
        }
        _ => {}
    });
    let proxy = start(
        plugin,
        GrpcCluster::stream(|request| {
            let method = request.method().to_owned();
            move |event, reply: &mut GrpcReply| match event {
                GrpcEvent::Start => reply.metadata([("x-a", &method)]),
                GrpcEvent::Message(message) if message == "one" => reply.after(5 * MS).message("first"),
                GrpcEvent::HalfClose => reply.end(GrpcStatus::ok().with_metadata("x-a", "2")),
                GrpcEvent::Message(_) | GrpcEvent::Cancel => {}
            }
        }),
    );
    get(&proxy);
    assert_eq!(messages(&proxy.log()), ["6: initial 3 Talk"]);
    proxy.advance(5 * MS);
    let all = ["6: initial 3 Talk", "6: first", "6: trailing 2 2", "6: closed 0 via_upstream"];
    assert_eq!(messages(&proxy.log()), all);
    assert_eq!(proxy.grpc_requests_to("grpc")[0].messages(), ["one", "two"]);
}

#[test]
fn grp_9_a_stream_that_fails_has_all_its_callbacks() {
    let open = || caller(|host| _ = open(host));
    let proxy = start(open(), GrpcCluster::refuse());
    get(&proxy);
    let log = proxy.log();
    assert_eq!(messages(&log)[..2], ["6: initial 0 ", "6: trailing 4 "]);
    assert!(messages(&log)[2].starts_with("6: closed 14 upstream connect error"));
    let proxy = start(open(), GrpcCluster::http(503));
    get(&proxy);
    assert_eq!(messages(&proxy.log()), ["6: initial 0 ", "6: trailing 0 ", "6: closed 14 via_upstream"]);
}

#[test]
fn grp_12_what_is_cancelled_is_over_for_the_service_too() {
    let told = Rc::new(Cell::new(false));
    let cancelled = Rc::clone(&told);
    let plugin = acting(|callback, host| {
        if let Callback::proxy_on_request_headers { .. } = callback {
            open(host);
            host.proxy_set_tick_period_milliseconds(5).unwrap();
        }
        if let Callback::proxy_on_tick { .. } = callback {
            host.proxy_set_tick_period_milliseconds(0).unwrap();
            assert_eq!([host.proxy_grpc_cancel(6), host.proxy_grpc_cancel(6)], [Ok(()), Err(Status::NotFound)]);
        }
    });
    let proxy = start(
        plugin,
        GrpcCluster::stream(move |_| {
            let told = Rc::clone(&told);
            move |event, reply: &mut GrpcReply| match event {
                GrpcEvent::Start => reply.after(10 * MS).message("late"),
                GrpcEvent::Cancel => told.set(true),
                _ => {}
            }
        }),
    );
    get(&proxy);
    proxy.advance(20 * MS);
    assert_eq!(messages(&proxy.log()), [""; 0]);
    assert!(cancelled.get() && proxy.grpc_requests_to("grpc")[0].cancelled());
}

#[test]
fn cal_18_what_a_root_has_open_ends_with_it() {
    let proxy = start(caller(|host| _ = open(host)), GrpcCluster::never());
    get(&proxy);
    proxy.update(caller(|_| {}).config("new")).expect("it starts");
    assert!(proxy.grpc_requests_to("grpc")[0].cancelled());
}

#[test]
fn grp_2_grp_17_an_unknown_cluster_is_refused_and_closed() {
    let service =
        |name: &[u8]| protobuf::Message::new().bytes(1, &protobuf::Message::new().bytes(1, name).into_bytes()).into_bytes();
    let proxy = start(
        caller(move |host| {
            assert_eq!(call(host, "nowhere", "", 50), Err(Status::ParseFailure));
            let answer = host.proxy_grpc_call(&service(b"nowhere"), b"s", b"m", b"", b"", 50);
            assert_eq!(answer, Err(Status::InternalFailure));
            assert_eq!(host.proxy_grpc_call(&service(b"grpc"), b"s", b"m", b"", b"", 50), Ok(9));
        }),
        GrpcCluster::unary(|_| Ok::<_, GrpcStatus>("yes")),
    );
    get(&proxy);
    assert_eq!(messages(&proxy.log()), ["5: closed 14 Cluster not available", "9: yes"]);
    assert!(proxy.trace().contains("no gRPC cluster is named \"nowhere\""), "{}", proxy.trace());
}

#[test]
fn grp_4_a_service_without_a_target_fails_the_test() {
    for name in ["", "empty", "auth-grpc"] {
        let builder = || MockProxy::builder().plugin(caller(move |host| _ = call(host, name, "", 50)).name("faulty"));
        let panic = catch_unwind(AssertUnwindSafe(|| drop(get(&builder().start().unwrap())))).expect_err("the test fails");
        let text = panic.downcast_ref::<String>().expect("a text");
        assert!(text.starts_with("GRP-4") && text.contains(Lint::GrpcWithoutTarget.mend()), "{text}");
        let proxy = builder().allow(Lint::GrpcWithoutTarget).start().unwrap();
        assert_eq!(get(&proxy).raw_response(), None, "Envoy is gone");
        assert_eq!(proxy.findings()[0].lint(), Lint::GrpcWithoutTarget);
    }
}

#[test]
fn grp_23_a_call_without_a_timeout_that_nobody_answers_fails_the_test() {
    let run = |timeout| {
        let proxy = start(caller(move |host| _ = call(host, "grpc", "", timeout)), GrpcCluster::never());
        get(&proxy);
    };
    run(50);
    let panic = catch_unwind(AssertUnwindSafe(|| run(0))).expect_err("the test fails");
    assert!(panic.downcast_ref::<String>().expect("a text").contains(Lint::CalloutNeverAnswered.mend()));
}

#[test]
fn a_limit_of_callouts_counts_those_of_grpc() {
    let limits = Limits { callouts_in_flight: 1, ..Limits::default() };
    let plugin = caller(|host| {
        open(host);
        assert_eq!(call(host, "grpc", "", 50), Err(Status::InternalFailure));
    });
    let proxy = MockProxy::builder().plugin(plugin).limits(limits).grpc_cluster("grpc", GrpcCluster::never()).start().unwrap();
    get(&proxy);
    assert_eq!(proxy.limits_reached()[0].limit, Limit::CalloutsInFlight);
}

#[test]
fn a_stream_that_answers_each_message_comes_to_rest_and_the_test_is_told() {
    let plugin = acting(|callback, host| match callback {
        Callback::proxy_on_request_headers { .. } => {
            let stream = open(host);
            host.proxy_grpc_send(stream, b"ping", 0).unwrap();
        }
        Callback::proxy_on_grpc_receive { call_id, .. } => {
            if let Err(status) = host.proxy_grpc_send(call_id, b"ping", 0) {
                info(host, &format!("refused: {status}"));
            }
        }
        _ => {}
    });
    let echo = GrpcCluster::stream(|_| {
        |event, reply: &mut GrpcReply| {
            if let GrpcEvent::Message(message) = event {
                reply.message(message);
            }
        }
    });
    let limits = Limits { callouts_at_once: 100, ..Limits::default() };
    let proxy = MockProxy::builder().plugin(plugin).limits(limits).grpc_cluster("grpc", echo).start().unwrap();
    get(&proxy);
    assert_eq!(proxy.grpc_requests_to("grpc")[0].messages().len(), 99, "the stream itself is one");
    assert_eq!(messages(&proxy.log()).last(), Some(&"refused: INTERNAL_FAILURE"));
    assert_eq!(proxy.limits_reached()[0].limit, Limit::CalloutsAtOnce);
}

#[test]
fn messages_count_as_what_callouts_send() {
    let limits = || Limits { callout_bytes: 10_000, ..Limits::default() };
    let message = "a".repeat(6_000);
    let plugin = caller(move |host| {
        assert!(call(host, "grpc", &message, 50).is_ok());
        assert_eq!(call(host, "grpc", &message, 50), Err(Status::InternalFailure));
        let stream = open(host);
        assert_eq!(host.proxy_grpc_send(stream, message.as_bytes(), 0), Err(Status::InternalFailure));
        assert_eq!(host.proxy_grpc_send(stream, b"small", 0), Ok(()));
    });
    let proxy = MockProxy::builder().plugin(plugin).limits(limits()).grpc_cluster("grpc", GrpcCluster::never()).start().unwrap();
    get(&proxy);
    assert_eq!(proxy.limits_reached()[0].limit, Limit::CalloutBytes);
}
