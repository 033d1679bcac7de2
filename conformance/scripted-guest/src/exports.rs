//! The exports: each hands its arguments, with their names, to [`run`].
#![allow(unsafe_code, reason = "an exported name is `unsafe(no_mangle)`")]

use crate::{
    names::Callback,
    plugin::{create, delete, run},
};

/// A callback from its export's name: arguments other than the context's number are logged under their names.
macro_rules! export {
    ($($name:ident($($argument:ident),*) $callback:ident $(= $default:literal)?;)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name(id: u32, $($argument: u32),*) $(-> export!(answer $default))? {
                let _answer = run(id, Callback::$callback, &[$((stringify!($argument), $argument)),*], 0 $(+ $default)?);
                $(export!(give $default _answer))?
            }
        )*
    };
    (answer $default:literal) => { u32 };
    (give $default:literal $answer:ident) => { $answer };
}

/// The marker of the ABI's version; never called.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
    create(id, parent);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    delete(id);
}

export! {
    proxy_on_vm_start(configuration_size) VmStart = 1;
    proxy_on_configure(configuration_size) Configure = 1;
    proxy_on_tick() Tick;
    proxy_on_done() Done = 1;
    proxy_on_log() Log;
    proxy_on_request_headers(num_headers, end_of_stream) RequestHeaders = 0;
    proxy_on_request_body(size, end_of_stream) RequestBody = 0;
    proxy_on_request_trailers(num_trailers) RequestTrailers = 0;
    proxy_on_request_metadata(num_elements) RequestMetadata = 0;
    proxy_on_response_headers(num_headers, end_of_stream) ResponseHeaders = 0;
    proxy_on_response_body(size, end_of_stream) ResponseBody = 0;
    proxy_on_response_trailers(num_trailers) ResponseTrailers = 0;
    proxy_on_response_metadata(num_elements) ResponseMetadata = 0;
    proxy_on_new_connection() NewConnection = 0;
    proxy_on_downstream_data(size, end_of_stream) DownstreamData = 0;
    proxy_on_downstream_connection_close(peer_type) DownstreamClose;
    proxy_on_upstream_data(size, end_of_stream) UpstreamData = 0;
    proxy_on_upstream_connection_close(peer_type) UpstreamClose;
    proxy_on_http_call_response(call_id, num_headers, body_size, num_trailers) HttpCallResponse;
    proxy_on_grpc_receive_initial_metadata(call_id, num_elements) GrpcReceiveInitialMetadata;
    proxy_on_grpc_receive(call_id, size) GrpcReceive;
    proxy_on_grpc_receive_trailing_metadata(call_id, num_elements) GrpcReceiveTrailingMetadata;
    proxy_on_grpc_close(call_id, status_code) GrpcClose;
    proxy_on_queue_ready(queue_id) QueueReady;
    proxy_on_foreign_function(function_id, arguments_size) ForeignFunction;
}
