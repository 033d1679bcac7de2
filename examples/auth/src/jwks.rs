//! The keys of an issuer: those of the configuration, and those that it publishes (JWK Set, RFC 7517), fetched again and again.

use crate::json::Value;
use crate::key::{Algorithm, Key, Source};
use core::cell::{Cell, RefCell};
use core::time::Duration;
use proxy_filter::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointConfig {
    cluster: String,
    path: String,
    #[serde(default)]
    authority: Option<String>,
    #[serde(default = "five_minutes")]
    refresh_seconds: u32,
    #[serde(default = "ten_seconds")]
    cooldown_seconds: u32,
    #[serde(default = "two_seconds")]
    timeout_milliseconds: u32,
}

fn five_minutes() -> u32 {
    300
}

fn ten_seconds() -> u32 {
    10
}

fn two_seconds() -> u32 {
    2_000
}

/// An issuer has a handful; each token without a `kid` is tried with at most [`MOST_TRIED`] of them.
const MOST_KEYS: usize = 64;
const MOST_TRIED: usize = 4;
const MOST_BYTES: usize = 262_144;
/// More do not wait for the keys at once: they are told to come again.
const MOST_WAITING: usize = 1_000;

pub(crate) struct KeySet {
    issuer: String,
    configured: Vec<Rc<Key>>,
    endpoint: Option<Endpoint>,
}

struct Endpoint {
    config: EndpointConfig,
    /// What was fetched last; it stays while the endpoint is down. `None` before that.
    keys: RefCell<Option<Vec<Rc<Key>>>>,
    version: Cell<u32>,
    /// When the last fetch was asked for, and what it came to.
    asked: Cell<Option<Duration>>,
    state: Cell<State>,
    /// Makes the task that fetches do so.
    wanted: RefCell<Option<oneshot::Sender<()>>>,
    /// The requests that wait for what is being fetched.
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fetching,
    Fetched,
    Failed,
}

/// What to do about a key that is not here.
pub(crate) enum Missing {
    /// It may be among those that are being fetched.
    Wait(oneshot::Receiver<()>),
    /// It was looked for just now: there is none.
    NoSuchKey,
    /// No keys could be had yet; they are tried again after so many seconds.
    NoKeys(u32),
}

impl KeySet {
    pub(crate) fn new(issuer: &str, keys: Option<&Value>, endpoint: Option<EndpointConfig>) -> Result<Self, String> {
        let configured = match keys {
            None => Vec::new(),
            Some(set) => read(set, Source::Configuration, |at, why| Err(format!("`keys`: the key {at}: {why}")))?,
        };
        match &endpoint {
            None if configured.is_empty() => {
                return Err("it has no keys: give `keys` (a JWK Set) or `jwks` (where it is)".to_owned());
            }
            None => {}
            Some(endpoint) => endpoint.check()?,
        }
        let endpoint = endpoint.map(|config| Endpoint {
            config,
            keys: RefCell::default(),
            version: Cell::new(0),
            asked: Cell::default(),
            state: Cell::new(State::Fetching),
            wanted: RefCell::default(),
            waiting: RefCell::default(),
        });
        Ok(Self { issuer: issuer.to_owned(), configured, endpoint })
    }

    pub(crate) fn is_published(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Those that may have signed a token with this `kid` by this algorithm. A key that says no `kid` may have signed any.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<Rc<Key>> {
        let fits = |key: &&Rc<Key>| key.algorithm() == algorithm && kid.is_none_or(|kid| key.id().is_none_or(|id| id == kid));
        let published = self.endpoint.as_ref().and_then(|endpoint| endpoint.keys.try_borrow().ok());
        let published = published.iter().flat_map(|keys| keys.iter().flatten());
        self.configured.iter().chain(published).filter(fits).take(MOST_TRIED).cloned().collect()
    }

    /// Changes with the keys.
    pub(crate) fn version(&self) -> u32 {
        self.endpoint.as_ref().map_or(0, |endpoint| endpoint.version.get())
    }

    /// Begins to fetch: now, and whenever it is asked to.
    pub(crate) fn start(self: &Rc<Self>, plugin: &Plugin<'_>) {
        let set = Rc::clone(self);
        plugin.spawn(async move |plugin| {
            let Some(endpoint) = &set.endpoint else { return Ok(()) };
            loop {
                endpoint.fetch(&set.issuer, &plugin).await;
                let (sender, wanted) = oneshot::channel();
                endpoint.wanted.replace(Some(sender));
                if wanted.await.is_err() {
                    return Ok(());
                }
            }
        });
    }

    /// How often to look whether it is time.
    pub(crate) fn tick_period(&self) -> Option<Duration> {
        self.endpoint.as_ref().map(|endpoint| Duration::from_secs(endpoint.config.cooldown_seconds.into()))
    }

    /// Fetches again when the keys are old, or could not be had.
    pub(crate) fn tick(&self, now: Duration) {
        let Some(endpoint) = &self.endpoint else { return };
        let seconds = match endpoint.state.get() {
            State::Fetching => return,
            State::Fetched => endpoint.config.refresh_seconds,
            State::Failed => endpoint.config.cooldown_seconds,
        };
        if endpoint.is_due(now, seconds) {
            endpoint.ask(now);
        }
    }

    /// A token names a key that is not here: it is looked for at once, but not again and again.
    pub(crate) fn missing(&self, now: Duration) -> Missing {
        let Some(endpoint) = &self.endpoint else { return Missing::NoSuchKey };
        if endpoint.state.get() != State::Fetching && endpoint.is_due(now, endpoint.config.cooldown_seconds) {
            endpoint.ask(now);
        }
        match endpoint.waiting.try_borrow_mut() {
            Ok(mut waiting) if endpoint.state.get() == State::Fetching => {
                waiting.retain(|sender| !sender.is_closed());
                if waiting.len() >= MOST_WAITING {
                    return Missing::NoKeys(endpoint.config.cooldown_seconds);
                }
                let (sender, fetched) = oneshot::channel();
                waiting.push(sender);
                Missing::Wait(fetched)
            }
            _ => self.still_missing(),
        }
    }

    /// As [`missing`](Self::missing), for a token that has waited already.
    pub(crate) fn still_missing(&self) -> Missing {
        match &self.endpoint {
            Some(endpoint) if !endpoint.has_keys() => Missing::NoKeys(endpoint.config.cooldown_seconds),
            _ => Missing::NoSuchKey,
        }
    }
}

impl EndpointConfig {
    fn check(&self) -> Result<(), String> {
        if self.cluster.is_empty() {
            return Err("`jwks.cluster` is empty: name a cluster of the proxy".to_owned());
        }
        if !self.path.starts_with('/') || !self.path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("`jwks.path` must begin with a slash, and have neither spaces nor control characters".to_owned());
        }
        for (name, value) in [
            ("refresh_seconds", self.refresh_seconds),
            ("cooldown_seconds", self.cooldown_seconds),
            ("timeout_milliseconds", self.timeout_milliseconds),
        ] {
            if value == 0 {
                return Err(format!("`jwks.{name}` is 0: at least 1"));
            }
        }
        if self.cooldown_seconds > self.refresh_seconds {
            return Err("`jwks.cooldown_seconds` is more than `jwks.refresh_seconds`".to_owned());
        }
        Ok(())
    }
}

