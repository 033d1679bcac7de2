//! A Proxy-Wasm filter on the raw ABI v0.2.1, without an SDK, that does what a *script* says and logs all it sees.
//!
//! It logs, at level info, each callback with its arguments (`stream request_headers(num_headers=7, end_of_stream=1)`) and each
//! operation of the script with the status and value it got (`- get request_headers x-a = Ok "1"`). Values are ASCII-escaped.
//! Lines never hold a context's number, only `root` or `stream`, so that many plugins can share a VM.
//!
//! # Scripts
//!
//! A script is one line: stanzas separated by `;`. It comes from the plugin configuration; the request header `x-script`, if
//! there is one, is appended to it for that stream. With the stanza `no-header` in the configuration that header is not looked at.
//!
//! ```text
//! script    = stanza *( ";" stanza )
//! stanza    = "no-header" / callback [ "#" n ] ":" operation *( "," operation )
//! operation = name *( " " word )
//! ```
//!
//! `request_body:` runs at each call of this callback, `request_body#2:` only at the second of its context. A word may hold
//! `%XX` for any byte (`%20`, `%2C`, `%3B`, `%3D` for what the grammar uses itself); `""` is the empty word. A map or buffer is
//! named or given by its number, known or not. What cannot be read is logged as `script error: ...` and skipped.
//! A root learns its script in `configure`: stanzas for its `context_create` and `vm_start` come too late to run.
//!
//! | Operation | Does | Logged beside the status |
//! |---|---|---|
//! | `log LEVEL TEXT` | `proxy_log`, with any level | |
//! | `log_level` | `proxy_get_log_level` | the level |
//! | `time [as NAME [from NUMBER]]` | `proxy_get_current_time_nanoseconds` | `0` if it is 0; whether it is later than the other |
//! | `tick_period MS` | `proxy_set_tick_period_milliseconds` | |
//! | `get MAP KEY` | `proxy_get_header_map_value` | value |
//! | `pairs MAP` | `proxy_get_header_map_pairs` | `[key=value]` for each |
//! | `size MAP` | `proxy_get_header_map_size` | number |
//! | `add MAP KEY VALUE` | `proxy_add_header_map_value` | |
//! | `replace MAP KEY VALUE` | `proxy_replace_header_map_value` | |
//! | `remove MAP KEY` | `proxy_remove_header_map_value` | |
//! | `set_pairs MAP KEY=VALUE ...` | `proxy_set_header_map_pairs` | |
//! | `set_pairs_raw MAP BYTES` | the same with bytes that need not be a map | |
//! | `get_buffer BUFFER START LENGTH` | `proxy_get_buffer_bytes` | value |
//! | `set_buffer BUFFER START LENGTH BYTES` | `proxy_set_buffer_bytes` | |
//! | `buffer_status BUFFER` | `proxy_get_buffer_status` | length and flags |
//! | `reply CODE [details=] [body=] [header=KEY=VALUE]... [headers_raw=] [grpc=N]` | `proxy_send_local_response`; a part left out is a null pointer, gRPC status -1 | |
//! | `continue N`, `close N` | `proxy_continue_stream`, `proxy_close_stream` of this stream type | |
//! | `property PART ...` | `proxy_get_property`, parts joined by NUL | value |
//! | `property_length PART ...` | the same, for values that differ from run to run | the number of bytes |
//! | `set_property PATH VALUE` | `proxy_set_property` | |
//! | `context as NAME` | nothing: it names the running callback's context | |
//! | `effective root\|stream\|NUMBER` | `proxy_set_effective_context`; `stream` in a root's callback is its oldest stream | |
//! | `done` | `proxy_done` | |
//! | `oob`, `oob_services` | several hostcalls with pointers outside memory | one line for each |
//! | `trap` | executes `unreachable` | |
//! | `return N` | the callback's return value, if not the last operation all the same; default 0, or 1 where 1 means true | |
//!
//! On services, where `as` stands for `as NAME [from NUMBER]`:
//!
//! | Operation | Does | Logged beside the status |
//! |---|---|---|
//! | `http_call CLUSTER [method=GET] [path=/] [authority=CLUSTER] [without=method\|path\|authority]... [header=KEY=VALUE]... [headers_raw=] [body=] [trailer=KEY=VALUE]... [trailers_raw=] [timeout=1000] [as]` | `proxy_http_call`; a body or trailers left out are null pointers | the token's name |
//! | `grpc_call UPSTREAM SERVICE METHOD [metadata=KEY=VALUE]... [metadata_raw=] [message=] [timeout=1000] [as]` | `proxy_grpc_call`; `UPSTREAM` is a cluster, bytes, or `envoy_grpc=CLUSTER` for a `GrpcService` message with it | the token's name |
//! | `grpc_stream UPSTREAM SERVICE METHOD [metadata=KEY=VALUE]... [metadata_raw=] [as]` | `proxy_grpc_stream` | the token's name |
//! | `grpc_send NUMBER MESSAGE 0\|1` | `proxy_grpc_send`; 1 ends this side | |
//! | `grpc_cancel NUMBER`, `grpc_close NUMBER` | `proxy_grpc_cancel`, `proxy_grpc_close` | |
//! | `get_status` | `proxy_get_status` | code and message |
//! | `get_shared_data KEY [as]` | `proxy_get_shared_data` | value, and the name of its compare-and-swap number |
//! | `set_shared_data KEY VALUE NUMBER` | `proxy_set_shared_data` | |
//! | `register_queue NAME [as]`, `resolve_queue VM_ID NAME [as]` | `proxy_register_shared_queue`, `proxy_resolve_shared_queue` | the queue's name |
//! | `enqueue NUMBER VALUE`, `dequeue NUMBER` | `proxy_enqueue_shared_queue`, `proxy_dequeue_shared_queue` | the value taken |
//! | `define_metric counter\|gauge\|histogram\|N NAME [as]` | `proxy_define_metric` | the metric's name |
//! | `increment NUMBER OFFSET`, `record NUMBER VALUE`, `get_metric NUMBER` | `proxy_increment_metric`, `proxy_record_metric`, `proxy_get_metric` | the value |
//! | `foreign NAME [BYTES\|$NUMBER] [null] [as]` | `proxy_call_foreign_function`; `$NUMBER` goes as four bytes, `null` makes the result's pointers null | the result, or its name as a number |
//!
//! Numbers that a host makes up are not logged, for they differ from run to run: `as a` calls such a number `a`. Then `$a` stands
//! for it wherever the tables say `NUMBER`, as do `$a+1` and `$a-1` for others; callbacks show `call_id=a` and `queue_id=a`, or `?`
//! for a number without a name. `as b from $a` logs how far it is from `a`; `as b from 0` logs the number itself. A name belongs
//! to a root with its streams.
//!
//! A returned value shows as `"text"`; `null` means that the host wrote pointer 0 and size 0; nothing after the status means
//! that it left the outputs alone.
//!
//! Callbacks: the exports' names without `proxy_on_`, except `downstream_close` and `upstream_close`. Maps: `request_headers`,
//! `request_trailers`, `response_headers`, `response_trailers`, `grpc_initial_metadata`, `grpc_trailing_metadata`,
//! `call_headers`, `call_trailers`. Buffers: `request_body`, `response_body`, `downstream_data`, `upstream_data`, `call_body`,
//! `grpc_message`, `vm_config`, `plugin_config`, `foreign`.
#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod names;
pub mod numbers;
pub mod pairs;
pub mod script;
pub mod service;
pub mod text;
pub mod words;

#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod perform;
#[cfg(target_family = "wasm")]
mod plugin;
#[cfg(target_family = "wasm")]
mod serve;
#[cfg(target_family = "wasm")]
mod sys;
