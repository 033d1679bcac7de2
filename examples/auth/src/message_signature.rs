//! Requests that are signed with a shared secret: HTTP Message Signatures (RFC 9421) by `hmac-sha256`, one for each request, over whole
//! fields; the body by `content-digest` (RFC 9530).

use crate::api_keys::fixed_identity;
use crate::identity::{Identity, is_header_name};
use crate::key::{LEAST_SECRET_BYTES, hmac_sha256};
use base64ct::{Base64, Encoding};
use proxy_filter::HeaderMap;
use proxy_filter::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedRequestsConfig {
    #[serde(default = "the_request")]
    covers: Vec<String>,
    #[serde(default = "five_minutes")]
    max_age_seconds: u32,
    #[serde(default = "a_mebibyte")]
    body_limit: u32,
    keys: Vec<SecretConfig>,
}

fn the_request() -> Vec<String> {
    ["@method", "@authority", "@path", "@query"].map(ToOwned::to_owned).to_vec()
}

fn five_minutes() -> u32 {
    300
}

fn a_mebibyte() -> u32 {
    1 << 20
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretConfig {
    id: String,
    secret: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    scopes: Vec<String>,
}

pub(crate) struct SignedRequests {
    covers: Vec<String>,
    max_age: i64,
    pub(crate) body_limit: usize,
    keys: Vec<SharedSecret>,
}

struct SharedSecret {
    id: String,
    secret: Vec<u8>,
    identity: Rc<Identity>,
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    Form,
    Parameters,
    Algorithm,
    Uncovered,
    Component,
    Age,
    Key,
    Signature,
    Digest,
}

impl Unsigned {
    /// A word for the proxy's access log, and a sentence for the client.
    pub(crate) fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Form => ("signature_form", "signature and signature-input must hold one signature, of one label"),
            Self::Parameters => {
                ("signature_parameters", "the signature needs the parameters created and keyid, and no unknown ones")
            }
            Self::Algorithm => ("signature_algorithm", "the signature's algorithm must be hmac-sha256"),
            Self::Uncovered => ("signature_uncovered", "the signature does not cover all that it must"),
            Self::Component => ("signature_component", "the signature covers a component that is not there or not known"),
            Self::Age => ("signature_age", "the signature is too old, or from the future"),
            Self::Key => ("signature_key", "the signature's keyid is not known"),
            Self::Signature => ("signature_wrong", "the signature is not valid"),
            Self::Digest => ("signature_digest", "the body is not the one that content-digest tells"),
        }
    }
}

impl SignedRequests {
    pub(crate) fn new(config: SignedRequestsConfig) -> Result<Self, ConfigError> {
        let SignedRequestsConfig { covers, max_age_seconds, body_limit, keys } = config;
        if keys.is_empty() {
            return Err(ConfigError::new("signed_requests.keys is empty: leave `signed_requests` out, or give one"));
        }
        if max_age_seconds == 0 {
            return Err(ConfigError::new("signed_requests.max_age_seconds is 0: at least 1"));
        }
        if let Some(unknown) = covers.iter().find(|name| !is_component(name)) {
            let mend = "a field's name in lower case, or one of @method, @authority, @path, @query, @scheme, @request-target, @target-uri";
            return Err(ConfigError::new(format!("signed_requests.covers: \"{}\" is not {mend}", unknown.escape_debug())));
        }
        let mut secrets: Vec<SharedSecret> = Vec::with_capacity(keys.len());
        for key in keys {
            let bad = |reason: &str| ConfigError::new(format!("signed_requests: the key \"{}\": {reason}", key.id));
            let secret = Base64::decode_vec(&key.secret)
                .map_err(|_| bad("`secret` is not base64: make one with `openssl rand -base64 32`"))?;
            if secret.len() < LEAST_SECRET_BYTES {
                return Err(bad("`secret` has less than 32 bytes: make one with `openssl rand -base64 32`"));
            }
            if secrets.iter().any(|other| other.id == key.id) {
                return Err(bad("there are two with this `id`"));
            }
            let identity = fixed_identity("signed_requests", &key.id, key.headers, key.scopes)?;
            secrets.push(SharedSecret { id: key.id, secret, identity });
        }
        let body_limit = usize::try_from(body_limit).unwrap_or(usize::MAX);
        Ok(Self { covers, max_age: max_age_seconds.into(), body_limit, keys: secrets })
    }

