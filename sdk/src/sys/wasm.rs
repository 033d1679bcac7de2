//! The boundary in Wasm: imports, the allocator, and the one static. The only file of the SDK that holds `unsafe`.
#![allow(unsafe_code, reason = "imports, the allocator and the static that holds the VM are the boundary itself")]

use crate::heap::{Heap, Memory};
use crate::{Error, Status};
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use proxy_filter_abi::{BufferType, LogLevel, MapType, MetricType, StreamType};

/// The way to the host: in Wasm, nothing at run time.
#[derive(Clone, Debug)]
pub struct Sys;

macro_rules! state {
    ($($hooks:ident $set_hooks:ident: $Hooks:ty $(, $state:ident: $State:ty)?;)*) => {
        $(mod $hooks {
            use super::{Cell, SingleThreaded};
            pub(super) static HOOKS: SingleThreaded<Cell<Option<&'static $Hooks>>> = SingleThreaded::new(Cell::new(None));
            $(pub(super) static STATE: SingleThreaded<$State> = SingleThreaded::new(<$State>::new());)?
        })*

        impl Sys {
            $(#[inline]
            pub(crate) fn $hooks(&self) -> Option<&'static $Hooks> {
                $hooks::HOOKS.get()
            }

            pub(crate) fn $set_hooks(&self, hooks: &'static $Hooks) {
                $hooks::HOOKS.set(Some(hooks));
            }

            $(pub(crate) fn $state(&self) -> &$State {
                &$hooks::STATE
            })?)*
        }
    };
}

for_each_state!(state);

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

/// Functions of WASI, which proxies offer to every module: imported by one that uses them, and by no other.
impl Sys {
    pub(crate) fn random_get(&self, bytes: &mut [u8]) -> Result<(), Error> {
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            fn random_get(bytes: *mut u8, size: usize) -> u32;
        }
        // WAS-6: a host gives no more at once.
        for part in bytes.chunks_mut(65_536) {
            // SAFETY: the host fills as many bytes as the slice has, and keeps no pointer.
            let errno = unsafe { random_get(part.as_mut_ptr(), part.len()) };
            check_errno("random_get", errno)?;
        }
        Ok(())
    }

    pub(crate) fn environ_get(&self) -> Result<Vec<u8>, Error> {
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            fn environ_sizes_get(count: *mut usize, size: *mut usize) -> u32;
            fn environ_get(list: *mut u8, strings: *mut u8) -> u32;
        }
        let (mut count, mut size) = (0, 0);
        // SAFETY: both are locals, and the host keeps no pointer.
        check_errno("environ_sizes_get", unsafe { environ_sizes_get(&mut count, &mut size) })?;
        let list_size = count.saturating_mul(size_of::<usize>());
        let (mut list, mut strings) = (zeroed(list_size), zeroed(size));
        if list.len() != list_size || strings.len() != size {
            return Err(Error { hostcall: "environ_get", status: Status::InvalidMemoryAccess });
        }
        // SAFETY: the buffers have the sizes that the host has just given for them, and it keeps no pointer.
        check_errno("environ_get", unsafe { environ_get(list.as_mut_ptr(), strings.as_mut_ptr()) })?;
        Ok(strings)
    }
}

/// An errno other than 0 as a status.
fn check_errno(hostcall: &'static str, errno: u32) -> Result<(), Error> {
    const EFAULT: u32 = 21;
    const EINVAL: u32 = 28;
    const ENOSYS: u32 = 52;
    let status = match errno {
        0 => return Ok(()),
        EFAULT => Status::InvalidMemoryAccess,
        EINVAL => Status::BadArgument,
        ENOSYS => Status::Unimplemented,
        // CAP-4 among them.
        _ => Status::InternalFailure,
    };
    Err(Error { hostcall, status })
}

/// What the module exports as its allocator: memory that the host fills and hands over.
///
/// A null pointer makes the hostcall answer `INVALID_MEMORY_ACCESS` (MEM-3) instead of trapping the VM.
pub fn allocate(size: usize) -> *mut u8 {
    if size == 0 {
        return ptr::null_mut();
    }
    if IS_GLOBAL.get() {
        // `Allocator` itself does not answer null.
        let block = HEAP.reuse(size, 1).or_else(|| HEAP.extend(size, 1));
        return block.map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut);
    }
    match Layout::array::<u8>(size) {
        // SAFETY: the size is not 0.
        Ok(layout) => unsafe { alloc::alloc::alloc(layout) },
        Err(_) => ptr::null_mut(),
    }
}

/// So many zeros: as `vec![0; len]`, but a buffer of no size where there is no memory, instead of the code that says so, 1.5 KiB.
pub(crate) fn zeroed(len: usize) -> Vec<u8> {
    let Ok(layout) = Layout::array::<u8>(len) else { return Vec::new() };
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: the size is not 0.
    let bytes = unsafe { alloc::alloc::alloc_zeroed(layout) };
    if bytes.is_null() {
        return Vec::new();
    }
    // SAFETY: so many bytes of the global allocator, all initialised.
    unsafe { Vec::from_raw_parts(bytes, len, len) }
}

/// The instance's memory.
struct LinearMemory;

impl Memory for LinearMemory {
    #[inline]
    fn load(&self, address: usize) -> usize {
        // SAFETY: the heap passes addresses of blocks that it has freed, which are of a word at least, aligned, and its own.
        unsafe { ptr::with_exposed_provenance::<usize>(address).read() }
    }

