//! Small filters as people write them, several hostcalls working together.

use crate::scenario::{Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("stamp-requests-and-responses", &["HDR-12", "HDR-13"])
            .script(
                "request_headers: replace request_headers x-tenant shop, add request_headers via 1.1%20filter; response_headers: add response_headers x-served-by filter,\
                 remove response_headers x-powered-by",
            )
            .request(get("/").header("x-tenant", "spoofed").header("via", "1.0 proxy"))
            .response(respond(200).header("x-powered-by", "php").body(&["hello"])),
        scenario("rewrite-the-response-body", &["HDR-25", "BUF-10", "BUF-16"])
            .script(
                "response_headers: remove response_headers content-length;\
                 response_body: return 1; response_body#3: set_buffer response_body 0 4294967295 rewritten%20wholly, return 0",
            )
            .response(respond(200).body(&["hello ", "world"])),
        scenario("deny-by-header", &["LOC-2", "LOC-9"])
            .request(get("/public"))
            .request(get("/admin").script(
                "request_headers: reply 401 details=no%20token body=who%20are%20you? header=www-authenticate=Bearer;\
                 log: property response code_details",
            )),
        scenario("remember-for-the-log", &["PRO-10", "PRO-11"])
            .script(
                "request_headers: set_property tenant shop, property tenant, property plugin_name, property plugin_root_id;\
                 log: property tenant, property response code; delete: property tenant",
            )
            .request(post("/").body(&["abc"])),
    ]
}
