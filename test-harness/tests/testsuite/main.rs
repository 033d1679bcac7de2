//! What the mock host makes of guests that misbehave, of modules that cannot be loaded, and of tests that make mistakes.

#[cfg(feature = "wasmtime")]
mod abi;
#[cfg(feature = "wasmtime")]
mod access_loggers;
mod callout_lifetimes;
mod callouts;
#[cfg(feature = "wasmtime")]
mod capabilities;
mod clusters;
#[cfg(feature = "wasmtime")]
mod failure;
mod faults;
mod foreign;
mod grpc;
#[cfg(feature = "wasmtime")]
mod guest;
#[cfg(feature = "wasmtime")]
mod hostile;
#[cfg(feature = "wasmtime")]
mod initialisation;
#[cfg(feature = "wasmtime")]
mod lifecycle;
mod limits;
#[cfg(feature = "wasmtime")]
mod lints;
#[cfg(feature = "wasmtime")]
mod loading;
mod local_replies;
#[cfg(feature = "wasmtime")]
mod memory;
mod messages;
mod null_vm;
mod open_stream;
#[cfg(feature = "wasmtime")]
mod other_languages;
mod policies;
mod profile;
mod properties;
#[cfg(feature = "wasmtime")]
mod random;
mod sharing;
mod spy;
mod tester;
#[cfg(feature = "wasmtime")]
mod warnings;
#[cfg(feature = "wasmtime")]
mod wasi;

use http::Request;
use proxy_filter_test::{Exchange, LogLine, MockProxy};

fn get(proxy: &MockProxy) -> Exchange {
    proxy.send(Request::get("http://shop.example/").body("").expect("a request"))
}

fn messages(log: &[LogLine]) -> Vec<&str> {
    log.iter().map(|line| line.message.as_str()).collect()
}
