//! The hostcalls as imports of a module: read arguments, make the call, write results through the guest's allocator.

use super::arguments::{Arguments, Output, Read, range};
use super::imports::LoadError;
use super::phase::{Phase, Restricted};
use super::{StoreData, engine, imports, legacy, wasi};
use crate::host::Traced;
use proxy_filter_abi::{HOSTCALLS, Host, LEGACY_HOSTCALLS, Status};
use std::sync::OnceLock;
use wasmtime::{AsContextMut, Caller, Linker, Val};

/// All imports that a module of any ABI may have; made once, shared by all stores. Which of them it may have, [`imports::check`] says.
pub(super) fn linker() -> Result<&'static Linker<StoreData>, LoadError> {
    static LINKER: OnceLock<Result<Linker<StoreData>, String>> = OnceLock::new();
    let linker = LINKER.get_or_init(|| {
        let mut linker = Linker::new(engine::engine());
        let defined = define(&mut linker).and_then(|()| define_legacy(&mut linker)).and_then(|()| define_extensions(&mut linker));
        defined.and_then(|()| wasi::define(&mut linker)).map_err(|error| error.to_string())?;
        Ok(linker)
    });
    linker.as_ref().map_err(|error| LoadError::Engine(error.clone()))
}

macro_rules! define {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        #[allow(unused_parens, reason = "generated from the table: one result is not a tuple")]
        fn define(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
            let mut rows = HOSTCALLS.iter();
            $(
                let row = rows.next().ok_or_else(|| wasmtime::Error::msg("the table of hostcalls is short"))?;
                linker.func_new("env", stringify!($name), imports::function_type(row), move |caller, parameters, results| {
                    hostcall(caller, stringify!($name), parameters, results, |host, arguments| {
                        $(let $argument = Read::read(arguments)?;)*
                        arguments.check_results(&row.results.iter().map(|result| result.kind).collect::<Vec<_>>())?;
                        let ($($result),*) = host.$name($($argument),*)?;
                        Ok(vec![$(Output::from($result)),*])
                    })
                })?;
            )*
            Ok(())
        }
    };
}

proxy_filter_abi::for_each_hostcall!(define);

macro_rules! define_legacy {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident() -> ($($result:ident: $rty:ident)?);)*) => {
        fn define_legacy(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
            let mut rows = LEGACY_HOSTCALLS.iter();
            $(
                let row = rows.next().ok_or_else(|| wasmtime::Error::msg("the table of legacy hostcalls is short"))?;
                linker.func_new("env", stringify!($name), imports::function_type(row), move |caller, parameters, results| {
                    hostcall(caller, stringify!($name), parameters, results, |host, arguments| {
                        arguments.check_results(&row.results.iter().map(|result| result.kind).collect::<Vec<_>>())?;
                        // Not through the trace: what it is made of are no hostcalls of the guest's.
                        let answer = legacy::$name(&host.0);
                        let word = answer.as_ref().err().map_or("OK".to_owned(), ToString::to_string);
                        host.0.state().trace.hostcall(|line| line.push_str(&format!("{}() -> {word}", stringify!($name))));
                        answer.map(|_answer| vec![$({ let $result = _answer; Output::from($result) })?])
                    })
                })?;
            )*
            Ok(())
        }
    };
}

proxy_filter_abi::for_each_legacy_hostcall!(define_legacy);

/// LIF-27: what Envoy offers beside the ABI.
pub(super) const EXTENSIONS: &[&str] = &["emscripten_notify_memory_growth", "envoy_resolve_dns"];

fn define_extensions(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "emscripten_notify_memory_growth", |mut caller: Caller<'_, StoreData>, _: u32| count(&mut caller))?;
    linker.func_wrap("env", "envoy_resolve_dns", |mut caller: Caller<'_, StoreData>, _: u32, _: u32, _: u32| {
        begin(&mut caller, "envoy_resolve_dns")?;
        let host = &caller.data().host.0;
        host.state().trace.hostcall(|line| line.push_str("envoy_resolve_dns(…) -> UNIMPLEMENTED"));
        Ok(Status::Unimplemented.to_wire())
    })?;
    Ok(())
}

