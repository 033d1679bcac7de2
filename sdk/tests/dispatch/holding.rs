//! Held messages: let go, answered or forgotten, from their own callback or another, in any order.

use super::exchange;
use proxy_filter::prelude::*;
use proxy_filter_test::{Message, MockProxy, Outcome, Plugin as TestPlugin};
use std::cell::RefCell;

/// What a stream does is the configuration: `callback action …; …`, by callback, in order. Holds go to the root, in a stack.
struct Scripted<const POLICY: u16> {
    script: String,
    held: RefCell<Vec<Kept>>,
    results: RefCell<Vec<String>>,
}

enum Kept {
    RequestHeaders(Held<phase::RequestHeaders>),
    RequestBody(Held<phase::RequestBody>),
    RequestTrailers(Held<phase::RequestTrailers>),
    ResponseHeaders(Held<phase::ResponseHeaders>),
    ResponseBody(Held<phase::ResponseBody>),
    ResponseTrailers(Held<phase::ResponseTrailers>),
}

impl Kept {
    fn resume(self) -> Result<(), Gone> {
        match self {
            Self::RequestHeaders(held) => held.resume(),
            Self::RequestBody(held) => held.resume(),
            Self::RequestTrailers(held) => held.resume(),
            Self::ResponseHeaders(held) => held.resume(),
            Self::ResponseBody(held) => held.resume(),
            Self::ResponseTrailers(held) => held.resume(),
        }
    }

    fn reply(self) -> Result<(), Gone> {
        let reply = LocalReply::new(429).body("later");
        match self {
            Self::RequestHeaders(held) => held.reply(reply),
            Self::RequestBody(held) => held.reply(reply),
            Self::RequestTrailers(held) => held.reply(reply),
            Self::ResponseHeaders(held) => held.reply(reply),
            Self::ResponseBody(_) | Self::ResponseTrailers(_) => Ok(()),
        }
    }

    /// Marks what is held.
    fn mark(&self) -> Result<(), Gone> {
        match self {
            Self::RequestHeaders(held) => held.with(|request| request.headers().add("x-mark", request.id().to_string()))?,
            Self::RequestBody(held) => held.with(|request| request.body().append("!"))?,
            Self::RequestTrailers(held) => held.with(|request| request.trailers().add("x-mark", "1"))?,
            Self::ResponseHeaders(held) => held.with(|response| response.headers().add("x-mark", "1"))?,
            Self::ResponseBody(held) => held.with(|response| response.body().append("!"))?,
            Self::ResponseTrailers(held) => held.with(|response| response.trailers().add("x-mark", "1"))?,
        }
        .expect("the host gives the map");
        Ok(())
    }
}

impl<const POLICY: u16> RootContext for Scripted<POLICY> {
    type Config = String;
    const FAILURE_POLICY: FailurePolicy = match POLICY {
        0 => FailurePolicy::Continue,
        1 => FailurePolicy::Reset,
        status => FailurePolicy::Reply(status),
    };
    fn new(script: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { script, held: RefCell::default(), results: RefCell::default() })
    }
    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        plugin.log(LogLevel::Info, self.results.take().join(" "))?;
        Ok(true)
    }
}

impl<const POLICY: u16> HttpPlugin for Scripted<POLICY> {
    type Http = ScriptedStream<POLICY>;
    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> ScriptedStream<POLICY> {
        ScriptedStream { root: Rc::clone(self), id: stream.id() }
    }
}

struct ScriptedStream<const POLICY: u16> {
    root: Rc<Scripted<POLICY>>,
    id: u32,
}

impl<const POLICY: u16> ScriptedStream<POLICY> {
    /// The words for a callback of this stream: `2.request_headers`, or `request_headers` for any stream.
    fn words(&self, callback: &str) -> Vec<String> {
        let id = format!("{}.{callback}", self.id);
        let lines = self.root.script.split(';').map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        lines
            .filter(|words| words.first().is_some_and(|first| *first == id || first == callback))
            .flat_map(|words| words[1..].to_vec())
            .collect()
    }

