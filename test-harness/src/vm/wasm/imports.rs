//! Whether a module can be loaded at all, and if not, everything that is wrong with it at once.

use super::engine::engine;
use super::{linker, wasi};
use crate::vm::Trap;
use proxy_filter_abi::{AbiVersion, HOSTCALLS, HostcallRow, LEGACY_HOSTCALLS, ReturnKind, WireKind};
use std::fmt;
use wasmtime::{ExternType, FuncType, ImportType, Module, ValType};

/// The exports that allocate memory for the host, in the order in which Envoy looks for them (MEM-1).
pub(super) const ALLOCATORS: &[&str] = &["malloc", "proxy_on_memory_allocate"];

/// Why a module cannot be loaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no WebAssembly module; says what they seem to be.
    NotWasm(String),
    /// It is a module, but none that this host, or Envoy, can load; everything that is wrong with it.
    Unfit(Vec<Problem>),
    /// It trapped while it was instantiated or initialised.
    Trap(Box<Trap>),
    /// Wasmtime failed for reasons of its own.
    Engine(String),
}

/// One thing that is wrong with a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// The likely cause, and the mend.
    pub cause: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWasm(what) => write!(f, "this is not a WebAssembly module: {what}"),
            Self::Unfit(problems) => {
                f.write_str("the module cannot be loaded:")?;
                problems.iter().try_for_each(|problem| write!(f, "\n  - {}\n    {}", problem.what, problem.cause))
            }
            Self::Trap(trap) => write!(f, "the module trapped before its first callback: {trap}"),
            Self::Engine(error) => write!(f, "Wasmtime failed: {error}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// It was refused without having run.
    pub(super) fn cannot_be_instantiated(error: &wasmtime::Error) -> Self {
        Self::Unfit(vec![Problem {
            what: format!("it cannot be instantiated: {error:#}"),
            cause: "it asks for more than this host gives, or was built against another version of WASI.".to_owned(),
        }])
    }
}

/// What a module imports, as `module.name`, sorted: the hostcalls that a proxy must offer for it to load.
///
/// # Errors
/// [`LoadError::NotWasm`] when the bytes are no module.
pub fn imports(bytes: &[u8]) -> Result<Vec<String>, LoadError> {
    let module = Module::new(engine(), bytes).map_err(|error| not_wasm(bytes, &error))?;
    let mut names: Vec<String> = module.imports().map(|import| format!("{}.{}", import.module(), import.name())).collect();
    names.sort();
    Ok(names)
}

pub(super) fn not_wasm(bytes: &[u8], error: &wasmtime::Error) -> LoadError {
    LoadError::NotWasm(match bytes {
        [] => "the file is empty".to_owned(),
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => format!("it begins as one but is damaged: {}", error.root_cause()),
        [b'\0', b'a', b's', b'm', ..] => "it is a component, not a core module; Proxy-Wasm hosts load core modules (target wasm32-unknown-unknown or wasm32-wasip1)".to_owned(),
        [0x1f, 0x8b, ..] => "it is gzip data; unpack it first".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "it is a native library or program; build with --target wasm32-unknown-unknown".to_owned(),
        [b'(', ..] => format!("it begins as one in text, but {}", error.root_cause()),
        [first, ..] => format!("it begins with byte {first:#04x} instead of \"\\0asm\""),
    })
}

/// The import's type on the wire.
pub(super) fn function_type(row: &HostcallRow) -> FuncType {
    let parameters = row.arguments.iter().flat_map(|parameter| match parameter.kind {
        WireKind::U32 | WireKind::Enum(_) => vec![ValType::I32],
        WireKind::U64 | WireKind::I64 => vec![ValType::I64],
        WireKind::Bytes => vec![ValType::I32; 2],
    });
    let results = row.results.iter().flat_map(|result| match result.kind {
        WireKind::Bytes => vec![ValType::I32; 2],
        _ => vec![ValType::I32],
    });
    FuncType::new(engine(), parameters.chain(results), [ValType::I32])
}

