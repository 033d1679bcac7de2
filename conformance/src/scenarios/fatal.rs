//! What crashes, doubles, corrupts or hangs Envoy.

use crate::scenario::{Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let mut scenarios = crashes();
    scenarios.extend(survived());
    scenarios.extend(hangs());
    scenarios
}

fn crashes() -> Vec<Scenario> {
    vec![
        scenario("crash-reply-in-log", &["LOC-17"]).script("log: reply 403 body=no").crashes(),
        scenario("crash-reply-in-done", &["LOC-17"]).script("done: reply 403 body=no").crashes(),
        scenario("crash-reply-in-delete", &["LOC-17"]).script("delete: reply 403 body=no").crashes(),
        scenario("crash-two-replies-in-response-headers", &["LOC-20"])
            .script("response_headers: reply 403 body=one, reply 500 body=two")
            .crashes(),
        scenario("crash-two-replies-in-response-body", &["LOC-20"])
            .script("response_body: reply 403 body=one, reply 500 body=two")
            .response(respond(200).body(&["hello"]))
            .crashes(),
        scenario("crash-close-in-log", &["CLO-5"]).script("log: close 0").crashes(),
        scenario("crash-close-in-done", &["CLO-5"]).script("done: close 0").crashes(),
        scenario("crash-close-in-delete", &["CLO-5"]).script("delete: close 0").crashes(),
        scenario("crash-close-at-creation", &["CLO-6"]).script("context_create: close 0").crashes(),
        scenario("crash-two-closes-in-response-headers", &["CLO-8"]).script("response_headers: close 0, close 0").crashes(),
        scenario("crash-continue-response-at-creation", &["CON-13"]).script("context_create: continue 1").crashes(),
        scenario("crash-continue-response-in-request-headers", &["CON-13"]).script("request_headers: continue 1").crashes(),
        scenario("crash-continue-response-in-request-body", &["CON-13"])
            .script("request_body: continue 1")
            .request(post("/").body(&["abc"]))
            .crashes(),
        scenario("crash-continue-response-from-a-tick", &["CON-13"])
            .script("request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, continue 1")
            .crashes(),
    ]
}

fn survived() -> Vec<Scenario> {
    let all = vec![
        scenario("doubled-request", &["CON-5"]).script("request_headers: continue 0"),
        scenario("doubled-request-with-a-body", &["CON-5"])
            .script("request_headers: continue 0")
            .request(post("/").body(&["abc"])),
        scenario("doubled-request-at-creation", &["CON-14"]).script("context_create: continue 0"),
        scenario("doubled-response-headers", &["CON-6"])
            .script("response_headers: continue 1")
            .response(respond(200).body(&["hello"]))
            .patience(400),
        scenario("lost-response-body", &["CON-7"])
            .script("response_headers: continue 1, return 1")
            .response(respond(200).body(&["hello"]))
            .patience(300),
        scenario("trailers-added-after-a-pause", &["HDR-26"])
            .script("request_body#1: return 1; request_body#2: add request_trailers x-t 1")
            .request(post("/").chunked(&["abc"])),
        scenario("two-closes-in-request-headers", &["CLO-7"])
            .script("request_headers: close 0, close 0")
            .patience(300)
            .corrupts(),
        scenario("reply-and-close", &["LOC-21"]).script("request_headers: reply 403 body=no, close 0"),
    ];
    all.into_iter().map(Scenario::fatal).collect()
}

/// What only waits: the mock host does the same, and speaks up when nobody looks (ACT-8).
fn hangs() -> Vec<Scenario> {
    vec![
        scenario("paused-for-good", &["ACT-8"]).script("request_headers: return 1").request(get("/")).patience(300),
        scenario("paused-past-the-route-timeout", &["ACT-8"])
            .script("request_headers: return 1")
            .route_timeout(100)
            .patience(600),
    ]
}
