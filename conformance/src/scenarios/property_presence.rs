//! Which attribute is there in which callback, and what it says.

use crate::connection::Step::{ClientEnds, ClientResets, ClientSends, UpstreamEnds, UpstreamResets, UpstreamSends};
use crate::scenario::{Request, Role, Scenario, Upstream, get, post, raw, respond, scenario};

/// All callbacks of a stream that has everything, from first to last.
const HTTP: &[&str] = &[
    "context_create",
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "log",
    "done",
    "delete",
];

const TCP: &[&str] = &[
    "context_create",
    "new_connection",
    "downstream_data",
    "upstream_data",
    "upstream_close",
    "downstream_close",
    "done",
    "log",
    "delete",
];

const REQUEST_HEADERS: &[&str] =
    &["path", "url_path", "query", "host", "scheme", "method", "referer", "useragent", "id", "headers x-a", "headers x-none"];
const REQUEST: &[&str] = &["time", "protocol", "size", "total_size", "duration", "headers_bytes", "none"];
const RESPONSE_HEADERS: &[&str] = &["headers x-b", "headers x-none", "trailers x-u", "trailers x-none"];
const RESPONSE: &[&str] =
    &["code", "code_details", "flags", "grpc_status", "size", "total_size", "headers_bytes", "backend_latency", "none"];
const CONNECTION: &[&str] = &["id", "mtls", "requested_server_name", "termination_details", "transport_failure_reason"];
const CERTIFICATES: &[&str] = &[
    "tls_version",
    "subject_local_certificate",
    "subject_peer_certificate",
    "dns_san_local_certificate",
    "dns_san_peer_certificate",
    "uri_san_local_certificate",
    "uri_san_peer_certificate",
    "sha256_peer_certificate_digest",
    "peer_certificate",
];
const UPSTREAM: &[&str] = &[
    "address",
    "port",
    "local_address",
    "cx_pool_ready_duration",
    "transport_failure_reason",
    "locality",
    "request_attempt_count",
    "num_endpoints",
    "tls_version",
    "none",
];
const XDS: &[&str] = &[
    "cluster_name",
    "cluster_metadata",
    "route_name",
    "route_metadata",
    "virtual_host_name",
    "virtual_host_metadata",
    "upstream_host_metadata",
    "upstream_host_locality_metadata",
    "listener_direction",
    "listener_metadata",
    "filter_chain_name",
    "none",
];
const NODE: &[&str] =
    &["id", "cluster", "metadata tier", "locality region", "locality zone", "locality sub_zone", "user_agent_name", "none"];
const OTHERS: &[&str] = &[
    "source address",
    "source port",
    "destination address",
    "destination port",
    "source none",
    "connection_id",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
];
const OLD: &[&str] = &[
    "node id",
    "cluster_name",
    "cluster_metadata",
    "route_name",
    "route_metadata",
    "listener_direction",
    "listener_metadata",
    "upstream_host_metadata",
];
const GROUPS: &[&str] = &[
    "request",
    "response",
    "source",
    "destination",
    "connection",
    "upstream",
    "xds",
    "metadata",
    "filter_state",
    "upstream_filter_state",
    "\"\"",
];

/// A script that reads these in each of the callbacks.
fn read(callbacks: &[&str], group: &str, names: &[&str]) -> String {
    let operations: Vec<String> = names.iter().map(|name| format!("property {group} {name}").replace("  ", " ")).collect();
    let operations = operations.join(", ");
    callbacks.iter().map(|callback| format!("{callback}: {operations}")).collect::<Vec<_>>().join("; ")
}

/// A request that has all that a request can have.
fn whole() -> Request {
    post("/cart?a=1&b=2")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("referer", "http://shop.example/")
        .header("user-agent", "test/1.0")
        .chunked(&["milk", "tea"])
        .trailer("x-t", "3")
}