const ANOTHER_ABI: &str = "the module was built against another ABI; update its SDK.";

/// The type of an export that a host of this version calls.
fn exported_type(name: &str, version: AbiVersion) -> Option<FuncType> {
    let (parameters, returns) = match name {
        "_initialize" | "_start" => (0, false),
        "main" => (2, true),
        "__main_void" => (0, true),
        _ if ALLOCATORS.contains(&name) => (1, true),
        _ => {
            let row = version.callback(name)?;
            (row.arguments.len(), row.returns != ReturnKind::Nothing)
        }
    };
    Some(FuncType::new(engine(), vec![ValType::I32; parameters], returns.then_some(ValType::I32)))
}

/// LIF-5, LIF-6, MEM-1: an export that Envoy does not look for when another one is there may have any type.
fn is_looked_for(module: &Module, name: &str) -> bool {
    let has = |other: &str| module.get_export(other).is_some_and(|export| export.func().is_some());
    match name {
        "main" => has("_initialize"),
        "__main_void" => has("_initialize") && !has("main"),
        "_start" => !has("_initialize"),
        "proxy_on_memory_allocate" => !has("malloc"),
        _ => true,
    }
}

/// LIF-1: the first function that is named as a marker, in the order of the exports.
fn version_of(module: &Module) -> Option<AbiVersion> {
    module.exports().filter(|export| export.ty().func().is_some()).find_map(|export| AbiVersion::from_marker(export.name()))
}

/// LIF-1, LIF-2: the ABI's version, an allocator, and imports and exports that exist and have the right types.
pub(super) fn check(module: &Module) -> Result<AbiVersion, LoadError> {
    let mut problems = Vec::new();
    let mut problem = |what: String, cause: String| problems.push(Problem { what, cause });

    let version = version_of(module);
    if version.is_none() {
        let other = module.exports().find(|export| export.name().starts_with("proxy_abi_version_"));
        match other {
            Some(other) => problem(
                format!("its ABI version is unknown: it exports {}", other.name().escape_debug()),
                "hosts know functions named proxy_abi_version_0_1_0, 0_2_0 and 0_2_1; use an SDK for one of these.".to_owned(),
            ),
            None => problem(
                "it exports no ABI version (proxy_abi_version_0_2_1, 0_2_0 or 0_1_0)".to_owned(),
                "is this a Proxy-Wasm filter? With the SDK, `register!` exports it; check that the crate has one and is built as a cdylib."
                    .to_owned(),
            ),
        }
    }
    if !module.exports().any(|export| ALLOCATORS.contains(&export.name()) && export.ty().func().is_some()) {
        problem(
            "it exports no allocator (malloc or proxy_on_memory_allocate)".to_owned(),
            "the host needs one to hand over bytes; the SDK's `register!` exports it. Did a tool such as wasm-opt or wasm-strip remove exports?"
                .to_owned(),
        );
    }
    let known = version.unwrap_or(AbiVersion::V0_2_1);
    for export in module.exports().filter(|export| is_looked_for(module, export.name())) {
        let (ExternType::Func(ty), Some(expected)) = (export.ty(), exported_type(export.name(), known)) else { continue };
        if !FuncType::eq(&ty, &expected) {
            let what = format!("it exports {} as {}, but it is {}", export.name(), signature(&ty), signature(&expected));
            problem(what, cause_of_other_type(export.name(), &ty, known));
        }
    }
    for import in module.imports() {
        if let Some((what, cause)) = import_problem(&import, known) {
            problem(what, cause);
        }
    }
    match version {
        Some(version) if problems.is_empty() => Ok(version),
        _ => Err(LoadError::Unfit(problems)),
    }
}

