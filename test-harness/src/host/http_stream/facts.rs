//! What a stream's own messages, ends and times say as properties.

use super::{HttpStream, local_reply::grpc_status_of};
use crate::host::HeaderMap;
use crate::host::property::{Facts, Presence, PropertyValue, Told};
use proxy_filter_abi::MapType;
use std::collections::BTreeMap;
use std::time::Duration;

/// When what happened, on the proxy's clock; the first since the epoch, the others since the proxy began.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    pub(super) wall: Duration,
    pub(super) began: Duration,
    pub(super) now: Duration,
    /// The first byte has left to the upstream, and the last has come from it.
    pub(super) asked: Option<Duration>,
    pub(super) answered: Option<Duration>,
    pub(super) ended: Option<Duration>,
}

impl HttpStream {
    /// The stream begins at this time, of the epoch and of the proxy, on the connection of this number.
    pub(crate) fn begin_at(&mut self, wall: Duration, now: Duration, connection_id: u64) {
        self.times = Times { wall, began: now, now, ..Times::default() };
        self.connection_id = connection_id;
    }

    /// So much time has passed since the proxy began.
    pub(crate) fn set_now(&mut self, now: Duration) {
        self.times.now = now;
    }

    pub(crate) fn told_mut(&mut self) -> &mut Told {
        &mut self.told
    }

    /// Sets an object of the filter state, by what it reads as, if it can be read (FOR-11). Any key is kept, also one that can never be
    /// read (PRO-13, PRO-14).
    pub(crate) fn set_filter_state(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.filter_state.insert(key.to_vec(), value),
            None => self.filter_state.remove(key),
        };
    }

    /// What filters have put into the filter state under this key.
    pub(crate) fn filter_state_of(&self, key: &[u8]) -> Option<&[u8]> {
        self.filter_state.get(key).map(Vec::as_slice)
    }

    /// As one of its filters sees it.
    pub(crate) fn seen_by(&self, filter: usize) -> Seen<'_> {
        Seen { stream: self, filter }
    }

    /// The upstream has all that was said of it, or nothing where there is no such cluster.
    fn has_cluster(&self) -> bool {
        self.details.as_deref() != Some(b"cluster_not_found")
    }

    fn refused(&self) -> Option<String> {
        let details = self.details.as_deref()?;
        let reason = details.strip_prefix(REFUSED.as_bytes())?.strip_suffix(b"}")?;
        Some(String::from_utf8_lossy(reason).replace('_', " "))
    }

    /// Envoy's bits of the ways in which a stream can end other than well (PRO-37).
    fn flags(&self) -> i64 {
        let details = self.details.as_deref().unwrap_or_default();
        FLAGS.iter().find(|(start, _)| details.starts_with(start.as_bytes())).map_or(0, |(_, flag)| *flag)
    }
}

/// What the details of a refused connection begin with.
const REFUSED: &str = "upstream_reset_before_response_started{remote_connection_failure|";

const FLAGS: &[(&str, i64)] = &[
    ("response_timeout", 0x4),
    (REFUSED, 0x20),
    ("upstream_reset_before_response_started{connection_termination}", 0x40),
    ("upstream_reset_after_response_started{connection_termination}", 0x40),
    ("upstream_reset_after_response_started{protocol_error}", 0x80_0000),
    ("route_not_found", 0x100),
    ("downstream_remote_disconnect", 0x4000),
    ("http1.codec_error", 0x4_0000),
    ("filter_removed_required_request_headers", 0x4_0000),
    ("cluster_not_found", 0x100_0000),
];

/// A stream as one of its filters sees it.
pub(crate) struct Seen<'a> {
    stream: &'a HttpStream,
    filter: usize,
}

impl Seen<'_> {
    fn map(&self, map: MapType) -> Option<&HeaderMap> {
        self.stream.map(self.filter, map).ok()
    }

    fn request(&self, name: &str) -> Option<PropertyValue> {
        let headers = self.map(MapType::HttpRequestHeaders)?;
        let header = |name: &str| headers.get(name.as_bytes()).map(PropertyValue::from);
        let path = headers.get(b":path").unwrap_or_default();
        let mut halves = path.splitn(2, |byte| *byte == b'?');
        let (before, query) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        match name {
            "path" => header(":path"),
            "url_path" => Some(before.into()),
            "query" => Some(query.into()),
            "host" => header(":authority"),
            "scheme" => header(":scheme"),
            "method" => header(":method"),
            "referer" => header("referer"),
            "useragent" => header("user-agent"),
            "id" => header("x-request-id"),
            "headers" => Some(joined(headers)),
            _ => None,
        }
    }

    /// How many bytes of headers are seen.
    fn size(&self, map: MapType) -> usize {
        self.map(map).map_or(0, HeaderMap::byte_size)
    }

    /// What the headers say, as long as they are here; else what has come. A length that is no number is none (PRO-21).
    fn request_size(&self) -> Option<usize> {
        let length = self.map(MapType::HttpRequestHeaders).and_then(|headers| headers.get(b"content-length"));
        length.map_or(Some(self.stream.request.received), |length| std::str::from_utf8(length).ok()?.parse().ok())
    }

    fn response_size(&self) -> usize {
        self.stream.response.sent.as_ref().map_or(0, |sent| sent.chunks().iter().map(bytes::Bytes::len).sum())
    }

    /// PRO-36: of the trailers, else of the headers, as far as they are here, else derived from the status.
    fn grpc_status(&self) -> Option<i64> {
        let said = [MapType::HttpResponseTrailers, MapType::HttpResponseHeaders]
            .into_iter()
            .find_map(|map| self.map(map)?.get(b"grpc-status"));
        match said {
            Some(text) => {
                let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                Some(number.filter(|number| (0..=16).contains(number)).unwrap_or(-1))
            }
            None => self.stream.code.map(|code| grpc_status_of(code).into()),
        }
    }
}

