//! The properties that a stream's own messages answer; the others have no meaning yet.

use super::{HttpStream, local_reply::grpc_status_of};
use crate::host::HeaderMap;
use proxy_filter_abi::{MapType, Status, path};
use std::collections::BTreeMap;

/// The groups of Envoy's attributes.
pub(crate) const GROUPS: &[&[u8]] =
    &[b"request", b"response", b"source", b"destination", b"connection", b"upstream", b"metadata", b"filter_state", b"xds"];

/// What a path answers where there is no stream.
pub(crate) fn outside_streams(path: &[u8]) -> Result<Vec<u8>, Status> {
    match path::parts(path).next() {
        Some(b"xds") => Err(Status::Unimplemented),
        _ => Err(Status::NotFound),
    }
}

/// The key in the filter state of what `proxy_set_property` sets.
pub(crate) fn wasm_key(path: &[u8]) -> Vec<u8> {
    [b"wasm.", path].concat()
}

/// What the filter state holds; the groups that stand nowhere else have no meaning yet.
pub(crate) fn of_filter_state(set: &BTreeMap<Vec<u8>, Vec<u8>>, parts: &[&[u8]]) -> Result<Vec<u8>, Status> {
    match parts {
        // PRO-12, FOR-11.
        [b"filter_state", key] => set.get(*key).cloned().ok_or(Status::NotFound),
        [group, ..] if GROUPS.contains(group) => Err(Status::Unimplemented),
        // PRO-11, PRO-13: what was set under a path of one part.
        [name] => set.get(&wasm_key(name)).cloned().ok_or(Status::NotFound),
        _ => Err(Status::NotFound),
    }
}

impl HttpStream {
    /// `proxy_get_property` in a stream.
    pub(crate) fn property(&self, filter: usize, path: &[u8]) -> Result<Vec<u8>, Status> {
        let parts: Vec<&[u8]> = path::parts(path).collect();
        let headers = |map| self.map(filter, map).ok();
        match parts.as_slice() {
            // PRO-4: a whole group cannot be serialised.
            [group] if GROUPS.contains(group) && *group != b"metadata" => Err(Status::SerializationFailure),
            [b"request", b"headers", name] => joined(headers(MapType::HttpRequestHeaders), name),
            [b"response", b"headers", name] => joined(headers(MapType::HttpResponseHeaders), name),
            [b"response", b"trailers", name] => joined(headers(MapType::HttpResponseTrailers), name),
            [b"response", b"trailers"] => Ok(headers(MapType::HttpResponseTrailers).map_or_else(empty_map, as_property)),
            [b"request", attribute] => request_attribute(headers(MapType::HttpRequestHeaders), attribute),
            [b"response", b"code"] => number(self.response_number(":status")),
            // Derived from the HTTP status where there is no header.
            [b"response", b"grpc_status"] => {
                let derived =
                    || self.response_number(":status").map(|code| grpc_status_of(u16::try_from(code).unwrap_or_default()).into());
                number(self.response_number("grpc-status").or_else(derived))
            }
            [b"response", b"code_details"] => self.details.clone().ok_or(Status::NotFound),
            parts => of_filter_state(&self.filter_state, parts),
        }
    }

    fn response_number(&self, name: &str) -> Option<i64> {
        std::str::from_utf8(self.response.headers.as_ref()?.get(name.as_bytes())?).ok()?.parse().ok()
    }

    /// `proxy_set_property` in a stream: any path is kept, also one that can never be read (PRO-13, PRO-14).
    pub(crate) fn set_property(&mut self, path: &[u8], value: &[u8]) {
        self.filter_state.insert(wasm_key(path), value.to_vec());
    }

    /// Sets an object of the filter state, by what it reads as, if it can be read (FOR-11).
    pub(crate) fn set_filter_state(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.filter_state.insert(key.to_vec(), value),
            None => self.filter_state.remove(key),
        };
    }
}

/// PRO-5.
fn number(value: Option<i64>) -> Result<Vec<u8>, Status> {
    value.map(|value| value.to_le_bytes().to_vec()).ok_or(Status::NotFound)
}

/// SER-3: a map without entries is a count all the same, unlike one that a hostcall about maps gives.
fn empty_map() -> Vec<u8> {
    vec![0; 4]
}

fn as_property(map: &HeaderMap) -> Vec<u8> {
    if map.entries().is_empty() { empty_map() } else { map.to_wire() }
}

/// PRO-9: all values, joined with a comma.
fn joined(map: Option<&HeaderMap>, name: &[u8]) -> Result<Vec<u8>, Status> {
    let name = name.to_ascii_lowercase();
    let values: Vec<&[u8]> =
        map.into_iter().flat_map(HeaderMap::entries).filter(|(key, _)| *key == name).map(|(_, value)| &value[..]).collect();
    if values.is_empty() { Err(Status::NotFound) } else { Ok(values.join(&b',')) }
}

fn request_attribute(headers: Option<&HeaderMap>, attribute: &[u8]) -> Result<Vec<u8>, Status> {
    let get = |name: &str| headers.and_then(|headers| headers.get(name.as_bytes())).map(<[u8]>::to_vec).ok_or(Status::NotFound);
    let path = || get(":path");
    match attribute {
        b"path" => path(),
        b"url_path" => path().map(|path| path.split(|byte| *byte == b'?').next().unwrap_or_default().to_vec()),
        b"query" => path().map(|path| path.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default().to_vec()),
        b"host" => get(":authority"),
        b"scheme" => get(":scheme"),
        b"method" => get(":method"),
        b"referer" => get("referer"),
        b"useragent" => get("user-agent"),
        b"id" => get("x-request-id"),
        b"headers" => headers.map(as_property).ok_or(Status::NotFound),
        b"time" | b"protocol" | b"size" | b"total_size" | b"duration" => Err(Status::Unimplemented),
        _ => Err(Status::NotFound),
    }
}
