//! Guests that trap, loop, recurse, or want too much: each ends at its limit, as a value.

use super::guest::{callback, check, module};
use super::{get, messages};
use http::StatusCode;
use proxy_filter_test::{LogLevel, MockProxy, Plugin, Trap, TrapKind};

/// How a guest dies that runs these instructions in `proxy_on_request_headers`.
#[track_caller]
fn trap(definitions: &str, instructions: &str, limits: impl FnOnce(Plugin) -> Plugin) -> Trap {
    let text = module(&format!("{definitions}\n{}", callback("proxy_on_request_headers", instructions, 0)));
    let proxy = MockProxy::new(limits(Plugin::from_bytes(text))).expect("the guest starts");
    let exchange = get(&proxy);
    assert_eq!(exchange.response().status(), StatusCode::SERVICE_UNAVAILABLE);
    exchange.trap().expect("the guest traps")
}

const KIB_64: u64 = 65_536;

#[test]
fn every_way_to_die_has_its_kind() {
    let recursion = "(func $down (param i32) (call $down (local.get 0)))";
    let table = "(type $nullary (func)) (table 1 funcref) (elem (i32.const 0) $down) (func $down (param i32))";
    for (definitions, instructions, kind) in [
        ("", "unreachable", TrapKind::Unreachable),
        ("", "(drop (i32.load (i32.const -1)))", TrapKind::MemoryOutOfBounds),
        ("", "(drop (i32.load (i32.const 65533)))", TrapKind::MemoryOutOfBounds),
        ("", "(i64.store (i32.const 0x7fffffff) (i64.const 1))", TrapKind::MemoryOutOfBounds),
        ("", "(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000))", TrapKind::MemoryOutOfBounds),
        (recursion, "(call $down (i32.const 1))", TrapKind::StackOverflow),
        ("", "(loop $for_ever (br $for_ever))", TrapKind::OutOfFuel),
        ("", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", TrapKind::Other),
        (table, "(call_indirect (type $nullary) (i32.const 0))", TrapKind::Other),
    ] {
        let trap = trap(definitions, instructions, |plugin| plugin.fuel_limit(1_000_000));
        assert_eq!(trap.kind, kind, "{instructions}: {trap}");
        assert!(trap.callback.starts_with("proxy_on_request_headers(context_id=2, "), "{trap}");
    }
}

#[test]
fn a_loop_is_told_with_its_limit() {
    let trap = trap("", "(loop $for_ever (br $for_ever))", |plugin| plugin.fuel_limit(20_000));
    assert_eq!(trap.message, "the callback used all of its 20000 instructions: does it loop for ever?");
}

#[test]
fn fuel_is_given_anew_to_each_callback() {
    let work =
        "(local $n i32) (loop $on (br_if $on (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))";
    let text = module(&callback("proxy_on_request_headers", work, 0));
    let proxy = MockProxy::new(Plugin::from_bytes(text).fuel_limit(15_000)).unwrap();
    for _ in 0..10 {
        let exchange = get(&proxy);
        assert!(exchange.trap().is_none(), "{exchange:?}");
        assert!((5_000..15_000).contains(&exchange.fuel_used()), "{}", exchange.fuel_used());
    }
}

#[test]
fn a_loop_of_hostcalls_fills_neither_the_log_nor_the_trace_without_bound() {
    let instructions = "(loop $for_ever (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 4000))) (br $for_ever))";
    let text = module(&callback("proxy_on_request_headers", instructions, 0));
    let proxy = MockProxy::new(Plugin::from_bytes(text).fuel_limit(250_000)).unwrap();
    let exchange = get(&proxy);
    assert_eq!(exchange.trap().expect("it loops").kind, TrapKind::OutOfFuel);
    let log = proxy.log();
    let bytes: usize = log.iter().map(|line| line.message.len()).sum();
    assert!((60 << 20..65 << 20).contains(&bytes), "{bytes} bytes of log");
    let last = log.last().expect("there are lines");
    assert!(last.level == LogLevel::Warn && last.message.contains("further lines are dropped"), "{last}");
    let trace = proxy.trace();
    assert!(trace.len() < 64 << 20, "{} bytes of trace", trace.len());
    assert!(trace.starts_with("plugin: proxy_on_context_create"), "the beginning is kept");
    assert!(trace.contains("trapped: the callback used all"), "and the end");
    assert!(trace.contains(" lines are left out"), "{}", &trace[..2000]);
}

/// MEM-7: `memory.grow` past the limit answers -1.
#[test]
fn mem_7_memory_past_the_limit_is_refused_and_the_guest_goes_on() {
    check(
        "",
        &[
            ("(memory.grow (i32.const 0))", 1),
            ("(memory.grow (i32.const 2))", 1),
            ("(memory.grow (i32.const 16384))", u32::MAX),
            ("(memory.grow (i32.const -1))", u32::MAX),
            ("(memory.size)", 3),
        ],
    );
}

#[test]
fn a_guest_that_is_refused_memory_and_gives_up_ran_out_of_memory() {
    let give_up = |pages: i64| format!("(if (i32.lt_s (memory.grow (i32.const {pages})) (i32.const 0)) (then unreachable))");
    let own_maximum = "(memory $small 1 2) ";
    let grow_small = "(if (i32.lt_s (memory.grow $small (i32.const 2)) (i32.const 0)) (then unreachable))".to_owned();
    for (definitions, instructions, wanted, limit) in [
        ("", give_up(3), 4 * KIB_64, 2 * KIB_64),
        ("", give_up(65_534), 65_535 * KIB_64, 2 * KIB_64),
        // So much cannot even be addressed.
        ("", give_up(-1), (1 << 32) * KIB_64, 2 * KIB_64),
        // Beside the page of the other memory.
        (own_maximum, grow_small, 4 * KIB_64, 3 * KIB_64),
    ] {
        let memory_limit = if definitions.is_empty() { limit } else { 100 * KIB_64 };
        let trap = trap(definitions, &instructions, |plugin| plugin.memory_limit(memory_limit));
        let TrapKind::OutOfMemory { wanted: found, limit: may } = trap.kind else { panic!("{trap}") };
        assert_eq!((found, may), (wanted, limit), "{trap}");
    }
    let trap = trap("", &give_up(65_534), |plugin| plugin);
    assert_eq!(trap.message, "the guest wanted 4194240 KiB of memory and may have 1048576 KiB");
}

#[test]
fn all_memories_and_all_tables_count_together() {
    let grow = |memory: &str, pages: u32| format!("(memory.grow {memory} (i32.const {pages}))");
    let limit = 16_384 - 1;
    check(
        "(memory $second 0) (memory $third 0)",
        &[
            (&grow("$second", limit - 10), 0),
            (&grow("$third", 11), u32::MAX),
            (&grow("$third", 10), 0),
            (&grow("0", 1), u32::MAX),
            ("(memory.size $third)", 10),
        ],
    );
    let grow = |table: &str, elements: u32| format!("(table.grow {table} (ref.null func) (i32.const {elements}))");
    check(
        "(table $first 0 funcref) (table $second 0 funcref)",
        &[(&grow("$first", 1_000_000), 0), (&grow("$second", 100_000), u32::MAX), (&grow("$second", 10_000), 0)],
    );
}

#[test]
fn a_refusal_that_the_guest_lived_with_is_not_taken_for_a_later_death() {
    let text = module(&format!(
        "{}\n{}",
        callback("proxy_on_request_headers", "(drop (memory.grow (i32.const 60000)))", 0),
        callback("proxy_on_response_headers", "unreachable", 0),
    ));
    let proxy = MockProxy::new(Plugin::from_bytes(text)).unwrap();
    assert_eq!(get(&proxy).trap().expect("it dies").kind, TrapKind::Unreachable);
}

#[test]
fn a_memory_that_begins_above_the_limit_is_refused_at_load() {
    let refused = MockProxy::new(Plugin::from_bytes(module("")).memory_limit(KIB_64 - 1)).expect_err("it wants a page");
    let text = refused.to_string();
    assert!(text.contains("the guest wanted 64 KiB of memory and may have 63 KiB"), "{text}");
    // Beside the page of the other memory.
    let huge = module("(memory $huge 65536)");
    let text = MockProxy::new(Plugin::from_bytes(huge)).expect_err("it wants 4 GiB").to_string();
    assert!(text.contains("the guest wanted 4194368 KiB of memory and may have 1048576 KiB"), "{text}");
}

#[test]
fn a_table_that_is_too_large_is_refused() {
    check("(table $functions 0 funcref)", &[("(table.grow $functions (ref.null func) (i32.const 10000000))", u32::MAX)]);
    let huge = module("(table 100000000 funcref)");
    let text = MockProxy::new(Plugin::from_bytes(huge)).expect_err("it wants 100 million entries").to_string();
    assert!(text.contains("it cannot be instantiated: table minimum size of 100000000 elements exceeds table limits"), "{text}");
}

#[test]
fn a_loop_of_hostcalls_that_copy_ends_long_before_its_fuel() {
    let add = "(drop (call $proxy_set_buffer_bytes (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 65536)))";
    let reply =
        "(drop (call $proxy_send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 65536)
        (i32.const 0) (i32.const 0) (i32.const -1)))";
    let random = "(drop (call $random_get (i32.const 0) (i32.const 65536)))";
    let clock = "(drop (call $proxy_get_current_time_nanoseconds (i32.const 64)))";
    for hostcall in [add, reply, random, clock] {
        let trap = trap("", &format!("(loop $for_ever {hostcall} (br $for_ever))"), |plugin| plugin);
        assert_eq!(trap.kind, TrapKind::OutOfFuel, "{trap}");
        assert!(trap.message.ends_with("moved 262144 KiB by them (Limits::hostcalls): does it loop for ever?"), "{trap}");
    }
}

