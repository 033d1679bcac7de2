//! What holds for all requests and all that a service may say. `PROPTEST_CASES` says how many are tried.

use ext_auth::PLUGINS;
use http::{Request, Response};
use proptest::prelude::*;
use proxy_filter::protobuf::{Field, fields};
use proxy_filter_test::{GrpcCluster, GrpcStatus, Message, MockProxy, Plugin};
use serde_json::{Value, json};
use std::time::Duration;

fn start(config: Value) -> MockProxy {
    MockProxy::new(Plugin::native(&PLUGINS, "ext_auth").config(config)).expect("a configuration that is right")
}

/// A request as the service is told of it.
fn identity(method: &[u8], path: &[u8], keys: &[&[u8]]) -> String {
    format!(
        "{} {} {}",
        method.escape_ascii(),
        path.escape_ascii(),
        keys.iter().map(|key| format!("[{}]", key.escape_ascii())).collect::<String>()
    )
}

/// Bytes that are near to a `CheckResponse`.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let tag = prop::sample::select(&[0x0a, 0x12, 0x1a, 0x08, 0x2a, 0x10, 0x18][..]);
    let bytes = prop_oneof![tag, 0u8..20, any::<u8>()];
    prop::collection::vec(bytes, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200), ..ProptestConfig::default() })]

    /// A cache changes when a service is asked and nothing else: who is told apart by the service is told apart by the cache, in
    /// however few places.
    #[test]
    fn a_cache_changes_no_answer(
        entries in 1u32..8,
        requests in prop::collection::vec(("GET|POST", "/[ab]{0,2}", prop::collection::vec("[ab,]{0,3}", 0..3), 0u64..3), 1..40),
    ) {
        let proxy = start(json!({
            "authorization": {"protocol": "http", "cluster": "authz", "request_headers": ["x-key"], "upstream_headers": ["x-user"]},
            "cache": {"entries": entries, "allowed_ttl_s": 3, "denied_ttl_s": 2},
        }));
        proxy.set_cluster("authz", proxy_filter_test::Cluster::raw(|asked: &Message| {
            let part = |name| asked.header(name).unwrap_or_default().to_vec();
            let keys: Vec<_> = asked.headers().iter().filter(|(name, _)| name == "x-key").map(|(_, value)| &value[..]).collect();
            let who = identity(&part("x-forwarded-method"), &part("x-forwarded-uri"), &keys);
            match who.len() % 3 {
                0 => Message::new([(":status", "403"), ("content-type", "text/plain")]).chunk(who),
                _ => Message::new([(":status", "200"), ("x-user", &who)]),
            }
        }));
        for (method, path, keys, seconds) in requests {
            let request = Request::builder().method(&*method).uri(format!("http://shop.example{path}")).body("").expect("a request");
            let request = keys.iter().fold(Message::from(request), |request, key| request.with_header("x-key", key));
            let exchange = proxy.send(request);
            let keys: Vec<_> = keys.iter().map(String::as_bytes).collect();
            let who = identity(method.as_bytes(), path.as_bytes(), &keys);
            match who.len() % 3 {
                0 => prop_assert_eq!(exchange.response().into_body(), who),
                _ => prop_assert_eq!(exchange.upstream_request().headers().get("x-user").map(|user| user.as_bytes().to_vec()), Some(who.into_bytes())),
            }
            proxy.advance(Duration::from_secs(seconds));
        }
    }

    /// Whatever a service says: a request passes only by a message whose status is OK or none, and one that passed had been asked about.
    #[test]
    fn nothing_but_an_ok_lets_a_request_pass(message in message()) {
        let proxy = start(json!({"authorization": {"protocol": "grpc", "cluster": "authz", "upstream_headers": ["x-user"]}}));
        let said = message.clone();
        proxy.grpc_cluster("authz", GrpcCluster::unary(move |_| Ok::<_, GrpcStatus>(said.clone())));
        let exchange = proxy.send(Message::from(Request::get("http://shop.example/").body("").expect("a request")).with_header("x-user", "root"));
        prop_assert!(proxy.trap().is_none());
        if exchange.reached_upstream() {
            let read: Vec<_> = fields(&message).collect::<Result<_, _>>().expect("a message");
            for (number, field) in read {
                prop_assert_ne!(number, 2, "a refusal");
                if let (1, Field::Bytes(status)) = (number, field) {
                    prop_assert!(!status.starts_with(&[0x08, 0x07]), "PERMISSION_DENIED");
                }
            }
            let upstream = exchange.raw_upstream_request().expect("it has passed");
            prop_assert!(!upstream.headers().iter().any(|(name, value)| name == "x-user" && value == "root"));
        } else {
            prop_assert!(exchange.response().status().as_u16() >= 200);
        }
    }

    /// The same of an HTTP service: it is its status alone that lets a request pass.
    #[test]
    fn nothing_but_a_2xx_lets_a_request_pass(status in 200u16..600, headers in prop::collection::vec(("x-user|location|x-envoy-auth-headers-to-remove|cache-control", "[ -~]{0,20}"), 0..5)) {
        let proxy = start(json!({"authorization": {"protocol": "http", "cluster": "authz", "upstream_headers": ["x-user"]}, "cache": {}}));
        proxy.cluster("authz", move |_| {
            let response = headers.iter().fold(Response::builder().status(status), |response, (name, value)| response.header(name, value));
            response.body("").expect("a response")
        });
        for _ in 0..2 {
            let exchange = proxy.send(Request::get("http://shop.example/").header("x-user", "root").body("").expect("a request"));
            prop_assert_eq!(exchange.reached_upstream(), status < 300);
            if exchange.reached_upstream() {
                let user = exchange.upstream_request().headers().get("x-user").cloned();
                prop_assert_ne!(user.as_ref().map(http::HeaderValue::as_bytes), Some(&b"root"[..]));
            }
        }
    }
}
