//! What the filter is told, and what it does not accept.

use crate::answer::{FAILED_OPEN, is_same};
use core::fmt;
use proxy_filter::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The configuration, and a hash of its bytes: what was cached under another one is not asked for.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) fingerprint: [u8; 32],
}

impl FromConfig for Settings {
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
        let Json(mut config) = Json::<Config>::from_config(bytes)?;
        config.check()?;
        Ok(Self { config, fingerprint: Sha256::digest(bytes).into() })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) authorization: Service,
    pub(crate) quota: Option<Service>,
    pub(crate) cache: Option<Caching>,
    #[serde(default = "service_unavailable")]
    pub(crate) status_on_error: u16,
}

/// A service that is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) protocol: Protocol,
    /// Of the proxy, by its name.
    pub(crate) cluster: String,
    /// Whom the call is for; the cluster's name unless it is given.
    #[serde(default)]
    pub(crate) authority: String,
    /// Of an HTTP service.
    pub(crate) path: Option<String>,
    #[serde(default = "default_timeout")]
    pub(crate) timeout_ms: u32,
    /// Whether the service is told who has connected.
    #[serde(default)]
    pub(crate) source: bool,
    /// Sent to the service as the client sent them.
    #[serde(default = "authorization_header")]
    pub(crate) request_headers: Vec<String>,
    /// Taken from the service to the upstream.
    #[serde(default)]
    pub(crate) upstream_headers: Vec<String>,
    /// Taken from the service to the client, with a refusal.
    #[serde(default = "of_a_refusal")]
    pub(crate) client_headers: Vec<String>,
    /// Of a gRPC service: told with each request.
    #[serde(default)]
    pub(crate) context_extensions: Vec<(String, String)>,
    /// Why a request may pass that the service has not answered.
    #[serde(default)]
    pub(crate) fail_open: Vec<Reason>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

/// Why a service has no answer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The proxy did not make the call: no such cluster, no host, too many calls at once.
    NotSent,
    /// No server was reached, or it was gone before it answered.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The answer broke off, or is larger than the proxy takes.
    Reset,
    /// The service says that it cannot tell: a 5xx, a gRPC status.
    Error,
    /// An answer that makes no sense.
    Malformed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not_sent",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Error => "error",
            Self::Malformed => "malformed",
        })
    }
}

/// What is remembered of the authorization service's answers, and for how long.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caching {
    #[serde(default = "a_minute")]
    pub(crate) allowed_ttl_s: u32,
    #[serde(default = "five")]
    pub(crate) denied_ttl_s: u32,
    #[serde(default = "entries")]
    pub(crate) entries: u32,
    #[serde(default = "four_kib")]
    pub(crate) max_entry_bytes: u32,
    /// The headers that make two requests alike; unless given, all that the service is told.
    pub(crate) key: Option<Vec<String>>,
}

fn service_unavailable() -> u16 {
    503
}

fn default_timeout() -> u32 {
    200
}

fn authorization_header() -> Vec<String> {
    vec!["authorization".to_string()]
}

fn of_a_refusal() -> Vec<String> {
    ["content-type", "location", "retry-after", "set-cookie", "www-authenticate"].map(ToString::to_string).into()
}

fn a_minute() -> u32 {
    60
}

fn five() -> u32 {
    5
}

fn entries() -> u32 {
    1_024
}

fn four_kib() -> u32 {
    4_096
}

impl Config {
    pub(crate) fn asks_for_source(&self) -> bool {
        self.authorization.source || self.quota.as_ref().is_some_and(|quota| quota.source)
    }

    /// What a client may not say in their place.
    pub(crate) fn own_headers(&self) -> Vec<String> {
        let services = core::iter::once(&self.authorization).chain(&self.quota);
        services.flat_map(|service| &service.upstream_headers).cloned().chain([FAILED_OPEN.to_string()]).collect()
    }

