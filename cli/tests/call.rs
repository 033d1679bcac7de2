//! The program, run as one would run it: on the example add-header, on modules of a few lines, and on all kinds of bad input.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ADD_HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/add-header");

/// What every module must have.
const ABI: &str = r#"
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) i32.const 1024)
"#;

/// How a run ended, and what it wrote.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    /// Whether a line of the result is exactly this.
    #[track_caller]
    fn has(&self, line: &str) -> &Self {
        assert!(self.stdout.lines().any(|known| known == line), "no line `{line}` in:\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Whether the result has this text.
    #[track_caller]
    fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "no `{text}` in:\n{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn ended_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// It ended with this code, and its error has this text.
    #[track_caller]
    fn failed(&self, code: i32, text: &str) -> &Self {
        self.ended_with(code);
        assert!(self.stderr.contains("error: ") && self.stderr.contains(text), "no `{text}` in:\n{}", self.stderr);
        self
    }
}

fn run(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proxy-filter"));
    let output = command.args(arguments).stdin(Stdio::null()).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR").output();
    let Output { status, stdout, stderr } = output.expect("the program should start");
    let text = |bytes| String::from_utf8(bytes).expect("what it writes should be UTF-8");
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// `call MODULE` with these arguments.
fn call(module: impl AsRef<Path>, arguments: &[&str]) -> Run {
    let module = module.as_ref().to_str().expect("paths of tests should be UTF-8");
    run(&[&["call", module], arguments].concat())
}

fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("the folder for tests should be writable");
    path
}

/// A module whose imports come before what every module must have, and its functions after.
fn module(name: &str, imports: &str, functions: &str) -> PathBuf {
    file(name, format!("(module {imports} {ABI} {functions})"))
}

#[test]
fn the_example_shows_what_it_changes_in_both_directions() {
    let config = format!("{ADD_HEADER}/config.json");
    let run = call(ADD_HEADER, &["--config", &config, "/cart"]);
    run.ended_with(0)
        .has("request  - as the client sent it, + as the upstream received it")
        .has("  :path: /cart")
        .has("+ x-hello: world")
        .has("+ x-tenant: shop")
        .has("response  - as the upstream sent it, + as the client received it")
        .has("- x-envoy-upstream-service-time: 0")
        .has("+ vary: origin")
        .has("  hello")
        .says("complete: the client has the whole response");
    // What the proxy adds is not the filter's doing.
    let changes = run.stdout.lines().filter(|line| line.starts_with("+ ") || line.starts_with("- ")).count();
    assert_eq!(changes, 4, "{}", run.stdout);
    assert!(!run.stdout.contains('\x1b'), "colours in a pipe");
}

#[test]
fn what_is_asked_for_arrives() {
    let config = r#"{"request": {"set": [["x-tenant", "cart"]]}, "response": {"append": [["vary", "origin"]]}}"#;
    let data = file("body.txt", "from a file");
    let data = format!("@{}", data.display());
    call(
        ADD_HEADER,
        &[
            "--config",
            config,
            "-H",
            "x-tenant: shop",
            "-H",
            "x-empty;",
            "-d",
            "a=1",
            "-d",
            &data,
            "--trailer",
            "x-sum: 9",
            "--chunk-size",
            "4",
            "--http2",
            "--response-status",
            "404",
            "--response-header",
            "vary: accept",
            "--response-body",
            "gone\n",
            "--response-trailer",
            "x-t: 1",
            "https://shop.example/cart?q=1",
        ],
    )
    .ended_with(0)
    .has("  :authority: shop.example")
    .has("  :path: /cart?q=1")
    .has("  :method: POST")
    .has("  :scheme: https")
    .has("- x-tenant: shop")
    .has("+ x-tenant: cart")
    .has("  x-empty:")
    .has("  a=1&from a file")
    .has("  trailer x-sum: 9")
    .has("  :status: 404")
    .has("- vary: accept")
    .has("+ vary: accept,origin")
    .has("  gone")
    .has("  trailer x-t: 1");
}

#[test]
fn nothing_changed_is_said() {
    let run = call(ADD_HEADER, &["--config", "{}"]);
    run.ended_with(0)
        .has("request  unchanged, as the upstream received it")
        .has("response  unchanged, as the client received it");
}

#[test]
fn colours_and_when() {
    let arguments = ["--config", r#"{"request": {"add": [["x-hello", "world"]]}}"#];
    let run = call(ADD_HEADER, &[&arguments[..], &["--color", "always"]].concat());
    run.ended_with(0).has("\x1b[32m+ x-hello: world\x1b[0m").has("\x1b[2m  :method: GET\x1b[0m");
    let run = call(ADD_HEADER, &[&arguments[..], &["--color=never"]].concat());
    run.ended_with(0).has("+ x-hello: world");
}

#[test]
fn json_has_everything() {
    let config = r#"{"request": {"add": [["x-hello", "world"]]}, "response": {"remove": ["content-type"]}}"#;
    let run = call(ADD_HEADER, &["--config", config, "--json", "--trace"]);
    run.ended_with(0);
    let object: Value = serde_json::from_str(&run.stdout).expect("it should be JSON");
    assert_eq!(object["outcome"], "complete");
    assert_eq!(object["request"]["changes"], serde_json::json!([{"added": "x-hello: world"}]));
    assert_eq!(object["response"]["changes"], serde_json::json!([{"removed": "content-type: text/plain"}]));
    assert_eq!(object["response"]["after"]["body"], "hello\n");
    assert!(object["fuel"]["configure"].as_u64().is_some_and(|fuel| fuel > 0));
    assert!(object["trace"].as_array().is_some_and(|lines| !lines.is_empty()));
    assert_eq!(object["trap"], Value::Null);
}

#[test]
fn the_trace_has_callbacks_and_hostcalls() {
    let run = call(ADD_HEADER, &["--config", r#"{"request": {"add": [["x-hello", "world"]]}}"#, "--trace"]);
    run.ended_with(0)
        .says("proxy_on_request_headers(")
        .says("proxy_add_header_map_value(HTTP_REQUEST_HEADERS, \"x-hello\", \"world\") -> OK");
}

#[test]
fn a_local_reply_is_told_from_an_answer() {
    let imports =
        r#"(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    let functions = r#"
        (data (i32.const 0) "not today")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $reply (i32.const 403) (i32.const 4) (i32.const 5) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const -1)))
            i32.const 1)"#;
    call(module("reply.wat", imports, functions), &[])
        .ended_with(0)
        .has("request  as the client sent it; it did not reach the upstream")
        .has("response  a local reply, as the client received it; the upstream was not asked")
        .has("  :status: 403")
        .has("  not today")
        .has("reply     local, status 403, details \"today\"");
}

