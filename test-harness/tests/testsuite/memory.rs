//! What crosses the boundary: pointers, codes, serialised maps and the guest's allocator, none of them to be trusted.

use super::guest::{callback, check, data, evaluate, module, module_with_allocator};
use super::{get, messages};
use http::StatusCode;
use proxy_filter_abi::{HOSTCALLS, HostcallRow, WireKind, pairs};
use proxy_filter_test::{MockProxy, Plugin, TrapKind};

/// Where a hostcall's results go in these tests, filled with `UNTOUCHED`.
const RESULTS: u32 = 512;
const UNTOUCHED: u32 = 0xaaaa_aaaa;

/// A call of every hostcall, with one of its parameters changed: `change` gives what is passed for the parameter of this kind.
fn calls(result: bool, change: impl Fn(WireKind) -> Option<&'static str>) -> Vec<(&'static str, String)> {
    let mut calls = Vec::new();
    for row in HOSTCALLS {
        let parameters = if result { row.results } else { row.arguments };
        for (index, parameter) in parameters.iter().enumerate() {
            if let Some(changed) = change(parameter.kind) {
                calls.push((row.name, call(row, (result, index), changed)));
            }
        }
    }
    calls
}

fn call(row: &HostcallRow, changed: (bool, usize), with: &str) -> String {
    let mut text = format!("(call ${}", row.name);
    for (index, argument) in row.arguments.iter().enumerate() {
        text.push_str(match argument.kind {
            _ if changed == (false, index) => with,
            WireKind::Bytes => "(i32.const 0) (i32.const 0)",
            WireKind::U32 | WireKind::Enum(_) => "(i32.const 0)",
            WireKind::U64 | WireKind::I64 => "(i64.const 0)",
        });
    }
    for (index, result) in row.results.iter().enumerate() {
        let at = RESULTS + 16 * u32::try_from(index).unwrap();
        match result.kind {
            _ if changed == (true, index) => text.push_str(with),
            WireKind::Bytes => text.push_str(&format!("(i32.const {at}) (i32.const {})", at + 4)),
            _ => text.push_str(&format!("(i32.const {at})")),
        }
    }
    text + ")"
}

#[track_caller]
fn each_answers(calls: &[(&str, String)], expected: u32) {
    assert!(calls.len() > 4, "the table has rows");
    let untouched: Vec<String> = (0..16).map(|word| format!("(i32.load (i32.const {}))", RESULTS + 4 * word)).collect();
    let expressions: Vec<&str> =
        calls.iter().map(|(_, call)| call.as_str()).chain(untouched.iter().map(String::as_str)).collect();
    let found = evaluate(&data(RESULTS, &[0xaa; 64]), &expressions);
    for ((_, call), status) in calls.iter().zip(&found) {
        assert_eq!(*status, expected, "{call}");
    }
    assert_eq!(found[calls.len()..], [UNTOUCHED; 16], "no result was written");
}

#[test]
fn mem_5_input_outside_the_guests_memory_is_refused_by_every_hostcall() {
    for outside in [
        "(i32.const -1) (i32.const 1)",
        "(i32.const 0) (i32.const -1)",
        "(i32.const 0) (i32.const 65537)",
        "(i32.const 65536) (i32.const 1)",
        "(i32.const -1) (i32.const -1)",
        "(i32.const 0x80000000) (i32.const 0x80000000)",
    ] {
        each_answers(&calls(false, |kind| (kind == WireKind::Bytes).then_some(outside)), 6);
    }
}

#[test]
fn mem_5_results_outside_the_guests_memory_are_refused_by_every_hostcall() {
    for bad in ["(i32.const -1)", "(i32.const 65533)", "(i32.const 65536)", "(i32.const 0x80000000)"] {
        each_answers(&calls(true, |kind| (kind != WireKind::Bytes).then_some(bad)), 6);
        for pair in [format!("{bad} (i32.const 600)"), format!("(i32.const 600) {bad}")] {
            let pair: &'static str = Box::leak(pair.into_boxed_str());
            each_answers(&calls(true, |kind| (kind == WireKind::Bytes).then_some(pair)), 6);
        }
    }
}

