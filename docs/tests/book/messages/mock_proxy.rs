//! Tests that fail, by a filter's mistake or their own.

use super::every_quote_is_said;
use proxy_filter::abi::{Callback, Host, StreamType};
use proxy_filter::{Module, prelude::*};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate};
use proxy_filter_test::{Fault, MockProxy, Plugin as TestPlugin, Spy, interleavings};
use std::panic::AssertUnwindSafe;

pub(super) const PART: &str = "The mock proxy, in a test";

proxy_filter_book::plugin!(Stream);

/// Answers every request by itself, so that nothing reaches the upstream.
#[derive(Default)]
struct Stream;

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        match http.headers().get("x-reset")? {
            Some(_) => Err(Interrupt::reset()),
            None => LocalReply::new(403).send(),
        }
    }
}

fn request() -> http::Request<&'static str> {
    http::Request::get("http://shop.example/").body("").expect("a request")
}

/// What a test prints when it fails.
fn said(test: impl FnOnce()) -> String {
    let failure = std::panic::catch_unwind(AssertUnwindSafe(test)).expect_err("the test fails");
    let text = failure.downcast_ref::<String>().cloned();
    text.or_else(|| failure.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a text") + "\n"
}

/// Holds request headers and never lets them go.
fn never_continues() -> Spy {
    Spy::acting("never-continues", |callback, _: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => Some(1),
        _ => None,
    })
}

fn continues_itself() -> Spy {
    Spy::acting("continues-itself", |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => {
            host.proxy_continue_stream(StreamType::HttpRequest).expect("OK");
            Some(0)
        }
        _ => None,
    })
}

/// Calls a cluster that never answers, without a timeout.
fn calls_for_ever() -> Spy {
    Spy::acting("calls-for-ever", |callback, host: &dyn Host| {
        if let Callback::proxy_on_request_headers { .. } = callback {
            let headers = proxy_filter::abi::pairs::encode([(":method", "GET"), (":path", "/"), (":authority", "a")]);
            let _ = host.proxy_http_call(b"authz", &headers, b"", b"", 0);
        }
        None
    })
}

fn send_to(plugin: TestPlugin) -> MockProxy {
    let proxy = MockProxy::new(plugin).expect("it starts");
    proxy.cluster("authz", |_| proxy_filter_test::Answer::Timeout);
    proxy.send(request());
    proxy
}

#[test]
fn what_it_says() {
    let plugin = || TestPlugin::native(&PLUGINS, "snippet");
    let start = || MockProxy::new(plugin()).expect("it starts");
    let no_cdylib = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(no_cdylib.path().join("src")).expect("a folder");
    std::fs::write(no_cdylib.path().join("src/lib.rs"), "").expect("written");
    let manifest = "[package]\nname = \"tag\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(no_cdylib.path().join("Cargo.toml"), manifest).expect("written");
    let build =
        |folder: &std::path::Path| FilterCrate::build_once(folder, &BuildOptions::default()).expect_err("no module").to_string();
    let trap = start();
    trap.inject(Fault::trap_in("proxy_on_request_headers"));
    trap.send(request());
    let refused = |module: &[u8]| MockProxy::new(TestPlugin::from_bytes(module)).expect_err("it is refused").to_string() + "\n";
    let wat = |text: &str| wat::parse_str(text).expect("WebAssembly");
    let all = [
        said(|| drop(start().send(request()).upstream_request())),
        said(|| {
            let mut reset = request();
            reset.headers_mut().insert("x-reset", http::HeaderValue::from_static("1"));
            drop(start().send(reset).response());
        }),
        said(|| drop(start().requests_to("authz"))),
        said(|| drop(TestPlugin::native(&PLUGINS, "snipet"))),
        said(|| drop(send_to(never_continues().plugin()))),
        said(|| drop(send_to(continues_itself().plugin()))),
        said(|| drop(send_to(calls_for_ever().plugin()))),
        said(|| {
            interleavings(1, |_| Err("two were let in".into()));
        }),
        refused(&wat(r#"(module (import "env" "proxy_nothing" (func)) (memory (export "memory") 1))"#)),
        refused(b"\x7fELF"),
        refused(b""),
        MockProxy::new(TestPlugin::native(&add_header::PLUGINS, "add_header").config("{")).expect_err("refused").to_string()
            + "\n",
        trap.trap().expect("it trapped").to_string() + "\n",
        build(no_cdylib.path()) + "\n",
    ];
    every_quote_is_said(PART, &all.concat());
}

/// Natively the module is known by its static.
const _: &Module = &PLUGINS;
