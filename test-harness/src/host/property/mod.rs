//! `proxy_get_property` and `proxy_set_property`: what the proxy knows, by path.
//!
//! An attribute's value comes from what the test says of it, else from the exchange ([`Facts`]); whether it is there is a matter of
//! the phase in both cases.

mod attributes;
mod message;
mod path;
mod told;
mod value;

pub(crate) use attributes::Presence;
pub use path::PropertyPath;
pub(crate) use told::Told;
pub use value::PropertyValue;

use super::VmHost;
use crate::profile::Profile;
use attributes::group;
use message::METADATA;
use proxy_filter_abi::Status;
use std::collections::BTreeMap;

type Answer<T = ()> = Result<T, Status>;

/// What a stream knows of itself, for the filter that asks.
pub(crate) trait Facts {
    /// Whether what is of this presence is there now.
    fn has(&self, presence: Presence) -> bool;

    /// The value of an attribute; `None` where there is none.
    fn value(&self, group: &str, name: &str) -> Option<PropertyValue>;

    /// What the test has said of this stream alone.
    fn told(&self) -> &Told;

    /// What filters have put into the filter state, by key.
    fn filter_state(&self) -> &BTreeMap<Vec<u8>, Vec<u8>>;

    /// Its connection's number.
    fn connection_id(&self) -> u64;
}

/// The key in the filter state of what `proxy_set_property` sets (PRO-10).
pub(crate) fn wasm_key(path: &[u8]) -> Vec<u8> {
    [b"wasm.", path].concat()
}

/// PRO-33: a path's parts; one empty part at the end counts for nothing.
fn parts(path: &[u8]) -> Vec<&[u8]> {
    let path = path.strip_suffix(b"\0").filter(|rest| !rest.is_empty()).unwrap_or(path);
    proxy_filter_abi::path::parts(path).collect()
}

impl VmHost {
    pub(super) fn get_property(&self, path: &[u8]) -> Answer<Vec<u8>> {
        let by_spec = self.state().profile == Profile::Spec;
        let answer = |facts: Option<&dyn Facts>| {
            if let Some(facts) = facts.filter(|_| by_spec)
                && let Some(set) = facts.filter_state().get(&wasm_key(path))
            {
                // What was set is what is there, whatever its path.
                return Ok(set.clone());
            }
            self.resolve(facts, &parts(path))
        };
        self.with_readable(|stream, filter| answer(Some(&stream.seen_by(filter))))
            .or_else(|| self.with_connection(|connection, _| answer(Some(&*connection))))
            .unwrap_or_else(|| answer(None))
    }

