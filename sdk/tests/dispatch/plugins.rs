//! Which plugin serves a root id, what its kind means, and how long contexts live.

use super::{exchange, lines};
use proxy_filter::prelude::*;
use proxy_filter_test::{MockProxy, Outcome, Plugin as TestPlugin, Reason};
use std::cell::Cell;

thread_local! {
    static STREAMS: Cell<i32> = const { Cell::new(0) };
    static ROOTS: Cell<i32> = const { Cell::new(0) };
}

/// Marks what passes through it with its name, a constant.
struct Marks<const NAME: char>;

impl<const NAME: char> RootContext for Marks<NAME> {
    type Config = ();
    fn new((): (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        ROOTS.set(ROOTS.get() + 1);
        plugin.log(LogLevel::Info, format!("{NAME} is root {}", plugin.id()))?;
        Ok(Self)
    }
    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        plugin.log(LogLevel::Info, format!("{NAME} is done"))?;
        Ok(true)
    }
}

impl<const NAME: char> Drop for Marks<NAME> {
    fn drop(&mut self) {
        ROOTS.set(ROOTS.get() - 1);
    }
}

impl<const NAME: char> HttpPlugin for Marks<NAME> {
    type Http = Box<dyn HttpContext>;
    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> Box<dyn HttpContext> {
        STREAMS.set(STREAMS.get() + 1);
        if stream.id() % 2 == 0 { Box::new(Even(Rc::clone(self))) } else { Box::new(Odd) }
    }
}

struct Even<const NAME: char>(Rc<Marks<NAME>>);

impl<const NAME: char> HttpContext for Even<NAME> {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        assert!(Rc::strong_count(&self.0) > 1, "the VM holds the root too");
        http.headers().add("x-mark", NAME.to_string())?;
        Ok(HeadersAction::Continue)
    }
}

impl<const NAME: char> Drop for Even<NAME> {
    fn drop(&mut self) {
        STREAMS.set(STREAMS.get() - 1);
    }
}

struct Odd;

impl HttpContext for Odd {
    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        http.body().replace("odd")?;
        Ok(DataAction::Continue)
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        STREAMS.set(STREAMS.get() - 1);
    }
}

proxy_filter::register! {
    "a" => http Marks<'a'>,
    "b" => http Marks<'b'>,
    "watch" => root Marks<'w'>,
}

fn mark(proxy: &MockProxy) -> Option<String> {
    let request = exchange(proxy).upstream_request();
    request.headers().get("x-mark").map(|value| value.to_str().expect("text").to_owned())
}

#[test]
fn a_root_id_chooses_its_plugin() {
    for (root_id, expected) in [("a", Some("a")), ("b", Some("b")), ("watch", None)] {
        let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, root_id)).unwrap();
        assert_eq!(mark(&proxy).as_deref(), expected);
    }
}

#[test]
fn a_root_id_that_is_unknown_is_refused_and_told_with_those_that_are_known() {
    let plugin = TestPlugin::native(&PLUGINS, "a").root_id("A").name("shop");
    let refused = MockProxy::new(plugin).expect_err("it is unknown");
    assert!(matches!(refused.reason(), Reason::Configure));
    assert_eq!(
        lines(refused.log())[0],
        "[error] shop: no plugin is registered for root id \"A\"; this module has \"a\" \"b\" \"watch\""
    );
}

mod alone {
    proxy_filter::register! { "only" => http super::Marks<'o'> }
}

#[test]
fn a_plugin_that_is_alone_serves_every_root_id() {
    let proxy = MockProxy::new(TestPlugin::native(&alone::PLUGINS, "only").root_id("any")).unwrap();
    assert_eq!(mark(&proxy).as_deref(), Some("o"));
    assert!(!proxy.trace().contains("proxy_get_property"), "and need not ask for it");
}

#[test]
fn a_plugin_without_streams_lets_them_pass_and_says_nothing() {
    let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "watch")).unwrap();
    assert_eq!(exchange(&proxy).outcome(), Outcome::Complete);
    assert_eq!(lines(&proxy.log()).len(), 2, "its own line, and that there are streams: {:?}", proxy.log());
}

#[test]
fn streams_of_one_plugin_may_be_of_several_types() {
    let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "a")).unwrap();
    let (even, odd) = (exchange(&proxy), exchange(&proxy));
    assert_eq!(even.upstream_request().headers()["x-mark"], "a");
    assert_eq!(even.upstream_request().body(), "question");
    assert!(!odd.upstream_request().headers().contains_key("x-mark"));
    assert_eq!(odd.upstream_request().body(), "odd");
}

#[test]
fn a_streams_context_is_dropped_when_the_stream_is_over() {
    let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "a")).unwrap();
    for _ in 0..100 {
        let exchange = exchange(&proxy);
        assert_eq!(STREAMS.get(), 0, "{exchange:?}");
    }
}

#[test]
fn a_root_is_told_that_it_is_done_and_dropped() {
    let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "a")).unwrap();
    assert_eq!(ROOTS.get(), 1);
    exchange(&proxy);
    proxy.shut_down();
    assert_eq!((ROOTS.get(), STREAMS.get()), (0, 0));
}

#[test]
fn two_plugins_of_one_crate_pass_a_request_on_in_order() {
    // In a VM that they shared one would only see odd ids (CTX-1), which these do not mark.
    let (a, b) = (TestPlugin::native(&PLUGINS, "a"), TestPlugin::native(&PLUGINS, "b").vm_id("of its own"));
    let proxy = MockProxy::builder().plugin(a).plugin(b).start().unwrap();
    let request = exchange(&proxy).upstream_request();
    assert_eq!(request.headers().get_all("x-mark").iter().collect::<Vec<_>>(), ["a", "b"]);
}
