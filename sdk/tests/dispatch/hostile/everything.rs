//! Plugins that make every hostcall that the SDK has, in every callback.

use super::waits::Waits;
use proxy_filter::prelude::*;
use proxy_filter::{Context, Headers};
use std::cell::Cell;

thread_local! {
    /// Contexts of roots and streams that live.
    pub(in super::super) static LIVE: Cell<i32> = const { Cell::new(0) };
}

pub(super) struct Alive;

impl Alive {
    pub(super) fn new() -> Self {
        LIVE.set(LIVE.get() + 1);
        Self
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

/// With a configuration that begins with `strict` a hostcall that failed fails its callback, after all others were made.
pub(super) struct Everything {
    strict: bool,
    _alive: Alive,
}

impl RootContext for Everything {
    type Config = Vec<u8>;
    fn new(config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let root = Self { strict: config.starts_with(b"strict"), _alive: Alive::new() };
        root.check(context(plugin))?;
        Ok(root)
    }
    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        self.check([plugin.register_queue("a").map(drop), plugin.dequeue(queue).map(drop), plugin.done()])?;
        Ok(self.check(shared(&plugin))?)
    }
    fn on_log(self: &Rc<Self>, log: AccessLog<'_>) -> Result<(), Failure> {
        self.check([log.method().map(drop), log.status().map(drop)])?;
        self.check(read(&log.request_headers()))?;
        self.check(read(&log.response_headers()))?;
        Ok(self.check(read(&log.response_trailers()))?)
    }
    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        self.check(context(&plugin))?;
        Ok(self.strict)
    }
}

impl HttpPlugin for Everything {
    type Http = EverythingStream;
    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> EverythingStream {
        let _ = context(stream);
        EverythingStream { root: Rc::clone(self), request: None, response: None, _alive: Alive::new() }
    }
}

impl Everything {
    fn check(&self, results: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
        // All are made, then the first error counts.
        let results: Vec<_> = results.into_iter().collect();
        if self.strict { results.into_iter().collect() } else { Ok(()) }
    }
}

fn context(context: &Context) -> [Result<(), Error>; 2] {
    [context.log(LogLevel::Info, context.id().to_string()), context.now().map(drop)]
}

