//! Every hostcall answers every failure, those that the ABI does not have too: once, and always. Nothing traps.
//!
//! `cargo test -p proxy-filter-test --test statuses -- --nocapture` prints how many calls failed.
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_abi::{HOSTCALLS, Status};
use proxy_filter_test::{
    Answer, Cluster, Fault, GrpcCluster, GrpcEvent, GrpcStatus, Lint, Message, MockProxy, Outcome, Plugin, StatusTable,
    TestResult, VmKind, both_vms,
};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Module = proxy_filter::Module;

/// Each filter with its configuration.
const FILTERS: [(&Module, &str, &str); 11] = [
    (&torture::PLUGINS, "torture", "strict"),
    (&torture::PLUGINS, "torture", "lenient"),
    (&torture::PLUGINS, "hold", ""),
    (&torture::PLUGINS, "collect", ""),
    (&torture::PLUGINS, "root", "text"),
    (&torture::PLUGINS, "connections", "strict"),
    (&torture::PLUGINS, "connections", "lenient"),
    (&torture::PLUGINS, "hold connections", ""),
    (&torture::PLUGINS, "services", ""),
    (&torture::PLUGINS, "services connections", ""),
    (&add_header::PLUGINS, "add_header", ADD_HEADER),
];

const ADD_HEADER: &str = r#"{"request": {"remove": ["a"], "set": [["b", "c"]], "append": [["d", "e"]], "add": [["f", "g"]]},
    "response": {"remove": ["a"], "set": [["b", "c"]], "append": [["d", "e"]], "add": [["f", "g"]]}}"#;

