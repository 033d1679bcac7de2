//! Header maps on the wire: a list of byte pairs.
//!
//! Layout (specification v0.2.1, "Serialized map"; all integers little-endian `u32`): the number of pairs, then for each
//! pair the length of its key and of its value, then for each pair the key, a NUL, the value, a NUL. An empty map may also
//! be no bytes at all or a single NUL. Order and duplicates are kept.

use alloc::{vec, vec::Vec};
use core::fmt;

/// A header map on the wire, checked once and then read in place: no copy, no allocation.
///
/// ```
/// use proxy_filter_abi::{Pairs, pairs};
/// let wire = pairs::encode([("accept", "*/*")]);
/// for (name, value) in &Pairs::parse(&wire)? {
///     assert_eq!((name, value), (&b"accept"[..], &b"*/*"[..]));
/// }
/// # Ok::<(), pairs::ParseError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs<'a> {
    sizes: &'a [u8],
    data: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// Checks every length and terminator of `wire`.
    ///
    /// # Errors
    /// [`ParseError`] says what does not hold and at which byte.
    pub fn parse(wire: &'a [u8]) -> Result<Self, ParseError> {
        if matches!(wire, [] | [0]) {
            return Ok(Self::default());
        }
        let truncated = ParseError { at: wire.len(), reason: Reason::Truncated };
        let Self { sizes, data } = Self::split(wire).ok_or(truncated)?;

        let mut unread = Pairs { sizes, data };
        while !unread.sizes.is_empty() {
            let at = wire.len() - unread.data.len();
            unread.split_first().ok_or_else(|| match unread.first_span() {
                Some(span) if span <= unread.data.len() => ParseError { at, reason: Reason::Terminator },
                _ => truncated,
            })?;
        }
        if !unread.data.is_empty() {
            return Err(ParseError { at: wire.len() - unread.data.len(), reason: Reason::Trailing });
        }
        Ok(Self { sizes, data })
    }

    /// A view of bytes that [`parse`](Self::parse) accepted before, without the check; of others it gives what can be read.
    pub fn parsed(wire: &'a [u8]) -> Self {
        Self::split(wire).unwrap_or_default()
    }

    fn split(wire: &'a [u8]) -> Option<Self> {
        let (count, rest) = wire.split_first_chunk::<4>()?;
        let (sizes, data) = rest.split_at_checked(to_usize(u32::from_le_bytes(*count)).checked_mul(8)?)?;
        Some(Self { sizes, data })
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.sizes.len() / 8
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The pairs, in order.
    pub fn iter(&self) -> Iter<'a> {
        Iter(*self)
    }

    /// How many bytes the first pair takes in `data`, terminators included.
    fn first_span(&self) -> Option<usize> {
        let (key, rest) = self.sizes.split_first_chunk::<4>()?;
        let (value, _) = rest.split_first_chunk::<4>()?;
        to_usize(u32::from_le_bytes(*key)).checked_add(to_usize(u32::from_le_bytes(*value)))?.checked_add(2)
    }

    fn split_first(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (key_len, sizes) = self.sizes.split_first_chunk::<4>()?;
        let (value_len, sizes) = sizes.split_first_chunk::<4>()?;
        let (key, data) = self.data.split_at_checked(to_usize(u32::from_le_bytes(*key_len)))?;
        let data = data.strip_prefix(&[0])?;
        let (value, data) = data.split_at_checked(to_usize(u32::from_le_bytes(*value_len)))?;
        let data = data.strip_prefix(&[0])?;
        *self = Self { sizes, data };
        Some((key, value))
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(key, value)| (Escaped(key.escape_ascii()), Escaped(value.escape_ascii()))))
            .finish()
    }
}

/// `escape_ascii()` as a `Debug` that prints text rather than a struct.
struct Escaped<T>(T);
impl<T: fmt::Display> fmt::Debug for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl<'a> IntoIterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The pairs of a map, in order; made by [`Pairs::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a>(Pairs<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.split_first()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Why bytes are not a header map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    at: usize,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Truncated,
    Terminator,
    Trailing,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            Reason::Truncated => "ends before all its pairs were read",
            Reason::Terminator => "has a key or a value without its NUL terminator",
            Reason::Trailing => "has bytes left over after its last pair",
        };
        write!(f, "the serialised header map {what} (byte {})", self.at)
    }
}