    /// The headers that its keys fill.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().flat_map(|key| key.identity.headers.iter().map(|(name, _)| name.as_str()))
    }

    /// Whom a request is from, and what its body must be.
    pub(crate) fn verify(
        &self,
        request: &HeaderMap,
        ends: bool,
        now: i64,
    ) -> Result<(Rc<Identity>, Option<ContentDigest>), Unsigned> {
        let input = only(request, "signature-input")?;
        let (label, signed) = input.split_once('=').ok_or(Unsigned::Form)?;
        let signature = only(request, "signature")?.strip_prefix(label).ok_or(Unsigned::Form)?;
        let signature = signature.strip_prefix("=:").and_then(|rest| rest.strip_suffix(':')).ok_or(Unsigned::Form)?;
        let signature = Base64::decode_vec(signature).map_err(|_| Unsigned::Form)?;
        let Input { components, created, expires, keyid } = Input::parse(label, signed)?;
        if created > now.saturating_add(self.max_age.min(60))
            || created.saturating_add(self.max_age) <= now
            || expires.is_some_and(|expires| expires <= now)
        {
            return Err(Unsigned::Age);
        }
        let covers = |name: &str| components.contains(&name);
        // A body, or what says that there is one, must be covered as well.
        if !self.covers.iter().all(|name| covers(name)) || (!ends && !covers("content-digest")) {
            return Err(Unsigned::Uncovered);
        }
        let mut base = Vec::new();
        for name in &components {
            base.extend_from_slice(&[b"\"", name.as_bytes(), b"\": "].concat());
            base.extend_from_slice(&component(request, name).ok_or(Unsigned::Component)?);
            base.push(b'\n');
        }
        base.extend_from_slice(&[b"\"@signature-params\": ", signed.as_bytes()].concat());
        let key = self.keys.iter().find(|key| key.id == keyid).ok_or(Unsigned::Key)?;
        if !hmac_sha256(&key.secret, &base, &signature) {
            return Err(Unsigned::Signature);
        }
        let digest = if covers("content-digest") { Some(ContentDigest::parse(request)?) } else { None };
        match digest {
            Some(digest) if ends => digest.check(b"").map(|()| (Rc::clone(&key.identity), None)),
            digest => Ok((Rc::clone(&key.identity), digest)),
        }
    }
}

/// The value of a field that must be there once.
fn only<'a>(request: &'a HeaderMap, name: &'a str) -> Result<&'a str, Unsigned> {
    let mut values = request.values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => core::str::from_utf8(value).map_err(|_| Unsigned::Form),
        _ => Err(Unsigned::Form),
    }
}

/// What `signature-input` says, in the one form that RFC 8941 has for it.
struct Input<'a> {
    components: Vec<&'a str>,
    created: i64,
    expires: Option<i64>,
    keyid: &'a str,
}

impl<'a> Input<'a> {
    fn parse(label: &str, signed: &'a str) -> Result<Self, Unsigned> {
        let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
        if label.is_empty() || !label.bytes().all(is_key) {
            return Err(Unsigned::Form);
        }
        let (list, parameters) = signed.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or(Unsigned::Form)?;
        let mut components = Vec::new();
        for item in list.split(' ').filter(|_| !list.is_empty()) {
            let name = quoted(item).ok_or(Unsigned::Form)?;
            if components.contains(&name) {
                return Err(Unsigned::Form);
            }
            components.push(name);
        }
        let (mut created, mut expires, mut keyid, mut seen) = (None, None, None, Vec::new());
        let mut rest = parameters;
        while let Some(parameter) = rest.strip_prefix(';') {
            let (name, value) = parameter.split_once('=').ok_or(Unsigned::Form)?;
            // In quotes a semicolon is one of the text.
            let end = match value.strip_prefix('"') {
                Some(text) => text.find('"').map(|at| at + 2),
                None => Some(value.find(';').unwrap_or(value.len())),
            };
            let (value, after) = end.and_then(|end| value.split_at_checked(end)).ok_or(Unsigned::Form)?;
            if seen.contains(&name) {
                return Err(Unsigned::Form);
            }
            seen.push(name);
            match name {
                "created" => created = Some(integer(value).ok_or(Unsigned::Form)?),
                "expires" => expires = Some(integer(value).ok_or(Unsigned::Form)?),
                "keyid" => keyid = Some(quoted(value).ok_or(Unsigned::Form)?),
                "alg" if quoted(value) == Some("hmac-sha256") => {}
                "alg" => return Err(Unsigned::Algorithm),
                "nonce" | "tag" => {
                    quoted(value).ok_or(Unsigned::Form)?;
                }
                _ => return Err(Unsigned::Parameters),
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Unsigned::Form);
        }
        let (created, keyid) = created.zip(keyid).ok_or(Unsigned::Parameters)?;
        Ok(Self { components, created, expires, keyid })
    }
}

