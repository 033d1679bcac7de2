//! Local replies and resets: results of a callback, which `?` carries.

use super::exchange;
use proxy_filter::prelude::*;
use proxy_filter_test::{MockProxy, Outcome, Plugin as TestPlugin};

/// Answers from the callback that its configuration names; with `reset ` before it, resets there.
struct Answers(String);

impl RootContext for Answers {
    type Config = String;
    fn new(place: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(place))
    }
}

impl HttpPlugin for Answers {
    type Http = AnswersStream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> AnswersStream {
        AnswersStream(Rc::clone(self))
    }
}

struct AnswersStream(Rc<Answers>);

impl AnswersStream {
    fn answer(&self, place: &str) -> Result<()> {
        match self.0.0.strip_prefix("reset ") {
            Some(reset) if reset == place => Err(Interrupt::reset()),
            None if self.0.0 == place => LocalReply::new(429)
                .header("X-From", place)
                .header("x-from", b"\xff")
                .body("slow down")
                .details("rate limited")
                .grpc_status(8)
                .send(),
            _ => Ok(()),
        }
    }
}

impl HttpContext for AnswersStream {
    fn on_request_headers(&mut self, _http: RequestHeaders<'_>) -> Result<HeadersAction> {
        self.answer("request_headers")?;
        Ok(HeadersAction::Continue)
    }
    fn on_request_body(&mut self, _http: RequestBody<'_>) -> Result<DataAction> {
        self.answer("request_body")?;
        Ok(DataAction::Continue)
    }
    fn on_request_trailers(&mut self, _http: RequestTrailers<'_>) -> Result<TrailersAction> {
        self.answer("request_trailers")?;
        Ok(TrailersAction::Continue)
    }
    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        self.answer("response_headers")?;
        http.headers().set("x-seen", "yes")?;
        Ok(HeadersAction::Continue)
    }
}

proxy_filter::register! { "answers" => http Answers }

const PLACES: [&str; 4] = ["request_headers", "request_body", "request_trailers", "response_headers"];

fn run(configuration: &str) -> proxy_filter_test::Exchange {
    exchange(&MockProxy::new(TestPlugin::native(&PLUGINS, "answers").config(configuration)).expect("it starts"))
}

#[test]
fn loc_2_loc_5_a_reply_may_come_from_every_callback_before_the_response_left() {
    for place in PLACES {
        let exchange = run(place);
        assert_eq!(exchange.outcome(), Outcome::Complete);
        let response = exchange.raw_response().expect(place);
        assert_eq!(response.header(":status"), Some(&b"429"[..]), "{place}");
        let from: Vec<&[u8]> =
            response.headers().iter().filter(|(name, _)| name == "x-from").map(|(_, value)| &value[..]).collect();
        assert_eq!(from, [place.as_bytes(), b"\xff"]);
        assert_eq!(response.body(), "slow down");
        assert_eq!(exchange.details(), "rate_limited");
        assert_eq!(exchange.local_reply().and_then(|reply| reply.grpc_status), Some(8));
        // LOC-2: the reply passes the own response callbacks; LOC-5: unless they made it.
        assert_eq!(response.header("x-seen").is_some(), place != "response_headers", "{place}");
        assert!(exchange.log().is_empty(), "a reply is no failure: {:?}", exchange.log());
    }
}

#[test]
fn clo_1_a_reset_may_come_from_every_callback_before_the_response_left() {
    for place in PLACES {
        let exchange = run(&format!("reset {place}"));
        assert_eq!(exchange.outcome(), Outcome::Reset, "{place}");
        assert!(exchange.raw_response().is_none(), "{place}");
        assert!(exchange.log().is_empty(), "{:?}", exchange.log());
    }
}

#[test]
fn an_interrupt_is_shown_by_its_kind() {
    assert_eq!(format!("{:?}", Interrupt::reset()), "Reset");
    assert!(format!("{:?}", Interrupt::from(LocalReply::new(403))).starts_with("Reply(LocalReply { status: 403"));
    let failure = Failure::from(Error { hostcall: "proxy_log", status: Status::from_wire(77).unwrap() });
    assert_eq!(format!("{:?}", Interrupt::from(failure)), "Failure(proxy_log failed: status 77)");
}

#[test]
fn a_failure_knows_whether_a_hostcall_is_its_cause() {
    let error = Error { hostcall: "proxy_log", status: Status::BadArgument };
    assert_eq!(Failure::from(error).host_error(), Some(error));
    assert_eq!(Failure::from("a".parse::<u8>().unwrap_err()).host_error(), None);
}

#[test]
fn or_reply_answers_for_what_is_missing_or_wrong() {
    let reply = || LocalReply::new(401);
    assert_eq!(Some(1).or_reply(reply).ok(), Some(1));
    assert_eq!("5".parse::<u8>().or_reply(reply).ok(), Some(5));
    for interrupt in [None::<u8>.or_reply(reply), "a".parse::<u8>().or_reply(reply)] {
        assert!(format!("{:?}", interrupt.unwrap_err()).starts_with("Reply("));
    }
}

#[test]
fn hdr_20_a_reply_holds_no_header_that_the_filter_did_not_mean() {
    let reply = LocalReply::new(200)
        .header("location", "/\r\nset-cookie: a=b\0")
        .header("x\r\ny", "1")
        .header("x y", "2")
        .header("", "3");
    assert_eq!(reply, LocalReply::new(200).header("location", "/  set-cookie: a=b "));
}
