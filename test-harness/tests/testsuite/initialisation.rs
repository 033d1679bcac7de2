//! How a module begins: what is called, in which order, and what each answer means.

use super::guest::{callback, data, module};
use super::{get, messages};
use proxy_filter_test::{LoadError, MockProxy, Outcome, Plugin, Reason, Refused, TrapKind};

/// A function of this name that tells that it was called.
fn telling(name: &str, number: u32) -> String {
    let signature = if name == "main" { "(param i32 i32) (result i32)" } else { "" };
    let answer = if name == "main" { "(i32.const 0)" } else { "" };
    let result = if name == "__main_void" { ("(result i32)", "(i32.const 0)") } else { (signature, answer) };
    format!("(func (export \"{name}\") {} (call $report (i32.const {number})) {})", result.0, result.1)
}

fn start(definitions: &[String]) -> Result<MockProxy, Refused> {
    MockProxy::new(Plugin::from_bytes(module(&definitions.join("\n"))))
}

#[test]
fn lif_5_lif_6_what_a_module_exports_to_begin_with_is_called_in_order() {
    for (exports, called) in [
        (&["_initialize", "main", "_start", "__main_void"][..], &["_initialize", "main"][..]),
        (&["_initialize", "__main_void", "_start"], &["_initialize", "__main_void"]),
        (&["_initialize"], &["_initialize"]),
        (&["_start", "main", "__main_void"], &["_start"]),
        (&["main"], &[]),
        (&[], &[]),
    ] {
        let number = |name: &&str| u32::try_from(exports.iter().position(|other| other == name).unwrap()).unwrap();
        let proxy = start(&exports.iter().map(|name| telling(name, number(name))).collect::<Vec<_>>()).expect("it starts");
        let expected: Vec<String> = called.iter().map(|name| number(name).to_string()).collect();
        assert_eq!(messages(&proxy.log()), expected, "{exports:?}");
    }
}

#[test]
fn lif_7_no_hostcall_but_proxy_log_may_be_made_while_the_module_initialises() {
    for hostcall in [
        "proxy_get_current_time_nanoseconds (i32.const 0)",
        "proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 4)",
        "proxy_set_tick_period_milliseconds (i32.const 9)",
        "proxy_get_log_level (i32.const 0)",
    ] {
        let name = hostcall.split(' ').next().unwrap();
        for (function, why) in [
            ("(func (export \"_initialize\") {})", WHILE_INITIALISING),
            ("(func (export \"_start\") {})", WHILE_INITIALISING),
            ("(func $begin {}) (start $begin)", IN_THE_START_SECTION),
        ] {
            let function = function.replace("{}", &format!("(drop (call ${hostcall}))"));
            let refused = start(&[function]).expect_err("it is refused");
            let Reason::Load(LoadError::Trap(trap)) = refused.reason() else { panic!("{refused}") };
            assert_eq!(trap.kind, TrapKind::RestrictedHostcall);
            assert_eq!(trap.message, format!("restricted_callback: {name} was called {why}"));
        }
    }
}

const WHILE_INITIALISING: &str =
    "while the module initialises, where of the hostcalls only proxy_log may be (LIF-7): do it in proxy_on_vm_start";
const IN_THE_START_SECTION: &str =
    "by the module's start section, where most hostcalls crash Envoy (LIF-26): export _initialize instead";

#[test]
fn lif_26_even_the_log_may_not_be_called_by_the_start_section() {
    for hostcall in ["$proxy_log (i32.const 2) (i32.const 0) (i32.const 0)", "$random_get (i32.const 0) (i32.const 0)"] {
        let refused = start(&[format!("(func $begin (drop (call {hostcall}))) (start $begin)")]).expect_err("it is refused");
        assert!(refused.to_string().contains("most hostcalls crash Envoy (LIF-26)"), "{refused}");
    }
}

