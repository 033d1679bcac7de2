use crate::Value;
use alloc::{borrow::Cow, vec::Vec};
use core::fmt;

/// The query of a request's path: names and values, percent-decoded, in their order.
///
/// ```
/// use proxy_filter::prelude::*;
/// fn page(http: &RequestHeaders<'_>) -> Result<u32> {
///     let query = http.query()?;
///     let page = query.get("page").or_reply(|| LocalReply::new(400).body("which page?"))?;
///     core::str::from_utf8(&page).ok().and_then(|page| page.parse().ok()).or_reply(|| LocalReply::new(400))
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query {
    path: Vec<u8>,
    /// Where it begins in the path: after the question mark, or at the end.
    start: usize,
}

impl Query {
    pub(crate) fn new(path: Option<Value>) -> Self {
        let path = path.map(Value::into_bytes).unwrap_or_default();
        let start = path.iter().position(|byte| *byte == b'?').map_or(path.len(), |at| at + 1);
        Self { path, start }
    }

    /// The query as it was sent, without its question mark; empty where there is none.
    pub fn as_bytes(&self) -> &[u8] {
        let query = self.path.get(self.start..).unwrap_or_default();
        // A fragment is never sent; one that is belongs to nothing.
        query.split(|byte| *byte == b'#').next().unwrap_or_default()
    }

    /// The pairs in their order; a name without `=` has an empty value.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
        self.as_bytes().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = split(pair, b'=');
            (decode(name), decode(value))
        })
    }

    /// The first value of a name.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Cow<'_, [u8]>> {
        self.iter().find(|(other, _)| **other == *name.as_ref()).map(|(_, value)| value)
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query(\"{}\")", self.as_bytes().escape_ascii())
    }
}

/// What stands before and after the first separator; all of it and nothing where there is none.
pub(crate) fn split(bytes: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| *byte == separator).unwrap_or(bytes.len());
    let (before, after) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
    (before, after.get(1..).unwrap_or_default())
}

/// `%41` is `A` and `+` a space; what is not an escape stays as it is.
fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        decoded.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        });
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn query(path: &[u8]) -> Query {
        Query::new(Some(Value::from_bytes(path.to_vec())))
    }

    fn pairs(path: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: Cow<'_, [u8]>| format!("{}", bytes.escape_ascii());
        query(path).iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn pairs_are_decoded_in_their_order() {
        let expected = [("a", "1"), ("b", ""), ("a", "x y"), ("\\xff", "=%"), ("", "z")];
        let expected: Vec<_> = expected.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
        assert_eq!(pairs(b"/path?a=1&b&a=x+y&&%fF==%&=z#not"), expected);
        assert!(pairs(b"/path").is_empty() && pairs(b"/path?").is_empty() && pairs(b"").is_empty());
        assert_eq!(pairs(b"/?q=%4").first().map(|(_, value)| value.as_str()), Some("%4"));
    }

    #[cfg(not(target_family = "wasm"))]
    proptest::proptest! {
        #[test]
        fn every_path_is_read(path in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let query = query(&path);
            let length: usize = query.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(length <= path.len());
            let _ = (query.get("a"), format!("{query:?}"));
        }
    }
}
