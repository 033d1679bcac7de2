//! Envoy's attributes: which there are, and when (table 7.2 of its semantics, rows PRO-20 to PRO-32).

use super::message::{LOCALITY, METADATA, NODE, Schema};

/// When an attribute is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// As long as the filter reaches the request's headers, and in `on_log`.
    RequestHeaders,
    /// In any callback of an HTTP stream.
    Http,
    /// In any callback of a stream, HTTP or TCP.
    Stream,
    /// From `on_log` of an HTTP stream on.
    End,
    /// Once there is a response.
    Response,
    /// As long as the filter reaches the response's headers, and in `on_log`.
    ResponseHeaders,
    /// As long as the filter reaches the response's trailers, and in `on_log`.
    ResponseTrailers,
    /// After the last byte of the upstream's response.
    ResponseRead,
    /// Once the route's cluster is known: with an HTTP stream at once, unless there is none; with a TCP connection when it is connected to.
    Cluster,
    /// Once an upstream is chosen.
    Upstream,
    /// Once it is connected to.
    UpstreamConnected,
    /// In a TCP connection at once, in an HTTP stream once an upstream is chosen.
    TcpOrUpstream,
    /// Everywhere, in roots too.
    Anywhere,
}

use Presence::{
    Anywhere, Cluster, End, Http, RequestHeaders, Response, ResponseHeaders, ResponseRead, ResponseTrailers, Stream,
    TcpOrUpstream, Upstream, UpstreamConnected,
};

/// An attribute within a group; `message` where its value is one of protobuf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) presence: Presence,
    pub(super) message: Option<Schema>,
}

const fn plain(name: &'static str, presence: Presence) -> Attribute {
    Attribute { name, presence, message: None }
}

const fn message(name: &'static str, presence: Presence, schema: Schema) -> Attribute {
    Attribute { name, presence, message: Some(schema) }
}

/// What there is of certificates, on both sides: nothing on plaintext, so only what the test says.
macro_rules! with_certificates {
    ($presence:ident: $($attribute:expr,)*) => {
        &[
            $($attribute,)*
            plain("tls_version", $presence),
            plain("subject_local_certificate", $presence),
            plain("subject_peer_certificate", $presence),
            plain("dns_san_local_certificate", $presence),
            plain("dns_san_peer_certificate", $presence),
            plain("uri_san_local_certificate", $presence),
            plain("uri_san_peer_certificate", $presence),
            plain("sha256_peer_certificate_digest", $presence),
            plain("peer_certificate", $presence),
        ]
    };
}

/// The groups, each with its attributes.
pub(super) const GROUPS: &[(&str, &[Attribute])] = &[
    (
        "request",
        &[
            plain("path", RequestHeaders),
            plain("url_path", RequestHeaders),
            plain("query", RequestHeaders),
            plain("host", RequestHeaders),
            plain("scheme", RequestHeaders),
            plain("method", RequestHeaders),
            plain("referer", RequestHeaders),
            plain("useragent", RequestHeaders),
            plain("id", RequestHeaders),
            plain("headers", RequestHeaders),
            plain("time", Stream),
            plain("protocol", Http),
            plain("size", Stream),
            plain("total_size", Stream),
            plain("headers_bytes", Stream),
            plain("duration", End),
        ],
    ),
    (
        "response",
        &[
            plain("code", Response),
            plain("code_details", Response),
            plain("flags", Stream),
            plain("grpc_status", Response),
            plain("headers", ResponseHeaders),
            plain("trailers", ResponseTrailers),
            plain("size", Stream),
            plain("total_size", Stream),
            plain("headers_bytes", Stream),
            plain("backend_latency", ResponseRead),
        ],
    ),
    ("source", &[plain("address", Stream), plain("port", Stream)]),
    ("destination", &[plain("address", Stream), plain("port", Stream)]),
    (
        "connection",
        with_certificates![Stream:
            plain("id", Stream),
            plain("mtls", Stream),
            plain("requested_server_name", Stream),
            plain("termination_details", Stream),
            plain("transport_failure_reason", Stream),
        ],
    ),
    (
        "upstream",
        with_certificates![Upstream:
            plain("address", Upstream),
            plain("port", Upstream),
            plain("local_address", UpstreamConnected),
            plain("cx_pool_ready_duration", Upstream),
            plain("transport_failure_reason", TcpOrUpstream),
            message("locality", Upstream, LOCALITY),
            plain("request_attempt_count", Stream),
            plain("num_endpoints", Cluster),
        ],
    ),
    (
        "xds",
        &[
            plain("cluster_name", Cluster),
            message("cluster_metadata", Cluster, METADATA),
            plain("route_name", Http),
            message("route_metadata", Http, METADATA),
            plain("virtual_host_name", Http),
            message("virtual_host_metadata", Http, METADATA),
            message("upstream_host_metadata", Upstream, METADATA),
            message("upstream_host_locality_metadata", Upstream, METADATA),
            plain("listener_direction", Stream),
            message("listener_metadata", Stream, METADATA),
            plain("filter_chain_name", Stream),
            message("node", Anywhere, NODE),
        ],
    ),
];

/// What has a value of its own, and is no group.
pub(super) const SETTINGS: &[(&str, &str)] =
    &[("plugin_name", "Plugin::name"), ("plugin_root_id", "Plugin::root_id"), ("plugin_vm_id", "Plugin::vm_id")];

/// The attributes of a group; `None` where there is no such group.
pub(super) fn group(name: &[u8]) -> Option<&'static [Attribute]> {
    GROUPS.iter().find(|(group, _)| group.as_bytes() == name).map(|(_, attributes)| *attributes)
}
