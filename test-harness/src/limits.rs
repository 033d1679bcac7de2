//! What guests may make a mock proxy keep: Envoy has few such limits, a test has some.

use crate::host::State;
use crate::proxy::MockProxy;
use proxy_filter_abi::LogLevel;
use std::cell::RefCell;
use std::fmt;

/// What the plugins of a mock proxy, all together, may make it keep; given to [`Builder::limits`](crate::Builder::limits).
///
/// The defaults are far above what a filter needs. What a plugin may use by itself, instructions and memory, is set by
/// `Plugin::fuel_limit` and `Plugin::memory_limit`. A plugin that reaches a limit goes on: the table says what it is answered;
/// [`MockProxy::limits_reached`] says so to the test, and a line of the log to whoever reads it.
///
/// ```
/// use proxy_filter_test::abi::{Host, MetricType, Status};
/// use proxy_filter_test::{Limit, Limits, MockProxy, Spy};
///
/// // Defines a metric for each request.
/// let mut request = 0;
/// let counts = Spy::acting("counts", move |callback, host: &dyn Host| {
///     if callback.name() == "proxy_on_request_headers" {
///         request += 1;
///         let answer = host.proxy_define_metric(MetricType::Counter, format!("requests.{request}").as_bytes());
///         assert_eq!(answer.err(), (request > 2).then_some(Status::InternalFailure));
///     }
///     None
/// });
/// let limits = Limits { metrics: 2, ..Limits::default() };
/// let proxy = MockProxy::builder().plugin(counts.plugin()).limits(limits).start()?;
/// for _ in 0..3 {
///     proxy.send(http::Request::get("http://shop.example/").body("")?);
/// }
/// assert_eq!(proxy.limits_reached()[0].limit, Limit::Metrics);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of log lines, 64 bytes for each line besides; 64 MiB. Further lines are dropped.
    pub log_bytes: usize,
    /// Bytes of names and values in one map of headers or trailers, 32 for each pair besides; 1 MiB. What would exceed it answers
    /// `INTERNAL_FAILURE`.
    pub map_bytes: usize,
    /// Hostcalls that one callback makes, functions of WASI among them, where each 1,024 bytes that they move count as another; 262,144. The VM traps
    /// ([`TrapKind::OutOfFuel`](crate::TrapKind::OutOfFuel)). Not in the null VM.
    pub hostcalls: usize,
    /// Metrics of different names or types, and their ids; 100,000 of each. To define one more answers `INTERNAL_FAILURE`.
    pub metrics: usize,
    /// Samples of all histograms; 1,000,000. Further ones are dropped.
    pub metric_samples: usize,
    /// Bytes of keys and values in shared data, 64 for each besides; 64 MiB. What would exceed it answers `INTERNAL_FAILURE`.
    pub shared_data_bytes: usize,
    /// Bytes of items that wait in shared queues, 64 for each item and queue besides; 64 MiB. What would exceed it answers
    /// `INTERNAL_FAILURE`.
    pub queue_bytes: usize,
    /// HTTP and gRPC calls that have no answer yet; 10,000. One more answers `INTERNAL_FAILURE`.
    pub callouts_in_flight: usize,
    /// Callouts that begin, and messages that gRPC streams send, while the clock stands still; 10,000. A plugin that calls again in each
    /// answer would never come to rest. One more answers `INTERNAL_FAILURE`, until the clock moves.
    pub callouts_at_once: usize,
    /// Bytes of what callouts and gRPC streams have sent, which stays on record; 256 MiB. What would exceed it answers `INTERNAL_FAILURE`.
    pub callout_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log_bytes: 64 << 20,
            map_bytes: 1 << 20,
            hostcalls: 1 << 18,
            metrics: 100_000,
            metric_samples: 1_000_000,
            shared_data_bytes: 64 << 20,
            queue_bytes: 64 << 20,
            callouts_in_flight: 10_000,
            callouts_at_once: 10_000,
            callout_bytes: 256 << 20,
        }
    }
}

/// One of the [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::log_bytes`].
    Log,
    /// [`Limits::map_bytes`].
    Map,
    /// [`Limits::metrics`].
    Metrics,
    /// [`Limits::metric_samples`].
    MetricSamples,
    /// [`Limits::shared_data_bytes`].
    SharedData,
    /// [`Limits::queue_bytes`].
    Queues,
    /// [`Limits::callouts_in_flight`].
    CalloutsInFlight,
    /// [`Limits::callouts_at_once`].
    CalloutsAtOnce,
    /// [`Limits::callout_bytes`].
    CalloutBytes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "the log is full: further lines are dropped (Limits::log_bytes)",
            Self::Map => "a map of headers would grow too large: the change is refused (Limits::map_bytes)",
            Self::Metrics => "there are too many metrics: no more can be defined (Limits::metrics)",
            Self::MetricSamples => "the histograms have too many samples: further ones are dropped (Limits::metric_samples)",
            Self::SharedData => "the shared data would grow too large: it is refused (Limits::shared_data_bytes)",
            Self::Queues => "too much waits in the shared queues: it is refused (Limits::queue_bytes)",
            Self::CalloutsInFlight => "too many calls have no answer yet: further ones are refused (Limits::callouts_in_flight)",
            Self::CalloutsAtOnce => {
                "too many calls have begun, or messages gone out, while the clock stood still: further ones are refused until it moves \
                 (Limits::callouts_at_once)"
            }
            Self::CalloutBytes => "callouts have sent too much: further ones are refused (Limits::callout_bytes)",
        })
    }
}

/// That a plugin has reached a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitReached {
    /// Which one.
    pub limit: Limit,
    /// The plugin's name.
    pub plugin: String,
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin \"{}\": {}", self.plugin, self.limit)
    }
}

/// The limits of a mock proxy, and who has reached them.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) most: Limits,
    reached: RefCell<Vec<LimitReached>>,
}

impl Bounds {
    pub(crate) fn new(most: Limits) -> Self {
        Self { most, reached: RefCell::default() }
    }
}

impl State {
    /// A plugin has reached a limit: said once, to the test and in log and trace.
    pub(crate) fn reached(&self, limit: Limit, plugin: &str) {
        let reached = LimitReached { limit, plugin: plugin.to_owned() };
        if self.bounds.reached.borrow().contains(&reached) {
            return;
        }
        self.trace.hostcall(|line| line.push_str(&format!("limit: {limit}")));
        self.bounds.reached.borrow_mut().push(reached);
        // Where the log is full, this line is its last.
        self.push_log(LogLevel::Warn, plugin, format!("the mock proxy: {limit}"));
    }
}

impl MockProxy {
    /// The [`Limits`] that plugins have reached so far, each once for each plugin.
    pub fn limits_reached(&self) -> Vec<LimitReached> {
        self.state.bounds.reached.borrow().clone()
    }
}
