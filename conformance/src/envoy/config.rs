//! The bootstrap: for each scenario a listener, its filter chain and a cluster, all of the scenario's name.

use crate::grpc;
use crate::known;
use crate::scenario::{Cluster, ConfigType, FailurePolicy, Plugin, Protocol, Role, Scenario, Upstream};
use serde_json::{Map, Value, json};
use std::{net::SocketAddr, path::PathBuf};

/// A scenario with what was found out for it.
pub(super) struct Part<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) module: PathBuf,
    pub(super) upstream: SocketAddr,
    /// The hosts of its further clusters.
    pub(super) hosts: Vec<SocketAddr>,
    /// The gRPC server, if the scenario has one.
    pub(super) grpc: Option<SocketAddr>,
}

/// The tags that Envoy takes out of names of metrics, where they stand as Istio writes them.
/// None is the end of another: `code` would be found in `response_code`.
pub(crate) const STATS_TAGS: [&str; 28] = [
    "verdict",
    "reason",
    "tenant",
    "reporter",
    "source_workload",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_canonical_service",
    "source_canonical_revision",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_cluster",
    "request_protocol",
    "response_code",
    "response_flags",
    "connection_security_policy",
    "grpc_response_status",
];

/// The whole bootstrap, as JSON.
pub(super) fn bootstrap(parts: &[Part<'_>]) -> Value {
    let listeners: Vec<Value> = parts.iter().map(listener).collect();
    let further = parts.iter().flat_map(|part| further_clusters(part).chain(grpc_cluster(part)));
    let clusters: Vec<Value> = parts.iter().map(cluster).chain(further).collect();
    json!({
        "node": known::node(),
        "admin": { "address": address(SocketAddr::from(([127, 0, 0, 1], 0))) },
        "stats_flush_on_admin": true,
        "stats_config": { "stats_tags": STATS_TAGS.map(|tag| json!({ "tag_name": tag, "regex": format!("({tag}=\\.=(.*?);\\.;)") })) },
        "bootstrap_extensions": parts.iter().flat_map(services).collect::<Vec<_>>(),
        "static_resources": { "listeners": listeners, "clusters": clusters },
    })
}

fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

/// The network filters of a TCP scenario: the plugins, then the proxy to the cluster.
fn tcp_filters(part: &Part<'_>) -> Vec<Value> {
    let scenario = part.scenario;
    let plugin = |config: Value| {
        json!({ "name": "envoy.filters.network.wasm", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm", "config": config } })
    };
    let mut filters: Vec<Value> = of_role(part, Role::Filter).map(plugin).collect();
    filters.push(json!({ "name": "envoy.filters.network.tcp_proxy", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": scenario.name, "cluster": scenario.name } }));
    filters
}

fn listener(part: &Part<'_>) -> Value {
    let name = part.scenario.name;
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": match part.scenario.downstream {
            Protocol::Http1 => "HTTP1",
            Protocol::Http2 => "HTTP2",
        },
        "http_protocol_options": { "enable_trailers": true },
        "route_config": {
            "name": name,
            "validate_clusters": false,
            "virtual_hosts": [{
                "name": name,
                "domains": ["*"],
                "metadata": known::metadata("virtual host"),
                "routes": [{ "name": "all", "match": { "prefix": "/" }, "metadata": known::metadata("route"), "route": route(part) }],
            }],
        },
        "http_filters": filters(part).chain([router]).collect::<Vec<_>>(),
        "access_log": access_log(part),
    });
    let metadata = part.scenario.requests().iter().any(|request| !request.metadata.is_empty());
    if metadata {
        insert(&mut manager, "http2_protocol_options", json!({ "allow_metadata": true }));
    }
    let filters = match part.scenario.connections.as_slice() {
        [] => vec![json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager })],
        _ => tcp_filters(part),
    };
    let mut listener = json!({
        "name": name,
        "address": address(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{ "name": "chain", "filters": filters }],
        "traffic_direction": "INBOUND",
        "metadata": known::metadata("listener"),
    });
    if let Some(limit) = part.scenario.buffer_limit {
        insert(&mut listener, "per_connection_buffer_limit_bytes", limit.into());
    }
    listener
}

fn route(part: &Part<'_>) -> Value {
    let cluster = if part.scenario.upstream == Upstream::NoCluster { "nowhere" } else { part.scenario.name };
    let mut route = json!({ "cluster": cluster });
    if let Some(timeout) = part.scenario.route_timeout {
        insert(&mut route, "timeout", format!("{}.{:03}s", timeout / 1000, timeout % 1000).into());
    }
    route
}

/// The filters before the router.
fn filters(part: &Part<'_>) -> impl Iterator<Item = Value> {
    of_role(part, Role::Filter).map(|config| {
        let config = json!({ "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": config });
        json!({ "name": "envoy.filters.http.wasm", "typed_config": config })
    })
}

fn access_log(part: &Part<'_>) -> Value {
    let logger = |config| {
        let config =
            json!({ "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog", "config": config });
        json!({ "name": "envoy.access_loggers.wasm", "typed_config": config })
    };
    of_role(part, Role::AccessLogger).map(logger).collect()
}

fn services(part: &Part<'_>) -> impl Iterator<Item = Value> {
    of_role(part, Role::Service).map(|config| {
        let config =
            json!({ "@type": "type.googleapis.com/envoy.extensions.wasm.v3.WasmService", "config": config, "singleton": true });
        json!({ "name": "envoy.bootstrap.wasm", "typed_config": config })
    })
}

fn of_role(part: &Part<'_>, role: Role) -> impl Iterator<Item = Value> {
    part.scenario.plugins().into_iter().filter(move |plugin| plugin.role == role).map(|plugin| plugin_config(part, &plugin))
}

fn plugin_config(part: &Part<'_>, plugin: &Plugin) -> Value {
    let scenario = part.scenario;
    let mut config = json!({
        "name": plugin.name,
        "root_id": plugin.root_id,
        "vm_config": {
            "vm_id": plugin.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": part.module } },
        },
    });
    let string = |text: &str| json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text });
    if let Some(vm) = config.get_mut("vm_config") {
        if let Some(configuration) = scenario.vm_config {
            insert(vm, "configuration", string(configuration));
        }
        if !scenario.environment.is_empty() {
            let variables: Map<String, Value> =
                scenario.environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
            insert(vm, "environment_variables", json!({ "key_values": variables }));
        }
    }
    if !scenario.capabilities.is_empty() {
        let allowed: Map<String, Value> = scenario.capabilities.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        // CAP-7: where Envoys before 1.40 have it.
        insert(&mut config, "capability_restriction_config", json!({ "allowed_capabilities": allowed }));
    }
    match plugin.failure_policy {
        FailurePolicy::Closed => insert(&mut config, "failure_policy", "FAIL_CLOSED".into()),
        FailurePolicy::Open => insert(&mut config, "failure_policy", "FAIL_OPEN".into()),
        FailurePolicy::FailOpen => insert(&mut config, "fail_open", true.into()),
        FailurePolicy::Reload(interval) => {
            insert(&mut config, "failure_policy", "FAIL_RELOAD".into());
            let interval = format!("{}.{:03}s", interval / 1000, interval % 1000);
            insert(&mut config, "reload_config", json!({ "backoff": { "base_interval": interval } }));
        }
    }
    if scenario.allow_on_headers_stop_iteration {
        insert(&mut config, "allow_on_headers_stop_iteration", true.into());
    }
    if let Some(configuration) = &plugin.config {
        let value = match scenario.config_type {
            ConfigType::String => string(configuration),
            ConfigType::Bytes => {
                let value = base64(configuration.as_bytes());
                json!({ "@type": "type.googleapis.com/google.protobuf.BytesValue", "value": value })
            }
            ConfigType::Struct => {
                json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": { "a": configuration } })
            }
        };
        insert(&mut config, "configuration", value);
    }
    config
}

