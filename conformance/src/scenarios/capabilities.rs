//! VMs that may not use everything.

use super::guest::{in_request_headers, module};
use crate::scenario::{Scenario, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("capabilities-hostcalls", &["CAP-2", "CAP-7"]).text(&probing()).capabilities(&[
            "proxy_log",
            "proxy_on_request_headers",
            "fd_tell",
        ]),
        scenario("capabilities-all-listed", &["CAP-2", "CAP-4"]).text(&probing()).capabilities(&[
            "proxy_log",
            "proxy_on_request_headers",
            "proxy_get_current_time_nanoseconds",
            "proxy_get_header_map_value",
            "fd_tell",
            "proc_exit",
        ]),
        scenario("capabilities-wasi", &["CAP-4"]).text(&probing()).capabilities(&[
            "proxy_log",
            "proxy_on_request_headers",
            "proxy_get_current_time_nanoseconds",
            "proxy_get_header_map_value",
        ]),
        scenario("capabilities-callbacks", &["CAP-3"])
            .text(&module("", &format!("{} {}", in_request_headers("unreachable"), in_log(7))))
            .capabilities(&["proxy_log", "proxy_on_log"]),
        scenario("capabilities-no-log", &["CAP-2"])
            .text(&module("", &in_request_headers("(call $report (i32.const 1))")))
            .capabilities(&["proxy_on_request_headers"]),
        scenario("capabilities-start-and-allocator", &["CAP-5"]).text(&beginning()).vm_config("vm").capabilities(&[
            "proxy_log",
            "proxy_on_vm_start",
            "proxy_get_buffer_bytes",
        ]),
        scenario("capabilities-of-abi-0-1-0", &["CAP-2"]).text(super::loading::V0_1_0).vm_config("vm").capabilities(&[
            "proxy_log",
            "proxy_on_vm_start",
            "proxy_on_request_headers",
            "proxy_get_header_map_value",
        ]),
        scenario("capabilities-none-listed", &["CAP-1"]).text(&probing()),
    ]
}

fn in_log(number: u32) -> String {
    format!(r#"(func (export "proxy_on_log") (param i32) (call $report (i32.const {number})))"#)
}

/// Reports what two hostcalls and a WASI function answer and whether they touched their outputs; the third has a pointer outside memory.
fn probing() -> String {
    let imports = r#"
        (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
        (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_tell" (func $tell (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;
    let calls = "
        (i64.store (i32.const 256) (i64.const -1))
        (call $report (call $time (i32.const 256)))
        (call $report (i64.eq (i64.load (i32.const 256)) (i64.const -1)))
        (call $report (call $time (i32.const 65530)))
        (i32.store (i32.const 268) (i32.const 99))
        (call $report (call $get (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 264) (i32.const 268)))
        (call $report (i32.load (i32.const 268)))
        (i32.store (i32.const 272) (i32.const 99))
        (call $report (call $tell (i32.const 1) (i32.const 272)))
        (call $report (i32.load (i32.const 272)))
        (call $exit (i32.const 1))";
    module(imports, &format!(r#"(data (i32.const 64) ":path") {}"#, in_request_headers(calls)))
}

/// Counts in `_initialize`; reports the count, and what a buffer's bytes were put into.
fn beginning() -> String {
    let text = module(
        r#"(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))"#,
        r#"(global $begun (mut i32) (i32.const 0))
           (func (export "_initialize") (global.set $begun (i32.const 1)))
           (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
               (call $report (global.get $begun))
               (call $report (call $buffer (i32.const 6) (i32.const 0) (i32.const 9) (i32.const 256) (i32.const 260)))
               (call $report (i32.load (i32.const 256)))
               (call $report (i32.load (i32.const 260)))
               (i32.const 1))"#,
    );
    text.replace(r#"(export "malloc")"#, r#"(export "proxy_on_memory_allocate")"#)
}
