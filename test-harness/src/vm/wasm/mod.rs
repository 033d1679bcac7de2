//! A plugin as the real `.wasm`, on Wasmtime.

mod arguments;
mod engine;
mod imports;
mod legacy;
mod limits;
mod linker;
mod phase;
mod wasi;

pub(crate) use engine::{Loaded, load};
pub use imports::{LoadError, Problem, imports};
pub(crate) use limits::Limits;

use super::{Trap, TrapKind, Vm};
use crate::host::{State, Traced, VmHost};
use limits::{Growth, HostWork, MemoryLimiter};
use phase::Phase;
use proxy_filter_abi::{AbiVersion, CALLBACKS, Callback};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasmtime::{ExternType, Func, Instance, Memory, Ref, Store, Table, TypedFunc, Val, WasmBacktrace};

/// What a Wasmtime store holds: handles to the proxy's state, and what hostcalls need of the instance.
struct StoreData {
    host: Rc<Traced>,
    memory: Option<Memory>,
    allocator: Option<TypedFunc<u32, u32>>,
    phase: Phase,
    /// The allocator has trapped inside a hostcall: the callback goes on, the VM is dead after it (MEM-3).
    allocator_trap: Option<wasmtime::Error>,
    limiter: MemoryLimiter,
    work: HostWork,
}

/// An instance of a module, and its callbacks.
pub(crate) struct WasmVm {
    store: RefCell<Store<StoreData>>,
    /// In the order of the table of callbacks.
    callbacks: Vec<Option<Func>>,
    version: AbiVersion,
    limits: Limits,
    fuel_used: Cell<u64>,
    /// What the callback answered in which the allocator has trapped (MEM-3).
    answered: Cell<Option<u32>>,
}

impl WasmVm {
    /// Instantiates a module and initialises it: `_initialize` then `main` or `__main_void`, or else `_start`
    /// (LIF-5, LIF-6).
    pub(crate) fn start(loaded: &Loaded, host: Rc<VmHost>, limits: Limits) -> Result<Self, LoadError> {
        host.set_abi(loaded.version);
        let (faults, hostcalls) = (host.state().faults.clone(), host.state().bounds.most.hostcalls);
        let data = StoreData {
            host: Rc::new(Traced(host)),
            memory: None,
            allocator: None,
            phase: Phase::Instantiating,
            allocator_trap: None,
            limiter: MemoryLimiter::new(limits.memory, faults),
            work: HostWork::new(hostcalls),
        };
        let mut store = Store::new(engine::engine(), data);
        store.limiter(|data| &mut data.limiter);
        store.set_fuel(limits.fuel).map_err(|error| LoadError::Engine(error.to_string()))?;

        let instance = instantiate(&mut store, loaded);
        let instance = instance.map_err(|error| match load_trap(&mut store, "instantiation", &error, limits) {
            LoadError::Trap(trap) if trap.kind == TrapKind::Other => LoadError::cannot_be_instantiated(&error),
            other => other,
        })?;
        let allocator = imports::ALLOCATORS.iter().find_map(|name| instance.get_typed_func(&mut store, name).ok());
        store.data_mut().allocator = allocator;
        let version = loaded.version;
        let mut of_version = |name| version.callback(name).and_then(|row| instance.get_func(&mut store, row.name));
        let callbacks = CALLBACKS.iter().map(|row| of_version(row.name)).collect();
        store.data_mut().phase = Phase::Initialising;

        let has = |store: &mut Store<StoreData>, name: &str| instance.get_func(store, name).is_some();
        let first: &[&str] = match has(&mut store, "_initialize") {
            true if has(&mut store, "main") => &["_initialize", "main"],
            true => &["_initialize", "__main_void"],
            false => &["_start"],
        };
        for name in first {
            let Some(function) = instance.get_func(&mut store, name) else { continue };
            let parameters = vec![Val::I32(0); function.ty(&store).params().len()];
            let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
            let called = function.call(&mut store, &parameters, &mut results);
            called.map_err(|error| load_trap(&mut store, name, &error, limits))?;
        }
        store.data_mut().phase = Phase::Running;
        let used = limits.fuel - store.get_fuel().unwrap_or(limits.fuel);
        Ok(Self { store: RefCell::new(store), callbacks, version, limits, fuel_used: Cell::new(used), answered: Cell::new(None) })
    }
}

impl WasmVm {
    fn call_within(&self, callback: Callback, limits: Limits) -> Result<u32, Trap> {
        let index = CALLBACKS.iter().position(|row| row.name == callback.name());
        // LIF-17.
        let Some(function) = index.and_then(|index| self.callbacks[index]) else {
            return Ok(callback.returns().of_missing_export());
        };

        let mut wire = [0; 5];
        callback.arguments(&mut wire);
        let count = self.version.callback(callback.name()).map_or(0, |row| row.arguments.len());
        let parameters: Vec<Val> = wire[..count].iter().map(|value| Val::I32(value.cast_signed())).collect();
        let mut store = self.store.borrow_mut();
        let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
        // Fuel is on in this engine, so it can be set.
        let _ = store.set_fuel(limits.fuel);
        let data = store.data_mut();
        data.work = HostWork::new(data.host.0.state().bounds.most.hostcalls);
        // What a callback before this one was refused, it has lived with.
        data.limiter.take_refused();
        let called = function.call(&mut *store, &parameters, &mut results);
        self.fuel_used.set(self.fuel_used.get() + limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0)));
        let answer = results.first().and_then(Val::i32).map_or(callback.returns().of_missing_export(), i32::cast_unsigned);
        let allocator_trap = store.data_mut().allocator_trap.take();
        let mut dead = |error| trap(&mut store, &callback.to_string(), &error, limits);
        match (called, allocator_trap) {
            (Err(error), _) => Err(dead(error)),
            (Ok(()), Some(error)) => {
                self.answered.set(Some(answer));
                Err(dead(error))
            }
            (Ok(()), None) => Ok(answer),
        }
    }
}

