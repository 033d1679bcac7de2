//! What a plugin may use when its VM's capabilities are restricted, and the environment that it sees.

use super::guest::{callback, data, module};
use super::{get, messages};
use proxy_filter_test::{LogLevel, MockProxy, Outcome, Plugin};

/// Tells what three hostcalls and a WASI function answer, and what they leave in memory.
fn telling() -> String {
    let calls = "
        (i32.store (i32.const 256) (i32.const 7))
        (call $report (call $proxy_get_current_time_nanoseconds (i32.const 256)))
        (call $report (i32.load (i32.const 256)))
        (call $report (call $proxy_get_current_time_nanoseconds (i32.const -1)))
        (call $report (call $random_get (i32.const 512) (i32.const 4)))
        (call $proc_exit (i32.const 1))";
    module(&callback("proxy_on_request_headers", calls, 0))
}

fn proxy(capabilities: &[&str]) -> MockProxy {
    let plugin = Plugin::from_bytes(telling()).allowed_capabilities(capabilities);
    MockProxy::builder().plugin(plugin).time(std::time::Duration::ZERO).start().unwrap()
}

#[test]
fn cap_1_an_empty_list_restricts_nothing() {
    assert_eq!(messages(&get(&proxy(&[])).log()), ["0", "0", "6", "0"]);
}

#[test]
fn cap_2_cap_4_what_is_not_listed_fails_and_leaves_its_outputs() {
    let proxy = proxy(&["proxy_log", "proxy_on_request_headers"]);
    let log = get(&proxy).log();
    let time = "Attempted call to restricted proxy-wasm capability: proxy_get_current_time_nanoseconds";
    let random = "Attempted call to restricted WASI capability: random_get";
    let exit = "Attempted call to restricted WASI capability: proc_exit";
    assert_eq!(messages(&log), [time, "10", "7", time, "10", random, "76", exit]);
    assert!(log.iter().all(|line| (line.level == LogLevel::Error) == line.message.starts_with("Attempted")), "{log:?}");
    assert!(proxy.trace().contains("proxy_get_current_time_nanoseconds(…) -> INTERNAL_FAILURE: not an allowed capability"));
}

#[test]
fn cap_2_cap_4_what_is_listed_works() {
    let all = ["proxy_log", "proxy_on_request_headers", "proxy_get_current_time_nanoseconds", "random_get", "proc_exit"];
    assert_eq!(messages(&get(&proxy(&all)).log()), ["0", "0", "6", "0"]);
}

#[test]
fn cap_3_a_callback_that_is_not_listed_is_not_called() {
    let stops = callback("proxy_on_request_headers", "unreachable", 1);
    let refuses = callback("proxy_on_configure", "(call $report (i32.const 1))", 0);
    let text = module(&(stops + &refuses));
    let proxy = MockProxy::new(Plugin::from_bytes(text).allowed_capabilities(["proxy_log"])).unwrap();
    assert_eq!(get(&proxy).outcome(), Outcome::Complete);
    assert!(proxy.log().is_empty());
}

#[test]
fn cap_5_start_functions_and_the_allocator_are_never_restricted() {
    let begins = "(func (export \"_initialize\") (call $report (i32.const 1)))";
    let reads =
        "(call $report (call $proxy_get_buffer_bytes (i32.const 6) (i32.const 0) (i32.const 9) (i32.const 256) (i32.const 260)))
        (call $report (i32.load (i32.const 260)))";
    let text = module(&(begins.to_owned() + &callback("proxy_on_vm_start", reads, 1)));
    let plugin = Plugin::from_bytes(text).vm_config("vm").allowed_capabilities([
        "proxy_log",
        "proxy_on_vm_start",
        "proxy_get_buffer_bytes",
    ]);
    assert_eq!(messages(&MockProxy::new(plugin).unwrap().log()), ["1", "0", "2"]);
}

