//! The boundary in Wasm: imports, the allocator, and the one static. The only file of the SDK that holds `unsafe`.
#![allow(unsafe_code, reason = "imports, the allocator and the static that holds the VM are the boundary itself")]

use crate::holds::{Holds, Hooks};
use crate::{Error, Status};
use alloc::vec::Vec;
use core::cell::Cell;
use core::ops::Deref;
use core::ptr;
use proxy_filter_abi::{BufferType, LogLevel, MapType, MetricType, StreamType};

pub use dlmalloc::GlobalDlmalloc as DlMalloc;

/// The way to the host: in Wasm, nothing at run time.
#[derive(Clone, Debug)]
pub struct Sys;

/// What holding needs. Nothing stores to `HOOKS` in a module that never holds, so the compiler takes it for the constant that it is.
static HOOKS: SingleThreaded<Cell<Option<&'static Hooks>>> = SingleThreaded::new(Cell::new(None));
static HOLDS: SingleThreaded<Holds> = SingleThreaded::new(Holds::new());

impl Sys {
    #[inline]
    pub(crate) fn hooks(&self) -> Option<&'static Hooks> {
        HOOKS.get()
    }

    pub(crate) fn set_hooks(&self, hooks: &'static Hooks) {
        HOOKS.set(Some(hooks));
    }

    pub(crate) fn holds(&self) -> &Holds {
        &HOLDS
    }
}

/// Bytes that the host wrote through the allocator below, or nothing.
struct HostBytes {
    data: *mut u8,
    size: usize,
}

impl HostBytes {
    const NONE: Self = Self { data: ptr::null_mut(), size: 0 };

    /// Takes them over; a null pointer is no bytes (MEM-2).
    #[inline]
    fn into_vec(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got `data` from `allocate(size)` below during this hostcall and has handed it over, filled.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

/// Makes the import and the method of one hostcall. The first two lists grow as arguments, then results are read from the row.
macro_rules! import {
    // Arguments: what the method takes; how it is declared; what is passed.
    ($name:ident [$($method:tt)*] [$($wire:ty,)*] [$($pass:expr,)*] $argument:ident: Bytes, $($rest:tt)*) => {
        import! { $name [$($method)* $argument: &[u8],] [$($wire,)* *const u8, usize,] [$($pass,)* $argument.as_ptr(), $argument.len(),] $($rest)* }
    };
    ($name:ident [$($method:tt)*] [$($wire:ty,)*] [$($pass:expr,)*] $argument:ident: u32, $($rest:tt)*) => {
        import! { $name [$($method)* $argument: u32,] [$($wire,)* u32,] [$($pass,)* $argument,] $($rest)* }
    };
    ($name:ident [$($method:tt)*] [$($wire:ty,)*] [$($pass:expr,)*] $argument:ident: u64, $($rest:tt)*) => {
        import! { $name [$($method)* $argument: u64,] [$($wire,)* u64,] [$($pass,)* $argument,] $($rest)* }
    };
    ($name:ident [$($method:tt)*] [$($wire:ty,)*] [$($pass:expr,)*] $argument:ident: i64, $($rest:tt)*) => {
        import! { $name [$($method)* $argument: i64,] [$($wire,)* i64,] [$($pass,)* $argument,] $($rest)* }
    };
    ($name:ident [$($method:tt)*] [$($wire:ty,)*] [$($pass:expr,)*] $argument:ident: $enumeration:ident, $($rest:tt)*) => {
        import! { $name [$($method)* $argument: $enumeration,] [$($wire,)* u32,] [$($pass,)* $argument.to_wire(),] $($rest)* }
    };
    // All arguments are read: the results follow.
    ($name:ident $method:tt $wire:tt $pass:tt => $($results:tt)*) => {
        import! { @results $name $method $wire $pass [] [] [] $($results)* }
    };
    // Results: the local that receives it; its type; its value.
    (@results $name:ident $method:tt [$($wire:ty,)*] [$($pass:expr,)*] [$($local:tt)*] [$($ty:ty,)*] [$($value:expr,)*] $result:ident: Bytes, $($rest:tt)*) => {
        import! { @results $name $method [$($wire,)* *mut *mut u8, *mut usize,] [$($pass,)* &mut $result.data, &mut $result.size,]
            [$($local)* let mut $result = HostBytes::NONE;] [$($ty,)* Vec<u8>,] [$($value,)* $result.into_vec(),] $($rest)* }
    };
    (@results $name:ident $method:tt [$($wire:ty,)*] [$($pass:expr,)*] [$($local:tt)*] [$($ty:ty,)*] [$($value:expr,)*] $result:ident: $number:ident, $($rest:tt)*) => {
        import! { @results $name $method [$($wire,)* *mut $number,] [$($pass,)* &mut $result,]
            [$($local)* let mut $result: $number = 0;] [$($ty,)* $number,] [$($value,)* $result,] $($rest)* }
    };
    (@results $name:ident [$($method:tt)*] [$($wire:ty,)*] [$($pass:expr,)*] [$($local:tt)*] [$($ty:ty,)*] [$($value:expr,)*]) => {
        #[inline]
        pub(crate) fn $name(&self, $($method)*) -> Result<($($ty),*), Error> {
            #[link(wasm_import_module = "env")]
            unsafe extern "C" {
                fn $name($(_: $wire),*) -> u32;
            }
            $($local)*
            // SAFETY: the signature is the table's row; every pointer is of a live slice or local, and the host keeps none of them.
            let code = unsafe { $name($($pass),*) };
            match Status::from_wire(code) {
                None => Ok(($($value),*)),
                Some(status) => Err(Error { hostcall: stringify!($name), status }),
            }
        }
    };
}

macro_rules! imports {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        #[allow(unused_parens, dead_code, reason = "generated from the table; handles use some of the rows")]
        impl Sys {
            $(import! { $name [] [] [] $($argument: $ty,)* => $($result: $rty,)* })*
        }
    };
}

proxy_filter_abi::for_each_hostcall!(imports);

/// What the module exports as its allocator: memory that the host fills and hands over.
pub fn allocate(size: usize) -> *mut u8 {
    let mut bytes = Vec::<u8>::new();
    // A null pointer makes the hostcall answer `INVALID_MEMORY_ACCESS` (MEM-3) instead of trapping the VM.
    if size == 0 || bytes.try_reserve_exact(size).is_err() {
        return ptr::null_mut();
    }
    core::mem::ManuallyDrop::new(bytes).as_mut_ptr()
}

/// A value in a static of a module without threads.
#[derive(Debug)]
pub struct SingleThreaded<T>(T);

// SAFETY: these targets have no threads: one instance of a module is only ever entered by one.
unsafe impl<T> Sync for SingleThreaded<T> {}

impl<T> SingleThreaded<T> {
    /// Wraps the value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for SingleThreaded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