    fn check(&mut self) -> Result<(), ConfigError> {
        self.authorization.check("authorization")?;
        if let Some(quota) = &mut self.quota {
            quota.check("quota")?;
            // The second would replace what the first has said of the user.
            let taken =
                |name: &&String| self.authorization.upstream_headers.iter().any(|own| is_same(own.as_bytes(), name.as_bytes()));
            if let Some(name) = quota.upstream_headers.iter().find(taken) {
                return Err(ConfigError::new(format!(
                    "quota.upstream_headers: \"{name}\" is authorization's to set: only one of both can"
                )));
            }
        }
        if let Some(cache) = &mut self.cache {
            cache.check()?;
        }
        within("status_on_error", self.status_on_error.into(), 400, 599)
    }
}

impl Service {
    fn check(&mut self, side: &str) -> Result<(), ConfigError> {
        if self.cluster.is_empty() {
            return Err(ConfigError::new(format!("{side}.cluster is empty: name a cluster of the proxy")));
        }
        within(&format!("{side}.timeout_ms"), self.timeout_ms, 1, 60_000)?;
        match (self.protocol, &self.path) {
            (Protocol::Grpc, Some(_)) => {
                return Err(ConfigError::new(format!(
                    "{side}.path: a gRPC service has none: remove it, or set protocol to http"
                )));
            }
            (Protocol::Http, _) if !self.context_extensions.is_empty() => {
                return Err(ConfigError::new(format!(
                    "{side}.context_extensions: only a gRPC service is told these: remove them"
                )));
            }
            (Protocol::Http, Some(path)) if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(ConfigError::new(format!("{side}.path: \"{}\" is no path, such as /check", path.escape_default())));
            }
            _ => {}
        }
        names(&format!("{side}.request_headers"), &mut self.request_headers)?;
        names(&format!("{side}.upstream_headers"), &mut self.upstream_headers)?;
        names(&format!("{side}.client_headers"), &mut self.client_headers)
    }
}

impl Caching {
    fn check(&mut self) -> Result<(), ConfigError> {
        within("cache.allowed_ttl_s", self.allowed_ttl_s, 0, 86_400)?;
        within("cache.denied_ttl_s", self.denied_ttl_s, 0, 86_400)?;
        if self.allowed_ttl_s == 0 && self.denied_ttl_s == 0 {
            return Err(ConfigError::new("cache: both TTLs are 0, so that it would hold nothing: remove it"));
        }
        within("cache.entries", self.entries, 1, 65_536)?;
        within("cache.max_entry_bytes", self.max_entry_bytes, 256, 65_536)?;
        let Some(key) = &mut self.key else { return Ok(()) };
        if key.is_empty() {
            return Err(ConfigError::new("cache.key is empty, so that all requests were alike: name headers, or remove it"));
        }
        for name in key {
            name.make_ascii_lowercase();
            if !matches!(name.as_str(), ":method" | ":path" | ":authority" | ":scheme") && !is_name(name) {
                return Err(ConfigError::new(format!("cache.key: \"{}\" is not a header name", name.escape_default())));
            }
        }
        Ok(())
    }
}

fn within(field: &str, value: u32, least: u32, most: u32) -> Result<(), ConfigError> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(ConfigError::new(format!("{field} must be {least} to {most}, but is {value}"))),
    }
}

/// Names of headers that a filter may send or set, in lower case as the proxy has them.
fn names(field: &str, names: &mut [String]) -> Result<(), ConfigError> {
    for name in names {
        name.make_ascii_lowercase();
        let why = match name.as_str() {
            pseudo if pseudo.starts_with(':') => "is no plain header: method, path, host and scheme are always told",
            "host" => "is always told, and nobody's to set",
            "connection" | "content-length" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding"
            | "upgrade" => "belongs to a connection, not to a request",
            "x-forwarded-method" | "x-forwarded-uri" | "x-forwarded-host" | "x-forwarded-proto" | "x-forwarded-for"
            | FAILED_OPEN => "is set by this filter itself",
            name if !is_name(name) => "is not a header name",
            _ => continue,
        };
        return Err(ConfigError::new(format!("{field}: \"{}\" {why}", name.escape_default())));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}
