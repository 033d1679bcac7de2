use crate::{HeaderMap, query::split};
use core::fmt;

/// The cookies of a request, from all of its `cookie` headers (HTTP/2 sends one for each: HDR-11), in their order.
///
/// ```
/// use proxy_filter::prelude::*;
/// fn session(http: &RequestHeaders<'_>) -> Result<Vec<u8>> {
///     let cookies = http.cookies()?;
///     Ok(cookies.get("session").or_reply(|| LocalReply::new(401))?.to_vec())
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cookies(HeaderMap);

impl Cookies {
    pub(crate) fn new(headers: HeaderMap) -> Self {
        Self(headers)
    }

    /// Names and values, as they were sent: values are not decoded, quotes stay.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.values("cookie").flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|pair| {
            let (name, value) = split(pair.trim_ascii(), b'=');
            (!name.is_empty()).then_some((name, value))
        })
    }

    /// The first value of a name.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == name.as_ref()).map(|(_, value)| value)
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Their values are secrets.
        f.debug_list().entries(self.iter().map(|(name, _)| name.escape_ascii())).finish()
    }
}