/// As protobuf's JSON has bytes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        let digit =
            move |index: usize| if index <= chunk.len() { char::from(DIGITS[bits >> (18 - 6 * index) & 63]) } else { '=' };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}

fn cluster(part: &Part<'_>) -> Value {
    cluster_of(part.scenario, part.scenario.name, part.scenario.upstream_protocol, part.upstream)
}

fn grpc_cluster(part: &Part<'_>) -> Option<Value> {
    Some(cluster_of(part.scenario, &grpc::cluster(part.scenario.name), Protocol::Http2, part.grpc?))
}

fn cluster_of(scenario: &Scenario, name: &str, protocol: Protocol, host: SocketAddr) -> Value {
    let of = |what| known::metadata_in(scenario, what);
    let protocol = match protocol {
        Protocol::Http1 => json!({ "http_protocol_options": { "enable_trailers": true } }),
        Protocol::Http2 => json!({ "http2_protocol_options": {} }),
    };
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "metadata": of("cluster"),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{
                "locality": { "region": "eu", "zone": "eu-1", "sub_zone": "a" },
                "lb_endpoints": [{ "endpoint": { "address": address(host) }, "metadata": of("host") }],
            }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol,
            },
        },
    })
}

fn further_clusters(part: &Part<'_>) -> impl Iterator<Item = Value> {
    part.scenario.clusters.iter().zip(&part.hosts).map(|(Cluster { name, has_host, .. }, host)| {
        let endpoints = has_host.then(|| json!({ "lb_endpoints": [{ "endpoint": { "address": address(*host) } }] }));
        json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "2s",
            "load_assignment": { "cluster_name": name, "endpoints": endpoints.into_iter().collect::<Vec<_>>() },
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": { "http_protocol_options": { "enable_trailers": true } },
                },
            },
        })
    })
}

fn insert(object: &mut Value, key: &str, value: Value) {
    object.as_object_mut().unwrap_or(&mut Map::new()).insert(key.to_owned(), value);
}
