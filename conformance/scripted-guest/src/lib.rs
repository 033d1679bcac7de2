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
//! | `time` | `proxy_get_current_time_nanoseconds` | `0` if it is 0 |
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
//! | `set_property PATH VALUE` | `proxy_set_property` | |
//! | `effective root\|stream\|N` | `proxy_set_effective_context`; `stream` in a root's callback is its oldest stream | |
//! | `done` | `proxy_done` | |
//! | `oob` | several hostcalls with pointers outside memory | one line for each |
//! | `trap` | executes `unreachable` | |
//! | `return N` | the callback's return value, if not the last operation all the same; default 0, or 1 where 1 means true | |
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
pub mod pairs;
pub mod script;
pub mod text;

#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod perform;
#[cfg(target_family = "wasm")]
mod plugin;
#[cfg(target_family = "wasm")]
mod sys;
