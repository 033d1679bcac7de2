//! Services that do not answer, or not what they should.

use crate::{MS, SECOND, authz, get, proxy};
use http::{Request, Response};
use proxy_filter_test::{Answer, Cluster, Message, MockProxy, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use std::time::Duration;

const REASONS: [&str; 6] = ["not_sent", "unreachable", "timeout", "reset", "error", "malformed"];

fn config(fail_open: &[&str]) -> Value {
    json!({"authorization": {"protocol": "http", "cluster": "authz", "timeout_ms": 50, "upstream_headers": ["x-user"], "fail_open": fail_open}})
}

/// Every way in which a service fails, by the reason that the configuration has for it.
fn failures() -> Vec<(&'static str, Option<Cluster>)> {
    let status = |status: u16| Response::builder().status(status).body("").expect("a response");
    let odd = |status: &'static str| Message::new([(":status", status)]);
    let large = Response::builder().header("x-user", "a".repeat(20_000)).body("").expect("a response");
    vec![
        ("not_sent", None),
        ("not_sent", Some(Cluster::without_hosts())),
        ("unreachable", Some(Answer::Refuse.into())),
        ("unreachable", Some(Answer::ResetBeforeResponse.into())),
        ("timeout", Some(Answer::Timeout.into())),
        ("timeout", Some(Cluster::new(|_| Response::new("late")).latency(60 * MS))),
        ("reset", Some(Answer::ResetAfter(Response::new("cut").into()).into())),
        ("error", Some(Cluster::answers([status(500)]))),
        ("error", Some(Cluster::answers([status(599)]))),
        ("malformed", Some(Cluster::answers([odd("99")]))),
        ("malformed", Some(Cluster::answers([odd("999")]))),
        ("malformed", Some(Cluster::answers([large]))),
    ]
}

fn start(vm: VmKind, config: Value, cluster: Option<Cluster>) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let proxy = proxy(vm, config)?;
    if let Some(cluster) = cluster {
        proxy.set_cluster("authz", cluster);
    }
    Ok(proxy)
}

both_vms! {
    fn every_failure_refuses_unless_the_configuration_says_otherwise(vm) -> TestResult {
        for (reason, cluster) in failures() {
            // Even if all others may pass.
            let others: Vec<_> = REASONS.into_iter().filter(|other| *other != reason).collect();
            let proxy = start(vm, config(&others), cluster)?;
            let exchange = proxy.send(get("ann's"));
            proxy.advance(100 * MS);
            assert!(!exchange.reached_upstream(), "{reason}");
            assert_eq!(exchange.response().status(), 503, "{reason}: {}", proxy.trace());
            assert_eq!(exchange.details(), format!("ext_auth_error{{{reason}}}"));
            assert_eq!((proxy.counter("ext_auth.error"), proxy.counter("ext_auth.denied")), (Some(1), Some(1)));
        }
        Ok(())
    }

    fn each_failure_can_let_requests_pass_and_the_upstream_is_told(vm) -> TestResult {
        for (reason, cluster) in failures() {
            let proxy = start(vm, config(&[reason]), cluster)?;
            let exchange = proxy.send(Message::from(get("ann's")).with_header("x-user", "root"));
            proxy.advance(100 * MS);
            let upstream = exchange.upstream_request();
            assert_eq!(upstream.headers()["x-envoy-auth-failure-mode-allowed"], "true", "{reason}");
            assert!(!upstream.headers().contains_key("x-user"), "{reason}: what the client says of itself");
            assert_eq!(proxy.counter("ext_auth.failure_mode_allowed"), Some(1));
        }
        Ok(())
    }

    fn the_log_names_service_cluster_and_reason_once_a_second_and_no_secret(vm) -> TestResult {
        let proxy = start(vm, config(&[]), Some(Answer::Refuse.into()))?;
        proxy.set_time(Duration::from_secs(1_000));
        for _ in 0..50 {
            proxy.send(get("ann's secret"));
        }
        proxy.advance(SECOND);
        proxy.send(get("ann's secret"));
        let lines: Vec<_> = proxy.log().into_iter().map(|line| line.message).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with(r#"ext_auth: authorization, cluster "authz": unreachable: HTTP call: no server answered: "#), "{lines:?}");
        assert!(!proxy.log().iter().any(|line| line.message.contains("secret")));
        Ok(())
    }

    fn the_status_of_a_failure_is_configured(vm) -> TestResult {
        let mut config = config(&[]);
        config["status_on_error"] = json!(403);
        let exchange = start(vm, config, None)?.send(get("ann's"));
        assert_eq!(exchange.response().status(), 403);
        Ok(())
    }

    fn a_quota_that_is_down_need_not_keep_requests_out(vm) -> TestResult {
        let mut config = config(&[]);
        config["quota"] = json!({"protocol": "http", "cluster": "quota", "timeout_ms": 20, "fail_open": ["timeout", "unreachable"]});
        let proxy = start(vm, config, Some(Cluster::new(|request| authz(&request))))?;
        proxy.set_cluster("quota", Cluster::answers([Answer::Refuse, Answer::Timeout, Response::builder().status(500).body("")?.into()]));
        let exchanges = [(); 3].map(|()| proxy.send(get("ann's")));
        proxy.advance(20 * MS);
        let [refused, late, broken] = exchanges;
        assert_eq!(refused.upstream_request().headers()["x-user"], "ann");
        assert_eq!(late.upstream_request().headers()["x-user"], "ann");
        assert_eq!(broken.response().status(), 503);
        Ok(())
    }

    // CAL-21
    fn more_calls_than_the_proxy_makes_at_once_are_not_sent(vm) -> TestResult {
        let slow = Cluster::new(|request| authz(&request)).latency(10 * MS).max_requests(2);
        let proxy = start(vm, config(&[]), Some(slow))?;
        let exchanges = [(); 3].map(|()| proxy.send(get("ann's")));
        proxy.advance(10 * MS);
        assert!(exchanges[0].reached_upstream() && exchanges[1].reached_upstream());
        assert_eq!(exchanges[2].details(), "ext_auth_error{not_sent}");
        Ok(())
    }

    fn a_huge_refusal_keeps_its_status_and_loses_its_body(vm) -> TestResult {
        let huge = Response::builder().status(403).body("a".repeat(1 << 20))?;
        let exchange = start(vm, config(&[]), Some(Cluster::answers([huge])))?.send(get("ann's"));
        assert_eq!((exchange.response().status().as_u16(), exchange.response().body().len()), (403, 0));
        Ok(())
    }

    fn a_hostile_request_is_asked_about_as_it_is(vm) -> TestResult {
        let proxy = start(vm, config(&[]), Some(Cluster::new(|request| authz(&request))))?;
        let odd = Request::get("http://shop.example/").header("authorization", "a".repeat(30_000)).body("")?;
        assert_eq!(proxy.send(odd).response().status(), 401);
        let bytes = Message::from(Request::get("http://shop.example/").body("")?).with_header("authorization", b"\xff\xfe");
        assert_eq!(proxy.send(bytes).response().status(), 401);
        assert_eq!(proxy.send(Request::get("http://shop.example/").body("")?).response().status(), 401);
        Ok(())
    }
}
