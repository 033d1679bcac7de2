//! What a property's bytes are read into.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use proxy_filter_abi::Pairs;

/// The bytes are no value of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongShape {
    /// What was expected: `8 bytes`, `UTF-8`, ….
    pub expected: &'static str,
    /// How many bytes there were.
    pub length: usize,
}

impl fmt::Display for WrongShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} were expected, and not these {} bytes", self.expected, self.length)
    }
}

impl core::error::Error for WrongShape {}

/// A type that a property's value is read into (PRO-5, PRO-8).
///
/// | type | Envoy's |
/// |---|---|
/// | `String`, `Vec<u8>` | string, bytes; a message of protobuf is `Vec<u8>` |
/// | `i64`, `u64`, `f64`, `bool` | int, uint, double, bool |
/// | [`Duration`] | duration; a timestamp, since the Unix epoch |
/// | `Vec<(Vec<u8>, Vec<u8>)>`, `Vec<(String, String)>` | a map, in any order (PRO-34): the values of a map are bytes of their own types |
/// | `Vec<Vec<u8>>`, `Vec<String>` | a list (SER-7) |
///
/// ```
/// use proxy_filter::property::{FromProperty, WrongShape};
///
/// /// An upper case letter that another filter has set.
/// struct Grade(char);
///
/// impl FromProperty for Grade {
///     fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
///         match bytes[..] {
///             [letter @ b'A'..=b'Z'] => Ok(Self(char::from(letter))),
///             _ => Err(WrongShape { expected: "a letter", length: bytes.len() }),
///         }
///     }
/// }
/// ```
pub trait FromProperty: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// When the bytes are none of this type.
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape>;
}

impl FromProperty for Vec<u8> {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        Ok(bytes)
    }
}

impl FromProperty for String {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        String::from_utf8(bytes).map_err(|error| WrongShape { expected: "UTF-8", length: error.as_bytes().len() })
    }
}

fn eight(bytes: &[u8]) -> Result<[u8; 8], WrongShape> {
    bytes.try_into().map_err(|_| WrongShape { expected: "8 bytes", length: bytes.len() })
}

impl FromProperty for i64 {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        eight(&bytes).map(Self::from_le_bytes)
    }
}

impl FromProperty for u64 {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        eight(&bytes).map(Self::from_le_bytes)
    }
}

impl FromProperty for f64 {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        eight(&bytes).map(Self::from_le_bytes)
    }
}

impl FromProperty for bool {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        match bytes.as_slice() {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(WrongShape { expected: "one byte, 0 or 1,", length: bytes.len() }),
        }
    }
}

impl FromProperty for Duration {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        let nanoseconds = u64::try_from(i64::from_le_bytes(eight(&bytes)?));
        nanoseconds.map(Duration::from_nanos).map_err(|_| WrongShape { expected: "nanoseconds from 0 on", length: bytes.len() })
    }
}

fn pairs(bytes: &[u8]) -> Result<Pairs<'_>, WrongShape> {
    Pairs::parse(bytes).map_err(|_| WrongShape { expected: "pairs", length: bytes.len() })
}

fn text(bytes: &[u8]) -> Result<String, WrongShape> {
    String::from_property(bytes.to_vec())
}

impl FromProperty for Vec<(Vec<u8>, Vec<u8>)> {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        Ok(pairs(&bytes)?.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }
}

impl FromProperty for Vec<(String, String)> {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        pairs(&bytes)?.iter().map(|(key, value)| Ok((text(key)?, text(value)?))).collect()
    }
}

impl FromProperty for Vec<Vec<u8>> {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        Ok(pairs(&bytes)?.iter().map(|(key, _)| key.to_vec()).collect())
    }
}

impl FromProperty for Vec<String> {
    fn from_property(bytes: Vec<u8>) -> Result<Self, WrongShape> {
        pairs(&bytes)?.iter().map(|(key, _)| text(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read<T: FromProperty>(bytes: &[u8]) -> Result<T, WrongShape> {
        T::from_property(bytes.to_vec())
    }

    #[test]
    fn pro_5_values_are_read_by_their_type() {
        assert_eq!(read::<i64>(&[200, 0, 0, 0, 0, 0, 0, 0]), Ok(200));
        assert_eq!(read::<i64>(&[255; 8]), Ok(-1));
        assert_eq!(read::<u64>(&[255; 8]), Ok(u64::MAX));
        assert_eq!(read::<f64>(b"\0\0\0\0\0\0\xf8?"), Ok(1.5));
        assert_eq!(read::<bool>(&[1]), Ok(true));
        assert_eq!(read::<Duration>(&[1, 1, 0, 0, 0, 0, 0, 0]), Ok(Duration::from_nanos(257)));
        assert_eq!(read::<String>("ü".as_bytes()), Ok("ü".to_string()));
    }

    #[test]
    fn pro_8_ser_7_maps_and_lists_are_read_from_pairs() {
        let wire = proxy_filter_abi::pairs::encode([("a", "1"), ("b", "")]);
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(read::<Vec<(String, String)>>(&wire), Ok(vec![pair("a", "1"), pair("b", "")]));
        assert_eq!(read::<Vec<(Vec<u8>, Vec<u8>)>>(&wire).map(|pairs| pairs.len()), Ok(2));
        assert_eq!(read::<Vec<String>>(&wire), Ok(vec!["a".to_string(), "b".to_string()]));
        assert_eq!(read::<Vec<Vec<u8>>>(&[0; 4]), Ok(vec![]));
    }

    #[test]
    fn wrong_shapes_are_told() {
        let told = |error: WrongShape| error.to_string();
        assert_eq!(told(read::<i64>(b"1234567").unwrap_err()), "8 bytes were expected, and not these 7 bytes");
        assert_eq!(told(read::<String>(b"\xff\xff").unwrap_err()), "UTF-8 were expected, and not these 2 bytes");
        assert_eq!(read::<bool>(&[2]).unwrap_err().length, 1);
        assert_eq!(read::<bool>(&[]).unwrap_err().length, 0);
        assert!(read::<Duration>(&[255; 8]).is_err(), "before the epoch");
        assert!(read::<Vec<String>>(b"\x01\0\0\0").is_err());
        assert!(read::<Vec<(String, String)>>(&proxy_filter_abi::pairs::encode([("a", b"\xff")])).is_err());
    }

    #[cfg(not(target_family = "wasm"))]
    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (read::<i64>(&bytes), read::<f64>(&bytes), read::<bool>(&bytes), read::<Duration>(&bytes), read::<String>(&bytes));
            let _ = (read::<Vec<(String, String)>>(&bytes), read::<Vec<Vec<u8>>>(&bytes));
        }
    }
}
