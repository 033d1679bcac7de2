//! The SDK's gRPC calls and streams, natively and as the real module.
#![cfg(feature = "wasmtime")]

use proxy_filter_test::{
    Exchange, GrpcCluster, GrpcEvent, GrpcReply, GrpcRequest, GrpcStatus, MockProxy, Outcome, TestResult, VmKind, both_vms,
};
use speaks_grpc::PLUGINS;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn start(vm: VmKind, authz: GrpcCluster) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let plugin = vm.plugin(&PLUGINS, "speaks_grpc");
    Ok(MockProxy::builder().plugin(plugin).grpc_cluster("authz", authz).start()?)
}

fn ask(proxy: &MockProxy, what: &str) -> Exchange {
    proxy.send(http::Request::get("http://shop.example/").header("x-do", what).body("").expect("a request"))
}

fn user(exchange: &Exchange) -> String {
    String::from_utf8_lossy(exchange.upstream_request().headers()["x-user"].as_bytes()).into_owned()
}

fn welcome() -> GrpcCluster {
    GrpcCluster::unary(|request| Ok::<_, GrpcStatus>([b"welcome ", request.message()].concat()))
}

fn hostcalls(proxy: &MockProxy, hostcall: &str) -> usize {
    proxy.trace().matches(&format!("{hostcall}(")).count()
}

/// Says what it hears, once for each message; ends when the filter does.
fn echo() -> GrpcCluster {
    GrpcCluster::stream(|_: &GrpcRequest| {
        |event, reply: &mut GrpcReply| match event {
            GrpcEvent::Start => reply.metadata([("x-a", "1")]),
            GrpcEvent::Message(message) => reply.after(5 * MS).message(message),
            GrpcEvent::HalfClose => reply.end(GrpcStatus::ok().with_metadata("x-a", "2")),
            GrpcEvent::Cancel => {}
        }
    })
}