    /// Does what the script says to what is held; gives the first word that it does not know.
    fn run(&self, callback: &str) -> Result<Option<String>, Failure> {
        for word in self.words(callback) {
            let last = |kept: &RefCell<Vec<Kept>>| kept.borrow_mut().pop();
            let result = match (&word[..], last(&self.root.held)) {
                ("resume", Some(kept)) => kept.resume(),
                ("reply", Some(kept)) => kept.reply(),
                ("drop", Some(kept)) => {
                    drop(kept);
                    Ok(())
                }
                ("mark", Some(kept)) => {
                    let result = kept.mark();
                    self.root.held.borrow_mut().push(kept);
                    result
                }
                (_, kept) => {
                    self.root.held.borrow_mut().extend(kept);
                    return Ok(Some(word));
                }
            };
            self.root.results.borrow_mut().push(format!("{word}:{}", if result.is_ok() { "ok" } else { "gone" }));
        }
        Ok(None)
    }
}

macro_rules! scripted {
    ($($name:ident: $handle:ident -> $action:ident $error:ident $kept:ident;)*) => {
        impl<const POLICY: u16> HttpContext for ScriptedStream<POLICY> {
            $(fn $name(&mut self, http: $handle<'_>) -> Result<$action, $error> {
                let callback = stringify!($name).trim_start_matches("on_");
                match self.run(callback)?.as_deref() {
                    Some(word) if word.starts_with("hold") => {
                        let (held, wait) = http.hold();
                        self.root.held.borrow_mut().push(Kept::$kept(held));
                        match word {
                            // What is left of the line happens to what was just held, still in its own callback.
                            "hold+resume" => self.root.held.borrow_mut().pop().expect("it").resume()?,
                            "hold+reply" => self.root.held.borrow_mut().pop().expect("it").reply()?,
                            "hold+reply+fail" => {
                                self.root.held.borrow_mut().pop().expect("it").reply()?;
                                Err("x".parse::<u8>().unwrap_err())?;
                            }
                            "hold+drop" => drop(self.root.held.borrow_mut().pop()),
                            "hold+mark" => self.root.held.borrow().last().expect("it").mark()?,
                            "hold+continue" => return Ok($action::Continue),
                            "hold+fail" => Err("x".parse::<u8>().unwrap_err())?,
                            _ => {}
                        }
                        Ok(wait)
                    }
                    _ => Ok($action::Continue),
                }
            })*
            fn on_log(&mut self, _http: Log<'_>) -> Result<(), Failure> {
                self.run("log").map(drop)
            }
        }
    };
}

scripted! {
    on_request_headers: RequestHeaders -> HeadersAction Interrupt RequestHeaders;
    on_request_body: RequestBody -> DataAction Interrupt RequestBody;
    on_request_trailers: RequestTrailers -> TrailersAction Interrupt RequestTrailers;
    on_response_headers: ResponseHeaders -> HeadersAction Interrupt ResponseHeaders;
    on_response_body: ResponseBody -> DataAction Failure ResponseBody;
    on_response_trailers: ResponseTrailers -> TrailersAction Failure ResponseTrailers;
}

proxy_filter::register! { "closed" => http Scripted<500>, "open" => http Scripted<0>, "reset" => http Scripted<1> }

/// With one plugin, which does not ask the host for its root id.
pub(super) mod alone {
    proxy_filter::register! { "closed" => http super::Scripted<500> }
}

fn proxy(root_id: &str, script: &str) -> MockProxy {
    MockProxy::new(TestPlugin::native(&PLUGINS, root_id).config(script)).expect("it starts")
}

