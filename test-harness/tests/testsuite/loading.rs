//! What is said of a module that cannot be loaded: everything that is wrong with it at once, each with its likely cause.

use proxy_filter_test::{LoadError, MockProxy, Plugin, Reason, imports};

#[track_caller]
fn refusal(wasm: impl Into<Vec<u8>>) -> String {
    let refused = MockProxy::new(Plugin::from_bytes(wasm).name("p")).expect_err("it is refused");
    assert!(matches!(refused.reason(), Reason::Load(_)), "{refused}");
    refused.to_string().strip_prefix("the plugin \"p\" was refused: ").expect("its beginning").to_owned()
}

/// A module of the right kind but for what stands here.
fn module(parts: &str) -> String {
    format!("(module {parts} (memory (export \"memory\") 1))")
}

const MARKER: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;
const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) unreachable)"#;

#[test]
fn what_is_no_module_is_told_by_what_it_seems_to_be() {
    let truncated = b"\0asm\x01\0\0\0\x01\x40\x01".to_vec();
    for (bytes, expected) in [
        (b"".to_vec(), "the file is empty"),
        (b"Not Found\n".to_vec(), "it begins with byte 0x4e instead of \"\\0asm\""),
        (b"<!DOCTYPE html>".to_vec(), "it begins with byte 0x3c instead of \"\\0asm\""),
        (b"\xff\xfe\0".to_vec(), "it begins with byte 0xff instead of \"\\0asm\""),
        (b"\x7fELF\x02\x01\x01".to_vec(), "it is a native library or program; build with --target wasm32-unknown-unknown"),
        (b"\x1f\x8b\x08\0\0".to_vec(), "it is gzip data; unpack it first"),
        (
            b"\0asm\x0d\0\x01\0".to_vec(),
            "it is a component, not a core module; Proxy-Wasm hosts load core modules (target wasm32-unknown-unknown or wasm32-wasip1)",
        ),
        (truncated, "it begins as one but is damaged: unexpected end-of-file (at offset 0xa)"),
    ] {
        assert_eq!(refusal(bytes), format!("this is not a WebAssembly module: {expected}"));
    }
}

#[test]
fn an_error_in_webassembly_text_is_told_with_its_place() {
    let text = refusal("(module\n  (func (unheard_of)))");
    assert!(text.contains("unknown operator or unexpected token") && text.contains(":2:"), "{text}");
}

