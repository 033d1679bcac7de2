//! Tokens: JWS in compact form (RFC 7515) with the claims of RFC 7519, verified as RFC 8725 advises.

use crate::identity::{ClaimPath, Identity};
use crate::json::Value;
use crate::jwks::{EndpointConfig, KeySet};
use crate::key::Algorithm;
use base64ct::{Base64UrlUnpadded, Encoding};
use proxy_filter::prelude::*;
use serde::Deserialize;

/// Why a token is refused. What a client is told of it never repeats what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooLong,
    Form,
    Encrypted,
    Header,
    Critical,
    Type,
    Algorithm,
    Issuer,
    Key,
    Signature,
    Claims,
    Expired,
    NotYet,
    Audience,
    Value,
}

impl Refused {
    /// A word for the proxy's access log, and a sentence for the client.
    pub(crate) fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::TooLong => ("token_too_long", "the token is longer than 16384 bytes"),
            Self::Form => ("token_form", "the token is not a signed JWT in compact form"),
            Self::Encrypted => ("token_encrypted", "the token is encrypted, not signed"),
            Self::Header => ("token_header", "the token's header cannot be read"),
            Self::Critical => ("token_critical", "the token's header has an extension that must be understood and is not"),
            Self::Type => ("token_type", "the token is of another type"),
            Self::Algorithm => ("token_algorithm", "the token's algorithm is not accepted"),
            Self::Issuer => ("token_issuer", "the token's issuer is not trusted"),
            Self::Key => ("token_key", "the token's issuer has no such key"),
            Self::Signature => ("token_signature", "the token's signature is not valid"),
            Self::Claims => ("token_claims", "the token's claims cannot be read, or `exp` is missing"),
            Self::Expired => ("token_expired", "the token has expired"),
            Self::NotYet => ("token_not_yet", "the token is not valid yet"),
            Self::Audience => ("token_audience", "the token is for another audience"),
            Self::Value => ("token_value", "a claim of the token cannot be passed on in a header"),
        }
    }
}

/// Longer than what issuers make, and less than what Envoy takes as all headers (60 KiB).
pub(crate) const MOST_BYTES: usize = 16_384;

/// What a token says, before anything of it is believed.
pub(crate) struct Token<'a> {
    signed: &'a [u8],
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    claims: Value,
}

impl<'a> Token<'a> {
    /// Of no more than [`MOST_BYTES`].
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Refused> {
        let text = core::str::from_utf8(text).map_err(|_| Refused::Form)?;
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Form)?;
        let (header, payload) = match signed.split_once('.') {
            Some((header, payload)) if !payload.contains('.') => (header, payload),
            Some((_, rest)) if rest.matches('.').count() == 2 => return Err(Refused::Encrypted),
            _ => return Err(Refused::Form),
        };
        // Without padding, white space, or bits beyond the last byte: one token has one text.
        let decode = |part| Base64UrlUnpadded::decode_vec(part).map_err(|_| Refused::Form);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header = Value::parse(&header).map_err(|_| Refused::Header)?;
        if header.get("enc").is_some() || header.get("zip").is_some() {
            return Err(Refused::Encrypted);
        }
        // No extension is understood here; `b64` (RFC 7797) would change what is signed.
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(Refused::Critical);
        }
        let text = |name| match header.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refused::Header),
        };
        let algorithm = text("alg")?.ok_or(Refused::Header)?;
        let algorithm = Algorithm::from_name(&algorithm).ok_or(Refused::Algorithm)?;
        let (kid, typ) = (text("kid")?, text("typ")?);
        let claims = Value::parse(&payload).map_err(|_| Refused::Claims)?;
        Ok(Self { signed: signed.as_bytes(), signature, algorithm, kid, typ, claims })
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_text()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerConfig {
    issuer: String,
    audiences: Vec<String>,
    #[serde(default = "all_algorithms")]
    algorithms: Vec<Algorithm>,
    #[serde(default = "usual_types")]
    types: Vec<String>,
    #[serde(default = "a_minute")]
    leeway_seconds: u32,
    #[serde(default)]
    claims_to_headers: Vec<(String, ClaimPath)>,
    #[serde(default)]
    keys: Option<Value>,
    #[serde(default)]
    jwks: Option<EndpointConfig>,
}

fn all_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

fn usual_types() -> Vec<String> {
    vec!["JWT".to_owned(), "at+jwt".to_owned()]
}

fn a_minute() -> u32 {
    60
}

const MOST_LEEWAY: u32 = 300;

/// Who signs tokens, and what those must say. Its keys are its own: another issuer's verify none of its tokens.
pub(crate) struct Issuer {
    pub(crate) name: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    types: Vec<String>,
    leeway: i64,
    claims_to_headers: Vec<(String, ClaimPath)>,
    pub(crate) keys: Rc<KeySet>,
}

