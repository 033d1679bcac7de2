//! Every chapter of the book that has Rust in it: `cargo test --package proxy-filter-book` compiles and runs its snippets, and checks
//! its configurations, its links and the messages that it quotes.
//!
//! A snippet is a whole filter with its test, or says by a hidden line (`# `, which mdBook leaves out) what stands around it:
//! [`plugin!`] for a filter that needs no configuration. One that shows tests has the fence `rust,test_harness`, and they run.

macro_rules! chapters {
    ($($chapter:ident $file:literal)+) => { $(
        #[cfg(doctest)]
        #[doc = include_str!($file)]
        mod $chapter {}
    )+ };
}

chapters! {
    cookbook_robustness "cookbook/robustness.md"
    cookbook_messages "cookbook/messages.md"
    cookbook_bodies "cookbook/bodies.md"
    cookbook_calls "cookbook/calls.md"
    cookbook_state "cookbook/state.md"
    porting "porting.md"
    quick_start "quick-start.md"
    readme "../README.md"
    testing "testing.md"
}

/// The root around a stream's context that needs no configuration, with the root id `snippet`.
///
/// ```
/// use proxy_filter::prelude::*;
/// # proxy_filter_book::plugin!(Stream);
/// #[derive(Default)]
/// struct Stream;
/// impl HttpContext for Stream {}
/// # use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "snippet"))?;
/// assert_eq!(proxy.send(http::Request::get("http://shop.example/").body("")?).response().status(), 200);
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! plugin {
    ($stream:ty) => {
        struct Root;
        impl ::proxy_filter::RootContext for Root {
            type Config = ();
            fn new((): (), _plugin: &::proxy_filter::Plugin<'_>) -> ::core::result::Result<Self, ::proxy_filter::ConfigError> {
                Ok(Self)
            }
        }
        impl ::proxy_filter::HttpPlugin for Root {
            type Http = $stream;
            fn create_http_context(self: &::std::rc::Rc<Self>, _stream: &::proxy_filter::HttpStream) -> $stream {
                <$stream>::default()
            }
        }
        ::proxy_filter::register! { "snippet" => http Root }
    };
}

/// A snippet that is the body of a `both_vms!` test: run natively, then as the real `.wasm`.
#[macro_export]
macro_rules! in_both_vms {
    (|$vm:ident| $body:block) => {
        fn main() -> ::proxy_filter_test::TestResult {
            for $vm in [::proxy_filter_test::VmKind::Native, ::proxy_filter_test::VmKind::Wasm] {
                let test = || -> ::proxy_filter_test::TestResult { $body };
                test()?;
            }
            Ok(())
        }
    };
}

/// What the testing guide shows once, for its later snippets; `tests/book/testing.rs` compares both.
#[allow(missing_docs, reason = "it is shown as an author would write it, in a test")]
pub mod testing_guide {
    use http::{Request, Response};
    use proxy_filter_test::{MockProxy, Refused, VmKind};
    use serde_json::json;

    pub fn open(vm: VmKind) -> Result<MockProxy, Refused> {
        let proxy = MockProxy::new(vm.plugin(&desk::PLUGINS, "desk").config(json!({ "visits": 2 })))?;
        proxy.cluster("tickets", |request| match request.headers()["x-ticket"].as_bytes() {
            b"ann's" => Response::new("ann"),
            _ => Response::builder().status(404).body("").expect("a response"),
        });
        Ok(proxy)
    }

    pub fn visit(ticket: &str) -> Request<&'static str> {
        Request::get("http://shop.example/").header("x-ticket", ticket).body("").expect("a request")
    }
}
