//! Local replies in the request phase.

use crate::scenario::{Scenario, Upstream, get, post, request, respond, scenario};

/// Shows the reply as the own response callbacks see it, and its details.
macro_rules! watched {
    ($script:literal) => {
        concat!(
            $script,
            "; response_headers: pairs response_headers; response_body: get_buffer response_body 0 99;\
             log: property response code_details, property response code, property response grpc_status"
        )
    };
}

pub(super) fn all() -> Vec<Scenario> {
    let mut scenarios = codes();
    scenarios.extend(phases());
    scenarios
}

fn codes() -> Vec<Scenario> {
    vec![
        scenario("reply-in-request-headers", &["LOC-1", "LOC-2", "LOC-8", "SEQ-10"]).script(watched!("request_headers: reply 403 details=denied body=no")),
        scenario("reply-then-pause", &["LOC-1"]).script(watched!("request_headers: reply 403 body=no, return 1")),
        scenario("reply-without-body", &["LOC-8", "SEQ-30"]).script(watched!("request_headers: reply 204")),
        scenario("reply-with-empty-body", &["LOC-8", "LOC-24"]).script(watched!("request_headers: reply 200 details= body= header=x-a=1")),
        scenario("reply-with-content-type", &["LOC-8", "LOC-9"])
            .script(watched!("request_headers: reply 200 body={} header=content-type=application/json")),
        scenario("reply-with-headers", &["LOC-9", "LOC-23"]).script(watched!(
            "request_headers: reply 401 body=no header=X-Mixed=1 header=x-mixed=2 header=vary=a header=vary=b header=:status=999 header=content-length=7 header=set-cookie=a=1 header=x-empty="
        )),
        scenario("reply-with-malformed-headers", &["LOC-9", "SER-5"]).script(watched!("request_headers: reply 401 body=no headers_raw=%01%00%00%00zz")),
        scenario("reply-details", &["LOC-10"]).script(watched!("request_headers: reply 403 details=a%20b%09c%0Ad%0De%0Bf%0Cg%20%20h body=no")),
        scenario("reply-code-0", &["LOC-11"]).script(watched!("request_headers: reply 0 body=no")),
        scenario("reply-code-42", &["LOC-11"]).script(watched!("request_headers: reply 42 body=no")),
        scenario("reply-code-too-big", &["LOC-11"]).script(watched!("request_headers: reply 99999 body=no")),
        scenario("reply-to-head", &["LOC-11"]).script(watched!("request_headers: reply 403 body=no")).request(request("HEAD", "/")),
        scenario("reply-to-grpc", &["LOC-12", "LOC-25"])
            .script(watched!("request_headers: reply 403 body=no%20way grpc=5 header=x-a=1"))
            .request(post("/s/m").header("content-type", "application/grpc").header("te", "trailers").chunked(&[])),
        scenario("reply-to-grpc-mapped", &["LOC-12"])
            .script(watched!("request_headers: reply 403 body=no"))
            .request(post("/s/m").header("content-type", "application/grpc+proto").chunked(&["abc"])),
        scenario("reply-to-grpc-without-message", &["LOC-12", "LOC-25"])
            .script(watched!("request_headers: reply 503 grpc=17"))
            .request(post("/s/m").header("content-type", "application/grpc").chunked(&[])),
        scenario("reply-twice", &["LOC-7"])
            .script(watched!("request_headers: reply 403 details=first body=one header=x-a=1, reply 500 details=second body=two header=x-b=2")),
        scenario("reply-and-edit", &["LOC-1"]).script(watched!("request_headers: reply 403 body=no, add request_headers x-a 1, get request_headers x-a")),
    ]
}

fn phases() -> Vec<Scenario> {
    vec![
        scenario("reply-to-post", &["LOC-2"]).script(watched!("request_headers: reply 403 body=no")).request(post("/").body(&["abc", "def"])),
        scenario("reply-in-request-body", &["LOC-2", "SEQ-29"])
            .script(watched!("request_body: reply 403 body=no"))
            .request(post("/").body(&["abc"])),
        scenario("reply-in-held-request-body", &["LOC-2"])
            .script(watched!("request_body: return 1; request_body#2: reply 403 body=no"))
            .request(post("/").chunked(&["abc"])),
        scenario("reply-in-request-trailers", &["LOC-2"])
            .script(watched!("request_body: return 1; request_trailers: reply 403 body=no"))
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1")),
        scenario("own-reply-edited", &["LOC-2", "LOC-3"]).script(
            "request_headers: reply 403 body=no, return 1; response_headers: get request_headers :path, replace response_headers :status 402, add response_headers x-a 1,\
             remove response_headers content-type, replace response_headers content-length 4; response_body: set_buffer response_body 0 99 yes!",
        ),
        scenario("own-reply-replaced", &["LOC-4"])
            .script(
                "request_headers: reply 403 details=first body=one header=x-a=1; response_headers: reply 500 details=second body=second header=x-b=2;\
                 response_body: get_buffer response_body 0 99; log: property response code_details, pairs response_headers",
            )
            .request(get("/")),
        scenario("own-reply-held", &["LOC-2"])
            .script("request_headers: reply 403 body=no; response_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, continue 1")
            .response(respond(200)),
        scenario("reply-held-past-the-route-timeout", &["LOC-33"])
            .script(
                "request_headers: tick_period 100; tick: tick_period 0, effective stream, reply 403 details=denied body=no;\
                 response_headers: return 1; log: get response_headers :status, property response code_details",
            )
            .route_timeout(250)
            .upstream(Upstream::Silent),
        scenario("reply-whose-body-is-held-past-the-route-timeout", &["LOC-33"])
            .script(
                "request_headers: tick_period 100; tick: tick_period 0, effective stream, reply 403 details=denied body=no;\
                 response_body: return 1; log: get response_headers :status, property response code_details",
            )
            .route_timeout(250)
            .upstream(Upstream::Silent),
        scenario("reply-held-while-the-upstream-answers", &["LOC-2"])
            .script(watched!(
                "request_headers: tick_period 100; tick#1: tick_period 400, effective stream, reply 403 details=denied body=no;\
                 response_headers: return 1; tick#2: tick_period 0, effective stream, continue 1"
            ))
            .upstream_latency(250)
            .response(respond(200).header("x-late", "1").body(&["late"])),
        scenario("reply-held-in-its-body-while-the-upstream-answers", &["LOC-2"])
            .script(watched!(
                "request_headers: tick_period 100; tick#1: tick_period 400, effective stream, reply 403 details=denied body=no;\
                 response_body: return 1; tick#2: tick_period 0, effective stream, continue 1"
            ))
            .upstream_latency(250)
            .response(respond(200).header("x-late", "1").body(&["late"])),
        scenario("reply-held-while-the-upstream-breaks", &["LOC-2"])
            .script(watched!(
                "request_headers: tick_period 100; tick#1: tick_period 400, effective stream, reply 403 details=denied body=no;\
                 response_headers: return 1; tick#2: tick_period 0, effective stream, continue 1"
            ))
            .upstream_latency(250)
            .upstream(Upstream::CloseBeforeResponse),
        scenario("reply-held-while-more-of-the-request-comes", &["LOC-2"])
            .script(watched!(
                "request_body: reply 403 body=no; response_headers: tick_period 100, return 1; tick#1: tick_period 0, effective stream, continue 1"
            ))
            .request(post("/").chunked(&["abc", "def"]).trailer("x-t", "1")),
    ]
}