/// PRO-9: all values of a name, joined with a comma.
fn joined(headers: &HeaderMap) -> PropertyValue {
    let mut map: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (name, value) in headers.entries() {
        map.entry(name.clone()).and_modify(|values| values.extend([b",", &value[..]].concat())).or_insert_with(|| value.clone());
    }
    PropertyValue::Map(map.into_iter().map(|(name, value)| (name, value.into())).collect())
}

fn int(size: usize) -> PropertyValue {
    PropertyValue::Int(i64::try_from(size).unwrap_or(i64::MAX))
}

impl Facts for Seen<'_> {
    fn has(&self, presence: Presence) -> bool {
        let stream = self.stream;
        let asked = stream.request.sent.is_some() && stream.has_cluster();
        match presence {
            Presence::RequestHeaders => self.map(MapType::HttpRequestHeaders).is_some(),
            Presence::ResponseHeaders => self.map(MapType::HttpResponseHeaders).is_some(),
            Presence::ResponseTrailers => self.map(MapType::HttpResponseTrailers).is_some(),
            Presence::Anywhere | Presence::Stream | Presence::Http => true,
            Presence::End => stream.times.ended.is_some(),
            Presence::Response => stream.code.is_some() || stream.details.is_some(),
            Presence::ResponseRead => stream.times.answered.is_some(),
            Presence::Cluster => stream.has_cluster(),
            Presence::Upstream | Presence::TcpOrUpstream => asked,
            Presence::UpstreamConnected => asked && stream.refused().is_none(),
        }
    }

    fn value(&self, group: &str, name: &str) -> Option<PropertyValue> {
        let stream = self.stream;
        let times = &stream.times;
        match (group, name) {
            ("request", "time") => Some(PropertyValue::Timestamp(times.wall)),
            ("request", "protocol") => Some(if stream.downstream_is_http2 { "HTTP/2" } else { "HTTP/1.1" }.into()),
            ("request", "size") => self.request_size().map(int),
            ("request", "total_size") => Some(int(stream.request.received + self.size(MapType::HttpRequestHeaders))),
            ("request", "headers_bytes") => Some(int(self.size(MapType::HttpRequestHeaders))),
            ("request", "duration") => Some(PropertyValue::Duration(times.ended?.saturating_sub(times.began))),
            ("request", name) => self.request(name),
            ("response", "code") => stream.code.map(|code| PropertyValue::Int(code.into())),
            ("response", "code_details") => stream.details.clone().map(PropertyValue::Bytes),
            ("response", "flags") => Some(PropertyValue::Int(stream.flags())),
            ("response", "grpc_status") => self.grpc_status().map(PropertyValue::Int),
            ("response", "headers") => self.map(MapType::HttpResponseHeaders).map(joined),
            ("response", "trailers") => self.map(MapType::HttpResponseTrailers).map(joined),
            ("response", "size") => Some(int(self.response_size())),
            ("response", "total_size") => Some(int(self.response_size()
                + self.size(MapType::HttpResponseHeaders)
                + self.size(MapType::HttpResponseTrailers))),
            ("response", "headers_bytes") => Some(int(self.size(MapType::HttpResponseHeaders))),
            ("response", "backend_latency") => Some(PropertyValue::Duration(times.answered?.saturating_sub(times.asked?))),
            ("upstream", "transport_failure_reason") => Some(stream.refused().unwrap_or_default().into()),
            ("upstream", "request_attempt_count") => Some(PropertyValue::Uint(u64::from(self.has(Presence::Upstream)))),
            (group, name) => of_surroundings(group, name),
        }
    }

    fn told(&self) -> &Told {
        &self.stream.told
    }

    fn filter_state(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.stream.filter_state
    }

    fn connection_id(&self) -> u64 {
        self.stream.connection_id
    }
}

/// What a proxy says of peers and configuration that the test said nothing of. Addresses are those of documentation (RFC 5737).
pub(crate) fn of_surroundings(group: &str, name: &str) -> Option<PropertyValue> {
    Some(match (group, name) {
        ("source", "address") => "192.0.2.1:50000".into(),
        ("destination", "address") => "198.51.100.1:80".into(),
        ("upstream", "address") => "203.0.113.1:8080".into(),
        ("upstream", "local_address") => "198.51.100.1:40000".into(),
        ("connection", "mtls") => false.into(),
        ("connection", "requested_server_name") | ("xds", "route_name" | "filter_chain_name") => "".into(),
        ("upstream", "cx_pool_ready_duration") => Duration::ZERO.into(),
        ("upstream", "num_endpoints") => 1_u64.into(),
        ("xds", "cluster_name") => "upstream".into(),
        ("xds", "virtual_host_name") => "mock-proxy".into(),
        ("xds", "listener_direction") => 0_i64.into(),
        _ => return None,
    })
}
