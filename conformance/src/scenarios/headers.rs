//! Header maps: where they can be used, single entries, joining.

use crate::scenario::{Scenario, get, post, respond, scenario};

/// Tries a get, the pairs, an edit and the size of each of the four maps of a stream; the one value of random length goes first.
macro_rules! each_map {
    () => {
        "get 0 x-a, get 0 x-absent, pairs 0, add 0 x-new 1, size 0,\
         get 1 x-t, pairs 1, get 2 x-b, get 2 x-absent, pairs 2, remove 2 x-envoy-upstream-service-time, size 2, remove 2 x-absent,\
         get 3 x-v, pairs 3, replace 2 x-c 1"
    };
}

pub(super) fn all() -> Vec<Scenario> {
    let mut scenarios = availability();
    scenarios.extend(requests());
    scenarios.extend(responses());
    scenarios
}

/// Where each map can be used. A trailer map is edited only before it could come into being by that.
fn availability() -> Vec<Scenario> {
    let full = |scenario: Scenario| {
        scenario
            .request(post("/").header("x-a", "1").chunked(&["abc"]).trailer("x-t", "1"))
            .response(respond(200).header("x-b", "2").chunked(&["xyz"]).trailer("x-v", "3"))
    };
    vec![
        full(scenario("maps-at-create-and-in-the-root", &["HDR-1", "HDR-3"])).script(concat!(
            "configure: ",
            each_map!(),
            ", size 1, set_pairs 0 a=b; context_create: ",
            each_map!(),
            ", size 3, set_pairs 2 a=b"
        )),
        full(scenario("maps-in-request-headers", &["HDR-3", "HDR-7", "HDR-30"])).script(concat!("request_headers: ", each_map!(), ", size 1, add 3 x-v 1")),
        full(scenario("maps-in-request-body", &["HDR-3"])).script(concat!("request_body: ", each_map!(), ", size 1, add 3 x-v 1")),
        full(scenario("maps-in-request-trailers", &["HDR-3", "HDR-31"])).script(concat!("request_trailers: ", each_map!(), ", size 1, add 3 x-v 1")),
        full(scenario("maps-in-response-headers", &["HDR-3", "HDR-32"])).script(concat!("response_headers: ", each_map!(), ", size 1, add 3 x-v 1")),
        full(scenario("maps-in-response-body", &["HDR-3"])).script(concat!("response_body: ", each_map!(), ", size 1, add 3 x-v 1")),
        full(scenario("maps-in-response-trailers", &["HDR-3", "HDR-33"])).script(concat!("response_trailers: ", each_map!(), ", size 3, size 1")),
        full(scenario("maps-in-log", &["HDR-1", "HDR-3", "SEQ-31", "HDR-30", "HDR-31", "HDR-32", "HDR-33"])).script(concat!("log: ", each_map!(), ", size 3, size 1, set_pairs 2 a=b")),
        full(scenario("maps-in-done-and-delete", &["HDR-1"])).script(concat!("done: ", each_map!(), "; delete: ", each_map!())),
        scenario("maps-of-calls-and-unknown-maps", &["HDR-1", "HDR-3", "NUM-7", "HDR-34", "HDR-35"]).script(
            "request_headers: get 4 a, pairs 4, size 4, add 4 a b, get 5 a, pairs 5, remove 5 a, get 6 a, pairs 6, size 6, add 6 a b,\
             get 7 a, pairs 7, replace 7 a b, set_pairs 7 a=b, get 8 a, pairs 8, size 8, add 8 a b, get 99 a;\
             log: get 4 a, pairs 4, get 5 a, get 6 a, pairs 6, size 6, add 6 a b, get 7 a, pairs 8, get 8 a",
        ),
    ]
}