/// What is shared with other VMs.
fn shared(context: &Context) -> Vec<Result<(), Error>> {
    let data = context.shared_data();
    let update = |result: Result<(), UpdateError>| match result {
        Err(UpdateError::Host(error)) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    let mut results = vec![
        data.get("a").map(drop),
        data.set("a", b"\xff"),
        data.set_if_absent("", ""),
        update(data.update("a", |stored| (stored.map_or(vec![0], |bytes| [bytes, b"0"].concat()), ()))),
        context.resolve_queue("", "a").map(drop),
    ];
    if let Ok(Some(stored)) = data.get("a") {
        results.push(data.set_if("a", &stored.value, stored.cas));
    }
    if let Ok(Some(queue)) = context.resolve_queue("vm", "a") {
        results.extend([context.enqueue(queue, ""), context.dequeue(queue).map(drop)]);
    }
    results
}

fn read<A>(headers: &Headers<'_, A>) -> Vec<Result<(), Error>> {
    let walk = |all: proxy_filter::HeaderMap| {
        assert_eq!(all.iter().count(), all.len());
        assert_eq!(all.is_empty(), all.iter().next().is_none());
        let _ = (all.values("a").count(), format!("{all:?}"));
    };
    let look = |value: Option<proxy_filter::Value>| {
        let _ = value.map(|value| (value.to_str().is_ok(), format!("{value:?}")));
    };
    vec![headers.get("a").map(look), headers.get(b"\xff").map(look), headers.all().map(walk)]
}

fn edit(headers: &Headers<'_>) -> Vec<Result<(), Error>> {
    let mut results = read(headers);
    results.extend([
        headers.size().map(drop),
        headers.add("a", "b"),
        headers.set("", b"\xff"),
        headers.remove("a"),
        headers.set_all([("a", "b")]),
    ]);
    results
}

fn body(body: &Body<'_>) -> Vec<Result<(), Error>> {
    vec![
        body.len().map(drop),
        body.is_empty().map(drop),
        body.bytes().map(drop),
        body.status().map(drop),
        body.bytes_from(usize::MAX, 1).map(drop),
        body.replace_first(usize::MAX, "d"),
        body.replace("a"),
        body.append("b"),
        body.prepend("c"),
        body.drain(usize::MAX),
    ]
}

pub(super) struct EverythingStream {
    root: Rc<Everything>,
    /// Held until the stream is over, which nobody minds.
    request: Option<Held<phase::RequestHeaders>>,
    response: Option<Held<phase::ResponseHeaders>>,
    _alive: Alive,
}

impl HttpContext for EverythingStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let parts = [
            http.method().map(drop),
            http.path().map(drop),
            http.authority().map(drop),
            http.scheme().map(drop),
            http.query().map(|query| drop(query.get("a"))),
            http.cookies().map(|cookies| cookies.get("a").is_some()).map(drop),
            http.content_type().map(drop),
            http.is_grpc().map(drop),
        ];
        self.root.check(context(&http).into_iter().chain(shared(&http)).chain(edit(&http.headers())).chain(parts))?;
        let (held, wait) = http.hold();
        self.request = Some(held);
        Ok(wait.stop_all_watermark())
    }
    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let mut results = body(&http.body());
        results.push(http.chunk().map(drop));
        // What is refused there is not here.
        let _ = (http.held_headers().map(|headers| read(&headers)), http.trailers().map(|trailers| edit(&trailers)));
        self.root.check(results)?;
        Ok(DataAction::Watermark)
    }
    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        let _ = (http.held_headers().map(|headers| read(&headers)), http.held_body().map(|held| body(&held)));
        self.root.check(edit(&http.trailers()))?;
        Ok(TrailersAction::Continue)
    }
    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        let mut results = edit(&http.headers());
        results.extend([http.status().map(drop), http.set_status(200), http.content_type().map(drop)]);
        self.root.check(results)?;
        let (held, wait) = http.hold();
        self.response = Some(held);
        Ok(wait.stop_all_buffer())
    }
    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        self.root.check(body(&http.body()))?;
        Ok(DataAction::NoBuffer)
    }
    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        self.root.check(edit(&http.trailers()))?;
        Ok(TrailersAction::Continue)
    }
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        self.root.check(read(&http.request_headers()))?;
        self.root.check(read(&http.response_headers()))?;
        Ok(self.root.check(read(&http.response_trailers()))?)
    }
}

pub(super) struct Connections(Everything);

impl RootContext for Connections {
    type Config = Vec<u8>;
    fn new(config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Everything::new(config, plugin).map(Self)
    }
}

impl TcpPlugin for Connections {
    type Stream = Connection;
    fn create_stream_context(self: &Rc<Self>, stream: &Tcp) -> Connection {
        let _ = context(stream);
        Connection { root: Rc::clone(self), connection: None, data: None, _alive: Alive::new() }
    }
}

pub(super) struct Connection {
    root: Rc<Connections>,
    /// Held until the connection is over, or its other end decides.
    connection: Option<Held<phase::NewConnection>>,
    data: Option<Held<phase::DownstreamData>>,
    _alive: Alive,
}

impl StreamContext for Connection {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        self.root.0.check(context(&tcp))?;
        let (held, wait) = tcp.hold();
        self.connection = Some(held);
        Ok(wait)
    }
    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        self.root.0.check(body(&tcp.data()))?;
        if let Some(held) = self.connection.take() {
            let _ = held.resume();
        }
        let (held, wait) = tcp.hold();
        self.data = Some(held);
        Ok(wait)
    }
    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        self.root.0.check(body(&tcp.data()))?;
        if let Some(held) = self.data.take() {
            let _ = held.with(|paused| body(&paused.data()));
            let _ = held.close();
        }
        Ok(StreamAction::Buffer)
    }
    fn on_upstream_close(&mut self, tcp: UpstreamClose<'_>) -> Result<(), Failure> {
        Ok(self.root.0.check(context(&tcp))?)
    }
    fn on_downstream_close(&mut self, tcp: DownstreamClose<'_>) -> Result<(), Failure> {
        Ok(self.root.0.check(context(&tcp))?)
    }
    fn on_log(&mut self, tcp: StreamLog<'_>) -> Result<(), Failure> {
        Ok(self.root.0.check(context(&tcp))?)
    }
}

struct Other;

impl RootContext for Other {
    type Config = String;
    fn new(_config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

proxy_filter::register! {
    "strict" => http Everything,
    "other" => root Other,
    "strict tcp" => tcp Connections,
    "waits" => http Waits,
}
