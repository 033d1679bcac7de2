//! A tester's own mistakes panic with one sentence and the mend; a failing test prints what the proxy did.

use super::{get, messages};
use plugin::PLUGINS;
use proxy_filter_test::{MockProxy, Plugin, TestResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

mod plugin {
    use proxy_filter::{
        ConfigError, HeadersAction, Held, HttpContext, HttpPlugin, HttpStream, LocalReply, Plugin, RequestHeaders, Result,
        RootContext, phase,
    };
    use std::rc::Rc;

    /// Does with a request what its path says.
    pub(super) struct Obeys;

    impl RootContext for Obeys {
        type Config = String;
        fn new(config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            log::warn!("this is what I was given: {config}");
            if config == "no" { Err(ConfigError::new("field `limit` must be at least 1")) } else { Ok(Self) }
        }
    }

    impl HttpPlugin for Obeys {
        type Http = ObeysStream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> ObeysStream {
            ObeysStream(None)
        }
    }

    pub(super) struct ObeysStream(Option<Held<phase::RequestHeaders>>);

    impl HttpContext for ObeysStream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            let path = http.headers().get(":path")?;
            match path.as_deref() {
                Some(b"/reply") => LocalReply::new(403).details("no entry").send(),
                Some(b"/reset") => Err(proxy_filter::Interrupt::reset()),
                Some(b"/pause") => {
                    let (held, wait) = http.hold();
                    self.0 = Some(held);
                    Ok(wait)
                }
                Some(b"/odd") => {
                    http.headers().set(":path", "no slash and a space")?;
                    Ok(HeadersAction::Continue)
                }
                _ => Ok(HeadersAction::Continue),
            }
        }
    }

    proxy_filter::register! { "obeys" => http Obeys, "other" => root Obeys }
}

fn proxy() -> MockProxy {
    MockProxy::new(Plugin::native(&PLUGINS, "obeys")).unwrap()
}

fn request(path: &str) -> http::Request<&'static str> {
    http::Request::get(format!("http://shop.example{path}")).body("").unwrap()
}

/// The sentence of a panic.
#[track_caller]
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it should panic") };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn a_root_id_that_is_not_registered_is_answered_with_those_that_are() {
    assert_eq!(
        panic_of(|| Plugin::native(&PLUGINS, "obey")),
        "the crate proxy-filter-test registers [\"obeys\", \"other\"], not \"obey\": name one of these"
    );
    #[cfg(feature = "wasmtime")]
    assert!(panic_of(|| Plugin::wasm(&PLUGINS, "")).ends_with("not \"\": name one of these"));
}

const HELD: &str = "a filter holds it back and has not continued it (ACT-8): continue or reply on every path; a timeout for each call \
                    that it waits for";

#[test]
fn asking_for_a_request_that_did_not_reach_the_upstream_says_why_it_did_not() {
    let proxy = proxy();
    for (path, why) in [
        ("/reply", "a local reply answered with 403, details \"no_entry\""),
        ("/reset", "the stream was reset, details \"wasm_close_stream\""),
        ("/pause", HELD),
    ] {
        let exchange = proxy.send(request(path));
        let expected = format!("the request did not reach the upstream ({why}): ask reached_upstream() first");
        assert_eq!(panic_of(|| exchange.upstream_request()), expected);
    }
}

#[test]
fn asking_for_a_response_that_never_came_says_why_it_did_not() {
    let proxy = proxy();
    for (path, why) in [("/reset", "the stream was reset, details \"wasm_close_stream\""), ("/pause", HELD)] {
        let exchange = proxy.send(request(path));
        assert_eq!(panic_of(|| exchange.response()), format!("the client received no response ({why}): ask outcome() first"),);
    }
}

