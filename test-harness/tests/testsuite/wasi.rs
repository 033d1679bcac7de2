//! What a module built for WASI sees of its system.

use super::get;
use super::guest::{callback, check, data, evaluate, module};
use proxy_filter_test::{LogLevel, MockProxy, Outcome, Plugin};
use std::time::Duration;

/// Two parts at 128, "hello " and "there\n", and a list of them at 64.
fn parts() -> String {
    let list: Vec<u8> = [128_u32, 6, 134, 6].iter().flat_map(|word| word.to_le_bytes()).collect();
    data(64, &list) + &data(128, b"hello there\n")
}

#[test]
fn fd_write_goes_to_the_log() {
    let write = |fd: u32| {
        format!(
            "(call $report (call $fd_write (i32.const {fd}) (i32.const 64) (i32.const 2) (i32.const 256)))
            (call $report (i32.load (i32.const 256)))"
        )
    };
    let text = module(&(parts() + &callback("proxy_on_request_headers", &format!("{}{}", write(1), write(2)), 0)));
    let exchange = get(&MockProxy::new(Plugin::from_bytes(text)).unwrap());
    let log = exchange.log();
    let lines: Vec<(LogLevel, &str)> = log.iter().map(|line| (line.level, line.message.as_str())).collect();
    let (hello, status, written) = ("hello there", (LogLevel::Info, "0"), (LogLevel::Info, "12"));
    assert_eq!(lines, [(LogLevel::Info, hello), status, written, (LogLevel::Error, hello), status, written]);
}

#[test]
fn fd_write_refuses_other_files_and_pointers_outside_memory() {
    let bad_part: Vec<u8> = [65_530_u32, 7].iter().flat_map(|word| word.to_le_bytes()).collect();
    check(
        &(parts() + &data(96, &bad_part)),
        &[
            ("(call $fd_write (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 256))", 8),
            ("(call $fd_write (i32.const 3) (i32.const 64) (i32.const 2) (i32.const 256))", 8),
            ("(call $fd_write (i32.const 1) (i32.const -1) (i32.const 1) (i32.const 256))", 21),
            ("(call $fd_write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 256))", 21),
            ("(call $fd_write (i32.const 1) (i32.const 96) (i32.const 1) (i32.const 256))", 21),
            ("(call $fd_write (i32.const 1) (i32.const 64) (i32.const -1) (i32.const 256))", 21),
            ("(i32.load (i32.const 256))", 0),
        ],
    );
}

/// A list of 7,000 parts of 64 KiB each: the guest's memory is small, what it says is not.
#[test]
fn fd_write_takes_no_more_than_the_log_does() {
    let list: Vec<u8> = (0..7_000).flat_map(|_| [0_u32, 65_536]).flat_map(u32::to_le_bytes).collect();
    let instructions = "(loop $for_ever
        (drop (call $fd_write (i32.const 1) (i32.const 8192) (i32.const 7000) (i32.const 256)))
        (br $for_ever))";
    let text = module(&(data(8192, &list) + &callback("proxy_on_request_headers", instructions, 0)));
    let proxy = MockProxy::new(Plugin::from_bytes(text).fuel_limit(1_000)).unwrap();
    assert!(get(&proxy).trap().is_some());
    let bytes: usize = proxy.log().iter().map(|line| line.message.len()).sum();
    assert!(bytes < 65 << 20, "{bytes}");
    assert!(proxy.trace().len() < 1 << 20);
}

#[test]
fn fai_13_proc_exit_does_nothing_and_returns() {
    let text = module(&callback("proxy_on_request_headers", "(call $proc_exit (i32.const 1)) (call $report (i32.const 5))", 0));
    let exchange = get(&MockProxy::new(Plugin::from_bytes(text)).unwrap());
    assert_eq!(exchange.outcome(), Outcome::Complete);
    assert!(exchange.trap().is_none());
    assert_eq!(super::messages(&exchange.log()), ["5"]);
}

#[test]
fn random_get_gives_up_to_64_kib() {
    check(
        "",
        &[
            ("(call $random_get (i32.const 256) (i32.const 0))", 0),
            ("(i32.load (i32.const 256))", 0),
            ("(call $random_get (i32.const 0) (i32.const 65536))", 0),
            ("(call $random_get (i32.const 0) (i32.const 65537))", 28),
            ("(call $random_get (i32.const 65532) (i32.const 5))", 21),
            ("(call $random_get (i32.const -1) (i32.const 1))", 21),
        ],
    );
    let expressions =
        ["(call $random_get (i32.const 256) (i32.const 8))", "(i32.load (i32.const 256))", "(i32.load (i32.const 260))"];
    let (first, second) = (evaluate("", &expressions), evaluate("", &expressions));
    assert_eq!(first, second, "a test can be repeated");
    assert!(first[1] != 0 && first[1] != first[2], "{first:?}");
}

#[test]
fn clocks_are_the_proxys_wall_clock_and_a_monotonic_one() {
    let text = module(&callback(
        "proxy_on_request_headers",
        "(call $report (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 256)))
         (call $report (i32.wrap_i64 (i64.div_u (i64.load (i32.const 256)) (i64.const 1000000000))))
         (call $report (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 264)))
         (call $report (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 272)))
         (call $report (i64.le_u (i64.load (i32.const 264)) (i64.load (i32.const 272))))
         (call $report (call $clock_time_get (i32.const 2) (i64.const 0) (i32.const 256)))
         (call $report (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65530)))",
        0,
    ));
    let proxy = MockProxy::builder().plugin(Plugin::from_bytes(text)).time(Duration::from_secs(1_234)).start().unwrap();
    assert_eq!(super::messages(&get(&proxy).log()), ["0", "1234", "0", "0", "1", "58", "21"]);
}

#[test]
fn there_is_no_environment_and_only_the_log_to_write_to() {
    check(
        &data(256, &[0xff; 16]),
        &[
            ("(call $environ_sizes_get (i32.const 256) (i32.const 260))", 0),
            ("(i32.load (i32.const 256))", 0),
            ("(i32.load (i32.const 260))", 0),
            ("(call $environ_sizes_get (i32.const 256) (i32.const 65534))", 21),
            ("(call $fd_fdstat_get (i32.const 1) (i32.const 512))", 0),
            ("(i32.load (i32.const 520))", 64),
            ("(call $fd_fdstat_get (i32.const 0) (i32.const 512))", 8),
            ("(call $fd_fdstat_get (i32.const 2) (i32.const 65530))", 21),
        ],
    );
}

#[test]
fn wasi_functions_may_be_called_while_the_module_initialises() {
    let text = module(
        &(parts()
            + "(func (export \"_initialize\")
            (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 2) (i32.const 256)))
            (drop (call $random_get (i32.const 256) (i32.const 8))))"),
    );
    let proxy = MockProxy::new(Plugin::from_bytes(text)).unwrap();
    assert_eq!(super::messages(&proxy.log()), ["hello there"]);
}
