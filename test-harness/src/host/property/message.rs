//! The messages of protobuf among the attributes: how paths go into them, and how they are written.

use super::PropertyValue;
use proxy_filter_abi::Status;
use proxy_filter_abi::protobuf::Message;
use std::collections::BTreeMap;

/// A message's fields.
pub(super) type Schema = &'static [(u32, &'static str, Kind)];

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    Struct,
    /// `map<string, Struct>`.
    Structs,
    Message(Schema),
    /// A list or map that is always empty here.
    Empty,
}

pub(super) const METADATA: Schema = &[(1, "filter_metadata", Kind::Structs), (2, "typed_filter_metadata", Kind::Empty)];

pub(super) const LOCALITY: Schema = &[(1, "region", Kind::Text), (2, "zone", Kind::Text), (3, "sub_zone", Kind::Text)];

const VERSION: Schema = &[(1, "major_number", Kind::Number), (2, "minor_number", Kind::Number), (3, "patch", Kind::Number)];

pub(super) const NODE: Schema = &[
    (1, "id", Kind::Text),
    (2, "cluster", Kind::Text),
    (3, "metadata", Kind::Struct),
    (4, "locality", Kind::Message(LOCALITY)),
    (6, "user_agent_name", Kind::Text),
    (7, "user_agent_version", Kind::Text),
    (8, "user_agent_build_version", Kind::Message(&[(1, "version", Kind::Message(VERSION)), (2, "metadata", Kind::Struct)])),
    (9, "extensions", Kind::Empty),
    (10, "client_features", Kind::Empty),
    (11, "listening_addresses", Kind::Empty),
    (12, "dynamic_parameters", Kind::Empty),
];

/// Whether a path goes to a field that there is; a map's key may be any.
pub(super) fn has(schema: Schema, path: &[Vec<u8>]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match schema.iter().find(|(_, name, _)| name.as_bytes() == first) {
        Some((.., Kind::Message(inner))) => has(inner, rest),
        Some((.., Kind::Text | Kind::Number)) => rest.is_empty(),
        Some((.., Kind::Empty)) => false,
        Some((.., Kind::Struct | Kind::Structs)) => true,
        None => false,
    }
}

/// Reads a message whose fields have these values, under further parts of a path. A field without a value has its default.
pub(super) fn read(schema: Schema, values: &PropertyValue, path: &[&[u8]]) -> Result<Vec<u8>, Status> {
    // The tester's own bytes, into which no path goes.
    if !matches!(values, PropertyValue::Map(_)) {
        return values.read(path);
    }
    let Some((first, rest)) = path.split_first() else { return Ok(write(schema, values)) };
    let (_, _, kind) = schema.iter().find(|(_, name, _)| name.as_bytes() == *first).ok_or(Status::NotFound)?;
    let empty = PropertyValue::Map(BTreeMap::new());
    let value = values.step(first);
    match kind {
        Kind::Message(inner) => read(inner, value.unwrap_or(&empty), rest),
        Kind::Text => value.unwrap_or(&PropertyValue::Bytes(Vec::new())).read(rest),
        Kind::Number => PropertyValue::Uint(number(value)).read(rest),
        Kind::Struct | Kind::Structs | Kind::Empty => value.unwrap_or(&empty).read(rest),
    }
}

fn write(schema: Schema, values: &PropertyValue) -> Vec<u8> {
    let mut message = Vec::new();
    for (at, name, kind) in schema {
        let value = values.step(name.as_bytes());
        match (kind, value) {
            (Kind::Number, value) => message.extend(Message::new().varint(*at, number(value)).into_bytes()),
            (_, None) | (Kind::Empty, _) => {}
            (Kind::Text, Some(value)) => {
                message.extend(Message::new().bytes(*at, &value.to_wire().unwrap_or_default()).into_bytes());
            }
            (Kind::Message(inner), Some(value)) => put(&mut message, *at, &write(inner, value)),
            (Kind::Struct, Some(value)) => put(&mut message, *at, &write_struct(value)),
            (Kind::Structs, Some(value)) => {
                write_entries(value, write_struct).iter().for_each(|entry| put(&mut message, *at, entry));
            }
        }
    }
    message
}

fn number(value: Option<&PropertyValue>) -> u64 {
    match value {
        Some(PropertyValue::Uint(number)) => *number,
        _ => 0,
    }
}