fn hostcall(
    mut caller: Caller<'_, StoreData>,
    name: &'static str,
    parameters: &[Val],
    results: &mut [Val],
    call: impl FnOnce(&Traced, &mut Arguments<'_>) -> Result<Vec<Output>, Status>,
) -> wasmtime::Result<()> {
    begin(&mut caller, name)?;
    let host = caller.data().host.clone();
    if let Err(status) = host.0.permit(name) {
        host.0.state().trace.hostcall(|line| line.push_str(&format!("{name}(…) -> {status}: not an allowed capability")));
        results[0] = Val::I32(status.to_wire().cast_signed());
        return Ok(());
    }
    let memory = memory(&caller);
    let mut arguments = Arguments::new(parameters, memory.map_or(&[], |memory| memory.data(&caller)));
    let answer = call(&host, &mut arguments);
    let moved = arguments.bytes_read() + answer.iter().flatten().map(Output::len).sum::<usize>();
    let refused = arguments.refusal();
    if let (Err(status), Some(why)) = (&answer, refused) {
        host.0.state().trace.hostcall(|line| line.push_str(&format!("{name}(…) -> {status}: {why}")));
    }
    caller.data_mut().work.take_bytes(moved);
    if answer.is_err() && refused.is_none() && name == "proxy_http_call" {
        // MEM-6: alone among the hostcalls it writes its result whatever came of it.
        let _ = write(&mut caller, parameters, vec![Output::U32(0)]);
    }
    // The host holds no borrow any more: the guest's allocator may call back.
    let answer = match answer {
        answer if host.0.take_called_foreign() => write_foreign(&mut caller, parameters, answer),
        answer => answer.and_then(|outputs| write(&mut caller, parameters, outputs)),
    };
    let status = answer.err().map_or(0, Status::to_wire);
    results[0] = Val::I32(status.cast_signed());
    Ok(())
}

/// Stands before whatever the guest has the host do: it may not be allowed now (MEM-4, LIF-7).
pub(super) fn begin(caller: &mut Caller<'_, StoreData>, name: &'static str) -> wasmtime::Result<()> {
    let phase = caller.data().phase;
    if phase.permits(name) { count(caller) } else { Err(Restricted { name, phase }.into()) }
}

/// Counts a call of the host's, whatever is answered.
fn count(caller: &mut Caller<'_, StoreData>) -> wasmtime::Result<()> {
    match caller.data_mut().work.take_call() {
        true => Ok(()),
        false => Err(wasmtime::Trap::OutOfFuel.into()),
    }
}

/// The guest's memory, if it has one.
pub(super) fn memory(caller: &Caller<'_, StoreData>) -> Option<wasmtime::Memory> {
    caller.data().memory
}

/// Writes results through the pointers that end the parameters, in their order.
fn write(caller: &mut Caller<'_, StoreData>, parameters: &[Val], outputs: Vec<Output>) -> Result<(), Status> {
    let count: usize = outputs.iter().map(|output| if matches!(output, Output::Bytes(_)) { 2 } else { 1 }).sum();
    let mut pointers =
        parameters[parameters.len().saturating_sub(count)..].iter().filter_map(|value| value.i32().map(i32::cast_unsigned));
    let mut next = || pointers.next().ok_or(Status::InternalFailure);
    for output in outputs {
        match output {
            Output::U32(value) => store(caller, next()?, &value.to_le_bytes())?,
            Output::U64(value) => store(caller, next()?, &value.to_le_bytes())?,
            Output::Bytes(bytes) => {
                let (data, size) = (next()?, next()?);
                let pointer = hand_over(caller, &bytes)?;
                store(caller, data, &pointer.to_le_bytes())?;
                store(caller, size, &u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

/// What a foreign function answers: written even if it fails (MEM-6), and only where there is a pointer (FOR-2).
fn write_foreign(
    caller: &mut Caller<'_, StoreData>,
    parameters: &[Val],
    answer: Result<Vec<Output>, Status>,
) -> Result<(), Status> {
    let failure = answer.as_ref().err().copied();
    let bytes = match answer.unwrap_or_default().pop() {
        Some(Output::Bytes(bytes)) => bytes,
        _ => Vec::new(),
    };
    let pointer = |index: usize| parameters.get(index).and_then(Val::i32).map_or(0, i32::cast_unsigned);
    if pointer(4) != 0 {
        let data = hand_over(caller, &bytes)?;
        store(caller, pointer(4), &data.to_le_bytes())?;
    }
    if pointer(5) != 0 {
        store(caller, pointer(5), &u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?.to_le_bytes())?;
    }
    failure.map_or(Ok(()), Err)
}

/// MEM-1 to MEM-3: bytes go into memory that the guest allocates; no bytes are a null pointer.
fn hand_over(caller: &mut Caller<'_, StoreData>, bytes: &[u8]) -> Result<u32, Status> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let size = u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?;
    let allocator = caller.data().allocator.clone().ok_or(Status::InvalidMemoryAccess)?;
    let before = std::mem::replace(&mut caller.data_mut().phase, Phase::Allocating);
    let allocated = allocator.call(caller.as_context_mut(), size);
    caller.data_mut().phase = before;
    let pointer = allocated.map_err(|error| {
        caller.data_mut().allocator_trap = Some(error);
        Status::InvalidMemoryAccess
    })?;
    if pointer == 0 {
        return Err(Status::InvalidMemoryAccess);
    }
    store(caller, pointer, bytes)?;
    Ok(pointer)
}

pub(super) fn store(caller: &mut Caller<'_, StoreData>, pointer: u32, bytes: &[u8]) -> Result<(), Status> {
    let memory = memory(caller).ok_or(Status::InvalidMemoryAccess)?;
    let memory = memory.data_mut(caller);
    let range = range(pointer, bytes.len(), memory.len()).ok_or(Status::InvalidMemoryAccess)?;
    memory[range].copy_from_slice(bytes);
    Ok(())
}
