//! The SDK's names of properties on the mock host, natively and as Wasm: each is Envoy's, has its type, and is there in its time.

use attributes::PLUGINS;
use proxy_filter_test::{MockProxy, PropertyValue, TestResult, both_vms};
use serde_json::json;
use std::time::Duration;

/// A value for each of them that the test can say, in Envoy's type, and how it reads.
fn told() -> Vec<(&'static str, &'static str, PropertyValue, String)> {
    let text = |name, path: &'static str| (name, path, PropertyValue::from(path), format!("{path:?}"));
    let int = |name, path| (name, path, PropertyValue::from(-7_i64), "-7".to_owned());
    let uint = |name, path| (name, path, PropertyValue::from(7_u64), "7".to_owned());
    let nanoseconds = |name, path| (name, path, PropertyValue::from(Duration::from_nanos(7)), "7ns".to_owned());
    vec![
        text("REQUEST_PATH", "request.path"),
        text("REQUEST_URL_PATH", "request.url_path"),
        text("REQUEST_QUERY", "request.query"),
        text("REQUEST_HOST", "request.host"),
        text("REQUEST_SCHEME", "request.scheme"),
        text("REQUEST_METHOD", "request.method"),
        text("REQUEST_REFERER", "request.referer"),
        text("REQUEST_USER_AGENT", "request.useragent"),
        text("REQUEST_ID", "request.id"),
        nanoseconds("REQUEST_TIME", "request.time"),
        text("REQUEST_PROTOCOL", "request.protocol"),
        int("REQUEST_SIZE", "request.size"),
        int("REQUEST_TOTAL_SIZE", "request.total_size"),
        int("REQUEST_HEADERS_BYTES", "request.headers_bytes"),
        nanoseconds("REQUEST_DURATION", "request.duration"),
        int("RESPONSE_CODE", "response.code"),
        text("RESPONSE_CODE_DETAILS", "response.code_details"),
        int("RESPONSE_FLAGS", "response.flags"),
        int("RESPONSE_GRPC_STATUS", "response.grpc_status"),
        int("RESPONSE_SIZE", "response.size"),
        int("RESPONSE_TOTAL_SIZE", "response.total_size"),
        int("RESPONSE_HEADERS_BYTES", "response.headers_bytes"),
        nanoseconds("RESPONSE_BACKEND_LATENCY", "response.backend_latency"),
        text("SOURCE_ADDRESS", "source.address"),
        int("SOURCE_PORT", "source.port"),
        text("DESTINATION_ADDRESS", "destination.address"),
        int("DESTINATION_PORT", "destination.port"),
        uint("CONNECTION_ID", "connection.id"),
        ("CONNECTION_MTLS", "connection.mtls", true.into(), "true".to_owned()),
        text("CONNECTION_REQUESTED_SERVER_NAME", "connection.requested_server_name"),
        text("CONNECTION_TLS_VERSION", "connection.tls_version"),
        text("CONNECTION_SUBJECT_LOCAL_CERTIFICATE", "connection.subject_local_certificate"),
        text("CONNECTION_SUBJECT_PEER_CERTIFICATE", "connection.subject_peer_certificate"),
        text("CONNECTION_DNS_SAN_LOCAL_CERTIFICATE", "connection.dns_san_local_certificate"),
        text("CONNECTION_DNS_SAN_PEER_CERTIFICATE", "connection.dns_san_peer_certificate"),
        text("CONNECTION_URI_SAN_LOCAL_CERTIFICATE", "connection.uri_san_local_certificate"),
        text("CONNECTION_URI_SAN_PEER_CERTIFICATE", "connection.uri_san_peer_certificate"),
        text("CONNECTION_SHA256_PEER_CERTIFICATE_DIGEST", "connection.sha256_peer_certificate_digest"),
        text("CONNECTION_PEER_CERTIFICATE", "connection.peer_certificate"),
        text("CONNECTION_TERMINATION_DETAILS", "connection.termination_details"),
        text("CONNECTION_TRANSPORT_FAILURE_REASON", "connection.transport_failure_reason"),
        text("UPSTREAM_ADDRESS", "upstream.address"),
        int("UPSTREAM_PORT", "upstream.port"),
        text("UPSTREAM_LOCAL_ADDRESS", "upstream.local_address"),
        nanoseconds("UPSTREAM_CX_POOL_READY_DURATION", "upstream.cx_pool_ready_duration"),
        text("UPSTREAM_TRANSPORT_FAILURE_REASON", "upstream.transport_failure_reason"),
        text("UPSTREAM_LOCALITY_REGION", "upstream.locality.region"),
        text("UPSTREAM_LOCALITY_ZONE", "upstream.locality.zone"),
        text("UPSTREAM_LOCALITY_SUB_ZONE", "upstream.locality.sub_zone"),
        uint("UPSTREAM_REQUEST_ATTEMPT_COUNT", "upstream.request_attempt_count"),
        uint("UPSTREAM_NUM_ENDPOINTS", "upstream.num_endpoints"),
        text("UPSTREAM_TLS_VERSION", "upstream.tls_version"),
        text("UPSTREAM_SUBJECT_LOCAL_CERTIFICATE", "upstream.subject_local_certificate"),
        text("UPSTREAM_SUBJECT_PEER_CERTIFICATE", "upstream.subject_peer_certificate"),
        text("UPSTREAM_DNS_SAN_LOCAL_CERTIFICATE", "upstream.dns_san_local_certificate"),
        text("UPSTREAM_DNS_SAN_PEER_CERTIFICATE", "upstream.dns_san_peer_certificate"),
        text("UPSTREAM_URI_SAN_LOCAL_CERTIFICATE", "upstream.uri_san_local_certificate"),
        text("UPSTREAM_URI_SAN_PEER_CERTIFICATE", "upstream.uri_san_peer_certificate"),
        text("UPSTREAM_SHA256_PEER_CERTIFICATE_DIGEST", "upstream.sha256_peer_certificate_digest"),
        text("UPSTREAM_PEER_CERTIFICATE", "upstream.peer_certificate"),
        text("XDS_CLUSTER_NAME", "xds.cluster_name"),
        text("XDS_ROUTE_NAME", "xds.route_name"),
        text("XDS_VIRTUAL_HOST_NAME", "xds.virtual_host_name"),
        int("XDS_LISTENER_DIRECTION", "xds.listener_direction"),
        text("XDS_FILTER_CHAIN_NAME", "xds.filter_chain_name"),
        text("XDS_NODE_ID", "xds.node.id"),
        text("XDS_NODE_CLUSTER", "xds.node.cluster"),
        text("XDS_NODE_LOCALITY_REGION", "xds.node.locality.region"),
        text("XDS_NODE_LOCALITY_ZONE", "xds.node.locality.zone"),
        text("XDS_NODE_LOCALITY_SUB_ZONE", "xds.node.locality.sub_zone"),
        text("XDS_NODE_USER_AGENT_NAME", "xds.node.user_agent_name"),
    ]
}

