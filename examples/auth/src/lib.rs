//! Lets requests pass that bring a JSON Web Token, an API key or an HMAC signature, and tells the upstream whom they are from.
//!
//! ```json
//! {
//!   "jwt": [{
//!     "issuer": "https://accounts.example",
//!     "audiences": ["shop"],
//!     "jwks": { "cluster": "accounts", "path": "/.well-known/jwks.json" },
//!     "claims_to_headers": [["x-user", "sub"]]
//!   }],
//!   "rules": [{ "prefix": "/health", "open": true }]
//! }
//! ```
//!
//! The headers that tell whom a request is from are this filter's alone: what a client sends in their place never arrives.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod api_keys;
mod challenge;
mod identity;
mod json;
mod jwks;
mod jwt;
mod key;
mod message_signature;
mod rules;
mod untold;
#[cfg(test)]
mod vectors;
mod verified;

use api_keys::{ApiKeys, ApiKeysConfig};
use challenge::Denied;
use core::time::Duration;
use identity::{Identity, OwnHeaders};
use jwks::{KeySet, Missing};
use jwt::{Issuer, IssuerConfig, Refused, Token, Unverified};
use message_signature::{ContentDigest, SignedRequests, SignedRequestsConfig, Unsigned};
use proxy_filter::prelude::*;
use proxy_filter::{HeaderMap, Headers};
use rules::{Ambiguous, Requirement, RuleConfig, Rules, Scheme};
use serde::Deserialize;
use untold::Untold;
use verified::{TokenHash, Verified};

proxy_filter::no_std_runtime!();

proxy_filter::register! { "auth" => http Auth }

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "this_proxy")]
    realm: String,
    #[serde(default)]
    jwt: Vec<IssuerConfig>,
    #[serde(default)]
    api_keys: Option<Untold<ApiKeysConfig>>,
    #[serde(default)]
    signed_requests: Option<Untold<SignedRequestsConfig>>,
    #[serde(default)]
    rules: Vec<RuleConfig>,
    #[serde(default)]
    forward_credentials: bool,
}

fn this_proxy() -> String {
    "proxy".to_owned()
}

struct Auth {
    realm: String,
    issuers: Vec<Issuer>,
    api_keys: Option<ApiKeys>,
    signed_requests: Option<SignedRequests>,
    verified: Verified,
    rules: Rules,
    own_headers: OwnHeaders,
    forward_credentials: bool,
}

impl RootContext for Auth {
    type Config = Json<Config>;

    fn new(Json(config): Json<Config>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        if !config.realm.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
            return Err(ConfigError::new("realm: only visible ASCII and spaces, without quotes and backslashes"));
        }
        let issuers = config.jwt.into_iter().map(Issuer::new).collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<&str> = issuers.iter().map(|issuer| &*issuer.name).collect();
        names.sort_unstable();
        if let Some([twice, ..]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(ConfigError::new(format!("jwt: the issuer \"{twice}\" is there twice: put its keys into one")));
        }
        let api_keys = config.api_keys.map(|Untold(keys)| ApiKeys::new(keys)).transpose()?;
        let signed_requests = config.signed_requests.map(|Untold(keys)| SignedRequests::new(keys)).transpose()?;
        let mut schemes = Vec::new();
        schemes.extend((!issuers.is_empty()).then_some(Scheme::Jwt));
        schemes.extend(api_keys.is_some().then_some(Scheme::ApiKey));
        schemes.extend(signed_requests.is_some().then_some(Scheme::Signature));
        if schemes.is_empty() {
            return Err(ConfigError::new("nothing lets a request pass: give `jwt`, `api_keys` or `signed_requests`"));
        }
        let rules = Rules::new(config.rules, &schemes)?;
        let own = issuers.iter().flat_map(Issuer::headers);
        let own = own.chain(api_keys.iter().flat_map(ApiKeys::headers));
        let own = own.chain(signed_requests.iter().flat_map(SignedRequests::headers));
        let own_headers = OwnHeaders::new(own, api_keys.as_ref().map(|keys| &*keys.header))?;
        // All that can be refused is, before anything is begun.
        if let Some(period) = issuers.iter().filter_map(|issuer| issuer.keys.tick_period()).min() {
            plugin.set_tick_period(period)?;
        }
        for issuer in &issuers {
            issuer.keys.start(plugin);
        }
        let (realm, forward_credentials) = (config.realm, config.forward_credentials);
        let verified = Verified::new();
        Ok(Self { realm, issuers, api_keys, signed_requests, verified, rules, own_headers, forward_credentials })
    }

    fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
        let now = plugin.now()?;
        for issuer in &self.issuers {
            issuer.keys.tick(now);
        }
        Ok(())
    }
}

