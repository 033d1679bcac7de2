//! The plugin `redirects`.

use crate::redirect::{RedirectStatus, Source, host, split_before, split_path};
use crate::redirect_map::RedirectMap;
use proxy_filter::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    redirects: RedirectMap,
    #[serde(default = "moved_permanently")]
    status: RedirectStatus,
    #[serde(default = "yes")]
    keep_query: bool,
}

fn moved_permanently() -> RedirectStatus {
    RedirectStatus::MovedPermanently
}

fn yes() -> bool {
    true
}

pub(crate) struct Redirects {
    config: Config,
}

impl RootContext for Redirects {
    type Config = Json<Config>;

    /// A request that cannot be looked up goes on: to where the path was, as if it had never moved.
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Continue;

    fn new(Json(config): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { config })
    }
}

impl HttpPlugin for Redirects {
    type Http = RedirectsStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> RedirectsStream {
        RedirectsStream(Rc::clone(self))
    }
}

pub(crate) struct RedirectsStream(Rc<Redirects>);

impl HttpContext for RedirectsStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let Config { redirects, status, keep_query } = &self.0.config;
        let target = http.path()?;
        let (path, query) = split_path(target.as_deref().unwrap_or_default());
        let authority = if redirects.names_hosts() { http.authority()? } else { None };
        let source = Source { host: authority.map(|authority| host(&authority)).unwrap_or_default().into(), path };
        let Some(redirect) = redirects.find(&source) else { return Ok(HeadersAction::Continue) };
        let query = if redirect.keep_query.unwrap_or(*keep_query) { query_of(query) } else { b"" };
        LocalReply::new(redirect.status.unwrap_or(*status) as u16)
            .header("location", redirect.location(query))
            .details("redirected")
            .send()
    }
}

/// What stands behind the question mark, up to a fragment, which no client should send.
fn query_of(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b"?").map_or(b"", |query| split_before(query, |byte| byte == b'#').0)
}
