//! What a test says of properties: values at paths.

use super::attributes::{SETTINGS, group};
use super::message::{self, METADATA};
use super::{PropertyPath, PropertyValue};
use std::collections::BTreeMap;

/// Values at paths, as a tree of maps.
#[derive(Clone, Debug)]
pub(crate) struct Told(PropertyValue);

impl Default for Told {
    fn default() -> Self {
        Self(PropertyValue::Map(BTreeMap::new()))
    }
}

impl Told {
    /// What a proxy is that nothing was said of.
    pub(crate) fn of_proxy() -> Self {
        let mut told = Self::default();
        let node = serde_json::json!({ "id": "mock-proxy", "cluster": "mock-proxy", "user_agent_name": "envoy" });
        told.0.insert(&[b"xds".into(), b"node".into()], node.into());
        for (name, number) in [("major_number", 1), ("minor_number", 40), ("patch", 0)] {
            let path = ["xds", "node", "user_agent_build_version", "version", name];
            told.0.insert(&path.map(|part| part.as_bytes().to_vec()), PropertyValue::Uint(number));
        }
        told
    }

    /// Says that a property has this value.
    #[track_caller]
    pub(crate) fn set(&mut self, path: impl PropertyPath, value: PropertyValue) {
        let parts = path.into_parts();
        check(&parts);
        self.0.insert(&parts, value);
    }

    /// What was said of a path: here, or in the part that stands over this one.
    pub(super) fn at(&self, over: Option<&Self>, path: &[&[u8]]) -> Option<PropertyValue> {
        let at = |told: &Self| path.iter().try_fold(&told.0, |value, part| value.step(part)).cloned();
        match (at(self), over.and_then(at)) {
            (Some(under), Some(over)) => Some(under.under(&over)),
            (under, over) => over.or(under),
        }
    }
}

/// A path that no filter can read is the test's mistake.
#[track_caller]
fn check(parts: &[Vec<u8>]) {
    let text = |parts: &[Vec<u8>]| parts.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join(".");
    let path = text(parts);
    let Some((first, rest)) = parts.split_first() else { panic!("a property has a path of one part at least") };
    assert!(!parts.iter().any(|part| part.contains(&0)), "a part of the path `{path}` holds a NUL byte, which separates parts");
    if let Some((name, setting)) = SETTINGS.iter().find(|(name, _)| name.as_bytes() == first) {
        panic!("`{name}` is set by `{setting}`");
    }
    assert!(first != b"connection_id", "`connection_id` is another name of `connection.id`: set that");
    if first == b"metadata" {
        assert!(message::has(METADATA, rest), "`{path}` is no metadata: it is `metadata.filter_metadata.NAMESPACE.KEY`");
    }
    if first == b"filter_state" {
        assert!(rest.len() == 1, "`{path}` is no object of the filter state: it is [\"filter_state\", KEY]");
    }
    let Some(attributes) = group(first) else { return };
    let known = rest.first().and_then(|name| attributes.iter().find(|attribute| attribute.name.as_bytes() == name));
    let Some(attribute) = known else {
        let names: Vec<_> = attributes.iter().map(|attribute| attribute.name).collect();
        panic!("Envoy has no property `{path}`; in `{}` there are: {}", text(&parts[..1]), names.join(", "));
    };
    let within = attribute.message.is_none_or(|schema| message::has(schema, &rest[1..]));
    assert!(within, "the message `{}` has no `{}`", text(&parts[..2]), text(&parts[2..]));
    let is_map = matches!(attribute.name, "headers" | "trailers");
    assert!(
        attribute.message.is_some() || rest.len() == 1 || is_map && rest.len() == 2,
        "`{}` is a plain value, into which `{path}` cannot go",
        text(&parts[..2])
    );
}
