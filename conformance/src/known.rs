//! What the proxy knows of itself in every scenario: its node, and the metadata of its configuration.

use crate::scenario::{Guest, Scenario};
use serde_json::{Value, json};

/// Envoy's own name, place and metadata.
pub fn node() -> Value {
    json!({
        "id": "conformance",
        "cluster": "tests",
        "metadata": {
            "tier": "gold", "weight": 3, "canary": true, "labels": { "app": "shop" }, "zones": ["a", "b"],
            // As Istio's bootstrap describes a workload.
            "WORKLOAD_NAME": "web-v1", "NAMESPACE": "front", "CLUSTER_ID": "Kubernetes",
            "LABELS": { "app": "web", "version": "v1", "service.istio.io/canonical-name": "web" },
        },
        "locality": { "region": "eu", "zone": "eu-1", "sub_zone": "a" },
    })
}

/// The metadata of a listener, route, virtual host, cluster or host.
pub fn metadata(of: &str) -> Value {
    json!({ "filter_metadata": { "conformance": values(of), "plain": { "text": of, "number": 2 } } })
}

/// That of the cluster and of its host. Those of an example are in a mesh: Istio describes a service and an endpoint so.
pub fn metadata_in(scenario: &Scenario, of: &str) -> Value {
    let mut metadata = metadata(of);
    if let Guest::Example(_) = scenario.guest {
        let name = scenario.name;
        metadata["filter_metadata"]["istio"] = match of {
            "cluster" => {
                json!({ "services": [{ "host": format!("{name}.shop.svc.cluster.local"), "name": name, "namespace": "shop" }] })
            }
            _ => json!({ "workload": format!("{name}-v2;shop;{name};v2;east") }),
        };
    }
    metadata
}

/// One value of each kind that a `Struct` can have.
pub fn values(of: &str) -> Value {
    json!({
        "text": of,
        "number": 1.5,
        "yes": true,
        "nothing": null,
        "list": ["one", 2],
        "inner": { "deep": "down" },
        "empty": {},
        "empty_list": [],
    })
}
