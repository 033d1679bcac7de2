//! `examples/telemetry`: its metrics as `/stats/prometheus` has them, and its access log.

use crate::scenario::{Guest, Scenario, Upstream, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        telemetry("telemetry-of-a-server", &["MET-15", "MET-16", "MET-20", "PRO-21", "PRO-26", "PRO-27"])
            .config("{}")
            .request(post("/cart").body(&["ques", "tion"]))
            .request(get("/"))
            .response(respond(404).body(&["not here"]))
            .metrics("telemetry-of-a-server.shop"),
        telemetry("telemetry-of-a-client", &["MET-16", "PRO-26"])
            .config(r#"{"reporter": "source"}"#)
            .request(post("/cart").chunked(&["ques", "tion"]))
            .response(respond(200).chunked(&["an", "swer"]))
            .metrics("telemetry-of-a-client.shop"),
        telemetry("telemetry-of-grpc", &["MET-16", "PRO-36"])
            .config("{}")
            .request(post("/acme.Cart/Add").header("content-type", "application/grpc").body(&["\0\0\0\0\0"]))
            .response(respond(200).header("content-type", "application/grpc").chunked(&["\0\0\0\0\0"]).trailer("grpc-status", "7"))
            .metrics("telemetry-of-grpc.shop"),
        telemetry("telemetry-of-failures", &["MET-16", "PRO-37"])
            .config(r#"{"access_log": {"fields": ["response_code", "response_flags", "response_code_details"], "sample_percent": 0}}"#)
            .upstream(Upstream::CloseBeforeResponse)
            .metrics("telemetry-of-failures.shop"),
        telemetry("telemetry-of-a-client-that-leaves", &["MET-8", "MET-16", "PRO-37"])
            .config("{}")
            .request(post("/").chunked(&["abc", "def"]).disconnect_after(2))
            .metrics("telemetry-of-a-client-that-leaves.shop"),
        telemetry("telemetry-with-too-many-series", &["MET-14", "MET-16"])
            .config(r#"{"max_series": 1}"#)
            .request(get("/"))
            .request(get("/").header("content-type", "application/grpc"))
            .request(get("/").header("content-type", "application/grpc"))
            .metrics("reporter=\"other\"")
            .metrics("telemetry_series_overflow"),
        telemetry("telemetry-access-log", &["LOG-2", "PRO-20", "PRO-23", "PRO-26"])
            .config(
                r#"{"access_log": {"max_value_bytes": 16, "fields": ["method", "path", "query", "authority", "protocol", "status", "request_bytes",
                    "response_bytes", "response_code_details", "route", "upstream_cluster", "destination_workload", "request_header:x-hostile",
                    "request_header:x-none", "response_header:content-type"]}}"#,
            )
            .request(
                post("/cart/items?token=1").header("x-hostile", "\"}\\\t{\u{fc}").header("user-agent", "curl").body(&["abc"]),
            )
            .response(respond(201).header("content-type", "text/html; charset=utf-8").body(&["hello"])),
    ]
}

fn telemetry(name: &'static str, rows: &'static [&'static str]) -> Scenario {
    scenario(name, rows).guest(Guest::Example("telemetry"), "telemetry")
}