#[test]
fn lif_7_some_wasi_functions_may_not_be_called_while_the_module_initialises() {
    for (function, parameters) in
        [("fd_read", 4), ("fd_close", 1), ("sched_yield", 0), ("path_open", 9), ("fd_seek", 4), ("proc_exit", 1)]
    {
        let (types, values): (Vec<&str>, Vec<&str>) = (0..parameters)
            .map(|index| match (function, index) {
                ("fd_seek", 1) | ("path_open", 5 | 6) => ("i64", "(i64.const 0)"),
                _ => ("i32", "(i32.const 0)"),
            })
            .unzip();
        let (types, values) = (types.join(" "), values.join(" "));
        let call = format!("(call $f {values})");
        let (result, call) = if function == "proc_exit" { ("", call) } else { ("(result i32)", format!("(drop {call})")) };
        let text = format!(
            "(module (import \"wasi_unstable\" \"{function}\" (func $f (param {types}) {result}))
             (func (export \"proxy_abi_version_0_2_1\")) (func (export \"malloc\") (param i32) (result i32) (i32.const 0))
             (func (export \"_initialize\") {call}))"
        );
        let refused = MockProxy::new(Plugin::from_bytes(text)).expect_err("it is refused");
        assert!(refused.to_string().contains(&format!("restricted_callback: {function} was called while")), "{refused}");
    }
}

#[test]
fn a_module_that_traps_or_loops_while_it_initialises_is_refused() {
    for (instructions, kind) in [("unreachable", TrapKind::Unreachable), ("(loop $on (br $on))", TrapKind::OutOfFuel)] {
        let text = module(&format!("(func $_initialize (export \"_initialize\") {instructions})"));
        let refused = MockProxy::new(Plugin::from_bytes(text).fuel_limit(100_000)).expect_err("it is refused");
        let Reason::Load(LoadError::Trap(trap)) = refused.reason() else { panic!("{refused}") };
        assert_eq!((trap.kind, trap.callback.as_str()), (kind, "_initialize"));
        assert!(trap.backtrace.iter().any(|frame| frame.ends_with("_initialize")), "{trap}");
    }
}

#[test]
fn lif_9_a_plugin_is_created_started_and_configured_with_the_sizes_of_its_configurations() {
    let tell = |name: &str| {
        let root = "(call $report (local.get 0)) (call $report (local.get 1))";
        callback(name, root, 1)
    };
    let text = module(&["proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure"].map(tell).join("\n"));
    let proxy = MockProxy::new(Plugin::from_bytes(text).vm_config("vm").config("plugin")).unwrap();
    assert_eq!(messages(&proxy.log()), ["1", "0", "1", "2", "1", "6"]);
}

#[test]
fn lif_13_any_answer_but_0_is_yes() {
    for name in ["proxy_on_vm_start", "proxy_on_configure"] {
        for answer in [1, 2, u32::MAX] {
            assert!(start(&[callback(name, "", answer)]).is_ok(), "{name} = {answer}");
        }
        let words = "(drop (call $proxy_log (i32.const 4) (i32.const 64) (i32.const 11)))";
        let refused = start(&[data(64, b"not like so"), callback(name, words, 0)]).expect_err("it is refused");
        let expected = if name == "proxy_on_vm_start" {
            "the plugin \"plugin\" was refused: proxy_on_vm_start answered false\n  [error] plugin: not like so"
        } else {
            "the plugin \"plugin\" was refused: it does not accept its configuration (proxy_on_configure answered false)\n  \
             [error] plugin: not like so"
        };
        assert_eq!(refused.to_string(), expected);
        assert_eq!(messages(refused.log()), ["not like so"]);
    }
}

#[test]
fn lif_17_a_module_without_callbacks_lets_everything_pass() {
    let proxy = start(&[]).expect("it starts");
    proxy.set_upstream(|request| http::Response::new(request.into_body()));
    let exchange = proxy.send(http::Request::post("http://shop.example/").body("echo").unwrap());
    assert_eq!(exchange.outcome(), Outcome::Complete);
    assert_eq!(exchange.response().body(), "echo");
    assert_eq!(exchange.fuel_used(), 0);
    proxy.shut_down();
}

#[test]
fn lif_17_without_context_create_the_other_callbacks_still_come() {
    let names = ["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_log", "proxy_on_done", "proxy_on_delete"];
    let proxy = start(&names.map(|name| callback(name, "(call $report (local.get 0))", 0))).expect("it starts");
    assert_eq!(messages(&get(&proxy).log()), ["2"; 5]);
}

#[test]
fn act_headers_answers_that_the_specification_does_not_know_are_taken_as_envoy_takes_them() {
    for (answer, outcome) in
        [(0, Outcome::Complete), (2, Outcome::Complete), (1, Outcome::Paused), (5, Outcome::Paused), (u32::MAX, Outcome::Paused)]
    {
        let proxy = start(&[callback("proxy_on_request_headers", "", answer)]).expect("it starts");
        assert_eq!(get(&proxy).outcome(), outcome, "{answer}");
    }
}
