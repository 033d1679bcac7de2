//! Protobuf's wire format, written and read field by field: for the messages of Envoy's foreign functions, and for filters that speak a few
//! small ones of gRPC without code made from a `.proto`.
//!
//! ```
//! use proxy_filter_abi::protobuf::{Field, Message, fields};
//! let message = Message::new().bytes(1, b"x-tag").varint(3, 2).bytes(2, b"").into_bytes();
//! assert_eq!(message, b"\x0a\x05x-tag\x18\x02", "a default takes no bytes");
//!
//! let read: Result<Vec<_>, _> = fields(&message).collect();
//! assert_eq!(read, Ok(vec![(1, Field::Bytes(b"x-tag")), (3, Field::Varint(2))]));
//! assert!(fields(b"\x0a\x05x").any(|field| field.is_err()), "it is cut off");
//! ```

use alloc::vec::Vec;
use core::fmt;

/// A message that is being written: fields with their number, in any order. What has proto3's default is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the message is had by `into_bytes`"]
pub struct Message(Vec<u8>);

impl Message {
    /// A message without fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A field of type `string`, `bytes`, or another message.
    pub fn bytes(mut self, number: u32, value: &[u8]) -> Self {
        if !value.is_empty() {
            self.put(u64::from(number) << 3 | 2);
            self.put(value.len() as u64);
            self.0.extend_from_slice(value);
        }
        self
    }

    /// A field of type `bool`, of an unsigned or signed integer type, or of an enumeration.
    pub fn varint(mut self, number: u32, value: u64) -> Self {
        if value != 0 {
            self.put(u64::from(number) << 3);
            self.put(value);
        }
        self
    }

    /// The message on the wire.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn put(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The value of a field, by how it crosses the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// An integer, a `bool` or an enumeration.
    Varint(u64),
    /// A `double`, `fixed64` or `sfixed64`.
    Fixed64(u64),
    /// A `string`, `bytes`, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// A `float`, `fixed32` or `sfixed32`.
    Fixed32(u32),
    /// A group of proto2, which proto3 reads past.
    Group,
}

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are no protobuf message")
    }
}

impl core::error::Error for Malformed {}

/// The fields of a message, in the order of the wire, each with its number; nothing follows after a [`Malformed`].
pub const fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

/// What [`fields`] gives.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            // What lies past the 64th bit is dropped, as protobuf's own readers do.
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, size: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(size).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u32, Field<'a>)> {
        const MOST_GROUPS: u32 = 100;
        let (number, kind) = self.tag()?;
        Some((number, self.value(number, kind, MOST_GROUPS)?))
    }

    fn tag(&mut self) -> Option<(u32, u32)> {
        let tag = u32::try_from(self.varint()?).ok()?;
        Some((tag >> 3, tag & 7)).filter(|(number, _)| *number > 0)
    }

    fn value(&mut self, number: u32, kind: u32, most_groups: u32) -> Option<Field<'a>> {
        Some(match kind {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(*self.take(8)?.first_chunk()?)),
            2 => {
                let size = self.varint()?;
                Field::Bytes(self.take(size)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(*self.take(4)?.first_chunk()?)),
            3 => loop {
                const END: u32 = 4;
                let (inner, kind) = self.tag()?;
                if kind == END {
                    return (inner == number).then_some(Field::Group);
                }
                self.value(inner, kind, most_groups.checked_sub(1)?)?;
            },
            _ => return None,
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Field<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read_again() {
        let long = vec![b'x'; 300];
        let message = Message::new().bytes(1, &long).varint(2, u64::MAX).varint(16, 128).varint(3, 0).into_bytes();
        let read: Result<Vec<_>, _> = fields(&message).collect();
        assert_eq!(read, Ok(vec![(1, Field::Bytes(&long)), (2, Field::Varint(u64::MAX)), (16, Field::Varint(128))]));
        assert_eq!(fields(b"").next(), None);
    }

    #[test]
    fn fixed_numbers_are_read() {
        let read: Result<Vec<_>, _> = fields(b"\x09\x01\0\0\0\0\0\0\0\x15\x02\0\0\0").collect();
        assert_eq!(read, Ok(vec![(1, Field::Fixed64(1)), (2, Field::Fixed32(2))]));
    }

    #[test]
    fn groups_are_read_past_as_deep_as_protobuf_does() {
        let read: Result<Vec<_>, _> = fields(b"\x0b\x10\x05\x13\x14\x0c\x18\x01").collect();
        assert_eq!(read, Ok(vec![(1, Field::Group), (3, Field::Varint(1))]));
        for (groups, read) in [(101, true), (102, false), (1_000_000, false)] {
            let bytes = [vec![0x0b; groups], vec![0x0c; groups]].concat();
            assert_eq!(fields(&bytes).all(|field| field.is_ok()), read, "{groups} groups");
        }
        for bad in [&b"\x0b"[..], b"\x0c", b"\x0b\x14", b"\x0b\x10"] {
            assert_eq!(fields(bad).last(), Some(Err(Malformed)), "{bad:?}");
        }
    }

    #[test]
    fn no_bytes_are_too_bad_to_be_read() {
        let bad: [&[u8]; 7] = [
            b"\x0a",
            b"\x0a\x05abc",
            b"\x00\x01",
            b"\x0b",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x09\x01",
        ];
        for bytes in bad {
            let read: Vec<_> = fields(bytes).collect();
            assert_eq!(read.last(), Some(&Err(Malformed)), "{bytes:?}");
        }
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                assert!(fields(&[first, second, 0x80, 1, 2]).count() <= 5);
            }
        }
    }
}
