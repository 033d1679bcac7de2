use std::time::Duration;

/// Envoy's `failure_policy` of a plugin: what becomes of requests after its VM has trapped.
///
/// The stream in whose callback it traps is answered with 503, or reset when its response has begun, whatever the policy (FAI-2,
/// FAI-3, FAI-9); so are streams that were on their way through the same VM, at their next callback (FAI-5). One that is paused
/// waits for ever when the trap comes from elsewhere, such as a tick (FAI-6). The policy is about the requests that come after.
///
/// ```
/// use proxy_filter_test::{FailurePolicy, Plugin};
/// # mod quiet { proxy_filter::register! { "quiet" => root Quiet } pub struct Quiet;
/// # impl proxy_filter::RootContext for Quiet { type Config = ();
/// # fn new(_: (), _: &proxy_filter::Plugin<'_>) -> Result<Self, proxy_filter::ConfigError> { Ok(Self) } } }
/// let plugin = Plugin::native(&quiet::PLUGINS, "quiet").failure_policy(FailurePolicy::Open);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// `FAIL_CLOSED`: each is answered with 503, for good (FAI-7).
    #[default]
    Closed,
    /// `FAIL_OPEN`: they skip the plugin (FAI-9).
    Open,
    /// `FAIL_RELOAD`: a request starts the plugin anew, in a new VM, when at least this much time has passed on the proxy's clock
    /// since it was last loaded or was last tried to; until then each is answered with 503 (FAI-10).
    ///
    /// Envoy draws the time anew for each request, between the interval and one and a half of it; here it is always the interval
    /// itself, the shortest that it can be. Envoy's own default is [`FailurePolicy::RELOAD_INTERVAL`]. The trace names the statistic
    /// that Envoy counts: `wasm.NAME.vm_reload_success`, `vm_reload_failure` or `vm_reload_backoff` (FAI-11).
    Reload {
        /// `reload_config.backoff.base_interval`.
        base_interval: Duration,
    },
}

impl FailurePolicy {
    /// The `base_interval` of a configuration that has none.
    pub const RELOAD_INTERVAL: Duration = Duration::from_secs(1);
}