#[test]
fn unknown_codes_are_refused_by_every_hostcall() {
    for unknown in ["(i32.const 9)", "(i32.const 99)", "(i32.const -1)"] {
        each_answers(&calls(false, |kind| matches!(kind, WireKind::Enum(_)).then_some(unknown)), 2);
    }
}

#[test]
fn mem_6_a_failing_hostcall_leaves_its_results_alone() {
    let definitions = format!("{}{}", data(RESULTS, &[0xaa; 64]), data(64, b"x-none"));
    check(
        &definitions,
        &[
            ("(call $proxy_get_header_map_value (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 512) (i32.const 516))", 1),
            ("(call $proxy_get_header_map_value (i32.const 2) (i32.const 64) (i32.const 6) (i32.const 512) (i32.const 516))", 2),
            ("(call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 512) (i32.const 516))", 1),
            ("(call $proxy_get_property (i32.const 64) (i32.const 0) (i32.const 512) (i32.const 516))", 3),
            ("(call $proxy_get_property (i32.const 64) (i32.const 6) (i32.const 512) (i32.const 516))", 1),
            ("(call $proxy_get_header_map_size (i32.const 2) (i32.const 512))", 2),
            ("(i32.load (i32.const 512))", UNTOUCHED),
            ("(i32.load (i32.const 516))", UNTOUCHED),
        ],
    );
}

/// `:method` of the request, whose value the allocator has to take.
const GET_METHOD: &str =
    "(call $proxy_get_header_map_value (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 512) (i32.const 516))";

#[test]
fn mem_1_mem_2_bytes_go_into_memory_that_the_guest_allocates() {
    let definitions = format!("{}{}", data(RESULTS, &[0xaa; 64]), data(64, b":method"));
    check(
        &definitions,
        &[
            (GET_METHOD, 0),
            ("(i32.load (i32.const 512))", 4096),
            ("(i32.load (i32.const 516))", 3),
            ("(i32.load8_u (i32.load (i32.const 512)))", u32::from(b'G')),
            // Nothing is allocated for no bytes.
            ("(call $proxy_get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 512) (i32.const 516))", 0),
            ("(i32.load (i32.const 512))", 0),
            ("(i32.load (i32.const 516))", 0),
            ("(global.get $free)", 4099),
        ],
    );
}

/// What the hostcall answers that needs this allocator, whether the callback went on, and what the VM died of.
fn allocate_by(allocator: &str) -> (Vec<String>, Option<TrapKind>, StatusCode) {
    let allocator = format!("(func (export \"malloc\") (param $size i32) (result i32) {allocator})");
    let definitions = format!(
        "{}{}{}",
        data(64, b":method"),
        data(80, b"allocating"),
        callback("proxy_on_request_headers", &format!("(call $report {GET_METHOD}) (call $report (i32.const 77))"), 0),
    );
    let proxy = MockProxy::new(Plugin::from_bytes(module_with_allocator(&allocator, &definitions))).expect("the guest starts");
    let exchange = get(&proxy);
    let lines = messages(&exchange.log()).iter().map(ToString::to_string).collect();
    (lines, exchange.trap().map(|trap| trap.kind), exchange.response().status())
}

#[test]
fn mem_3_an_allocator_that_gives_no_memory_fails_the_hostcall_only() {
    for allocator in ["(i32.const 0)", "(i32.const -1)", "(i32.const 65534)", "(i32.const 65536)"] {
        let (lines, trap, status) = allocate_by(allocator);
        assert_eq!(lines, ["6", "77"], "{allocator}");
        assert_eq!((trap, status), (None, StatusCode::OK), "{allocator}");
    }
}

