//! A header map with Envoy's rules: an ordered list of byte pairs, of which some names are *inline*.

use proxy_filter_abi::{Pairs, pairs};

/// One name and value.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// Which message a map belongs to: the inline names differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
}

/// Headers or trailers of a message, in their order. Names are lower case; an inline name has one entry, whose values are
/// joined with a comma (HDR-10); pseudo-headers stand before the others (HDR-13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderMap {
    kind: MapKind,
    entries: Vec<Entry>,
}

impl HeaderMap {
    pub(crate) fn new(kind: MapKind) -> Self {
        Self { kind, entries: Vec::new() }
    }

    /// A map as it is after these came in, in this order.
    pub(crate) fn from_entries<K: AsRef<[u8]>, V: AsRef<[u8]>>(kind: MapKind, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut map = Self::new(kind);
        for (name, value) in entries {
            map.add(name.as_ref(), value.as_ref());
        }
        map
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// HDR-3: the sum of the lengths, not the serialised size.
    pub(crate) fn byte_size(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// HDR-9: the first entry only.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let name = self.name(name);
        self.entries.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name.as_bytes()).is_some()
    }

    /// HDR-10 to HDR-12.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = self.name(name);
        if self.is_inline(&name)
            && let Some((_, old)) = self.entries.iter_mut().find(|(key, _)| *key == name)
        {
            // Envoy's append puts no comma before the first value.
            if !old.is_empty() {
                old.push(b',');
            }
            old.extend_from_slice(value);
            return;
        }
        let at = if name.starts_with(b":") { self.pseudo_headers() } else { self.entries.len() };
        self.entries.insert(at, (name, value.to_vec()));
    }

    /// HDR-13: all old entries go, the new one stands at the end.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Sets the value where it stands, as Envoy's own code does.
    pub(crate) fn set_in_place(&mut self, name: &str, value: &[u8]) {
        match self.entries.iter_mut().find(|(key, _)| key == name.as_bytes()) {
            Some((_, old)) => *old = value.to_vec(),
            None => self.add(name.as_bytes(), value),
        }
    }

    /// Takes all entries of this name but the first.
    pub(crate) fn keep_first(&mut self, name: &[u8]) {
        let mut seen = false;
        self.entries.retain(|(key, _)| key != name || !std::mem::replace(&mut seen, true));
    }

    /// HDR-14.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        let name = self.name(name);
        self.entries.retain(|(key, _)| *key != name);
    }

    /// HDR-15.
    pub(crate) fn set_pairs(&mut self, pairs: &[Entry]) {
        self.entries.clear();
        for (name, value) in pairs {
            self.add(name, value);
        }
    }

    /// SER-1, SER-2: an empty map is no bytes at all.
    pub(crate) fn to_wire(&self) -> Vec<u8> {
        if self.entries.is_empty() { Vec::new() } else { pairs::encode(self.entries.iter().map(|(name, value)| (name, value))) }
    }

    fn pseudo_headers(&self) -> usize {
        self.entries.iter().take_while(|(name, _)| name.starts_with(b":")).count()
    }

    /// HDR-6: lower case, and `host` is `:authority` in a request.
    fn name(&self, name: &[u8]) -> Vec<u8> {
        let name = name.to_ascii_lowercase();
        if name == b"host" && self.kind == MapKind::RequestHeaders { b":authority".to_vec() } else { name }
    }

    fn is_inline(&self, name: &[u8]) -> bool {
        let Ok(name) = std::str::from_utf8(name) else { return false };
        let list = match self.kind {
            MapKind::RequestHeaders => INLINE_REQUEST_HEADERS,
            MapKind::RequestTrailers => &[],
            MapKind::ResponseHeaders => INLINE_RESPONSE_HEADERS,
            MapKind::ResponseTrailers => &["grpc-message", "grpc-status"],
        };
        list.contains(&name)
    }
}

/// SER-4, SER-5: what is not a map reads as an empty one, and so does one over Envoy's limits.
pub(crate) fn parse_leniently(wire: &[u8]) -> Vec<Entry> {
    const MOST_BYTES: usize = 1 << 20;
    const MOST_PAIRS: usize = 1024;
    match Pairs::parse(wire) {
        Ok(pairs) if wire.len() <= MOST_BYTES && pairs.len() <= MOST_PAIRS => {
            pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
        }
        _ => Vec::new(),
    }
}

/// Envoy 1.40's, as its start-up log lists them.
const INLINE_REQUEST_HEADERS: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authentication",
    "authorization",
    "cache-control",
    "cdn-loop",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "origin",
    "pragma",
    "proxy-connection",
    "proxy-status",
    "referer",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

const INLINE_RESPONSE_HEADERS: &[&str] = &[
    ":status",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-connection",
    "proxy-status",
    "server",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(entries: &[(&str, &str)]) -> HeaderMap {
        HeaderMap::from_entries(MapKind::RequestHeaders, entries.iter().copied())
    }

    fn text(map: &HeaderMap) -> Vec<String> {
        map.entries.iter().map(|(n, v)| format!("{}={}", n.escape_ascii(), v.escape_ascii())).collect()
    }

    #[test]
    fn hdr_6_names_are_lower_case_and_host_is_the_authority() {
        let map = request(&[("Host", "shop"), ("X-A", "1")]);
        assert_eq!(text(&map), [":authority=shop", "x-a=1"]);
        assert_eq!(map.get(b"HOST"), Some(&b"shop"[..]));
        assert_eq!(map.get(b"x-A"), Some(&b"1"[..]));
    }

    #[test]
    fn hdr_9_hdr_10_hdr_11_inline_values_are_joined_others_stay_apart() {
        let map = request(&[("accept", "a"), ("x-a", "1"), ("accept", "b"), ("x-a", "2"), ("cookie", "c"), ("cookie", "d")]);
        assert_eq!(text(&map), ["accept=a,b", "x-a=1", "x-a=2", "cookie=c", "cookie=d"]);
        assert_eq!(map.get(b"x-a"), Some(&b"1"[..]));
    }

    #[test]
    fn hdr_13_replace_moves_to_the_end_but_pseudo_headers_stay_in_front() {
        let mut map = request(&[(":authority", "h"), (":path", "/"), ("x-a", "1"), ("x-b", "2"), ("x-a", "3")]);
        map.replace(b"x-a", b"4");
        map.replace(b":authority", b"i");
        assert_eq!(text(&map), [":path=/", ":authority=i", "x-b=2", "x-a=4"]);
    }

    #[test]
    fn ser_5_malformed_pairs_empty_the_map() {
        let mut map = request(&[("x-a", "1")]);
        map.set_pairs(&parse_leniently(b"\x01\0\0"));
        assert_eq!(map.len(), 0);
        assert_eq!(map.to_wire(), b"");
    }
}
