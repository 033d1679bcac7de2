//! The plugin `canary`.

use crate::hash_key::{Hash, HashKey};
use crate::names::check_token;
use crate::sticky_cookie::ClientId;
use crate::versions::{Version, Versions};
use proxy_filter::property::SOURCE_ADDRESS;
use proxy_filter::{Cookies, Value, envoy, prelude::*};
use serde::Deserialize;
use twox_hash::XxHash64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default = "default_header")]
    header: String,
    versions: Vec<Version>,
    #[serde(default)]
    hash: Vec<Hash>,
    #[serde(default, rename = "override")]
    testers: Option<Override>,
    #[serde(default)]
    seed: u64,
}

fn default_header() -> String {
    "x-canary".to_string()
}

/// By what testers choose a version themselves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    header: Option<String>,
    cookie: Option<String>,
    /// Which they may choose; all, unless it is said.
    versions: Option<Vec<String>>,
}

impl Override {
    fn check(&self, versions: &Versions) -> Result<(), ConfigError> {
        if self.header.is_none() && self.cookie.is_none() {
            return Err(ConfigError::new("override: needs a header or a cookie"));
        }
        self.header.iter().try_for_each(|name| check_token("override.header", name, "a header name"))?;
        self.cookie.iter().try_for_each(|name| check_token("override.cookie", name, "a cookie name"))?;
        match self.versions.iter().flatten().find(|chosen| !versions.names().any(|name| name == *chosen)) {
            Some(unknown) => {
                Err(ConfigError::new(format!("override.versions: \"{}\" is none of the versions", unknown.escape_debug())))
            }
            None => Ok(()),
        }
    }

    fn allows(&self, name: &str) -> bool {
        self.versions.as_ref().is_none_or(|allowed| allowed.iter().any(|version| version == name))
    }
}

pub(crate) struct Canary {
    header: String,
    versions: Versions,
    hash: Vec<HashKey>,
    testers: Option<Override>,
    seed: u64,
    reads_cookies: bool,
}

impl RootContext for Canary {
    type Config = Json<Config>;

    /// A release must not become an outage: where the proxy refuses what is asked of it, requests go on by the routes' own default.
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Continue;

    fn new(Json(config): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let Config { header, versions, hash, testers, seed } = config;
        check_token("header", &header, "a header name")?;
        let versions = Versions::new(versions)?;
        let hash = HashKey::list(hash)?;
        testers.iter().try_for_each(|testers| testers.check(&versions))?;
        let reads_cookies = hash.iter().any(|key| matches!(key, HashKey::Cookie(..)))
            || testers.as_ref().is_some_and(|testers| testers.cookie.is_some());
        Ok(Self { header, versions, hash, testers, seed, reads_cookies })
    }
}

impl HttpPlugin for Canary {
    type Http = CanaryStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> CanaryStream {
        CanaryStream { canary: Rc::clone(self), set_cookie: None }
    }
}

impl Canary {
    fn header_of_tester(&self, http: &RequestHeaders<'_>) -> Result<Option<Value>, Error> {
        match self.testers.as_ref().and_then(|testers| testers.header.as_ref()) {
            Some(name) => http.headers().get(name),
            None => Ok(None),
        }
    }

    /// What a tester asks for by header or cookie, where it is allowed.
    fn overridden(&self, header: Option<&[u8]>, cookies: Option<&Cookies>) -> Option<&str> {
        let testers = self.testers.as_ref()?;
        let cookie = testers.cookie.as_ref().zip(cookies).and_then(|(name, cookies)| cookies.get(name));
        let allowed = |wanted: &[u8]| self.versions.names().find(|name| name.as_bytes() == wanted && testers.allows(name));
        header.and_then(allowed).or_else(|| cookie.and_then(allowed))
    }

    /// Where this client stands among all, and the cookie that it is to be given.
    fn point(&self, http: &RequestHeaders<'_>, cookies: Option<&Cookies>) -> Result<(u32, Option<Vec<u8>>)> {
        for key in &self.hash {
            match key {
                HashKey::Header(name) => {
                    if let Some(value) = http.headers().get(name)?.filter(|value| !value.is_empty()) {
                        return Ok((self.hash(&value), None));
                    }
                }
                HashKey::Cookie(name, set) => {
                    if let Some(value) = cookies.and_then(|cookies| cookies.get(name)).filter(|value| !value.is_empty()) {
                        return Ok((self.hash(value), None));
                    }
                    if let Some(cookie) = set {
                        let client = ClientId::random(http)?;
                        return Ok((self.hash(client.as_ref()), Some(cookie.line(&client))));
                    }
                }
                HashKey::ClientAddress => break,
            }
        }
        let address = http.property(SOURCE_ADDRESS)?.unwrap_or_default();
        // A client has another port for each connection.
        let address = address.rsplit_once(':').map_or(&*address, |(address, _port)| address);
        Ok((self.hash(address.as_bytes()), None))
    }

    fn hash(&self, key: &[u8]) -> u32 {
        (XxHash64::oneshot(self.seed, key) >> u32::BITS) as u32
    }
}

pub(crate) struct CanaryStream {
    canary: Rc<Canary>,
    /// For the response to a client that is not known yet.
    set_cookie: Option<Vec<u8>>,
}

impl HttpContext for CanaryStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let canary = &*self.canary;
        let headers = http.headers();
        let asked_for = canary.header_of_tester(&http);
        // Every value that the client has sent goes, whatever else fails.
        headers.remove(&canary.header)?;
        let asked_for = asked_for?;
        let cookies = if canary.reads_cookies { Some(http.cookies()?) } else { None };
        let version = match canary.overridden(asked_for.as_deref(), cookies.as_ref()) {
            Some(version) => version,
            None => {
                let (point, set_cookie) = canary.point(&http, cookies.as_ref())?;
                self.set_cookie = set_cookie;
                canary.versions.at(point)
            }
        };
        headers.set(&canary.header, version)?;
        // A route was chosen before the first filter (FOR-13). Envoy 1.40 chooses again after any edit (HDR-23), others when they are told.
        envoy::clear_route_cache(&http)?;
        Ok(HeadersAction::Continue)
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        if let Some(cookie) = self.set_cookie.take() {
            http.headers().add("set-cookie", cookie)?;
        }
        Ok(HeadersAction::Continue)
    }
}
