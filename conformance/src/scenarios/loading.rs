//! What loads, what is refused, how a module begins, and guests of older ABIs.

use super::guest::{LOG, MALLOC, MARKER, MEMORY, in_request_headers, module};
use crate::scenario::{Guest, Scenario, get, respond, scenario};

/// A guest of ABI 0.1.0, written by hand.
pub(super) const V0_1_0: &str = include_str!("../../../test-harness/guests/other/abi-0.1.0.wat");
const V0_2_0: &str = include_str!("../../../test-harness/guests/other/abi-0.2.0.wat");

pub(super) fn all() -> Vec<Scenario> {
    [driven(), of_other_languages(), versions(), parts(), beginnings(), answers()].concat()
}

/// Guests in other languages, from their sources beside them.
fn of_other_languages() -> Vec<Scenario> {
    const C: &[u8] = include_bytes!("../../../test-harness/guests/other/c.wasm");
    const ASSEMBLYSCRIPT: &[u8] = include_bytes!("../../../test-harness/guests/other/assemblyscript.wasm");
    vec![
        scenario("guest-in-c", &["LIF-5", "MEM-1", "ENV-1", "WAS-1"])
            .guest(Guest::Wasm(C.into()), "guest-in-c")
            .config("blue")
            .environment(&[("MODE", "dry")])
            .response(respond(200).body(&["shout", " it out"])),
        scenario("guest-in-c-restricted", &["CAP-4", "FAI-13"])
            .guest(Guest::Wasm(C.into()), "guest-in-c-restricted")
            .config("blue")
            .capabilities(&["proxy_on_request_headers", "fd_write"]),
        scenario("guest-in-assemblyscript", &["LIF-5", "MEM-1", "LOC-2"])
            .guest(Guest::Wasm(ASSEMBLYSCRIPT.into()), "guest-in-assemblyscript")
            .vm_config("vm")
            .request(get("/a"))
            .request(get("/count"))
            .request(get("/trap")),
    ]
}

fn driven() -> Vec<Scenario> {
    let held = || get("/").header("x-hold", "1");
    vec![
        scenario("abi-0-1-0", &["LIF-1", "HDR-7", "HDR-1", "BUF-6", "BUF-7", "ABI-1", "ABI-2", "ABI-3", "ABI-6", "ABI-7"])
            .text(V0_1_0)
            .vm_config("of the VM")
            .config("of the plugin"),
        scenario("abi-0-1-0-continue", &["CON-1", "CON-9", "ABI-4"]).text(V0_1_0).request(held()).request(get("/")),
        scenario("abi-0-2-0", &["LIF-1", "LIF-6", "HDR-7", "MEM-1", "ABI-1", "ABI-2", "ABI-6"])
            .text(V0_2_0)
            .vm_config("of the VM"),
        scenario("abi-0-2-0-continue", &["CON-1", "ABI-4"]).text(V0_2_0).request(held()),
        scenario("begin-initialize-main", &["LIF-5"]).text(&begins(&["_initialize", "main", "_start", "__main_void"])),
        scenario("begin-initialize-main-void", &["LIF-5"]).text(&begins(&["_initialize", "_start", "__main_void"])),
        scenario("begin-start", &["LIF-6"]).text(&begins(&["main", "_start", "__main_void"])),
        scenario("begin-nothing", &["LIF-6"]).text(&begins(&["main", "__main_void"])),
    ]
}