impl core::error::Error for ParseError {}

/// Serialises pairs into one buffer, allocated once.
///
/// ```
/// use proxy_filter_abi::pairs;
/// assert_eq!(pairs::encode([("a", "bc")]), b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0");
/// ```
pub fn encode<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V), IntoIter: Clone>) -> Vec<u8> {
    let pairs = pairs.into_iter();
    let mut wire = vec![0; encoded_len(pairs.clone())];
    encode_into(pairs, &mut wire);
    wire
}

/// How many bytes [`encode`] makes of these pairs.
pub fn encoded_len<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> usize {
    pairs.into_iter().fold(4, |len, (key, value)| len + 8 + key.as_ref().len() + 1 + value.as_ref().len() + 1)
}

/// Serialises pairs into bytes of [`encoded_len`]; what does not fit is left out.
pub fn encode_into<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (K, V), IntoIter: Clone>,
    mut wire: &mut [u8],
) {
    let pairs = pairs.into_iter();
    let mut put = |bytes: &[u8]| {
        if let Some((place, rest)) = core::mem::take(&mut wire).split_at_mut_checked(bytes.len()) {
            place.copy_from_slice(bytes);
            wire = rest;
        }
    };
    put(&to_u32(pairs.clone().count()).to_le_bytes());
    for (key, value) in pairs.clone() {
        put(&to_u32(key.as_ref().len()).to_le_bytes());
        put(&to_u32(value.as_ref().len()).to_le_bytes());
    }
    for (key, value) in pairs {
        put(key.as_ref());
        put(&[0]);
        put(value.as_ref());
        put(&[0]);
    }
}

#[inline]
fn to_usize(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Lengths are of slices in a 32-bit memory; a longer one could not be passed and reads as malformed on the other side.
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(not(target_family = "wasm"))]
    use proptest::prelude::*;
    use std::string::ToString;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_form_of_the_empty_map_is_read() {
        for wire in [&b""[..], b"\0", b"\0\0\0\0"] {
            assert!(Pairs::parse(wire).unwrap().is_empty());
        }
    }

    #[test]
    fn malformed_maps_are_refused_with_the_reason() {
        let text = |wire: &[u8]| Pairs::parse(wire).unwrap_err().to_string();
        assert!(text(b"\x01\0").contains("ends before"));
        assert!(text(b"\x01\0\0\0").contains("ends before"));
        assert!(text(b"\xff\xff\xff\xff").contains("ends before"));
        assert!(text(b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffab").contains("ends before"));
        assert!(text(b"\x01\0\0\0\x01\0\0\0\x01\0\0\0a\x07b\x07").contains("NUL terminator"));
        assert!(text(b"\x01\0\0\0\x01\0\0\0\x01\0\0\0a\0b\0zz").contains("left over"));
        assert!(text(b"\0\0\0\0zz").contains("left over"));
    }

    #[cfg(not(target_family = "wasm"))]
    proptest! {
        #[test]
        fn round_trip(pairs in proptest::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)) {
            let wire = encode(pairs.iter().map(|(k, v)| (k, v)));
            let read: Vec<_> = Pairs::parse(&wire).unwrap().iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn hostile_bytes_never_panic_and_what_parses_is_consistent(wire in any::<Vec<u8>>()) {
            if let Ok(map) = Pairs::parse(&wire) {
                prop_assert_eq!(map.iter().count(), map.len());
            }
        }

        #[test]
        fn damaged_maps_never_panic(
            pairs in proptest::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 1..5),
            at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut wire = encode(pairs.iter().map(|(k, v)| (k, v)));
            let index = at.index(wire.len());
            wire[index] = byte;
            wire.truncate(cut.index(wire.len()) + 1);
            if let Ok(map) = Pairs::parse(&wire) {
                prop_assert_eq!(map.iter().count(), map.len());
            }
        }
    }
}
