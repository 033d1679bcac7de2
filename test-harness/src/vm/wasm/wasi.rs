//! The WASI functions that a module built for wasm32-wasip1 imports, as Envoy answers them.

use super::StoreData;
use super::linker::{memory, store};
use proxy_filter_abi::{Host, LogLevel};
use std::time::Instant;
use wasmtime::{Caller, Linker};

pub(super) const MODULES: &[&str] = &["wasi_snapshot_preview1", "wasi_unstable"];

const SUCCESS: i32 = 0;
const EBADF: i32 = 8;
const EFAULT: i32 = 21;
const EINVAL: i32 = 28;
const ENOTSUP: i32 = 58;

type Guest<'a> = Caller<'a, StoreData>;

macro_rules! functions {
    ($($name:ident $call:expr;)*) => {
        /// The functions that are offered.
        pub(super) const FUNCTIONS: &[&str] = &[$(stringify!($name)),*, "proc_exit"];

        pub(super) fn define(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
            for module in MODULES {
                $(linker.func_wrap(module, stringify!($name), $call)?;)*
                // FAI-13: does nothing and returns.
                linker.func_wrap(module, "proc_exit", |_: i32| {})?;
            }
            Ok(())
        }
    };
}

functions! {
    args_get |_: Guest<'_>, _: u32, _: u32| SUCCESS;
    args_sizes_get no_strings;
    environ_get |_: Guest<'_>, _: u32, _: u32| SUCCESS;
    environ_sizes_get no_strings;
    clock_time_get clock_time_get;
    fd_write fd_write;
    fd_close |_: Guest<'_>, _: u32| SUCCESS;
    fd_seek |_: Guest<'_>, _: u32, _: i64, _: u32, _: u32| SUCCESS;
    fd_fdstat_get fd_fdstat_get;
    fd_prestat_get |_: Guest<'_>, _: u32, _: u32| EBADF;
    poll_oneoff |mut guest: Guest<'_>, _: u32, _: u32, _: u32, events: u32| put(&mut guest, events, &0_u32.to_le_bytes());
    random_get random_get;
    sched_yield |_: Guest<'_>| SUCCESS;
}

fn put(guest: &mut Guest<'_>, pointer: u32, bytes: &[u8]) -> i32 {
    store(guest, pointer, bytes).map_or(EFAULT, |()| SUCCESS)
}

/// Counts what a function has done for the guest; when too much was done the guest has no fuel any more.
fn work(guest: &mut Guest<'_>, bytes: usize) {
    if !guest.data_mut().work.take(bytes) {
        // Fuel is on in this engine, so it can be set.
        let _ = guest.set_fuel(0);
    }
}

/// There are no arguments, and no environment until one is configured.
fn no_strings(mut guest: Guest<'_>, count: u32, size: u32) -> i32 {
    match put(&mut guest, count, &0_u32.to_le_bytes()) {
        SUCCESS => put(&mut guest, size, &0_u32.to_le_bytes()),
        error => error,
    }
}

fn clock_time_get(mut guest: Guest<'_>, clock: u32, _precision: u64, time: u32) -> i32 {
    let nanoseconds = match clock {
        0 => guest.data().host.0.state().clock.get().as_nanos(),
        1 => {
            static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
            START.get_or_init(Instant::now).elapsed().as_nanos()
        }
        _ => return ENOTSUP,
    };
    put(&mut guest, time, &u64::try_from(nanoseconds).unwrap_or(u64::MAX).to_le_bytes())
}

/// What is longer is cut in the log.
const LONGEST_LINE: usize = 1 << 20;

/// fd 1 goes to the log at info, fd 2 at error, without one newline at the end.
fn fd_write(mut guest: Guest<'_>, fd: u32, iovs: u32, count: u32, written: u32) -> i32 {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return EBADF,
    };
    let Some(memory) = memory(&mut guest) else { return EFAULT };
    let bytes = memory.data(&guest);
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let (mut text, mut length) = (Vec::new(), 0_usize);
    for index in 0..count as usize {
        let at = (iovs as usize).saturating_add(index.saturating_mul(8));
        let part = word(at).zip(word(at.saturating_add(4))).and_then(|(start, len)| bytes.get(start..start.checked_add(len)?));
        let Some(part) = part else { return EFAULT };
        // The parts may overlap, and so be longer together than the guest's memory.
        length = length.saturating_add(part.len());
        text.extend_from_slice(&part[..part.len().min(LONGEST_LINE - text.len())]);
    }
    work(&mut guest, length.saturating_add(count as usize));
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let _ = guest.data().host.proxy_log(level, line);
    put(&mut guest, written, &u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes())
}

fn fd_fdstat_get(mut guest: Guest<'_>, fd: u32, stat: u32) -> i32 {
    const CHARACTER_DEVICE: u8 = 2;
    const RIGHT_TO_WRITE: u64 = 64;
    if !matches!(fd, 1 | 2) {
        return EBADF;
    }
    let mut bytes = [0; 24];
    bytes[0] = CHARACTER_DEVICE;
    bytes[8..16].copy_from_slice(&RIGHT_TO_WRITE.to_le_bytes());
    put(&mut guest, stat, &bytes)
}

/// The same numbers in every run, so that tests can be repeated.
fn random_get(mut guest: Guest<'_>, pointer: u32, size: u32) -> i32 {
    const MOST: u32 = 65536;
    if size > MOST {
        return EINVAL;
    }
    work(&mut guest, size as usize);
    let mut state = guest.data().random;
    let bytes: Vec<u8> = (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    guest.data_mut().random = state;
    put(&mut guest, pointer, &bytes)
}
