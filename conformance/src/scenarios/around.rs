//! What the proxy does around the filters: the peers' mistakes, early ends, and what it adds and takes.

use crate::scenario::{ConfigType, Scenario, Upstream, get, post, raw, request, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let mut scenarios = client();
    scenarios.extend(upstream());
    scenarios.extend(headers());
    scenarios
}

/// Shows the response as filters see it, and why it came to be.
macro_rules! watched {
    ($script:literal) => {
        concat!(
            $script,
            "; response_headers: pairs response_headers; response_body: get_buffer response_body 0 99;\
             log: property response code, property response code_details"
        )
    };
    () => {
        watched!("no-header")
    };
}

fn client() -> Vec<Scenario> {
    vec![
        scenario("malformed-request-line", &["SEQ-17"]).script(watched!()).request(raw("GET\r\n\r\n")),
        scenario("malformed-header", &["SEQ-17"])
            .script(watched!())
            .request(raw("GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n")),
        scenario("malformed-chunk", &["SEQ-17"])
            .script(watched!())
            .request(raw("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"))
            .not_modelled("it has no codec of HTTP/1"),
        scenario("request-without-host", &["SEQ-17"])
            .script(watched!())
            .request(raw("GET / HTTP/1.1\r\n\r\n"))
            .not_modelled("it has no codec of HTTP/1"),
        scenario("client-connects-and-leaves", &["CTX-2"]).request(raw("").disconnect_after(1)).request(get("/")),
        scenario("client-leaves-while-headers-are-held", &["SEQ-18"])
            .script(watched!("request_headers: return 1"))
            .request(post("/").body(&["abc", "def"]).disconnect_after(1)),
        scenario("client-leaves-while-a-body-is-held", &["SEQ-18"])
            .script(watched!("request_body: return 1"))
            .request(post("/").body(&["abc", "def"]).disconnect_after(2)),
        scenario("client-leaves-in-the-middle-of-a-request", &["SEQ-18"])
            .script(watched!())
            .request(post("/").body(&["abc", "def"]).disconnect_after(2)),
        scenario("client-leaves-while-the-response-is-held", &["SEQ-18"])
            .script(watched!("response_headers: return 1"))
            .request(get("/").disconnect_after(1)),
        scenario("client-expects-100-continue", &["SEQ-33"])
            .script(watched!("request_headers: pairs request_headers"))
            .request(post("/").header("expect", "100-continue").body(&["abc"])),
    ]
}

fn upstream() -> Vec<Scenario> {
    vec![
        scenario("upstream-is-no-cluster", &["SEQ-19"]).script(watched!()).upstream(Upstream::NoCluster),
        scenario("upstream-is-no-cluster-with-a-body", &["SEQ-19"])
            .script(watched!())
            .request(post("/").body(&["abc", "def"]))
            .upstream(Upstream::NoCluster),
        scenario("route-timeout", &["SEQ-19"]).script(watched!()).route_timeout(150).upstream(Upstream::Silent),
        scenario("route-timeout-with-a-body", &["SEQ-19"])
            .script(watched!())
            .request(post("/").body(&["abc", "def"]))
            .route_timeout(400)
            .upstream(Upstream::Silent),
        scenario("upstream-refuses-a-body", &["SEQ-19"])
            .script(watched!())
            .request(post("/").body(&["abc", "def"]))
            .upstream(Upstream::Refuse),
        scenario("upstream-cuts-a-chunked-body", &["SEQ-19"])
            .script(watched!())
            .response(respond(200).chunked(&["abc", "def"]).then_close()),
        scenario("upstream-cuts-a-held-body", &["SEQ-19"])
            .script(watched!("response_body: return 1"))
            .response(respond(200).header("content-length", "10").unframed().body(&["abc"]).then_close()),
        scenario("informational-response", &["SEQ-9"])
            .script(watched!())
            .response(respond(200).informational(103).body(&["abc"])),
        scenario("informational-100", &["SEQ-9"]).script(watched!()).response(respond(200).informational(100).body(&["abc"])),
        scenario("response-without-a-length", &["SEQ-8"])
            .script(watched!())
            .response(respond(200).unframed().body(&["abc", "def"]).then_close()),
        scenario("response-trailers", &["SEQ-7"])
            .script(watched!("response_trailers: pairs response_trailers, get response_trailers x-v"))
            .response(respond(200).chunked(&["abc", "def"]).trailer("X-V", "1").trailer("x-v", "2").trailer("grpc-status", "0")),
    ]
}

