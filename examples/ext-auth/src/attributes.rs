//! What is asked about: the request as it came.

use proxy_filter::HeaderMap;
use proxy_filter::prelude::*;
use proxy_filter::property;

/// A request's headers, and who has connected.
pub(crate) struct Attributes {
    pub(crate) headers: HeaderMap,
    pub(crate) source: Option<Source>,
}

/// The other side of the connection.
pub(crate) struct Source {
    pub(crate) ip: String,
    pub(crate) port: u64,
    /// The URI in its certificate, such as a SPIFFE id; empty without mutual TLS.
    pub(crate) principal: String,
}

impl Attributes {
    pub(crate) fn of(http: &RequestHeaders<'_>, with_source: bool) -> Result<Self> {
        let source = if with_source { Some(Source::of(http)?) } else { None };
        Ok(Self { headers: http.headers().all()?, source })
    }

    /// All values of a header: a second one beside the first would else pass unseen.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.values(name)
    }

    /// The first value of a header, empty where there is none: for those of which there is one.
    pub(crate) fn first(&self, name: &str) -> &[u8] {
        self.headers.get(name).unwrap_or_default()
    }
}

impl Source {
    fn of(http: &RequestHeaders<'_>) -> Result<Self, PropertyError> {
        let address = http.property(property::SOURCE_ADDRESS)?.unwrap_or_default();
        // A Unix socket has no port.
        let (ip, port) = address.rsplit_once(':').unwrap_or((&address, "0"));
        Ok(Self {
            ip: ip.trim_matches(['[', ']']).to_string(),
            port: port.parse().unwrap_or(0),
            principal: http.property(property::CONNECTION_URI_SAN_PEER_CERTIFICATE)?.unwrap_or_default(),
        })
    }
}
