//! Body policies: what an author sees of a body does not depend on how it was cut, framed or ended.

use super::host::Started;
use super::lines;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proxy_filter::abi::Callback;
use proxy_filter::prelude::*;
use proxy_filter_test::{Exchange, Framing, Message, MockProxy, Outcome, Plugin as TestPlugin};
use std::cell::RefCell;

/// What is done to the bodies of both messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Takes in all of it, at most 64 bytes, and writes its length before it.
    Collect,
    /// As `Collect`, and keeps the headers for it; a body that holds `x` is refused.
    CollectHeld,
    /// Masks the word `secret`, wherever it was cut.
    Mask,
    /// Notes each new piece, and keeps or passes what is here as its last byte says.
    Chunks,
}

struct Bodies(Work);

impl RootContext for Bodies {
    type Config = String;
    fn new(work: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        match &work[..] {
            "collect" => Ok(Self(Work::Collect)),
            "collect held" => Ok(Self(Work::CollectHeld)),
            "mask" => Ok(Self(Work::Mask)),
            "chunks" => Ok(Self(Work::Chunks)),
            _ => Err(ConfigError::new("which work?")),
        }
    }
}

impl HttpPlugin for Bodies {
    type Http = Box<dyn HttpContext>;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Box<dyn HttpContext> {
        Box::new(BodiesStream { work: self.0, seen: RefCell::default() })
    }
}

struct BodiesStream {
    work: Work,
    /// What the callbacks of the request's body and of the response's saw.
    seen: RefCell<[Vec<u8>; 2]>,
}

impl BodiesStream {
    fn note(&self, side: usize, bytes: impl AsRef<[u8]>) {
        self.seen.borrow_mut()[side].extend_from_slice(bytes.as_ref());
    }

    fn headers(&self) -> HeadersAction {
        if self.work == Work::CollectHeld { HeadersAction::StopIteration } else { HeadersAction::Continue }
    }

    fn policy(&self) -> BodyPolicy {
        match self.work {
            Work::Collect | Work::CollectHeld => BodyPolicy::Collect { limit: 64 },
            Work::Mask => BodyPolicy::Rewrite,
            Work::Chunks => BodyPolicy::Stream,
        }
    }

    fn body(
        &self,
        side: usize,
        body: &Body<'_>,
        chunk: impl Fn() -> Result<Vec<u8>, Error>,
        end: bool,
    ) -> Result<DataAction, Failure> {
        match self.work {
            Work::Collect | Work::CollectHeld => {
                assert!(end, "it is complete");
                self.note(side, format!("[{}]", body.bytes()?.escape_ascii()));
                // There is no body to be written to where only trailers came (BUF-13).
                if !body.is_empty()? {
                    body.prepend(format!("{}:", body.len()?))?;
                }
            }
            Work::Mask => return mask(body, end),
            Work::Chunks => {
                let new = chunk()?;
                self.note(side, &new);
                return Ok(match new.last() {
                    Some(b's' | b'e') => DataAction::Buffer,
                    Some(b'c') => DataAction::Watermark,
                    Some(b'n') => DataAction::NoBuffer,
                    _ => DataAction::Continue,
                });
            }
        }
        Ok(DataAction::Continue)
    }
}

/// Masks what is here; keeps it where the word may go on.
fn mask(body: &Body<'_>, end: bool) -> Result<DataAction, Failure> {
    const WORD: &str = "secret";
    let text = body.bytes()?;
    if !end && (1..WORD.len()).any(|cut| text.ends_with(&WORD.as_bytes()[..cut])) {
        return Ok(DataAction::Buffer);
    }
    let text = String::from_utf8(text).expect("a test of text");
    if text.contains(WORD) {
        body.replace(text.replace(WORD, "***"))?;
    }
    Ok(DataAction::Continue)
}

impl HttpContext for BodiesStream {
    fn on_request_headers(&mut self, _http: RequestHeaders<'_>) -> Result<HeadersAction> {
        Ok(self.headers())
    }
    fn request_body_policy(&self) -> BodyPolicy {
        self.policy()
    }
    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        if let (Work::CollectHeld, Some(headers)) = (self.work, http.held_headers()) {
            headers.set("x-length", http.body().len()?.to_string())?;
            if http.body().bytes()?.contains(&b'x') {
                return LocalReply::new(422).send();
            }
        }
        Ok(self.body(0, &http.body(), || http.chunk(), http.end_of_stream())?)
    }
    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        if let (Work::Mask, Some(body)) = (self.work, http.held_body()) {
            let _ = mask(&body, true)?;
        }
        http.trailers().add("x-seen", "trailers")?;
        Ok(TrailersAction::Continue)
    }
    fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        Ok(self.headers())
    }
    fn response_body_policy(&self) -> BodyPolicy {
        self.policy()
    }
    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        if let (Work::CollectHeld, Some(headers)) = (self.work, http.held_headers()) {
            headers.set("x-length", http.body().len()?.to_string())?;
            if http.body().bytes()?.contains(&b'x') {
                headers.reply(&LocalReply::new(502).body("refused"))?;
                return Ok(DataAction::Continue);
            }
        }
        self.body(1, &http.body(), || http.chunk(), http.end_of_stream())
    }
    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        if let (Work::Mask, Some(body)) = (self.work, http.held_body()) {
            let _ = mask(&body, true)?;
        }
        http.trailers().add("x-seen", "trailers")?;
        Ok(TrailersAction::Continue)
    }
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        let [request, response] = self.seen.take();
        Ok(http.log(LogLevel::Info, format!("{} / {}", request.escape_ascii(), response.escape_ascii()))?)
    }
}