impl HttpPlugin for Auth {
    type Http = AuthStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> AuthStream {
        AuthStream { root: Rc::clone(self), digest: None }
    }
}

/// A credential that was accepted.
struct Accepted {
    scheme: Scheme,
    identity: Rc<Identity>,
    /// What the body must be.
    digest: Option<ContentDigest>,
}

/// What becomes of a request that is not denied.
enum Decision {
    /// Nothing is asked of it.
    Open,
    Accepted(Accepted),
    /// It depends on a key that may be published by now.
    MissingKey(Rc<KeySet>),
}

impl Auth {
    fn reply(&self, denied: &Denied, requirement: &Requirement) -> LocalReply {
        denied.reply(&self.realm, &requirement.accept, &requirement.scopes)
    }

    /// What a request must bring; `None` is nothing.
    fn requirement(&self, request: &HeaderMap) -> Result<Option<&Requirement>, LocalReply> {
        let (method, path) = (request.get(":method").unwrap_or_default(), request.get(":path").unwrap_or_default());
        self.rules.of(method, path).map_err(|Ambiguous| Denied::Path.reply(&self.realm, &[], &[]))
    }

    fn decide(&self, request: &HeaderMap, ends: bool, now: Duration) -> Result<Decision, LocalReply> {
        let Some(requirement) = self.requirement(request)? else { return Ok(Decision::Open) };
        self.verify(requirement, request, ends, now).map_err(|denied| self.reply(&denied, requirement))
    }

    /// There is no key for its token.
    fn refuse<T>(&self, request: &HeaderMap, missing: &Missing) -> Result<T> {
        let denied = match missing {
            Missing::NoKeys(seconds) => Denied::NoKeys(*seconds),
            Missing::NoSuchKey | Missing::Wait(_) => Denied::Token(Refused::Key),
        };
        match self.requirement(request)? {
            Some(requirement) => self.reply(&denied, requirement).send(),
            None => denied.reply(&self.realm, &[], &[]).send(),
        }
    }

    fn verify(&self, requirement: &Requirement, request: &HeaderMap, ends: bool, now: Duration) -> Result<Decision, Denied> {
        let scheme = self.presented(requirement, request)?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let mut digest = None;
        let identity = match scheme {
            Scheme::Jwt => match self.token(bearer(request)?.unwrap_or_default(), seconds) {
                Ok(identity) => identity,
                Err(Unverified::Refused(refused)) => return Err(Denied::Token(refused)),
                Err(Unverified::UnknownKey(keys)) => return Ok(Decision::MissingKey(keys)),
            },
            Scheme::ApiKey => {
                let sent = self.api_keys.as_ref().and_then(|keys| keys.find(request.get(&keys.header)?));
                sent.ok_or(Denied::ApiKey)?
            }
            Scheme::Signature => {
                let keys = self.signed_requests.as_ref().ok_or(Denied::NoCredentials)?;
                let (identity, expected) = keys.verify(request, ends, seconds).map_err(Denied::Signature)?;
                digest = expected;
                identity
            }
        };
        if !identity.has_all(&requirement.scopes) {
            return Err(Denied::Scope(scheme));
        }
        Ok(Decision::Accepted(Accepted { scheme, identity, digest }))
    }

    fn token(&self, text: &[u8], now: i64) -> Result<Rc<Identity>, Unverified> {
        if text.len() > jwt::MOST_BYTES {
            return Err(Refused::TooLong.into());
        }
        let hash = TokenHash::of(text);
        if let Some(identity) = self.verified.find(hash, now) {
            return Ok(identity);
        }
        let token = Token::parse(text)?;
        let issuer = self.issuers.iter().find(|issuer| token.issuer() == Some(&issuer.name)).ok_or(Refused::Issuer)?;
        let (identity, until) = issuer.verify(&token, now)?;
        let identity = Rc::new(identity);
        self.verified.remember(hash, &issuer.keys, now, until, &identity);
        Ok(identity)
    }

