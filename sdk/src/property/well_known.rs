//! Envoy's attributes, by name. The rows PRO-20 to PRO-32 say when each is there.

use super::{Anywhere, AtEnd, InHttp, InRequest, InResponse, InStream, Property, WithUpstream};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

macro_rules! attributes {
    ($($name:ident: $ty:ty, $place:ident = $path:literal, $dotted:literal, $doc:literal;)*) => {
        $(#[doc = concat!("`", $dotted, "`: ", $doc)]
        pub const $name: Property<$ty, $place> = Property::new($path);)*
    };
}

attributes! {
    // Of the request.
    REQUEST_PATH: String, InRequest = "request\0path", "request.path", "The path with its query.";
    REQUEST_URL_PATH: String, InRequest = "request\0url_path", "request.url_path", "The path without its query.";
    REQUEST_QUERY: String, InRequest = "request\0query", "request.query", "The query, as it came; empty where there is none.";
    REQUEST_HOST: String, InRequest = "request\0host", "request.host", "Whom the request is for (`:authority`).";
    REQUEST_SCHEME: String, InRequest = "request\0scheme", "request.scheme", "The scheme: `http` or `https`.";
    REQUEST_METHOD: String, InRequest = "request\0method", "request.method", "The method.";
    REQUEST_REFERER: String, InRequest = "request\0referer", "request.referer", "The header `referer`.";
    REQUEST_USER_AGENT: String, InRequest = "request\0useragent", "request.useragent", "The header `user-agent`.";
    REQUEST_ID: String, InRequest = "request\0id", "request.id", "The header `x-request-id`, which Envoy makes.";
    REQUEST_HEADERS: Vec<(String, String)>, InRequest = "request\0headers", "request.headers", "All headers, several values of one name joined with `,` (PRO-9); empty where they are not here.";
    REQUEST_TIME: Duration, InStream = "request\0time", "request.time", "When the first byte came, since the Unix epoch.";
    REQUEST_PROTOCOL: String, InHttp = "request\0protocol", "request.protocol", "`HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`.";
    REQUEST_SIZE: i64, InStream = "request\0size", "request.size", "Bytes of body: the `content-length`, where the headers are here and have one; else what has come so far (PRO-21).";
    REQUEST_TOTAL_SIZE: i64, InStream = "request\0total_size", "request.total_size", "Bytes of body so far, and of the headers where they are here.";
    REQUEST_HEADERS_BYTES: i64, InHttp = "request\0headers_bytes", "request.headers_bytes", "Bytes of the headers where they are here, else 0. Envoy 1.36 has it not.";
    REQUEST_DURATION: Duration, AtEnd = "request\0duration", "request.duration", "From the first byte of the request to the end of the stream.";
    // Of the response.
    RESPONSE_CODE: i64, InResponse = "response\0code", "response.code", "The status, as it came or was answered; what a filter makes of it shows in the log (PRO-23).";
    RESPONSE_CODE_DETAILS: String, InResponse = "response\0code_details", "response.code_details", "Where the response is from: `via_upstream`, a local reply's details, …";
    RESPONSE_FLAGS: i64, InStream = "response\0flags", "response.flags", "Bits that tell what went wrong, 0 if nothing did (PRO-37).";
    RESPONSE_GRPC_STATUS: i64, InResponse = "response\0grpc_status", "response.grpc_status", "The gRPC status: of trailers or headers, else derived from the HTTP status; -1 where it is no number (PRO-36).";
    RESPONSE_HEADERS: Vec<(String, String)>, InResponse = "response\0headers", "response.headers", "All headers, several values of one name joined with `,`; empty where they are not here.";
    RESPONSE_TRAILERS: Vec<(String, String)>, InResponse = "response\0trailers", "response.trailers", "All trailers, several values of one name joined with `,`; empty where they are not here.";
    RESPONSE_SIZE: i64, InStream = "response\0size", "response.size", "Bytes of body that have left to the client so far.";
    RESPONSE_TOTAL_SIZE: i64, InStream = "response\0total_size", "response.total_size", "The same, and those of headers and trailers where they are here.";
    RESPONSE_HEADERS_BYTES: i64, InHttp = "response\0headers_bytes", "response.headers_bytes", "Bytes of the headers where they are here, else 0. Envoy 1.36 has it not.";
    RESPONSE_BACKEND_LATENCY: Duration, InResponse = "response\0backend_latency", "response.backend_latency", "From the first byte sent to the upstream to its last; once that has come.";
    // Of the client's connection.
    SOURCE_ADDRESS: String, InStream = "source\0address", "source.address", "The client's address: `ip:port`.";
    SOURCE_PORT: i64, InStream = "source\0port", "source.port", "The client's port.";
    DESTINATION_ADDRESS: String, InStream = "destination\0address", "destination.address", "The address that the client connected to: `ip:port`.";
    DESTINATION_PORT: i64, InStream = "destination\0port", "destination.port", "The port that the client connected to.";
    CONNECTION_ID: u64, InStream = "connection\0id", "connection.id", "Envoy's number of the client's connection.";
    CONNECTION_MTLS: bool, InStream = "connection\0mtls", "connection.mtls", "Whether the client showed a certificate.";
    CONNECTION_REQUESTED_SERVER_NAME: String, InStream = "connection\0requested_server_name", "connection.requested_server_name", "The name that the client asked for in TLS (SNI); empty without.";
    CONNECTION_TLS_VERSION: String, InStream = "connection\0tls_version", "connection.tls_version", "The version of TLS; only with TLS.";
    CONNECTION_SUBJECT_LOCAL_CERTIFICATE: String, InStream = "connection\0subject_local_certificate", "connection.subject_local_certificate", "The subject of the proxy's certificate; only with TLS.";
    CONNECTION_SUBJECT_PEER_CERTIFICATE: String, InStream = "connection\0subject_peer_certificate", "connection.subject_peer_certificate", "The subject of the client's certificate; only with mutual TLS.";
    CONNECTION_DNS_SAN_LOCAL_CERTIFICATE: String, InStream = "connection\0dns_san_local_certificate", "connection.dns_san_local_certificate", "The first DNS name of the proxy's certificate; only with TLS.";
    CONNECTION_DNS_SAN_PEER_CERTIFICATE: String, InStream = "connection\0dns_san_peer_certificate", "connection.dns_san_peer_certificate", "The first DNS name of the client's certificate; only with mutual TLS.";
    CONNECTION_URI_SAN_LOCAL_CERTIFICATE: String, InStream = "connection\0uri_san_local_certificate", "connection.uri_san_local_certificate", "The first URI of the proxy's certificate, such as its SPIFFE id; only with TLS.";
    CONNECTION_URI_SAN_PEER_CERTIFICATE: String, InStream = "connection\0uri_san_peer_certificate", "connection.uri_san_peer_certificate", "The first URI of the client's certificate, such as its SPIFFE id; only with mutual TLS.";
    CONNECTION_SHA256_PEER_CERTIFICATE_DIGEST: String, InStream = "connection\0sha256_peer_certificate_digest", "connection.sha256_peer_certificate_digest", "The digest of the client's certificate; only with mutual TLS.";
    CONNECTION_PEER_CERTIFICATE: String, InStream = "connection\0peer_certificate", "connection.peer_certificate", "The client's certificate: PEM, with URL escapes; only with mutual TLS.";
    CONNECTION_TERMINATION_DETAILS: String, InStream = "connection\0termination_details", "connection.termination_details", "Why Envoy ended the connection; only once it did.";
    CONNECTION_TRANSPORT_FAILURE_REASON: String, InStream = "connection\0transport_failure_reason", "connection.transport_failure_reason", "Why TLS with the client failed; only once it did.";
    // Of the upstream.
    UPSTREAM_ADDRESS: String, WithUpstream = "upstream\0address", "upstream.address", "Its address: `ip:port`.";
    UPSTREAM_PORT: i64, WithUpstream = "upstream\0port", "upstream.port", "Its port.";
    UPSTREAM_LOCAL_ADDRESS: String, WithUpstream = "upstream\0local_address", "upstream.local_address", "The proxy's own end of the connection to it; once it is connected to.";
    UPSTREAM_CX_POOL_READY_DURATION: Duration, WithUpstream = "upstream\0cx_pool_ready_duration", "upstream.cx_pool_ready_duration", "How long the request waited for a connection.";
    UPSTREAM_TRANSPORT_FAILURE_REASON: String, WithUpstream = "upstream\0transport_failure_reason", "upstream.transport_failure_reason", "Why connecting to it failed; empty if it did not.";
    UPSTREAM_LOCALITY_REGION: String, WithUpstream = "upstream\0locality\0region", "upstream.locality.region", "The region that it is in.";
    UPSTREAM_LOCALITY_ZONE: String, WithUpstream = "upstream\0locality\0zone", "upstream.locality.zone", "The zone that it is in.";
    UPSTREAM_LOCALITY_SUB_ZONE: String, WithUpstream = "upstream\0locality\0sub_zone", "upstream.locality.sub_zone", "The part of the zone that it is in.";
    UPSTREAM_REQUEST_ATTEMPT_COUNT: u64, InStream = "upstream\0request_attempt_count", "upstream.request_attempt_count", "How often it was tried so far.";
    UPSTREAM_NUM_ENDPOINTS: u64, InStream = "upstream\0num_endpoints", "upstream.num_endpoints", "How many endpoints its cluster has.";
    UPSTREAM_TLS_VERSION: String, WithUpstream = "upstream\0tls_version", "upstream.tls_version", "The version of TLS to it; only with TLS.";
    UPSTREAM_SUBJECT_LOCAL_CERTIFICATE: String, WithUpstream = "upstream\0subject_local_certificate", "upstream.subject_local_certificate", "The subject of the proxy's certificate; only with mutual TLS.";
    UPSTREAM_SUBJECT_PEER_CERTIFICATE: String, WithUpstream = "upstream\0subject_peer_certificate", "upstream.subject_peer_certificate", "The subject of its certificate; only with TLS.";
    UPSTREAM_DNS_SAN_LOCAL_CERTIFICATE: String, WithUpstream = "upstream\0dns_san_local_certificate", "upstream.dns_san_local_certificate", "The first DNS name of the proxy's certificate; only with mutual TLS.";
    UPSTREAM_DNS_SAN_PEER_CERTIFICATE: String, WithUpstream = "upstream\0dns_san_peer_certificate", "upstream.dns_san_peer_certificate", "The first DNS name of its certificate; only with TLS.";
    UPSTREAM_URI_SAN_LOCAL_CERTIFICATE: String, WithUpstream = "upstream\0uri_san_local_certificate", "upstream.uri_san_local_certificate", "The first URI of the proxy's certificate; only with mutual TLS.";
    UPSTREAM_URI_SAN_PEER_CERTIFICATE: String, WithUpstream = "upstream\0uri_san_peer_certificate", "upstream.uri_san_peer_certificate", "The first URI of its certificate; only with TLS.";
    UPSTREAM_SHA256_PEER_CERTIFICATE_DIGEST: String, WithUpstream = "upstream\0sha256_peer_certificate_digest", "upstream.sha256_peer_certificate_digest", "The digest of its certificate; only with TLS.";
    UPSTREAM_PEER_CERTIFICATE: String, WithUpstream = "upstream\0peer_certificate", "upstream.peer_certificate", "Its certificate: PEM, with URL escapes; only with TLS.";
    // Of the configuration.
    XDS_CLUSTER_NAME: String, InStream = "xds\0cluster_name", "xds.cluster_name", "The cluster that the route names; with TCP once it is connected to.";
    XDS_CLUSTER_METADATA: Vec<u8>, InStream = "xds\0cluster_metadata", "xds.cluster_metadata", "Its metadata, as a protobuf message; a value in it is read by `property_at`.";
    XDS_ROUTE_NAME: String, InHttp = "xds\0route_name", "xds.route_name", "The route; empty where it has no name.";
    XDS_ROUTE_METADATA: Vec<u8>, InHttp = "xds\0route_metadata", "xds.route_metadata", "Its metadata, as a protobuf message; a value in it is read by `property_at`.";
    XDS_VIRTUAL_HOST_NAME: String, InHttp = "xds\0virtual_host_name", "xds.virtual_host_name", "The virtual host.";
    XDS_VIRTUAL_HOST_METADATA: Vec<u8>, InHttp = "xds\0virtual_host_metadata", "xds.virtual_host_metadata", "Its metadata, as a protobuf message; a value in it is read by `property_at`.";
    XDS_UPSTREAM_HOST_METADATA: Vec<u8>, WithUpstream = "xds\0upstream_host_metadata", "xds.upstream_host_metadata", "The endpoint's metadata, as a protobuf message; a value in it is read by `property_at`.";
    XDS_LISTENER_DIRECTION: i64, InStream = "xds\0listener_direction", "xds.listener_direction", "0 unspecified, 1 inbound, 2 outbound.";
    XDS_LISTENER_METADATA: Vec<u8>, InStream = "xds\0listener_metadata", "xds.listener_metadata", "The listener's metadata, as a protobuf message; a value in it is read by `property_at`.";
    XDS_FILTER_CHAIN_NAME: String, InStream = "xds\0filter_chain_name", "xds.filter_chain_name", "The listener's filter chain; empty where it has no name.";
    METADATA: Vec<u8>, InStream = "metadata", "metadata", "The dynamic metadata that filters have set, as a protobuf message; a value in it is read by `property_at`.";
    // Of the proxy and the plugin.
    XDS_NODE_ID: String, Anywhere = "xds\0node\0id", "xds.node.id", "The proxy's id.";
    XDS_NODE_CLUSTER: String, Anywhere = "xds\0node\0cluster", "xds.node.cluster", "The cluster that the proxy belongs to.";
    XDS_NODE_METADATA: Vec<(Vec<u8>, Vec<u8>)>, Anywhere = "xds\0node\0metadata", "xds.node.metadata", "The proxy's metadata, each value in bytes of its own type; a mesh says there what the workload is. One value is read by `property_at`.";
    XDS_NODE_LOCALITY_REGION: String, Anywhere = "xds\0node\0locality\0region", "xds.node.locality.region", "The region that the proxy is in.";
    XDS_NODE_LOCALITY_ZONE: String, Anywhere = "xds\0node\0locality\0zone", "xds.node.locality.zone", "The zone that the proxy is in.";
    XDS_NODE_LOCALITY_SUB_ZONE: String, Anywhere = "xds\0node\0locality\0sub_zone", "xds.node.locality.sub_zone", "The part of the zone that the proxy is in.";
    XDS_NODE_USER_AGENT_NAME: String, Anywhere = "xds\0node\0user_agent_name", "xds.node.user_agent_name", "What the proxy is: `envoy`.";
    PLUGIN_NAME: String, Anywhere = "plugin_name", "plugin_name", "The plugin's name in the proxy's configuration.";
    PLUGIN_ROOT_ID: String, Anywhere = "plugin_root_id", "plugin_root_id", "The plugin's root id.";
    PLUGIN_VM_ID: String, Anywhere = "plugin_vm_id", "plugin_vm_id", "The VM's id.";
}