/// An exchange that has everything.
fn exchange(name: &'static str, rows: &'static [&'static str]) -> Scenario {
    let response = respond(200).header("x-b", "4").header("x-b", "5").chunked(&["tea", "bread"]).trailer("x-u", "6");
    scenario(name, rows).request(whole()).response(response)
}

fn without_response(name: &'static str, rows: &'static [&'static str], upstream: Upstream) -> Scenario {
    let script = [
        read(&["response_headers", "log"], "response", RESPONSE),
        read(&["log", "done"], "upstream", UPSTREAM),
        read(&["response_headers", "log"], "xds", XDS),
        read(&["log", "done"], "request", &["duration", "size"]),
    ];
    scenario(name, rows).config(script.join("; ")).upstream(upstream)
}

/// How a stream that ends in some way looks in the end.
fn flags(name: &'static str) -> Scenario {
    scenario(name, &["PRO-37"]).config(read(
        &["log", "delete"],
        "response",
        &["flags", "code", "code_details", "grpc_status", "size", "backend_latency"],
    ))
}

fn endings() -> Vec<Scenario> {
    let body = ["a long ", "body of ", "pieces"];
    vec![
        flags("flags-where-the-upstream-breaks-off")
            .upstream(Upstream::Respond(respond(200).header("content-length", "100").body(&["milk"]).unframed().then_close())),
        flags("flags-where-the-upstream-breaks-off-over-http2")
            .http2_upstream()
            .upstream(Upstream::Respond(respond(200).header("content-length", "100").body(&["milk"]).unframed().then_close())),
        flags("flags-where-no-route-matches")
            .request(get("/").script("request_headers: remove request_headers x-forwarded-proto")),
        flags("flags-where-a-header-cannot-be-sent").request(get("/").script("request_headers: add request_headers x%20y 1")),
        flags("flags-where-a-status-cannot-be-sent")
            .request(get("/").script("response_headers: remove response_headers :status")),
        flags("flags-of-a-request-that-is-too-large")
            .buffer_limit(4)
            .request(post("/").script("request_body: return 1").body(&body)),
        flags("flags-of-a-response-that-is-too-large")
            .buffer_limit(4)
            .request(get("/").script("response_body: return 1"))
            .response(respond(200).body(&body)),
        flags("flags-of-a-close").request(get("/").script("request_headers: close 0")),
        flags("flags-of-a-close-of-the-response").request(get("/").script("response_headers: close 1")),
        flags("flags-of-no-http").request(raw("nonsense\r\n\r\n")),
        scenario("flags-of-tcp-resets", &["PRO-32", "PRO-37"])
            .config(read(&["downstream_close", "log"], "response", &["flags", "size"]))
            .connection([ClientSends("hel"), ClientSends("lo"), UpstreamSends("hi"), ClientResets])
            .connection([ClientSends("hello"), UpstreamResets]),
    ]
}

pub(super) fn all() -> Vec<Scenario> {
    [http(), endings(), tcp()].concat()
}

fn http() -> Vec<Scenario> {
    vec![
        exchange("request-headers-as-attributes", &["PRO-20", "PRO-9"]).config(read(HTTP, "request", REQUEST_HEADERS)),
        exchange("request-attributes-in-each-callback", &["PRO-21"]).config(read(HTTP, "request", REQUEST)),
        exchange("response-headers-as-attributes", &["PRO-22"]).config(read(HTTP, "response", RESPONSE_HEADERS)),
        // What the router measures has one digit or two: without it the sizes are the same in each run.
        exchange("response-attributes-in-each-callback", &["PRO-23"]).config(format!(
            "response_headers: remove response_headers x-envoy-upstream-service-time; {}",
            read(HTTP, "response", RESPONSE)
        )),
        exchange("connection-attributes-in-each-callback", &["PRO-24"]).config(read(HTTP, "connection", CONNECTION)),
        exchange("certificates-on-plaintext", &["PRO-24"]).config(read(&["request_headers", "log"], "connection", CERTIFICATES)),
        exchange("upstream-attributes-in-each-callback", &["PRO-25"]).config(read(HTTP, "upstream", UPSTREAM)),
        exchange("xds-attributes-in-each-callback", &["PRO-26"]).config(read(HTTP, "xds", XDS)),
        exchange("the-node-in-each-callback", &["PRO-27"]).config(read(HTTP, "xds node", NODE)),
        exchange("addresses-and-the-plugin-in-each-callback", &["PRO-24", "PRO-28"]).config(read(HTTP, "", OTHERS)),
        exchange("old-names-of-attributes", &["PRO-29"]).config(read(HTTP, "", OLD)),
        exchange("groups-in-each-callback", &["PRO-4"]).config(read(HTTP, "", GROUPS)),
        scenario("attributes-in-a-tick", &["PRO-27", "PRO-28"]).config(
            [
                "no-header; request_headers: tick_period 100, return 1".to_owned(),
                read(&["tick#1"], "xds node", NODE),
                read(&["tick#1"], "xds", XDS),
                read(&["tick#1"], "", OTHERS),
                "tick#1: tick_period 0, effective stream, continue 0".to_owned(),
            ]
            .join("; "),
        ),
        scenario("attributes-in-a-root", &["PRO-27", "PRO-28", "PRO-30"]).config(
            [
                read(&["configure"], "xds node", NODE),
                read(&["configure"], "xds", XDS),
                read(&["configure"], "", OTHERS),
                read(&["configure"], "", GROUPS),
                read(&["configure"], "", OLD),
                read(&["configure"], "request", &["path", "time"]),
            ]
            .join("; "),
        ),
        scenario("attributes-of-a-stream-from-a-tick", &["PRO-30", "CTX-8"]).config(format!(
            "no-header; request_headers: tick_period 100, return 1; tick#1: tick_period 0, effective stream, {}, continue 0",
            [
                read(&[""], "request", REQUEST_HEADERS),
                read(&[""], "request", REQUEST),
                read(&[""], "response", &["code", "flags"]),
                read(&[""], "", OTHERS)
            ]
            .map(|stanza| stanza.trim_start_matches(": ").to_owned())
            .join(", ")
        )),
        exchange("attributes-in-an-access-logger", &["PRO-31", "ACL-2"]).own_vm().script("no-header").with_plugin(
            Role::AccessLogger,
            "logger",
            "",
            |plugin| crate::scenario::Plugin {
                config: Some(
                    [
                        read(&["log"], "request", REQUEST_HEADERS),
                        read(&["log"], "request", REQUEST),
                        read(&["log"], "response", RESPONSE_HEADERS),
                        read(&["log"], "response", &["code", "code_details", "flags", "grpc_status", "size", "backend_latency"]),
                        read(&["log"], "connection", CONNECTION),
                        read(&["log"], "upstream", UPSTREAM),
                        read(&["log"], "xds", XDS),
                        read(&["log"], "xds node", NODE),
                        read(&["log"], "", OTHERS),
                        read(&["log"], "", GROUPS),
                    ]
                    .join("; ")
                    .into(),
                ),
                ..plugin
            },
        ),
        without_response("attributes-where-nobody-listens", &["PRO-25", "PRO-23"], Upstream::Refuse),
        without_response("attributes-where-there-is-no-cluster", &["PRO-26", "PRO-23"], Upstream::NoCluster),
        without_response("attributes-where-the-upstream-closes", &["PRO-25", "PRO-23"], Upstream::CloseBeforeResponse),
        without_response("attributes-where-the-upstream-is-silent", &["PRO-25", "PRO-23"], Upstream::Silent).route_timeout(200),
        without_response("attributes-of-a-local-reply", &["PRO-23", "PRO-25", "PRO-26"], Upstream::Respond(respond(200)))
            .request(get("/").script("request_headers: reply 418 body=tea details=mine")),
        without_response("attributes-of-a-request-whose-client-leaves", &["PRO-23"], Upstream::Silent)
            .request(post("/").chunked(&["milk"]).disconnect_after(2)),
        scenario("grpc-status-of-each-code", &["PRO-36", "LOC-32"])
            .config("response_headers: property response grpc_status; log: property response grpc_status")
            .request(get("/").script("request_headers: reply 200"))
            .request(get("/").script("request_headers: reply 400"))
            .request(get("/").script("request_headers: reply 401"))
            .request(get("/").script("request_headers: reply 403"))
            .request(get("/").script("request_headers: reply 404"))
            .request(get("/").script("request_headers: reply 429"))
            .request(get("/").script("request_headers: reply 504"))
            .request(get("/").script("request_headers: reply 200 header=grpc-status=5"))
            .request(get("/").script("request_headers: reply 200 header=grpc-status=99"))
            .request(get("/").script("request_headers: reply 200 header=grpc-status=x")),
        scenario("grpc-status-in-trailers", &["PRO-36"])
            .config(read(&["response_headers", "response_body", "response_trailers", "log"], "response", &["grpc_status"]))
            .response(respond(200).header("grpc-status", "3").chunked(&["tea"]).trailer("grpc-status", "9")),
        exchange("attributes-over-http2", &["PRO-20", "PRO-21", "PRO-22", "PRO-23"]).http2().http2_upstream().config(
            [
                read(&["request_headers", "request_body", "log"], "request", REQUEST_HEADERS),
                read(&["request_headers", "request_body", "log"], "request", &["protocol", "size"]),
                read(&["response_headers", "response_body", "log"], "response", &["code", "size", "flags", "grpc_status"]),
            ]
            .join("; "),
        ),
        scenario("attributes-of-a-request-with-a-length", &["PRO-21"])
            .config(read(&["request_headers", "request_body", "log", "done"], "request", REQUEST))
            .request(post("/").body(&["mi", "lk"])),
    ]
}

fn tcp() -> Vec<Scenario> {
    vec![
        scenario("tcp-connection-attributes", &["PRO-32", "TCP-12"])
            .config([read(TCP, "connection", CONNECTION), read(TCP, "", OTHERS)].join("; "))
            .connection([ClientSends("hello"), UpstreamSends("hi"), UpstreamEnds, ClientEnds]),
        scenario("tcp-upstream-attributes", &["PRO-32", "TCP-12"]).config(read(TCP, "upstream", UPSTREAM)).connection([
            ClientSends("hello"),
            UpstreamSends("hi"),
            UpstreamEnds,
            ClientEnds,
        ]),
        scenario("tcp-xds-attributes", &["PRO-32"])
            .config([read(TCP, "xds", XDS), read(&["new_connection"], "xds node", NODE)].join("; "))
            .connection([ClientSends("hello"), UpstreamSends("hi"), UpstreamEnds, ClientEnds]),
        scenario("tcp-request-and-response-attributes", &["PRO-32"])
            .config(
                [
                    read(TCP, "request", &["path", "time", "protocol", "size", "total_size", "duration", "headers x-a"]),
                    read(TCP, "response", RESPONSE),
                    read(&["new_connection"], "", GROUPS),
                ]
                .join("; "),
            )
            .connection([ClientSends("hello"), UpstreamSends("hi"), UpstreamEnds, ClientEnds]),
        scenario("tcp-attributes-where-nobody-listens", &["PRO-32"])
            .upstream(Upstream::Refuse)
            .config(
                [
                    read(&["downstream_close", "log"], "upstream", UPSTREAM),
                    read(&["downstream_close", "log"], "connection", CONNECTION),
                    read(&["downstream_close", "log"], "response", &["flags", "code_details"]),
                ]
                .join("; "),
            )
            .connection([ClientSends("hello")]),
    ]
}
