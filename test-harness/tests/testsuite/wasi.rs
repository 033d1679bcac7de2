//! What a module built for WASI sees of its system.

use super::guest::{callback, check, data, evaluate, module};
use super::{get, messages};
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
    assert_eq!(messages(&exchange.log()), ["5"]);
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
fn clocks_are_the_proxys_and_each_is_set_apart() {
    let clock = |id: u32| {
        format!(
            "(call $report (call $clock_time_get (i32.const {id}) (i64.const 0) (i32.const 256)))
             (call $report (i32.wrap_i64 (i64.div_u (i64.load (i32.const 256)) (i64.const 1000000))))"
        )
    };
    let text = module(&callback(
        "proxy_on_request_headers",
        &format!(
            "{}{}
             (call $report (call $clock_time_get (i32.const 2) (i64.const 0) (i32.const 256)))
             (call $report (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65530)))",
            clock(0),
            clock(1),
        ),
        0,
    ));
    let proxy = MockProxy::builder().plugin(Plugin::from_bytes(text)).time(Duration::from_secs(1_234)).start().unwrap();
    let times = || {
        let log = get(&proxy).log();
        let messages = messages(&log);
        assert_eq!([messages[0], messages[2], messages[4], messages[5]], ["0", "0", "58", "21"]);
        let number = |text: &str| text.parse::<u64>().unwrap();
        (number(messages[1]), number(messages[3]))
    };
    let (_, begin) = times();
    assert_eq!(times(), (1_234_000, begin), "time does not pass by itself");
    proxy.advance(Duration::from_millis(40));
    assert_eq!(times(), (1_234_040, begin + 40));
    proxy.set_time(Duration::from_secs(7));
    assert_eq!(times(), (7_000, begin + 40));
    proxy.set_monotonic_time(Duration::from_millis(begin + 500));
    assert_eq!(times(), (7_000, begin + 500));
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
            ("(call $fd_fdstat_get (i32.const 2) (i32.const 65530))", 0),
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
    assert_eq!(messages(&proxy.log()), ["hello there"]);
}

/// A call, with `L` after the arguments that are 64 bits wide, and what it answers: found on Envoy.
const ANSWERS: &[(&str, &str, u32)] = &[
    // WAS-1
    ("fd_write", "0 64 0 256", 8),
    ("fd_write", "1 64 0 256", 0),
    ("fd_write", "1 64 0 65534", 21),
    ("fd_pwrite", "3 64 0 0L 256", 8),
    ("fd_pwrite", "1 64 0 0L 256", 0),
    // WAS-2, WAS-3
    ("clock_time_get", "2 0L 256", 58),
    ("clock_time_get", "0 0L 65530", 21),
    ("clock_res_get", "0 256", 0),
    ("clock_res_get", "1 65530", 21),
    ("clock_res_get", "2 256", 58),
    // WAS-4
    ("random_get", "-1 0", 0),
    ("random_get", "512 65536", 21),
    ("random_get", "512 65537", 28),
    // WAS-5
    ("args_get", "-1 -1", 0),
    ("args_sizes_get", "256 65534", 21),
    ("environ_get", "-1 -1", 0),
    ("environ_sizes_get", "65534 256", 21),
    // WAS-6
    ("fd_advise", "99 0L 0L 0", 0),
    ("fd_close", "99", 0),
    ("fd_seek", "99 5L 0 65530", 0),
    ("poll_oneoff", "320 320 1 256", 0),
    ("poll_oneoff", "320 320 1 65534", 21),
    ("sched_yield", "", 0),
    // WAS-7
    ("fd_fdstat_get", "1 65530", 0),
    ("fd_fdstat_get", "3 256", 8),
    // WAS-8 to WAS-12
    ("fd_read", "0 320 0 256", 52),
    ("path_open", "3 0 65535 4 0 0L 0L 0 280", 44),
    ("fd_prestat_get", "3 256", 8),
    ("fd_filestat_get", "1 256", 8),
    ("fd_prestat_dir_name", "3 256 8", 52),
    ("fd_readdir", "1 256 8 0L 288", 20),
    ("fd_readdir", "1 256 8 0L 65534", 21),
    // WAS-13
    ("path_create_directory", "1 1 1", 58),
    ("path_filestat_get", "1 1 1 1 1", 58),
    ("path_filestat_set_times", "1 1 1 1 0L 0L 1", 58),
    ("path_readlink", "1 1 1 1 1 256", 58),
    ("path_readlink", "1 1 1 1 1 65534", 21),
    ("path_remove_directory", "1 1 1", 58),
    ("path_rename", "1 1 1 1 1 1", 58),
    ("path_unlink_file", "1 1 1", 58),
    ("sock_accept", "0 0 256", 58),
    ("sock_accept", "0 0 65530", 21),
    ("sock_recv", "0 0 0 0 256 272", 58),
    ("sock_recv", "0 0 0 0 65534 272", 21),
    ("sock_recv", "0 0 0 0 256 65535", 21),
    ("sock_send", "0 0 0 0 256", 58),
    ("sock_send", "0 0 0 0 65534", 21),
    ("sock_shutdown", "1 1", 58),
    // WAS-14, WAS-15
    ("fd_allocate", "1 0L 0L", 0),
    ("fd_allocate", "3 0L 0L", 8),
    ("fd_datasync", "2", 0),
    ("fd_datasync", "0", 8),
    ("fd_fdstat_set_flags", "1 0", 52),
    ("fd_fdstat_set_rights", "1 0L 0L", 0),
    ("fd_fdstat_set_rights", "0 0L 0L", 8),
    ("fd_filestat_set_size", "1 0L", 0),
    ("fd_filestat_set_size", "5 0L", 8),
    ("fd_filestat_set_times", "2 0L 0L 0", 0),
    ("fd_filestat_set_times", "5 0L 0L 0", 8),
    ("fd_pread", "1 320 0 0L 256", 52),
    ("fd_sync", "1", 0),
    ("fd_sync", "99", 8),
    ("fd_tell", "1 256", 0),
    ("fd_tell", "1 65530", 21),
    ("fd_tell", "3 256", 8),
    // WAS-18
    ("fd_renumber", "1 2", 58),
    ("fd_renumber", "3 2", 8),
];