impl Vm for WasmVm {
    fn call(&self, callback: Callback) -> Result<u32, Trap> {
        self.call_within(callback, self.limits)
    }

    fn call_with_fuel(&self, callback: Callback, fuel: u64, state: &State) -> Result<u32, Trap> {
        let answer = self.call_within(callback, Limits { fuel: fuel.min(self.limits.fuel), ..self.limits })?;
        // Wasmtime looks at calls and loops only: a short callback gets to its end.
        match self.store.borrow().get_fuel() {
            Ok(0) => Err(Trap::injected(TrapKind::OutOfFuel, &callback, state)),
            _ => Ok(answer),
        }
    }

    fn answered(&self) -> Option<u32> {
        self.answered.get()
    }

    fn fuel_used(&self) -> u64 {
        self.fuel_used.get()
    }

    fn memory_size(&self) -> Option<u64> {
        let store = self.store.borrow();
        let memory = store.data().memory?;
        Some(memory.data_size(&*store) as u64)
    }
}

/// Whether Envoy offers a WASI function of this name.
pub(crate) fn is_wasi_function(name: &str) -> bool {
    wasi::find(name).is_some()
}

/// LIF-28: a memory or a table that the module imports is made for it; a memory may be exported under any name.
fn instantiate(store: &mut Store<StoreData>, loaded: &Loaded) -> wasmtime::Result<Instance> {
    let mut linker = linker::linker().map_err(wasmtime::Error::new)?.clone();
    for import in loaded.module.imports() {
        match import.ty() {
            ExternType::Memory(ty) => {
                let memory = Memory::new(&mut *store, ty)?;
                store.data_mut().memory = Some(memory);
                linker.define(&*store, import.module(), import.name(), memory)?;
            }
            ExternType::Table(ty) => {
                let empty = if ty.element().matches(&wasmtime::RefType::FUNCREF) { Ref::Func(None) } else { Ref::Extern(None) };
                let table = Table::new(&mut *store, ty, empty)?;
                linker.define(&*store, import.module(), import.name(), table)?;
            }
            _ => {}
        }
    }
    let instance = linker.instantiate(&mut *store, &loaded.module)?;
    let exported = loaded.module.exports().find(|export| export.ty().memory().is_some());
    if let Some(memory) = exported.and_then(|export| instance.get_memory(&mut *store, export.name())) {
        store.data_mut().memory = Some(memory);
    }
    Ok(instance)
}

fn load_trap(store: &mut Store<StoreData>, during: &str, error: &wasmtime::Error, limits: Limits) -> LoadError {
    LoadError::Trap(Box::new(trap(store, during, error, limits)))
}

fn trap(store: &mut Store<StoreData>, callback: &str, error: &wasmtime::Error, limits: Limits) -> Trap {
    let refused = store.data_mut().limiter.take_refused();
    let kind = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => TrapKind::OutOfFuel,
        Some(wasmtime::Trap::MemoryOutOfBounds) => TrapKind::MemoryOutOfBounds,
        Some(wasmtime::Trap::StackOverflow) => TrapKind::StackOverflow,
        // A guest that is refused memory gives up by `unreachable`.
        Some(wasmtime::Trap::UnreachableCodeReached) => match refused {
            Some(Growth { wanted, limit }) => TrapKind::OutOfMemory { wanted, limit },
            None => TrapKind::Unreachable,
        },
        Some(_) => TrapKind::Other,
        None if error.downcast_ref::<phase::Restricted>().is_some() => TrapKind::RestrictedHostcall,
        None => match refused {
            Some(Growth { wanted, limit }) => TrapKind::OutOfMemory { wanted, limit },
            None => TrapKind::Other,
        },
    };
    let message = match kind {
        TrapKind::OutOfFuel if store.data().work.is_used_up() => {
            let most = store.data().host.0.state().bounds.most.hostcalls;
            format!("the callback made {most} hostcalls, or moved {most} KiB by them (Limits::hostcalls): does it loop for ever?")
        }
        TrapKind::OutOfFuel => format!("the callback used all of its {} instructions: does it loop for ever?", limits.fuel),
        TrapKind::OutOfMemory { wanted, limit } => {
            format!("the guest wanted {} KiB of memory and may have {} KiB", wanted >> 10, limit >> 10)
        }
        _ => error.root_cause().to_string(),
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    let trace = store.data().host.0.state().trace.last(12);
    Trap { kind, callback: callback.to_owned(), message, backtrace, trace }
}

/// Wasmtime prints a frame as `3: 0x1a2 - module!function`, demangled.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let text = backtrace.to_string();
    text.lines().filter_map(|line| line.split_once(" - ").map(|(_, function)| without_hashes(function.trim()))).collect()
}

/// `alloc[3ca501edff3f0c7c]::string` without the hash that tells crates of one name apart.
fn without_hashes(function: &str) -> String {
    let mut parts = function.split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => text.push_str(rest),
            _ => {
                text.push('[');
                text.push_str(part);
            }
        }
    }
    text
}