#[test]
fn a_loop_of_calls_that_do_nothing_ends_too() {
    let no_capability = "(drop (call $proxy_get_current_time_nanoseconds (i32.const 64)))";
    let wasi = "(drop (call $args_get (i32.const 0) (i32.const 0)))";
    // Its last part is outside memory.
    let fails_late = "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 64)))";
    for call in [no_capability, wasi, fails_late] {
        let trap = trap("", &format!("(loop $for_ever {call} (br $for_ever))"), |plugin| {
            plugin.allowed_capabilities(["proxy_on_request_headers", "args_get", "fd_write"])
        });
        assert!(trap.message.ends_with("(Limits::hostcalls): does it loop for ever?"), "{call}: {trap}");
    }
    // LIF-27
    let import = r#"(module $guest (import "env" "emscripten_notify_memory_growth" (func $grown (param i32)))"#;
    let text = module(&callback("proxy_on_request_headers", "(loop $for_ever (call $grown (i32.const 0)) (br $for_ever))", 0));
    let proxy = MockProxy::new(Plugin::from_bytes(text.replacen("(module $guest", import, 1))).expect("the guest starts");
    let trap = get(&proxy).trap().expect("it loops");
    assert!(trap.message.contains("(Limits::hostcalls)"), "{trap}");
}

