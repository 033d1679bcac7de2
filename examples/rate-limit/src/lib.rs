//! Limits requests: a token bucket for each client, or whatever else a rule's key names, which all workers of the proxy share.
//!
//! ```json
//! {
//!   "rules": [
//!     { "name": "login", "path_prefix": "/login", "methods": ["POST"], "requests": 5, "seconds": 60 },
//!     { "name": "api", "path_prefix": "/api/", "requests": 100, "burst": 200 }
//!   ]
//! }
//! ```
//!
//! The first rule that matches a request decides: a request takes a token, or is answered with 429.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

mod bucket;
mod config;
mod key;
mod table;

use bucket::Taken;
use config::{Config, Fields, OnFailure, Rule};
use core::cell::Cell;
use core::fmt;
use key::{Request, Secret};
use proxy_filter::prelude::*;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "rate_limit" => http RateLimit }

struct RateLimit {
    rules: Vec<Rule>,
    /// How many sets of buckets a rule has.
    sets: u32,
    ipv6_prefix: u32,
    on_failure: OnFailure,
    fields: Fields,
    secret: Secret,
    limited: CounterFamily<1>,
    failed: CounterFamily<2>,
    /// The second in which a failure was last logged.
    complained: Cell<u64>,
}

impl RootContext for RateLimit {
    type Config = Json<Config>;

    /// What may end in a refusal is decided below, by the configuration; what is left is a header that cannot be written.
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Continue;

    fn new(Json(config): Json<Config>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let (sets, ipv6_prefix, on_failure, fields) = (config.sets()?, config.ipv6_prefix, config.on_failure, config.headers);
        let rules = config.rules()?;
        Ok(Self {
            limited: CounterFamily::new("rate_limit.limited", ["rule"], rules.len()),
            failed: CounterFamily::new("rate_limit.failed", ["rule", "reason"], 3 * rules.len()),
            secret: secret(plugin)?,
            rules,
            sets,
            ipv6_prefix,
            on_failure,
            fields,
            complained: Cell::new(0),
        })
    }
}

/// The key of the hash: the first VM of the proxy makes it, the others find it.
fn secret(plugin: &Plugin<'_>) -> Result<Secret, ConfigError> {
    let mut random = Secret::default();
    plugin.random_bytes(&mut random)?;
    let stored = plugin.shared_data().update("rate_limit/secret", |stored| {
        let secret = stored.unwrap_or(&random).to_vec();
        (secret.clone(), secret)
    })?;
    stored.try_into().map_err(|other: Vec<u8>| {
        ConfigError::new(format!(
            "the shared value rate_limit/secret has {} bytes, so that it is of another plugin: give this one a vm_id of its own",
            other.len()
        ))
    })
}

impl HttpPlugin for RateLimit {
    type Http = RateLimitStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> RateLimitStream {
        RateLimitStream { root: Rc::clone(self), told: None }
    }
}

/// Why nobody can tell whether there is a token.
enum Trouble {
    /// Others were quicker, again and again.
    Contended,
    /// So many keys have buckets that are not full that there is no room for one more.
    NoRoom,
    /// The proxy does not do what is asked of it.
    Host(Failure),
}

impl Trouble {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Contended => "contended",
            Self::NoRoom => "no_room",
            Self::Host(_) => "host",
        }
    }
}

impl<E: core::error::Error + 'static> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Host(error.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contended => f.write_str("all workers are at one bucket all the time: a hundred tries were not enough"),
            Self::NoRoom => f.write_str("too many keys are in use at once: raise max_keys"),
            Self::Host(failure) => write!(f, "{failure:?}"),
        }
    }
}

impl RateLimit {
    /// The first rule that is for this request, and the hash of its key.
    fn find(&self, request: &Request<'_>) -> Result<Option<(usize, &Rule, u64)>, Trouble> {
        for (number, rule) in self.rules.iter().enumerate() {
            if !request.path().starts_with(rule.path_prefix.as_bytes()) {
                continue;
            }
            if !rule.methods.is_empty() {
                let method = request.method()?;
                if !rule.methods.iter().any(|name| name.as_bytes() == method) {
                    continue;
                }
            }
            if let Some(hash) = request.hash(&rule.key, self.ipv6_prefix, &self.secret)? {
                return Ok(Some((number, rule, hash)));
            }
        }
        Ok(None)
    }

