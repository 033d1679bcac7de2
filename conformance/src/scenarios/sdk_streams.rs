//! What the SDK makes of bodies and holds, by filters written with it; and the rows that it rests on.

use crate::scenario::{Guest, Scenario, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let pieces = ["a secret, a sec", "r", "et se"];
    let plain = |scenario: Scenario| scenario.request(post("/").chunked(&pieces)).response(respond(200).chunked(&pieces));
    let full = |scenario: Scenario| {
        scenario
            .request(post("/").chunked(&pieces).trailer("x-t", "1"))
            .response(respond(200).chunked(&pieces).trailer("x-v", "2"))
    };
    let sized = |scenario: Scenario| scenario.request(post("/").body(&pieces)).response(respond(200).body(&pieces));
    vec![
        plain(scenario("sdk-masks-chunks", &["ACT-9", "HDR-25"]).guest(Guest::Streams, "mask")),
        sized(scenario("sdk-masks-a-body-of-known-length", &["ACT-9", "HDR-25"]).guest(Guest::Streams, "mask")),
        full(scenario("sdk-masks-up-to-the-trailers", &["ACT-15", "SEQ-7"]).guest(Guest::Streams, "mask")),
        plain(scenario("sdk-collects-chunks", &["ACT-9", "SEQ-4"]).guest(Guest::Streams, "collect").config("100")),
        sized(scenario("sdk-collects-a-body-of-known-length", &["ACT-9", "HDR-25"]).guest(Guest::Streams, "collect").config("100")),
        full(scenario("sdk-collects-up-to-the-trailers", &["ACT-15", "SEQ-7"]).guest(Guest::Streams, "collect").config("100")),
        plain(scenario("sdk-collects-over-http2", &["ACT-9", "SEQ-5"]).guest(Guest::Streams, "collect").config("100").http2()),
        sized(scenario("sdk-collects-with-held-headers", &["ACT-5", "ACT-7"]).guest(Guest::Streams, "collect").config("100 held").headers_stop_iteration()),
        full(
            scenario("sdk-collects-with-held-headers-up-to-the-trailers", &["ACT-5", "ACT-7", "ACT-15"])
                .guest(Guest::Streams, "collect")
                .config("100 held")
                .headers_stop_iteration(),
        ),
        scenario("sdk-request-body-over-the-limit", &["LOC-2"])
            .guest(Guest::Streams, "collect")
            .config("8")
            .request(post("/").chunked(&pieces)),
        scenario("sdk-request-body-said-to-be-over-the-limit", &["LOC-2"])
            .guest(Guest::Streams, "collect")
            .config("8")
            .request(post("/").body(&pieces)),
        scenario("sdk-response-body-said-to-be-over-the-limit", &["LOC-5"])
            .guest(Guest::Streams, "collect")
            .config("8")
            .response(respond(200).body(&pieces)),
        scenario("sdk-response-body-over-the-limit", &["LOC-6"])
            .guest(Guest::Streams, "collect")
            .config("8")
            .response(respond(200).chunked(&pieces)),
        scenario("sdk-held-response-body-over-the-limit", &["ACT-7", "LOC-5"])
            .guest(Guest::Streams, "collect")
            .config("8 held")
            .headers_stop_iteration()
            .request(post("/").body(&["abc"]))
            .response(respond(200).chunked(&pieces)),
        // What a chunk is after one that was held and not shown, and then one that was held and is shown.
        plain(scenario("watermark-then-buffer", &["ACT-11", "BUF-15"])).script(
            "request_body#1: return 2; request_body#2: get_buffer request_body 0 99, return 1; request_body#3: get_buffer request_body 0 99, return 1;\
             request_body#4: get_buffer request_body 0 99;\
             response_body#1: return 2; response_body#2: get_buffer response_body 0 99, return 1; response_body#3: get_buffer response_body 0 99, return 1;\
             response_body#4: get_buffer response_body 0 99",
        ),
        plain(scenario("buffer-then-watermark", &["ACT-11", "BUF-15"])).script(
            "request_body#1: return 1; request_body#2: get_buffer request_body 0 99, return 2; request_body#3: get_buffer request_body 0 99, return 2;\
             request_body#4: get_buffer request_body 0 99",
        ),
        plain(scenario("buffer-then-drop", &["ACT-11", "BUF-15"])).script(
            "request_body#1: return 1; request_body#2: get_buffer request_body 0 99, return 3; request_body#3: get_buffer request_body 0 99, return 1;\
             request_body#4: get_buffer request_body 0 99",
        ),
    ]
}