    /// The one kind of credential that the request brings, of those that are accepted.
    fn presented(&self, requirement: &Requirement, request: &HeaderMap) -> Result<Scheme, Denied> {
        let mut presented = None;
        for scheme in &requirement.accept {
            let count = match scheme {
                Scheme::Jwt => usize::from(bearer(request)?.is_some()),
                Scheme::ApiKey => self.api_keys.as_ref().map_or(0, |keys| request.values(&keys.header).count()),
                Scheme::Signature => request.values("signature").count().max(request.values("signature-input").count()),
            };
            match (count, presented) {
                (0, _) => {}
                (1, None) => presented = Some(*scheme),
                (1, Some(_)) => return Err(Denied::Several),
                _ => return Err(Denied::Twice(*scheme)),
            }
        }
        presented.ok_or(Denied::NoCredentials)
    }

    /// Makes a request that passes say whom it is from.
    fn tell_upstream(&self, headers: &Headers<'_>, sent: &HeaderMap, decision: &Decision) -> Result<(), Error> {
        self.own_headers.remove_from(headers, sent)?;
        let Decision::Accepted(accepted) = decision else { return Ok(()) };
        for (name, value) in &accepted.identity.headers {
            headers.set(name, value)?;
        }
        if self.forward_credentials {
            return Ok(());
        }
        match (accepted.scheme, &self.api_keys) {
            (Scheme::Jwt, _) => headers.remove("authorization"),
            (Scheme::ApiKey, Some(keys)) => headers.remove(&keys.header),
            (Scheme::ApiKey, None) => Ok(()),
            (Scheme::Signature, _) => headers.remove("signature").and_then(|()| headers.remove("signature-input")),
        }
    }
}

/// The token of `authorization: Bearer` (RFC 6750, 2.1). Envoy joins several such headers by a comma, which no token has (HDR-10).
fn bearer(request: &HeaderMap) -> Result<Option<&[u8]>, Denied> {
    let (mut token, mut count) = (None, 0);
    for one in request.values("authorization").flat_map(|value| value.split(|byte| *byte == b',')) {
        count += 1;
        token = token.or(bearer_token(one.trim_ascii()));
    }
    if token.is_some() && count > 1 { Err(Denied::Twice(Scheme::Jwt)) } else { Ok(token) }
}

fn bearer_token(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = credentials.split_at_checked("bearer".len())?;
    match rest {
        [] | [b' ', ..] if scheme.eq_ignore_ascii_case(b"bearer") => Some(rest.trim_ascii_start()),
        _ => None,
    }
}

struct AuthStream {
    root: Rc<Auth>,
    /// What the body must be, as long as it is not here.
    digest: Option<ContentDigest>,
}

impl AuthStream {
    fn check_body(&mut self, body: &[u8]) -> Result<()> {
        let Some(digest) = self.digest.take() else { return Ok(()) };
        digest.check(body).or_reply(|| Denied::Signature(Unsigned::Digest).reply(&self.root.realm, &[Scheme::Signature], &[]))
    }
}

impl HttpContext for AuthStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (sent, ends) = (http.headers().all()?, http.end_of_stream());
        let mut decision = self.root.decide(&sent, ends, http.now()?)?;
        if let Decision::MissingKey(keys) = &decision {
            return match keys.missing(http.now()?) {
                Missing::Wait(fetched) => {
                    let root = Rc::clone(&self.root);
                    http.wait(async move |request| {
                        // Whatever came of it: what is known now decides.
                        let _ = fetched.await;
                        let decision = root.decide(&sent, ends, request.now()?)?;
                        if let Decision::MissingKey(keys) = &decision {
                            return root.refuse(&sent, &keys.still_missing());
                        }
                        Ok(root.tell_upstream(&request.headers(), &sent, &decision)?)
                    })
                }
                missing => self.root.refuse(&sent, &missing),
            };
        }
        self.root.tell_upstream(&http.headers(), &sent, &decision)?;
        if let Decision::Accepted(accepted) = &mut decision {
            self.digest = accepted.digest.take();
        }
        Ok(HeadersAction::Continue)
    }

    fn request_body_policy(&self) -> BodyPolicy {
        match (&self.digest, &self.root.signed_requests) {
            (Some(_), Some(signed)) => BodyPolicy::Collect { limit: signed.body_limit },
            _ => BodyPolicy::Stream,
        }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        if self.digest.is_some() {
            self.check_body(&http.body().bytes()?)?;
        }
        Ok(DataAction::Continue)
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        // No body came before them.
        self.check_body(b"")?;
        let trailers = http.trailers();
        self.root.own_headers.remove_from(&trailers, &trailers.all()?)?;
        Ok(TrailersAction::Continue)
    }
}
