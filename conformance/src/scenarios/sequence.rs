//! Which callbacks come, in which order, with which arguments.

use crate::scenario::{Scenario, Upstream, get, post, request, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "get-with-body-in-response",
            &["SEQ-1", "SEQ-3", "SEQ-8", "SEQ-11", "SEQ-12", "SEQ-13", "SEQ-25", "SEQ-27", "SEQ-28", "SER-1"],
        )
        .script(
            "request_headers: pairs request_headers; response_headers: pairs response_headers;\
                 log: pairs request_headers, pairs response_headers",
        )
        .request(get("/a?b=c").header("X-A", "1").header("accept", "*/*"))
        .response(respond(200).header("x-b", "1").body(&["he", "llo"])),
        scenario("request-headers-order", &["SEQ-12", "SEQ-22", "SEQ-23", "SEQ-24", "SEQ-25"])
            .script("request_headers: pairs request_headers")
            .request(
                post("/").header("user-agent", "test").header("x-forwarded-for", "1.2.3.4").header("x-a", "1").chunked(&["abc"]),
            )
            .request(post("/").header("x-request-id", "mine").header("x-forwarded-proto", "https").body(&["abc"])),
        scenario("post-in-two-pieces", &["SEQ-4", "SEQ-8"])
            .request(post("/").body(&["abc", "defg"]))
            .response(respond(200).body(&["xy", "z"])),
        scenario("post-chunked-in-two-pieces", &["SEQ-4", "SEQ-8", "SEQ-27", "SEQ-30"])
            .request(post("/").chunked(&["abc", "defg"]))
            .response(respond(200).chunked(&["xy", "z"])),
        scenario("post-empty-bodies", &["SEQ-3", "SEQ-4", "SEQ-9"])
            .request(post("/length").body(&[]))
            .request(post("/chunked").chunked(&[])),
        scenario("empty-chunked-response", &["SEQ-8", "SEQ-27"]).response(respond(200).chunked(&[])),
        scenario("trailers-both-ways", &["SEQ-7"])
            .script("request_trailers: pairs request_trailers; response_trailers: pairs response_trailers")
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1").trailer("x-u", "2"))
            .response(respond(200).chunked(&["xyz"]).trailer("x-v", "3")),
        scenario("trailers-after-empty-body", &["SEQ-4", "SEQ-7", "SEQ-32"])
            .request(post("/").chunked(&[]).trailer("x-t", "1"))
            .response(respond(200).chunked(&[]).trailer("x-v", "3")),
        scenario("head-response", &["SEQ-9", "SEQ-30"]).request(request("HEAD", "/")).response(respond(200).body(&["hello"])),
        scenario("no-content-response", &["SEQ-9", "SEQ-30"]).response(respond(204).unframed()),
        scenario("not-modified-response", &["SEQ-9", "SEQ-30"]).response(respond(304).unframed().header("etag", "x")),
        scenario("done-answers-false", &["SEQ-2"]).script("done: done, return 0; delete: done, continue 0"),
        scenario("upstream-refuses", &["SEQ-10", "SEQ-19"])
            .script("response_headers: pairs response_headers; log: property response code_details")
            .upstream(Upstream::Refuse),
        scenario("upstream-closes-before-response", &["SEQ-10", "SEQ-19"])
            .script("response_headers: pairs response_headers; log: property response code_details")
            .upstream(Upstream::CloseBeforeResponse),
        scenario("upstream-dies-after-headers", &["SEQ-19"])
            .script("log: property response code, property response code_details, pairs response_headers")
            .response(respond(200).header("content-length", "10").unframed().body(&["abc"]).then_close()),
        scenario("client-gives-up-while-paused", &["ACT-8", "SEQ-18"])
            .script(
                "request_headers: return 1;\
                 log: property response code, property response code_details, pairs request_headers, pairs response_headers",
            )
            .patience(300),
        scenario("two-requests-two-streams", &["SEQ-1"])
            .script("request_headers: get request_headers x-n")
            .request(get("/").header("x-n", "1").script("response_headers: add response_headers x-only-first 1"))
            .request(get("/").header("x-n", "2")),
        scenario("script-errors", &["SEQ-1"]).script("nonsense; request_headers: jump 1, get request_headers"),
    ]
}