both_vms! {
    // GRP-5, GRP-16, GRP-25
    fn a_call_is_awaited(vm) -> TestResult {
        let proxy = start(vm, welcome())?;
        for what in ["call", "then", "quick"] {
            assert_eq!(user(&ask(&proxy, what)), "welcome ann", "{what}");
        }
        let request = &proxy.grpc_requests_to("authz")[0];
        assert_eq!((request.service(), request.method()), ("acme.Auth", "Check"));
        assert_eq!(request.metadata("x-tenant"), Some(&b"acme"[..]));
        assert_eq!(request.metadata("sum-bin"), Some(&b"AP8="[..]));
        assert_eq!(request.metadata("grpc-timeout"), Some(&b"5000m"[..]));
        Ok(())
    }

    // GRP-7, STA-4
    fn a_status_is_an_error_that_says_it(vm) -> TestResult {
        let proxy = start(vm, GrpcCluster::unary(|_| Err::<&str, _>(GrpcStatus::new(7, "no way"))))?;
        let exchange = ask(&proxy, "call");
        assert_eq!((exchange.response().status().as_u16(), &exchange.response().body()[..]), (403, &b"gRPC: status 7: no way{via_upstream}"[..]));
        assert_eq!(ask(&proxy, "then").response().status(), 500);
        proxy.grpc_cluster("authz", GrpcCluster::refuse());
        assert_eq!(ask(&proxy, "call").response().status(), 500);
        assert!(proxy.log().iter().any(|line| line.message.contains("gRPC: status 14: upstream connect error")));
        Ok(())
    }

    // GRP-7, GRP-23
    fn a_call_has_a_timeout(vm) -> TestResult {
        let proxy = start(vm, GrpcCluster::never())?;
        let exchange = ask(&proxy, "quick");
        proxy.advance(19 * MS);
        assert_eq!(exchange.outcome(), Outcome::Paused);
        proxy.advance(MS);
        assert_eq!(exchange.response().status(), 500);
        proxy.grpc_cluster("authz", welcome().latency(Duration::from_secs(3_600)));
        let exchange = ask(&proxy, "patient");
        proxy.advance(Duration::from_secs(3_600));
        assert_eq!(user(&exchange), "welcome ann");
        assert_eq!(proxy.grpc_requests_to("authz")[1].metadata("grpc-timeout"), Some(&b"2147483S"[..]));
        Ok(())
    }

    // GRP-7
    fn calls_run_together(vm) -> TestResult {
        let proxy = start(vm, welcome().latency(10 * MS))?;
        let exchange = ask(&proxy, "two");
        proxy.advance(10 * MS);
        assert_eq!(user(&exchange), "welcome ann welcome bob");
        Ok(())
    }

    // GRP-12
    fn what_is_dropped_is_cancelled(vm) -> TestResult {
        let proxy = start(vm, GrpcCluster::stream(|_: &GrpcRequest| |event, reply: &mut GrpcReply| {
            if let GrpcEvent::Message(who) = event {
                reply.after(if who == "near" { 5 * MS } else { 50 * MS }).message(who);
                reply.end(GrpcStatus::ok());
            }
        }))?;
        assert_eq!(ask(&proxy, "drop").response().status(), 200);
        assert_eq!(proxy.grpc_requests_to("authz").len(), 0, "it was cancelled before it was sent");
        let raced = ask(&proxy, "race");
        proxy.advance(5 * MS);
        assert_eq!(user(&raced), "near");
        let cancelled: Vec<bool> = proxy.grpc_requests_to("authz").iter().map(GrpcRequest::cancelled).collect();
        assert_eq!(cancelled, [false, true]);
        // A stream that ends while it waits.
        let waiting = ask(&proxy, "call");
        proxy.disconnect(&waiting);
        assert!(proxy.grpc_requests_to("authz")[2].cancelled());
        proxy.advance(Duration::from_secs(1));
        assert_eq!(hostcalls(&proxy, "proxy_grpc_cancel"), 3);
        Ok(())
    }

    // GRP-2, GRP-4, GRP-17
    fn a_call_that_would_abort_envoy_cannot_be_made(vm) -> TestResult {
        let proxy = start(vm, welcome())?;
        assert_eq!(user(&ask(&proxy, "empty")), "gRPC: no cluster is named: give its name");
        assert_eq!(user(&ask(&proxy, "empty stream")), "gRPC: no cluster is named: give its name");
        let hostcalls = hostcalls(&proxy, "proxy_grpc_call") + hostcalls(&proxy, "proxy_grpc_stream");
        assert_eq!(hostcalls, 0);
        assert!(user(&ask(&proxy, "unknown")).ends_with("the proxy has no cluster of this name"));
        assert!(proxy.trace().contains("proxy_on_grpc_close"), "{}", proxy.trace());
        proxy.grpc_cluster("auth-grpc", welcome());
        assert_eq!(user(&ask(&proxy, "unknown")), "welcome ");
        Ok(())
    }

    // GRP-8, GRP-14, GRP-19
    fn a_stream_speaks_both_ways(vm) -> TestResult {
        let proxy = start(vm, welcome())?;
        proxy.grpc_cluster("chat", echo());
        let exchange = ask(&proxy, "talk");
        proxy.advance(20 * MS);
        assert_eq!(user(&exchange), "one+two 1,2");
        let request = &proxy.grpc_requests_to("chat")[0];
        assert!(request.half_closed() && !request.cancelled());
        assert_eq!(request.messages(), ["one", "two"]);
        let abandoned = ask(&proxy, "abandon");
        proxy.advance(5 * MS);
        assert_eq!(user(&abandoned), "one");
        assert!(proxy.grpc_requests_to("chat")[1].cancelled());
        Ok(())
    }

    // GRP-9
    fn a_stream_that_fails_is_an_error(vm) -> TestResult {
        let proxy = start(vm, welcome())?;
        proxy.grpc_cluster("chat", GrpcCluster::http(503));
        assert_eq!(ask(&proxy, "talk").response().status(), 500);
        assert!(proxy.log().iter().any(|line| line.message.contains("gRPC: status 14: via_upstream")));
        Ok(())
    }

    // GRP-16, GRP-21, CAL-18
    fn a_root_watches_and_leaves_nothing_open(vm) -> TestResult {
        let plugin = || vm.plugin(&PLUGINS, "speaks_grpc").config("watch");
        let flags = || GrpcCluster::stream(|_: &GrpcRequest| |event, reply: &mut GrpcReply| match event {
            GrpcEvent::Message(message) if message == "all" => {
                reply.message("a");
                reply.after(10 * MS).message("b");
                reply.after(10 * MS).end(GrpcStatus::ok());
            }
            _ => {}
        });
        let proxy = MockProxy::builder().plugin(plugin()).grpc_cluster("flags", flags()).start()?;
        ask(&proxy, "drop");
        proxy.advance(20 * MS);
        let said: Vec<String> = proxy.log().into_iter().map(|line| line.message).filter(|line| line.starts_with("flags")).collect();
        assert_eq!(said, ["flags: a", "flags: b", "flags end"]);
        assert_eq!(proxy.grpc_requests_to("flags")[0].messages(), ["all", "seen", "seen"]);
        assert!(proxy.trace().contains("proxy_grpc_close(6) -> OK"), "its token is given back: {}", proxy.trace());
        let proxy = MockProxy::builder().plugin(plugin()).grpc_cluster("flags", flags().latency(Duration::from_secs(9))).start()?;
        proxy.advance(MS);
        proxy.update(vm.plugin(&PLUGINS, "speaks_grpc"))?;
        assert!(proxy.grpc_requests_to("flags")[0].cancelled());
        Ok(())
    }

    // CAL-16
    fn a_root_calls_while_it_is_configured(vm) -> TestResult {
        let plugin = vm.plugin(&PLUGINS, "speaks_grpc").config("call");
        let proxy = MockProxy::builder().plugin(plugin).grpc_cluster("authz", welcome()).start()?;
        proxy.advance(MS);
        assert!(proxy.log().iter().any(|line| line.message == "welcome root"));
        Ok(())
    }

    // CAL-18
    fn nothing_is_left_of_streams_that_were_deleted_with_a_call_in_flight(vm) -> TestResult {
        let proxy = start(vm, GrpcCluster::never())?;
        let size = |streams| {
            for _ in 0..streams {
                let exchange = ask(&proxy, "call");
                proxy.disconnect(&exchange);
            }
            proxy.memory_size()
        };
        let before = size(50);
        assert_eq!(size(500), before, "guest memory is flat");
        let cancelled = proxy.grpc_requests_to("authz").iter().filter(|request| request.cancelled()).count();
        assert_eq!(cancelled, 550);
        Ok(())
    }
}