fn requests() -> Vec<Scenario> {
    vec![
        scenario("header-names-ignore-case", &["HDR-6"])
            .script(
                "request_headers: get request_headers X-Mixed, get request_headers host, get request_headers HOST, add request_headers X-New 1,\
                 replace request_headers Host other.example, get request_headers :authority, remove request_headers X-MIXED, pairs request_headers",
            )
            .request(get("/").header("X-Mixed", "a")),
        scenario("header-values-absent-empty-several", &["HDR-7", "HDR-8", "HDR-9", "HDR-11"])
            .script(
                "request_headers: get request_headers x-none, get request_headers \"\", get request_headers x-empty, get request_headers x-two,\
                 get request_headers cookie, add request_headers x-two \"\", pairs request_headers, size request_headers",
            )
            .request(
                get("/").header("x-two", "1").header("x-empty", "").header("x-two", "2").header("cookie", "a=1").header("cookie", "b=2"),
            ),
        scenario("inline-request-headers-are-joined", &["HDR-10", "HDR-12"])
            .script(
                "request_headers: get request_headers accept, add request_headers accept c, add request_headers via 1, add request_headers via 2,\
                 add request_headers x-forwarded-for 1.1.1.1, add request_headers x-forwarded-for 2.2.2.2, add request_headers user-agent x,\
                 add request_headers te trailers, add request_headers te x, add request_headers cookie c=3, pairs request_headers",
            )
            .request(get("/").header("accept", "a").header("user-agent", "u").header("accept", "b").header("cookie", "a=1")),
        scenario("adding-to-a-pseudo-header", &["HDR-12"])
            .script("request_headers: add request_headers :path /alt, add request_headers :authority x, get request_headers :path, pairs request_headers"),
        scenario("replace-appends-at-the-end", &["HDR-13", "HDR-27"])
            .script(
                "request_headers: replace request_headers x-a new, replace request_headers x-absent 1, replace request_headers :path /other,\
                 replace request_headers accept z, replace request_headers x-empty \"\", pairs request_headers",
            )
            .request(get("/").header("x-a", "1").header("accept", "y").header("x-b", "2").header("x-a", "3")),
        scenario("replace-method-and-scheme", &["HDR-13", "SEQ-26", "HDR-27"])
            .script("request_headers: replace request_headers :method PUT, replace request_headers :scheme https, pairs request_headers"),
        scenario("remove-takes-all", &["HDR-14"])
            .script("request_headers: remove request_headers x-a, remove request_headers x-absent, remove request_headers accept, pairs request_headers")
            .request(get("/").header("x-a", "1").header("accept", "y").header("x-b", "2").header("x-a", "3")),
        scenario("remove-path", &["HDR-17"]).script("request_headers: remove request_headers :path; response_headers: pairs response_headers"),
        scenario("remove-method", &["HDR-17"])
            .script("request_headers: remove request_headers :method; response_headers: pairs response_headers; log: property response code_details"),
        scenario("remove-authority", &["HDR-17"])
            .script("request_headers: remove request_headers :authority; response_headers: pairs response_headers; log: property response code_details"),
        scenario("invalid-request-header-name", &["HDR-18"]).script(
            "request_headers: add request_headers x%20a 1, get request_headers x%20a;\
             response_headers: pairs response_headers; log: property response code_details",
        ),
        scenario("invalid-request-header-value", &["HDR-18"]).script(
            "request_headers: add request_headers x-a 1%0D%0Ax-b:2, get request_headers x-a;\
             response_headers: pairs response_headers; log: property response code_details",
        ),
        scenario("odd-request-header-names", &["HDR-21"]).script(
            "request_headers: add request_headers \"\" v, add request_headers :foo bar, get request_headers :foo, get request_headers \"\",\
             pairs request_headers",
        ),
        scenario("high-bytes-in-values", &["HDR-18"])
            .script("request_headers: get request_headers x-high, add request_headers x-utf8 %C3%A9, pairs request_headers")
            .request(get("/").header("x-high", b"\xff\xe9")),
        scenario("properties-follow-edits", &["HDR-24"]).script(
            "request_headers: property request path, replace request_headers :path /new?x=1, property request path, property request url_path,\
             property request query, add request_headers x-a 1, add request_headers x-a 2, property request headers x-a, property request host,\
             property request method; response_headers: property request path",
        ),
        scenario("content-length-is-not-adjusted", &["HDR-25"])
            .script("request_headers: replace request_headers content-length 2; request_body: get_buffer request_body 0 100")
            .request(post("/").body(&["ab"]))
            .request(post("/").body(&["ab"]).script("request_headers: remove request_headers content-length; request_body#1: set_buffer request_body 2 0 cdef")),
    ]
}

fn responses() -> Vec<Scenario> {
    vec![
        scenario("inline-response-headers-are-joined", &["HDR-10", "HDR-11", "HDR-12"])
            .script(
                "response_headers: add response_headers vary c, add response_headers set-cookie c=3, add response_headers etag 2, get response_headers vary,\
                 get response_headers set-cookie, pairs response_headers",
            )
            .response(
                respond(200)
                    .header("vary", "a")
                    .header("set-cookie", "a=1")
                    .header("etag", "1")
                    .header("vary", "b")
                    .header("set-cookie", "b=2"),
            ),
        scenario("response-edits", &["HDR-13", "HDR-14"])
            .script(
                "response_headers: replace response_headers x-a new, remove response_headers x-b, replace response_headers :status 201,\
                 add response_headers x-c 3, replace response_headers server mine, pairs response_headers",
            )
            .response(respond(200).header("x-a", "1").header("x-b", "2").header("x-d", "4").body(&["hello"])),
        scenario("two-statuses", &["HDR-12", "HDR-19"])
            .script("response_headers: add response_headers :status 404, get response_headers :status; log: property response code_details"),
        scenario("no-status", &["HDR-19"])
            .script("response_headers: remove response_headers :status; log: property response code_details, pairs response_headers"),
        scenario("status-is-no-number", &["HDR-19"]).script("response_headers: replace response_headers :status abc; log: property response code_details"),
        scenario("invalid-response-header-value", &["HDR-20"])
            .script("response_headers: add response_headers x-a 1%0D%0Ax-split:%20yes, get response_headers x-a").found(),
        scenario("odd-response-header-names", &["HDR-21"])
            .script("response_headers: add response_headers :foo bar, get response_headers :foo, pairs response_headers"),
        scenario("response-content-length-too-long", &["HDR-25"])
            .script("response_headers: replace response_headers content-length 9")
            .response(respond(200).body(&["hello"]))
            .patience(400),
    ]
}
