//! Whose bucket a request takes from: a hash of what the rule's key names.

use core::hash::Hasher;
use core::net::{IpAddr, SocketAddr};
use proxy_filter::prelude::*;
use proxy_filter::{Value, property};
use serde::Deserialize;
use siphasher::sip::SipHasher24;

/// What a key is made of.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// The client's address, without its port.
    ClientAddress,
    /// Whom the request is for: `:authority`, in lower case.
    Host,
    Method,
    /// The path without its query.
    Path,
    /// So many segments from the path's beginning.
    PathSegments(usize),
    /// The first value of a header.
    Header(String),
}

/// What does not hash to the same number by chance, or by somebody's will who does not know it.
pub(crate) type Secret = [u8; 16];

/// A request, of which the parts are read once that rules ask for.
pub(crate) struct Request<'a> {
    pub(crate) http: &'a RequestHeaders<'a>,
    path: Vec<u8>,
    method: core::cell::OnceCell<Vec<u8>>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(http: &'a RequestHeaders<'a>) -> Result<Self, Error> {
        let mut path = http.path()?.map(Value::into_bytes).unwrap_or_default();
        let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
        path.truncate(end.unwrap_or(path.len()));
        Ok(Self { http, path, method: core::cell::OnceCell::new() })
    }

    /// The path without its query.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    pub(crate) fn method(&self) -> Result<&[u8], Error> {
        if let Some(method) = self.method.get() {
            return Ok(method);
        }
        let method = self.http.method()?.map(Value::into_bytes).unwrap_or_default();
        Ok(self.method.get_or_init(|| method))
    }

    /// The hash of a key; nothing where a header that it names is not there.
    pub(crate) fn hash(&self, key: &[Part], ipv6_prefix: u32, secret: &Secret) -> Result<Option<u64>, PropertyError> {
        let mut hasher = SipHasher24::new_with_key(secret);
        for part in key {
            match part {
                Part::ClientAddress => {
                    let address = self.http.property(property::SOURCE_ADDRESS)?.unwrap_or_default();
                    write_address(&mut hasher, &address, ipv6_prefix);
                }
                Part::Host => {
                    let host = self.http.authority()?.map(Value::into_bytes).unwrap_or_default();
                    write(&mut hasher, &host.to_ascii_lowercase());
                }
                Part::Method => write(&mut hasher, self.method()?),
                Part::Path => write(&mut hasher, &self.path),
                Part::PathSegments(count) => write(&mut hasher, segments(&self.path, *count)),
                Part::Header(name) => match self.http.headers().get(name)? {
                    Some(value) => write(&mut hasher, &value),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(hasher.finish()))
    }
}

/// With its length, so that parts cannot be shifted into one another.
fn write(hasher: &mut SipHasher24, part: &[u8]) {
    hasher.write(&(part.len() as u64).to_le_bytes());
    hasher.write(part);
}

/// Of IPv6 only the prefix, as one client has as many addresses as it likes behind it. What is no address (a Unix socket) is taken as
/// it is.
fn write_address(hasher: &mut SipHasher24, address: &str, ipv6_prefix: u32) {
    match address.parse::<SocketAddr>().map(|address| address.ip().to_canonical()) {
        Ok(IpAddr::V4(ip)) => write(hasher, &ip.octets()),
        Ok(IpAddr::V6(ip)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(ipv6_prefix)).unwrap_or(0);
            write(hasher, &(u128::from(ip) & mask).to_be_bytes());
        }
        Err(_) => write(hasher, address.as_bytes()),
    }
}

/// `/a/b` of `/a/b/c`, where two are asked for.
fn segments(path: &[u8], count: usize) -> &[u8] {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    // The first slash begins the first segment.
    let end = ends.skip(1).nth(count.saturating_sub(1)).unwrap_or(path.len());
    path.get(..end).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, prefix: u32) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&[7; 16]);
        write_address(&mut hasher, text, prefix);
        hasher.finish()
    }

    #[test]
    fn addresses_are_clients() {
        assert_eq!(address("192.0.2.1:1", 64), address("192.0.2.1:65535", 64));
        assert_ne!(address("192.0.2.1:1", 64), address("192.0.2.2:1", 64));
        assert_eq!(address("[::ffff:192.0.2.1]:1", 64), address("192.0.2.1:2", 64));
        assert_eq!(address("[2001:db8::1]:1", 64), address("[2001:db8::ffff:2]:9", 64));
        assert_ne!(address("[2001:db8::1]:1", 128), address("[2001:db8::2]:1", 128));
        assert_ne!(address("[2001:db8:0:1::1]:1", 64), address("[2001:db8:0:2::1]:1", 64));
        assert_eq!(address("[2001:db8:0:1::1]:1", 48), address("[2001:db8:0:2::1]:1", 48));
        for odd in ["", "@", "/run/envoy.sock", "1.2.3.4", "300.1.1.1:80", "[::1]"] {
            assert_eq!(address(odd, 64), address(odd, 64));
        }
    }

    #[test]
    fn paths_are_cut_at_segments() {
        assert_eq!(segments(b"/a/b/c", 1), b"/a");
        assert_eq!(segments(b"/a/b/c", 2), b"/a/b");
        assert_eq!(segments(b"/a/b/c", 9), b"/a/b/c");
        assert_eq!(segments(b"/a/", 1), b"/a");
        assert_eq!(segments(b"//a", 1), b"/");
        assert_eq!(segments(b"", 1), b"");
        assert_eq!(segments(b"*", 1), b"*");
    }
}
