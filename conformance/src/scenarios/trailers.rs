//! Trailer maps: made on demand, edited, held.

use crate::scenario::{Scenario, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let plain = |scenario: Scenario| scenario.request(post("/").chunked(&["abc"])).response(respond(200).chunked(&["xyz"]));
    let full = |scenario: Scenario| {
        scenario
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1").trailer("X-T", "2"))
            .response(respond(200).chunked(&["xyz"]).trailer("x-v", "3").trailer("x-w", "4"))
    };
    vec![
        plain(scenario("trailers-made-by-add", &["HDR-26"])).script(
            "request_body#1: get request_trailers x-t, add request_trailers x-t 1;\
             request_body#2: get request_trailers x-t, pairs request_trailers, add request_trailers X-T 1, get request_trailers x-t, pairs request_trailers;\
             response_body#1: add response_trailers x-v 1;\
             response_body#2: get response_trailers x-v, add response_trailers x-v 1, pairs response_trailers;\
             log: pairs request_trailers, get request_trailers x-t, pairs response_trailers",
        ),
        plain(scenario("trailers-made-by-size", &["HDR-3", "HDR-29"])).script(
            "request_body#2: size request_trailers, get request_trailers x, pairs request_trailers;\
             response_body#2: size response_trailers, get response_trailers x, pairs response_trailers",
        ),
        plain(scenario("trailers-made-by-remove-and-set-pairs", &["HDR-14", "HDR-15"])).script(
            "request_body#2: remove request_trailers x, get request_trailers x;\
             response_body#2: set_pairs response_trailers a=1 b=2, pairs response_trailers",
        ),
        full(scenario("trailers-edited", &["HDR-11", "HDR-13", "HDR-14", "HDR-15"])).script(
            "request_trailers: pairs request_trailers, replace request_trailers x-t 3, add request_trailers x-u 4, size request_trailers, pairs request_trailers;\
             response_trailers: remove response_trailers x-v, add response_trailers grpc-status 0, add response_trailers grpc-status 1, pairs response_trailers;\
             log: pairs request_trailers, get request_trailers x-t, pairs response_trailers, property response trailers x-w",
        ),
        full(scenario("trailers-removed", &["HDR-15"]))
            .script("request_trailers: set_pairs request_trailers, pairs request_trailers; response_trailers: set_pairs response_trailers, pairs response_trailers"),
        full(scenario("request-trailers-held", &["ACT-16"]))
            .script("request_trailers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, add request_trailers x-late 1, continue 0"),
        scenario("response-trailers-as-a-property", &["SER-3"])
            .script("request_headers: property response trailers; response_trailers: property response trailers; log: property response trailers")
            .response(respond(200).chunked(&["xyz"]).trailer("x-v", "3")),
        scenario("absent-response-trailers-as-a-property", &["SER-3"])
            .script("response_headers: property response trailers; log: property response trailers, property response trailers x-v"),
        full(scenario("response-trailers-held", &["ACT-16"]))
            .script("response_trailers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, add response_trailers x-late 1, continue 1"),
    ]
}
