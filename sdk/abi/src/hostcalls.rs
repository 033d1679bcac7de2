//! The table of hostcalls, and what is made from it here: [`Host`] and [`HOSTCALLS`].

use crate::{AbiVersion, BufferType, LogLevel, MapType, MetricType, Status, StreamType};
use alloc::vec::Vec;

/// Hands every hostcall of ABI v0.2.1 to the macro named `$with`, in the order of the specification.
///
/// A row is `#[doc = …]* since V0_2_1 fn proxy_name(argument: Type, …) -> (result: Type, …);`. The types are `u32`, `u64`,
/// `i64`, [`LogLevel`], [`MapType`], [`BufferType`], [`StreamType`], [`MetricType`] and `Bytes`, which crosses as a pointer
/// and a length. Inputs come first on the wire, then a pointer for each result; every hostcall returns a [`Status`] or 0.
///
/// The rows' documentation ends with a list of the statuses that Envoy answers.
#[macro_export]
macro_rules! for_each_hostcall {
    ($with:path) => {
        $with! {
            /// Writes a line to the proxy's log. Lines below the proxy's own level are dropped.
            ///
            /// Phases: any, and while the module initialises. Source: LOG-1, LOG-2.
            /// - `BAD_ARGUMENT`: the level is unknown.
            since V0_1_0 fn proxy_log(level: LogLevel, message: Bytes) -> ();

            /// The proxy's current log level, so that a plugin can skip lines nobody would see.
            ///
            /// Phases: any. Source: LOG-4; only hosts of ABI 0.2.1 have it.
            since V0_2_1 fn proxy_get_log_level() -> (level: u32);

            /// The wall clock, in nanoseconds since the Unix epoch, read anew at each call.
            ///
            /// Phases: any. Source: TIM-5.
            since V0_1_0 fn proxy_get_current_time_nanoseconds() -> (time: u64);

            /// Calls `proxy_on_tick` of this plugin's root every so many milliseconds; 0 stops it. A later call replaces the period.
            ///
            /// Phases: any; a stream sets its root's timer. Source: TIM-1.
            since V0_1_0 fn proxy_set_tick_period_milliseconds(period: u32) -> ();

            /// Bytes of a buffer, from `start`, at most `max_size`; a range past the end gives fewer or none.
            ///
            /// Phases: a body in its callback or while it is held; configurations as described there. Source: BUF-1 to BUF-7, BUF-15.
            /// - `BAD_ARGUMENT`: the buffer type is unknown.
            /// - `NOT_FOUND`: a callout's response body or the plugin configuration outside its callback.
            since V0_1_0 fn proxy_get_buffer_bytes(buffer_type: BufferType, start: u32, max_size: u32) -> (value: Bytes);

            /// Writes to a buffer: `start` 0 replaces the first `size` bytes (0 prepends), `start` at or past the end appends.
            ///
            /// Phases: a body in its callback or while it is held. Source: BUF-9 to BUF-17.
            /// - `BAD_ARGUMENT`: the buffer type is unknown, there is no such buffer now, it is read-only, or the range lies in its middle.
            /// - `NOT_FOUND`: a callout's response body or the plugin configuration outside its callback.
            since V0_1_0 fn proxy_set_buffer_bytes(buffer_type: BufferType, start: u32, size: u32, value: Bytes) -> ();

            /// The length of a buffer; the flags are always 0.
            ///
            /// Phases: as `proxy_get_buffer_bytes`. Source: BUF-8.
            /// - `BAD_ARGUMENT`, `NOT_FOUND`: as `proxy_get_buffer_bytes`.
            since V0_1_0 fn proxy_get_buffer_status(buffer_type: BufferType) -> (length: u32, flags: u32);

            /// The sum of the lengths of a map's keys and values (not the size of its serialised form).
            ///
            /// Phases: where the map can be edited. Source: HDR-3.
            /// - `BAD_ARGUMENT`: the map type is unknown, or there is no such map now; always in `proxy_on_log` and for callouts' maps.
            since V0_1_0 fn proxy_get_header_map_size(map_type: MapType) -> (size: u32);

            /// A whole map, serialised. Where there is no such map now the answer is an empty one.
            ///
            /// Phases: a message's map from its callback until it goes on; in `proxy_on_log`, read-only. Source: SER-1, SER-2, HDR-1.
            /// - `BAD_ARGUMENT`: the map type is unknown.
            since V0_1_0 fn proxy_get_header_map_pairs(map_type: MapType) -> (pairs: Bytes);

            /// Replaces a whole map, pseudo-headers included, by a serialised one; a malformed one empties it.
            ///
            /// Phases: a message's map from its callback until it goes on. Source: HDR-15, HDR-16, SER-5.
            /// - `BAD_ARGUMENT`: the map type is unknown, or there is no such map now.
            since V0_1_0 fn proxy_set_header_map_pairs(map_type: MapType, pairs: Bytes) -> ();

            /// The first value of a header. Names are case-insensitive; `host` means `:authority`.
            ///
            /// Phases: as `proxy_get_header_map_pairs`. Source: HDR-1, HDR-6 to HDR-9.
            /// - `NOT_FOUND`: no such header; in `proxy_on_log` also: no such map.
            /// - `BAD_ARGUMENT`: the map type is unknown, or there is no such map now.
            since V0_1_0 fn proxy_get_header_map_value(map_type: MapType, key: Bytes) -> (value: Bytes);

            /// Adds a value to a header, keeping those that are there; headers that Envoy holds inline are joined with a comma.
            ///
            /// Phases: a message's map from its callback until it goes on. Source: HDR-10 to HDR-12.
            /// - `BAD_ARGUMENT`: the map type is unknown, or there is no such map now.
            since V0_1_0 fn proxy_add_header_map_value(map_type: MapType, key: Bytes, value: Bytes) -> ();

            /// Removes every value of a header and appends this one at the end of the map.
            ///
            /// Phases: a message's map from its callback until it goes on. Source: HDR-13.
            /// - `BAD_ARGUMENT`: the map type is unknown, or there is no such map now.
            since V0_1_0 fn proxy_replace_header_map_value(map_type: MapType, key: Bytes, value: Bytes) -> ();

            /// Removes every value of a header; that there is none is no error.
            ///
            /// Phases: a message's map from its callback until it goes on. Source: HDR-14.
            /// - `BAD_ARGUMENT`: the map type is unknown, or there is no such map now.
            since V0_1_0 fn proxy_remove_header_map_value(map_type: MapType, key: Bytes) -> ();

            /// Lets a paused stream go on, after the running callback has returned.
            ///
            /// Phases: while that half is paused; without effect otherwise. Never inside the callback that it belongs to: Envoy
            /// then sends the message twice (CON-5, CON-6). Source: CON-1 to CON-12.
            /// - `BAD_ARGUMENT`: the stream type is unknown.
            /// - `UNIMPLEMENTED`: an upstream stream.
            since V0_2_0 fn proxy_continue_stream(stream_type: StreamType) -> ();

            /// Resets a stream, after the running callback has returned.
            ///
            /// Phases: request and response callbacks, TCP callbacks, and callbacks of callouts and timers. Never in `proxy_on_log`,
            /// `proxy_on_done` or `proxy_on_delete`: Envoy crashes (CLO-5). Source: CLO-1 to CLO-5.
            /// - `BAD_ARGUMENT`: the stream type is unknown.
            since V0_2_0 fn proxy_close_stream(stream_type: StreamType) -> ();

            /// Answers the request in the upstream's place, after the running callback has returned.
            ///
            /// Phases: until response headers have left; later the stream is reset. Never in `proxy_on_log`, `proxy_on_done` or
            /// `proxy_on_delete`: Envoy crashes (LOC-17). From a root nothing is sent. `grpc_status` is used when the request is
            /// gRPC and lies in 0 to 16; otherwise it is derived from `status_code`. Source: LOC-1 to LOC-18.
            since V0_1_0 fn proxy_send_local_response(status_code: u32, details: Bytes, body: Bytes, headers: Bytes, grpc_status: u32) -> ();

            /// Starts an HTTP call; its response comes to `proxy_on_http_call_response` of the root.
            ///
            /// Phases: any. `upstream` names a cluster; headers hold `:method`, `:path` and `:authority`; a timeout of 0 is none.
            /// Source: CAL-1 to CAL-18.
            /// - `BAD_ARGUMENT`: no such cluster, a pseudo-header is missing, or the timeout exceeds 2^31-1 ms.
            /// - `INTERNAL_FAILURE`: the cluster has no host.
            since V0_1_0 fn proxy_http_call(upstream: Bytes, headers: Bytes, body: Bytes, trailers: Bytes, timeout: u32) -> (call_id: u32);

            /// Starts a unary gRPC call; it ends in `proxy_on_grpc_receive` or in `proxy_on_grpc_close`.
            ///
            /// Phases: any. `upstream` is a serialised `GrpcService` or a cluster's name. Source: GRP-1 to GRP-7.
            /// - `PARSE_FAILURE`: `upstream` is neither. Bytes that parse as a `GrpcService` without a target abort Envoy (GRP-4).
            /// - `INTERNAL_FAILURE`: the call could not be started.
            since V0_1_0 fn proxy_grpc_call(upstream: Bytes, service: Bytes, method: Bytes, initial_metadata: Bytes, message: Bytes, timeout: u32) -> (call_id: u32);

            /// Opens a gRPC stream.
            ///
            /// Phases: any. Source: GRP-1, GRP-8, GRP-9.
            /// - `PARSE_FAILURE`, `INTERNAL_FAILURE`: as `proxy_grpc_call`.
            since V0_1_0 fn proxy_grpc_stream(upstream: Bytes, service: Bytes, method: Bytes, initial_metadata: Bytes) -> (stream_id: u32);

            /// Sends a message on a gRPC stream, and ends this side of it when `end_stream` is not 0.
            ///
            /// Phases: any. Source: GRP-10, GRP-11.
            /// - `BAD_ARGUMENT`: the id is that of a call.
            /// - `NOT_FOUND`: there is no such stream.
            since V0_1_0 fn proxy_grpc_send(stream_id: u32, message: Bytes, end_stream: u32) -> ();

            /// Cancels a gRPC call or resets a gRPC stream; no callback follows.
            ///
            /// Phases: any. Source: GRP-12, GRP-15.
            /// - `BAD_ARGUMENT`: the id is not that of a gRPC call or stream.
            /// - `NOT_FOUND`: there is none.
            since V0_1_0 fn proxy_grpc_cancel(call_id: u32) -> ();

            /// Cancels a gRPC call, or ends this side of a gRPC stream.
            ///
            /// Phases: any. Source: GRP-12, GRP-14, GRP-15.
            /// - `BAD_ARGUMENT`: the id is not that of a gRPC call or stream.
            /// - `NOT_FOUND`: there is none.
            since V0_1_0 fn proxy_grpc_close(call_id: u32) -> ();

            /// The code and message of the callout whose callback runs.
            ///
            /// Phases: `proxy_on_http_call_response` and `proxy_on_grpc_close`. Source: STA-1 to STA-4.
            since V0_1_0 fn proxy_get_status() -> (code: u32, message: Bytes);

            /// A value shared by all VMs of this vm_id, and its compare-and-swap number.
            ///
            /// Phases: any. Source: SHD-1, SHD-2, SHD-7.
            /// - `NOT_FOUND`: no such key.
            since V0_1_0 fn proxy_get_shared_data(key: Bytes) -> (value: Bytes, cas: u32);

            /// Stores a shared value: always when `cas` is 0, otherwise only if the number is still this.
            ///
            /// Phases: any. Source: SHD-3, SHD-6.
            /// - `CAS_MISMATCH`: somebody else stored meanwhile.
            since V0_1_0 fn proxy_set_shared_data(key: Bytes, value: Bytes, cas: u32) -> ();

            /// Makes a queue, or takes over the notices of the one that exists.
            ///
            /// Phases: any. Source: QUE-1, QUE-9.
            since V0_1_0 fn proxy_register_shared_queue(name: Bytes) -> (queue_id: u32);

            /// Finds a queue by the vm_id that registered it and its name; an empty vm_id is the plugin's own.
            ///
            /// Phases: any. Source: QUE-3.
            /// - `NOT_FOUND`: no such queue.
            since V0_1_0 fn proxy_resolve_shared_queue(vm_id: Bytes, name: Bytes) -> (queue_id: u32);

            /// Puts an item at the end of a queue; `proxy_on_queue_ready` of its registrant follows.
            ///
            /// Phases: any. Source: QUE-5, QUE-6, QUE-8.
            /// - `NOT_FOUND`: no such queue.
            since V0_1_0 fn proxy_enqueue_shared_queue(queue_id: u32, value: Bytes) -> ();

            /// Takes the first item of a queue.
            ///
            /// Phases: any. Source: QUE-5, QUE-6.
            /// - `NOT_FOUND`: no such queue.
            /// - `EMPTY`: it has no item.
            since V0_1_0 fn proxy_dequeue_shared_queue(queue_id: u32) -> (value: Bytes);

            /// Defines a metric, or finds it again under a new id.
            ///
            /// Phases: any. Source: MET-1 to MET-4.
            /// - `BAD_ARGUMENT`: the metric type is unknown.
            since V0_1_0 fn proxy_define_metric(metric_type: MetricType, name: Bytes) -> (metric_id: u32);

            /// Adds to a counter or gauge. A counter takes only positive offsets.
            ///
            /// Phases: any. Source: MET-6, MET-8, MET-10, MET-11.
            /// - `NOT_FOUND`: no such metric.
            /// - `BAD_ARGUMENT`: a histogram, or an offset that a counter refuses.
            since V0_1_0 fn proxy_increment_metric(metric_id: u32, offset: i64) -> ();

            /// Sets a gauge, adds to a counter (Envoy), or records a sample of a histogram.
            ///
            /// Phases: any. Source: MET-7, MET-8, MET-10, MET-11.
            /// - `NOT_FOUND`: no such metric.
            since V0_1_0 fn proxy_record_metric(metric_id: u32, value: u64) -> ();

            /// The value of a counter or gauge.
            ///
            /// Phases: any. Source: MET-10, MET-11.
            /// - `NOT_FOUND`: no such metric.
            /// - `BAD_ARGUMENT`: a histogram.
            since V0_1_0 fn proxy_get_metric(metric_id: u32) -> (value: u64);

            /// A property of the stream, the proxy or the plugin, in the encoding of its type. `path` has its parts separated by NUL.
            ///
            /// Phases: as each property exists. Source: PRO-1 to PRO-9.
            /// - `NOT_FOUND`: no such property, or not now.
            /// - `SERIALIZATION_FAILURE`: the path is empty or names only a group.
            since V0_1_0 fn proxy_get_property(path: Bytes) -> (value: Bytes);

            /// Stores bytes under a name for the rest of the stream (Envoy: filter state `wasm.NAME`).
            ///
            /// Phases: stream callbacks. Source: PRO-10 to PRO-17.
            /// - `NOT_FOUND`: a root context.
            /// - `BAD_ARGUMENT`: declared read-only and set before.
            since V0_1_0 fn proxy_set_property(path: Bytes, value: Bytes) -> ();

            /// Calls a function that the host offers by name.
            ///
            /// Phases: any. Source: FOR-1 to FOR-15.
            /// - `NOT_FOUND`: the host has no such function.
            /// - others: the function's own.
            since V0_1_0 fn proxy_call_foreign_function(name: Bytes, arguments: Bytes) -> (results: Bytes);

            /// Makes the hostcalls of the running callback act on another context; 0 goes back to the own one.
            ///
            /// Phases: any. Source: CTX-4, CTX-5.
            /// - `BAD_ARGUMENT`: no such context.
            since V0_1_0 fn proxy_set_effective_context(context_id: u32) -> ();

            /// Ends a root whose `proxy_on_done` answered that it was not done yet.
            ///
            /// Phases: any, after that. Source: LIF-20, LIF-22.
            /// - `NOT_FOUND`: nothing waits for it.
            since V0_1_0 fn proxy_done() -> ();
        }
    };
}