#[test]
fn a_filter_that_refuses_its_configuration_says_where_it_is_wrong() {
    let arguments = ["--config", "{\n  \"requests\": {}\n}"];
    call(ADD_HEADER, &arguments)
        .failed(1, "the filter refused its configuration")
        .failed(1, "add-header: add_header: bad configuration: unknown field `requests`, expected `request` or `response` at line 2 column 12");
    call(ADD_HEADER, &[]).failed(1, "it was given none: use --config");
    let run = call(ADD_HEADER, &[&arguments[..], &["--json"]].concat());
    let object: Value = serde_json::from_str(&run.stdout).expect("it should be JSON");
    assert_eq!(object["outcome"], "refused");
    assert!(object["log"][0]["message"].as_str().is_some_and(|message| message.contains("line 2 column 12")));
}

#[test]
fn a_filter_that_traps_fails_with_its_backtrace() {
    let functions = r#"
        (func $inner unreachable)
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) call $inner i32.const 0)"#;
    let run = call(module("trap.wat", "", functions), &[]);
    run.failed(1, "the filter trapped in proxy_on_response_headers(");
    run.has("trap").says("!inner").says("unreachable");
}

#[test]
fn a_filter_that_loops_runs_out_of_fuel() {
    let functions = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop $l br $l) i32.const 0)"#;
    call(module("loop.wat", "", functions), &["--fuel", "10000"]).failed(1, "used all of its 10000 instructions");
}

