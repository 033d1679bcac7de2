//! Filters that wait: for a word that a tick, a queue or another stream brings, for time to pass, for calls that fail in each way
//! there is, in each phase that can be held.

use proxy_filter::prelude::*;
use std::cell::{Cell, RefCell};
use std::time::Duration;

proxy_filter::register! {
    "words" => http Words,
    "phases" => http Phases,
    "door" => tcp Door,
}

/// Its requests wait for a word; its configuration says who brings it.
struct Words {
    from: String,
    waiting: RefCell<Vec<oneshot::Sender<&'static str>>>,
    queue: Cell<Option<QueueId>>,
    /// What was fetched when it was configured.
    fetched: Rc<RefCell<Vec<u8>>>,
}

impl Words {
    fn bring(&self, word: &'static str) {
        for sender in self.waiting.take() {
            // A client that has left wants no word.
            let _ = sender.send(word);
        }
    }
}

impl RootContext for Words {
    type Config = String;

    fn new(from: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let (queue, fetched) = (Cell::new(None), Rc::<RefCell<_>>::default());
        match &*from {
            "tick" => plugin.set_tick_period(Duration::from_millis(100))?,
            "queue" => queue.set(Some(plugin.register_queue("words")?)),
            "fetch" => {
                let kept = Rc::clone(&fetched);
                plugin.spawn(async move |plugin| {
                    // Every ten seconds, for ever.
                    loop {
                        let reply = plugin.call(HttpCall::get("words", "/")).await;
                        *kept.borrow_mut() = reply.map_or_else(|error| error.to_string().into_bytes(), CallReply::into_body);
                        plugin.sleep(Duration::from_secs(10)).await?;
                    }
                });
            }
            _ => {}
        }
        Ok(Self { from, waiting: RefCell::default(), queue, fetched })
    }

    fn on_tick(self: &Rc<Self>, _plugin: Plugin<'_>) -> Result<(), Failure> {
        self.bring("tick");
        Ok(())
    }

    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        while plugin.dequeue(queue)?.is_some() {
            self.bring("queue");
        }
        Ok(())
    }
}

impl HttpPlugin for Words {
    type Http = WordsStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> WordsStream {
        WordsStream(Rc::clone(self))
    }
}

struct WordsStream(Rc<Words>);

impl HttpContext for WordsStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let path = http.path()?.or_reply(|| LocalReply::new(400))?;
        match path.to_str()? {
            "/wait" if self.0.from == "sleep" => http.wait(async move |request| {
                request.sleep(Duration::from_millis(30)).await?;
                request.headers().set("x-word", "time")?;
                Ok(())
            }),
            "/wait" if self.0.from == "fetch" => {
                http.headers().set("x-word", &*self.0.fetched.borrow())?;
                Ok(HeadersAction::Continue)
            }
            "/wait" => {
                let (sender, word) = oneshot::channel();
                self.0.waiting.borrow_mut().push(sender);
                http.wait(async move |request| {
                    let word = word.await?;
                    request.headers().set("x-word", word)?;
                    Ok(())
                })
            }
            "/bring" => {
                match self.0.queue.get() {
                    Some(queue) => http.enqueue(queue, "word")?,
                    None => self.0.bring("stream"),
                }
                http.headers().set("x-word", "brought")?;
                Ok(HeadersAction::Continue)
            }
            _ => Ok(HeadersAction::Continue),
        }
    }
}

/// Calls `service` in the phase that the request's path names, and does with the message what the answer says.
struct Phases;

impl RootContext for Phases {
    type Config = ();

    fn new(_config: (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for Phases {
    type Http = PhasesStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> PhasesStream {
        PhasesStream { phase: String::new() }
    }
}

struct PhasesStream {
    phase: String,
}

/// What the service answers; why there is no answer is one too.
async fn ask(context: &Context, name: &str) -> String {
    let call = HttpCall::post("service", "/").header("x-phase", name).body(name).trailer("x-end", "1");
    let reply = context.call(call.with_authority("service.internal").timeout(Duration::from_millis(50))).await;
    match reply {
        Ok(reply) => format!("{} {}", reply.status(), String::from_utf8_lossy(reply.body())),
        Err(CallError::Refused { .. }) => "refused".to_owned(),
        Err(CallError::Timeout) => "timeout".to_owned(),
        Err(CallError::Unreachable(_)) => "unreachable".to_owned(),
        Err(CallError::Reset) => "reset".to_owned(),
        Err(error) => error.to_string(),
    }
}

impl HttpContext for PhasesStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        self.phase = http.path()?.or_reply(|| LocalReply::new(400))?.to_str()?.trim_start_matches('/').to_owned();
        match &*self.phase {
            "request_headers" => http.wait(async move |request| {
                let said = ask(&request, "request_headers").await;
                request.headers().set("x-said", said)?;
                Ok(())
            }),
            "together" => http.wait(async move |request| {
                let all = join3(ask(&request, "a"), ask(&request, "b"), ask(&request, "c"));
                let said = match request.timeout(Duration::from_millis(40), all).await {
                    Ok((a, b, c)) => [a, b, c].join(","),
                    Err(elapsed) => elapsed.to_string(),
                };
                request.headers().set("x-said", said)?;
                Ok(())
            }),
            _ => Ok(HeadersAction::Continue),
        }
    }

    fn request_body_policy(&self) -> BodyPolicy {
        if self.phase == "request_body" { BodyPolicy::Collect { limit: 1_000 } } else { BodyPolicy::Stream }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        if self.phase != "request_body" {
            return Ok(DataAction::Continue);
        }
        http.wait(async move |request| {
            let said = ask(&request, "request_body").await;
            request.body().replace(said)?;
            Ok(())
        })
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        if self.phase != "request_trailers" {
            return Ok(TrailersAction::Continue);
        }
        http.wait(async move |request| {
            let said = ask(&request, "request_trailers").await;
            request.trailers().set("x-said", said)?;
            Ok(())
        })
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        if self.phase != "response_headers" {
            return Ok(HeadersAction::Continue);
        }
        http.wait(async move |response| {
            let said = ask(&response, "response_headers").await;
            LocalReply::new(502).body(said).send()
        })
    }

    fn response_body_policy(&self) -> BodyPolicy {
        if self.phase == "response_body" { BodyPolicy::Collect { limit: 1_000 } } else { BodyPolicy::Stream }
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        if self.phase != "response_body" {
            return Ok(DataAction::Continue);
        }
        http.wait(async move |response| {
            let said = ask(&response, "response_body").await;
            response.body().replace(said)?;
            Ok(())
        })
    }

    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        if self.phase != "response_trailers" {
            return Ok(TrailersAction::Continue);
        }
        http.wait(async move |response| {
            let said = ask(&response, "response_trailers").await;
            response.trailers().set("x-said", said)?;
            Ok(())
        })
    }
}

/// A TCP filter that asks `service` about each client before it connects, and about what each says.
struct Door;

impl RootContext for Door {
    type Config = ();

    fn new(_config: (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl TcpPlugin for Door {
    type Stream = DoorStream;

    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> DoorStream {
        DoorStream
    }
}

struct DoorStream;

impl StreamContext for DoorStream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        tcp.wait(async move |client| match ask(&client, "connection").await.as_str() {
            "200 yes" => Ok(()),
            _ => Err(StreamInterrupt::close()),
        })
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        tcp.wait(async move |client| {
            let said = ask(&client, "data").await;
            client.data().prepend(said + ": ")?;
            Ok(())
        })
    }
}
