//! An authorization service that speaks Envoy's `envoy.service.auth.v3`.

use crate::{MS, get, proxy, values};
use proxy_filter::protobuf::{Field, Message as Proto, fields};
use proxy_filter_test::{
    GrpcCluster, GrpcEvent, GrpcReply, GrpcStatus, Message, MockProxy, Outcome, TestResult, VmKind, both_vms,
};
use serde_json::json;

fn start(vm: VmKind, fail_open: &[&str], service: GrpcCluster) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let proxy = proxy(
        vm,
        json!({"authorization": {
            "protocol": "grpc", "cluster": "authz", "authority": "authz.internal", "timeout_ms": 50, "source": true,
            "request_headers": ["authorization", "x-twice"], "upstream_headers": ["x-user"], "fail_open": fail_open,
            "context_extensions": [["tenant", "shop"], ["tier", "gold"]],
        }}),
    )?;
    proxy.grpc_cluster("authz", service);
    Ok(proxy)
}

/// A service that always says this.
fn says(message: Vec<u8>) -> GrpcCluster {
    GrpcCluster::unary(move |_| Ok::<_, GrpcStatus>(message.clone()))
}

fn status(code: u64) -> Vec<u8> {
    Proto::new().varint(1, code).into_bytes()
}

fn header(name: &str, value: &[u8]) -> Vec<u8> {
    let header = Proto::new().bytes(1, name.as_bytes()).bytes(2, value).into_bytes();
    Proto::new().bytes(1, &header).into_bytes()
}

/// `CheckResponse` with an `ok_response`.
fn ok(headers: &[(&str, &[u8])], remove: &[&str]) -> Vec<u8> {
    let ok = headers.iter().fold(Proto::new(), |ok, (name, value)| ok.bytes(2, &header(name, value)));
    let ok = remove.iter().fold(ok, |ok, name| ok.bytes(5, name.as_bytes()));
    Proto::new().bytes(1, &status(0)).bytes(3, &ok.into_bytes()).into_bytes()
}

/// `CheckResponse` with a `denied_response`.
fn denied(http: u64, headers: &[(&str, &[u8])], body: &str) -> Vec<u8> {
    let denied = headers.iter().fold(Proto::new(), |denied, (name, value)| denied.bytes(2, &header(name, value)));
    let denied = denied.bytes(1, &status(http)).bytes(3, body.as_bytes());
    Proto::new().bytes(1, &status(16)).bytes(2, &denied.into_bytes()).into_bytes()
}

/// What is at this path of fields, as text.
fn at(message: &[u8], path: &[u32]) -> Vec<String> {
    let [first, rest @ ..] = path else { return vec![String::from_utf8_lossy(message).into_owned()] };
    let found = fields(message).filter_map(Result::ok).filter(|(number, _)| number == first);
    found
        .flat_map(|(_, field)| match field {
            Field::Bytes(bytes) => at(bytes, rest),
            Field::Varint(number) => vec![number.to_string()],
            _ => vec![],
        })
        .collect()
}

