//! What a test sees of the metrics that plugins keep.

mod prometheus;

use crate::proxy::MockProxy;
use proxy_filter_abi::MetricType;
use std::fmt::{self, Write};

/// A metric of a mock proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, as the plugin has given it: without the `wasmcustom.` that Envoy puts before it (MET-15).
    pub name: String,
    /// Its type and its value.
    pub value: MetricValue,
}

/// What a metric has counted so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricValue {
    /// The value of a counter.
    Counter(u64),
    /// The value of a gauge; one that fell below zero has wrapped (MET-8).
    Gauge(u64),
    /// The samples of a histogram, in the order in which they were recorded.
    Histogram(Vec<u64>),
}

impl Metric {
    pub(crate) fn new(name: &[u8], value: MetricValue) -> Self {
        Self { name: String::from_utf8_lossy(name).into_owned(), value }
    }

    /// The name without the tags that it begins with.
    ///
    /// ```
    /// # use proxy_filter_test::abi::{Host, MetricType};
    /// # use proxy_filter_test::{MockProxy, Spy};
    /// # let spy = Spy::acting("spy", |callback, host: &dyn Host| {
    /// #     if callback.name() == "proxy_on_configure" { host.proxy_define_metric(MetricType::Counter, b"code=.=200;.;requests").unwrap(); }
    /// #     None
    /// # });
    /// # let proxy = MockProxy::new(spy.plugin())?;
    /// let metric = &proxy.metrics()[0];
    /// assert_eq!(metric.name, "code=.=200;.;requests");
    /// assert_eq!((metric.base_name(), metric.tags()), ("requests", vec![("code", "200")]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn base_name(&self) -> &str {
        split_tags(&self.name).1
    }

    /// The tags that the name begins with, as Istio writes them: `tag=.=value;.;`.
    pub fn tags(&self) -> Vec<(&str, &str)> {
        split_tags(&self.name).0
    }
}

/// Between a tag and its value.
pub(crate) const IS: &str = "=.=";
/// After each of them.
pub(crate) const END: &str = ";.;";

fn split_tags(mut name: &str) -> (Vec<(&str, &str)>, &str) {
    let mut tags = Vec::new();
    while let Some((tag, rest)) = name.split_once(END).and_then(|(tag, rest)| Some((tag.split_once(IS)?, rest))) {
        tags.push(tag);
        name = rest;
    }
    (tags, name)
}

/// The name of a metric, with or without tags: what [`MockProxy::counter`] and its like are asked for.
///
/// ```
/// use proxy_filter_test::MetricName;
/// assert_eq!(MetricName::from("requests").to_string(), "requests");
/// assert_eq!(MetricName::from(("requests", [("code", "200")])).to_string(), "code=.=200;.;requests");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricName(String);

impl From<&str> for MetricName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for MetricName {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl<const N: usize> From<(&str, [(&str, &str); N])> for MetricName {
    fn from((name, tags): (&str, [(&str, &str); N])) -> Self {
        let mut text = String::new();
        for (tag, value) in tags {
            let _ = write!(text, "{tag}{IS}{value}{END}");
        }
        Self(text + name)
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MockProxy {
    /// The value of a counter; `None` when no plugin has defined one of this name. It is one value for all VMs (MET-14).
    ///
    /// ```
    /// # use proxy_filter_test::abi::{Host, MetricType};
    /// # use proxy_filter_test::{MockProxy, Spy};
    /// let counts = Spy::acting("counts", |callback, host: &dyn Host| {
    ///     if callback.name() == "proxy_on_log" {
    ///         let id = host.proxy_define_metric(MetricType::Counter, b"requests").unwrap();
    ///         host.proxy_increment_metric(id, 1).unwrap();
    ///     }
    ///     None
    /// });
    /// let proxy = MockProxy::new(counts.plugin())?;
    /// assert_eq!(proxy.counter("requests"), None);
    /// proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// assert_eq!(proxy.counter("requests"), Some(2));
    /// assert_eq!(proxy.prometheus(), "# TYPE requests counter\nrequests{} 2\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn counter(&self, name: impl Into<MetricName>) -> Option<u64> {
        match self.metric(MetricType::Counter, &name.into())? {
            MetricValue::Counter(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a gauge; `None` when no plugin has defined one of this name.
    pub fn gauge(&self, name: impl Into<MetricName>) -> Option<u64> {
        match self.metric(MetricType::Gauge, &name.into())? {
            MetricValue::Gauge(value) => Some(value),
            _ => None,
        }
    }

    /// The samples of a histogram, in the order in which they were recorded; `None` when no plugin has defined one of this name.
    pub fn histogram(&self, name: impl Into<MetricName>) -> Option<Vec<u64>> {
        match self.metric(MetricType::Histogram, &name.into())? {
            MetricValue::Histogram(samples) => Some(samples),
            _ => None,
        }
    }

    /// All metrics that plugins have defined, by name.
    pub fn metrics(&self) -> Vec<Metric> {
        self.state.metrics.all()
    }

    fn metric(&self, kind: MetricType, name: &MetricName) -> Option<MetricValue> {
        self.state.metrics.find(kind, name.0.as_bytes())
    }
}