/// A text in quotes, without what would have to be escaped.
fn quoted(item: &str) -> Option<&str> {
    let text = item.strip_prefix('"')?.strip_suffix('"')?;
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\').then_some(text)
}

/// At most 15 digits (RFC 8941, 3.3.1), of a time after 1970.
fn integer(item: &str) -> Option<i64> {
    let plain = item.bytes().all(|byte| byte.is_ascii_digit()) && (item == "0" || !item.starts_with('0'));
    if plain && item.len() <= 15 { item.parse().ok() } else { None }
}

fn is_component(name: &str) -> bool {
    let derived = ["@method", "@authority", "@path", "@query", "@scheme", "@request-target", "@target-uri"];
    derived.contains(&name) || is_header_name(name)
}

/// The value of a component (RFC 9421, 2.1 and 2.2).
fn component(request: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let path = || request.get(":path");
    let query_at = |path: &[u8]| path.iter().position(|byte| *byte == b'?').unwrap_or(path.len());
    match name {
        "@method" => request.get(":method").map(<[u8]>::to_vec),
        "@scheme" => request.get(":scheme").map(<[u8]>::to_ascii_lowercase),
        "@authority" => authority(request),
        "@request-target" => path().map(<[u8]>::to_vec),
        "@path" => path().and_then(|path| path.get(..query_at(path))).map(<[u8]>::to_vec),
        "@query" => path()
            .and_then(|path| path.get(query_at(path)..))
            .map(|query| if query.is_empty() { b"?".to_vec() } else { query.to_vec() }),
        "@target-uri" => Some([&*request.get(":scheme")?.to_ascii_lowercase(), b"://", &authority(request)?, path()?].concat()),
        _ if is_header_name(name) => {
            let values: Vec<&[u8]> = request.values(name).map(<[u8]>::trim_ascii).collect();
            (!values.is_empty()).then(|| values.join(&b", "[..]))
        }
        _ => None,
    }
}

/// In lower case, without the scheme's own port.
fn authority(request: &HeaderMap) -> Option<Vec<u8>> {
    let authority = request.get(":authority")?.to_ascii_lowercase();
    let port: &[u8] = if request.get(":scheme") == Some(b"https") { b":443" } else { b":80" };
    Some(authority.strip_suffix(port).unwrap_or(&authority).to_vec())
}

/// What `content-digest` says of a body.
pub(crate) struct ContentDigest {
    sha256: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

impl ContentDigest {
    /// At least one that is known here; others may stand beside it.
    fn parse(request: &HeaderMap) -> Result<Self, Unsigned> {
        let (mut sha256, mut sha512) = (None, None);
        for value in request.values("content-digest") {
            let value = core::str::from_utf8(value).map_err(|_| Unsigned::Form)?;
            for member in value.split(',') {
                let (name, digest) = member.trim().split_once('=').ok_or(Unsigned::Form)?;
                let place = match name {
                    "sha-256" => &mut sha256,
                    "sha-512" => &mut sha512,
                    _ => continue,
                };
                let digest = digest.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).ok_or(Unsigned::Form)?;
                if place.replace(Base64::decode_vec(digest).map_err(|_| Unsigned::Form)?).is_some() {
                    return Err(Unsigned::Form);
                }
            }
        }
        if sha256.is_none() && sha512.is_none() { Err(Unsigned::Form) } else { Ok(Self { sha256, sha512 }) }
    }

    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Unsigned> {
        let is = |expected: &Option<Vec<u8>>, digest: &dyn Fn() -> Vec<u8>| {
            expected.as_ref().is_none_or(|expected| bool::from(digest().ct_eq(expected)))
        };
        let good = is(&self.sha256, &|| Sha256::digest(body).to_vec()) && is(&self.sha512, &|| Sha512::digest(body).to_vec());
        if good { Ok(()) } else { Err(Unsigned::Digest) }
    }
}
