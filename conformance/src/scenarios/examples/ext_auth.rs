//! `examples/ext-auth`.

use crate::grpc::{self, headers, trailers};
use crate::scenario::{Guest, Scenario, Upstream, get, post, respond, scenario};

fn ext_auth(name: &'static str, rows: &'static [&'static str], config: impl Into<String>) -> Scenario {
    scenario(name, rows).guest(Guest::Example("ext-auth"), "ext_auth").config(config.into())
}

/// A gRPC service that says so, once it has been asked.
fn says(answer: &'static [u8]) -> Vec<grpc::Step> {
    vec![grpc::Step::AwaitEnd, headers(), grpc::Step::Message(answer.into()), trailers("0", "", &[])]
}

/// An authorization service over gRPC.
fn over_grpc(name: &'static str, rows: &'static [&'static str], timeout_ms: u32) -> Scenario {
    let config = format!(
        r#"{{"authorization": {{"protocol": "grpc", "cluster": "{}", "authority": "authz.internal", "upstream_headers": ["x-user"],
            "context_extensions": [["tenant", "shop"]], "timeout_ms": {timeout_ms}}}}}"#,
        grpc::cluster(name),
    );
    ext_auth(name, rows, config)
        .request(get("/cart?id=7").header("authorization", "ann's").header("x-user", "root").header("x-request-id", "42"))
}

pub(super) fn all() -> Vec<Scenario> {
    vec![
        // The first is asked about, the second is remembered, the third is another's, who is sent to log in; and so is the fourth.
        ext_auth(
            "ext-auth-http",
            &["CAL-8", "CAL-9", "CAL-14", "SHD-3", "HDR-13", "HDR-14", "LOC-2"],
            r#"{"authorization": {"protocol": "http", "cluster": "authz-of-ext-auth-http", "path": "/check", "upstream_headers": ["x-user", "x-group"], "timeout_ms": 4000},
                "cache": {"denied_ttl_s": 0}}"#,
        )
        .cluster_answers(
            "authz-of-ext-auth-http",
            [
                respond(200).header("x-user", "ann").header("x-internal", "17").into(),
                respond(302).header("location", "https://login.example/").header("set-cookie", "a=1").header("set-cookie", "b=2").into(),
                respond(401).header("www-authenticate", "Bearer").header("content-type", "application/json").body(&[r#"{"who":"?"}"#]).into(),
            ],
        )
        .request(get("/cart?id=7").header("authorization", "ann's").header("x-user", "root").header("x_user", "root").header("x-group", "wheel"))
        .request(get("/cart?id=7").header("authorization", "ann's").header("x_group", "wheel").header("x-envoy-auth-failure-mode-allowed", "true"))
        .request(get("/cart?id=7").header("authorization", "nobody's"))
        .request(post("/cart?id=7").header("authorization", "nobody's").body(&["one ", "apple"])),
        ext_auth(
            "ext-auth-two-services",
            &["CAL-9", "CAL-14", "CON-1", "LOC-2"],
            r#"{"authorization": {"protocol": "http", "cluster": "authz-of-ext-auth-two-services", "upstream_headers": ["x-user"], "timeout_ms": 4000},
                "quota": {"protocol": "http", "cluster": "quota-of-ext-auth-two-services", "path": "/take", "request_headers": ["x-api-key"], "timeout_ms": 4000}}"#,
        )
        .cluster(
            "authz-of-ext-auth-two-services",
            respond(200).header("x-user", "ann").header("x-envoy-auth-headers-to-remove", "x-a").after(40),
        )
        .cluster_answers(
            "quota-of-ext-auth-two-services",
            [respond(200).after(20), respond(200).after(20), respond(429).header("retry-after", "7").after(20)],
        )
        .request(post("/").header("x-api-key", "k").body(&["one ", "apple"]))
        .request(
            post("/")
                .header("x-api-key", "k")
                .header("x-a", "1")
                .chunked(&["one ", "apple"])
                .trailer("x_user", "root")
                .trailer("x-a", "1")
                .trailer("x-sum", "1"),
        )
        .request(get("/").header("x-api-key", "k")),
        // One request each: that a line is logged once a second at most would be a matter of how quick Envoy is.
        ext_auth(
            "ext-auth-fails-open",
            &["CAL-1", "CAL-11"],
            r#"{"authorization": {"protocol": "http", "cluster": "authz-of-ext-auth-fails-open", "timeout_ms": 60, "fail_open": ["timeout"],
                    "upstream_headers": ["x-user"]},
                "quota": {"protocol": "http", "cluster": "nobody-knows-this-cluster", "fail_open": ["not_sent"]}}"#,
        )
        .cluster("authz-of-ext-auth-fails-open", Upstream::Silent)
        .request(get("/").header("x-user", "root")),
        ext_auth(
            "ext-auth-fails-closed",
            &["CAL-12", "LOC-10"],
            r#"{"authorization": {"protocol": "http", "cluster": "authz-of-ext-auth-fails-closed", "timeout_ms": 4000, "fail_open": ["timeout"]},
                "status_on_error": 500}"#,
        )
        .cluster("authz-of-ext-auth-fails-closed", Upstream::CloseBeforeResponse),
        over_grpc("ext-auth-grpc", &["GRP-5", "GRP-16", "GRP-26", "HDR-13", "SEQ-23"], 4_000).grpc(says(b"\x0a\0\x1a\x11\x12\x0f\x0a\x0d\x0a\x06X-User\x12\x03ann")),
        over_grpc("ext-auth-grpc-refuses", &["GRP-5", "LOC-2"], 4_000).grpc(says(
            // 401, www-authenticate: Bearer, a body.
            b"\x0a\x02\x08\x10\x12\x2e\x0a\x03\x08\x91\x03\x12\x1c\x0a\x1a\x0a\x10www-authenticate\x12\x06Bearer\x1a\x09who? you?",
        )),
        over_grpc("ext-auth-grpc-late", &["GRP-7", "LOC-10"], 300).grpc(vec![grpc::Step::AwaitEnd]),
    ]
}
