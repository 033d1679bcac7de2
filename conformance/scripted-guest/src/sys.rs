//! The boundary: imports, the allocator, the panic handler and the one global, all of this crate's `unsafe` but the exports' names.
#![allow(unsafe_code, reason = "imports and the allocator cannot be had without it")]

use crate::plugin::Plugin;
use alloc::{alloc::Layout, vec::Vec};
use core::cell::RefCell;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A value of the only thread there is.
pub(crate) struct SingleThreaded(RefCell<Plugin>);

// SAFETY: a Proxy-Wasm module has one thread.
unsafe impl Sync for SingleThreaded {}

impl SingleThreaded {
    /// Runs `f` on the value. No hostcall may happen inside, in case the host calls back.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Plugin) -> T) -> T {
        f(&mut self.0.borrow_mut())
    }
}

/// The plugin's state.
pub(crate) static PLUGIN: SingleThreaded = SingleThreaded(RefCell::new(Plugin::new()));

/// Gives the host memory to write a result into; [`Returned::take`] frees it.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::from_size_align(size, 1) {
        // SAFETY: the size is not 0.
        Ok(layout) if size > 0 => unsafe { alloc::alloc::alloc(layout) },
        _ => core::ptr::null_mut(),
    }
}

/// The imports, as ABI v0.2.1 has them; `safe` because the host checks every pointer, and outputs are the callers' own variables.
pub(crate) mod import {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(crate) safe fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
        pub(crate) safe fn proxy_get_log_level(level: &mut u32) -> u32;
        pub(crate) safe fn proxy_get_current_time_nanoseconds(time: &mut u64) -> u32;
        pub(crate) safe fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(crate) safe fn proxy_get_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            value: *mut usize,
            value_size: *mut usize,
        ) -> u32;
        pub(crate) safe fn proxy_get_header_map_pairs(map: u32, pairs: *mut usize, pairs_size: *mut usize) -> u32;
        pub(crate) safe fn proxy_get_header_map_size(map: u32, size: *mut u32) -> u32;
        pub(crate) safe fn proxy_set_header_map_pairs(map: u32, pairs: *const u8, size: usize) -> u32;
        pub(crate) safe fn proxy_add_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(crate) safe fn proxy_replace_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(crate) safe fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
        pub(crate) safe fn proxy_get_buffer_bytes(
            buffer: u32,
            start: u32,
            length: u32,
            bytes: *mut usize,
            size: *mut usize,
        ) -> u32;
        pub(crate) safe fn proxy_set_buffer_bytes(buffer: u32, start: u32, length: u32, bytes: *const u8, size: usize) -> u32;
        pub(crate) safe fn proxy_get_buffer_status(buffer: u32, length: *mut u32, flags: *mut u32) -> u32;
        pub(crate) safe fn proxy_send_local_response(
            code: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(crate) safe fn proxy_continue_stream(stream: u32) -> u32;
        pub(crate) safe fn proxy_close_stream(stream: u32) -> u32;
        pub(crate) safe fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            value: *mut usize,
            value_size: *mut usize,
        ) -> u32;
        pub(crate) safe fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
        pub(crate) safe fn proxy_http_call(
            upstream: *const u8,
            upstream_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout: u32,
            token: *mut u32,
        ) -> u32;
        pub(crate) safe fn proxy_grpc_call(
            upstream: *const u8,
            upstream_size: usize,
            service: *const u8,
            service_size: usize,
            method: *const u8,
            method_size: usize,
            metadata: *const u8,
            metadata_size: usize,
            message: *const u8,
            message_size: usize,
            timeout: u32,
            token: *mut u32,
        ) -> u32;
        pub(crate) safe fn proxy_grpc_stream(
            upstream: *const u8,
            upstream_size: usize,
            service: *const u8,
            service_size: usize,
            method: *const u8,
            method_size: usize,
            metadata: *const u8,
            metadata_size: usize,
            token: *mut u32,
        ) -> u32;
        pub(crate) safe fn proxy_grpc_send(token: u32, message: *const u8, size: usize, end_of_stream: u32) -> u32;
        pub(crate) safe fn proxy_grpc_cancel(token: u32) -> u32;
        pub(crate) safe fn proxy_grpc_close(token: u32) -> u32;
        pub(crate) safe fn proxy_get_status(code: *mut u32, message: *mut usize, size: *mut usize) -> u32;
        pub(crate) safe fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            value: *mut usize,
            value_size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(crate) safe fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            cas: u32,
        ) -> u32;
        pub(crate) safe fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> u32;
        pub(crate) safe fn proxy_resolve_shared_queue(
            vm_id: *const u8,
            vm_id_size: usize,
            name: *const u8,
            size: usize,
            queue: *mut u32,
        ) -> u32;
        pub(crate) safe fn proxy_enqueue_shared_queue(queue: u32, value: *const u8, size: usize) -> u32;
        pub(crate) safe fn proxy_dequeue_shared_queue(queue: u32, value: *mut usize, size: *mut usize) -> u32;
        pub(crate) safe fn proxy_define_metric(metric_type: u32, name: *const u8, size: usize, metric: *mut u32) -> u32;
        pub(crate) safe fn proxy_increment_metric(metric: u32, offset: i64) -> u32;
        pub(crate) safe fn proxy_record_metric(metric: u32, value: u64) -> u32;
        pub(crate) safe fn proxy_get_metric(metric: u32, value: *mut u64) -> u32;
        pub(crate) safe fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            argument: *const u8,
            argument_size: usize,
            result: *mut usize,
            result_size: *mut usize,
        ) -> u32;
        pub(crate) safe fn proxy_set_effective_context(context: u32) -> u32;
        pub(crate) safe fn proxy_done() -> u32;
    }
}

/// What no allocator answers and no host writes by chance: shows whether an output was touched.
const UNTOUCHED: usize = 0xAAAA_AAA1;

/// What a hostcall that returns bytes did to its two outputs.
pub(crate) enum Returned {
    /// Neither was written.
    Untouched,
    /// Pointer 0 and size 0.
    Null,
    /// Bytes, taken over from the host.
    Bytes(Vec<u8>),
    /// Outputs that make no sense together.
    Inconsistent(usize, usize),
}

impl Returned {
    /// Makes the call with fresh outputs and takes over what it wrote there.
    pub(crate) fn take(call: impl FnOnce(*mut usize, *mut usize) -> u32) -> (u32, Self) {
        let (mut pointer, mut size) = (UNTOUCHED, UNTOUCHED);
        let status = call(&raw mut pointer, &raw mut size);
        let returned = match (pointer, size) {
            (UNTOUCHED, UNTOUCHED) => Self::Untouched,
            (0, 0) => Self::Null,
            (0 | UNTOUCHED, _) | (_, 0 | UNTOUCHED) => Self::Inconsistent(pointer, size),
            // SAFETY: the host got this pointer from `proxy_on_memory_allocate(size)` (alignment 1) and has given it away.
            _ => Self::Bytes(unsafe { Vec::from_raw_parts(pointer as *mut u8, size, size) }),
        };
        (status, returned)
    }
}
