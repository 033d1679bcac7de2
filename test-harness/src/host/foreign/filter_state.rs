//! `set_envoy_filter_state` (FOR-11): typed objects that Envoy's own filters read.

use super::{Answer, VmHost};
use proxy_filter_abi::Status;
use proxy_filter_abi::protobuf::{Field, fields};
use std::net::{IpAddr, SocketAddr};

/// What an object of the given text reads as, as the property `filter_state.NAME`; `None` where it cannot be read.
type Reads = Option<Vec<u8>>;

/// Makes an object from a text; `None` where Envoy refuses the text.
type Make = fn(&str) -> Option<Reads>;

/// The objects that Envoy 1.40 makes from a text, by their keys (FOR-12).
const OBJECTS: &[(&str, Make)] = &[
    ("envoy.ai.model.request", |text| (!text.is_empty()).then(|| Some(text.into()))),
    ("envoy.filters.listener.original_dst.local_ip", address),
    ("envoy.filters.listener.original_dst.remote_ip", address),
    ("envoy.hashable_string", same),
    ("envoy.network.application_protocols", |_| Some(None)),
    ("envoy.network.ip", |text| {
        let ip: IpAddr = text.parse().ok()?;
        Some(Some(SocketAddr::new(ip, 0).to_string().into()))
    }),
    ("envoy.network.network_namespace", same),
    ("envoy.network.transport_socket.http_11_proxy.info", |text| {
        let (_, proxy) = text.split_once(',')?;
        proxy.parse::<SocketAddr>().ok().map(|_| None)
    }),
    ("envoy.network.transport_socket.original_dst_address", address),
    ("envoy.network.upstream_server_name", same),
    ("envoy.network.upstream_subject_alt_names", same),
    ("envoy.ratelimit.hits_addend", number::<u32>),
    ("envoy.router.debug_config", |_| Some(None)),
    ("envoy.string", same),
    ("envoy.tcp_proxy.cluster", same),
    ("envoy.tcp_proxy.disable_tunneling", |text| Some(Some((text == "true").to_string().into()))),
    ("envoy.tcp_proxy.per_connection_idle_timeout_ms", number::<u64>),
    ("envoy.upstream.dynamic_host", same),
    ("envoy.upstream.dynamic_port", number::<u32>),
];

fn same(text: &str) -> Option<Reads> {
    Some(Some(text.into()))
}

/// It has fields, none of which is the whole: it reads as an empty map.
fn address(text: &str) -> Option<Reads> {
    text.parse::<SocketAddr>().ok().map(|_| Some(vec![0; 4]))
}

fn number<N: std::str::FromStr + ToString>(text: &str) -> Option<Reads> {
    text.parse::<N>().ok().map(|number| Some(number.to_string().into()))
}

pub(super) fn set(host: &VmHost, arguments: &[u8]) -> Answer {
    let (mut path, mut value) = ("", "");
    for field in fields(arguments) {
        let text = match field {
            Ok((1, Field::Bytes(bytes))) => std::str::from_utf8(bytes).map(|text| path = text),
            Ok((2, Field::Bytes(bytes))) => std::str::from_utf8(bytes).map(|text| value = text),
            // The span: how long it lives, which does not show in a stream.
            Ok(_) => Ok(()),
            Err(_) => return Err(host.refuse("the arguments are no SetEnvoyFilterStateArguments", Status::BadArgument)),
        };
        if text.is_err() {
            return Err(host.refuse("the path and the value are texts in UTF-8", Status::BadArgument));
        }
    }
    let Some((_, object)) = OBJECTS.iter().find(|(name, _)| *name == path) else {
        let problem = format!("Envoy makes no object {path:?} from a text: the filter that reads it names its key");
        return Err(host.refuse(problem, Status::NotFound));
    };
    let reads = object(value).ok_or_else(|| host.refuse(format!("{value:?} is no value of {path:?}"), Status::BadArgument))?;
    if host.set_filter_state(path.as_bytes(), reads) {
        Ok(Vec::new())
    } else {
        Err(host.refuse("a root has no filter state", Status::NotFound))
    }
}

impl VmHost {
    /// Sets an object of the stream that hostcalls act on; false where there is none.
    fn set_filter_state(&self, key: &[u8], value: Option<Vec<u8>>) -> bool {
        self.with_stream(|stream, _| stream.set_filter_state(key, value.clone()))
            .or_else(|| self.with_connection(|connection, _| connection.set_filter_state(key, value)))
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(name: &str, text: &str) -> Option<Reads> {
        OBJECTS.iter().find(|(other, _)| *other == name).unwrap().1(text)
    }

    #[test]
    fn for_12_texts_are_objects_or_refused() {
        assert_eq!(reads("envoy.network.ip", "::1"), Some(Some(b"[::1]:0".to_vec())));
        assert_eq!(reads("envoy.network.ip", "1.2.3.4:80"), None);
        assert_eq!(reads("envoy.ratelimit.hits_addend", "4294967296"), None);
        assert_eq!(reads("envoy.upstream.dynamic_port", "65536"), Some(Some(b"65536".to_vec())));
        assert_eq!(reads("envoy.tcp_proxy.disable_tunneling", "yes"), Some(Some(b"false".to_vec())));
        assert_eq!(reads("envoy.network.transport_socket.original_dst_address", "1.2.3.4"), None);
        assert_eq!(reads("envoy.network.transport_socket.http_11_proxy.info", "a:80,1.2.3.4:80"), Some(None));
        assert_eq!(reads("envoy.network.application_protocols", "h2"), Some(None));
    }
}
