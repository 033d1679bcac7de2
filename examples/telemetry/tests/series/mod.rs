//! The names of series in a mesh.

use crate::mesh::TAGS;
use proxy_filter_test::MetricName;

/// The tags of a series.
pub(crate) struct Tags([String; 25]);

/// Those of a request over HTTP that went well, of which nothing else is known.
pub(crate) fn tagged(reporter: &str, security: &str) -> Tags {
    let tags = Tags(std::array::from_fn(|_| "unknown".to_owned()));
    let tags = tags.tag("reporter", reporter).tag("connection_security_policy", security).tag("request_protocol", "http");
    let tags = tags.tag("source_canonical_revision", "latest").tag("destination_canonical_revision", "latest");
    tags.tag("response_code", "200").tag("response_flags", "-").tag("grpc_response_status", "")
}

/// Those of a request to the workload of [`in_mesh`].
pub(crate) fn destination() -> Tags {
    let tags = tagged("destination", "none").tag("destination_workload", "web-v1").tag("destination_workload_namespace", "front");
    let tags = tags.tag("destination_app", "web").tag("destination_version", "v1").tag("destination_cluster", "Kubernetes");
    let tags = tags.tag("destination_canonical_service", "web").tag("destination_canonical_revision", "v1");
    tags.tag("destination_service", "web").tag("destination_service_name", "web").tag("destination_service_namespace", "front")
}

impl Tags {
    pub(crate) fn tag(mut self, name: &str, value: &str) -> Self {
        let at = TAGS.iter().position(|tag| *tag == name).unwrap_or_else(|| panic!("{name} is no tag"));
        self.0[at] = value.to_owned();
        self
    }

    pub(crate) fn all(self, value: &str) -> Self {
        Self(self.0.map(|_| value.to_owned()))
    }

    pub(crate) fn name(&self, metric: &str) -> MetricName {
        let pairs: [(&str, &str); 25] = std::array::from_fn(|at| (TAGS[at], &*self.0[at]));
        (metric, pairs).into()
    }
}