#[test]
fn mem_3_an_allocator_that_traps_fails_the_hostcall_and_the_vm_after_the_callback() {
    for (allocator, kind) in [
        ("unreachable", TrapKind::Unreachable),
        ("(i32.load (i32.const -1))", TrapKind::MemoryOutOfBounds),
        ("(i32.div_u (i32.const 1) (i32.const 0))", TrapKind::Other),
    ] {
        let (lines, trap, status) = allocate_by(allocator);
        assert_eq!(lines, ["6", "77"], "the rest of the callback runs: {allocator}");
        assert_eq!((trap, status), (Some(kind), StatusCode::SERVICE_UNAVAILABLE), "{allocator}");
    }
    let (lines, trap, _) = allocate_by("(loop $for_ever (br $for_ever)) (i32.const 8192)");
    assert_eq!((lines.len(), trap), (0, Some(TrapKind::OutOfFuel)), "no instruction is left for the rest");
}

#[test]
fn mem_4_the_allocator_may_make_no_hostcall_but_proxy_log() {
    let (lines, trap, status) =
        allocate_by("(drop (call $proxy_log (i32.const 2) (i32.const 80) (i32.const 10))) (i32.const 8192)");
    assert_eq!(lines, ["allocating", "0", "77"]);
    assert_eq!((trap, status), (None, StatusCode::OK));
    for hostcall in [
        "(call $proxy_get_current_time_nanoseconds (i32.const 512))",
        "(call $proxy_get_header_map_size (i32.const 0) (i32.const 512))",
        GET_METHOD,
        "(call $proxy_set_tick_period_milliseconds (i32.const 1))",
    ] {
        let (lines, trap, status) = allocate_by(&format!("(drop {hostcall}) (i32.const 8192)"));
        assert_eq!(lines, ["6", "77"], "{hostcall}");
        assert_eq!((trap, status), (Some(TrapKind::RestrictedHostcall), StatusCode::SERVICE_UNAVAILABLE), "{hostcall}");
    }
}

/// What SER-5 takes for an empty map.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let good = pairs::encode([("x-a", "1"), ("x-b", "2")]);
    let without = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    vec![
        ("shorter than a count", b"\x01\0\0".to_vec()),
        ("a count and no sizes", b"\x01\0\0\0".to_vec()),
        ("a huge count", b"\xff\xff\xff\xff".to_vec()),
        ("half a size", good[..10].to_vec()),
        ("without its last byte", good[..good.len() - 1].to_vec()),
        ("a key without terminator", without(4 + 16 + 3, b'x')),
        ("a value without terminator", without(good.len() - 1, b'x')),
        ("a key that is too long", without(4, 0xff)),
        ("bytes left over", [&good[..], b"\0"].concat()),
        ("too many pairs", pairs::encode(std::iter::repeat_n(("", ""), 1025))),
    ]
}

#[test]
fn ser_4_ser_5_a_malformed_map_is_read_as_an_empty_one() {
    let size = "(call $proxy_get_header_map_size (i32.const 0) (i32.const 512))";
    let set = |length: usize| format!("(call $proxy_set_header_map_pairs (i32.const 0) (i32.const 8192) (i32.const {length}))");
    let value = "(i32.load (i32.const 512))";
    let empty = [("nothing", Vec::new()), ("a count of 0", b"\0\0\0\0".to_vec())];
    for (what, bytes) in malformed().into_iter().chain(empty) {
        let found = evaluate(&data(8192, &bytes), &[&set(bytes.len()), size, value]);
        assert_eq!(found, [0, 0, 0], "{what}");
    }
    let good = pairs::encode([("x-a", "1"), ("x-b", "2")]);
    assert_eq!(evaluate(&data(8192, &good), &[&set(good.len()), size, value]), [0, 0, 8]);
    let most = pairs::encode(std::iter::repeat_n(("a", ""), 1024));
    assert_eq!(evaluate(&data(8192, &most), &[&set(most.len()), size, value]), [0, 0, 1024]);
}

#[test]
fn ser_5_a_local_reply_with_malformed_headers_adds_none() {
    for (what, bytes) in malformed() {
        let reply = format!(
            "(drop (call $proxy_send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 8192) (i32.const {}) (i32.const -1)))",
            bytes.len(),
        );
        let text = module(&format!("{}{}", data(8192, &bytes), callback("proxy_on_request_headers", &reply, 0)));
        let exchange = get(&MockProxy::new(Plugin::from_bytes(text)).expect("the guest starts"));
        let response = exchange.response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{what}");
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("x-")), "{what}: {response:?}");
    }
}