    fn resolve(&self, facts: Option<&dyn Facts>, path: &[&[u8]]) -> Answer<Vec<u8>> {
        // PRO-4.
        let Some((first, rest)) = path.split_first() else { return Err(Status::SerializationFailure) };
        let text = |text: &str| PropertyValue::from(text).read(rest);
        match *first {
            b"plugin_name" => return text(&self.plugin().name),
            b"plugin_root_id" => return text(&self.plugin().root_id),
            b"plugin_vm_id" => return text(&self.vm().vm_id),
            // ACL-2: an access logger has the stream's facts, and no connection.
            b"connection_id" if self.logged_stream().is_some() => return Err(Status::NotFound),
            b"connection_id" => {
                let facts = facts.ok_or(Status::NotFound)?;
                let told = self.told(Some(facts), &[b"connection", b"id"]);
                return told.unwrap_or(PropertyValue::Uint(facts.connection_id())).read(rest);
            }
            _ => {}
        }
        match (*first, facts) {
            (b"xds", _) => {}
            (_, None) => {
                return self.told(None, &path[..1]).filter(|_| !is_of_streams(first)).ok_or(Status::NotFound)?.read(rest);
            }
            (b"metadata", Some(facts)) => {
                return message::read(METADATA, &self.told(Some(facts), &[b"metadata"]).unwrap_or_else(empty), rest);
            }
            (b"filter_state", Some(facts)) => return self.filter_state(facts, rest),
            // What filters of the upstream share: the mock proxy has none.
            (b"upstream_filter_state", Some(facts)) if facts.has(Presence::UpstreamConnected) => {
                return Err(if rest.is_empty() { Status::SerializationFailure } else { Status::NotFound });
            }
            _ => {}
        }
        let Some(attributes) = group(first) else { return self.set_or_told(facts, path) };
        // PRO-4: a group cannot be serialised.
        let Some((name, rest)) = rest.split_first() else { return Err(Status::SerializationFailure) };
        let attribute = attributes.iter().find(|attribute| attribute.name.as_bytes() == *name).ok_or(Status::NotFound)?;
        let is_map = matches!(attribute.name, "headers" | "trailers");
        let there = attribute.presence == Presence::Anywhere || facts.is_some_and(|facts| facts.has(attribute.presence));
        if !there {
            // Of a message that is not here the headers are an empty map.
            return if is_map && facts.is_some() { empty().read(rest) } else { Err(Status::NotFound) };
        }
        let told = self.told(facts, &[first, name]);
        if let Some(schema) = attribute.message {
            return match told {
                // PRO-35: Envoy has a null where there is none.
                None if attribute.name == "upstream_host_locality_metadata" && rest.is_empty() => {
                    Err(Status::SerializationFailure)
                }
                told => message::read(schema, &told.unwrap_or_else(empty), rest),
            };
        }
        let value = facts.and_then(|facts| match attribute.name {
            "id" if *first == b"connection" => Some(PropertyValue::Uint(facts.connection_id())),
            "port" => {
                let told = self.told(Some(facts), &[first, b"address"]);
                port_of(&told.or_else(|| facts.value(text_of(first), "address"))?)
            }
            name => facts.value(text_of(first), name),
        });
        let value = match (value, told) {
            (Some(value), Some(told)) => value.under(&told),
            (value, told) => told.or(value).ok_or(Status::NotFound)?,
        };
        match (is_map, rest) {
            // PRO-1, HDR-6: case does not count in header names, and `host` is the authority.
            (true, [name, rest @ ..]) => {
                let lower = name.to_ascii_lowercase();
                let name = if lower == b"host" { b":authority" } else { &lower[..] };
                value.step(name).ok_or(Status::NotFound)?.read(rest)
            }
            _ => value.read(rest),
        }
    }

    /// PRO-12, FOR-11.
    fn filter_state(&self, facts: &dyn Facts, rest: &[&[u8]]) -> Answer<Vec<u8>> {
        let Some((key, rest)) = rest.split_first() else { return Err(Status::SerializationFailure) };
        if let Some(set) = facts.filter_state().get(*key) {
            return if rest.is_empty() { Ok(set.clone()) } else { Err(Status::NotFound) };
        }
        self.told(Some(facts), &[b"filter_state", key]).ok_or(Status::NotFound)?.read(rest)
    }

    /// PRO-11, PRO-13: what a filter has set under a name of one part; or what the test says of one that Envoy has not.
    fn set_or_told(&self, facts: Option<&dyn Facts>, path: &[&[u8]]) -> Answer<Vec<u8>> {
        match facts.and_then(|facts| facts.filter_state().get(&wasm_key(path[0]))) {
            Some(set) if path.len() == 1 => Ok(set.clone()),
            Some(_) => Err(Status::NotFound),
            None => self.told(facts, &path[..1]).ok_or(Status::NotFound)?.read(&path[1..]),
        }
    }

    fn told(&self, facts: Option<&dyn Facts>, path: &[&[u8]]) -> Option<PropertyValue> {
        self.state().told.borrow().at(facts.map(Facts::told), path)
    }

    pub(super) fn set_property(&self, path: &[u8], value: &[u8]) -> Answer {
        if self.is_set_for_good(path) {
            return Err(Status::BadArgument);
        }
        // PRO-16: a root has no filter state.
        self.with_stream(|stream, _| stream.set_filter_state(&wasm_key(path), Some(value.to_vec())))
            .or_else(|| self.with_connection(|connection, _| connection.set_filter_state(&wasm_key(path), Some(value.to_vec()))))
            .ok_or(Status::NotFound)
    }
}

/// A port is that of the address.
fn port_of(address: &PropertyValue) -> Option<PropertyValue> {
    let PropertyValue::Bytes(address) = address else { return None };
    let (_, port) = std::str::from_utf8(address).ok()?.rsplit_once(':')?;
    port.parse().ok().map(PropertyValue::Int)
}

fn empty() -> PropertyValue {
    PropertyValue::Map(BTreeMap::new())
}

/// What is nowhere but in streams, whatever the test says of it.
fn is_of_streams(first: &[u8]) -> bool {
    group(first).is_some() || matches!(first, b"metadata" | b"filter_state")
}

fn text_of(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}
