//! The null VM: a filter linked natively into the test.
//!
//! What it shares with the Wasm VM is tested in both, in `misbehaving.rs`.

use super::{get, messages};
use http::StatusCode;
use plugin::PLUGINS;
use proxy_filter_test::{LogLevel, MockProxy, Outcome, Plugin, Reason, Refused, Spy, TrapKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;

mod plugin {
    use proxy_filter::{
        ConfigError, DataAction, Failure, HeadersAction, HttpContext, HttpPlugin, HttpStream, Log, Plugin, RequestHeaders,
        ResponseBody, ResponseHeaders, Result, RootContext,
    };
    use std::rc::Rc;

    /// Panics where its configuration says.
    pub(super) struct Panics(String);

    impl RootContext for Panics {
        type Config = String;
        fn new(place: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            log::info!("{place}");
            let root = Self(place);
            root.reach("configure");
            Ok(root)
        }
        fn on_done(self: &Rc<Self>, _plugin: Plugin<'_>) -> Result<bool, Failure> {
            self.reach("done");
            Ok(true)
        }
    }

    impl Panics {
        fn reach(&self, place: &str) {
            assert!(self.0 != place, "reached {place}");
        }
    }

    impl HttpPlugin for Panics {
        type Http = PanicsStream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> PanicsStream {
            self.reach("create");
            PanicsStream(Rc::clone(self))
        }
    }

    pub(super) struct PanicsStream(Rc<Panics>);

    impl HttpContext for PanicsStream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            log::info!("{} stream {}", self.0.0, http.id());
            self.0.reach("request");
            if self.0.0 == "payload" {
                std::panic::panic_any(7);
            }
            if self.0.0 == "asks" {
                http.call_foreign_function("of the test", "")?;
            }
            Ok(HeadersAction::Continue)
        }
        fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
            self.0.reach("response");
            Ok(HeadersAction::Continue)
        }
        fn on_response_body(&mut self, _http: ResponseBody<'_>) -> Result<DataAction, Failure> {
            self.0.reach("body");
            Ok(DataAction::Continue)
        }
        fn on_log(&mut self, _http: Log<'_>) -> Result<(), Failure> {
            self.0.reach("log");
            Ok(())
        }
    }

    impl Drop for PanicsStream {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                self.0.reach("drop");
            }
        }
    }

    proxy_filter::register! { "panics" => http Panics }
}

/// The sentence of a panic that is the test's own.
#[track_caller]
fn panic_of<R>(test: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(test)) else { panic!("the test fails") };
    (*payload.downcast_ref::<&str>().expect("its own words")).to_owned()
}

fn start(place: &str) -> Result<MockProxy, Refused> {
    let proxy = MockProxy::new(Plugin::native(&PLUGINS, "panics").config(place))?;
    proxy.set_upstream(|_| http::Response::new("hello"));
    Ok(proxy)
}

#[test]
fn fai_2_fai_3_fai_4_a_panic_is_the_trap_that_it_is_in_wasm() {
    let ok = Some(StatusCode::OK);
    let unavailable = Some(StatusCode::SERVICE_UNAVAILABLE);
    for (place, callback, outcome, status) in [
        ("create", "proxy_on_context_create", Outcome::Complete, unavailable),
        ("request", "proxy_on_request_headers", Outcome::Complete, unavailable),
        ("response", "proxy_on_response_headers", Outcome::Complete, unavailable),
        ("body", "proxy_on_response_body", Outcome::Reset, ok),
        ("log", "proxy_on_log", Outcome::Complete, ok),
        ("drop", "proxy_on_delete", Outcome::Complete, ok),
    ] {
        let proxy = start(place).unwrap();
        let exchange = get(&proxy);
        let trap = exchange.trap().expect(place);
        assert!(trap.kind == TrapKind::Unreachable && trap.callback.starts_with(callback), "{trap}");
        assert_eq!(trap.message, format!("the plugin panicked: reached {place}"));
        let response = exchange.raw_response().and_then(|response| response.to_response().ok());
        assert_eq!((exchange.outcome(), response.map(|response| response.status())), (outcome, status), "{place}");
        // FAI-7.
        assert_eq!(get(&proxy).response().status(), StatusCode::SERVICE_UNAVAILABLE, "{place}");
        let log = proxy.log();
        let critical: Vec<_> = log.iter().filter(|line| line.level == LogLevel::Critical).collect();
        assert_eq!(critical.len(), 1, "{log:?}");
        let expected = format!("panicked at {}:", file!());
        assert!(critical[0].message.starts_with(&expected), "{} has no {expected}", critical[0]);
        assert!(critical[0].message.ends_with(&format!(": reached {place}")), "{}", critical[0]);
    }
}