    /// Takes a token out of a bucket.
    fn take(&self, http: &Context, rule: &Rule, hash: u64) -> Result<Taken, Trouble> {
        // The high half says which set, all of it which bucket.
        let set = (hash >> 32) as u32 % self.sets.max(1);
        let key = [b"rate_limit/", rule.name.as_bytes(), b"/", &set.to_le_bytes()].concat();
        let taken = http.shared_data().update(key, |stored| {
            let set = stored.unwrap_or_default();
            // The clock is read after the buckets are: no worker can have stored them at a later time.
            match http.now() {
                Ok(now) => {
                    let now = now.as_secs().saturating_mul(1_000_000_000).saturating_add(now.subsec_nanos().into());
                    let (set, taken) = table::take(set, hash, &rule.limit, now);
                    (set, taken.ok_or(Trouble::NoRoom))
                }
                Err(error) => (set.to_vec(), Err(error.into())),
            }
        });
        match taken {
            Ok(taken) => taken,
            Err(UpdateError::Contended { .. }) => Err(Trouble::Contended),
            Err(error) => Err(error.into()),
        }
    }

    /// What becomes of a request of which nothing is known.
    fn fail(&self, http: &Context, rule: &str, trouble: &Trouble) -> Result<HeadersAction> {
        // What cannot be counted is not worth failing for.
        let _ = self.failed.add(http, [rule, trouble.reason()], 1);
        // A line in a second and worker: there may be as many failures as requests.
        let second = http.now().map_or(u64::MAX, |now| now.as_secs());
        if self.complained.replace(second) != second || second == u64::MAX {
            // Nor is what cannot be logged: `on_failure` decides.
            let _ = http.log(LogLevel::Error, format!("rate_limit: rule {rule}: {trouble}"));
        }
        match self.on_failure {
            OnFailure::Allow => Ok(HeadersAction::Continue),
            OnFailure::Refuse => LocalReply::new(503).header("retry-after", "1").details("rate_limit_failed").send(),
        }
    }
}

struct RateLimitStream {
    root: Rc<RateLimit>,
    /// The rule and what became of its bucket, for the response.
    told: Option<(usize, Taken)>,
}

impl HttpContext for RateLimitStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let root = Rc::clone(&self.root);
        let found = Request::new(&http).map_err(Trouble::from);
        let (number, rule, hash) = match found.and_then(|request| root.find(&request)) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(HeadersAction::Continue),
            Err(trouble) => return root.fail(&http, "unknown", &trouble),
        };
        let taken = match root.take(&http, rule, hash) {
            Ok(taken) => taken,
            Err(trouble) => return root.fail(&http, &rule.name, &trouble),
        };
        if !taken.allowed {
            let _ = root.limited.add(&http, [&rule.name], 1);
        }
        if !rule.enforce {
            return Ok(HeadersAction::Continue);
        }
        self.told = Some((number, taken));
        if taken.allowed {
            return Ok(HeadersAction::Continue);
        }
        // RESOURCE_EXHAUSTED, for those who speak gRPC: by itself a 429 would be UNAVAILABLE.
        let reply = LocalReply::new(429).grpc_status(8).details("rate_limited").body("too many requests\n");
        reply.header("retry-after", taken.next_in().to_string()).send()
    }

    /// Of the 429 too: a local reply passes here.
    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        let Some((number, taken)) = self.told else { return Ok(HeadersAction::Continue) };
        let Some(Rule { name, limit, .. }) = self.root.rules.get(number) else { return Ok(HeadersAction::Continue) };
        let headers = http.headers();
        match self.root.fields {
            Fields::Draft6 => {
                headers.set("ratelimit-limit", limit.burst.to_string())?;
                headers.set("ratelimit-remaining", taken.remaining.to_string())?;
                headers.set("ratelimit-reset", taken.full_in().to_string())?;
            }
            Fields::Draft8 => {
                headers.set("ratelimit-policy", format!("\"{name}\";q={};w={}", limit.burst, limit.window()))?;
                headers.set("ratelimit", format!("\"{name}\";r={};t={}", taken.remaining, taken.full_in()))?;
            }
            Fields::None => {}
        }
        Ok(HeadersAction::Continue)
    }
}
