//! The tags of Istio's standard metrics, and where their values are found.

use crate::response_flags::short_names;
use crate::workload::{UNKNOWN, Workload, namespace_of, text};
use proxy_filter::prelude::*;
use proxy_filter::property;

/// In the order in which Istio's stats filter writes them into a metric's name.
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

/// Which side of a request the proxy speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reporter {
    /// The client's side: a gateway, a sidecar's outbound listener.
    Source,
    /// The server's side: a sidecar's inbound listener.
    Destination,
}

impl Reporter {
    /// As Istio has it: who does not listen for inbound traffic is the source.
    pub(crate) fn of_listener(stream: &HttpStream) -> Self {
        const INBOUND: i64 = 1;
        match stream.property(property::XDS_LISTENER_DIRECTION) {
            Ok(Some(INBOUND)) => Self::Destination,
            _ => Self::Source,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// The service that a request is for.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) host: String,
    pub(crate) name: String,
}

impl Service {
    /// By the cluster that the route has chosen; `host` is what the client calls it, if that may count.
    pub(crate) fn of_cluster(stream: &HttpStream, host: Option<&[u8]>, reporter: Reporter, node: &Workload) -> Self {
        let of_client = host.map(|host| String::from_utf8_lossy(host).into_owned());
        let (mut host, mut name) = (of_client.clone(), of_client);
        let route = stream.property(property::XDS_ROUTE_NAME).ok().flatten().unwrap_or_default();
        let cluster = stream.property(property::XDS_CLUSTER_NAME).ok().flatten().unwrap_or_default();
        match (&*route, &*cluster) {
            // Istio's routes and clusters of what is outside of the mesh.
            ("block_all", _) => name = Some("BlackHoleCluster".to_owned()),
            ("allow_any", _) => name = Some("PassthroughCluster".to_owned()),
            (_, "BlackHoleCluster" | "PassthroughCluster") => name = Some(cluster),
            (_, "InboundPassthroughCluster" | "InboundPassthroughClusterIpv4" | "InboundPassthroughClusterIpv6") => {
                name = Some(cluster);
            }
            _ => {
                let of_mesh =
                    |field: &str| text(stream, &["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", field]);
                if let Some(known) = of_mesh("host") {
                    name = of_mesh("name").or_else(|| known.split('.').next().map(str::to_owned));
                    host = Some(known);
                }
            }
        }
        let otherwise = match reporter {
            Reporter::Source => UNKNOWN,
            Reporter::Destination => &node.service,
        };
        let or = |value: Option<String>| value.unwrap_or_else(|| otherwise.to_owned());
        Self { host: or(host), name: or(name) }
    }
}

/// One side of a request.
struct Side {
    workload: Rc<Workload>,
    namespace: String,
    principal: String,
}

impl Side {
    fn new(workload: Rc<Workload>, principal: Option<String>) -> Self {
        Self { namespace: workload.namespace.clone(), workload, principal: principal.unwrap_or_else(|| UNKNOWN.to_owned()) }
    }

    /// The other end: what its certificate says of its namespace is surer than what it says of itself.
    fn peer(workload: Option<Workload>, principal: Option<String>) -> Self {
        let namespace = principal.as_deref().and_then(namespace_of).map(str::to_owned);
        let mut side = Self::new(Rc::new(workload.unwrap_or_else(Workload::unknown)), principal);
        if let Some(namespace) = namespace {
            side.namespace = namespace;
        }
        side
    }
}

/// Of a certificate; what cannot be read is as unknown as what is not there.
fn principal(san: Result<Option<String>, PropertyError>) -> Option<String> {
    san.ok().flatten().filter(|san| !san.is_empty())
}

/// What is told of a request that is over.
pub(crate) struct Tags {
    reporter: Reporter,
    source: Side,
    destination: Side,
    service: Service,
    service_namespace: String,
    protocol: &'static str,
    pub(crate) code: i64,
    code_text: String,
    pub(crate) flags: i64,
    flags_text: String,
    security: &'static str,
    grpc_status: String,
}

impl Tags {
    pub(crate) fn read(http: &Log<'_>, reporter: Reporter, node: &Rc<Workload>, service: Service) -> Result<Self, Failure> {
        let (source, destination, security) = match reporter {
            Reporter::Destination => {
                let peer = principal(http.property(property::CONNECTION_URI_SAN_PEER_CERTIFICATE));
                let own = principal(http.property(property::CONNECTION_URI_SAN_LOCAL_CERTIFICATE));
                let security = if peer.is_some() && own.is_some() { "mutual_tls" } else { "none" };
                let workload = Workload::of_peer(http, "downstream_peer");
                (Side::peer(workload, peer), Side::new(Rc::clone(node), own), security)
            }
            Reporter::Source => {
                let peer = principal(http.property(property::UPSTREAM_URI_SAN_PEER_CERTIFICATE));
                let own = principal(http.property(property::UPSTREAM_URI_SAN_LOCAL_CERTIFICATE));
                let workload = Workload::of_peer(http, "upstream_peer").or_else(|| Workload::of_endpoint(http));
                // Whether the server asked for a certificate is not seen from here.
                (Side::new(Rc::clone(node), own), Side::peer(workload, peer), UNKNOWN)
            }
        };
        let is_grpc = http.is_grpc()?;
        let grpc_status = if is_grpc { http.property(property::RESPONSE_GRPC_STATUS)? } else { None };
        // A stream that was never answered has no code, which Istio writes as 0.
        let code = http.property(property::RESPONSE_CODE)?.unwrap_or(0);
        let flags = http.property(property::RESPONSE_FLAGS)?.unwrap_or(0);
        Ok(Self {
            reporter,
            service,
            service_namespace: destination.namespace.clone(),
            source,
            destination,
            protocol: if is_grpc { "grpc" } else { "http" },
            code,
            code_text: code.to_string(),
            flags,
            flags_text: short_names(flags),
            security,
            grpc_status: grpc_status.map(|status| status.to_string()).unwrap_or_default(),
        })
    }

    /// In the order of [`TAGS`].
    pub(crate) fn values(&self) -> [&str; 25] {
        let (source, destination) = (&*self.source.workload, &*self.destination.workload);
        [
            self.reporter.name(),
            &source.name,
            &self.source.namespace,
            &self.source.principal,
            &source.app,
            &source.version,
            &source.service,
            &source.revision,
            &source.cluster,
            &destination.name,
            &self.destination.namespace,
            &self.destination.principal,
            &destination.app,
            &destination.version,
            &self.service.host,
            &self.service.name,
            &self.service_namespace,
            &destination.service,
            &destination.revision,
            &destination.cluster,
            self.protocol,
            &self.code_text,
            &self.flags_text,
            self.security,
            &self.grpc_status,
        ]
    }

    /// The value of a tag, for the access log.
    pub(crate) fn value(&self, tag: &str) -> Option<&str> {
        TAGS.iter().zip(self.values()).find(|(name, _)| **name == tag).map(|(_, value)| value)
    }
}
