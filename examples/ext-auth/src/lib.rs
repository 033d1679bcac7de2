//! Asks an authorization service about each request, over HTTP or gRPC, and remembers what it said.
//!
//! ```json
//! {
//!   "authorization": {
//!     "protocol": "http", "cluster": "authz", "path": "/check", "timeout_ms": 200,
//!     "request_headers": ["authorization"], "upstream_headers": ["x-user"], "fail_open": ["timeout"]
//!   },
//!   "quota": { "protocol": "http", "cluster": "quota", "path": "/take" },
//!   "cache": { "allowed_ttl_s": 60, "denied_ttl_s": 5 }
//! }
//! ```
//!
//! Only `authorization` with its `protocol` and `cluster` must be there; the README has the table.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

mod answer;
mod attributes;
mod cache;
mod check;
mod config;
mod service;

use answer::{Answer, FAILED_OPEN, Verdict};
use attributes::Attributes;
use cache::{Cache, Key};
use config::{Config, Service, Settings};
use core::cell::Cell;
use core::time::Duration;
use proxy_filter::prelude::*;
use proxy_filter::{HeaderMap, Headers};
use service::Trouble;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "ext_auth" => http ExtAuth }

struct ExtAuth {
    config: Config,
    /// The names that are the services' and this filter's to set.
    own_headers: Vec<String>,
    cache: Option<Cache>,
    counters: Counters,
    /// When a service's trouble was logged last.
    logged: Cell<Duration>,
}

struct Counters {
    ok: Counter,
    denied: Counter,
    error: Counter,
    failure_mode_allowed: Counter,
    cache_hit: Counter,
}

impl RootContext for ExtAuth {
    type Config = Settings;

    fn new(Settings { config, fingerprint }: Settings, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let counters = Counters {
            ok: Counter::new("ext_auth.ok"),
            denied: Counter::new("ext_auth.denied"),
            error: Counter::new("ext_auth.error"),
            failure_mode_allowed: Counter::new("ext_auth.failure_mode_allowed"),
            cache_hit: Counter::new("ext_auth.cache_hit"),
        };
        for counter in [&counters.ok, &counters.denied, &counters.error, &counters.failure_mode_allowed, &counters.cache_hit] {
            counter.define(plugin)?;
        }
        let cache = config.cache.as_ref().map(|cache| Cache::new(cache, &config.authorization, fingerprint));
        let own_headers = config.own_headers();
        Ok(Self { config, own_headers, cache, counters, logged: Cell::default() })
    }
}

impl HttpPlugin for ExtAuth {
    type Http = ExtAuthStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> ExtAuthStream {
        ExtAuthStream { root: Rc::clone(self), removed: Rc::default() }
    }
}

struct ExtAuthStream {
    root: Rc<ExtAuth>,
    /// What the services have taken away: trailers come later.
    removed: Rc<Cell<Vec<String>>>,
}

impl HttpContext for ExtAuthStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (root, removed) = (Rc::clone(&self.root), Rc::clone(&self.removed));
        let attributes = Attributes::of(&http, root.config.asks_for_source())?;
        let key = root.cache.as_ref().map(|cache| cache.key(&attributes));
        let remembered = root.remembered(&http, key.as_ref());
        if let (Some(answer), None) = (&remembered, &root.config.quota) {
            removed.set(root.decide(&http, &http.headers(), &attributes.headers, answer, None)?);
            return Ok(HeadersAction::Continue);
        }
        http.wait(async move |request| {
            let authorization = async {
                match remembered {
                    Some(answer) => answer,
                    None => root.authorization(&request, &attributes, key.as_ref()).await,
                }
            };
            let (authorization, quota) = join(authorization, root.quota(&request, &attributes)).await;
            removed.set(root.decide(&request, &request.headers(), &attributes.headers, &authorization, quota.as_ref())?);
            Ok(())
        })
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        let (trailers, sent) = (http.trailers(), http.trailers().all()?);
        answer::remove(&trailers, &sent, &self.root.own_headers)?;
        answer::remove(&trailers, &sent, &self.removed.take())?;
        Ok(TrailersAction::Continue)
    }
}

impl ExtAuth {
    /// What the authorization service has said of such a request before.
    fn remembered(&self, context: &Context, key: Option<&Key>) -> Option<Answer> {
        let answer = self.cache.as_ref()?.get(context, key?)?;
        count(&self.counters.cache_hit, context);
        Some(answer)
    }

    /// What the authorization service says.
    async fn authorization(&self, context: &Context, attributes: &Attributes, key: Option<&Key>) -> Answer {
        let service = &self.config.authorization;
        let answered = service::ask(service, context, attributes).await;
        if let (Ok(answer), Some(cache), Some(key)) = (&answered, &self.cache, key) {
            cache.put(context, key, answer);
        }
        self.settle("authorization", service, context, answered)
    }

    /// What the quota service says, where one is configured: each time anew.
    async fn quota(&self, context: &Context, attributes: &Attributes) -> Option<Answer> {
        let service = self.config.quota.as_ref()?;
        let answered = service::ask(service, context, attributes).await;
        Some(self.settle("quota", service, context, answered))
    }

    /// A service that has not answered counts as one that says no, unless the configuration lets requests pass for this reason.
    fn settle(&self, name: &str, service: &Service, context: &Context, answered: Result<Answer, Trouble>) -> Answer {
        let trouble = match answered {
            Ok(answer) => return answer,
            Err(trouble) => trouble,
        };
        count(&self.counters.error, context);
        self.log(name, service, context, &trouble);
        if service.fail_open.contains(&trouble.reason) {
            count(&self.counters.failure_mode_allowed, context);
            return Answer::failed_open();
        }
        Answer::failed_closed(self.config.status_on_error, trouble.reason)
    }

    /// At most one line a second in each VM: a service that is down has every request fail.
    fn log(&self, name: &str, service: &Service, context: &Context, trouble: &Trouble) {
        let now = context.now().unwrap_or_default();
        if now.abs_diff(self.logged.get()) < Duration::from_secs(1) {
            return;
        }
        self.logged.set(now);
        let Trouble { reason, text } = trouble;
        let cluster = &service.cluster;
        let line = format!("ext_auth: {name}, cluster \"{cluster}\": {reason}: {text} (said once a second at most)");
        // Nobody reads a log that cannot be written.
        let _ = context.log(LogLevel::Warn, line);
    }

    /// Lets the request pass, or refuses it; tells what the services have taken away.
    fn decide(
        &self,
        context: &Context,
        headers: &Headers<'_>,
        sent: &HeaderMap,
        authorization: &Answer,
        quota: Option<&Answer>,
    ) -> Result<Vec<String>> {
        // Who may not pass at all is told so, whatever the quota says.
        let answers = || core::iter::once(authorization).chain(quota);
        for answer in answers() {
            if let Verdict::Denied { .. } = answer.verdict {
                count(&self.counters.denied, context);
                return answer.reply().send();
            }
        }
        count(&self.counters.ok, context);
        let removed: Vec<String> = answers().flat_map(|answer| &answer.remove).cloned().collect();
        answer::remove(headers, sent, &removed)?;
        answer::remove(headers, sent, &self.own_headers)?;
        for (name, value) in answers().flat_map(|answer| &answer.headers) {
            headers.add(name, value)?;
        }
        if answers().any(|answer| answer.failed_open) {
            headers.add(FAILED_OPEN, "true")?;
        }
        Ok(removed)
    }
}

/// A proxy that cannot count is no reason to refuse a request.
fn count(counter: &Counter, context: &Context) {
    let _ = counter.add(context, 1);
}
