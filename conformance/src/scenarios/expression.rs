//! Expressions: `expr_create`, `expr_evaluate`, `expr_delete`.

use super::foreign::word;
use crate::scenario::{Role, Scenario, get, scenario};
use std::fmt::Write;

pub(super) fn all() -> Vec<Scenario> {
    vec![
        evaluated("expression-literals", &["FOR-7", "SER-3", "SER-7"], "request_headers", &[
            "1", "-1", "1u", "1.5", "true", "'a'", "b'a'", "''", "[1, 2]", "['a', 'b']", "[]", "{}", "{'a': 1}", "{'a': [true]}", "1 + 1", "null",
            "type(1)",
        ]),
        evaluated("expression-operators", &["FOR-7"], "request_headers", &[
            "1 == 1.0", "1 == 1u", "'a' < 'b'", "'a' + 'b'", "b'a' + b'b'", "[1] + [2] == [1, 2]", "-5 % 3", "-5 / 3", "7 - 9", "2 * 3", "!true",
            "true || false", "true && false", "true ? 1 : 2", "1 in [1]", "'a' in {'a': 1}", "'a' == b'a'", "1 < 2u", "1 != 2",
        ]),
        evaluated("expression-functions", &["FOR-7"], "request_headers", &[
            "size('abc')", "'abc'.size()", "size([1])", "{'a': 1}.size()", "'abc'.startsWith('a')", "'abc'.endsWith('c')", "'abc'.contains('b')",
            "'abc'.matches('^a.c$')", "matches('abc', 'b')", "string(1)", "string(b'a')", "int('5')", "int(1.9)", "double(1)", "uint(1)",
            "bytes('a')", "bool('true')", "dyn(1) == 1",
        ]),
        evaluated("expression-loops", &["FOR-7"], "request_headers", &[
            "[1, 2, 3].all(x, x > 0)", "[1, 2].exists(x, x == 2)", "[1, 2].exists_one(x, x == 1)", "[1, 2].map(x, x * 2)", "[1, 2].filter(x, x > 1)",
            "{'a': 1}.all(key, key == 'a')", "request.headers.exists(name, name == 'x-a')",
        ])
        .request(get("/").header("x-a", "1")),
        evaluated("expression-attributes", &["FOR-7"], "request_headers", &[
            "request.path", "request.path == '/a?b=c'", "request.url_path", "request.query", "request.method", "request.host", "request.scheme",
            "request['path']", "request.path.size() > 2 ? 'long' : 'short'", "request.method in ['GET']", "request.path.matches('^/a')",
            "plugin_root_id == 'expression-attributes'", "plugin_root_id + '!'", "plugin_vm_id",
        ])
        .request(get("/a?b=c")),
        evaluated("expression-headers", &["FOR-7", "PRO-9"], "request_headers", &[
            "request.headers['x-a']", "request.headers['X-A']", "request.headers['x-a'] + '!'", "request.headers['X-A'] + '!'", "request.headers[':path']",
            "'x-a' in request.headers", "'nope' in request.headers", "has(request.headers.nope)", "'nope' in request.headers && request.headers.nope == '1'",
            "request.headers['nope']", "request.headers['nope'] == ''", "request.headers == {}",
        ])
        .request(get("/").header("x-a", "1").header("x-a", "2")),
        evaluated("expression-what-is-not-there", &["FOR-7"], "request_headers", &[
            "request.nope", "request.referer", "request.referer == ''", "has(request.referer)", "has(request.path)", "nope", "nope.x", "a.b.c", "node",
            "response.code", "response.code == 200", "has(response.code)", "has(response.headers.a)", "response.headers['a']",
            "filter_state.x", "filter_state['x'] == 'a'", "has(filter_state.x)", "wasm.x",
        ]),
        evaluated("expression-groups", &["FOR-7", "PRO-4"], "request_headers", &["request", "response", "xds", "filter_state", "connection"]),
        evaluated("expression-errors", &["FOR-7"], "request_headers", &[
            "1 / 0", "1 % 0", "9223372036854775807 + 1", "'a' + 1", "1 + 1u", "[1][3]", "{'a': 1}['b']", "int('x')", "1 < 'a'", "true || nope", "nope || true",
            "false && nope", "nope && false", "nope || false", "nope ? 1 : 2", "'a'.matches('(')",
        ]),
        evaluated("expression-of-a-response", &["FOR-7"], "response_headers", &[
            "response.code", "response.code == 200 && has(response.headers.date)", "response.headers['x-b']", "request.path", "has(request.path)", "response.code + 1",
        ])
        .response(crate::scenario::respond(200).header("x-b", "2")),
        evaluated("expression-in-on-log", &["FOR-7"], "log", &["request.path", "response.code", "response.code_details"]),
        evaluated("expression-of-a-root", &["FOR-7"], "configure", &["1 + 1", "plugin_root_id", "request.path", "request.headers", "has(request.path)"]),
        refused("expression-syntax", &["FOR-5", "MEM-6"], &["1 +", "'a", "[1, 2", "a b", "has(request.headers['x'])", "x.y.z()", "%", "1 = 1", "{1}", "."]),
        refused("expression-unknown-functions", &["FOR-6"], &[
            "unknown(1)", "'a'.upperAscii()", "math.greatest(1, 2)", "optional.of(1)", "cel.bind(x, 1, x)", "request.?path", "re.find('a', 'b')",
        ]),
        scenario("expression-empty", &["FOR-5"]).script("request_headers: foreign expr_create, foreign expr_create \"\""),
        scenario("expression-tokens", &["FOR-5", "FOR-7", "MEM-6"]).script(
            "configure: foreign expr_create true as a from 0, foreign expr_create false as b from 0, foreign expr_create 1%20+; \
             request_headers: foreign expr_create true as c from $b, foreign expr_evaluate $a, foreign expr_evaluate $b, foreign expr_evaluate $c, \
             foreign expr_evaluate $c+1, foreign expr_evaluate, foreign expr_evaluate abc, foreign expr_evaluate abcde, \
             foreign expr_delete $a, foreign expr_evaluate $a, foreign expr_delete $a, foreign expr_delete, foreign expr_delete abcde, \
             foreign expr_create true as d from $c",
        )
        .own_vm(),
        scenario("expression-of-another-root", &["FOR-8"])
            .script("configure: foreign expr_create true, foreign expr_create false as a from 0")
            .with(Role::Filter, "behind", "request_headers: foreign expr_evaluate %01%00%00%00, foreign expr_create 'own', foreign expr_evaluate %00%00%00%00")
            .own_vm(),
        scenario("expression-ignores-the-effective-context", &["CTX-10"])
            .script(
                "configure: foreign expr_create request.path as a; request_headers: tick_period 100, return 1; \
                 tick#1: effective stream, property request path, foreign expr_evaluate $a, continue 0, tick_period 0",
            )
            .own_vm(),
        scenario("expression-in-a-stream-with-its-root-effective", &["CTX-10"])
            .script("configure: foreign expr_create request.path as a; request_headers: effective root, property request path, foreign expr_evaluate $a, effective stream")
            .own_vm(),
        properties(),
    ]
}