fn plugin(vm: VmKind, (module, root_id, config): (&'static Module, &str, &str)) -> Plugin {
    vm.plugin(module, root_id).config(config).allow_on_headers_stop_iteration(true)
}

/// A proxy on which a filter may do all that a real one would not forgive, with services that answer, take their time, or are down.
fn builder(plugin: Plugin) -> proxy_filter_test::Builder {
    let answer = || Message::new([(":status", "200"), ("a", "b")]).chunk("answer").trailer("x-end", "1");
    let builder = MockProxy::builder().plugin(plugin).foreign_function("a", |argument: &[u8]| Ok(argument.to_vec()));
    let builder = builder.set_cluster("one", Cluster::answers([answer().into(), Answer::ResetAfter(answer()), answer().into()]));
    let builder = builder.set_cluster("two", Cluster::raw(move |_| answer()).latency(Duration::from_millis(3)));
    let builder = builder.set_cluster("nobody", Cluster::answers([Answer::Refuse, Answer::Timeout]));
    let builder = grpc_clusters(builder);
    Lint::ALL.iter().fold(builder, |builder, lint| builder.allow(*lint))
}

/// One that answers by a message and a status by turns, one that speaks as long as the filter does, and one that is down.
fn grpc_clusters(builder: proxy_filter_test::Builder) -> proxy_filter_test::Builder {
    let turn = Cell::new(false);
    let unary = GrpcCluster::unary(move |_| match turn.replace(!turn.get()) {
        true => Err(GrpcStatus::new(7, "no way").with_metadata("x-end", "1")),
        false => Ok("answer"),
    });
    let stream = GrpcCluster::stream(|_| {
        |event, reply| match event {
            GrpcEvent::Start => reply.metadata([("x-room", "1")]),
            GrpcEvent::Message(message) => reply.after(Duration::from_millis(1)).message(message),
            GrpcEvent::HalfClose => reply.end(GrpcStatus::ok().with_metadata("x-end", "1")),
            GrpcEvent::Cancel => {}
        }
    });
    builder.grpc_cluster("unary", unary).grpc_cluster("stream", stream).grpc_cluster("down", GrpcCluster::refuse())
}

fn is_tcp(root_id: &str) -> bool {
    root_id.ends_with("connections")
}

/// Whatever this filter handles goes through it.
fn traffic(proxy: &MockProxy, root_id: &str) -> TestResult {
    if is_tcp(root_id) {
        connections(proxy);
    } else {
        exchange(proxy)?;
    }
    // What is in flight comes to its end, and there are ticks.
    proxy.advance(Duration::from_millis(20));
    Ok(())
}

/// Three connections at once, each with bytes and an end on both sides, or a client that goes away.
fn connections(proxy: &MockProxy) {
    let open = [proxy.connect(), proxy.connect(), proxy.connect()];
    for (number, connection) in open.iter().enumerate() {
        proxy.advance(Duration::from_millis(10));
        connection.send("question").send("s");
        proxy.advance(Duration::from_millis(10));
        if connection.reached_upstream() {
            connection.upstream_sends("answer").upstream_sends("s");
            match number {
                0 => connection.upstream_disconnects(),
                1 => connection.upstream_ends().end(),
                _ => connection.end().upstream_ends(),
            };
        }
    }
    for connection in &open {
        connection.disconnect();
        // TCP-2: nobody reads from one that is held before the upstream is there.
        assert!(connection.is_closed() || !connection.reached_upstream(), "{connection:?}");
    }
}

/// Four requests, two with a body and trailers, and the client goes away from what is held.
fn exchange(proxy: &MockProxy) -> TestResult {
    let get = Message::from(Request::get("http://shop.example/?q=1").header("cookie", "a=b").body("")?);
    let post = Message::from(Request::post("http://shop.example/").body("question")?).in_chunks_of(3).trailer("x-end", "1");
    for exchange in [proxy.send(get.clone()), proxy.send(post.clone()), proxy.send(post), proxy.send(get)] {
        if exchange.outcome() == Outcome::Paused {
            proxy.advance(Duration::from_millis(10));
        }
        proxy.disconnect(&exchange);
        assert_ne!(exchange.outcome(), Outcome::Paused, "{exchange:?}");
    }
    Ok(())
}

both_vms! {
    fn a_filter_survives_every_status_of_every_hostcall(vm) -> TestResult {
        let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for filter in FILTERS {
            let (_, root_id, config) = filter;
            let table = StatusTable::run(
                || builder(plugin(vm, filter)),
                |proxy| {
                    proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("answer").chunk("s").trailer("x-end", "1"));
                    traffic(proxy, root_id)
                },
            )?;
            print!("{vm:?}, {root_id} {config}: {table}");
            let kind = match root_id {
                "services" | "services connections" => "services",
                root_id if is_tcp(root_id) => "TCP",
                _ => "HTTP",
            };
            seen.entry(kind).or_default().extend(table.hostcalls());
        }
        let all = [("HTTP", &STREAM_HOSTCALLS[..]), ("TCP", &TCP_HOSTCALLS[..]), ("services", &SERVICE_HOSTCALLS[..])];
        for (kind, all) in &all {
            let missed: Vec<_> = all.iter().filter(|name| !seen[kind].contains(*name)).collect();
            assert!(missed.is_empty(), "no {kind} filter sees {missed:?} fail in every way");
        }
        let tables = all.iter().flat_map(|(_, all)| all.iter().copied());
        let of_the_abi: BTreeSet<_> = HOSTCALLS.iter().map(|row| row.name).collect();
        assert_eq!(tables.collect::<BTreeSet<_>>(), of_the_abi, "each hostcall of the ABI is in a table");
        Ok(())
    }

    fn a_root_that_is_done_later_survives_every_status_of_it(vm) -> TestResult {
        for status in (1..=15).chain([99, u32::MAX]).filter_map(Status::from_wire) {
            let fault = Fault::new("proxy_done", status);
            let plugin = || plugin(vm, (&torture::PLUGINS, "services connections", ""));
            let proxy = builder(plugin()).start()?;
            // The root of before, in another VM, is asked whether it is done, and says so after a while.
            proxy.update(plugin().vm_id("new"))?;
            proxy.inject(fault.clone());
            proxy.advance(Duration::from_millis(20));
            assert_eq!(proxy.faults_injected(), 1, "{fault:?}");
            traffic(&proxy, "services connections")?;
            assert!(proxy.trap().is_none(), "{fault:?}: {:?}", proxy.trap());
        }
        Ok(())
    }
}

/// The hostcalls that the SDK makes for HTTP streams and for starting.
const STREAM_HOSTCALLS: [&str; 18] = [
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_get_header_map_size",
    "proxy_get_header_map_pairs",
    "proxy_set_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    "proxy_get_property",
    "proxy_set_property",
];

/// The hostcalls that the SDK makes for a proxy's services.
const SERVICE_HOSTCALLS: [&str; 24] = [
    "proxy_set_tick_period_milliseconds",
    "proxy_get_current_time_nanoseconds",
    "proxy_http_call",
    "proxy_get_header_map_pairs",
    "proxy_get_buffer_bytes",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_metric",
    "proxy_call_foreign_function",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_get_status",
    "proxy_get_log_level",
    "proxy_done",
];

/// The hostcalls that the SDK makes for TCP streams.
const TCP_HOSTCALLS: [&str; 8] = [
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_set_effective_context",
];
