//! An authorization service over HTTP, and a second one beside it.

use crate::{MS, authz, get, proxy, values};
use http::{Request, Response};
use proxy_filter_test::{Answer, Cluster, Message, Outcome, TestResult, both_vms};
use serde_json::{Value, json};

fn config() -> Value {
    json!({"authorization": {"protocol": "http", "cluster": "authz", "path": "/check", "upstream_headers": ["X-User", "x-group"]}})
}

fn with_quota() -> Value {
    let mut config = config();
    config["quota"] = json!({"protocol": "http", "cluster": "quota", "path": "/take", "request_headers": ["x-api-key"]});
    config
}

both_vms! {
    fn who_is_known_passes_and_the_upstream_is_told_who_it_is(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.cluster("authz", |request| authz(&request));
        let exchange = proxy.send(get("ann's"));
        let upstream = exchange.upstream_request();
        assert_eq!(upstream.headers()["x-user"], "ann");
        assert!(!upstream.headers().contains_key("x-internal"), "nobody asked for it");
        assert_eq!(upstream.headers()["authorization"], "ann's");

        let asked = &proxy.requests_to("authz")[0];
        assert_eq!((asked.method().as_str(), asked.uri().path()), ("GET", "/check"));
        let told = ["x-forwarded-method", "x-forwarded-uri", "x-forwarded-host", "x-forwarded-proto", "authorization"];
        assert_eq!(told.map(|name| asked.headers()[name].to_str().unwrap()), ["GET", "/cart?id=7", "shop.example", "http", "ann's"]);
        assert!(!asked.headers().contains_key("x-forwarded-for"), "it was not asked for");
        assert_eq!(proxy.counter("ext_auth.ok"), Some(1));
        Ok(())
    }

    fn who_is_not_known_gets_the_services_own_refusal(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.cluster("authz", |request| authz(&request));
        let exchange = proxy.send(get("nobody's"));
        assert!(!exchange.reached_upstream());
        let response = exchange.response();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (401, &b"who are you?"[..]));
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert!(!response.headers().contains_key("x-internal"));
        assert_eq!(exchange.details(), "ext_auth_denied");
        assert_eq!(proxy.counter("ext_auth.denied"), Some(1));
        Ok(())
    }

    fn a_login_is_redirected_to_with_its_cookie(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.cluster("authz", |_| {
            let login = Response::builder().status(302).header("location", "https://login.example/").header("set-cookie", "a=1");
            login.header("set-cookie", "b=2").body("").unwrap()
        });
        let response = proxy.send(get("nobody's")).raw_response().ok_or("an answer")?;
        assert_eq!(response.header(":status"), Some(&b"302"[..]));
        assert_eq!(response.header("location"), Some(&b"https://login.example/"[..]));
        assert_eq!(values(&response, "set-cookie"), [b"a=1", b"b=2"]);
        Ok(())
    }

    fn what_a_client_says_of_itself_never_reaches_the_upstream(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.cluster("authz", |request| authz(&request));
        let request = Message::from(get("ann's"))
            .with_header("x-user", "root").with_header("X-User", "admin")
            .with_header("x-group", "wheel")
            .with_header("x-envoy-auth-failure-mode-allowed", "true")
            // As CGI reads them, these are the same.
            .with_header("x_user", "root").with_header("X_Group", "wheel")
            .with_header("x-envoy_auth-failure-mode_allowed", "true");
        let upstream = proxy.send(request).raw_upstream_request().ok_or("it should pass")?;
        assert_eq!(values(&upstream, "x-user"), [b"ann"]);
        let names = upstream.headers().iter().map(|(name, _)| String::from_utf8_lossy(name));
        let said: Vec<_> = names.filter(|name| ["user", "group", "failure"].iter().any(|part| name.contains(part))).collect();
        assert_eq!(said, ["x-user"]);
        Ok(())
    }

    fn what_a_client_says_of_itself_does_not_come_as_a_trailer_either(vm) -> TestResult {
        let mut config = with_quota();
        config["quota"]["upstream_headers"] = json!(["x-left"]);
        config["cache"] = json!({});
        let proxy = proxy(vm, config)?;
        proxy.cluster("authz", |_| {
            Response::builder().header("x-user", "ann").header("x-envoy-auth-headers-to-remove", "x-a").body("").unwrap()
        });
        proxy.set_cluster("quota", Cluster::new(|_| Response::new("")).latency(10 * MS));
        // Asked about, then remembered; both wait for the quota.
        for _ in 0..2 {
            let request = Message::from(get("ann's")).chunk("one apple").trailer("x-user", "root").trailer("x_group", "wheel")
                .trailer("x-left", "99").trailer("x-a", "1").trailer("x_a", "1").trailer("x_envoy_auth_failure_mode_allowed", "true")
                .trailer("x-sum", "1");
            let exchange = proxy.send(request);
            proxy.advance(10 * MS);
            let upstream = exchange.raw_upstream_request().ok_or("it should pass")?;
            let names: Vec<_> = upstream.trailers().iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["x-sum"]);
        }
        assert_eq!(proxy.requests_to("authz").len(), 1);
        Ok(())
    }

    fn a_service_may_give_several_values_and_take_headers_away(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.cluster("authz", |_| {
            let response = Response::builder().header("x-group", "staff").header("x-group", "buyers");
            let response = response.header("x-envoy-auth-headers-to-remove", "Authorization, :path ,host,, x-a");
            response.body("").unwrap()
        });
        let exchange = proxy.send(Message::from(get("ann's")).with_header("x-a", "1").with_header("x_a", "1").with_header("x-b", "2"));
        let upstream = exchange.raw_upstream_request().ok_or("it should pass")?;
        assert_eq!(values(&upstream, "x-group"), [&b"staff"[..], b"buyers"]);
        assert!(values(&upstream, "authorization").is_empty() && values(&upstream, "x-a").is_empty() && values(&upstream, "x_a").is_empty());
        assert_eq!(values(&upstream, "x-b"), [b"2"]);
        assert_eq!(values(&upstream, ":path"), [b"/cart?id=7"]);
        assert_eq!(values(&upstream, ":authority"), [b"shop.example"]);
        Ok(())
    }

    // HDR-9: only the first of several values would be asked about, and the upstream might read the last.
    fn every_value_of_a_header_is_asked_about(vm) -> TestResult {
        let proxy = proxy(vm, json!({"authorization": {"protocol": "http", "cluster": "authz", "request_headers": ["x-key"]}}))?;
        proxy.cluster("authz", |_| Response::new(""));
        proxy.send(Message::from(get("ann's")).with_header("x-key", "good").with_header("x-key", b"\xff"));
        assert_eq!(values(&proxy.raw_requests_to("authz")[0], "x-key"), [&b"good"[..], b"\xff"]);
        assert!(values(&proxy.raw_requests_to("authz")[0], "authorization").is_empty());
        Ok(())
    }

    fn the_service_is_told_who_has_connected_if_it_is_to_be(vm) -> TestResult {
        let config = json!({"authorization": {"protocol": "http", "cluster": "authz", "authority": "authz.internal", "source": true}});
        let proxy = proxy(vm, config)?;
        proxy.set_property("source.address", "[2001:db8::1]:4711");
        proxy.cluster("authz", |_| Response::new(""));
        proxy.send(get("ann's"));
        let asked = &proxy.raw_requests_to("authz")[0];
        assert_eq!(asked.header("x-forwarded-for"), Some(&b"2001:db8::1"[..]));
        assert_eq!(asked.header(":authority"), Some(&b"authz.internal"[..]));
        Ok(())
    }

    fn both_services_are_asked_at_once_and_both_must_agree(vm) -> TestResult {
        let proxy = proxy(vm, with_quota())?;
        proxy.set_cluster("authz", Cluster::new(|request| authz(&request)).latency(30 * MS));
        proxy.set_cluster("quota", Cluster::new(|request| match request.headers()["x-api-key"].as_bytes() {
            b"new" => Response::new(""),
            _ => Response::builder().status(429).header("retry-after", "7").body("").unwrap(),
        }).latency(20 * MS));
        let ask = |token: &str, key: &'static str| proxy.send(Message::from(get(token)).with_header("x-api-key", key));

        let (passes, spent, unknown) = (ask("ann's", "new"), ask("ann's", "used up"), ask("nobody's", "used up"));
        assert!(proxy.requests_to("authz").len() == 3 && proxy.requests_to("quota").len() == 3);
        proxy.advance(29 * MS);
        assert_eq!(passes.outcome(), Outcome::Paused);
        proxy.advance(MS);
        assert_eq!(passes.upstream_request().headers()["x-user"], "ann");
        assert_eq!((spent.response().status().as_u16(), &spent.response().headers()["retry-after"]), (429, &"7".parse()?));
        assert_eq!(unknown.response().status(), 401, "who is not known is not told of the quota");
        assert!(!proxy.requests_to("quota")[0].headers().contains_key("authorization"), "it was not asked for");
        Ok(())
    }

    // LOC-12
    fn a_grpc_client_is_refused_by_a_grpc_status(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.cluster("authz", |request| authz(&request));
        let request = Request::post("http://shop.example/shop.Cart/Get").header("content-type", "application/grpc").body("")?;
        let response = proxy.send(request).response();
        assert_eq!((response.status().as_u16(), &response.headers()["grpc-status"]), (200, &"16".parse()?));
        Ok(())
    }

    fn a_body_waits_for_the_decision_and_is_not_sent_to_the_service(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        proxy.set_cluster("authz", Cluster::new(|request| authz(&request)).latency(10 * MS));
        let request = Request::post("http://shop.example/cart").header("authorization", "ann's").body("one apple")?;
        let exchange = proxy.send(Message::from(request).in_chunks_of(3));
        proxy.advance(10 * MS);
        assert_eq!(exchange.upstream_request().body(), "one apple");
        assert_eq!(proxy.requests_to("authz")[0].body(), "");
        assert_eq!(proxy.requests_to("authz")[0].headers()["x-forwarded-method"], "POST");
        Ok(())
    }

    fn a_client_that_leaves_is_forgotten(vm) -> TestResult {
        let proxy = proxy(vm, with_quota())?;
        proxy.set_cluster("authz", Cluster::new(|request| authz(&request)).latency(10 * MS));
        proxy.set_cluster("quota", Answer::Timeout);
        let exchange = proxy.send(get("ann's"));
        proxy.disconnect(&exchange);
        proxy.advance(1_000 * MS);
        assert!(!exchange.reached_upstream());
        assert!(proxy.trap().is_none());
        Ok(())
    }
}
