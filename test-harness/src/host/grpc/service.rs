//! What the service argument of a gRPC call names (GRP-1).

use proxy_filter_abi::protobuf::{Field, Malformed, fields};
use std::str::from_utf8;

/// What a `GrpcService` message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) target: Option<Target>,
    /// In the place of the cluster's name.
    pub(super) authority: Option<String>,
    pub(super) metadata: Vec<(String, Vec<u8>)>,
}

/// Where calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `envoy_grpc`: a cluster.
    Cluster(String),
    /// `google_grpc`: a URI.
    Uri(String),
}

impl Service {
    /// Reads what parses as a `GrpcService`: many a name does (GRP-4).
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut service = Self::default();
        for field in fields(bytes) {
            match field? {
                (1, Field::Bytes(envoy)) => service.read_envoy(envoy)?,
                (2, Field::Bytes(google)) => service.target = Some(Target::Uri(read_uri(google)?)),
                // A duration, whose value means nothing here; but it must be one.
                (3, Field::Bytes(timeout)) => fields(timeout).try_for_each(|field| field.map(drop))?,
                (5, Field::Bytes(metadata)) => service.metadata.push(read_metadata(metadata)?),
                _ => {}
            }
        }
        Ok(service)
    }

    fn read_envoy(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let mut cluster = match self.target.take() {
            Some(Target::Cluster(cluster)) => cluster,
            _ => String::new(),
        };
        for field in fields(message) {
            match field? {
                (1, Field::Bytes(name)) => cluster = text(name)?,
                (2, Field::Bytes(authority)) => self.authority = Some(text(authority)?).filter(|text| !text.is_empty()),
                _ => {}
            }
        }
        self.target = Some(Target::Cluster(cluster));
        Ok(())
    }
}

fn read_uri(message: &[u8]) -> Result<String, Malformed> {
    let mut uri = String::new();
    for field in fields(message) {
        if let (1, Field::Bytes(target)) = field? {
            uri = text(target)?;
        }
    }
    Ok(uri)
}

fn read_metadata(message: &[u8]) -> Result<(String, Vec<u8>), Malformed> {
    let (mut name, mut value) = (String::new(), Vec::new());
    for field in fields(message) {
        match field? {
            (1, Field::Bytes(key)) => name = text(key)?,
            (2, Field::Bytes(bytes)) => value = text(bytes)?.into_bytes(),
            (3, Field::Bytes(bytes)) => value = bytes.to_vec(),
            _ => {}
        }
    }
    Ok((name, value))
}

/// A `string` of proto3 is UTF-8.
fn text(bytes: &[u8]) -> Result<String, Malformed> {
    from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_filter_abi::protobuf::Message;

    #[test]
    fn grp_1_a_service_names_its_target() {
        let envoy = Message::new().bytes(1, b"authz").bytes(2, b"a.b").into_bytes();
        let metadata = Message::new().bytes(1, b"x-a").bytes(2, b"1").into_bytes();
        let bytes = Message::new().bytes(1, &envoy).bytes(3, b"\x08\x01").bytes(5, &metadata).varint(900, 1).into_bytes();
        let service = Service::parse(&bytes).expect("it is one");
        assert_eq!(service.target, Some(Target::Cluster("authz".into())));
        assert_eq!(service.authority.as_deref(), Some("a.b"));
        assert_eq!(service.metadata, [("x-a".to_owned(), b"1".to_vec())]);
        let google = Message::new().bytes(2, &Message::new().bytes(1, b"dns:///a").into_bytes()).into_bytes();
        assert_eq!(Service::parse(&google).expect("it is one").target, Some(Target::Uri("dns:///a".into())));
    }

    #[test]
    fn grp_4_names_that_parse_name_nothing() {
        for name in ["", "empty", "auth-grpc", "quota-svc", "users", "kl"] {
            assert_eq!(Service::parse(name.as_bytes()), Ok(Service::default()), "{name:?}");
        }
        for name in ["authz", "grpc", "quota", "outbound|80||a.b", "k", "kk"] {
            assert_eq!(Service::parse(name.as_bytes()), Err(Malformed), "{name:?}");
        }
        assert_eq!(Service::parse(b"\x0a\x03\x0a\x01\xff"), Err(Malformed), "no UTF-8");
    }
}
