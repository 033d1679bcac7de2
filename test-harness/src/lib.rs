#![doc = include_str!("guide.md")]

mod both_vms;
mod builder;
mod chain;
mod cluster;
mod connection;
mod exchange;
mod failure_policy;
mod fault;
#[cfg(feature = "wasmtime")]
pub mod filter_crate;
mod findings;
mod frames;
mod grpc_cluster;
mod host;
mod instance;
mod interleaving;
mod lifecycle;
mod limits;
mod lint;
mod log;
mod message;
mod metrics;
mod open_stream;
mod place;
mod plateau;
mod plugin;
mod profile;
mod proxy;
mod refused;
mod running_vm;
mod spy;
mod status_table;
mod tester;
mod trace;
mod upstream;
mod vm;
mod worker;

pub use builder::Builder;
pub use cluster::Cluster;
pub use connection::{Connection, Ending};
pub use exchange::{Exchange, LocalReplySent, Outcome};
pub use failure_policy::FailurePolicy;
pub use fault::Fault;
pub use grpc_cluster::{GrpcCluster, GrpcEvent, GrpcReply, GrpcRequest, GrpcStatus};
pub use host::ForeignCall;
pub use host::property::{PropertyPath, PropertyValue};
pub use interleaving::interleavings;
pub use limits::{Limit, LimitReached, Limits};
pub use lint::{Finding, Lint, Severity};
pub use log::LogLine;
pub use message::Message;
pub use metrics::{Metric, MetricName, MetricValue};
pub use open_stream::{IntoHeaders, OpenStream};
pub use plugin::{IntoConfiguration, Plugin, VmKind};
pub use profile::{Difference, Profile};
pub use proxy::{Framing, MockProxy, SharedData, SharedQueue};
pub use proxy_filter_abi as abi;
pub use proxy_filter_abi::{LogLevel, PeerType};
pub use refused::{Reason, Refused};
pub use spy::Spy;
pub use status_table::StatusTable;
pub use upstream::Answer;
#[cfg(feature = "wasmtime")]
pub use vm::wasm::{LoadError, Problem, imports};
pub use vm::{Trap, TrapKind};

/// What a test that uses `?` answers.
pub type TestResult = Result<(), Box<dyn std::error::Error>>;