/// A field with its length; unlike a plain one it is there also when it is empty.
fn put(message: &mut Vec<u8>, number: u32, value: &[u8]) {
    match value {
        // The tag, and no bytes.
        [] => message.extend([u8::try_from(number << 3 | 2).unwrap_or_default(), 0]),
        _ => message.extend(Message::new().bytes(number, value).into_bytes()),
    }
}

/// The entries of a map from strings to messages.
fn write_entries(map: &PropertyValue, write: fn(&PropertyValue) -> Vec<u8>) -> Vec<Vec<u8>> {
    let PropertyValue::Map(map) = map else { return Vec::new() };
    let entry = |(key, value): (&Vec<u8>, &PropertyValue)| {
        let mut entry = Message::new().bytes(1, key).into_bytes();
        put(&mut entry, 2, &write(value));
        entry
    };
    map.iter().filter(|(_, value)| **value != PropertyValue::Absent).map(entry).collect()
}

/// `google.protobuf.Struct`.
fn write_struct(map: &PropertyValue) -> Vec<u8> {
    let mut message = Vec::new();
    write_entries(map, write_value).iter().for_each(|entry| put(&mut message, 1, entry));
    message
}

/// `google.protobuf.Value`: of its fields one is there, also with its default.
fn write_value(value: &PropertyValue) -> Vec<u8> {
    let mut message = Vec::new();
    match value {
        PropertyValue::Null | PropertyValue::Absent => message.extend([0x08, 0]),
        PropertyValue::Bytes(text) => put(&mut message, 3, text),
        PropertyValue::Bool(value) => message.extend([0x20, u8::from(*value)]),
        PropertyValue::Map(_) => put(&mut message, 5, &write_struct(value)),
        PropertyValue::List(values) => {
            let mut list = Vec::new();
            values.iter().for_each(|value| put(&mut list, 1, &write_value(value)));
            put(&mut message, 6, &list);
        }
        number => {
            message.push(0x11);
            message.extend(as_double(number).to_le_bytes());
        }
    }
    message
}

/// The one kind of number that a `Struct` has.
fn as_double(number: &PropertyValue) -> f64 {
    match number {
        PropertyValue::Double(number) => *number,
        PropertyValue::Int(number) => *number as f64,
        PropertyValue::Uint(number) => *number as f64,
        PropertyValue::Duration(time) | PropertyValue::Timestamp(time) => time.as_nanos() as f64,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(json: serde_json::Value) -> PropertyValue {
        json.into()
    }

    /// The bytes are those of Envoy 1.40, where it has one entry in each map.
    #[test]
    fn pro_8_messages_are_written_as_protobuf_writes_them() {
        let one = |value| json!({ "filter_metadata": { "ns": { "k": value } } });
        let written = |json| read(METADATA, &value(one(json)), &[]).unwrap();
        assert_eq!(written(json!("v")), b"\x0a\x10\x0a\x02ns\x12\x0a\x0a\x08\x0a\x01k\x12\x03\x1a\x01v");
        assert_eq!(written(json!({})), b"\x0a\x0f\x0a\x02ns\x12\x09\x0a\x07\x0a\x01k\x12\x02*\0");
        assert_eq!(written(json!([2]))[15..], *b"2\x0b\x0a\x09\x11\0\0\0\0\0\0\0@");
        assert_eq!(written(json!(null))[15..], *b"\x08\0");
        assert_eq!(written(json!(false))[15..], *b" \0");
        assert_eq!(read(LOCALITY, &value(json!({ "region": "eu", "zone": "eu-1" })), &[]).unwrap(), b"\x0a\x02eu\x12\x04eu-1");
        assert_eq!(read(METADATA, &value(json!({})), &[]).unwrap(), b"", "an empty message has size 0");
    }

    #[test]
    fn pro_2_paths_go_into_fields_and_no_further() {
        let node = value(json!({ "id": "n", "metadata": { "a": { "b": "c" } } }));
        let ask = |path: &[&[u8]]| read(NODE, &node, path);
        assert_eq!(ask(&[b"id"]), Ok(b"n".to_vec()));
        assert_eq!(ask(&[b"metadata", b"a", b"b"]), Ok(b"c".to_vec()));
        assert_eq!(ask(&[b"cluster"]), Ok(Vec::new()));
        assert_eq!(ask(&[b"dynamic_parameters"]), Ok(vec![0; 4]));
        assert_eq!(ask(&[b"locality", b"zone"]), Ok(Vec::new()));
        assert_eq!(ask(&[b"none"]), Err(Status::NotFound));
        assert_eq!(ask(&[b"id", b"x"]), Err(Status::NotFound));
    }
}