impl Endpoint {
    fn has_keys(&self) -> bool {
        self.keys.try_borrow().is_ok_and(|keys| keys.is_some())
    }

    fn is_due(&self, now: Duration, seconds: u32) -> bool {
        // A clock that was set back makes it due too.
        self.asked.get().is_none_or(|asked| now < asked || now - asked >= Duration::from_secs(seconds.into()))
    }

    fn ask(&self, now: Duration) {
        if let Some(wanted) = self.wanted.take() {
            self.asked.set(Some(now));
            if wanted.send(()).is_ok() {
                self.state.set(State::Fetching);
            }
        }
    }

    async fn fetch(&self, issuer: &str, plugin: &Plugin<'_>) {
        self.state.set(State::Fetching);
        if let Ok(now) = plugin.now() {
            self.asked.set(Some(now));
        }
        let config = &self.config;
        let call = HttpCall::get(&config.cluster, &config.path)
            .with_authority(config.authority.as_ref().unwrap_or(&config.cluster))
            .header("accept", "application/jwk-set+json, application/json")
            .timeout(Duration::from_millis(config.timeout_milliseconds.into()));
        let fetched = match plugin.call(call).await {
            Ok(reply) if reply.status() == 200 => published(issuer, reply.body(), plugin),
            Ok(reply) => Err(format!("it answers {}", reply.status())),
            Err(error) => Err(error.to_string()),
        };
        match fetched {
            Ok(keys) => {
                let _ = plugin.log(LogLevel::Debug, format!("the issuer \"{issuer}\" has published {} keys", keys.len()));
                self.keys.replace(Some(keys));
                self.version.set(self.version.get().wrapping_add(1));
                self.state.set(State::Fetched);
            }
            Err(why) => {
                let stay = if self.has_keys() { "the old ones stay" } else { "there are none yet" };
                let whose =
                    format!("the keys of the issuer \"{issuer}\" could not be fetched from the cluster \"{}\"", config.cluster);
                let _ = plugin.log(LogLevel::Warn, format!("{whose}: {why}; {stay}"));
                self.state.set(State::Failed);
            }
        }
        for sender in self.waiting.take() {
            // A client that has left needs no key.
            let _ = sender.send(());
        }
    }
}

/// What can be used of a published set: others may be for encryption, or of algorithms to come.
fn published(issuer: &str, body: &[u8], plugin: &Plugin<'_>) -> Result<Vec<Rc<Key>>, String> {
    if body.len() > MOST_BYTES {
        return Err(format!("it is larger than {MOST_BYTES} bytes"));
    }
    let set =
        Value::parse(body).map_err(|error| format!("it is not JSON, at line {} column {}", error.line(), error.column()))?;
    let keys = read(&set, Source::Published, |at, why| {
        let _ = plugin.log(LogLevel::Debug, format!("the issuer \"{issuer}\": the key {at} is left out: {why}"));
        Ok(())
    })?;
    if keys.is_empty() { Err("it has no key that can be used here".to_owned()) } else { Ok(keys) }
}

/// Reads a JWK Set; what to do with a key that is none is said by `refused`, which gets its place.
fn read(set: &Value, source: Source, refused: impl Fn(usize, &str) -> Result<(), String>) -> Result<Vec<Rc<Key>>, String> {
    let Some(Value::List(all)) = set.get("keys") else {
        return Err("it is not a JWK Set: an object with the list `keys`".to_owned());
    };
    let mut keys = Vec::new();
    for (at, jwk) in all.iter().enumerate() {
        if at >= MOST_KEYS {
            refused(at, "a set has at most 64 keys")?;
            break;
        }
        match Key::from_jwk(jwk, source) {
            Ok(key) => keys.push(Rc::new(key)),
            Err(why) => refused(at, why)?,
        }
    }
    Ok(keys)
}
