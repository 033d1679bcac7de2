//! The configurations of both plugins, and what may be said there.

use core::ops::RangeInclusive;
use core::time::Duration;
use proxy_filter::prelude::*;
use serde::Deserialize;

/// Of the filter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FilterConfig {
    /// The vm_id of the service, under which its queue is found.
    pub(crate) vm_id: String,
    pub(crate) queue: String,
    pub(crate) fields: Vec<String>,
    pub(crate) max_queued: u32,
    pub(crate) max_value_bytes: usize,
}

impl Default for FilterConfig {
    fn default() -> Self {
        let fields =
            ["time_ms", "method", "authority", "path", "status", "duration_ms", "request_bytes", "response_bytes", "request_id"];
        Self {
            vm_id: "aggregator".to_owned(),
            queue: "records".to_owned(),
            fields: fields.map(str::to_owned).to_vec(),
            max_queued: 10_000,
            max_value_bytes: 256,
        }
    }
}

/// Of the service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceConfig {
    /// Where batches go to.
    pub(crate) cluster: String,
    #[serde(default)]
    pub(crate) authority: Option<String>,
    #[serde(default = "ServiceConfig::path")]
    pub(crate) path: String,
    #[serde(default = "ServiceConfig::queue")]
    pub(crate) queue: String,
    #[serde(default = "ServiceConfig::batch_records")]
    pub(crate) batch_records: usize,
    #[serde(default = "ServiceConfig::batch_bytes")]
    pub(crate) batch_bytes: usize,
    #[serde(default = "ServiceConfig::max_wait")]
    max_wait_ms: u64,
    #[serde(default = "ServiceConfig::max_buffered_bytes")]
    pub(crate) max_buffered_bytes: usize,
    #[serde(default = "ServiceConfig::timeout")]
    timeout_ms: u64,
    #[serde(default = "ServiceConfig::max_attempts")]
    pub(crate) max_attempts: u32,
    #[serde(default = "ServiceConfig::backoff")]
    backoff_ms: u64,
    #[serde(default = "ServiceConfig::max_backoff")]
    max_backoff_ms: u64,
}

impl ServiceConfig {
    fn path() -> String {
        "/".to_owned()
    }
    fn queue() -> String {
        "records".to_owned()
    }
    fn batch_records() -> usize {
        100
    }
    fn batch_bytes() -> usize {
        256 * 1_024
    }
    fn max_wait() -> u64 {
        1_000
    }
    fn max_buffered_bytes() -> usize {
        4 * 1_024 * 1_024
    }
    fn timeout() -> u64 {
        5_000
    }
    fn max_attempts() -> u32 {
        5
    }
    fn backoff() -> u64 {
        200
    }
    fn max_backoff() -> u64 {
        30_000
    }

    pub(crate) fn max_wait_time(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms)
    }

    pub(crate) fn timeout_time(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The first wait before a batch is sent again, and the longest.
    pub(crate) fn backoff_times(&self) -> (Duration, Duration) {
        (Duration::from_millis(self.backoff_ms), Duration::from_millis(self.max_backoff_ms))
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.cluster.is_empty() {
            return Err(ConfigError::new("cluster: it is empty; give the name of the collector's cluster"));
        }
        queue_name(&self.queue)?;
        let clean = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        if !self.path.starts_with('/') || !clean(&self.path) {
            return Err(ConfigError::new(format!("path: \"{}\" is no path that begins with /", self.path.escape_debug())));
        }
        if let Some(authority) = self.authority.as_ref().filter(|authority| authority.is_empty() || !clean(authority)) {
            return Err(ConfigError::new(format!("authority: \"{}\" is no name of a host", authority.escape_debug())));
        }
        within("batch_records", self.batch_records, 1..=10_000)?;
        within("batch_bytes", self.batch_bytes, 1_024..=16 * 1_024 * 1_024)?;
        within("max_wait_ms", self.max_wait_ms, 1..=600_000)?;
        within("max_buffered_bytes", self.max_buffered_bytes, 1_024..=256 * 1_024 * 1_024)?;
        within("timeout_ms", self.timeout_ms, 1..=600_000)?;
        within("max_attempts", self.max_attempts, 1..=100)?;
        within("backoff_ms", self.backoff_ms, 1..=600_000)?;
        within("max_backoff_ms", self.max_backoff_ms, 1..=3_600_000)?;
        if self.max_buffered_bytes < self.batch_bytes {
            return Err(ConfigError::new(format!(
                "max_buffered_bytes: {} is less than batch_bytes, {}: no batch would ever be full",
                self.max_buffered_bytes, self.batch_bytes
            )));
        }
        if self.max_backoff_ms < self.backoff_ms {
            let (most, first) = (self.max_backoff_ms, self.backoff_ms);
            return Err(ConfigError::new(format!("max_backoff_ms: {most} is less than backoff_ms, {first}")));
        }
        Ok(())
    }
}

/// A queue without a name could not be told from a forgotten one.
pub(crate) fn queue_name(name: &str) -> Result<(), ConfigError> {
    if name.is_empty() {
        Err(ConfigError::new("queue: it is empty; give the name that filter and service share"))
    } else {
        Ok(())
    }
}

pub(crate) fn within<T: PartialOrd + Copy + core::fmt::Display>(
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(format!("{field}: {value} is not between {} and {}", range.start(), range.end())))
}