fn text(log: &[proxy_filter_test::LogLine]) -> String {
    log.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A message that is held in one stream is changed and let go from another.
#[test]
fn con_1_what_one_stream_holds_another_lets_go() {
    for place in ["request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers"]
    {
        let proxy = proxy("closed", &format!("2.{place} hold; 3.request_headers mark resume"));
        let first = exchange(&proxy);
        assert_eq!(first.outcome(), Outcome::Paused, "{place}");
        let second = exchange(&proxy);
        for exchange in [&first, &second] {
            assert_eq!(exchange.outcome(), Outcome::Complete, "{place}: {}", proxy.trace());
        }
        let (request, response) = (first.raw_upstream_request().expect("it went on"), first.raw_response().expect("it came"));
        let marked = |message: &Message| message.headers().iter().chain(message.trailers()).any(|(name, _)| name == "x-mark");
        let was_marked = match place {
            "request_body" => request.body() == "question!",
            "response_body" => response.body() == "answer!",
            _ => marked(if place.starts_with("request") { &request } else { &response }),
        };
        assert!(was_marked, "{place}: {}", proxy.trace());
        assert!(!marked(&second.raw_upstream_request().expect("it went on")), "CTX-4: only the stream that is held is touched");
        assert!(first.log().is_empty() && second.log().is_empty(), "{place}: {}", text(&proxy.log()));
        // One switch for what `with` does, one for the resumption, and the way back after each; nothing for the rest.
        assert_eq!(proxy.trace().matches("proxy_set_effective_context(2)").count(), 2, "{}", proxy.trace());
        assert_eq!(proxy.trace().matches("proxy_set_effective_context(3)").count(), 2, "{}", proxy.trace());
    }
}

#[test]
fn loc_2_loc_5_what_one_stream_holds_another_answers() {
    for place in ["request_headers", "request_body", "request_trailers", "response_headers"] {
        let proxy = proxy("closed", &format!("2.{place} hold; 3.request_headers reply resume"));
        let (first, second) = (exchange(&proxy), exchange(&proxy));
        // LOC-30: a reply inside the callback of another stream's message would stop that one, so it waits for its end.
        assert!(second.reached_upstream());
        assert_eq!(first.outcome(), Outcome::Complete, "{place}");
        let response = first.raw_response().expect("it was answered");
        assert_eq!(response.header(":status"), Some(&b"429"[..]), "{place}");
        assert_eq!(second.response().status(), 200);
        assert_eq!(proxy.trace().matches("proxy_send_local_response").count(), 1);
        assert!(first.log().is_empty(), "{place}: {:?}", first.log());
    }
}

/// CON-4 to CON-7: in its own callback, letting go is what the callback answers, and no hostcall.
#[test]
fn con_5_con_6_con_7_what_is_let_go_in_its_own_callback_is_the_callbacks_answer() {
    for place in ["request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers"]
    {
        let proxy = proxy("closed", &format!("2.{place} hold+resume"));
        let exchange = exchange(&proxy);
        assert_eq!(exchange.outcome(), Outcome::Complete, "{place}");
        assert_eq!(
            (&exchange.upstream_request().body()[..], &exchange.response().body()[..]),
            (&b"question"[..], &b"answer"[..])
        );
        for hostcall in ["proxy_continue_stream", "proxy_set_effective_context"] {
            assert!(!proxy.trace().contains(hostcall), "{place}: {}", proxy.trace());
        }
        assert!(exchange.log().is_empty());
    }
}

#[test]
fn what_is_answered_or_changed_in_its_own_callback_needs_no_other_context() {
    let answered = proxy("closed", "2.request_headers hold+reply");
    assert_eq!(exchange(&answered).response().status(), 429);
    assert!(!answered.trace().contains("proxy_set_effective_context"));
    let changed = proxy("closed", "2.request_headers hold+mark");
    let exchange = exchange(&changed);
    assert_eq!(exchange.outcome(), Outcome::Paused);
    assert!(!changed.trace().contains("proxy_set_effective_context"));
}

#[test]
fn a_pause_that_is_not_returned_holds_nothing() {
    for (action, status) in [("hold+continue", 200), ("hold+fail", 500)] {
        let proxy = proxy("closed", &format!("2.request_headers {action}; 3.request_headers resume"));
        let (first, second) = (exchange(&proxy), exchange(&proxy));
        assert_eq!(first.response().status(), status, "{action}");
        assert_eq!(second.outcome(), Outcome::Complete);
        assert!(!proxy.trace().contains("proxy_continue_stream"), "{action}");
        assert!(!proxy.trace().contains("proxy_set_effective_context"), "{action}: it is known to be gone");
    }
}

/// Dropped in its own callback or later: it is a failure, answered as the root declares.
#[test]
fn a_hold_that_is_dropped_is_told_and_answered_by_the_failure_policy() {
    for script in [
        "2.request_headers hold+drop",
        "2.request_headers hold; 3.request_headers drop",
        "2.request_headers hold; 3.log drop",
        // In a later callback of its own message.
        "2.request_body hold; 2.request_trailers drop",
    ] {
        let callback = if script.contains("body") { "proxy_on_request_body" } else { "proxy_on_request_headers" };
        for (root_id, status) in [("closed", Some(500)), ("open", Some(200)), ("reset", None)] {
            let proxy = proxy(root_id, script);
            let first = exchange(&proxy);
            let _second = exchange(&proxy);
            let said = text(&proxy.log());
            let expected = format!("context 2: {callback}: a held message was dropped without `resume` or `reply`");
            assert_eq!(said.matches(&expected).count(), 1, "{script} {root_id}: {said}");
            assert_eq!(first.raw_response().is_some(), status.is_some(), "{script} {root_id}");
            match status {
                Some(status) => assert_eq!(first.response().status(), status, "{script} {root_id}"),
                None => assert_eq!(first.outcome(), Outcome::Reset, "{script} {root_id}"),
            }
        }
    }
}

/// LOC-17: the client left, so the stream is over although the filter still has its hold, also in `on_log` of that very stream.
#[test]
fn loc_17_seq_18_what_is_over_is_gone_and_nothing_is_said_of_it() {
    for end in ["2.log", "3.request_headers"] {
        for act in ["resume", "reply", "mark", "drop"] {
            let proxy = proxy("closed", &format!("2.request_headers hold; {end} {act}"));
            let first = exchange(&proxy);
            proxy.disconnect(&first);
            let _second = exchange(&proxy);
            let trace = proxy.trace();
            for hostcall in ["proxy_continue_stream", "proxy_send_local_response", "proxy_set_effective_context"] {
                assert!(!trace.contains(hostcall), "{end} {act}: {trace}");
            }
            assert!(proxy.log().is_empty(), "{end} {act}: {}", text(&proxy.log()));
            proxy.shut_down();
        }
    }
}

/// ACT-5: with that option body callbacks come while headers are held; what they answer does not let them go.
#[test]
fn act_5_a_later_callback_does_not_let_held_headers_go() {
    let plugin = |script: &str| TestPlugin::native(&PLUGINS, "closed").config(script).allow_on_headers_stop_iteration(true);
    let held = MockProxy::new(plugin("2.request_headers hold; 2.request_body mark")).unwrap();
    let first = exchange(&held);
    assert_eq!(first.outcome(), Outcome::Paused, "the body and the trailers answered that the message goes on: {}", held.trace());
    assert!(!first.reached_upstream());

    let plugin = plugin("2.request_headers hold; 2.request_body mark resume; 3.request_headers resume");
    let resumed = MockProxy::new(plugin).unwrap();
    let first = exchange(&resumed);
    assert_eq!(first.outcome(), Outcome::Complete, "{}", resumed.trace());
    assert_eq!(first.upstream_request().headers()["x-mark"], "2");
    assert_eq!(first.upstream_request().body(), "question", "once: {}", resumed.trace());
    assert!(!resumed.trace().contains("proxy_continue_stream"), "the callback's answer lets it go");
}

#[test]
fn a_message_that_is_held_twice_goes_on_with_the_last_hold() {
    let script = "2.request_headers hold; 2.request_body hold; 3.request_headers resume; 4.request_headers resume";
    let plugin = TestPlugin::native(&PLUGINS, "closed").config(script).allow_on_headers_stop_iteration(true);
    let proxy = MockProxy::new(plugin).unwrap();
    let first = exchange(&proxy);
    let _second = exchange(&proxy);
    assert!(!first.reached_upstream(), "one of the two still holds it");
    let _third = exchange(&proxy);
    assert_eq!(first.outcome(), Outcome::Complete);
    assert_eq!(first.upstream_request().body(), "question");
}

/// In a response callback a second local reply crashes Envoy; the failure after it is only told.
#[test]
fn loc_20_what_was_answered_in_its_own_callback_is_not_answered_again() {
    for place in ["request_headers", "response_headers"] {
        for root_id in ["closed", "reset"] {
            let proxy = proxy(root_id, &format!("2.{place} hold+reply+fail"));
            let exchange = exchange(&proxy);
            assert_eq!(exchange.response().status(), 429, "{place} {root_id}");
            assert_eq!(proxy.trace().matches("proxy_send_local_response").count(), 1, "{place} {root_id}");
            assert!(!proxy.trace().contains("proxy_close_stream"));
            assert_eq!(exchange.log().len(), 1, "{place} {root_id}: {:?}", exchange.log());
        }
    }
}
