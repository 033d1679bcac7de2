//! One redirect: from where, to where, and how it is answered.

use core::fmt;
use proxy_filter::prelude::*;
use serde::Deserialize;

/// A redirect as it is configured; its texts are read in place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configured<'a> {
    #[serde(borrow, default)]
    host: Option<Cow<'a, str>>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) to: Cow<'a, str>,
    pub(crate) status: Option<RedirectStatus>,
    pub(crate) keep_query: Option<bool>,
}

/// How a redirect is answered; what it does not say itself, the configuration says for all.
pub(crate) struct Redirect<'a> {
    pub(crate) target: &'a [u8],
    pub(crate) status: Option<RedirectStatus>,
    pub(crate) keep_query: Option<bool>,
}

/// What requests are found by: a host in lower case without its port, or none for every host, and a path without its query.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source<'a> {
    pub(crate) host: Cow<'a, [u8]>,
    pub(crate) path: &'a [u8],
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(try_from = "u16")]
#[repr(u16)]
pub(crate) enum RedirectStatus {
    MovedPermanently = 301,
    Found = 302,
    TemporaryRedirect = 307,
    PermanentRedirect = 308,
}

impl TryFrom<u16> for RedirectStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        let all = [Self::MovedPermanently, Self::Found, Self::TemporaryRedirect, Self::PermanentRedirect];
        let known = all.into_iter().find(|known| *known as u16 == status);
        known.ok_or_else(|| format!("the status {status} is none of 301, 302, 307 and 308"))
    }
}

impl Configured<'_> {
    /// What it redirects, where all of it is sound.
    pub(crate) fn source(&self) -> Result<Source<'_>, String> {
        let Self { host, from, to, .. } = self;
        if !(from.starts_with('/') && from.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))) {
            let path = "a path: that begins with /, is percent-encoded, and has neither query nor fragment";
            return Err(format!("from: \"{}\" is not {path}", from.as_bytes().escape_ascii()));
        }
        let leads_somewhere = match authority(to.as_bytes()) {
            Some((authority, _)) => !authority.is_empty(),
            None => to.starts_with('/') && !to.starts_with("//"),
        };
        if !(leads_somewhere && to.bytes().all(|byte| byte.is_ascii_graphic())) {
            let target = "a path that begins with a single / nor a URL with http:// or https://, percent-encoded";
            return Err(format!("\"{from}\": to: \"{}\" is neither {target}", to.as_bytes().escape_ascii()));
        }
        let host = host.as_ref().map(|host| {
            let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
            let is_ipv6 = host.starts_with('[') && host.ends_with(']');
            match !host.is_empty() && (is_name || is_ipv6) {
                true => Ok(host.to_ascii_lowercase().into_bytes()),
                false => {
                    Err(format!("\"{from}\": host: \"{}\" is not a host name, without a port", host.as_bytes().escape_ascii()))
                }
            }
        });
        Ok(Source { host: host.transpose()?.unwrap_or_default().into(), path: from.as_bytes() })
    }
}

impl Redirect<'_> {
    /// Where to, with the query of the request; a fragment of the target stays its end.
    pub(crate) fn location(&self, query: &[u8]) -> Vec<u8> {
        if query.is_empty() {
            return self.target.to_vec();
        }
        let (target, fragment) = split_before(self.target, |byte| byte == b'#');
        let separator: &[u8] = if target.contains(&b'?') { b"&" } else { b"?" };
        [target, separator, query, fragment].concat()
    }
}

impl<'a> Redirect<'a> {
    /// The request that a client makes next, which has come by `source`.
    pub(crate) fn leads_to(&self, source: &Source<'a>) -> Source<'a> {
        let (host, path) = match authority(self.target) {
            Some((authority, path)) => (Cow::Owned(host(authority)), path),
            None => (source.host.clone(), self.target),
        };
        let (path, _) = split_path(path);
        Source { host, path: if path.is_empty() { b"/" } else { path } }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}{}\"", self.host.escape_ascii(), self.path.escape_ascii())
    }
}

/// The host of an authority: in lower case, without the port.
pub(crate) fn host(authority: &[u8]) -> Vec<u8> {
    let end_of_ipv6 = authority.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    let port = authority.iter().rposition(|byte| *byte == b':').filter(|colon| *colon > end_of_ipv6);
    authority.get(..port.unwrap_or(authority.len())).unwrap_or_default().to_ascii_lowercase()
}

/// Authority and all behind it, of what is a URL and no path.
fn authority(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let url = target.strip_prefix(b"https://").or_else(|| target.strip_prefix(b"http://"))?;
    Some(split_before(url, |byte| matches!(byte, b'/' | b'?' | b'#')))
}

/// The path, and what stands behind it: a query, a fragment.
pub(crate) fn split_path(target: &[u8]) -> (&[u8], &[u8]) {
    split_before(target, |byte| matches!(byte, b'?' | b'#'))
}

pub(crate) fn split_before(text: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| is_end(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, b""))
}