/// What was logged in the callback of this title.
fn of(proxy: &MockProxy, callback: &str) -> Vec<String> {
    let lines = proxy.log().into_iter().map(|line| line.message);
    let inside = lines.skip_while(|line| *line != format!("in {callback}")).skip(1);
    inside.take_while(|line| !line.starts_with("in ")).collect()
}

fn names(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(' ').next()).collect()
}

fn post() -> http::Request<&'static str> {
    http::Request::post("http://shop.example/cart?id=7").header("user-agent", "test/1.0").body("milk").unwrap()
}

both_vms! {
    /// PRO-20 to PRO-28: a name whose path or type is wrong reads something else, or nothing.
    fn every_name_reads_envoys_attribute_in_its_type(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "attributes").name("a").vm_id("v"))?;
        for (_, path, value, _) in told() {
            proxy.set_property(path, value);
        }
        proxy.set_property("xds.node.metadata", json!({ "key": "value" }));
        proxy.set_property("metadata.filter_metadata.acme.key", "value");
        proxy.set_upstream(|_| http::Response::builder().header("x-a", "1").body("tea").unwrap());
        proxy.send(post());
        let log = of(&proxy, "log");
        for (name, _, _, reads) in told() {
            assert!(log.contains(&format!("{name} {reads}")), "{name} does not read {reads}:\n{}", log.join("\n"));
        }
        for line in [
            "PLUGIN_NAME \"a\"",
            "PLUGIN_ROOT_ID \"attributes\"",
            "PLUGIN_VM_ID \"v\"",
            "XDS_NODE_METADATA [([107, 101, 121], [118, 97, 108, 117, 101])]",
        ] {
            assert!(log.contains(&line.to_owned()), "{line}");
        }
        let pairs = log.iter().find(|line| line.starts_with("RESPONSE_HEADERS ")).unwrap();
        assert!(pairs.contains(r#"("x-a", "1")"#) && pairs.contains(r#"(":status", "200")"#), "{pairs}");
        // The rest are messages and maps: they are there.
        let names = names(&log);
        assert_eq!(names.iter().filter(|name| name.ends_with("METADATA")).count(), 7, "{names:?}");
        assert!(names.contains(&"REQUEST_HEADERS") && names.contains(&"METADATA"));
        assert!(!log.iter().any(|line| line.contains("failed")), "{}", log.join("\n"));
        Ok(())
    }

    fn each_is_there_in_its_time(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "attributes"))?;
        proxy.send(post());
        // PRO-27, PRO-28.
        let root = of(&proxy, "configure");
        assert_eq!(names(&root)[..2], ["XDS_NODE_ID", "XDS_NODE_CLUSTER"]);
        assert!(names(&root).contains(&"PLUGIN_ROOT_ID"));
        // PRO-20, PRO-21.
        let request = of(&proxy, "request headers");
        assert_eq!(request[..3], ["REQUEST_PATH \"/cart?id=7\"", "REQUEST_URL_PATH \"/cart\"", "REQUEST_QUERY \"id=7\""]);
        assert!(!names(&request).contains(&"REQUEST_REFERER"), "there is none");
        let body = of(&proxy, "request body");
        assert_eq!(body[0], "REQUEST_HEADERS []", "the headers went on: an empty map, and no more");
        // PRO-25.
        assert_eq!(body[1..3], ["UPSTREAM_ADDRESS \"203.0.113.1:8080\"", "UPSTREAM_PORT 8080"]);
        // PRO-23, PRO-11.
        let response = of(&proxy, "response headers");
        assert!(response.contains(&"RESPONSE_CODE 200".to_owned()) && response.contains(&"TENANT \"shop\"".to_owned()), "{response:?}");
        Ok(())
    }

    /// PRO-31.
    fn an_access_logger_sees_what_the_log_sees(vm) -> TestResult {
        let logger = vm.plugin(&PLUGINS, "attributes").name("logger").config("l");
        let proxy = MockProxy::builder().access_logger(logger).plugin(vm.plugin(&PLUGINS, "attributes")).start()?;
        proxy.send(post());
        let log = of(&proxy, "access log");
        for line in ["REQUEST_METHOD \"POST\"", "RESPONSE_CODE 200", "REQUEST_DURATION 0ns", "TENANT \"shop\""] {
            assert!(log.contains(&line.to_owned()), "{line}:\n{}", log.join("\n"));
        }
        Ok(())
    }

    fn pro_13_pro_14_pro_15_what_cannot_be_read_back_is_not_set(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "attributes").config("set"))?;
        proxy.send(post());
        let said: Vec<String> = of(&proxy, "request headers").into_iter().filter(|line| line.starts_with('"')).collect();
        let own = |name| format!("{name:?}: property {name} is the proxy's own, which would be read in the place of what is set: choose another name");
        assert_eq!(said, [
            "\"\": a property without a name cannot be read back".to_owned(),
            "\"a\\0b\": a property whose name holds a NUL byte is never found again: a name has one part, which may hold dots".to_owned(),
            own("request"),
            own("plugin_name"),
            own("xds"),
            "\"a.b\" reads Some(4)".to_owned(),
            "\"node\" reads Some(4)".to_owned(),
        ]);
        assert_eq!(proxy.trace().matches("proxy_set_property").count(), 2, "the others did not reach the host");
        Ok(())
    }

    fn pro_5_pro_8_values_are_read_by_path_and_wrong_shapes_are_told(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "attributes").config("raw"))?;
        let values = json!({ "text": "seven bytes", "number": 1.5, "yes": true, "list": ["a", "b"], "map": { "k": "v" }, "null": null });
        proxy.set_property("metadata.filter_metadata.acme", values);
        proxy.send(post());
        let said = of(&proxy, "request headers");
        let from = said.iter().position(|line| line.starts_with("text ")).unwrap();
        assert_eq!(said[from..], [
            "text \"seven bytes\"",
            "number 1.5",
            "yes true",
            "list [\"a\", \"b\"]",
            "map [(\"k\", \"v\")]",
            "number as text failed: property metadata.filter_metadata.acme.text: 8 bytes were expected, and not these 11 bytes",
            // PRO-35, PRO-4.
            "null failed: proxy_get_property failed: SERIALIZATION_FAILURE",
            "group failed: proxy_get_property failed: SERIALIZATION_FAILURE",
            "nul failed: part 1 of a property's path holds a NUL byte, which separates parts",
        ]);
        Ok(())
    }

    /// PRO-32.
    fn a_tcp_filter_reads_what_a_connection_has(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "attributes of connections"))?;
        proxy.connect().send("hello");
        let new = of(&proxy, "new connection");
        assert!(new.contains(&"SOURCE_ADDRESS \"192.0.2.1:50000\"".to_owned()) && new.contains(&"CONNECTION_MTLS false".to_owned()), "{new:?}");
        let data = of(&proxy, "downstream data");
        assert_eq!((data.first().unwrap().as_str(), data.last().unwrap().as_str()), ("UPSTREAM_ADDRESS \"203.0.113.1:8080\"", "TENANT \"bank\""));
        Ok(())
    }
}
