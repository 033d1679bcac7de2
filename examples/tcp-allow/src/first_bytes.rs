//! What a client says first.

use proxy_filter::prelude::*;
use serde::Deserialize;

/// A kind of first bytes, as it is configured.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FirstBytes {
    /// The beginning of a TLS handshake.
    TlsClientHello,
    /// A method of HTTP and the space after it.
    Http1Request,
    /// What every HTTP/2 client says first.
    Http2Preface,
    Text(String),
    Hex(String),
}

/// As [`FirstBytes`], ready to be compared.
pub(crate) enum Pattern {
    TlsClientHello,
    Http1Request,
    Prefix(Vec<u8>),
}

/// What can be said of the bytes that have come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Yes,
    No,
    /// They may become a yes.
    More,
}

const HTTP2_PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Of RFC 9110, and PATCH of RFC 5789.
const METHODS: [&str; 9] = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "];

/// Content type, version, length, and the first byte of the handshake.
const TLS_BYTES: usize = 6;

/// The most bytes that a client is asked for.
pub(crate) const MOST: usize = 1_024;

impl FirstBytes {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn pattern(self) -> Result<Pattern, String> {
        let prefix = match self {
            Self::TlsClientHello => return Ok(Pattern::TlsClientHello),
            Self::Http1Request => return Ok(Pattern::Http1Request),
            Self::Http2Preface => HTTP2_PREFACE.into(),
            Self::Text(text) => text.into_bytes(),
            Self::Hex(digits) => hex::decode(&digits).map_err(|error| format!("{digits:?} is not hexadecimal: {error}"))?,
        };
        match prefix.len() {
            0 => Err("an empty prefix allows whatever comes: leave first_bytes out if that is meant".into()),
            1..=MOST => Ok(Pattern::Prefix(prefix)),
            length => Err(format!("a prefix of {length} bytes is too long: at most {MOST}")),
        }
    }
}

impl Pattern {
    /// How many bytes decide.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::TlsClientHello => TLS_BYTES,
            Self::Http1Request => METHODS.iter().map(|method| method.len()).max().unwrap_or_default(),
            Self::Prefix(prefix) => prefix.len(),
        }
    }

    pub(crate) fn compare(&self, said: &[u8]) -> Verdict {
        match self {
            Self::TlsClientHello => tls_client_hello(said),
            Self::Http1Request => METHODS.iter().fold(Verdict::No, |verdict, method| verdict.or(begins(said, method.as_bytes()))),
            Self::Prefix(prefix) => begins(said, prefix),
        }
    }
}

impl Verdict {
    /// The better of two.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::More, _) | (_, Self::More) => Self::More,
            (Self::No, Self::No) => Self::No,
        }
    }
}

fn begins(said: &[u8], prefix: &[u8]) -> Verdict {
    if said.starts_with(prefix) {
        Verdict::Yes
    } else if prefix.starts_with(said) {
        Verdict::More
    } else {
        Verdict::No
    }
}

/// A record of content type handshake (22), version 3.x, at most 2^14 bytes, whose first byte says ClientHello (1): RFC 8446, 4 and 5.1.
fn tls_client_hello(said: &[u8]) -> Verdict {
    let fits = |(at, byte): (usize, &u8)| match at {
        0 => *byte == 22,
        1 => *byte == 3,
        2 => *byte <= 4,
        3 => *byte <= 0x40,
        5 => *byte == 1,
        _ => true,
    };
    if !said.iter().take(TLS_BYTES).enumerate().all(fits) {
        return Verdict::No;
    }
    match said {
        // A record that has no room for the header of the message that it says to begin, or more than a record may have.
        [_, _, _, high, low, ..] if !(4..=1 << 14).contains(&u16::from_be_bytes([*high, *low])) => Verdict::No,
        [_, _, _, _, _, _, ..] => Verdict::Yes,
        _ => Verdict::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: [u8; 9] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];

    #[test]
    fn a_client_hello_is_known_by_six_bytes() {
        for end in 0..6 {
            assert_eq!(tls_client_hello(&HELLO[..end]), Verdict::More, "{end}");
        }
        assert_eq!((tls_client_hello(&HELLO[..6]), tls_client_hello(&HELLO)), (Verdict::Yes, Verdict::Yes));
        for (at, byte) in [(0, 0x17), (0, 0x15), (1, 2), (2, 5), (3, 0x41), (5, 2), (5, 0)] {
            let mut other = HELLO;
            other[at] = byte;
            assert_eq!(tls_client_hello(&other), Verdict::No, "{other:?}");
            assert_eq!(tls_client_hello(&other[..=at]), Verdict::No, "{other:?}");
        }
        assert_eq!(tls_client_hello(&[0x16, 3, 1, 0, 3]), Verdict::No, "too short a record");
        assert_eq!(tls_client_hello(&[0x16, 3, 1, 0x40, 1]), Verdict::No, "too long a record");
        assert_eq!(tls_client_hello(&[0x16, 3, 3, 0x40, 0, 1]), Verdict::Yes);
    }

    #[test]
    fn a_request_is_known_by_its_method() {
        let verdict = |said: &str| Pattern::Http1Request.compare(said.as_bytes());
        assert_eq!(["", "G", "GET", "CONNEC", "P", "PA"].map(verdict), [Verdict::More; 6]);
        assert_eq!(["GET ", "PATCH /", "OPTIONS *"].map(verdict), [Verdict::Yes; 3]);
        assert_eq!(["get ", "GETS", "PRI *", " GET", "\r\nGET /", "X"].map(verdict), [Verdict::No; 6]);
    }
}
