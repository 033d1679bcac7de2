//! The WASI functions that Envoy offers, with its answers (WAS-1 to WAS-18).

use super::StoreData;
use super::engine::engine;
use super::linker::{begin, memory, store};
use proxy_filter_abi::{Host, LogLevel};
use wasmtime::{Caller, FuncType, Linker, Val, ValType};

pub(super) const MODULES: &[&str] = &["wasi_snapshot_preview1", "wasi_unstable"];

const SUCCESS: i32 = 0;
const EBADF: i32 = 8;
const ENOTDIR: i32 = 20;
const EFAULT: i32 = 21;
const EINVAL: i32 = 28;
const ENOENT: i32 = 44;
const ENOSYS: i32 = 52;
const ENOTSUP: i32 = 58;
const ENOTCAPABLE: i32 = 76;

type Guest<'a> = Caller<'a, StoreData>;

/// A function that is offered.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// `i` for each `i32`, `I` for each `i64`.
    parameters: &'static str,
    /// Gets the parameters' low words.
    answer: fn(&mut Guest<'_>, &[u32]) -> i32,
}

impl Function {
    /// The import's type on the wire.
    pub(super) fn ty(&self) -> FuncType {
        let parameters = self.parameters.bytes().map(|kind| if kind == b'I' { ValType::I64 } else { ValType::I32 });
        FuncType::new(engine(), parameters, (self.name != "proc_exit").then_some(ValType::I32))
    }
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

macro_rules! functions {
    ($($name:ident $parameters:literal $answer:expr;)*) => {
        /// What is offered.
        pub(super) const FUNCTIONS: &[Function] =
            &[$(Function { name: stringify!($name), parameters: $parameters, answer: $answer }),*];
    };
}

functions! {
    args_get "ii" |_, _| SUCCESS;
    args_sizes_get "ii" |guest, p| put_words(guest, &[(p[0], 0), (p[1], 0)]);
    environ_get "ii" environ_get;
    environ_sizes_get "ii" environ_sizes_get;
    clock_res_get "ii" |guest, p| if p[0] < 2 { put(guest, p[1], &1_u64.to_le_bytes()) } else { ENOTSUP };
    clock_time_get "iIi" clock_time_get;
    fd_advise "iIIi" |_, _| SUCCESS;
    fd_allocate "iII" |_, p| of_log(p[0]);
    fd_close "i" |_, _| SUCCESS;
    fd_datasync "i" |_, p| of_log(p[0]);
    fd_fdstat_get "ii" fd_fdstat_get;
    fd_fdstat_set_flags "ii" |_, _| ENOSYS;
    fd_fdstat_set_rights "iII" |_, p| of_log(p[0]);
    fd_filestat_get "ii" |_, _| EBADF;
    fd_filestat_set_size "iI" |_, p| of_log(p[0]);
    fd_filestat_set_times "iIIi" |_, p| of_log(p[0]);
    fd_pread "iiiIi" |_, _| ENOSYS;
    fd_prestat_dir_name "iii" |_, _| ENOSYS;
    fd_prestat_get "ii" |_, _| EBADF;
    fd_pwrite "iiiIi" |guest, p| fd_write(guest, &[p[0], p[1], p[2], p[4]]);
    fd_read "iiii" |_, _| ENOSYS;
    fd_readdir "iiiIi" |guest, p| put_words(guest, &[(p[4], 0)]).max(ENOTDIR);
    fd_renumber "ii" |_, p| if is_log(p[0]) { ENOTSUP } else { EBADF };
    fd_seek "iIii" |_, _| SUCCESS;
    fd_sync "i" |_, p| of_log(p[0]);
    fd_tell "ii" |guest, p| if is_log(p[0]) { put(guest, p[1], &[0; 8]) } else { EBADF };
    fd_write "iiii" fd_write;
    path_create_directory "iii" |_, _| ENOTSUP;
    path_filestat_get "iiiii" |_, _| ENOTSUP;
    path_filestat_set_times "iiiiIIi" |_, _| ENOTSUP;
    // WAS-17: these two lack their last parameter in Envoy.
    path_link "iiiiii" |_, _| ENOTSUP;
    path_symlink "iiii" |_, _| ENOTSUP;
    path_open "iiiiiIIii" |_, _| ENOENT;
    path_readlink "iiiiii" |guest, p| written_nothing(guest, &[p[5]]);
    path_remove_directory "iii" |_, _| ENOTSUP;
    path_rename "iiiiii" |_, _| ENOTSUP;
    path_unlink_file "iii" |_, _| ENOTSUP;
    poll_oneoff "iiii" |guest, p| put_words(guest, &[(p[3], 0)]);
    proc_exit "i" |_, _| SUCCESS;
    random_get "ii" random_get;
    sched_yield "" |_, _| SUCCESS;
    sock_accept "iii" |guest, p| if put(guest, p[2], &[0; 8]) == SUCCESS { ENOTSUP } else { EFAULT };
    sock_recv "iiiiii" |guest, p| match written_nothing(guest, &[p[4]]) {
        ENOTSUP if put(guest, p[5], &[0; 2]) != SUCCESS => EFAULT,
        answer => answer,
    };
    sock_send "iiiii" |guest, p| written_nothing(guest, &[p[4]]);
    sock_shutdown "ii" |_, _| ENOTSUP;
}

pub(super) fn define(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    for module in MODULES {
        for function in FUNCTIONS {
            linker.func_new(module, function.name, function.ty(), |guest, parameters, results| {
                call(guest, function, parameters, results)
            })?;
        }
    }
    Ok(())
}

fn call(mut guest: Guest<'_>, function: &Function, parameters: &[Val], results: &mut [Val]) -> wasmtime::Result<()> {
    let name = function.name;
    begin(&mut guest, name)?;
    let answer = if guest.data().host.0.permits_wasi(name) {
        let words: Vec<u32> = parameters.iter().map(low_word).collect();
        (function.answer)(&mut guest, &words)
    } else {
        ENOTCAPABLE
    };
    guest.data().host.0.state().trace.hostcall(|line| line.push_str(&format!("WASI {name} -> {answer}")));
    if let Some(result) = results.first_mut() {
        *result = Val::I32(answer);
    }
    Ok(())
}

fn low_word(value: &Val) -> u32 {
    match value {
        Val::I32(value) => value.cast_unsigned(),
        Val::I64(value) => *value as u32,
        _ => 0,
    }
}

/// Files 1 and 2 are the log.
fn is_log(fd: u32) -> bool {
    matches!(fd, 1 | 2)
}

/// What does nothing, but only to files that are open.
fn of_log(fd: u32) -> i32 {
    if is_log(fd) { SUCCESS } else { EBADF }
}

fn put(guest: &mut Guest<'_>, pointer: u32, bytes: &[u8]) -> i32 {
    store(guest, pointer, bytes).map_or(EFAULT, |()| SUCCESS)
}

/// Writes words one after the other, until one cannot be written.
fn put_words(guest: &mut Guest<'_>, words: &[(u32, u32)]) -> i32 {
    let mut answers = words.iter().map(|(pointer, word)| put(guest, *pointer, &word.to_le_bytes()));
    answers.find(|answer| *answer != SUCCESS).unwrap_or(SUCCESS)
}

/// What is not supported, and says that it has moved no bytes.
fn written_nothing(guest: &mut Guest<'_>, sizes: &[u32]) -> i32 {
    let words: Vec<(u32, u32)> = sizes.iter().map(|pointer| (*pointer, 0)).collect();
    if put_words(guest, &words) == SUCCESS { ENOTSUP } else { EFAULT }
}

/// Counts what a function does for the guest.
fn work(guest: &mut Guest<'_>, bytes: usize) {
    guest.data_mut().work.take_bytes(bytes);
}

fn environ_sizes_get(guest: &mut Guest<'_>, p: &[u32]) -> i32 {
    let environment = guest.data().host.0.environment();
    let size: usize = environment.iter().map(String::len).sum();
    put_words(guest, &[(p[0], low(environment.len())), (p[1], low(size))])
}

fn environ_get(guest: &mut Guest<'_>, p: &[u32]) -> i32 {
    let (mut list, mut strings) = (p[0], p[1]);
    let environment = guest.data().host.0.environment();
    work(guest, environment.iter().map(String::len).sum());
    for variable in environment {
        if put_words(guest, &[(list, strings)]) != SUCCESS || put(guest, strings, variable.as_bytes()) != SUCCESS {
            return EFAULT;
        }
        list = list.wrapping_add(4);
        strings = strings.wrapping_add(low(variable.len()));
    }
    SUCCESS
}

fn low(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn clock_time_get(guest: &mut Guest<'_>, p: &[u32]) -> i32 {
    let time = match p[0] {
        0 => guest.data().host.0.state().events.wall(),
        1 => guest.data().host.0.state().events.monotonic(),
        _ => return ENOTSUP,
    };
    put(guest, p[2], &u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).to_le_bytes())
}

/// What is longer is cut in the log.
const LONGEST_LINE: usize = 1 << 20;

/// File 1 goes to the log at info, 2 at error, without one newline at the end; no bytes are no line.
fn fd_write(guest: &mut Guest<'_>, p: &[u32]) -> i32 {
    let level = match p[0] {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return EBADF,
    };
    let Some(memory) = memory(guest) else { return EFAULT };
    let bytes = memory.data(&*guest);
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let (mut text, mut length) = (Vec::new(), 0_usize);
    let (mut looked_at, mut inside) = (0_usize, true);
    for index in 0..p[2] as usize {
        let at = (p[1] as usize).saturating_add(index.saturating_mul(8));
        let part = word(at).zip(word(at.saturating_add(4))).and_then(|(start, len)| bytes.get(start..start.checked_add(len)?));
        looked_at += 8;
        let Some(part) = part else {
            inside = false;
            break;
        };
        // The parts may overlap, and so be longer together than the guest's memory.
        length = length.saturating_add(part.len());
        text.extend_from_slice(&part[..part.len().min(LONGEST_LINE - text.len())]);
    }
    work(guest, length.saturating_add(looked_at));
    if !inside {
        return EFAULT;
    }
    if length > 0 {
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        // Not as a hostcall: a plugin that may not call proxy_log may write all the same.
        let _ = guest.data().host.0.proxy_log(level, line);
    }
    put(guest, p[3], &low(length).to_le_bytes())
}

/// An unknown kind of file, without flags, that may be written; nothing is written outside memory, which is no error.
fn fd_fdstat_get(guest: &mut Guest<'_>, p: &[u32]) -> i32 {
    const RIGHT_TO_WRITE: u64 = 64;
    if !is_log(p[0]) {
        return EBADF;
    }
    let mut bytes = [0; 24];
    bytes[8..16].copy_from_slice(&RIGHT_TO_WRITE.to_le_bytes());
    let _ = put(guest, p[1], &bytes);
    SUCCESS
}

/// The same numbers in every run, so that tests can be repeated.
fn random_get(guest: &mut Guest<'_>, p: &[u32]) -> i32 {
    const MOST: u32 = 65536;
    let size = p[1];
    if size > MOST {
        return EINVAL;
    }
    if size == 0 {
        return SUCCESS;
    }
    work(guest, size as usize);
    let mut bytes = vec![0; size as usize];
    guest.data().host.0.fill_randomly(&mut bytes);
    put(guest, p[0], &bytes)
}
