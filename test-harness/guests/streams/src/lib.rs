//! Filters that hold messages, collect bodies and rewrite them: each root id is one, and each does to requests what it does to
//! responses.
#![cfg_attr(target_family = "wasm", no_std)]

mod collect;
mod mask;
mod one_at_a_time;

proxy_filter::no_std_runtime!();

proxy_filter::register! {
    "collect" => http collect::Collect,
    "mask" => http mask::Mask,
    "one_at_a_time" => http one_at_a_time::OneAtATime,
}
