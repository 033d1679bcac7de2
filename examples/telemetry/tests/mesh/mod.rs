//! A proxy in a mesh.

use proxy_filter_test::Builder;
use serde_json::json;

/// The inbound side of a sidecar, as Istio's bootstrap describes its workload.
pub(crate) fn in_mesh(builder: Builder) -> Builder {
    let metadata = json!({
        "WORKLOAD_NAME": "web-v1", "NAMESPACE": "front", "CLUSTER_ID": "Kubernetes",
        "LABELS": {"app": "web", "version": "v1", "service.istio.io/canonical-name": "web", "service.istio.io/canonical-revision": "v1"},
    });
    builder.property("xds.node.metadata", metadata).property("xds.listener_direction", 1_i64).stats_tags(TAGS)
}

pub(crate) const TAGS: [&str; 25] = [
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
