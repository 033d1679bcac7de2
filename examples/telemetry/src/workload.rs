//! Who speaks with whom: workloads as a mesh describes them.

use proxy_filter::prelude::*;

/// What Istio writes where nothing is known.
pub(crate) const UNKNOWN: &str = "unknown";
/// What it writes where the revision is not known.
const LATEST: &str = "latest";

/// A workload of the mesh.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) app: String,
    pub(crate) version: String,
    pub(crate) service: String,
    pub(crate) revision: String,
    pub(crate) cluster: String,
}

/// A property as text; `None` also where it is empty or no text: a tag is then unknown, and the request is counted all the same.
pub(crate) fn text(context: &Context, path: &[&str]) -> Option<String> {
    context.property_at(path).ok().flatten().filter(|text: &String| !text.is_empty())
}

fn or(value: Option<String>, otherwise: &str) -> String {
    value.unwrap_or_else(|| otherwise.to_owned())
}

impl Workload {
    /// One of which nothing is known.
    pub(crate) fn unknown() -> Self {
        Self::new(|_| None)
    }

    fn new(mut field: impl FnMut(&str) -> Option<String>) -> Self {
        Self {
            name: or(field("workload"), UNKNOWN),
            namespace: or(field("namespace"), UNKNOWN),
            app: or(field("app"), UNKNOWN),
            version: or(field("version"), UNKNOWN),
            service: or(field("service"), UNKNOWN),
            revision: or(field("revision"), LATEST),
            cluster: or(field("cluster"), UNKNOWN),
        }
    }

    /// The proxy's own, as Istio's bootstrap describes it in the node's metadata.
    pub(crate) fn of_node(plugin: &Plugin<'_>) -> Self {
        let node = |name: &str| text(plugin, &["xds", "node", "metadata", name]);
        let label = |names: &[&str]| names.iter().find_map(|name| text(plugin, &["xds", "node", "metadata", "LABELS", name]));
        Self::new(|field| match field {
            "workload" => node("WORKLOAD_NAME"),
            "namespace" => node("NAMESPACE"),
            "app" => label(&["app"]),
            "version" => label(&["version"]),
            "service" => {
                label(&["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"]).or_else(|| node("WORKLOAD_NAME"))
            }
            "revision" => label(&["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"]),
            "cluster" => node("CLUSTER_ID"),
            _ => None,
        })
    }

    /// A peer, as Istio's filter for the exchange of metadata has found it: the filter state `downstream_peer` or `upstream_peer`.
    pub(crate) fn of_peer(http: &HttpStream, key: &str) -> Option<Self> {
        // Who has no workload is nobody: one question instead of seven outside of a mesh.
        let name = text(http, &["filter_state", key, "workload"])?;
        Some(Self::new(|field| match field {
            "workload" => Some(name.clone()),
            _ => text(http, &["filter_state", key, field]),
        }))
    }

    /// The endpoint that was chosen, as the mesh describes it: `workload;namespace;service;revision;cluster`.
    pub(crate) fn of_endpoint(http: &HttpStream) -> Option<Self> {
        let described = text(http, &["xds", "upstream_host_metadata", "filter_metadata", "istio", "workload"])?;
        let mut parts = described.split(';').map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        let mut next = || parts.next().flatten();
        let (workload, namespace, service, revision, cluster) = (next(), next(), next(), next(), next());
        Some(Self {
            name: or(workload, UNKNOWN),
            namespace: or(namespace, UNKNOWN),
            service: or(service, UNKNOWN),
            revision: or(revision, LATEST),
            cluster: or(cluster, UNKNOWN),
            ..Self::unknown()
        })
    }
}

/// The namespace in a SPIFFE id of Kubernetes: `spiffe://cluster.local/ns/shop/sa/cart`.
pub(crate) fn namespace_of(principal: &str) -> Option<&str> {
    let mut parts = principal.strip_prefix("spiffe://")?.split('/').skip(1);
    (parts.next()? == "ns").then(|| parts.next())?.filter(|namespace| !namespace.is_empty())
}

#[cfg(test)]
mod tests {
    use super::namespace_of;

    #[test]
    fn a_spiffe_id_names_its_namespace() {
        assert_eq!(namespace_of("spiffe://cluster.local/ns/shop/sa/cart"), Some("shop"));
        for none in ["", "spiffe://", "spiffe://a", "spiffe://a/ns", "spiffe://a/ns/", "spiffe://a/sa/shop", "https://a/ns/shop"]
        {
            assert_eq!(namespace_of(none), None, "{none}");
        }
    }
}
