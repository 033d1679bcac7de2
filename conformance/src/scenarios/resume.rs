//! Streams that a tick of the root lets go on. The tick
//! comes well after the last piece has arrived, but for the period of 1: that one comes before the next piece.

use crate::scenario::{Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("resume-request-headers", &["CON-1", "CON-2", "CTX-8", "SEQ-21", "CTX-4"]).script(
            "request_headers: tick_period 40, return 1;\
             tick#1: tick_period 0, get request_headers :path, continue 0, effective stream, get request_headers :path, add request_headers x-late 1,\
             property request path, continue 0, get request_headers :path, add request_headers x-too-late 1, pairs request_headers, continue 0",
        ),
        scenario("resume-with-held-body", &["ACT-1", "ACT-2"])
            .script("request_headers: tick_period 600, return 1; tick#1: tick_period 0, effective stream, continue 0; request_body: get_buffer request_body 0 99")
            .request(post("/").body(&["abc", "def"])),
        scenario("resume-with-held-body-and-trailers", &["ACT-1", "ACT-2"])
            .script("request_headers: tick_period 600, return 3; tick#1: tick_period 0, effective stream, continue 0; request_body: get_buffer request_body 0 99")
            .request(post("/").chunked(&["abc", "def"]).trailer("x-t", "1")),
        scenario("resume-response-headers", &["CON-3"])
            .script(
                "response_headers: tick_period 300, return 1;\
                 tick#1: tick_period 0, effective stream, continue 0, get response_headers x-b, add response_headers x-late 1, continue 1,\
                 get response_headers x-b, add response_headers x-later 1, get request_headers :path",
            )
            .response(respond(200).header("x-b", "1").body(&["hello"])),
        scenario("resume-header-only-with-option", &["ACT-6"])
            .headers_stop_iteration()
            .script("request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, add request_headers x-late 1, continue 0"),
        scenario("resume-after-the-end-of-the-body", &["ACT-13", "BUF-17", "CON-2"])
            .script(
                "request_body: return 1; request_body#2: tick_period 40, return 1;\
                 tick#1: tick_period 0, effective stream, get_buffer request_body 0 99, set_buffer request_body 3 0 def, continue 0, get_buffer request_body 0 99",
            )
            .request(post("/").chunked(&["abc"])),
        scenario("resume-in-the-middle-of-a-body", &["ACT-14"])
            .script(
                "request_body: get_buffer request_body 0 99; request_body#1: tick_period 1, return 1;\
                 tick#1: tick_period 0, effective stream, continue 0",
            )
            .request(post("/").chunked(&["abc", "def"])),
        scenario("resume-response-body", &["ACT-13", "BUF-17"])
            .script(
                "response_body: return 1; response_body#2: tick_period 40, return 1;\
                 tick#1: tick_period 0, effective stream, get_buffer response_body 0 99, set_buffer response_body 0 0 >, continue 1",
            )
            .response(respond(200).chunked(&["abc"])),
        scenario("continue-inside-request-headers", &["CON-4"]).script("request_headers: continue 0, get request_headers :path, return 1"),
        // `continue 1` before there is a response would crash Envoy, so here it comes after.
        scenario("continue-without-a-pause", &["CON-9", "CLO-9"])
            .script(
                "configure: continue 0, continue 1, close 0; response_headers: continue 0; response_body: continue 0, continue 1;\
                 log: continue 0, continue 1; done: continue 0, continue 1; delete: continue 0",
            )
            .request(post("/").body(&["abc"]))
            .response(respond(200).body(&["hello"])),
        scenario("reply-and-continue", &["LOC-1", "CON-9", "LOC-22"]).script("request_headers: reply 500 body=one, continue 0"),
        scenario("reply-at-creation", &["LOC-2", "LOC-19"]).script("context_create: reply 403 body=no; response_body: get_buffer response_body 0 99"),
        scenario("return-4-holds-everything", &["ACT-1"])
            .script("request_headers: tick_period 300, return 4; tick#1: tick_period 0, effective stream, continue 0; request_body: get_buffer request_body 0 99")
            .request(post("/").body(&["abc"])),
        scenario("return-9-holds-everything", &["ACT-1", "NUM-2"])
            .script("request_headers: tick_period 300, return 9; tick#1: tick_period 0, effective stream, continue 0; request_body: get_buffer request_body 0 99")
            .request(post("/").body(&["abc"])),
        scenario("trailers-return-2-pauses", &["ACT-16", "NUM-4"])
            .script("request_trailers: tick_period 40, return 2; tick#1: tick_period 0, effective stream, continue 0")
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1")),
        scenario("reply-from-a-tick", &["LOC-2", "LOC-3"]).script(
            "request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, reply 403 body=late details=by%20tick;\
             response_headers: get request_headers :path, add response_headers x-mine 1, pairs response_headers; log: property response code_details",
        ),
        scenario("reply-from-a-tick-to-held-response", &["LOC-5"])
            .script("response_headers: tick_period 300, return 1; tick#1: tick_period 0, effective stream, reply 403 body=late; log: property response code_details")
            .response(respond(200).body(&["hello"])),
        scenario("reply-from-the-root", &["LOC-14"])
            .script("configure: reply 403 body=no; request_headers: tick_period 40, return 1; tick#1: tick_period 0, reply 403 body=no, effective stream, continue 0")
            .request(get("/")),
    ]
}
