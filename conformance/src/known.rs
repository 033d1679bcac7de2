//! What the proxy knows of itself in every scenario: its node, and the metadata of its configuration.

use serde_json::{Value, json};

/// Envoy's own name, place and metadata.
pub fn node() -> Value {
    json!({
        "id": "conformance",
        "cluster": "tests",
        "metadata": { "tier": "gold", "weight": 3, "canary": true, "labels": { "app": "shop" }, "zones": ["a", "b"] },
        "locality": { "region": "eu", "zone": "eu-1", "sub_zone": "a" },
    })
}

/// The metadata of a listener, route, virtual host, cluster or host.
pub fn metadata(of: &str) -> Value {
    json!({ "filter_metadata": { "conformance": values(of), "plain": { "text": of, "number": 2 } } })
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