    #[inline]
    fn store(&self, address: usize, word: usize) {
        // SAFETY: as above; the block has just been given back.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(address).write(word) }
    }

    fn grow(&self, bytes: usize) -> Option<(usize, usize)> {
        const PAGE: usize = 65_536;
        let pages = bytes.div_ceil(PAGE);
        match core::arch::wasm32::memory_grow(0, pages) {
            usize::MAX => None,
            before => Some((before * PAGE, pages * PAGE)),
        }
    }
}

static HEAP: SingleThreaded<Heap<LinearMemory>> = SingleThreaded::new(Heap::new(LinearMemory));
/// Whether the heap is the module's allocator: it has been asked for memory by it. A module on std has std's.
static IS_GLOBAL: SingleThreaded<Cell<bool>> = SingleThreaded::new(Cell::new(false));

/// The global allocator of [`no_std_runtime!`](crate::no_std_runtime).
///
/// Where memory has run out it traps rather than answering null, and says so in its types: the compiler then drops what would be
/// done about a null, 1.5 KiB that write "memory allocation failed".
#[derive(Debug)]
pub struct Allocator;

impl Allocator {
    #[inline(never)]
    fn block(layout: Layout) -> NonNull<u8> {
        let (size, align) = (layout.size(), layout.align());
        let block = HEAP.reuse(size, align).or_else(|| {
            IS_GLOBAL.set(true);
            HEAP.extend(size, align)
        });
        let block = block.and_then(|block| NonNull::new(ptr::with_exposed_provenance_mut(block)));
        block.unwrap_or_else(|| core::arch::wasm32::unreachable())
    }

    /// # Safety
    /// As `GlobalAlloc::realloc`.
    #[inline(never)]
    unsafe fn resize(block: NonNull<u8>, layout: Layout, new: Layout) -> NonNull<u8> {
        if Heap::<LinearMemory>::same_block(layout.size(), new.size(), layout.align()) {
            return block;
        }
        let new_block = Self::block(new);
        // SAFETY: both blocks hold the smaller of the two sizes, and are different.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr(), new_block.as_ptr(), layout.size().min(new.size())) };
        HEAP.free(block.as_ptr().expose_provenance(), layout.size(), layout.align());
        new_block
    }
}

// SAFETY: a block lies in memory that only this heap has, is as large and as aligned as asked for, and is given out again only
// after it came back: `heap.rs` shows it by tests.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::block(layout).as_ptr()
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HEAP.free(block.expose_provenance(), layout.size(), layout.align());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises a block of `alloc`, which gives no null, and a size that a layout can have.
        unsafe {
            let new = Layout::from_size_align_unchecked(new_size, layout.align());
            Self::resize(NonNull::new_unchecked(block), layout, new).as_ptr()
        }
    }
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

/// Under Node the module `env` answers `UNIMPLEMENTED` to everything: what is proved is that each row of the table is an import that
/// can be called.
#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proxy_filter_abi::HOSTCALLS;
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Some argument of each type.
    trait Sample {
        const SAMPLE: Self;
    }

    macro_rules! samples {
        ($($ty:ty = $sample:expr;)*) => { $(impl Sample for $ty { const SAMPLE: Self = $sample; })* };
    }

    samples! {
        u32 = 1;
        u64 = 1 << 40;
        i64 = -1;
        &[u8] = b"bytes";
        LogLevel = LogLevel::Info;
        MapType = MapType::HttpRequestHeaders;
        BufferType = BufferType::HttpRequestBody;
        StreamType = StreamType::HttpRequest;
        MetricType = MetricType::Counter;
    }

    macro_rules! call_each {
        ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
            fn answers() -> Vec<Result<(), Error>> {
                vec![$(Sys.$name($(<proxy_filter_abi::hostcall_argument!($ty) as Sample>::SAMPLE),*).map(drop)),*]
            }
        };
    }

    proxy_filter_abi::for_each_hostcall!(call_each);

    #[test]
    fn each_hostcall_is_an_import_and_its_status_is_read() {
        let answers = answers();
        assert_eq!(answers.len(), HOSTCALLS.len());
        for (answer, row) in answers.into_iter().zip(HOSTCALLS) {
            assert_eq!(answer, Err(Error { hostcall: row.name, status: Status::Unimplemented }));
        }
    }

    #[test]
    fn memory_for_the_host_is_allocated_and_taken_over() {
        assert!(allocate(0).is_null());
        assert!(allocate(usize::MAX).is_null());
        let data = allocate(1_000);
        assert!(!data.is_null());
        let bytes = HostBytes { data, size: 1_000 }.into_vec();
        assert_eq!((bytes.as_ptr(), bytes.len()), (data.cast_const(), 1_000));
        assert!(HostBytes::NONE.into_vec().is_empty());
    }

    #[test]
    fn the_heap_works_in_linear_memory() {
        let heap = Heap::new(LinearMemory);
        let blocks: Vec<usize> = (1..100).filter_map(|size| heap.extend(size * 100, 8)).collect();
        assert_eq!(blocks.len(), 99);
        for (size, block) in (1..100).zip(&blocks) {
            heap.free(*block, size * 100, 8);
            assert_eq!(heap.reuse(size * 100, 8), Some(*block));
        }
        assert_eq!(zeroed(1_000), vec![0; 1_000]);
    }
}