#[test]
fn a_panic_while_it_is_configured_refuses_the_plugin() {
    let refused = start("configure").expect_err("it panics");
    assert!(matches!(refused.reason(), Reason::Trap(_)));
    let text = refused.to_string();
    assert!(text.starts_with("the plugin \"panics\" was refused: trap in proxy_on_configure("), "{text}");
    assert!(text.contains("[critical] panics: panicked at ") && text.ends_with(": reached configure"), "{text}");
}

#[test]
fn a_panic_at_shutdown_is_survived() {
    start("done").unwrap().shut_down();
}

#[test]
fn a_panic_whose_payload_is_no_text_is_a_trap_too() {
    let exchange = get(&start("payload").unwrap());
    assert_eq!(exchange.trap().map(|trap| trap.message), Some("the plugin panicked: no message".to_owned()));
}

#[test]
fn a_panic_of_the_test_itself_is_not_the_plugins() {
    let proxy = start("nowhere").unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        proxy.set_upstream(|_| -> http::Response<&'static str> { panic!("the test's own upstream fails") });
        get(&proxy)
    }));
    assert!(result.is_err());
    assert!(proxy.trap().is_none());
    assert!(proxy.log().iter().all(|line| line.level < LogLevel::Critical), "{:?}", proxy.log());
}

#[test]
fn a_panic_of_the_tests_own_function_is_the_tests_and_the_proxy_lives_on() {
    let mut calls = 0;
    let function = move |_: &[u8]| {
        calls += 1;
        log::error!("a line of the test's own goes to no proxy");
        assert!(calls > 1, "what the test expects is not so");
        Ok(Vec::new())
    };
    let plugin = Plugin::native(&PLUGINS, "panics").config("asks");
    let proxy = MockProxy::builder().plugin(plugin).foreign_function("of the test", function).start().unwrap();
    assert_eq!(panic_of(|| get(&proxy)), "what the test expects is not so");
    assert!(proxy.trap().is_none());
    assert_eq!(get(&proxy).response().status(), StatusCode::OK);
    assert_eq!(messages(&proxy.log()), ["asks", "asks stream 2", "asks stream 3"]);
}

#[test]
fn a_panic_of_the_tests_own_filter_within_a_hostcall_of_another_worker_is_the_tests() {
    for seed in 0..20 {
        let mut requests = 0;
        let spy = Spy::acting("spy", move |callback, _| {
            if callback.name() == "proxy_on_request_headers" {
                requests += 1;
                assert!(requests != 2, "the test's filter fails");
            }
            None
        });
        let plugin = Plugin::native(&PLUGINS, "panics").config("nowhere");
        let proxy = MockProxy::builder().plugin(plugin).plugin(spy.plugin()).workers(4).seed(seed).start().unwrap();
        let request = || http::Request::get("http://shop.example/").body("").unwrap();
        let failed = panic_of(|| proxy.send_concurrently([request(), request(), request(), request()]));
        assert_eq!(failed, "the test's filter fails", "seed {seed}");
        assert!(proxy.trap().is_none(), "seed {seed}: {:?}", proxy.trap());
        // No worker is still in a callback.
        for _ in 0..4 {
            assert_ne!(get(&proxy).outcome(), Outcome::Open, "seed {seed}");
        }
    }
}

#[test]
fn lines_of_tests_that_run_at_once_go_each_to_its_own_proxy() {
    const TESTS: usize = 8;
    let together = Barrier::new(TESTS);
    std::thread::scope(|scope| {
        for test in 0..TESTS {
            let together = &together;
            scope.spawn(move || {
                let name = format!("test {test}");
                together.wait();
                let proxy = start(&name).unwrap();
                let expected: Vec<String> =
                    std::iter::once(name.clone()).chain((2..52).map(|stream| format!("{name} stream {stream}"))).collect();
                for _ in 0..50 {
                    get(&proxy);
                    log::error!("a line of the test's own goes to no proxy");
                }
                assert_eq!(messages(&proxy.log()), expected);
            });
        }
    });
}

#[test]
fn lines_of_two_proxies_in_one_test_are_kept_apart() {
    let (a, b) = (start("a").unwrap(), start("b").unwrap());
    get(&a);
    get(&b);
    get(&a);
    assert_eq!(messages(&a.log()), ["a", "a stream 2", "a stream 3"]);
    assert_eq!(messages(&b.log()), ["b", "b stream 2"]);
}

#[test]
fn contexts_that_outlive_their_stream_are_dropped_with_the_proxy() {
    let proxy = MockProxy::new(Plugin::native(&PLUGINS, "panics").config("nowhere")).unwrap();
    let exchange = get(&proxy);
    drop(proxy);
    assert_eq!(exchange.response().status(), StatusCode::OK);
}
