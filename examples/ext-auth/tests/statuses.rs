//! Every hostcall that the filter makes answers every status: nothing traps.
//!
//! `cargo test -p ext-auth --test statuses -- --nocapture` prints the table.

use ext_auth::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::{Cluster, GrpcCluster, GrpcStatus, Message, MockProxy, Outcome, StatusTable, TestResult, both_vms};
use serde_json::json;
use std::time::Duration;

both_vms! {
    fn it_survives_every_status_of_every_hostcall(vm) -> TestResult {
        let config = json!({
            "authorization": {"protocol": "grpc", "cluster": "authz", "source": true, "upstream_headers": ["x-user"]},
            "quota": {"protocol": "http", "cluster": "quota", "upstream_headers": ["x-left"], "fail_open": ["unreachable"]},
            "cache": {"allowed_ttl_s": 1},
        });
        // ok_response with `x-user: ann`, and a status that is none.
        let ok = b"\x1a\x11\x12\x0f\x0a\x0d\x0a\x06x-user\x12\x03ann";
        let table = StatusTable::run(
            || {
                let authz = GrpcCluster::unary(move |request| match request.message().windows(6).any(|bytes| bytes == b"ann's!") {
                    true => Ok(&ok[..]),
                    false => Err(GrpcStatus::new(14, "down")),
                });
                let quota = Cluster::new(|_| Response::builder().header("x-left", "3").header("x-left", "4").body("").expect("a response"));
                let plugin = vm.plugin(&PLUGINS, "ext_auth").config(config.clone());
                MockProxy::builder().plugin(plugin).grpc_cluster("authz", authz).set_cluster("quota", quota.latency(Duration::from_millis(1)))
            },
            |proxy| {
                // Asked, from the cache, in trouble; and one whose client leaves.
                for token in ["ann's!", "ann's!", "nobody's"] {
                    let request = Request::get("http://shop.example/").header("authorization", token).header("x-user", "root").body("")?;
                    let exchange = proxy.send(Message::from(request).trailer("x-user", "root"));
                    proxy.advance(Duration::from_millis(10));
                    proxy.disconnect(&exchange);
                    assert_ne!(exchange.outcome(), Outcome::Paused);
                }
                let left = proxy.send(Request::get("http://shop.example/left").header("authorization", "ann's!").body("")?);
                proxy.disconnect(&left);
                // What is remembered is asked for anew the next time.
                proxy.advance(Duration::from_secs(1));
                Ok(())
            },
        )?;
        print!("{vm:?}: {table}");
        for hostcall in ["proxy_http_call", "proxy_grpc_call", "proxy_get_shared_data", "proxy_set_shared_data", "proxy_get_property",
            "proxy_get_header_map_pairs", "proxy_add_header_map_value", "proxy_remove_header_map_value", "proxy_send_local_response", "proxy_continue_stream"] {
            assert!(table.hostcalls().contains(hostcall), "{hostcall}: {:?}", table.hostcalls());
        }
        Ok(())
    }
}