#[test]
fn imports_of_what_is_no_module_are_an_error() {
    assert!(matches!(imports(b"\x7fELF"), Err(LoadError::NotWasm(_))));
    let module = module(r#"(import "env" "proxy_log" (func (param i32 i32 i32) (result i32))) (import "a" "b" (func))"#);
    assert_eq!(imports(module.as_bytes()).unwrap(), ["a.b", "env.proxy_log"]);
}

#[test]
fn lif_2_a_module_of_no_filter_lacks_marker_allocator_and_memory() {
    assert_eq!(
        refusal("(module)"),
        "the module cannot be loaded:
  - it exports no ABI version (proxy_abi_version_0_2_1, 0_2_0 or 0_1_0)
    is this a Proxy-Wasm filter? With the SDK, `register!` exports it; check that the crate has one and is built as a cdylib.
  - it exports no allocator (malloc or proxy_on_memory_allocate)
    the host needs one to hand over bytes; the SDK's `register!` exports it. Did a tool such as wasm-opt or wasm-strip remove exports?"
    );
}

#[test]
fn lif_1_a_marker_of_no_known_version_is_named() {
    let unknown = MARKER.replace("0_2_1", "0_3_0");
    assert_eq!(
        refusal(module(&[&unknown, MALLOC].concat())),
        "the module cannot be loaded:
  - its ABI version is unknown: it exports proxy_abi_version_0_3_0
    hosts know functions named proxy_abi_version_0_1_0, 0_2_0 and 0_2_1; use an SDK for one of these."
    );
    let no_function = r#"(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))"#;
    let text = refusal(module(&[no_function, MALLOC].concat()));
    assert!(text.contains("its ABI version is unknown: it exports proxy_abi_version_0_2_1"), "{text}");
}

#[test]
fn lif_1_lif_2_the_marker_decides_what_may_be_imported() {
    let log_level = r#"(import "env" "proxy_get_log_level" (func (param i32) (result i32)))"#;
    assert!(MockProxy::new(Plugin::from_bytes(module(&[log_level, MARKER, MALLOC].concat()))).is_ok());
    let old = MARKER.replace("0_2_1", "0_2_0");
    assert!(MockProxy::new(Plugin::from_bytes(module(&[&old, MALLOC].concat()))).is_ok());
    assert_eq!(
        refusal(module(&[log_level, &old, MALLOC].concat())),
        "the module cannot be loaded:
  - it imports env.proxy_get_log_level
    it came with ABI 0.2.1, and the module says that it is of 0.2.0."
    );
    let first = [old.as_str(), MARKER, MALLOC];
    assert!(refusal(module(&[log_level, &first.concat()].concat())).contains("of 0.2.0"), "the first marker counts");
}

#[test]
fn lif_2_each_version_offers_its_own_hostcalls_and_no_others() {
    use proxy_filter_abi::{AbiVersion, HOSTCALLS, LEGACY_HOSTCALLS};
    for version in AbiVersion::ALL {
        let marker = MARKER.replace("proxy_abi_version_0_2_1", version.marker());
        for row in HOSTCALLS.iter().chain(LEGACY_HOSTCALLS) {
            let parameters = "i32 ".repeat(row.arguments.len());
            // Of another type than any row has, so that one that is offered is refused by its type.
            let import = format!(r#"(import "env" "{}" (func (param {parameters} f64) (result i32)))"#, row.name);
            let text = refusal(module(&[&import, &marker, MALLOC].concat()));
            let is_offered = text.contains("but it is");
            assert_eq!(is_offered, version.hostcall(row.name).is_some(), "{version}: {text}");
        }
    }
    let old = MARKER.replace("0_2_1", "0_1_0");
    let close = r#"(import "env" "proxy_close_stream" (func (param i32) (result i32)))"#;
    assert_eq!(
        refusal(module(&[close, &old, MALLOC].concat())),
        "the module cannot be loaded:
  - it imports env.proxy_close_stream
    it came with ABI 0.2.0, and the module says that it is of 0.1.0."
    );
}

#[test]
fn lif_2_unknown_imports_are_listed_at_once_with_their_likely_causes() {
    let import = |name: &str| {
        let (module, name) = name.split_once(' ').unwrap();
        format!("(import \"{module}\" \"{name}\" (func))")
    };
    let imports = [
        "__wbindgen_placeholder__ __wbindgen_throw",
        "env __wbg_now_1",
        "wasi_snapshot_preview1 proc_raise",
        "wasi:io/poll@0.2.0 poll",
        "env proxy_continue_request",
        "env get_property",
        "env PROXY_LOG",
        "env abort",
        "env getenv",
        "other thing",
    ];
    let parts: String = imports.map(import).concat();
    assert_eq!(
        refusal(module(&[&parts, MARKER, MALLOC].concat())),
        "the module cannot be loaded:
  - it imports __wbindgen_placeholder__.__wbindgen_throw, which no Proxy-Wasm host offers
    it comes from wasm-bindgen, which is for browsers: a dependency (chrono, getrandom, uuid, …) has a feature such as \"js\" or \"wasmbind\" on; turn it off.
  - it imports env.__wbg_now_1, which no Proxy-Wasm host offers
    it comes from wasm-bindgen, which is for browsers: a dependency (chrono, getrandom, uuid, …) has a feature such as \"js\" or \"wasmbind\" on; turn it off.
  - it imports wasi_snapshot_preview1.proc_raise, which Envoy does not offer
    it comes from std or libc: find what uses it and leave it out.
  - it imports wasi:io/poll@0.2.0.poll, which no Proxy-Wasm host offers
    the module was built for another WASI (wasip2); build for wasm32-wasip1 or wasm32-unknown-unknown.
  - it imports env.proxy_continue_request
    only ABI 0.1.0 has it, and the module says that it is of 0.2.1: rebuild the filter with a newer SDK.
  - it imports env.get_property, which no Proxy-Wasm host offers
    did you mean env.proxy_get_property?
  - it imports env.PROXY_LOG, which no Proxy-Wasm host offers
    did you mean env.proxy_log?
  - it imports env.abort, which no Proxy-Wasm host offers
    AssemblyScript imports it unless it is told to use a function of yours: `--use abort=…`.
  - it imports env.getenv, which no Proxy-Wasm host offers
    a function that was declared but not linked: a C library that is missing, or a host's own extension of the ABI.
  - it imports other.thing, which no Proxy-Wasm host offers
    the module wants a host of another kind."
    );
}

#[test]
fn an_import_of_another_type_is_refused_with_both_signatures() {
    let log = r#"(import "env" "proxy_log" (func (param i32 i64) (result i32)))"#;
    let global = r#"(import "env" "__stack_pointer" (global (mut i32)))"#;
    assert_eq!(
        refusal(module(&[log, global, MARKER, MALLOC].concat())),
        "the module cannot be loaded:
  - it imports env.proxy_log as (i32, i64) -> (i32), but it is (i32, i32, i32) -> (i32)
    the module was built against another ABI; update its SDK.
  - it imports env.__stack_pointer, which is a global
    a proxy offers functions, a memory and a table; link the module as a program of its own (no -shared, no -fPIC)."
    );
}

#[test]
fn a_wasi_import_of_another_type_is_refused_with_both_signatures() {
    let exit = r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i64)))"#;
    assert_eq!(
        refusal(module(&[exit, MARKER, MALLOC].concat())),
        "the module cannot be loaded:
  - it imports wasi_snapshot_preview1.proc_exit as (i64) -> (), but it is (i32) -> ()
    the module was built against another version of WASI; build it for wasm32-wasip1."
    );
}

