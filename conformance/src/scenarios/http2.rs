//! HTTP/2 on either side.

use crate::scenario::{Scenario, get, post, request, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let mut scenarios = framing();
    scenarios.extend(invalid_bytes());
    scenarios
}

fn framing() -> Vec<Scenario> {
    let watched = "request_headers: pairs request_headers; response_headers: pairs response_headers; log: pairs response_headers, property response code_details";
    vec![
        scenario("http2-get", &["SEQ-35", "SEQ-36", "SEQ-3", "SEQ-9"]).script(watched).http2(),
        scenario("http2-get-to-http2", &["SEQ-35", "SEQ-3", "SEQ-9"]).script(watched).http2().http2_upstream(),
        scenario("http1-get-to-http2", &["SEQ-3", "SEQ-9"]).script(watched).http2_upstream(),
        scenario("http2-bodies", &["SEQ-5"])
            .script(watched)
            .request(post("/").body(&["abc"]))
            .response(respond(200).body(&["hello"]))
            .http2(),
        scenario("http2-bodies-to-http2", &["SEQ-5"])
            .script(watched)
            .request(post("/").body(&["abc"]))
            .response(respond(200).body(&["hello"]))
            .http2()
            .http2_upstream(),
        scenario("http2-bodies-without-length", &["SEQ-5"])
            .script(watched)
            .request(post("/").chunked(&["abc", "def"]))
            .response(respond(200).chunked(&["hello", "world"]))
            .http2()
            .http2_upstream(),
        scenario("http1-bodies-to-http2", &["SEQ-5"])
            .script(watched)
            .request(post("/").chunked(&["abc", "def"]))
            .response(respond(200).chunked(&["hello", "world"]))
            .http2_upstream(),
        scenario("http2-body-with-an-empty-end", &["SEQ-36"])
            .script(watched)
            .request(post("/").chunked(&["abc", ""]))
            .response(respond(200).chunked(&["hello", ""]))
            .http2()
            .http2_upstream(),
        scenario("http2-empty-body", &["SEQ-36", "SEQ-5"])
            .script(watched)
            .request(post("/").chunked(&[""]))
            .response(respond(200).chunked(&[""]))
            .http2()
            .http2_upstream(),
        scenario("http2-trailers", &["SEQ-7"])
            .script(watched)
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1"))
            .response(respond(200).chunked(&["hello"]).trailer("x-v", "2"))
            .http2()
            .http2_upstream(),
        scenario("http2-trailers-without-body", &["SEQ-32"])
            .script(watched)
            .request(post("/").chunked(&[]).trailer("x-t", "1"))
            .response(respond(200).chunked(&[]).trailer("x-v", "2"))
            .http2()
            .http2_upstream(),
        scenario("http2-head", &["SEQ-9"])
            .script(watched)
            .request(request("HEAD", "/"))
            .response(respond(200).body(&["hello"]))
            .http2()
            .http2_upstream(),
        scenario("http2-body-held", &["ACT-9", "BUF-15"])
            .script("request_body: get_buffer 0 0 99, return 1; request_body#2: return 0; response_body: get_buffer 1 0 99, return 1; response_body#2: set_buffer 1 0 99 new, return 0")
            .request(post("/").chunked(&["abc", "def"]))
            .response(respond(200).chunked(&["hello", "world"]))
            .http2()
            .http2_upstream(),
        scenario("http2-reply", &["LOC-1", "LOC-2"]).script("request_headers: reply 403 details=denied body=no; log: property response code_details").http2(),
        scenario("http2-reply-to-an-unread-body", &["SEQ-35", "LOC-2"])
            .script("request_body: reply 403 body=no; response_headers: pairs response_headers")
            .request(post("/").chunked(&["abc", "def"]))
            .http2(),
        scenario("http2-reply-to-grpc", &["LOC-12"])
            .script("request_headers: reply 403 body=no grpc=5")
            .request(post("/s/m").header("content-type", "application/grpc").header("te", "trailers").chunked(&["abc"]))
            .http2(),
        scenario("http2-close", &["CLO-1"]).script("request_headers: close 0; log: property response code_details").http2(),
        scenario("http2-close-in-response-body", &["CLO-1"])
            .script("response_body#1: close 1; log: property response code_details")
            .response(respond(200).body(&["abc", "def"]))
            .http2(),
        scenario("http2-headers-joined", &["HDR-36", "HDR-9", "HDR-10", "HDR-11"])
            .script("request_headers: pairs request_headers, get request_headers x-a, get request_headers accept, get request_headers cookie")
            .request(
                get("/").header("x-a", "1").header("x-a", "2").header("accept", "a").header("accept", "b").header("cookie", "a=1").header("cookie", "b=2"),
            )
            .response(respond(200).header("x-b", "1").header("x-b", "2").header("vary", "a").header("vary", "b").header("set-cookie", "a=1").header("set-cookie", "b=2"))
            .http2()
            .http2_upstream(),
        scenario("http2-upstream-cuts", &["SEQ-19"])
            .script(watched)
            .response(respond(200).chunked(&["hello"]).then_close())
            .http2()
            .http2_upstream(),
        scenario("http2-upstream-closes", &["SEQ-19"]).script(watched).upstream(crate::scenario::Upstream::CloseBeforeResponse).http2().http2_upstream(),
        scenario("http2-request-metadata", &["NUM-5"])
            .script("request_metadata: get 0 :path, return 1")
            .request(post("/").chunked(&["abc", "def"]).metadata("x-m", "1").metadata("x-n", "2"))
            .http2()
            .not_modelled("it has no METADATA frames"),
        scenario("http2-client-leaves", &["SEQ-18"])
            .script("request_headers: return 1; log: property response code_details, property response code")
            .request(post("/").chunked(&["abc", "def"]).disconnect_after(2))
            .http2(),
    ]
}