#[test]
fn was_1_to_was_18_every_function_answers_as_envoy_does_under_both_names() {
    for names in ["wasi_snapshot_preview1", "wasi_unstable"] {
        let (mut imports, mut calls) = (String::new(), String::new());
        for (index, (name, arguments, _)) in ANSWERS.iter().enumerate() {
            let kinds: Vec<&str> =
                arguments.split_whitespace().map(|word| if word.ends_with('L') { "i64" } else { "i32" }).collect();
            imports += &format!("(import \"{names}\" \"{name}\" (func $f{index} (param {}) (result i32)))\n", kinds.join(" "));
            let values = arguments.split_whitespace().zip(&kinds);
            let values: String = values.map(|(word, kind)| format!("({kind}.const {})", word.trim_end_matches('L'))).collect();
            calls += &format!("(call $report (call $f{index} {values}))\n");
        }
        let text = module(&callback("proxy_on_request_headers", &calls, 0)).replacen(
            "(module $guest\n",
            &format!("(module\n{imports}"),
            1,
        );
        let exchange = get(&MockProxy::new(Plugin::from_bytes(text)).unwrap());
        let log = exchange.log();
        let found: Vec<_> = ANSWERS
            .iter()
            .zip(messages(&log))
            .map(|((name, arguments, _), found)| (*name, *arguments, found.parse().unwrap()))
            .collect();
        assert_eq!(found, ANSWERS);
    }
}

// WAS-1
#[test]
fn was_1_one_newline_is_dropped_and_no_bytes_are_no_line() {
    let list: Vec<u8> = [160_u32, 0, 160, 1, 160, 2, 170, 4].iter().flat_map(|word| word.to_le_bytes()).collect();
    let writes: String = [64, 72, 80, 88]
        .map(|at| format!("(drop (call $fd_write (i32.const 1) (i32.const {at}) (i32.const 1) (i32.const 256)))"))
        .concat();
    let text = module(
        &(data(64, &list) + &data(160, b"\n\n") + &data(170, b"a\n\n\n") + &callback("proxy_on_request_headers", &writes, 0)),
    );
    let exchange = get(&MockProxy::new(Plugin::from_bytes(text)).unwrap());
    assert_eq!(messages(&exchange.log()), ["", "\n", "a\n\n"]);
}

// WAS-6, WAS-7, WAS-13: what is written beside the answer.
#[test]
fn was_7_what_is_written_is_what_envoy_writes() {
    let ones = data(256, &[0xff; 64]);
    check(
        &ones,
        &[
            ("(call $fd_fdstat_get (i32.const 1) (i32.const 256))", 0),
            ("(i32.load (i32.const 256))", 0),
            ("(i32.load (i32.const 264))", 64),
            ("(i32.load (i32.const 276))", 0),
            ("(i32.load (i32.const 280))", u32::MAX),
        ],
    );
}

// MEM-4
#[test]
fn mem_4_the_allocator_may_call_these_functions_and_no_others() {
    use super::guest::module_with_allocator;
    let reads = callback(
        "proxy_on_vm_start",
        "(call $report (call $proxy_get_buffer_bytes (i32.const 6) (i32.const 0) (i32.const 9) (i32.const 256) (i32.const 260)))",
        1,
    );
    for (call, status) in [
        ("(call $fd_write (i32.const 1) (i32.const 64) (i32.const 0) (i32.const 256))", "0"),
        ("(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 256))", "0"),
        ("(call $proxy_log (i32.const 0) (i32.const 0) (i32.const 0))", "0"),
        ("(call $random_get (i32.const 256) (i32.const 4))", "6"),
        ("(call $fd_fdstat_get (i32.const 1) (i32.const 256))", "6"),
        ("(call $environ_sizes_get (i32.const 256) (i32.const 260))", "6"),
        ("(call $proxy_get_log_level (i32.const 256))", "6"),
    ] {
        let allocator = format!("(func (export \"malloc\") (param i32) (result i32) (drop {call}) (i32.const 4096))");
        let plugin = Plugin::from_bytes(module_with_allocator(&allocator, &reads)).vm_config("vm");
        let proxy = MockProxy::builder().plugin(plugin).log_level(LogLevel::Info).start().unwrap();
        assert_eq!(messages(&proxy.log()), [status], "{call}");
        // MEM-3: the callback has answered, so that the plugin is loaded; its VM is dead.
        let dead = proxy.trace().contains("was called by the allocator, which may call only proxy_log, fd_write");
        assert_eq!(dead, status == "6", "{call}");
        assert_eq!(get(&proxy).response().status(), if dead { 503 } else { 200 }, "{call}");
    }
}
