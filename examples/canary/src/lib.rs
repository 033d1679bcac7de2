//! Two plugins for releases and relocations, in one module:
//!
//! - `canary` gives each client a version by weight, keeps it there, and tells Envoy's routes by a header.
//! - `redirects` answers requests for paths that have moved, from a map of thousands of them.
//!
//! ```json
//! {
//!   "header": "x-canary",
//!   "versions": [{ "name": "v1", "weight": 95 }, { "name": "v2", "weight": 5 }],
//!   "hash": [{ "header": "x-user-id" }, { "cookie": { "name": "canary", "set": { "max_age": 2592000 } } }],
//!   "override": { "header": "x-canary", "versions": ["v2"] }
//! }
//! ```
//!
//! ```json
//! { "redirects": [{ "from": "/old", "to": "/new" }, { "host": "shop.example", "from": "/", "to": "https://www.shop.example/", "status": 308 }] }
//! ```
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

mod canary;
mod hash_key;
mod names;
mod redirect;
mod redirect_map;
mod redirects;
mod sticky_cookie;
mod versions;

use canary::Canary;
use redirects::Redirects;

proxy_filter::no_std_runtime!();

proxy_filter::register! {
    "canary" => http Canary,
    "redirects" => http Redirects,
}