/// The Rust type of an argument of this table type.
#[doc(hidden)]
#[macro_export]
macro_rules! hostcall_argument {
    (Bytes) => {
        &[u8]
    };
    ($ty:ident) => {
        $ty
    };
}

/// The Rust type of a result of this table type.
#[doc(hidden)]
#[macro_export]
macro_rules! hostcall_result {
    (Bytes) => { Vec<u8> };
    ($ty:ident) => { $ty };
}

macro_rules! define_host {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        /// What a proxy offers to a plugin: one method for each hostcall, named as the ABI names it.
        ///
        /// In Wasm these are imports; natively a mock host implements the trait. Methods take `&self`, so that a host may call
        /// back into the plugin before a hostcall returns.
        ///
        /// # Errors
        /// Each method answers the [`Status`] that its list names; a hostile host may answer any other.
        pub trait Host {
            $($(#[doc = $doc])*
            #[allow(unused_parens, reason = "one result is not a tuple")]
            fn $name(&self, $($argument: $crate::hostcall_argument!($ty)),*) -> Result<($($crate::hostcall_result!($rty)),*), Status>;)*

            /// WASI's `random_get`, which is no hostcall of the ABI: fills these bytes at random.
            /// - `UNIMPLEMENTED`: the host has no WASI.
            fn random_get(&self, bytes: &mut [u8]) -> Result<(), Status> {
                let _ = bytes;
                Err(Status::Unimplemented)
            }

            /// WASI's `environ_get`, which is no hostcall of the ABI: the environment of the VM as `KEY=VALUE` and NUL each (ENV-1).
            /// - `UNIMPLEMENTED`: the host has no WASI.
            fn environ_get(&self) -> Result<Vec<u8>, Status> {
                Err(Status::Unimplemented)
            }
        }

        /// The table of hostcalls as data, for reference, traces and linkers.
        pub const HOSTCALLS: &[HostcallRow] = &[$(HostcallRow {
            name: stringify!($name),
            since: AbiVersion::$since,
            until: None,
            doc: concat!($($doc, "\n",)*),
            arguments: &[$(Parameter { name: stringify!($argument), kind: wire_kind!($ty) }),*],
            results: &[$(Parameter { name: stringify!($result), kind: wire_kind!($rty) }),*],
        },)*];
    };
}

