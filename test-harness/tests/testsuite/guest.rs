//! Guests in WebAssembly text: every hostcall is imported under its own name, so that a test is only what the guest does.

use super::get;
use proxy_filter_abi::{HOSTCALLS, WireKind};
use proxy_filter_test::{MockProxy, Plugin};
use std::fmt::Write;

/// Bytes from here on, up to 64 KiB, are a guest's own to allocate; below are its constants and results.
const HEAP: u32 = 4096;

const MARKER: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;

/// An allocator that never frees.
const ALLOCATOR: &str = r#"(func $allocate (export "malloc") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))"#;

/// Logs a number and so tells a test of it.
const REPORT: &str = r#"(func $report (param $number i32)
    (local $at i32)
    (local.set $at (i32.const 1020))
    (loop $digit
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
        (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
        (br_if $digit (local.get $number)))
    (drop (call $proxy_log (i32.const 2) (local.get $at) (i32.sub (i32.const 1020) (local.get $at)))))"#;

/// A module of these definitions and what every module has: memory, the ABI's marker, an allocator.
pub(super) fn module(definitions: &str) -> String {
    module_with(MARKER, ALLOCATOR, definitions)
}

/// A module whose allocator is this.
pub(super) fn module_with_allocator(allocator: &str, definitions: &str) -> String {
    module_with(MARKER, allocator, definitions)
}

fn module_with(marker: &str, allocator: &str, definitions: &str) -> String {
    let mut text = String::from("(module $guest\n");
    for row in HOSTCALLS {
        let mut parameters = String::new();
        for kind in row.arguments.iter().map(|argument| argument.kind) {
            parameters.push_str(match kind {
                WireKind::Bytes => "i32 i32 ",
                WireKind::U32 | WireKind::Enum(_) => "i32 ",
                WireKind::U64 | WireKind::I64 => "i64 ",
            });
        }
        for result in row.results {
            parameters.push_str(if result.kind == WireKind::Bytes { "i32 i32 " } else { "i32 " });
        }
        let name = row.name;
        let _ = writeln!(text, r#"(import "env" "{name}" (func ${name} (param {parameters}) (result i32)))"#);
    }
    for (name, parameters) in WASI {
        let _ = writeln!(
            text,
            r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {parameters}){}))"#,
            if *name == "proc_exit" { "" } else { " (result i32)" },
        );
    }
    let _ = write!(text, "(memory (export \"memory\") 1)\n(global $free (mut i32) (i32.const {HEAP}))\n");
    [marker, allocator, REPORT, definitions].iter().for_each(|part| text.extend([*part, "\n"]));
    text + ")"
}

const WASI: &[(&str, &str)] = &[
    ("fd_write", "i32 i32 i32 i32"),
    ("clock_time_get", "i32 i64 i32"),
    ("random_get", "i32 i32"),
    ("environ_sizes_get", "i32 i32"),
    ("fd_fdstat_get", "i32 i32"),
    ("environ_get", "i32 i32"),
    ("args_sizes_get", "i32 i32"),
    ("args_get", "i32 i32"),
    ("proc_exit", "i32"),
];

/// A callback that runs these instructions and then answers so.
pub(super) fn callback(name: &str, instructions: &str, answer: u32) -> String {
    let (parameters, returns) = match name {
        "proxy_on_request_headers" | "proxy_on_response_headers" | "proxy_on_request_body" | "proxy_on_response_body" => {
            (3, true)
        }
        "proxy_on_vm_start" | "proxy_on_configure" => (2, true),
        "proxy_on_request_trailers" | "proxy_on_response_trailers" => (2, true),
        "proxy_on_context_create" => (2, false),
        "proxy_on_done" => (1, true),
        "proxy_on_log" | "proxy_on_delete" | "proxy_on_tick" => (1, false),
        _ => panic!("say how many parameters {name} has"),
    };
    let parameters = "i32 ".repeat(parameters);
    let (result, answer) = if returns { ("(result i32)", format!("(i32.const {answer})")) } else { ("", String::new()) };
    format!("(func $on_{name} (export \"{name}\") (param {parameters}) {result}\n{instructions}\n{answer})")
}

/// `name: bytes` as a data segment at this address.
pub(super) fn data(address: u32, bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {address}) \"{escaped}\")")
}

/// What these expressions are, evaluated one after the other in `proxy_on_request_headers`.
pub(super) fn evaluate(definitions: &str, expressions: &[&str]) -> Vec<u32> {
    let instructions: String = expressions.iter().map(|expression| format!("(call $report {expression})\n")).collect();
    let text = module(&format!("{definitions}\n{}", callback("proxy_on_request_headers", &instructions, 0)));
    let proxy = MockProxy::new(Plugin::from_bytes(text)).expect("the guest starts");
    let exchange = get(&proxy);
    assert!(exchange.trap().is_none(), "{exchange:?}");
    exchange.log().iter().map(|line| line.message.parse().expect("a number")).collect()
}

/// As a table: what each expression should be.
#[track_caller]
pub(super) fn check(definitions: &str, table: &[(&str, u32)]) {
    let expressions: Vec<&str> = table.iter().map(|(expression, _)| *expression).collect();
    let found = evaluate(definitions, &expressions);
    for ((expression, expected), found) in table.iter().zip(&found) {
        assert_eq!(found, expected, "{expression}");
    }
    assert_eq!(found.len(), table.len());
}
