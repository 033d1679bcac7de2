//! Which plugins share a VM, and which a root in it.

use super::get;
use proxy_filter_test::{MockProxy, Outcome, Plugin};

mod plugin {
    use proxy_filter::{ConfigError, HttpContext, HttpPlugin, HttpStream, Plugin, RootContext};
    use std::rc::Rc;

    pub(super) struct Quiet;

    impl RootContext for Quiet {
        type Config = Vec<u8>;
        fn new(_config: Vec<u8>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }

    impl HttpPlugin for Quiet {
        type Http = QuietStream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> QuietStream {
            QuietStream
        }
    }

    pub(super) struct QuietStream;

    impl HttpContext for QuietStream {}

    proxy_filter::register! { "quiet" => http Quiet }
}

mod other {
    use super::plugin::Quiet;
    proxy_filter::register! { "quiet" => http Quiet }
}

/// The same plugin in each VM.
fn plugins() -> Vec<Plugin> {
    vec![
        Plugin::native(&plugin::PLUGINS, "quiet"),
        #[cfg(feature = "wasmtime")]
        Plugin::from_bytes(super::guest::module("")),
    ]
}

/// The callbacks of starting these and of one request, each `plugin: callback`.
fn callbacks(plugins: &[Plugin]) -> Vec<String> {
    let proxy = plugins.iter().cloned().fold(MockProxy::builder(), proxy_filter_test::Builder::plugin).start().unwrap();
    get(&proxy);
    let trace = proxy.trace();
    trace.lines().filter(|line| !line.starts_with(' ')).map(|line| line.replace("proxy_on_", "")).collect()
}

#[test]
fn lif_10_ctx_1_plugins_of_equal_code_and_settings_share_a_vm_and_each_starts_it() {
    for plugin in plugins() {
        let found = callbacks(&[plugin.clone().name("a").config("a"), plugin.name("b").config("bb")]);
        let begins = [
            "a: context_create(context_id=1, parent_id=0)",
            "a: vm_start(context_id=1, configuration_size=0)",
            "a: configure(context_id=1, configuration_size=1)",
            "b: context_create(context_id=2, parent_id=0)",
            "b: vm_start(context_id=2, configuration_size=0)",
            "b: configure(context_id=2, configuration_size=2)",
            "a: context_create(context_id=3, parent_id=1)",
            "a: request_headers(context_id=3, ",
            "b: context_create(context_id=4, parent_id=2)",
            "b: request_headers(context_id=4, ",
            "b: response_headers(context_id=4, ",
            "a: response_headers(context_id=3, ",
        ];
        for (found, expected) in found.iter().zip(begins) {
            assert!(found.starts_with(expected), "{found} {expected}");
        }
        assert_eq!(found.len(), begins.len() + 6, "{found:?}");
    }
}

#[test]
fn lif_11_plugins_that_are_equal_share_a_root_and_others_do_not() {
    for plugin in plugins() {
        let plugin = plugin.name("a").config("a");
        for (other, roots) in [
            (plugin.clone(), 1),
            (plugin.clone().config("b"), 2),
            (plugin.clone().name("b"), 2),
            (plugin.clone().root_id("b"), 2),
        ] {
            let found = callbacks(&[plugin.clone(), other]);
            for name in ["vm_start", "configure"] {
                assert_eq!(found.iter().filter(|line| line.contains(name)).count(), roots, "{found:?}");
            }
            let streams: Vec<_> = found.iter().filter(|line| line.contains(": request_headers")).collect();
            let ids = [roots + 1, roots + 2];
            assert!(streams.iter().zip(ids).all(|(line, id)| line.contains(&format!("context_id={id},"))), "{streams:?}");
        }
    }
}

#[test]
fn ctx_1_plugins_of_other_code_or_settings_have_vms_of_their_own() {
    for plugin in plugins() {
        let plugin = plugin.name("a");
        let others = [
            plugin.clone().vm_id("other"),
            plugin.clone().vm_config("other"),
            Plugin::native(&other::PLUGINS, "quiet"),
            #[cfg(feature = "wasmtime")]
            Plugin::from_bytes(super::guest::module("(global i32 (i32.const 1))")),
        ];
        for other in others {
            let found = callbacks(&[plugin.clone(), other.name("b")]);
            for expected in ["a: context_create(context_id=1, parent_id=0)", "b: context_create(context_id=1, parent_id=0)"] {
                assert!(found.iter().any(|line| line == expected), "{found:?}");
            }
            assert!(found.iter().any(|line| line.starts_with("b: request_headers(context_id=2,")), "{found:?}");
        }
    }
}

#[cfg(feature = "wasmtime")]
/// A stream has its id before its first callback: while one waits in the first filter, another one takes the ids after both.
#[test]
fn ctx_1_a_stream_takes_its_ids_in_all_filters_at_once() {
    let module = super::guest::module(&super::guest::callback("proxy_on_request_headers", "", 1));
    let pausing = |name: &str| Plugin::from_bytes(module.clone()).name(name);
    let proxy = MockProxy::builder().plugin(pausing("a")).plugin(pausing("b")).start().unwrap();
    let waiting = (get(&proxy), get(&proxy));
    assert!(proxy.trace().contains("a: proxy_on_request_headers(context_id=5,"), "{}", proxy.trace());
    assert_eq!([waiting.0.outcome(), waiting.1.outcome()], [Outcome::Paused; 2]);
}