macro_rules! wire_kind {
    (Bytes) => {
        WireKind::Bytes
    };
    (u32) => {
        WireKind::U32
    };
    (u64) => {
        WireKind::U64
    };
    (i64) => {
        WireKind::I64
    };
    ($enumeration:ident) => {
        WireKind::Enum(stringify!($enumeration))
    };
}

pub(crate) use wire_kind;

for_each_hostcall!(define_host);

/// One row of the table of hostcalls.
#[derive(Clone, Copy, Debug)]
pub struct HostcallRow {
    /// The import's name, in module `env`.
    pub name: &'static str,
    /// The first ABI version that has it.
    pub since: AbiVersion,
    /// The last one, when later ones have something else instead.
    pub until: Option<AbiVersion>,
    /// What it means, when it may be called, which statuses it answers; Markdown.
    pub doc: &'static str,
    /// What goes in, in the order of the wire.
    pub arguments: &'static [Parameter],
    /// What comes out, each through a pointer that follows the arguments.
    pub results: &'static [Parameter],
}

/// An argument or a result of a hostcall.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the table.
    pub name: &'static str,
    /// How it crosses.
    pub kind: WireKind,
}

/// How a value crosses the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireKind {
    /// An `i32` parameter; as a result, a pointer to 4 bytes.
    U32,
    /// An `i64` parameter; as a result, a pointer to 8 bytes.
    U64,
    /// An `i64` parameter, signed.
    I64,
    /// Two `i32` parameters, pointer and length; as a result, a pointer to each of them.
    Bytes,
    /// As [`WireKind::U32`], with the meaning of the enumeration of this name.
    Enum(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_table_holds_every_hostcall_of_the_specification_once() {
        assert_eq!(HOSTCALLS.len(), 39);
        for (index, row) in HOSTCALLS.iter().enumerate() {
            assert!(row.name.starts_with("proxy_"), "{}", row.name);
            assert!(HOSTCALLS[..index].iter().all(|other| other.name != row.name), "{} twice", row.name);
            assert!(row.doc.contains("Phases:") && row.doc.contains("Source:"), "{} is not documented", row.name);
        }
    }
}