#[test]
fn cap_6_a_name_that_is_no_capability_is_an_error_that_says_what_may_be_meant() {
    for (name, message) in [
        ("log", r#""log" is no capability: did you mean "proxy_log"?"#),
        ("request_headers", r#""request_headers" is no capability: did you mean "proxy_on_request_headers"?"#),
        ("env.proxy_log", r#""env.proxy_log" is no capability: did you mean "proxy_log"?"#),
        ("wasi_snapshot_preview1.fd_write", r#""wasi_snapshot_preview1.fd_write" is no capability: did you mean "fd_write"?"#),
        ("FD_WRITE", r#""FD_WRITE" is no capability: did you mean "fd_write"?"#),
        (
            "proxy_frobnicate",
            "\"proxy_frobnicate\" is no capability: it is the name of a hostcall (proxy_log), a callback (proxy_on_tick) or a WASI \
             function (fd_write)",
        ),
    ] {
        let add = || Plugin::from_bytes(telling()).allowed_capabilities(["proxy_log", name]);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(add)).expect_err("it panics");
        assert_eq!(panic.downcast_ref::<String>().unwrap(), message);
    }
}

#[test]
fn capabilities_and_environment_tell_vms_apart() {
    let memory = |plugins: [Plugin; 2]| {
        let [first, second] = plugins;
        let proxy = MockProxy::builder().plugin(first).plugin(second).start().unwrap();
        proxy.trace().matches("proxy_on_context_create(context_id=1").count()
    };
    let plugin = |name: &str| Plugin::from_bytes(telling()).name(name);
    assert_eq!(memory([plugin("a"), plugin("b")]), 1);
    assert_eq!(memory([plugin("a"), plugin("b").environment("K", "V")]), 2);
    assert_eq!(memory([plugin("a"), plugin("b").allowed_capabilities(["proxy_log"])]), 2);
}

#[test]
fn env_1_the_environment_is_a_list_of_strings() {
    let log = data(64, b"")
        + &callback(
            "proxy_on_vm_start",
            "(call $report (call $environ_sizes_get (i32.const 256) (i32.const 260)))
             (call $report (i32.load (i32.const 256)))
             (call $report (i32.load (i32.const 260)))
             (call $report (call $environ_get (i32.const 264) (i32.const 512)))
             (call $report (i32.load (i32.const 264)))
             (call $report (i32.load (i32.const 268)))
             (drop (call $proxy_log (i32.const 2) (i32.const 512) (i32.load (i32.const 260))))
             (call $report (call $environ_get (i32.const 65534) (i32.const 512)))
             (call $report (call $environ_get (i32.const 264) (i32.const 65534)))
             (call $report (call $args_sizes_get (i32.const 256) (i32.const 260)))
             (call $report (i32.load (i32.const 256)))
             (call $report (call $args_get (i32.const 256) (i32.const 260)))",
            1,
        );
    let plugin = Plugin::from_bytes(module(&log)).environment("MODE", "dry").environment("EMPTY", "").environment("MODE", "run");
    let proxy = MockProxy::new(plugin).unwrap();
    let log = proxy.log();
    assert_eq!(messages(&log), ["0", "2", "16", "0", "512", "519", "EMPTY=\0MODE=run\0", "21", "21", "0", "0", "0"]);
}

#[test]
#[should_panic(expected = "\"A=B\" = \"C\" cannot be in an environment: no `=` in a key, no NUL")]
fn a_key_that_cannot_be_in_an_environment_is_an_error() {
    let _ = Plugin::from_bytes(telling()).environment("A=B", "C");
}

mod in_the_null_vm {
    use super::get;
    use misbehaving::PLUGINS;
    use proxy_filter_test::{MockProxy, Outcome, VmKind};

    #[test]
    fn cap_2_cap_3_capabilities_hold_in_both_vms() {
        for vm in [VmKind::Native, VmKind::Wasm] {
            let root_id = PLUGINS.root_ids()[0];
            let plugin = vm.plugin(&PLUGINS, root_id).config("panic").allowed_capabilities(["proxy_on_context_create"]);
            let proxy = MockProxy::new(plugin).unwrap();
            assert_eq!(get(&proxy).outcome(), Outcome::Complete, "{vm:?}: request_headers is not called");
            assert!(!proxy.trace().contains("trapped"));
        }
    }
}
