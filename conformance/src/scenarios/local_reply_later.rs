//! Local replies after the upstream has answered, and closed streams.

use crate::scenario::{Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let details = "; log: property response code_details, property response code, pairs response_headers";
    let with = |scenario: Scenario, script: &str| scenario.config(format!("{script}{details}"));
    vec![
        with(
            scenario("reply-in-response-headers", &["LOC-5"]),
            "response_headers: reply 500 details=mine body=replaced header=x-r=1",
        )
        .response(respond(200).header("x-b", "1").body(&["hello"])),
        with(scenario("reply-in-response-headers-only", &["LOC-5"]), "response_headers: reply 500"),
        with(scenario("reply-in-response-body", &["LOC-6"]), "response_body#2: reply 500 details=too%20late body=no")
            .response(respond(200).body(&["abc", "def"])),
        with(scenario("reply-in-response-trailers", &["LOC-6"]), "response_trailers: reply 500 details=too%20late body=no")
            .response(respond(200).chunked(&["abc"]).trailer("x-v", "1")),
        with(scenario("reply-while-the-root-is-effective", &["LOC-15"]), "request_headers: effective root, reply 403 body=no")
            .patience(300)
            .found(),
        with(
            scenario("continue-and-close-in-a-tick", &["CLO-12"]),
            "request_headers: tick_period 100, return 1; tick: tick_period 0, effective stream, continue 0, close 0",
        )
        .patience(600)
        .not_modelled("a request continued and closed in one callback of a root has its headers at the upstream, and its client does not hang"),
        with(
            scenario("continue-and-reply-in-a-tick", &["LOC-31"]),
            "request_headers: tick_period 100, return 1; tick: tick_period 0, effective stream, continue 0, reply 418 body=tea",
        )
        .patience(600)
        .not_modelled("a request continued and ended in one callback of a root has its headers at the upstream"),
        with(scenario("close-in-request-headers", &["CLO-1", "CLO-2"]), "request_headers: close 0").request(get("/")),
        with(scenario("close-in-request-body", &["CLO-1", "CLO-2"]), "request_body: close 1").request(post("/").body(&["abc"])),
        with(scenario("close-in-response-headers", &["CLO-1", "CLO-2"]), "response_headers: close 1, return 1"),
        with(scenario("close-in-response-body", &["CLO-1", "CLO-2"]), "response_body#2: close 1")
            .response(respond(200).body(&["abc", "def"])),
    ]
}