/// Each of these functions adds its digit to a number, which the request headers report.
fn begins(functions: &[&str]) -> String {
    let digit = |index: usize| {
        format!("(global.set $order (i32.add (i32.mul (global.get $order) (i32.const 10)) (i32.const {})))", index + 1)
    };
    let function = |(index, name): (usize, &&str)| {
        let (types, answer) = match *name {
            "main" => ("(param i32 i32) (result i32)", "(i32.const 0)"),
            "__main_void" => ("(result i32)", "(i32.const 0)"),
            _ => ("", ""),
        };
        format!(r#"(func (export "{name}") {types} {} {answer})"#, digit(index))
    };
    let functions: String = functions.iter().enumerate().map(function).collect();
    let report = in_request_headers("(call $report (global.get $order))");
    module("", &format!("(global $order (mut i32) (i32.const 0)) {functions} {report}"))
}

fn loads(name: &'static str, rows: &'static [&'static str], text: &str) -> Scenario {
    scenario(name, rows).text(text).only_loads()
}

/// A module of this marker that imports this.
fn importing(version: &str, name: &str, parameters: &str) -> String {
    let import = format!(r#"(import "env" "{name}" (func (param {parameters}) (result i32)))"#);
    format!(r#"(module {import} {MEMORY} {MALLOC} (func (export "proxy_abi_version_{version}")))"#)
}

fn exporting(version: &str, function: &str) -> String {
    format!(r#"(module {MEMORY} {MALLOC} (func (export "proxy_abi_version_{version}")) {function})"#)
}

fn versions() -> Vec<Scenario> {
    let two_arguments = r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))"#;
    let three_arguments = in_request_headers("");
    let two_markers = format!(
        r#"(module (import "env" "proxy_get_log_level" (func (param i32) (result i32))) {MEMORY} {MALLOC}
            (func (export "proxy_abi_version_0_1_0")) {MARKER})"#
    );
    vec![
        loads("load-no-marker", &["LIF-2"], &format!("(module {MEMORY} {MALLOC})")),
        loads("load-unknown-marker", &["LIF-1"], &exporting("0_3_0", "")),
        loads(
            "load-marker-that-is-no-function",
            &["LIF-1"],
            &format!(r#"(module {MEMORY} {MALLOC} (global (export "proxy_abi_version_0_2_1") i32 (i32.const 0)))"#),
        ),
        loads("load-two-markers", &["LIF-1", "LIF-2"], &two_markers),
        loads("load-log-level-0-1-0", &["LIF-2", "ABI-8"], &importing("0_1_0", "proxy_get_log_level", "i32")),
        loads("load-log-level-0-2-0", &["LIF-2", "ABI-8"], &importing("0_2_0", "proxy_get_log_level", "i32")),
        loads("load-log-level-0-2-1", &["LIF-2", "ABI-8"], &importing("0_2_1", "proxy_get_log_level", "i32")),
        loads("load-close-stream-0-1-0", &["LIF-2", "ABI-5"], &importing("0_1_0", "proxy_close_stream", "i32")),
        loads("load-continue-request-0-2-1", &["LIF-2", "ABI-4"], &importing("0_2_1", "proxy_continue_request", "")),
        loads(
            "load-foreign-function-0-1-0",
            &["LIF-2", "ABI-9"],
            &importing("0_1_0", "proxy_call_foreign_function", "i32 i32 i32 i32 i32 i32"),
        ),
        loads("load-two-arguments-0-1-0", &["LIF-2", "ABI-1"], &exporting("0_1_0", two_arguments)),
        loads("load-two-arguments-0-2-1", &["LIF-2", "ABI-1"], &exporting("0_2_1", two_arguments)),
        loads("load-three-arguments-0-1-0", &["LIF-2"], &exporting("0_1_0", &three_arguments)),
        loads(
            "load-foreign-callback-0-1-0",
            &["LIF-2", "ABI-9"],
            &exporting("0_1_0", r#"(func (export "proxy_on_foreign_function"))"#),
        ),
        loads(
            "load-foreign-callback-0-2-1",
            &["LIF-2", "ABI-9"],
            &exporting("0_2_1", r#"(func (export "proxy_on_foreign_function"))"#),
        ),
    ]
}

fn parts() -> Vec<Scenario> {
    let plain = |parts: &str| format!("(module {parts} {MARKER})");
    let with = |parts: &str| plain(&format!("{parts} {MEMORY} {MALLOC}"));
    let pages = |parts: &str| plain(&format!("{parts} {MALLOC}"));
    vec![
        loads("load-no-allocator", &["LIF-2"], &plain(MEMORY)),
        loads(
            "load-proxy-on-memory-allocate",
            &["MEM-1"],
            &plain(&format!(r#"{MEMORY} (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0))"#)),
        ),
        loads(
            "load-allocator-of-another-type",
            &["LIF-2"],
            &plain(&format!(r#"{MEMORY} (func (export "malloc") (param i64) (result i32) (i32.const 0))"#)),
        ),
        loads("load-second-allocator-of-another-type", &["MEM-1"], &with(r#"(func (export "proxy_on_memory_allocate"))"#)),
        loads("load-no-memory", &["LIF-28"], &pages("")),
        loads("load-memory-of-another-name", &["LIF-28"], &pages(r#"(memory (export "heap") 1)"#)),
        loads("load-imported-memory", &["LIF-28"], &pages(r#"(import "js" "mem" (memory 1))"#)),
        loads(
            "load-imported-table",
            &["LIF-28"],
            &plain(&format!(r#"(import "env" "table" (table 1 funcref)) {MEMORY} {MALLOC}"#)),
        ),
        loads(
            "load-imported-global",
            &["LIF-28"],
            &plain(&format!(r#"(import "env" "__stack_pointer" (global (mut i32))) {MEMORY} {MALLOC}"#)),
        ),
        loads("load-unknown-import", &["LIF-2"], &importing("0_2_1", "abort", "i32 i32 i32 i32")),
        loads("load-import-of-another-type", &["LIF-2"], &importing("0_2_1", "proxy_log", "i32 i32 i64")),
        loads(
            "load-callback-of-another-type",
            &["LIF-2"],
            &exporting("0_2_1", r#"(func (export "proxy_on_log") (param i32) (result i32) (i32.const 0))"#),
        ),
        loads(
            "load-callback-that-is-no-function",
            &["LIF-2"],
            &exporting("0_2_1", r#"(global (export "proxy_on_log") i32 (i32.const 0))"#),
        ),
        loads(
            "load-envoys-own-functions",
            &["LIF-27"],
            &plain(&format!(
                r#"(import "env" "emscripten_notify_memory_growth" (func (param i32)))
                   (import "env" "envoy_resolve_dns" (func (param i32 i32 i32) (result i32))) {MEMORY} {MALLOC}"#
            )),
        ),
        loads("load-path-link", &["WAS-17"], &wasi_import("path_link", 7)),
        loads("load-path-symlink", &["WAS-17"], &wasi_import("path_symlink", 5)),
        loads("load-proc-raise", &["WAS-19"], &wasi_import("proc_raise", 1)),
    ]
}

fn wasi_import(name: &str, parameters: usize) -> String {
    let types = "i32 ".repeat(parameters);
    format!(
        r#"(module (import "wasi_snapshot_preview1" "{name}" (func (param {types}) (result i32))) {MEMORY} {MALLOC} {MARKER})"#
    )
}

fn beginnings() -> Vec<Scenario> {
    let time = r#"(import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))"#;
    let yields = r#"(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))"#;
    let random = r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
    let begin = |imports: &str, export: &str, call: &str| module(imports, &format!(r#"(func (export "{export}") {call})"#));
    vec![
        loads("load-log-while-initialising", &["LIF-7"], &begin("", "_initialize", "(call $report (i32.const 1))")),
        loads("load-time-while-initialising", &["LIF-7"], &begin(time, "_initialize", "(drop (call $time (i32.const 0)))")),
        loads("load-time-in-start", &["LIF-7"], &begin(time, "_start", "(drop (call $time (i32.const 0)))")),
        loads("load-yield-while-initialising", &["LIF-7"], &begin(yields, "_initialize", "(drop (call $yield))")),
        loads(
            "load-random-while-initialising",
            &["LIF-7"],
            &begin(random, "_initialize", "(drop (call $random (i32.const 0) (i32.const 4)))"),
        ),
        loads("load-trap-while-initialising", &["LIF-5"], &begin("", "_initialize", "unreachable")),
        loads("load-initialize-of-another-type", &["LIF-5"], &exporting("0_2_1", r#"(func (export "_initialize") (param i32))"#)),
        loads("load-main-alone-of-another-type", &["LIF-6"], &exporting("0_2_1", r#"(func (export "main"))"#)),
        loads("load-log-in-start-section", &["LIF-26"], &module("", "(func $begin (call $report (i32.const 1))) (start $begin)"))
            .crashes(),
    ]
}

fn answers() -> Vec<Scenario> {
    let answer = |name: &str, instructions: &str| {
        let configuration = r#"(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))"#;
        module(configuration, &format!(r#"(func (export "{name}") (param i32 i32) (result i32) {instructions})"#))
    };
    let reads = "(drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 256) (i32.const 260))) (i32.const 1)";
    let traps = MALLOC.replace("(i32.const 4096)", "unreachable");
    vec![
        loads("load-vm-start-no", &["LIF-13"], &answer("proxy_on_vm_start", "(i32.const 0)")),
        loads("load-vm-start-two", &["LIF-13"], &answer("proxy_on_vm_start", "(i32.const 2)")),
        loads("load-configure-no", &["LIF-13"], &answer("proxy_on_configure", "(i32.const 0)")),
        loads("load-configure-trap", &["LIF-13"], &answer("proxy_on_configure", "unreachable")),
        loads("load-allocator-trap-in-configure", &["MEM-3"], &answer("proxy_on_configure", reads).replace(MALLOC, &traps))
            .config("c"),
        scenario("allocator-trap-in-configure", &["MEM-3"])
            .text(&answer("proxy_on_configure", reads).replace(MALLOC, &traps))
            .config("c"),
        loads(
            "load-create-trap",
            &["LIF-16"],
            &format!(
                r#"(module {LOG} {MEMORY} {MALLOC} {MARKER} (func (export "proxy_on_context_create") (param i32 i32) unreachable))"#
            ),
        ),
    ]
}
