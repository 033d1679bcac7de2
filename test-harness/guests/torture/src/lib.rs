//! A filter that makes every hostcall the SDK has, wherever it may: what a host answers to them is the host's to choose.
//!
//! Its configuration says what becomes of an error: `strict`, it fails the callback, after all other calls were made; otherwise it is let be.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

mod calls;
mod grpc;
mod services;
mod tcp;

use calls::{body, context, edit, properties, read, shared};
use proxy_filter::prelude::*;
use services::{Services, ServicesConnections};
use tcp::{Connections, HoldConnections};

proxy_filter::no_std_runtime!();

proxy_filter::register! {
    "torture" => http Torture,
    "hold" => http Hold,
    "collect" => http Collect,
    "root" => root Root,
    "connections" => tcp Connections,
    "hold connections" => tcp HoldConnections,
    "services" => http Services,
    "services connections" => tcp ServicesConnections,
}

struct Torture {
    strict: bool,
}

impl Torture {
    /// All have been made; now the first error counts, or none.
    fn judge(&self, results: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
        let results: Vec<_> = results.into_iter().collect();
        if self.strict { results.into_iter().collect() } else { Ok(()) }
    }
}

impl RootContext for Torture {
    type Config = Vec<u8>;

    fn new(config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let root = Self { strict: config == b"strict" };
        root.judge(context(plugin))?;
        Ok(root)
    }

    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        self.judge([plugin.dequeue(queue).map(drop), plugin.register_queue("a").map(drop)])?;
        Ok(self.judge(shared(&plugin))?)
    }

    fn on_log(self: &Rc<Self>, log: AccessLog<'_>) -> Result<(), Failure> {
        self.judge([log.method().map(drop), log.status().map(drop)])?;
        self.judge(read(&log.request_headers()))?;
        Ok(self.judge(read(&log.response_headers()))?)
    }

    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        self.judge(context(&plugin))?;
        Ok(true)
    }
}

impl HttpPlugin for Torture {
    type Http = TortureStream;

    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> TortureStream {
        let _ = context(stream);
        TortureStream(Rc::clone(self))
    }
}

struct TortureStream(Rc<Torture>);

impl HttpContext for TortureStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let sugar = [
            http.method().map(drop),
            http.path().map(drop),
            http.authority().map(drop),
            http.scheme().map(drop),
            http.query().map(drop),
            http.cookies().map(drop),
            http.is_grpc().map(drop),
            http.content_type().map(drop),
        ];
        self.0.judge(context(&http).into_iter().chain(sugar).chain(properties(&http)).chain(edit(&http.headers())))?;
        Ok(HeadersAction::Continue)
    }

    fn request_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Rewrite
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let trailers = http.trailers().map(|trailers| edit(&trailers)).unwrap_or_default();
        self.0.judge([http.chunk().map(drop)].into_iter().chain(trailers).chain(body(&http.body())))?;
        let _ = http.held_headers().map(|headers| edit(&headers));
        Ok(DataAction::Continue)
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        self.0.judge(edit(&http.trailers()))?;
        let _ = http.held_body().map(|held| body(&held));
        Ok(TrailersAction::Continue)
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        let sugar = [http.status().map(drop), http.content_type().map(drop)];
        self.0.judge(context(&http).into_iter().chain(sugar).chain(edit(&http.headers())).chain([http.set_status(204)]))?;
        Ok(HeadersAction::Continue)
    }

    fn response_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Rewrite
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        let trailers = http.trailers().map(|trailers| edit(&trailers)).unwrap_or_default();
        self.0.judge([http.chunk().map(drop)].into_iter().chain(trailers).chain(body(&http.body())))?;
        Ok(DataAction::Continue)
    }

    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        self.0.judge(edit(&http.trailers()))?;
        let _ = http.held_body().map(|held| body(&held));
        Ok(TrailersAction::Continue)
    }

    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        let maps = [http.request_headers(), http.response_headers(), http.response_trailers()];
        Ok(self.0.judge(maps.iter().flat_map(read).chain(context(&http)))?)
    }
}

/// Holds each request until the next one, which answers it or lets it go by turns.
struct Hold {
    held: core::cell::RefCell<Option<Held<phase::RequestHeaders>>>,
    turn: core::cell::Cell<bool>,
}

impl RootContext for Hold {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { held: core::cell::RefCell::new(None), turn: core::cell::Cell::new(false) })
    }
}

impl HttpPlugin for Hold {
    type Http = HoldStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> HoldStream {
        HoldStream(Rc::clone(self))
    }
}

struct HoldStream(Rc<Hold>);

impl HttpContext for HoldStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (held, wait) = http.hold();
        let before = self.0.held.replace(Some(held));
        if let Some(before) = before {
            let _ = before.with(|paused| edit(&paused.headers()));
            self.0.turn.set(!self.0.turn.get());
            let _ = if self.0.turn.get() { before.resume() } else { before.reply(LocalReply::new(429).header("a", "b")) };
        }
        Ok(wait)
    }
}

/// Collects bodies, and resets every second request.
struct Collect;

impl RootContext for Collect {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for Collect {
    type Http = CollectStream;

    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> CollectStream {
        CollectStream { refuse: stream.id() % 2 == 0 }
    }
}

struct CollectStream {
    refuse: bool,
}

impl HttpContext for CollectStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        if self.refuse && http.end_of_stream() {
            return Err(Interrupt::reset());
        }
        Ok(HeadersAction::StopIteration)
    }

    fn request_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Collect { limit: 8 }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let _ = (body(&http.body()), http.held_headers().map(|headers| edit(&headers)));
        if self.refuse { Err(Interrupt::reset()) } else { Ok(DataAction::Continue) }
    }

    fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        Ok(HeadersAction::StopIteration)
    }

    fn response_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Collect { limit: 64 }
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        let _ = body(&http.body());
        if let Some(headers) = http.held_headers() {
            headers.reply(&LocalReply::new(502).body("no"))?;
        }
        Ok(DataAction::Continue)
    }
}

struct Root;

impl RootContext for Root {
    type Config = String;

    fn new(_config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}