/// What HTTP/1 refuses (HDR-18) or lets through (HDR-20), toward HTTP/2.
fn invalid_bytes() -> Vec<Scenario> {
    let details = "; log: property response code_details, property response code";
    let http2 = |scenario: Scenario, script: &str| scenario.config(format!("{script}{details}")).http2_upstream();
    vec![
        http2(
            scenario("http2-upstream-value-with-crlf", &["HDR-18"]),
            "request_headers: add request_headers x-a a%0D%0Ab, get request_headers x-a",
        ),
        http2(
            scenario("http2-upstream-value-with-lf", &["HDR-18"]),
            "request_headers: add request_headers x-a a%0Ab, get request_headers x-a",
        ),
        http2(
            scenario("http2-upstream-value-with-nul", &["HDR-18"]),
            "request_headers: add request_headers x-a a%00b, get request_headers x-a",
        ),
        http2(
            scenario("http2-upstream-value-with-control", &["HDR-18"]),
            "request_headers: add request_headers x-a a%01b, get request_headers x-a",
        ),
        http2(
            scenario("http2-upstream-value-with-high-bytes", &["HDR-18"]),
            "request_headers: add request_headers x-a a%FFb, get request_headers x-a",
        ),
        http2(
            scenario("http2-upstream-name-with-space", &["HDR-18"]),
            "request_headers: add request_headers x%20a 1, get request_headers x%20a",
        ),
        http2(
            scenario("http2-upstream-name-with-high-bytes", &["HDR-18"]),
            "request_headers: add request_headers x-%C3%A9 1, get request_headers x-%C3%A9",
        ),
        http2(
            scenario("http2-upstream-name-empty", &["HDR-21"]),
            "request_headers: add request_headers \"\" 1, get request_headers \"\"",
        ),
        http2(
            scenario("http2-upstream-unknown-pseudo", &["HDR-21"]),
            "request_headers: add request_headers :foo 1, get request_headers :foo",
        ),
        http2(scenario("http2-upstream-without-path", &["HDR-17"]), "request_headers: remove request_headers :path"),
        http2(scenario("http2-upstream-without-method", &["HDR-17"]), "request_headers: remove request_headers :method"),
        http2(scenario("http2-upstream-without-authority", &["HDR-17"]), "request_headers: remove request_headers :authority"),
        http2(
            scenario("http2-client-value-with-crlf", &["HDR-20"]),
            "response_headers: add response_headers x-a a%0D%0Ax-b:%20b",
        )
        .http2(),
        http2(scenario("http2-client-value-with-nul", &["HDR-20"]), "response_headers: add response_headers x-a a%00b").http2(),
        http2(scenario("http2-client-value-with-control", &["HDR-20"]), "response_headers: add response_headers x-a a%01b")
            .http2(),
        http2(scenario("http2-client-name-with-space", &["HDR-20"]), "response_headers: add response_headers x%20a b").http2(),
        http2(scenario("http2-client-name-with-crlf", &["HDR-20"]), "response_headers: add response_headers x%0D%0Aa b").http2(),
        http2(scenario("http2-client-without-status", &["HDR-19"]), "response_headers: remove response_headers :status").http2(),
        http2(scenario("http2-trailers-added-unpaused", &["HDR-26"]), "request_body#2: add request_trailers x-t 1")
            .request(post("/").chunked(&["abc"])),
        http2(
            scenario("http2-trailers-added-after-a-pause", &["HDR-26"]),
            "request_body#1: return 1; request_body#2: add request_trailers x-t 1",
        )
        .request(post("/").chunked(&["abc"])),
        http2(
            scenario("http2-trailers-added-after-a-pause-to-http2", &["HDR-26"]),
            "request_body#1: return 1; request_body#2: add request_trailers x-t 1",
        )
        .request(post("/").chunked(&["abc", "def"]))
        .http2(),
        http2(
            scenario("http2-response-trailers-added-after-a-pause", &["HDR-26"]),
            "response_body#1: return 1; response_body#2: add response_trailers x-t 1",
        )
        .response(respond(200).chunked(&["abc", "def"]))
        .http2(),
    ]
}
