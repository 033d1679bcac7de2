//! What the filter accepts, and how it refuses the rest.

use ext_auth::PLUGINS;
use proxy_filter_test::{MockProxy, TestResult, VmKind, both_vms};
use serde_json::json;

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &str) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "ext_auth").config(config)).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

/// An authorization service with these fields more; the first of a name counts for nobody, so none is given twice.
fn service(fields: &str) -> String {
    format!(r#"{{"authorization": {{"protocol": "http", "cluster": "authz"{fields}}}}}"#)
}

both_vms! {
    fn the_example_configuration_is_accepted(vm) -> TestResult {
        MockProxy::new(vm.plugin(&PLUGINS, "ext_auth").config(include_str!("../../config.json")))?;
        MockProxy::new(vm.plugin(&PLUGINS, "ext_auth").config(json!({"authorization": {"protocol": "grpc", "cluster": "authz"}})))?;
        Ok(())
    }

    fn each_mistake_is_refused_by_field_and_reason(vm) {
        let cache = |cache: &str| format!(r#"{{"authorization": {{"protocol": "http", "cluster": "authz"}}, "cache": {cache}}}"#);
        let cases = [
            (String::new(), "the configuration is empty"),
            ("{}".into(), "missing field `authorization`"),
            (r#"{"authorisation": {}}"#.into(), "unknown field `authorisation`, expected one of `authorization`, `quota`, `cache`, `status_on_error`"),
            (r#"{"authorization": {"cluster": "authz"}}"#.into(), "missing field `protocol`"),
            (r#"{"authorization": {"protocol": "soap", "cluster": "authz"}}"#.into(), "unknown variant `soap`, expected `http` or `grpc`"),
            (r#"{"authorization": {"protocol": "http"}}"#.into(), "missing field `cluster`"),
            (r#"{"authorization": {"protocol": "http", "cluster": ""}}"#.into(), "authorization.cluster is empty: name a cluster of the proxy"),
            (service(r#", "uri": "http://authz/""#), "unknown field `uri`"),
            (service(r#", "timeout_ms": 0"#), "authorization.timeout_ms must be 1 to 60000, but is 0"),
            (service(r#", "timeout_ms": 60001"#), "authorization.timeout_ms must be 1 to 60000, but is 60001"),
            (service(r#", "timeout_ms": "1s""#), "expected u32"),
            (service(r#", "path": "check""#), r#"authorization.path: "check" is no path, such as /check"#),
            (service(r#", "path": "/a b""#), r#"authorization.path: "/a b" is no path"#),
            (service(r#", "path": "/\r\nx-a: 1""#), r#"authorization.path: "/\r\nx-a: 1" is no path"#),
            (service(r#", "context_extensions": [["a", "b"]]"#), "authorization.context_extensions: only a gRPC service is told these: remove them"),
            (
                r#"{"authorization": {"protocol": "grpc", "cluster": "authz", "path": "/"}}"#.into(),
                "authorization.path: a gRPC service has none: remove it, or set protocol to http",
            ),
            (service(r#", "request_headers": ["x a"]"#), r#"authorization.request_headers: "x a" is not a header name"#),
            (service(r#", "request_headers": [":path"]"#), r#"authorization.request_headers: ":path" is no plain header: method, path, host and scheme are always told"#),
            (service(r#", "request_headers": ["Host"]"#), r#"authorization.request_headers: "host" is always told, and nobody's to set"#),
            (service(r#", "request_headers": ["X-Forwarded-Uri"]"#), r#"authorization.request_headers: "x-forwarded-uri" is set by this filter itself"#),
            (service(r#", "upstream_headers": ["content-length"]"#), r#"authorization.upstream_headers: "content-length" belongs to a connection, not to a request"#),
            (service(r#", "client_headers": [""]"#), r#"authorization.client_headers: "" is not a header name"#),
            (service(r#", "fail_open": ["always"]"#), "unknown variant `always`, expected one of `not_sent`, `unreachable`, `timeout`, `reset`, `error`, `malformed`"),
            (
                r#"{"authorization": {"protocol": "http", "cluster": "a", "upstream_headers": ["X-User"]},
                    "quota": {"protocol": "http", "cluster": "b", "upstream_headers": ["x-user"]}}"#.into(),
                r#"quota.upstream_headers: "x-user" is authorization's to set: only one of both can"#,
            ),
            (
                r#"{"authorization": {"protocol": "http", "cluster": "a", "upstream_headers": ["x-user"]},
                    "quota": {"protocol": "http", "cluster": "b", "upstream_headers": ["x_user"]}}"#.into(),
                r#"quota.upstream_headers: "x_user" is authorization's to set: only one of both can"#,
            ),
            (
                r#"{"authorization": {"protocol": "http", "cluster": "a"}, "quota": {"protocol": "http", "cluster": "b", "timeout_ms": 0}}"#.into(),
                "quota.timeout_ms must be 1 to 60000, but is 0",
            ),
            (cache(r#"{"ttl": 5}"#), "unknown field `ttl`"),
            (cache(r#"{"allowed_ttl_s": 86401}"#), "cache.allowed_ttl_s must be 0 to 86400, but is 86401"),
            (cache(r#"{"denied_ttl_s": 86401}"#), "cache.denied_ttl_s must be 0 to 86400, but is 86401"),
            (cache(r#"{"allowed_ttl_s": 0, "denied_ttl_s": 0}"#), "cache: both TTLs are 0, so that it would hold nothing: remove it"),
            (cache(r#"{"entries": 0}"#), "cache.entries must be 1 to 65536, but is 0"),
            (cache(r#"{"max_entry_bytes": 255}"#), "cache.max_entry_bytes must be 256 to 65536, but is 255"),
            (cache(r#"{"key": []}"#), "cache.key is empty, so that all requests were alike: name headers, or remove it"),
            (cache(r#"{"key": [":status"]}"#), r#"cache.key: ":status" is not a header name"#),
            (r#"{"authorization": {"protocol": "http", "cluster": "a"}, "status_on_error": 200}"#.into(), "status_on_error must be 400 to 599, but is 200"),
        ];
        for (config, reason) in cases {
            let said = refusal(vm, &config);
            assert!(said.contains(reason), "{config}\n{said}");
        }
    }
}
