//! Where two things meet in one callback, or in a callback of the root: replies, closes, continuing, pausing.

use crate::scenario::{Request, Response, Scenario, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let trailers = || post("/").chunked(&["abc"]).trailer("x-t", "1");
    let mut all = vec![
        scenario("continue-a-held-body-from-inside", &["CON-18", "CON-8"])
            .script("request_body#1: return 1; request_body#2: continue 0; request_body: get_buffer request_body 0 99")
            .request(post("/").chunked(&["abc", "def", "ghi"])),
        scenario("continue-a-held-response-body-from-inside", &["CON-18"])
            .script("response_body#1: return 1; response_body#2: continue 1; response_body: get_buffer response_body 0 99")
            .response(respond(200).chunked(&["abc", "def", "ghi"])),
        scenario("continue-inside-trailers-and-pause", &["CON-16"])
            .script("request_trailers: continue 0, return 1")
            .request(trailers()),
        scenario("continue-inside-trailers-after-a-held-body-and-pause", &["CON-16"])
            .script("request_body: return 1; request_trailers: continue 0, return 1")
            .request(trailers()),
        scenario("two-replies-from-a-tick", &["LOC-26", "SEQ-37"]).script(concat!(
            "request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, ",
            "reply 403 body=one details=a, reply 500 body=two details=b; ",
            "response_body: get_buffer response_body 0 99; log: property response code_details",
        )),
        scenario("close-and-reply-in-response-headers", &["LOC-30"]).script("response_headers: close 0, reply 403 body=one"),
        scenario("property-of-an-empty-map", &["SER-3"]).script(
            "request_headers: set_pairs request_headers, property request headers, add request_headers :path /, \
             add request_headers x-forwarded-proto http, add request_headers :method GET",
        ),
    ];
    all.extend(fatal(&trailers()));
    all.extend(crashes(&respond(200).chunked(&["abc"]).trailer("x-t", "1")));
    all
}

fn fatal(trailers: &Request) -> Vec<Scenario> {
    let all = vec![
        scenario("continue-inside-request-headers-before-a-body", &["CON-15"])
            .script("request_headers: continue 0, return 1")
            .request(post("/").body(&["abc", "def"])),
        scenario("doubled-request-trailers", &["CON-16"]).script("request_trailers: continue 0").request(trailers.clone()),
        scenario("doubled-request-trailers-after-a-held-body", &["CON-16"])
            .script("request_body: return 1; request_trailers: continue 0")
            .request(trailers.clone()),
    ];
    // Envoy reads freed memory: what comes after it differs.
    let corrupt = vec![
        scenario("two-closes-in-request-body", &["CLO-7", "CLO-10"])
            .script("request_body: close 0, close 0")
            .request(post("/").body(&["abc"])),
        scenario("close-and-reply-in-request-headers", &["LOC-21", "LOC-29"])
            .script("request_headers: close 0, reply 403 body=one"),
        scenario("reply-and-close-in-request-body", &["LOC-21", "LOC-29"])
            .script("request_body: reply 403 body=one, close 0")
            .request(post("/").body(&["abc"])),
        scenario("reply-and-close-from-a-tick", &["LOC-21", "LOC-29", "SEQ-37"]).script(
            "request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, reply 403 body=one, close 0",
        ),
    ];
    let all = all.into_iter().map(|scenario| scenario.patience(300).own_vm().fatal());
    all.chain(corrupt.into_iter().map(|scenario| scenario.patience(300).corrupts())).collect()
}

fn crashes(trailers: &Response) -> Vec<Scenario> {
    let all = vec![
        scenario("crash-two-closes-in-response-body", &["CLO-8", "CLO-11"])
            .script("response_body: close 0, close 0")
            .response(respond(200).body(&["hello"])),
        scenario("crash-two-closes-from-a-tick", &["CLO-8", "CLO-11", "SEQ-37"])
            .script("request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, close 0, close 0"),
        scenario("crash-two-replies-from-a-tick-to-a-held-response", &["LOC-20", "LOC-27", "SEQ-37"]).script(
            "response_headers: tick_period 40, return 1; \
             tick#1: tick_period 0, effective stream, reply 403 body=one, reply 500 body=two",
        ),
        scenario("crash-two-replies-in-response-trailers", &["LOC-20", "LOC-27"])
            .script("response_trailers: reply 403 body=one, reply 500 body=two")
            .response(trailers.clone()),
        scenario("crash-reply-and-close-in-response-headers", &["LOC-28"])
            .script("response_headers: reply 403 body=one, close 0"),
        scenario("crash-continue-inside-response-trailers", &["CON-17"])
            .script("response_body: return 1; response_trailers: continue 1")
            .response(trailers.clone()),
    ];
    all.into_iter().map(Scenario::crashes).collect()
}
