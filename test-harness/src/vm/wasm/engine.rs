//! One engine and one compiled module for all tests of a process; Wasmtime's cache on disk for all processes.

use super::imports::{self, LoadError};
use proxy_filter_abi::AbiVersion;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wasmtime::{Cache, Config, Engine, Module};

pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config.consume_fuel(true);
        // Without a place to write the cache to, modules are compiled anew in each process.
        config.cache(Cache::from_file(None).ok());
        Engine::new(&config).unwrap_or_else(|error| panic!("Wasmtime does not run on this machine: {error}"))
    })
}

/// A module that can be loaded.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(super) module: Module,
    pub(super) version: AbiVersion,
}

/// Compiles and checks a module, once in a process for the same bytes.
pub(crate) fn load(bytes: &[u8]) -> Result<Loaded, LoadError> {
    type Modules = Mutex<HashMap<Arc<[u8]>, Loaded>>;
    static MODULES: OnceLock<Modules> = OnceLock::new();
    let modules = MODULES.get_or_init(Modules::default);
    if let Some(loaded) = modules.lock().unwrap_or_else(PoisonError::into_inner).get(bytes) {
        return Ok(loaded.clone());
    }
    // The lock is not held meanwhile: tests of several filters compile at once.
    let module = Module::new(engine(), bytes).map_err(|error| imports::not_wasm(bytes, &error))?;
    let loaded = Loaded { version: imports::check(&module)?, module };
    modules.lock().unwrap_or_else(PoisonError::into_inner).insert(bytes.into(), loaded.clone());
    Ok(loaded)
}
