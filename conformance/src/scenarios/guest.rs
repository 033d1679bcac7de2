//! Modules in WebAssembly text, for what no SDK makes.

/// Logs a number.
const REPORT: &str = r#"(func $report (param $number i32)
    (local $at i32)
    (local.set $at (i32.const 1020))
    (loop $digit
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
        (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
        (br_if $digit (local.get $number)))
    (drop (call $proxy_log (i32.const 2) (local.get $at) (i32.sub (i32.const 1020) (local.get $at)))))"#;

/// The import of `proxy_log`.
pub(super) const LOG: &str = r#"(import "env" "proxy_log" (func $proxy_log (param i32 i32 i32) (result i32)))"#;

/// A marker of ABI 0.2.1.
pub(super) const MARKER: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;

/// A memory of one page.
pub(super) const MEMORY: &str = r#"(memory (export "memory") 1)"#;

/// An allocator that gives the same place each time.
pub(super) const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) (i32.const 4096))"#;

/// A module of ABI 0.2.1 with these imports and definitions; it can `$report` a number.
pub(super) fn module(imports: &str, definitions: &str) -> String {
    format!("(module {imports} {LOG} {MEMORY} {MARKER} {MALLOC} {REPORT} {definitions})")
}

/// `proxy_on_request_headers` that does this and continues.
pub(super) fn in_request_headers(instructions: &str) -> String {
    format!(r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {instructions} (i32.const 0))"#)
}

/// Reports what the calls answer, and then the first words of memory from 256 on, which held ones: `("fd_seek", "1 5L 0 256")` is a call
/// with a second argument of 64 bits.
pub(super) fn wasi(module_name: &str, calls: &[(&str, &str)]) -> String {
    let (mut imports, mut instructions) = (String::new(), String::new());
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let words = || arguments.split_whitespace();
        let kind = |word: &str| if word.ends_with('L') { "i64" } else { "i32" };
        let kinds: Vec<&str> = words().map(kind).collect();
        let values: String = words().map(|word| format!("({}.const {})", kind(word), word.trim_end_matches('L'))).collect();
        imports += &format!(r#"(import "{module_name}" "{name}" (func $f{index} (param {}) (result i32)))"#, kinds.join(" "));
        instructions += "(memory.fill (i32.const 256) (i32.const 255) (i32.const 32))";
        instructions += &format!("(call $report (call $f{index} {values}))");
        for word in 0..8 {
            instructions += &format!("(call $report (i32.load (i32.const {})))", 256 + 4 * word);
        }
    }
    module(&imports, &in_request_headers(&instructions))
}