#[test]
fn a_filter_that_leaves_the_exchange_hanging_fails_with_an_explanation() {
    let functions = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 1)"#;
    let pauses = module("pauses.wat", "", functions);
    call(&pauses, &["-d", "x"])
        .failed(1, "the filter holds the request back: it paused in proxy_on_request_headers")
        .failed(1, "--allow-on-headers-stop-iteration")
        .failed(1, "In a proxy the client would wait")
        .has("request  as the client sent it; it did not reach the upstream")
        .has("response  there is none; the upstream was not asked")
        .has("outcome   paused: the filter holds the exchange back");
    // With it the body callbacks come, and let the headers go on too.
    call(&pauses, &["-d", "x", "--allow-on-headers-stop-iteration"]).ended_with(0);
}

// CON-13
#[test]
fn a_filter_that_would_crash_envoy_fails_with_the_row_and_the_mend() {
    let imports = r#"(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))"#;
    let functions = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $continue (i32.const 1))) i32.const 0)"#;
    let crashes = module("crashes.wat", imports, functions);
    call(&crashes, &[]).failed(1, "CON-13").failed(1, "continue the response only after its callback has paused it");
    let object: Value = serde_json::from_str(&call(&crashes, &["--json"]).stdout).expect("it should be JSON");
    assert_eq!(object["findings"][0]["consequence"], "crash");
}

#[test]
fn a_filter_that_waits_for_its_tick_does_not_hang() {
    let imports = r#"
        (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
        (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
        (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))"#;
    let functions = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $tick (i32.const 50))) i32.const 1)
        (func (export "proxy_on_tick") (param i32)
            (drop (call $effective (i32.const 2))) (drop (call $continue (i32.const 0))))"#;
    call(module("tick.wat", imports, functions), &[]).ended_with(0);
}

#[test]
fn a_body_that_changed_is_shown_and_its_length_checked() {
    let imports = r#"(import "env" "proxy_set_buffer_bytes" (func $set (param i32 i32 i32 i32 i32) (result i32)))"#;
    let functions = r#"
        (data (i32.const 0) "goodbye\00\ff\n")
        (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
            (if (local.get 1) (then (drop (call $set (i32.const 1) (i32.const 0) (i32.const 100) (i32.const 0) (i32.const 10)))))
            i32.const 0)"#;
    let replaces = module("replaces.wat", imports, functions);
    let note = "the response that the client received says content-length 6 and has 10 bytes";
    call(&replaces, &[]).ended_with(0).has("- hello").has("+ goodbye\\u{0}\\xff").says(note);
    let run = call(&replaces, &["--response-header", "content-length:"]);
    assert!(!run.ended_with(0).stdout.contains("content-length"), "{}", run.stdout);
}

#[test]
fn modules_that_cannot_be_loaded() {
    let missing = call("no/such/module.wasm", &[]);
    missing.failed(2, "there is no `no/such/module.wasm`: give the directory of a filter's crate").failed(2, "or a .wasm file");
    call(file("text.wasm", "hello"), &[]).failed(2, "is not a WebAssembly module");
    call(file("typo.wat", "(module\n (func $x (foo)))"), &[]).failed(2, "unknown operator").failed(2, "typo.wat");
    call(file("empty.wasm", ""), &[]).failed(2, "the file is empty");
    call(file("plain.wat", "(module (memory (export \"memory\") 1))"), &[])
        .failed(1, "it exports no ABI version")
        .failed(1, "it exports no allocator");
    let imports = r#"
        (import "env" "proxy_teleport" (func))
        (import "__wbindgen_placeholder__" "__wbindgen_describe" (func (param i32)))"#;
    call(module("imports.wat", imports, ""), &[])
        .failed(1, "it imports env.proxy_teleport, which no Proxy-Wasm host offers")
        .failed(1, "it imports __wbindgen_placeholder__.__wbindgen_describe");
}

