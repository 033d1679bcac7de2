//! Pausing and holding bodies.

use crate::scenario::{Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("request-body-held-to-the-end", &["ACT-9", "BUF-15"])
            .script("request_body: get_buffer request_body 0 100, return 1; request_body#3: return 0")
            .request(post("/").body(&["abc", "def"])),
        scenario("request-body-held-from-the-second-piece", &["ACT-10", "BUF-15"])
            .script("request_body: get_buffer request_body 0 100; request_body#2: return 1")
            .request(post("/").chunked(&["abc", "def", "ghi"])),
        scenario("request-body-watermark", &["ACT-11", "NUM-3"])
            .script("request_body: get_buffer request_body 0 100, return 2; request_body#3: return 0")
            .request(post("/").body(&["abc", "def"])),
        scenario("request-body-no-buffer", &["ACT-11", "NUM-3"])
            .script("request_body#1: get_buffer request_body 0 100, return 3; request_body#2: get_buffer request_body 0 100")
            .request(post("/").chunked(&["abc", "def"])),
        scenario("response-body-held-to-the-end", &["ACT-9", "BUF-15"])
            .script("response_body: get_buffer response_body 0 100, return 1; response_body#3: return 0")
            .response(respond(200).body(&["abc", "def"])),
        scenario("response-body-held-from-the-second-piece", &["ACT-10"])
            .script("response_body: get_buffer response_body 0 100; response_body#2: return 1")
            .response(respond(200).chunked(&["abc", "def", "ghi"])),
        scenario("response-body-watermark", &["ACT-11"])
            .script("response_body: get_buffer response_body 0 100, return 2; response_body#3: return 0")
            .response(respond(200).body(&["abc", "def"])),
        scenario("request-trailers-release-the-body", &["ACT-15"])
            .script(
                "request_body: return 1; request_trailers: get_buffer request_body 0 100, set_buffer request_body 3 0 !, buffer_status request_body,\
                 add request_trailers x-u 2",
            )
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1")),
        scenario("response-trailers-release-the-body", &["ACT-15"])
            .script("response_body: return 1; response_trailers: get_buffer response_body 0 100, set_buffer response_body 0 3 X")
            .response(respond(200).chunked(&["abc"]).trailer("x-v", "1")),
        scenario("request-body-return-9-drops-it", &["ACT-11", "NUM-3"])
            .script("request_body#1: return 9")
            .request(post("/").chunked(&["abc", "def"])),
        scenario("headers-held-over-the-limit", &["ACT-3"])
            .script("request_headers: return 3; response_headers: pairs response_headers; log: property response code_details")
            .request(post("/").body(&["0123456789", "0123456789", "0123456789"]))
            .buffer_limit(16),
        scenario("request-over-the-limit", &["ACT-17"])
            .script("request_body: buffer_status request_body, return 1; response_headers: pairs response_headers; log: property response code_details")
            .request(post("/").body(&["0123456789", "0123456789", "0123456789"]))
            .buffer_limit(16),
        scenario("response-over-the-limit", &["ACT-18"])
            .script("response_body: buffer_status response_body, return 1; log: property response code_details")
            .response(respond(200).body(&["0123456789", "0123456789", "0123456789"]))
            .buffer_limit(16),
        scenario("request-of-exactly-the-limit", &["ACT-17"])
            .script("request_body: buffer_status request_body, return 1; request_body#3: return 0; log: property response code_details")
            .request(post("/").body(&["01234567", "01234567"]))
            .buffer_limit(16),
        scenario("response-of-exactly-the-limit", &["ACT-18"])
            .script("response_body: buffer_status response_body, return 1; response_body#3: return 0; log: property response code_details")
            .response(respond(200).body(&["01234567", "01234567"]))
            .buffer_limit(16),
        scenario("trailers-added-after-the-body-has-gone", &["HDR-29"])
            .script("response_headers: add request_trailers x-late 1, size request_trailers; response_body#3: add request_trailers x-late 1")
            .request(post("/").body(&["abc"]))
            .response(respond(200).body(&["def"])),
        scenario("headers-held-while-the-body-comes", &["ACT-5"])
            .headers_stop_iteration()
            .script(
                "request_headers: return 1; request_body: get request_headers x-a, add request_headers x-in-body 1, get_buffer request_body 0 100,\
                 return 1; request_body#3: remove request_headers content-length, set_buffer request_body 0 100 new, return 0",
            )
            .request(post("/").header("x-a", "1").body(&["abc", "def"])),
        scenario("response-headers-held-while-the-body-comes", &["ACT-7"])
            .headers_stop_iteration()
            .script(
                "response_headers: return 1; response_body: get response_headers x-b, add response_headers x-in-body 1, return 1;\
                 response_body#3: replace response_headers content-length 3, set_buffer response_body 0 100 new, return 0",
            )
            .response(respond(200).header("x-b", "1").body(&["abc", "def"])),
        scenario("local-reply-while-response-headers-are-held", &["ACT-7", "LOC-5"])
            .headers_stop_iteration()
            .script("response_headers: return 1; response_body: reply 418 body=teapot details=mine; log: property response code_details")
            .response(respond(200).body(&["abc"])),
        scenario("headers-held-with-return-3-and-option", &["ACT-3", "NUM-2"])
            .headers_stop_iteration()
            .script("request_headers: return 3")
            .request(get("/"))
            .patience(300),
        scenario("continue-inside-a-body-callback-is-void", &["CON-8"])
            .script("request_body#1: continue 0, return 1; request_body#2: get_buffer request_body 0 100")
            .request(post("/").body(&["abc"])),
    ]
}
