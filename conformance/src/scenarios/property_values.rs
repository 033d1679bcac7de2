//! How values of properties are written, how paths go into them, and what can be set.

use crate::connection::Step::{ClientSends, UpstreamSends};
use crate::scenario::{Role, Scenario, get, post, respond, scenario};

/// The metadata in Envoy's configuration of every scenario.
const METADATA: &str = "property xds NAME filter_metadata conformance text, property xds NAME filter_metadata conformance number, \
    property xds NAME filter_metadata conformance yes, property xds NAME filter_metadata conformance nothing, \
    property xds NAME filter_metadata conformance list, property xds NAME filter_metadata conformance list 0, \
    property xds NAME filter_metadata conformance list 1, property xds NAME filter_metadata conformance list 9, \
    property xds NAME filter_metadata conformance list -1, property xds NAME filter_metadata conformance list x, \
    property xds NAME filter_metadata conformance inner, property xds NAME filter_metadata conformance inner deep, \
    property xds NAME filter_metadata conformance empty, property xds NAME filter_metadata conformance empty_list, \
    property xds NAME filter_metadata conformance text more, property xds NAME filter_metadata conformance none, \
    property xds NAME filter_metadata none, property xds NAME filter_metadata conformance, property xds NAME filter_metadata plain, property xds NAME filter_metadata, property xds NAME typed_filter_metadata, \
    property xds NAME none, property xds NAME";

fn metadata(name: &'static str, attribute: &str) -> Scenario {
    scenario(name, &["PRO-5", "PRO-8", "PRO-2", "PRO-35", "SER-7"])
        .config(format!("log: {}", METADATA.replace("NAME", attribute)))
}

