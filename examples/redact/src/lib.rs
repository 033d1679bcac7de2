//! Masks card numbers and e-mail addresses in the bodies of requests and responses, as they stream by.
//!
//! ```json
//! { "response": true, "keep_last_four": true, "encoded": { "header": "x-not-redacted" } }
//! ```
//!
//! Whatever the pieces are in which a body comes, the result is that of the body as a whole, and no more than
//! [`Masker::MOST_PENDING`] bytes of it are held back.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod body;
mod card;
mod config;
mod content_type;
mod email;
mod masker;
mod search;
mod symbol;

pub use masker::{Count, Masker, Rules};
pub use symbol::Format;

use body::Rewrite;
use config::Config;
use proxy_filter::Headers;
use proxy_filter::prelude::*;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "redact" => http Redact }

struct Redact {
    config: Config,
    cards: Counter,
    emails: Counter,
    encoded: Counter,
}

impl RootContext for Redact {
    type Config = Json<Config>;

    fn new(Json(config): Json<Config>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        config.check()?;
        let [cards, emails, encoded] = ["redact.cards", "redact.emails", "redact.encoded"].map(Counter::new);
        for counter in [&cards, &emails, &encoded] {
            counter.define(plugin)?; // shows as 0 until there is one
        }
        Ok(Self { config, cards, emails, encoded })
    }
}

impl HttpPlugin for Redact {
    type Http = RedactStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> RedactStream {
        RedactStream { root: Rc::clone(self), request: None, response: None }
    }
}

impl Redact {
    /// Whether the body of this message is to be rewritten, and how; says so where it is encoded.
    fn rewrite(&self, cx: &Context, message: &str, headers: &Headers<'_>) -> Result<Option<Rewrite>, Error> {
        let config = &self.config;
        if let Some(name) = &config.encoded.header {
            headers.remove(name)?; // nobody else says this
        }
        let Some(format) = content_type::format_of(headers.get("content-type")?.as_deref(), &config.content_types) else {
            return Ok(None);
        };
        if let Some(encoding) = headers.get("content-encoding")?.filter(|value| is_encoded(value)) {
            self.say_encoded(cx, message, headers, &encoding)?;
            return Ok(None);
        }
        // They are of the body before.
        for name in ["content-md5", "digest", "content-digest", "repr-digest"] {
            headers.remove(name)?;
        }
        let hold = config.expect_trailers || headers.get("trailer")?.is_some();
        Ok(Some(Rewrite::new(format, config.rules(), hold.then_some(config.hold_bytes))))
    }

    fn say_encoded(&self, cx: &Context, message: &str, headers: &Headers<'_>, encoding: &[u8]) -> Result<(), Error> {
        let told = &self.config.encoded;
        if told.log {
            let encoding = encoding.get(..32).unwrap_or(encoding).escape_ascii();
            log::warn!("the body of the {message} is not masked, since its content-encoding is {encoding}");
        }
        if let Some(name) = &told.header {
            headers.set(name, encoding)?;
        }
        if told.metric { self.encoded.add(cx, 1) } else { Ok(()) }
    }
}

fn is_encoded(content_encoding: &[u8]) -> bool {
    let mut codings = content_encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

struct RedactStream {
    root: Rc<Redact>,
    request: Option<Rewrite>,
    response: Option<Rewrite>,
}

impl HttpContext for RedactStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        if self.root.config.remove_accept_encoding {
            http.headers().remove("accept-encoding")?;
        }
        if self.root.config.request && !http.end_of_stream() {
            self.request = self.root.rewrite(&http, "request", &http.headers())?;
        }
        Ok(HeadersAction::Continue)
    }

    fn request_body_policy(&self) -> BodyPolicy {
        if self.request.is_some() { BodyPolicy::Rewrite } else { BodyPolicy::Stream }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        match &mut self.request {
            Some(rewrite) => Ok(rewrite.piece(&http.body(), http.end_of_stream())?),
            None => Ok(DataAction::Continue),
        }
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        if let Some(rewrite) = &mut self.request {
            rewrite.end(http.held_body())?;
        }
        Ok(TrailersAction::Continue)
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        if self.root.config.response && !http.end_of_stream() {
            self.response = self.root.rewrite(&http, "response", &http.headers())?;
        }
        Ok(HeadersAction::Continue)
    }

    fn response_body_policy(&self) -> BodyPolicy {
        if self.response.is_some() { BodyPolicy::Rewrite } else { BodyPolicy::Stream }
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        match &mut self.response {
            Some(rewrite) => Ok(rewrite.piece(&http.body(), http.end_of_stream())?),
            None => Ok(DataAction::Continue),
        }
    }

    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        if let Some(rewrite) = &mut self.response {
            rewrite.end(http.held_body())?;
        }
        Ok(TrailersAction::Continue)
    }

    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        for rewrite in self.request.iter().chain(&self.response) {
            let Count { cards, emails } = rewrite.count();
            self.root.cards.add(&http, cards)?;
            self.root.emails.add(&http, emails)?;
        }
        Ok(())
    }
}
