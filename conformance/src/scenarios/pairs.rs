//! Whole maps at once, and arguments that make no sense.

use crate::scenario::{Scenario, get, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("set-pairs-replaces-everything", &["HDR-15", "HDR-16", "HDR-28"])
            .script(
                "request_headers: set_pairs request_headers x-z=1 :method=GET :path=/new :authority=a.example :scheme=http accept=a x-forwarded-proto=http accept=b x-z=2,\
                 pairs request_headers; response_headers: set_pairs response_headers :status=202 x-y=1, pairs response_headers",
            )
            .request(get("/").header("x-a", "1"))
            .response(respond(200).header("x-b", "1")),
        scenario("set-pairs-without-forwarded-proto", &["HDR-16"]).script(
            "request_headers: set_pairs request_headers :method=GET :path=/new :authority=a.example :scheme=http, size request_headers;\
             response_headers: pairs response_headers; log: property response code_details",
        ),
        scenario("malformed-pairs-empty-the-map", &["SER-2", "SER-5"]).script(
            "request_headers: set_pairs_raw request_headers %01%00, pairs request_headers, size request_headers, add request_headers x-a 1,\
             set_pairs_raw request_headers %01%00%00%00%01%00%00%00%01%00%00%00a%00b%00x, pairs request_headers, add request_headers x-a 1,\
             set_pairs_raw request_headers %01%00%00%00%01%00%00%00%01%00%00%00aXb%00, pairs request_headers,\
             set_pairs_raw request_headers %01%00%00%00%01%00%00%00%01%00%00%00a%00b%00, pairs request_headers,\
             set_pairs_raw request_headers %02%00%00%00%01%00%00%00%01%00%00%00a%00b%00, pairs request_headers,\
             set_pairs_raw request_headers %00%00%00%00, pairs request_headers, set_pairs request_headers, reply 200 headers_raw=%01%00%00",
        ),
        scenario("pointers-outside-memory", &["MEM-5"]).script("request_headers: oob, pairs request_headers; request_body: oob"),
        scenario("log-levels", &["LOG-1", "LOG-4", "NUM-11"])
            .script("request_headers: log 0 trace, log 1 debug, log 2 info, log 3 warn, log 4 error, log 5 critical, log 6 six, log 99 more, log_level, log 2 \"\", time"),
        scenario("unknown-numbers", &["CON-12", "CLO-3", "NUM-9", "CTX-5"]).script(
            "request_headers: continue 2, continue 3, continue 4, continue 99, close 2, close 3, close 4, effective 0, effective 4000000, effective root,\
             effective stream, done, buffer_status 9, get_buffer 9 0 1, set_buffer 9 0 0 a",
        ),
        scenario("return-values-of-headers-callbacks", &["ACT-1", "NUM-2"])
            .script("request_headers: return 2; response_headers: return 2"),
    ]
}