/// These expressions, one after the other, in this callback.
fn evaluated(name: &'static str, rows: &'static [&'static str], callback: &str, expressions: &[&str]) -> Scenario {
    let mut script = format!("{callback}: ");
    for (index, expression) in expressions.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let text = word(expression.as_bytes());
        let _ = write!(script, "{comma}log 2 {text}, foreign expr_create {text} as e{index}, foreign expr_evaluate $e{index}");
    }
    scenario(name, rows).config(script)
}

/// Texts that are no expressions.
fn refused(name: &'static str, rows: &'static [&'static str], texts: &[&str]) -> Scenario {
    let created: Vec<String> = texts.iter().map(|text| format!("foreign expr_create {}", word(text.as_bytes()))).collect();
    scenario(name, rows).config(format!("request_headers: {}", created.join(", ")))
}

/// What a filter has set, of each kind.
fn properties() -> Scenario {
    let created = [
        "prop == b'one'",
        "prop == 'one'",
        "string(prop)",
        "text == 'one'",
        "filter_state['wasm.prop'] == b'one'",
        "filter_state['wasm.text'] == 'one'",
        "prop",
        "text + '!'",
    ];
    let mut script = String::from(
        "configure: foreign declare_property %0a%04text%18%01; request_headers: set_property prop one, set_property text one",
    );
    for (index, expression) in created.iter().enumerate() {
        let text = word(expression.as_bytes());
        let _ = write!(script, ", log 2 {text}, foreign expr_create {text} as e{index}, foreign expr_evaluate $e{index}");
    }
    scenario("expression-of-properties", &["FOR-9"]).config(script).own_vm()
}
