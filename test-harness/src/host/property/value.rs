//! A property's value, and how it crosses to the guest.

use proxy_filter_abi::{Status, pairs};
use std::collections::BTreeMap;
use std::time::Duration;

/// The value of a property: what [`Builder::property`](crate::Builder::property) and its siblings take.
///
/// Numbers of Rust's `i64`, `u64` and `f64` become Envoy's `int`, `uint` and `double`; from `serde_json::json!` comes what protobuf's
/// `Struct` holds, where **each number is a double** (PRO-5).
///
/// ```
/// use proxy_filter_test::PropertyValue;
/// use serde_json::json;
/// assert_eq!(PropertyValue::from("gold"), PropertyValue::Bytes(b"gold".to_vec()));
/// assert_eq!(PropertyValue::from(json!(3)), PropertyValue::Double(3.0));
/// assert_eq!(PropertyValue::from(3_i64), PropertyValue::Int(3));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue {
    /// A string, bytes, or a message of protobuf as it is on the wire: as they are.
    Bytes(Vec<u8>),
    /// 8 bytes, little-endian.
    Int(i64),
    /// 8 bytes, little-endian.
    Uint(u64),
    /// 8 bytes, little-endian, IEEE 754.
    Double(f64),
    /// One byte.
    Bool(bool),
    /// Nanoseconds, as an int.
    Duration(Duration),
    /// A time, since the Unix epoch: nanoseconds, as an int.
    Timestamp(Duration),
    /// Pairs, with empty values (SER-7).
    List(Vec<PropertyValue>),
    /// Pairs; the proxy gives them in any order (PRO-34).
    Map(BTreeMap<Vec<u8>, PropertyValue>),
    /// The null of a `Struct`, which cannot be read: `SERIALIZATION_FAILURE` (PRO-35).
    Null,
    /// Not there, whatever the exchange would say: `NOT_FOUND`.
    Absent,
}

impl PropertyValue {
    /// What lies under one more part of a path.
    pub(super) fn step(&self, part: &[u8]) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(part),
            Self::List(list) => list.get(std::str::from_utf8(part).ok()?.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The value under further parts, as the guest gets it.
    pub(super) fn read(&self, rest: &[&[u8]]) -> Result<Vec<u8>, Status> {
        let found = rest.iter().try_fold(self, |value, part| value.step(part));
        found.ok_or(Status::NotFound)?.to_wire()
    }

    /// PRO-5, PRO-8.
    pub(super) fn to_wire(&self) -> Result<Vec<u8>, Status> {
        let nanoseconds = |time: &Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX).to_le_bytes().to_vec();
        Ok(match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Int(number) => number.to_le_bytes().to_vec(),
            Self::Uint(number) => number.to_le_bytes().to_vec(),
            Self::Double(number) => number.to_le_bytes().to_vec(),
            Self::Bool(value) => vec![u8::from(*value)],
            Self::Duration(time) | Self::Timestamp(time) => nanoseconds(time),
            Self::List(list) => {
                let keys: Result<Vec<_>, _> = list.iter().map(|value| Ok((value.to_wire()?, Vec::new()))).collect();
                entries(&keys?)
            }
            Self::Map(map) => {
                let there = map.iter().filter(|(_, value)| **value != Self::Absent);
                let there: Result<Vec<_>, _> = there.map(|(key, value)| Ok((key.clone(), value.to_wire()?))).collect();
                entries(&there?)
            }
            Self::Null => return Err(Status::SerializationFailure),
            Self::Absent => return Err(Status::NotFound),
        })
    }

    /// Puts a value at this place, in maps that are made where there are none.
    pub(super) fn insert(&mut self, path: &[Vec<u8>], value: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(BTreeMap::new());
        }
        if let Self::Map(map) = self {
            map.entry(first.clone()).or_insert_with(|| Self::Map(BTreeMap::new())).insert(rest, value);
        }
    }

    /// This value with another laid over it: maps entry by entry.
    pub(super) fn under(self, over: &Self) -> Self {
        match (self, over) {
            (Self::Map(mut map), Self::Map(over)) => {
                for (key, value) in over {
                    let value = map.remove(key).map_or_else(|| value.clone(), |old| old.under(value));
                    map.insert(key.clone(), value);
                }
                Self::Map(map)
            }
            (_, over) => over.clone(),
        }
    }
}

/// SER-3: a map without entries is a count all the same, unlike one that a hostcall about maps gives.
fn entries(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    if entries.is_empty() { vec![0; 4] } else { pairs::encode(entries.iter().map(|(key, value)| (key, value))) }
}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<String> for PropertyValue {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&[u8]> for PropertyValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Vec<u8>> for PropertyValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for PropertyValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for PropertyValue {
    fn from(number: u64) -> Self {
        Self::Uint(number)
    }
}

impl From<f64> for PropertyValue {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for PropertyValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Duration> for PropertyValue {
    fn from(length: Duration) -> Self {
        Self::Duration(length)
    }
}

impl From<serde_json::Value> for PropertyValue {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Bytes(text.into()),
            Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Value::Object(map) => Self::Map(map.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pro_5_pro_8_values_cross_as_envoy_writes_them() {
        let value = PropertyValue::from(json!({ "a": "b", "n": 1, "yes": true, "list": ["x", 2], "none": {}, "no": null }));
        let read = |path: &[&[u8]]| value.read(path);
        assert_eq!(read(&[b"a"]), Ok(b"b".to_vec()));
        assert_eq!(read(&[b"n"]), Ok(1_f64.to_le_bytes().to_vec()));
        assert_eq!(read(&[b"yes"]), Ok(vec![1]));
        assert_eq!(read(&[b"list"]).unwrap()[..20], *b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0");
        assert_eq!(read(&[b"list", b"0"]), Ok(b"x".to_vec()));
        assert_eq!(read(&[b"none"]), Ok(vec![0; 4]), "SER-3");
        assert_eq!(read(&[b"no"]), Err(Status::SerializationFailure));
        assert_eq!(read(&[]), Err(Status::SerializationFailure), "one null makes the whole unreadable");
        for missing in [&[&b"b"[..]][..], &[b"a", b"b"], &[b"list", b"2"], &[b"list", b"-1"], &[b"list", b"x"]] {
            assert_eq!(read(missing), Err(Status::NotFound), "{missing:?}");
        }
    }

    #[test]
    fn a_tree_grows_by_paths_and_lies_over_another() {
        let path = |parts: &[&str]| parts.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
        let (mut base, mut over) = (PropertyValue::from(json!({})), PropertyValue::from(json!({})));
        base.insert(&path(&["xds", "node", "id"]), "a".into());
        base.insert(&path(&["xds", "node", "cluster"]), "b".into());
        over.insert(&path(&["xds", "node", "id"]), "c".into());
        assert_eq!(base.clone().under(&over), PropertyValue::from(json!({ "xds": { "node": { "id": "c", "cluster": "b" } } })));
        over.insert(&path(&["xds"]), PropertyValue::Absent);
        assert_eq!(base.under(&over).read(&[b"xds"]), Err(Status::NotFound));
    }
}