#[test]
fn the_backtrace_names_the_guests_functions_innermost_first() {
    let definitions = "(func $outer (call $inner)) (func $inner unreachable)";
    let trap = trap(definitions, "(call $outer)", |plugin| plugin);
    let names: Vec<&str> = trap.backtrace.iter().map(|frame| frame.rsplit('!').next().unwrap_or_default()).collect();
    assert_eq!(names, ["inner", "outer", "on_proxy_on_request_headers"], "{trap}");
}

#[test]
fn a_trap_reads_as_callback_cause_backtrace_and_what_came_before() {
    let trap = trap("", "(drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 1))) unreachable", |plugin| plugin);
    let text = trap.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "trap in proxy_on_request_headers(context_id=2, num_headers=6, end_of_stream=1): wasm trap: wasm `unreachable` instruction executed",
            "0: guest!on_proxy_on_request_headers",
            "before it:",
            "plugin: proxy_on_context_create(context_id=1, parent_id=0)",
            "= 0",
            "plugin: proxy_on_vm_start(context_id=1, configuration_size=0)",
            "= 1",
            "plugin: proxy_on_configure(context_id=1, configuration_size=0)",
            "= 1",
            "plugin: proxy_on_context_create(context_id=2, parent_id=1)",
            "= 0",
            "plugin: proxy_on_request_headers(context_id=2, num_headers=6, end_of_stream=1)",
            "proxy_log(INFO, \"\\x00\") -> OK",
        ]
    );
}

#[test]
fn log_lines_of_any_bytes_and_level_are_kept_as_text() {
    let text = module(&format!(
        "{}\n{}",
        super::guest::data(64, b"a\xff\0\n"),
        callback("proxy_on_request_headers", "(drop (call $proxy_log (i32.const 5) (i32.const 64) (i32.const 4)))", 0),
    ));
    let proxy = MockProxy::new(Plugin::from_bytes(text)).unwrap();
    assert_eq!(messages(&get(&proxy).log()), ["a\u{fffd}\0\n"]);
}