both_vms! {
    fn the_service_is_told_what_envoys_own_filter_tells(vm) -> TestResult {
        let proxy = start(vm, &[], says(ok(&[("X-User", b"ann"), ("x-internal", b"17")], &["x-secret", ":path"])))?;
        proxy.set_property("source.address", "192.0.2.7:4711");
        proxy.set_property("connection.uri_san_peer_certificate", "spiffe://mesh/ns/shop/sa/cart");
        let request = Message::from(get("ann's")).with_header("x-twice", "1").with_header("x-twice", b"\xff")
            .with_header("x-secret", "s").with_header("x-user", "root");
        let exchange = proxy.send(request);
        let upstream = exchange.raw_upstream_request().ok_or("it should pass")?;
        assert_eq!(values(&upstream, "x-user"), [b"ann"]);
        assert!(values(&upstream, "x-internal").is_empty() && values(&upstream, "x-secret").is_empty());
        assert_eq!(values(&upstream, ":path"), [b"/cart?id=7"]);

        let asked = &proxy.grpc_requests_to("authz")[0];
        assert_eq!((asked.service(), asked.method()), ("envoy.service.auth.v3.Authorization", "Check"));
        assert_eq!((asked.metadata(":authority"), asked.metadata("grpc-timeout")), (Some(&b"authz.internal"[..]), Some(&b"50m"[..])));
        let http = |field| at(asked.message(), &[1, 4, 2, field]).concat();
        let id = exchange.upstream_request().headers()["x-request-id"].to_str()?.to_owned();
        assert_eq!([1, 2, 4, 5, 6].map(http), [&*id, "GET", "/cart?id=7", "shop.example", "http"]);
        let headers = |part| at(asked.message(), &[1, 4, 2, 3, part]);
        assert_eq!((headers(1), headers(2)), (vec!["authorization".into(), "x-twice".into()], vec!["ann's".into(), "1,\u{fffd}".into()]));
        let source = |path: &[u32]| at(asked.message(), &[&[1, 1], path].concat()).concat();
        assert_eq!([source(&[1, 1, 2]), source(&[1, 1, 3]), source(&[4])], ["192.0.2.7", "4711", "spiffe://mesh/ns/shop/sa/cart"]);
        let extensions = |part| at(asked.message(), &[1, 10, part]);
        assert_eq!((extensions(1).join(" "), extensions(2).join(" ")), ("tenant tier".into(), "shop gold".into()));
        Ok(())
    }

    fn a_refusal_is_the_services_own(vm) -> TestResult {
        let headers: [(&str, &[u8]); 3] = [("WWW-Authenticate", b"Bearer"), ("set-cookie", b"a=1"), ("x-internal", b"17")];
        let exchange = start(vm, &[], says(denied(401, &headers, "who are you?")))?.send(get("nobody's"));
        let response = exchange.response();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (401, &b"who are you?"[..]));
        assert_eq!((&response.headers()["www-authenticate"], &response.headers()["set-cookie"]), (&"Bearer".parse()?, &"a=1".parse()?));
        assert!(!response.headers().contains_key("x-internal"));
        Ok(())
    }

    // As in Envoy: of the status alone the rest follows.
    fn what_is_not_said_is_envoys_default(vm) -> TestResult {
        assert!(start(vm, &[], says(vec![]))?.send(get("ann's")).reached_upstream());
        assert!(start(vm, &[], says(Proto::new().bytes(1, &status(0)).into_bytes()))?.send(get("ann's")).reached_upstream());
        for code in [1, 7, 16, 99, u64::MAX] {
            let refuses = Proto::new().bytes(1, &status(code)).into_bytes();
            assert_eq!(start(vm, &[], says(refuses))?.send(get("ann's")).response().status(), 403, "{code}");
        }
        Ok(())
    }

    fn messages_that_make_no_sense_are_failures(vm) -> TestResult {
        let contradicts = Proto::new().bytes(1, &status(0)).bytes(2, &Proto::new().bytes(3, b"no").into_bytes()).into_bytes();
        let malformed = [
            b"no protobuf".to_vec(),
            b"\x0a".to_vec(),
            b"\x0a\x05\x08".to_vec(),
            // A status that is a number, or whose code is text.
            Proto::new().varint(1, 7).into_bytes(),
            Proto::new().bytes(1, &Proto::new().bytes(1, b"7").into_bytes()).into_bytes(),
            Proto::new().varint(2, 7).into_bytes(),
            Proto::new().bytes(3, &Proto::new().varint(2, 7).into_bytes()).into_bytes(),
            contradicts,
            ok(&[("x-user", b"ann\r\nx-admin: 1")], &[]),
            ok(&[("x-user", b"\x7f")], &[]),
            ok(&[("x-user", &[b'a'; 20_000])], &[]),
            denied(999, &[], ""),
            denied(100, &[], ""),
            denied(403, &[("location", b"/\n")], ""),
        ];
        for message in malformed {
            let exchange = start(vm, &["error", "timeout"], says(message.clone()))?.send(get("ann's"));
            assert_eq!(exchange.details(), "ext_auth_error{malformed}", "{}", message.escape_ascii());
            let exchange = start(vm, &["malformed"], says(message))?.send(get("ann's"));
            assert_eq!(exchange.upstream_request().headers()["x-envoy-auth-failure-mode-allowed"], "true");
        }
        Ok(())
    }

    // GRP-7, GRP-24
    fn every_failure_of_the_call_has_its_reason(vm) -> TestResult {
        let status = |code, text: &'static str| GrpcCluster::unary(move |_| Err::<&str, _>(GrpcStatus::new(code, text)));
        let cases = [
            ("unreachable", GrpcCluster::refuse()),
            ("timeout", GrpcCluster::never()),
            ("timeout", status(4, "the service's own deadline")),
            ("error", status(2, "oops")),
            ("error", status(7, "not you, proxy")),
            ("error", GrpcCluster::http(500)),
            ("unreachable", GrpcCluster::http(503)),
            ("unreachable", GrpcCluster::stream(|_| |_, reply: &mut GrpcReply| reply.reset())),
            ("reset", GrpcCluster::stream(|_| |event, reply: &mut GrpcReply| match event {
                GrpcEvent::Start => reply.metadata([("x-a", "1")]),
                _ => reply.reset(),
            })),
        ];
        for (reason, cluster) in cases {
            let proxy = start(vm, &[], cluster)?;
            let exchange = proxy.send(get("ann's"));
            proxy.advance(50 * MS);
            assert_eq!(exchange.details(), format!("ext_auth_error{{{reason}}}"), "{}", proxy.trace());
        }
        let nowhere = proxy(vm, json!({"authorization": {"protocol": "grpc", "cluster": "nowhere"}}))?;
        assert_eq!(nowhere.send(get("ann's")).details(), "ext_auth_error{not_sent}");
        Ok(())
    }

    // GRP-12
    fn a_client_that_leaves_cancels_the_call(vm) -> TestResult {
        let proxy = start(vm, &[], says(ok(&[], &[])).latency(20 * MS))?;
        let exchange = proxy.send(get("ann's"));
        assert_eq!(exchange.outcome(), Outcome::Paused);
        proxy.disconnect(&exchange);
        assert!(proxy.grpc_requests_to("authz")[0].cancelled());
        Ok(())
    }
}
