//! Two plugins in one module: a filter puts a record of each request on a shared queue, and a singleton service takes them from there
//! and ships them in batches to a collector.
//!
//! ```json
//! { "fields": ["time_ms", "method", "path", "status"], "max_queued": 10000 }
//! ```
//! for the filter `aggregator_filter`, and for the service `aggregator`
//! ```json
//! { "cluster": "collector", "path": "/records", "batch_records": 100, "max_wait_ms": 1000 }
//! ```
//!
//! Traffic never waits for it: where the collector is slow or down, records are dropped and counted.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod backlog;
mod backoff;
mod batches;
mod config;
mod delivery;
mod filter;
mod record;
mod service;

pub use backoff::backoff;
pub use batches::{Batch, Batches, Unfit};
pub use record::{Value, json_line};

use filter::Recorder;
use service::Aggregator;

proxy_filter::no_std_runtime!();

proxy_filter::register! {
    "aggregator_filter" => http Recorder,
    "aggregator" => root Aggregator,
}
