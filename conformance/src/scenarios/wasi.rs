//! The WASI functions: what they answer, and what they write.

use super::guest::{in_request_headers, module, wasi};
use crate::scenario::{Scenario, scenario};

const PREVIEW1: &str = "wasi_snapshot_preview1";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("wasi-clocks", &["WAS-2", "WAS-3", "WAS-20", "NUM-13"]).text(&wasi(
            PREVIEW1,
            &[
                ("clock_time_get", "2 0L 256"),
                ("clock_time_get", "0 0L 65530"),
                ("clock_res_get", "0 256"),
                ("clock_res_get", "1 256"),
                ("clock_res_get", "2 256"),
                ("clock_res_get", "0 65530"),
            ],
        )),
        scenario("wasi-random", &["WAS-4", "NUM-13"]).text(&wasi(
            PREVIEW1,
            &[("random_get", "256 0"), ("random_get", "-1 0"), ("random_get", "512 65536"), ("random_get", "512 65537")],
        )),
        scenario("wasi-arguments", &["WAS-5", "ENV-1", "WAS-20"]).text(&wasi(
            PREVIEW1,
            &[
                ("args_sizes_get", "256 260"),
                ("args_sizes_get", "256 65534"),
                ("args_sizes_get", "65534 256"),
                ("args_get", "-1 -1"),
                ("environ_sizes_get", "256 260"),
                ("environ_get", "-1 -1"),
            ],
        )),
        scenario("wasi-environment", &["ENV-1"]).environment(&[("MODE", "a=b")]).text(&wasi(
            PREVIEW1,
            &[
                ("environ_sizes_get", "256 260"),
                ("environ_get", "256 264"),
                ("environ_get", "65534 264"),
                ("environ_get", "256 65534"),
            ],
        )),
        scenario("wasi-nothing-to-do", &["WAS-6"]).text(&wasi(
            PREVIEW1,
            &[
                ("fd_close", "99"),
                ("fd_seek", "99 5L 0 256"),
                ("fd_advise", "99 0L 0L 0"),
                ("sched_yield", ""),
                ("poll_oneoff", "320 320 1 256"),
                ("poll_oneoff", "320 320 1 65534"),
            ],
        )),
        scenario("wasi-files", &["WAS-7", "WAS-8", "WAS-9", "WAS-10", "WAS-11", "WAS-12", "NUM-13"]).text(&wasi(
            PREVIEW1,
            &[
                ("fd_fdstat_get", "1 256"),
                ("fd_fdstat_get", "2 65530"),
                ("fd_fdstat_get", "3 256"),
                ("fd_read", "0 320 0 256"),
                ("path_open", "3 0 65535 4 0 0L 0L 0 256"),
                ("fd_prestat_get", "3 256"),
                ("fd_filestat_get", "1 256"),
                ("fd_prestat_dir_name", "3 256 8"),
                ("fd_readdir", "1 264 8 0L 256"),
                ("fd_readdir", "1 264 8 0L 65534"),
            ],
        )),
        scenario("wasi-not-supported", &["WAS-13"]).text(&wasi(
            PREVIEW1,
            &[
                ("path_create_directory", "1 1 1"),
                ("path_filestat_get", "1 1 1 1 1"),
                ("path_filestat_set_times", "1 1 1 1 0L 0L 1"),
                ("path_readlink", "1 1 1 1 1 256"),
                ("path_readlink", "1 1 1 1 1 65534"),
                ("path_remove_directory", "1 1 1"),
                ("path_rename", "1 1 1 1 1 1"),
                ("path_unlink_file", "1 1 1"),
                ("sock_accept", "0 0 256"),
                ("sock_accept", "0 0 65530"),
                ("sock_recv", "0 0 0 0 256 272"),
                ("sock_recv", "0 0 0 0 65534 272"),
                ("sock_recv", "0 0 0 0 256 65535"),
                ("sock_send", "0 0 0 0 256"),
                ("sock_send", "0 0 0 0 65534"),
                ("sock_shutdown", "1 1"),
            ],
        )),
        scenario("wasi-of-open-files", &["WAS-14", "WAS-15", "WAS-18", "NUM-13"]).text(&wasi(
            PREVIEW1,
            &[
                ("fd_allocate", "1 0L 0L"),
                ("fd_allocate", "3 0L 0L"),
                ("fd_datasync", "2"),
                ("fd_datasync", "0"),
                ("fd_fdstat_set_flags", "1 0"),
                ("fd_fdstat_set_rights", "1 0L 0L"),
                ("fd_fdstat_set_rights", "3 0L 0L"),
                ("fd_filestat_set_size", "1 0L"),
                ("fd_filestat_set_size", "3 0L"),
                ("fd_filestat_set_times", "2 0L 0L 0"),
                ("fd_filestat_set_times", "3 0L 0L 0"),
                ("fd_pread", "1 320 0 0L 256"),
                ("fd_sync", "1"),
                ("fd_sync", "99"),
                ("fd_tell", "1 256"),
                ("fd_tell", "1 65530"),
                ("fd_tell", "3 256"),
                ("fd_renumber", "1 2"),
                ("fd_renumber", "3 2"),
            ],
        )),
        scenario("wasi-unstable", &["WAS-6", "WAS-8", "WAS-14"]).text(&wasi(
            "wasi_unstable",
            &[("fd_seek", "99 5L 0 256"), ("fd_read", "0 320 0 256"), ("fd_tell", "1 256"), ("fd_pwrite", "3 64 0 0L 256")],
        )),
        scenario("wasi-write", &["WAS-1", "WAS-20"]).text(&writing()),
        scenario("wasi-exit", &["WAS-16", "FAI-13"]).text(&module(
            r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#,
            &in_request_headers("(call $exit (i32.const 1)) (call $report (i32.const 5))"),
        )),
    ]
}

/// Writes lists of parts at 64, 80, …: of text, of a text that ends with two newlines, of nothing, and of what is not there.
fn writing() -> String {
    let write = |fd: u32, list: u32, count: u32, written: u32| {
        format!(
            "(call $report (call $fd_write (i32.const {fd}) (i32.const {list}) (i32.const {count}) (i32.const {written})))
             (call $report (i32.load (i32.const 256)))"
        )
    };
    let calls = [
        write(1, 64, 2, 256),
        write(2, 64, 2, 256),
        write(1, 64, 0, 256),
        write(1, 80, 1, 256),
        write(1, 88, 1, 256),
        write(1, 65532, 1, 256),
        write(1, 64, 1, 65534),
        write(0, 64, 1, 256),
    ];
    let data = r#"
        (data (i32.const 64) "\80\00\00\00\06\00\00\00\86\00\00\00\06\00\00\00")
        (data (i32.const 80) "\90\00\00\00\00\00\00\00")
        (data (i32.const 88) "\fa\ff\00\00\07\00\00\00")
        (data (i32.const 128) "hello there\n")"#;
    module(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))"#,
        &format!("{data} {}", in_request_headers(&calls.concat())),
    )
}
