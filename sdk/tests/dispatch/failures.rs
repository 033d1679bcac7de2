//! An `Err` from a callback: logged with plugin, context and callback, and answered as the plugin's policy says.

use super::host::Started;
use super::{exchange, lines};
use proxy_filter::prelude::*;
use proxy_filter_test::{MockProxy, Outcome, Plugin as TestPlugin};

const REPLY: u8 = 0;
const CONTINUE: u8 = 1;
const RESET: u8 = 2;

/// Fails in the callback that its configuration names: by an error of its own, or by a hostcall's.
struct Fails<const POLICY: u8>(String);

impl<const POLICY: u8> RootContext for Fails<POLICY> {
    type Config = String;
    const FAILURE_POLICY: FailurePolicy = match POLICY {
        CONTINUE => FailurePolicy::Continue,
        RESET => FailurePolicy::Reset,
        _ => FailurePolicy::Reply(511),
    };
    fn new(place: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(place))
    }
    fn on_done(self: &Rc<Self>, _plugin: Plugin<'_>) -> Result<bool, Failure> {
        self.fail("done").map(|()| true)
    }
}

impl<const POLICY: u8> HttpPlugin for Fails<POLICY> {
    type Http = FailsStream<POLICY>;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Self::Http {
        FailsStream(Rc::clone(self))
    }
}

impl<const POLICY: u8> Fails<POLICY> {
    fn fail(&self, place: &str) -> Result<(), Failure> {
        if self.0 == place {
            "a".parse::<u32>()?;
        }
        Ok(())
    }
}

struct FailsStream<const POLICY: u8>(Rc<Fails<POLICY>>);

impl<const POLICY: u8> HttpContext for FailsStream<POLICY> {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        if self.0.0 == "hostcall" {
            http.headers().add("a", "b")?;
        }
        self.0.fail("request_headers")?;
        Ok(HeadersAction::Continue)
    }
    fn on_request_body(&mut self, _http: RequestBody<'_>) -> Result<DataAction> {
        self.0.fail("request_body")?;
        Ok(DataAction::Continue)
    }
    fn on_request_trailers(&mut self, _http: RequestTrailers<'_>) -> Result<TrailersAction> {
        self.0.fail("request_trailers")?;
        Ok(TrailersAction::Continue)
    }
    fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        self.0.fail("response_headers")?;
        Ok(HeadersAction::Continue)
    }
    fn on_response_body(&mut self, _http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        self.0.fail("response_body")?;
        Ok(DataAction::Continue)
    }
    fn on_response_trailers(&mut self, _http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        self.0.fail("response_trailers")?;
        Ok(TrailersAction::Continue)
    }
    fn on_log(&mut self, _http: Log<'_>) -> Result<(), Failure> {
        self.0.fail("log")
    }
}

proxy_filter::register! {
    "reply" => http Fails<REPLY>,
    "continue" => http Fails<CONTINUE>,
    "reset" => http Fails<RESET>,
}

const BEFORE_THE_RESPONSE_LEFT: [&str; 4] = ["request_headers", "request_body", "request_trailers", "response_headers"];
const AFTER: [&str; 2] = ["response_body", "response_trailers"];

#[test]
fn a_failure_is_answered_as_the_policy_says() {
    for place in BEFORE_THE_RESPONSE_LEFT.into_iter().chain(AFTER).chain(["log"]) {
        for policy in ["reply", "continue", "reset"] {
            let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, policy).name("p").config(place)).unwrap();
            let exchange = exchange(&proxy);
            let answered = exchange.raw_response().and_then(|response| response.header(":status").map(<[u8]>::to_vec));
            let (outcome, status) = match policy {
                _ if place == "log" => (Outcome::Complete, Some(&b"200"[..])),
                "continue" => (Outcome::Complete, Some(&b"200"[..])),
                "reply" if BEFORE_THE_RESPONSE_LEFT.contains(&place) => (Outcome::Complete, Some(&b"511"[..])),
                // LOC-6: nothing can be answered any more.
                _ if AFTER.contains(&place) => (Outcome::Reset, Some(&b"200"[..])),
                _ => (Outcome::Reset, None),
            };
            assert_eq!((exchange.outcome(), answered.as_deref()), (outcome, status), "{policy} {place}: {exchange:?}");
            if status == Some(b"511") {
                assert_eq!(exchange.details(), "proxy_filter_failure");
            }
            let expected = format!("[error] p: {policy}: context 2: proxy_on_{place}: invalid digit found in string");
            assert_eq!(lines(&exchange.log())[0], expected);
            assert!(exchange.trap().is_none());
        }
    }
}

#[test]
fn a_hostcall_that_failed_is_named_with_its_status() {
    for (code, name) in [(2, "BAD_ARGUMENT"), (10, "INTERNAL_FAILURE"), (12, "UNIMPLEMENTED"), (77, "status 77")] {
        let started = Started::new(&alone::PLUGINS);
        assert!(started.configure(7, "hostcall"));
        started.host.answer(move |hostcall| (hostcall == "proxy_add_header_map_value").then_some(code));
        started.host.take_calls();
        assert_eq!(started.stream(7, 9)[..3], [0, 1, 0]);
        let calls = started.host.take_calls();
        assert_eq!(
            calls[1..3],
            [
                format!(
                    "proxy_log(ERROR, reply: context 9: proxy_on_request_headers: proxy_add_header_map_value failed: {name})"
                ),
                "proxy_send_local_response(511, proxy_filter_failure, , \0\0\0\0, 4294967295)".to_owned(),
            ]
        );
    }
}

#[test]
fn a_reply_or_reset_that_the_host_refuses_is_logged_and_the_stream_stays_stopped() {
    for (module, refused) in
        [(&alone::PLUGINS, "proxy_send_local_response"), (&alone_and_resetting::PLUGINS, "proxy_close_stream")]
    {
        let started = Started::new(module);
        assert!(started.configure(1, "request_body"));
        started.host.answer(move |hostcall| (hostcall == refused).then_some(10));
        started.host.take_calls();
        assert_eq!(started.stream(1, 2), [0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
        let log = started.host.take_log();
        assert_eq!(log.len(), 2, "{log:?}");
        assert!(log[1].ends_with(&format!("context 2: proxy_on_request_body: {refused} failed: INTERNAL_FAILURE")), "{log:?}");
    }
}

mod alone {
    proxy_filter::register! { "reply" => http super::Fails<{ super::REPLY }> }
}

mod alone_and_resetting {
    proxy_filter::register! { "reset" => http super::Fails<{ super::RESET }> }
}

#[test]
fn a_root_whose_end_fails_is_logged_and_ends_all_the_same() {
    use proxy_filter::abi::Callback;
    let started = Started::new(&alone::PLUGINS);
    assert!(started.configure(1, "done"));
    started.host.take_calls();
    assert_eq!(started.call(Callback::proxy_on_done { context_id: 1 }), 1);
    assert_eq!(started.host.take_log(), ["ERROR, reply: context 1: proxy_on_done: invalid digit found in string"]);
    started.call(Callback::proxy_on_delete { context_id: 1 });
    assert!(started.configure(1, "the same id serves again"));
}
