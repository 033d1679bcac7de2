//! Property paths on the wire: parts separated by NUL.
//!
//! ```
//! use proxy_filter_abi::path;
//! let wire = path::encode(["request", "headers", "x-tenant"])?;
//! assert_eq!(wire, b"request\0headers\0x-tenant");
//! assert_eq!(path::parts(&wire).nth(1), Some(&b"headers"[..]));
//! # Ok::<(), path::NulInPart>(())
//! ```

use alloc::vec::Vec;
use core::fmt;

/// Joins the parts of a path.
///
/// # Errors
/// [`NulInPart`] when a part holds the separator: such a path would be read as another one.
pub fn encode<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Result<Vec<u8>, NulInPart> {
    let mut wire = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let part = part.as_ref();
        if part.contains(&0) {
            return Err(NulInPart { index });
        }
        if index > 0 {
            wire.push(0);
        }
        wire.extend_from_slice(part);
    }
    Ok(wire)
}

/// The parts of a path, as Envoy splits it: no bytes are no part.
pub fn parts(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let all = if wire.is_empty() { None } else { Some(wire.split(|byte| *byte == 0)) };
    all.into_iter().flatten()
}

/// A part of a property path holds a NUL byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NulInPart {
    /// Which part, from 0.
    pub index: usize,
}

impl fmt::Display for NulInPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {} of the property path holds a NUL byte, which separates parts", self.index)
    }
}

impl core::error::Error for NulInPart {}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(not(target_family = "wasm"))]
    use proptest::prelude::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_empty_path_has_no_parts_and_empty_parts_are_kept() {
        assert_eq!(parts(b"").count(), 0);
        assert_eq!(parts(b"a\0").collect::<Vec<_>>(), [&b"a"[..], b""]);
    }

    #[test]
    fn a_nul_in_a_part_is_refused() {
        assert_eq!(encode(["a", "b\0c"]), Err(NulInPart { index: 1 }));
    }

    #[cfg(not(target_family = "wasm"))]
    proptest! {
        #[test]
        fn round_trip(path in proptest::collection::vec(proptest::collection::vec(1_u8.., 1..8), 0..6)) {
            let wire = encode(&path).unwrap();
            prop_assert_eq!(parts(&wire).map(<[u8]>::to_vec).collect::<Vec<_>>(), path);
        }

        #[test]
        fn hostile_bytes_never_panic(wire in any::<Vec<u8>>()) {
            prop_assert!(parts(&wire).map(<[u8]>::len).sum::<usize>() <= wire.len());
        }
    }
}