fn headers() -> Vec<Scenario> {
    vec![
        scenario("hop-by-hop-headers-of-a-request", &["SEQ-22"])
            .script(watched!("request_headers: pairs request_headers"))
            .request(get("/").header("connection", "keep-alive").header("keep-alive", "timeout=5").header("proxy-connection", "x").header("te", "gzip")),
        scenario("length-and-transfer-encoding", &["SEQ-22"])
            .script(watched!("request_headers: pairs request_headers"))
            .request(post("/").header("content-length", "3").chunked(&["abc"]))
            .not_modelled("it has no codec of HTTP/1"),
        scenario("hop-by-hop-headers-of-a-response", &["SEQ-34"])
            .script(watched!())
            .response(respond(200).header("connection", "keep-alive").header("keep-alive", "timeout=5").header("proxy-connection", "x").body(&["abc"])),
        scenario("date-and-server-of-the-upstream", &["SEQ-28"]).script(watched!()).response(respond(200).header("server", "mine").header("x-a", "1")),
        scenario("a-length-for-methods-with-a-body", &["SEQ-26"])
            .request(request("PUT", "/"))
            .request(request("PATCH", "/"))
            .request(request("OPTIONS", "/"))
            .request(request("DELETE", "/")),
        scenario("a-made-up-length", &["HDR-25"])
            .script("request_headers: add request_headers content-length 3")
            .patience(400)
            .not_modelled("it asks the upstream once the request is whole, whatever its length says"),
        scenario("made-up-transfer-encoding", &["SEQ-30"]).script("response_headers: add response_headers transfer-encoding chunked").response(respond(200).body(&["abc"])),
        scenario("removed-response-length", &["SEQ-30"]).script("response_headers: remove response_headers content-length").response(respond(200).body(&["abc"])),
        scenario("removed-length-of-nothing", &["SEQ-30"]).script("response_headers: remove response_headers content-length"),
        scenario("route-chosen-again-after-a-held-edit", &["HDR-23"])
            .script(watched!("request_headers: tick_period 40, return 1; tick#1: tick_period 0, effective stream, remove request_headers :path, continue 0")),
        scenario("route-chosen-again-after-a-body-edit", &["HDR-23", "ACT-5"])
            .headers_stop_iteration()
            .script(watched!("request_headers: return 1; request_body#1: remove request_headers x-forwarded-proto"))
            .request(post("/").body(&["abc"])),
        scenario("control-bytes-in-a-request-value", &["HDR-18"]).script(watched!("request_headers: add request_headers x-a a%01b")),
        scenario("delete-byte-in-a-request-value", &["HDR-18"]).script(watched!("request_headers: add request_headers x-a a%7Fb")),
        scenario("tab-in-a-request-value", &["HDR-18"]).script(watched!("request_headers: add request_headers x-a a%09b")),
        scenario("newline-in-a-request-name", &["HDR-18"]).script(watched!("request_headers: add request_headers x%0Aa 1")),
        scenario("null-in-a-response-value", &["HDR-20"]).script("response_headers: add response_headers x-a a%00b, add response_headers x-c a%01b").found(),
        scenario("odd-response-header-bytes", &["HDR-20"]).script("response_headers: add response_headers x%20a 1, add response_headers x-%C3%A9 2"),
        scenario("invalid-trailer-values", &["HDR-37"])
            .script("request_trailers: add request_trailers x-a 1%0D%0Ax-b:%202; response_trailers: add response_trailers x-c 1%0D%0Ax-d:%202")
            .request(post("/").chunked(&["abc"]).trailer("x-t", "1"))
            .response(respond(200).chunked(&["abc"]).trailer("x-v", "1")),
        scenario("all-statuses-of-a-stream", &["NUM-1"]).script(
            "request_headers: get 0 :path, get 0 x-none, get 2 :status, property, oob, continue 3, buffer_status 4",
        ),
        scenario("configuration-as-a-string", &["LIF-24"]).script("configure: get_buffer plugin_config 0 99"),
        scenario("configuration-as-bytes", &["LIF-24"]).script("configure: get_buffer plugin_config 0 99").config_type(ConfigType::Bytes),
        scenario("configuration-as-a-struct", &["LIF-25"]).script("configure;").config_type(ConfigType::Struct),
        scenario("foreign-buffer-elsewhere", &["BUF-18"]).script("configure: get_buffer 8 0 0; request_headers: get_buffer 8 0 0; log: get_buffer 8 0 0"),
        scenario("effective-context-of-nobody", &["CTX-4", "CTX-5"]).script(
            "request_headers: effective 0, get 0 :path, effective 4000000, get 0 :path, effective root, get 0 :path, effective stream, get 0 :path, effective root;\
             response_headers: get 2 :status, effective 0, get 2 :status",
        ),
    ]
}