/// An export that has the type of another version is a marker too many or a wrong one.
fn cause_of_other_type(name: &str, ty: &FuncType, version: AbiVersion) -> String {
    let fits = |other: &&AbiVersion| exported_type(name, **other).is_some_and(|expected| FuncType::eq(ty, &expected));
    match AbiVersion::ALL.iter().rev().find(fits) {
        Some(other) => {
            format!("this is its form in ABI {other}, and the module says that it is of {version}: export {}.", other.marker())
        }
        None => ANOTHER_ABI.to_owned(),
    }
}

fn import_problem(import: &ImportType<'_>, version: AbiVersion) -> Option<(String, String)> {
    let (module, name) = (import.module(), import.name());
    // Names come from whoever made the module.
    let full = format!("it imports {}.{}", module.escape_debug(), name.escape_debug());
    let ty = match import.ty() {
        ExternType::Func(ty) => ty,
        // LIF-28: Envoy makes these for the module.
        ExternType::Memory(_) | ExternType::Table(_) => return None,
        _ => {
            return Some((
                format!("{full}, which is a global"),
                "a proxy offers functions, a memory and a table; link the module as a program of its own (no -shared, no -fPIC)."
                    .to_owned(),
            ));
        }
    };
    let expected = if wasi::MODULES.contains(&module) {
        let Some(function) = wasi::find(name) else {
            return Some((
                format!("{full}, which Envoy does not offer"),
                "it comes from std or libc: find what uses it and leave it out.".to_owned(),
            ));
        };
        function.ty()
    } else if module == "env" && linker::EXTENSIONS.contains(&name) {
        return None;
    } else {
        let rows = HOSTCALLS.iter().chain(LEGACY_HOSTCALLS);
        let Some(row) = rows.clone().find(|row| module == "env" && row.name == name) else {
            return Some((format!("{full}, which no Proxy-Wasm host offers"), cause_of_unknown(module, name)));
        };
        if version.hostcall(name).is_none() {
            let cause = match row.until {
                Some(last) => format!(
                    "only ABI {last} has it, and the module says that it is of {version}: rebuild the filter with a newer SDK."
                ),
                None => format!("it came with ABI {}, and the module says that it is of {version}.", row.since),
            };
            return Some((full, cause));
        }
        function_type(row)
    };
    if FuncType::eq(&ty, &expected) {
        return None;
    }
    let cause = match name {
        // WAS-17.
        "path_link" | "path_symlink" if module != "env" => {
            "Envoy leaves out its last parameter, so that no module that makes links can be loaded: find what makes links and leave it out."
        }
        _ if module == "env" => ANOTHER_ABI,
        _ => "the module was built against another version of WASI; build it for wasm32-wasip1.",
    };
    Some((format!("{full} as {}, but it is {}", signature(&ty), signature(&expected)), cause.to_owned()))
}

fn cause_of_unknown(module: &str, name: &str) -> String {
    if module.starts_with("__wbindgen") || name.starts_with("__wbindgen") || name.starts_with("__wbg") {
        "it comes from wasm-bindgen, which is for browsers: a dependency (chrono, getrandom, uuid, …) has a feature such as \"js\" or \"wasmbind\" on; turn it off.".to_owned()
    } else if module.starts_with("wasi:") || module == "wasi" {
        "the module was built for another WASI (wasip2); build for wasm32-wasip1 or wasm32-unknown-unknown.".to_owned()
    } else if module == "env" && matches!(name, "abort" | "seed" | "trace") {
        "AssemblyScript imports it unless it is told to use a function of yours: `--use abort=…`.".to_owned()
    } else if let Some(row) =
        HOSTCALLS.iter().find(|row| row.name.eq_ignore_ascii_case(name) || row.name.strip_prefix("proxy_") == Some(name))
    {
        format!("did you mean env.{}?", row.name)
    } else if module == "env" {
        "a function that was declared but not linked: a C library that is missing, or a host's own extension of the ABI."
            .to_owned()
    } else {
        "the module wants a host of another kind.".to_owned()
    }
}

fn signature(ty: &FuncType) -> String {
    let list = |types: Vec<ValType>| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params().collect()), list(ty.results().collect()))
}