// WAS-17
#[test]
fn what_makes_links_cannot_be_loaded() {
    let link = r#"(import "wasi_snapshot_preview1" "path_link" (func (param i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    assert_eq!(
        refusal(module(&[link, MARKER, MALLOC].concat())),
        "the module cannot be loaded:
  - it imports wasi_snapshot_preview1.path_link as (i32, i32, i32, i32, i32, i32, i32) -> (i32), \
           but it is (i32, i32, i32, i32, i32, i32) -> (i32)
    Envoy leaves out its last parameter, so that no module that makes links can be loaded: find what makes links and leave it out."
    );
}

// LIF-28
#[test]
fn lif_28_a_memory_may_have_any_name_or_be_imported_or_missing() {
    let log = r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;
    let start = r#"(data (i32.const 16) "I remember")
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
            (drop (call $log (i32.const 2) (i32.const 16) (i32.const 10))) (i32.const 1))"#;
    for (import, memory) in [
        ("", r#"(memory (export "memory") 1)"#),
        ("", r#"(memory (export "heap") 1)"#),
        (r#"(import "env" "memory" (memory 1))"#, ""),
        (r#"(import "js" "mem" (memory 1 4))"#, r#"(export "memory" (memory 0))"#),
        (r#"(import "env" "__indirect_function_table" (table 2 funcref))"#, r#"(memory (export "memory") 1)"#),
    ] {
        let text = format!("(module {log} {import} {memory} {MARKER} {MALLOC} {start})");
        let proxy = MockProxy::new(Plugin::from_bytes(text)).expect("it starts");
        assert_eq!(super::messages(&proxy.log()), ["I remember"], "{import} {memory}");
    }
    let none = format!("(module {MARKER} {MALLOC})");
    assert!(MockProxy::new(Plugin::from_bytes(none)).is_ok());
    let threads = refusal(format!("(module {MARKER} {MALLOC} (memory (export \"memory\") 1 2 shared))"));
    assert!(threads.contains("threads must be enabled for shared memories"), "{threads}");
    let greedy = Plugin::from_bytes(format!("(module {log} (import \"env\" \"memory\" (memory 100)) {MARKER} {MALLOC})"));
    let refused = MockProxy::new(greedy.memory_limit(1 << 20)).expect_err("it is refused");
    assert!(refused.to_string().contains("the guest wanted 6400 KiB of memory and may have 1024 KiB"), "{refused}");
}

// LIF-27
#[test]
fn lif_27_envoys_own_functions_are_offered() {
    let imports = r#"(import "env" "emscripten_notify_memory_growth" (func (param i32)))
        (import "env" "envoy_resolve_dns" (func (param i32 i32 i32) (result i32)))"#;
    assert!(MockProxy::new(Plugin::from_bytes(module(&[imports, MARKER, MALLOC].concat()))).is_ok());
}

#[test]
fn a_callback_or_allocator_of_another_type_is_refused_with_both_signatures() {
    let parts = r#"
        (func (export "malloc") (param i64) (result i32) unreachable)
        (func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))
        (func (export "proxy_on_log") (param i32) (result i32) (i32.const 0))
        (global (export "proxy_on_delete") i32 (i32.const 0))
        (func (export "_initialize") (param i32))"#;
    assert_eq!(
        refusal(module(&[parts, MARKER].concat())),
        "the module cannot be loaded:
  - it exports malloc as (i64) -> (i32), but it is (i32) -> (i32)
    the module was built against another ABI; update its SDK.
  - it exports proxy_on_request_headers as (i32, i32) -> (i32), but it is (i32, i32, i32) -> (i32)
    this is its form in ABI 0.1.0, and the module says that it is of 0.2.1: export proxy_abi_version_0_1_0.
  - it exports proxy_on_log as (i32) -> (i32), but it is (i32) -> ()
    the module was built against another ABI; update its SDK.
  - it exports _initialize as (i32) -> (), but it is () -> ()
    the module was built against another ABI; update its SDK."
    );
}

#[test]
fn lif_5_lif_6_what_is_not_looked_for_may_have_any_type() {
    let loads = |parts: &str| MockProxy::new(Plugin::from_bytes(module(&[parts, MARKER].concat()))).is_ok();
    assert!(loads(&[MALLOC, r#"(func (export "main"))"#].concat()));
    assert!(!loads(&[MALLOC, r#"(func (export "_initialize")) (func (export "main"))"#].concat()));
    assert!(loads(&[MALLOC, r#"(func (export "_initialize")) (func (export "_start") (param i32))"#].concat()));
    assert!(!loads(&[MALLOC, r#"(func (export "_start") (param i32))"#].concat()));
    assert!(loads(&[MALLOC, r#"(func (export "proxy_on_memory_allocate"))"#].concat()));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refused = MockProxy::new(Plugin::from_file("no/such/filter.wasm")).expect_err("there is none");
    assert!(matches!(refused.reason(), Reason::File { .. }));
    assert!(refused.to_string().contains("no/such/filter.wasm cannot be read: No such file"), "{refused}");
}
