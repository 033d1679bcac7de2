//! The configuration: what it may say. What a value must be is checked where it is used.

use proxy_filter::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) reporter: Reporting,
    /// Where the mesh does not say which service a request is for, its `host` does.
    pub(crate) host_header_fallback: bool,
    /// How many combinations of tags a metric has at most.
    pub(crate) max_series: u32,
    pub(crate) access_log: Option<AccessLogConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self { reporter: Reporting::Auto, host_header_fallback: false, max_series: 1_000, access_log: None }
    }
}

/// Which side of a request the proxy speaks for.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reporting {
    /// As the listener's direction says.
    Auto,
    Source,
    Destination,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessLogConfig {
    pub(crate) fields: Vec<String>,
    #[serde(default = "all")]
    pub(crate) sample_percent: f64,
    #[serde(default = "yes")]
    pub(crate) always_errors: bool,
    #[serde(default = "value_bytes")]
    pub(crate) max_value_bytes: usize,
}

fn all() -> f64 {
    100.0
}

fn yes() -> bool {
    true
}

fn value_bytes() -> usize {
    256
}