proxy_filter::register! { "bodies" => http Bodies }

/// How a message with a body comes.
#[derive(Clone, Debug)]
struct Shape {
    chunks: Vec<String>,
    trailers: bool,
    length: bool,
}

impl Shape {
    fn of(chunks: &[&str], trailers: bool) -> Self {
        Self { chunks: chunks.iter().map(ToString::to_string).collect(), trailers, length: false }
    }

    fn body(&self) -> String {
        self.chunks.concat()
    }

    /// With these headers; `content-length` is given where nothing forbids it.
    fn message(&self, headers: &[(&str, &str)]) -> Message {
        let mut message = Message::new(headers.iter().copied());
        if self.length && !self.trailers {
            message = message.with_header("content-length", self.body().len().to_string());
        } else {
            message = message.with_header("transfer-encoding", "chunked");
        }
        for chunk in &self.chunks {
            message = message.chunk(chunk.clone());
        }
        if self.trailers { message.trailer("x-end", "1") } else { message }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let letters =
        prop_oneof![Just("secret"), Just("s"), Just("e"), Just("c"), Just("r"), Just("t"), Just("sec"), Just("ret"), Just("1")];
    let chunk = proptest::collection::vec(letters, 1..4).prop_map(|letters| letters.concat());
    let chunks = proptest::collection::vec(chunk, 1..5);
    (chunks, any::<bool>(), any::<bool>()).prop_map(|(chunks, trailers, length)| Shape { chunks, trailers, length })
}

fn run(work: &str, framing: Framing, request: &Shape, response: &Shape) -> Exchange {
    let plugin = TestPlugin::native(&PLUGINS, "bodies").config(work).allow_on_headers_stop_iteration(work == "collect held");
    let proxy = MockProxy::builder().plugin(plugin).framing(framing).start().expect("it starts");
    let response = response.clone();
    proxy.set_raw_upstream(move |_| response.message(&[(":status", "200")]));
    proxy.send(request.message(&[(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "shop.example")]))
}

/// What reached the upstream and the client.
fn came_out(exchange: &Exchange) -> (String, String) {
    assert_eq!(exchange.outcome(), Outcome::Complete, "{exchange:?}");
    let text = |message: Message| String::from_utf8(message.body().to_vec()).expect("text");
    let (request, response) = (exchange.raw_upstream_request().expect("it went on"), exchange.raw_response().expect("it came"));
    (text(request), text(response))
}

proptest::proptest! {
    /// SEQ-4, SEQ-5, SEQ-7, SEQ-8, HDR-25, ACT-9, ACT-11, ACT-15: the same comes out however a body is framed, cut or ended.
    #[test]
    fn what_is_done_to_a_body_does_not_depend_on_how_it_came(request in shape(), response in shape(), http2 in any::<bool>()) {
        let framing = if http2 { Framing::Http2 } else { Framing::Http1 };
        for work in ["collect", "collect held", "mask", "chunks"] {
            let exchange = run(work, framing, &request, &response);
            let expected = |body: String| match work {
                "collect" | "collect held" if body.len() > 64 => None,
                "collect" | "collect held" => Some((format!("{}:{body}", body.len()), format!("[{body}]"))),
                "mask" => Some((body.replace("secret", "***"), String::new())),
                _ => Some((body.clone(), body)),
            };
            let (Some((sent, seen)), Some((answered, seen_of_answer))) = (expected(request.body()), expected(response.body())) else { continue };
            assert_eq!(came_out(&exchange), (sent, answered), "{work} {request:?} {response:?}");
            assert_eq!(lines(&exchange.log()), [format!("[info] bodies: {seen} / {seen_of_answer}")], "{work} {request:?} {response:?}");
            for (shape, message) in [(&request, exchange.raw_upstream_request()), (&response, exchange.raw_response())] {
                let message = message.expect("it came out");
                assert_eq!(message.header("content-length").is_some(), shape.length && !shape.trailers && work == "chunks");
                let marked = message.trailers().iter().any(|(name, _)| name == "x-seen");
                assert_eq!(marked, shape.trailers, "trailers have their callback, once: {message:?}");
            }
        }
    }
}

/// NUM-3, BUF-15: what is dropped is not counted as kept, unless it was shown with what is.
#[test]
fn each_piece_is_seen_once_also_where_some_are_dropped() {
    for (pieces, goes_on) in
        [(["1n", "2s", "3.", "4."], "2s3.4."), (["1s", "2n", "3s", "4."], "1s2n3s4."), (["1c", "2n", "3s", "4."], "1c3s4.")]
    {
        let shape = Shape::of(&pieces, false);
        let exchange = run("chunks", Framing::Http1, &shape, &shape);
        let seen = pieces.concat();
        assert_eq!(lines(&exchange.log()), [format!("[info] bodies: {seen} / {seen}")]);
        assert_eq!(came_out(&exchange), (goes_on.to_owned(), goes_on.to_owned()), "{pieces:?}");
    }
}

#[test]
fn act_5_act_7_held_headers_can_be_changed_and_answered_when_the_body_is_known() {
    for trailers in [false, true] {
        let [good, bad] = [Shape::of(&["ab", "c"], trailers), Shape::of(&["ab", "x"], trailers)];
        let fine = run("collect held", Framing::Http1, &good, &good);
        assert_eq!(fine.raw_upstream_request().expect("it went on").header("x-length"), Some(&b"3"[..]));
        assert_eq!(fine.raw_response().expect("it came").header("x-length"), Some(&b"3"[..]));

        let request_refused = run("collect held", Framing::Http1, &bad, &good);
        assert!(!request_refused.reached_upstream(), "nothing of it had gone on");
        assert_eq!(request_refused.response().status(), 422);

        let response_refused = run("collect held", Framing::Http1, &good, &bad);
        assert_eq!(response_refused.response().status(), 502);
        assert_eq!(response_refused.response().body(), "refused");
    }
}

#[test]
fn a_body_over_the_limit_is_answered() {
    let (small, long) = (Shape::of(&["abc"], false), "r".repeat(65));
    for trailers in [false, true] {
        for length in [false, true] {
            let large = Shape { length, ..Shape::of(&[&long[..40], &long[40..]], trailers) };
            let refused = run("collect", Framing::Http1, &large, &small);
            assert_eq!(refused.response().status(), 413);
            assert_eq!(refused.details(), "request_payload_too_large");
            // Where the length is said, nothing of the request has gone on.
            assert_eq!(refused.reached_upstream(), !length || trailers);
            assert!(lines(&refused.log())[0].starts_with("[info] bodies:  / "), "no callback had it: {:?}", refused.log());

            for (work, held) in [("collect", false), ("collect held", true)] {
                let refused = run(work, Framing::Http1, &small, &large);
                assert_eq!(refused.details(), "response_payload_too_large");
                if held || length && !trailers {
                    assert_eq!(refused.response().status(), 500, "{work} {large:?}");
                } else {
                    // LOC-6, ACT-18: the headers had left.
                    assert_eq!(refused.outcome(), Outcome::Reset);
                }
            }
        }
    }
}

/// ACT-14: continuing a body that is being collected would send it without a callback.
#[test]
fn act_14_a_hold_that_is_let_go_while_the_body_is_collected_does_not_let_the_body_pass_unseen() {
    let started = Started::new(&early::PLUGINS);
    assert!(started.configure(1, ""));
    for id in [2, 3] {
        started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
    }
    let headers = |context_id| Callback::proxy_on_request_headers { context_id, num_headers: 1, end_of_stream: 0 };
    let body = |size, end_of_stream| Callback::proxy_on_request_body { context_id: 2, size, end_of_stream };
    assert_eq!(started.call(headers(2)), 1);
    assert_eq!(started.call(body(3, 0)), 1);
    started.host.take_calls();
    assert_eq!(started.call(headers(3)), 0, "which lets 2 go");
    assert!(!started.host.take_calls().join(" ").contains("proxy_continue_stream"));
    assert_eq!(started.call(body(6, 0)), 1, "it is still collected");
    started.host.take_calls();
    assert_eq!(started.call(body(6, 1)), 0);
    assert!(started.host.take_calls().join(" ").contains("collected 6"), "seen, and then let go by the callback");
}

mod early {
    use proxy_filter::prelude::*;
    use std::cell::RefCell;

    #[derive(Default)]
    pub(super) struct Root(RefCell<Option<Held<phase::RequestHeaders>>>);

    impl RootContext for Root {
        type Config = ();
        fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self::default())
        }
    }

    impl HttpPlugin for Root {
        type Http = Stream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
            Stream(Rc::clone(self))
        }
    }

    pub(super) struct Stream(Rc<Root>);

    impl HttpContext for Stream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            if let Some(held) = self.0.0.take() {
                held.resume()?;
                return Ok(HeadersAction::Continue);
            }
            let (held, wait) = http.hold();
            self.0.0.replace(Some(held));
            Ok(wait)
        }
        fn request_body_policy(&self) -> BodyPolicy {
            BodyPolicy::Collect { limit: usize::MAX }
        }
        fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
            http.log(LogLevel::Info, format!("collected {}", http.size()))?;
            Ok(DataAction::Continue)
        }
    }

    proxy_filter::register! { "early" => http Root }
}