/// A token is not accepted, or not yet.
pub(crate) enum Unverified {
    Refused(Refused),
    /// Its key may be among those that its issuer has published meanwhile.
    UnknownKey(Rc<KeySet>),
}

impl From<Refused> for Unverified {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Issuer {
    pub(crate) fn new(config: IssuerConfig) -> Result<Self, ConfigError> {
        let name = config.issuer;
        let bad = |reason: String| ConfigError::new(format!("jwt: the issuer \"{name}\": {reason}"));
        if name.is_empty() {
            return Err(ConfigError::new("jwt: `issuer` is empty: write what its tokens have as `iss`"));
        }
        if config.audiences.is_empty() {
            return Err(bad("`audiences` is empty: name yours, or every service's tokens would pass here".to_owned()));
        }
        if config.algorithms.is_empty() {
            return Err(bad("`algorithms` is empty: leave it out to accept HS256, RS256, ES256 and EdDSA".to_owned()));
        }
        if config.leeway_seconds > MOST_LEEWAY {
            return Err(bad(format!("`leeway_seconds` is {}, at most {MOST_LEEWAY} makes sense", config.leeway_seconds)));
        }
        let keys = KeySet::new(&name, config.keys.as_ref(), config.jwks).map_err(bad)?;
        Ok(Self {
            audiences: config.audiences,
            algorithms: config.algorithms,
            types: config.types,
            leeway: config.leeway_seconds.into(),
            claims_to_headers: config.claims_to_headers,
            keys: Rc::new(keys),
            name,
        })
    }

    /// The headers that its tokens fill.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.claims_to_headers.iter().map(|(name, _)| name.as_str())
    }

    /// Whom the token is from at this time, in seconds since the epoch, and until when that holds.
    pub(crate) fn verify(&self, token: &Token<'_>, now: i64) -> Result<(Identity, i64), Unverified> {
        if !token.typ.as_deref().is_none_or(|typ| self.accepts_type(typ)) {
            return Err(Refused::Type.into());
        }
        if !self.algorithms.contains(&token.algorithm) {
            return Err(Refused::Algorithm.into());
        }
        let keys = self.keys.find(token.kid.as_deref(), token.algorithm);
        if keys.is_empty() {
            let may_come = self.keys.is_published() && token.algorithm != Algorithm::HS256;
            return Err(if may_come { Unverified::UnknownKey(Rc::clone(&self.keys)) } else { Refused::Key.into() });
        }
        if !keys.iter().any(|key| key.verifies(token.signed, &token.signature)) {
            return Err(Refused::Signature.into());
        }
        let until = self.check(&token.claims, now)?;
        Ok((Identity::from_claims(&token.claims, &self.claims_to_headers)?, until))
    }

    /// `application/` may be left out, and case does not matter (RFC 7515, 4.1.9).
    fn accepts_type(&self, typ: &str) -> bool {
        let bare = match typ.split_at_checked("application/".len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case("application/") => rest,
            _ => typ,
        };
        self.types.iter().any(|accepted| accepted.eq_ignore_ascii_case(bare))
    }

    /// Until when they are good, with the leeway.
    fn check(&self, claims: &Value, now: i64) -> Result<i64, Refused> {
        let time = |name| claims.get(name).map(|value| numeric_date(value).ok_or(Refused::Claims)).transpose();
        let until = time("exp")?.ok_or(Refused::Claims)?.saturating_add(self.leeway);
        if until <= now {
            return Err(Refused::Expired);
        }
        for begins in [time("nbf")?, time("iat")?].into_iter().flatten() {
            if begins > now.saturating_add(self.leeway) {
                return Err(Refused::NotYet);
            }
        }
        let is_ours = |value: &Value| value.as_text().is_some_and(|text| self.audiences.iter().any(|ours| ours == text));
        match claims.get("aud") {
            Some(Value::List(all)) if !all.iter().all(|one| one.as_text().is_some()) => Err(Refused::Claims),
            Some(Value::List(all)) if all.iter().any(is_ours) => Ok(until),
            Some(one) if is_ours(one) => Ok(until),
            _ => Err(Refused::Audience),
        }
    }
}

/// A time in seconds since the epoch, perhaps with a fraction (RFC 7519, 2), before the year 10000: what is more counts in other units.
fn numeric_date(value: &Value) -> Option<i64> {
    const YEAR_10000: i64 = 253_402_300_800;
    let seconds = match value {
        Value::Integer(seconds) => *seconds,
        #[expect(clippy::cast_possible_truncation, reason = "it saturates, and is then out of range")]
        Value::Fraction(seconds) => *seconds as i64,
        _ => return None,
    };
    (0..YEAR_10000).contains(&seconds).then_some(seconds)
}
