//! The same scenario on the mock host and on a real Envoy, compared.
//!
//! A [`Scenario`] is data: a plugin, requests, an upstream. [`envoy::run`] carries it out on a real Envoy and gives an
//! [`Observation`]: what the upstream and the client received, byte by byte, and what the plugin logged.
//! [`comparison`] tells two of them apart. [`scenarios::all`] lists the scenarios; each names the rows of
//! `docs/envoy.md` that it shows.

pub mod allocations;
pub mod comparison;
pub mod connection;
pub mod envoy;
pub mod error;
pub mod grpc;
pub mod http1;
pub mod http2;
pub mod known;
pub mod message;
pub mod mock;
pub mod observation;
pub mod recorded;
pub mod report;
pub mod rows;
pub mod scenario;
pub mod scenarios;
pub mod upstream;
pub mod wire;

pub use error::Error;
pub use observation::Observation;
pub use scenario::Scenario;