#[test]
fn crates_that_are_no_filter() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    call(format!("{root}/sdk/abi"), &[]).failed(2, "has no cdylib target").failed(2, "crate-type = [\"cdylib\", \"rlib\"]");
    call(root, &[]).failed(2, "give the directory of a filter in it").failed(2, "examples/add-header");
    call(format!("{root}/examples"), &[]).failed(2, "has no Cargo.toml");
}

#[test]
fn a_crate_that_does_not_compile_fails_with_the_compilers_words() {
    let manifest =
        "[package]\nname = \"broken\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
    std::fs::create_dir_all(&directory).expect("the folder for tests should be writable");
    file("broken/Cargo.toml", manifest);
    file("broken/lib.rs", "compile_error!(\"not like this\");");
    call(&directory, &[]).failed(1, "error: not like this").failed(1, "Cargo.toml` failed; mend what cargo says above");
}

#[test]
fn configurations_that_cannot_be_read() {
    call(ADD_HEADER, &["--config", "confg.json"])
        .failed(2, "--config confg.json: there is no such file")
        .failed(2, "which would begin with { or [");
    call(ADD_HEADER, &["--config", "{\"request\": }"])
        .failed(2, "the argument of --config is not valid JSON")
        .failed(2, "line 1 column 13");
    let broken = file("broken.json", "{\n  \"request\": {},\n}");
    call(ADD_HEADER, &["--vm-config", broken.to_str().unwrap()])
        .failed(2, "broken.json` of --vm-config is not valid JSON")
        .failed(2, "line 3 column 1");
    call(ADD_HEADER, &["--config", env!("CARGO_TARGET_TMPDIR")]).failed(2, "this is a directory");
    // Not meant as JSON: what it is, is for the filter to say.
    let text = file("broken.conf", "{\n  \"request\": {},\n}");
    call(ADD_HEADER, &["--config", text.to_str().unwrap()])
        .failed(1, "the filter refused its configuration")
        .failed(1, "line 3 column 1");
}

#[test]
fn flags_that_cannot_be_used() {
    for (arguments, text) in [
        (&["-H", "foo"][..], "header \"foo\" has no colon: write -H 'name: value'"),
        (&["-H", "a b: c"], "which HTTP does not allow"),
        (&["-H", ":status: 200"], "no pseudo-header of a request"),
        (&["--trailer", "x"], "write --trailer 'name: value'"),
        (&["--response-header", ":status: 404"], "--response-status"),
        (&["-d", "@no/such/file"], "the file `no/such/file` cannot be read"),
        (&["-d", "@-", "--config", "-"], "standard input can be read once only"),
        (&["-X", "GE T"], "method \"GE T\" is not one that HTTP allows"),
        (&["cart"], "write /cart or http://cart"),
        (&["/a b"], "the path \"/a b\" cannot be asked for"),
        (&["--response-status", "99"], "99 is not in 200..=599"),
        (&["--response-status", "204", "--response-body", "x"], "has no body"),
        (&["--chunk-size", "0"], "0 is not in 1.."),
        (&["--fuel", "lots"], "invalid digit"),
        (&["--log-level", "loud"], "possible values: trace, debug, info"),
        (&["--no-such-flag"], "unexpected argument"),
    ] {
        call(ADD_HEADER, arguments).failed(2, text);
    }
    run(&[]).ended_with(2);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let body = "\x1b[2Jgone\x07";
    let run = call(ADD_HEADER, &["--config", "{}", "--response-body", body]);
    run.ended_with(0).has("  \\u{1b}[2Jgone\\u{7}");
}

#[test]
fn the_help_documents_the_exit_codes() {
    for arguments in [&["--help"][..], &["call", "--help"]] {
        run(arguments).ended_with(0).says("Exit codes:").says("  2  bad input");
    }
}

#[test]
fn the_hostcalls_are_listed() {
    run(&["hostcalls"]).ended_with(0).says("proxy_log ").says("proxy_call_foreign_function ");
}