#[test]
fn what_http_types_cannot_hold_is_pointed_to_in_its_raw_form() {
    let proxy = proxy();
    let sentence = panic_of(|| proxy.send(request("/odd")).upstream_request());
    assert!(sentence.starts_with("the upstream received what http::Request cannot hold ("), "{sentence}");
    assert!(sentence.ends_with("): look at raw_upstream_request()"), "{sentence}");
    proxy.set_raw_upstream(|_| proxy_filter_test::Message::new([(":status", "42")]));
    let sentence = panic_of(|| get(&proxy).response());
    assert!(sentence.ends_with("): look at raw_response()"), "{sentence}");
}

#[test]
fn an_exchange_of_another_proxy_cannot_be_disconnected() {
    let (one, other) = (proxy(), proxy());
    let exchange = one.send(request("/pause"));
    assert_eq!(panic_of(|| other.disconnect(&exchange)), "this exchange belongs to another proxy: disconnect it there");
    one.disconnect(&exchange);
}

#[test]
fn a_refusal_holds_the_plugins_own_words() {
    let refused = MockProxy::new(Plugin::native(&PLUGINS, "obeys").name("shop").config("no")).expect_err("it is refused");
    assert_eq!(
        refused.to_string(),
        "the plugin \"shop\" was refused: it does not accept its configuration (proxy_on_configure answered false)
  [warn] shop: this is what I was given: no
  [error] shop: obeys: bad configuration: field `limit` must be at least 1"
    );
    assert_eq!(format!("{refused:?}"), refused.to_string(), "a test that fails by `?` prints it");
    assert_eq!(messages(refused.log()).len(), 2);
}

/// Runs a test of this binary that is ignored, in a process of its own: what it printed.
fn run_ignored(test: &str) -> TestOutput {
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"])
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("it runs");
    TestOutput {
        success: output.status.success(),
        text: String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
    }
}

struct TestOutput {
    success: bool,
    text: String,
}

#[test]
#[ignore = "fails on purpose, in a process of its own"]
fn fails_by_an_assertion() {
    let proxy = proxy();
    let exchange = proxy.send(request("/reply"));
    assert_eq!(exchange.response().status(), 200);
}

#[test]
#[ignore = "fails on purpose, in a process of its own"]
fn fails_by_an_error() -> TestResult {
    MockProxy::new(Plugin::native(&PLUGINS, "obeys").config("no"))?;
    Ok(())
}

#[test]
fn a_failing_assertion_prints_the_trace_of_what_the_proxy_did() {
    let output = run_ignored("tester::fails_by_an_assertion");
    assert!(!output.success, "{}", output.text);
    let (_, trace) = output.text.split_once("--- what the mock proxy did ---\n").expect(&output.text);
    let (trace, _) = trace.split_once("\n---").expect(trace);
    let stream = trace.find("obeys: proxy_on_context_create(context_id=2").expect(trace);
    assert_eq!(
        trace[stream..].lines().take(6).collect::<Vec<_>>(),
        [
            "obeys: proxy_on_context_create(context_id=2, parent_id=1)",
            "    = 0",
            "obeys: proxy_on_request_headers(context_id=2, num_headers=6, end_of_stream=1)",
            "    proxy_get_header_map_value(HTTP_REQUEST_HEADERS, \":path\") -> OK \"/reply\"",
            "    proxy_send_local_response(403, \"no entry\", \"\", {}, 4294967295) -> OK",
            "    = 1",
        ]
    );
    assert!(trace.contains("obeys: proxy_on_delete(context_id=2)"), "{trace}");
}

#[test]
fn a_test_that_fails_by_an_error_prints_the_refusal_as_text() {
    let output = run_ignored("tester::fails_by_an_error");
    assert!(!output.success, "{}", output.text);
    assert!(output.text.contains("bad configuration: field `limit` must be at least 1"), "{}", output.text);
}

#[test]
fn a_clock_may_show_what_has_no_date_in_http() {
    let proxy = proxy();
    for time in [std::time::Duration::MAX, std::time::Duration::from_secs(253_402_300_800)] {
        proxy.set_time(time);
        assert_eq!(get(&proxy).response().headers()["date"], "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