pub(super) fn all() -> Vec<Scenario> {
    vec![
        metadata("values-in-listener-metadata", "listener_metadata"),
        metadata("values-in-route-metadata", "route_metadata"),
        metadata("values-in-virtual-host-metadata", "virtual_host_metadata"),
        metadata("values-in-cluster-metadata", "cluster_metadata"),
        metadata("values-in-upstream-host-metadata", "upstream_host_metadata"),
        scenario("values-in-the-node", &["PRO-5", "PRO-8", "PRO-2", "PRO-34", "PRO-35"]).config(
            "configure: property xds node id, property xds node metadata tier, property xds node metadata weight, \
             property xds node metadata canary, property xds node metadata labels, property xds node metadata labels app, \
             property xds node metadata zones, property xds node metadata zones 1, property xds node metadata, \
             property xds node locality, property xds node locality region, property xds node locality none, \
             property xds node dynamic_parameters, property xds node client_features, property xds node listening_addresses, \
             property xds node user_agent_version, property xds node user_agent_build_version version major_number, property xds node none",
        ),
        scenario("whole-maps-of-headers", &["PRO-8", "PRO-9", "PRO-34", "SER-3"])
            .config(
                "request_headers: remove request_headers x-request-id, property request headers; \
                 response_headers: remove response_headers x-envoy-upstream-service-time, property response headers, property response trailers, \
                 property request headers; response_trailers: property response trailers; log: property response trailers; done: property request headers, property response headers",
            )
            .request(get("/").header("x-a", "1").header("x-a", "2").header("x-b", "3"))
            .response(respond(200).header("x-c", "4").header("x-c", "5").chunked(&["tea"]).trailer("x-u", "6").trailer("x-u", "7")),
        scenario("header-names-in-paths", &["PRO-1", "PRO-9"])
            .config(
                "request_headers: property request headers X-A, property request headers x-a, property Request headers x-a, \
                 property request Headers x-a, property request headers :path, property request headers x-empty, property request headers host, \
                 property request headers :authority, property request headers x-a more, property request headers \"\"; \
                 response_headers: property response headers X-C, property response headers :status",
            )
            .request(get("/").header("x-a", "1").header("x-empty", ""))
            .response(respond(200).header("x-c", "4")),
        scenario("paths-into-plain-values", &["PRO-2"]).config(
            "request_headers: property request path more, property request size 0, property plugin_name more, property request none, \
             property none, property none more, property xds listener_direction 0, property connection mtls x, property source address 0",
        ),
        scenario("paths-with-empty-parts", &["PRO-33", "PRO-4"]).config(
            "request_headers: property request path \"\", property request path \"\" \"\", property \"\" request path, \
             property request \"\" path, property plugin_name \"\", property request \"\", property \"\" \"\", property \"\"",
        ),
        scenario("paths-with-dots", &["PRO-1"]).config("request_headers: property request.path, property xds.node.id, property plugin_name.x"),
        scenario("attributes-follow-what-is-replaced", &["HDR-24", "PRO-21", "PRO-23"])
            .config(
                "request_headers: replace request_headers :method PUT, property request method, replace request_headers content-length 9, \
                 property request size, replace request_headers content-length x, property request size, property request total_size, \
                 remove request_headers content-length, property request size, remove request_headers :path, property request path, \
                 property request url_path, property request query, replace request_headers :path /b, remove request_headers x-forwarded-proto, \
                 add request_headers x-forwarded-proto http; \
                 response_headers: replace response_headers :status 404, property response code, property response grpc_status; log: property response code, property response grpc_status",
            )
            .request(post("/").body(&["milk"])),
        scenario("a-path-with-odd-queries", &["PRO-20"])
            .config("request_headers: property request path, property request url_path, property request query")
            .request(get("/a?"))
            .request(get("/a?b?c"))
            .request(get("/a%20b?x=%26")),
        scenario("set-in-each-callback", &["PRO-10", "PRO-11"])
            .config(
                "no-header; context_create: set_property a 0, property a; request_headers: property a, set_property a 1; request_body: property a, set_property a 2; \
                 request_trailers: property a, set_property a 3; response_headers: property a, set_property a 4; response_body: property a, set_property a 5; \
                 response_trailers: property a, set_property a 6; log: property a, set_property a 7; done: property a, set_property a 8; \
                 delete: property a, set_property a 9, property a",
            )
            .request(post("/").chunked(&["milk"]).trailer("x-t", "3"))
            .response(respond(200).chunked(&["tea"]).trailer("x-u", "6")),
        scenario("names-under-which-it-can-be-read", &["PRO-12", "PRO-13", "PRO-15", "PRO-38"]).config(
            "request_headers: set_property name value, property name, property filter_state wasm.name, property filter_state name, property wasm.name, \
             property wasm name, property name more, property filter_state wasm.name more, set_property a.b 1, property a.b, property filter_state wasm.a.b, \
             set_property a%00b 2, property a b, property filter_state wasm.a%00b, property a, set_property \"\" 3, property \"\", property filter_state wasm., \
             set_property empty \"\", property empty, property filter_state wasm.empty, set_property name%00 4, property name, property name \"\"",
        ),
        scenario("setting-what-is-built-in", &["PRO-14"]).config(
            "request_headers: set_property request mine, property request, property request path, set_property request%00path mine, property request path, \
             set_property plugin_name mine, property plugin_name, property filter_state wasm.plugin_name, set_property connection_id mine, property connection_id, \
             set_property xds mine, property xds, set_property metadata mine, property metadata, set_property filter_state mine, property filter_state, \
             set_property node mine, property node, set_property cluster_name mine, property cluster_name, set_property upstream_filter_state mine, \
             property upstream_filter_state; log: set_property response%00code mine, property response code",
        ),
        scenario("set-for-later-filters-and-loggers", &["PRO-11", "PRO-16"])
            .own_vm()
            .script("no-header; request_headers: set_property a 1; response_headers: property b, set_property b 2; log: property a, property b")
            .with_plugin(Role::Filter, "second", "no-header; request_headers: property a, set_property b 1; response_headers: property a, property b; log: property b", |plugin| {
                crate::scenario::Plugin { vm_id: "another", ..plugin }
            })
            .with(Role::AccessLogger, "logger", "log: property a, property b, set_property a 3, property a, property filter_state wasm.b"),
        scenario("setting-in-a-root", &["PRO-16", "PRO-30"])
            .own_vm()
            .config(
                "no-header; configure: set_property a 1, property a, set_property \"\" 1; request_headers: tick_period 100, return 1; tick#1: tick_period 0, set_property a 1, property a, \
                 effective stream, set_property a 2, property a, continue 0; log: property a",
            ),
        scenario("setting-is-of-one-stream", &["PRO-11"])
            .config("no-header; request_headers: property a, set_property a 1, property a; log: property a")
            .request(get("/"))
            .request(get("/")),
        scenario("tcp-set-in-each-callback", &["PRO-10", "PRO-11"])
            .config(
                "new_connection: set_property a 1, property a; downstream_data: property a, set_property a 2; upstream_data: property a, set_property a 3; \
                 upstream_close: property a, set_property a 4; downstream_close: property a, set_property a 5; done: property a, set_property a 6; log: property a, set_property a 7; \
                 delete: property a, set_property a 8, property a",
            )
            .connection([ClientSends("hello"), UpstreamSends("hi"), crate::connection::Step::UpstreamEnds, crate::connection::Step::ClientEnds]),
        scenario("dynamic-metadata-that-nobody-set", &["PRO-8", "PRO-2", "PRO-38"]).config(
            "request_headers: property metadata, property metadata filter_metadata, property metadata filter_metadata none, \
             property metadata typed_filter_metadata, property metadata none",
        ),
        scenario("a-long-value-is-set", &["PRO-10", "PRO-5"]).config(
            "request_headers: set_property a %00%01%ff%22, property a, set_property b tea%20with%20milk%20and%20with%20more%20than%20thirty%20bytes, property b",
        ),
    ]
}
