//! Metrics that differ by tags: one series in the proxy for each combination of values.

use crate::metrics::{add_to_counter, add_to_gauge, saturating_subtract_from_gauge, subtract_from_gauge};
use crate::{Context, Error};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::cell::RefCell;
use proxy_filter_abi::MetricType;

/// A name with tags, and the series that were used so far.
#[derive(Debug)]
struct Family<const N: usize> {
    name: &'static str,
    tags: [&'static str; N],
    most: usize,
    /// The ids, by the names in the proxy, in their order.
    series: RefCell<Vec<(Box<str>, u32)>>,
}

/// The value of every tag of the series that stands for those over the limit.
const OTHER: &str = "other";

impl<const N: usize> Family<N> {
    const fn new(name: &'static str, tags: [&'static str; N], most: usize) -> Self {
        Self { name, tags, most, series: RefCell::new(Vec::new()) }
    }

    /// The id of the series with these values.
    fn id(&self, cx: &Context, kind: MetricType, values: [&str; N]) -> Result<u32, Error> {
        let name = self.rendered(values);
        match self.find(&name) {
            Ok(id) => Ok(id),
            Err(count) if count < self.most => self.define(cx, kind, name),
            Err(_) => {
                let other = self.rendered([OTHER; N]);
                self.find(&other).or_else(|_| self.define(cx, kind, other))
            }
        }
    }

    /// The id of a series, or how many there are.
    fn find(&self, name: &str) -> Result<u32, usize> {
        // Nothing calls back while it is borrowed.
        let Ok(series) = self.series.try_borrow() else { return Err(usize::MAX) };
        match series.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(at) => series.get(at).map(|(_, id)| *id).ok_or(usize::MAX),
            Err(_) => Err(series.len()),
        }
    }

    fn define(&self, cx: &Context, kind: MetricType, name: String) -> Result<u32, Error> {
        let id = cx.sys.proxy_define_metric(kind, name.as_bytes())?;
        if let Ok(mut series) = self.series.try_borrow_mut() {
            let at = series.partition_point(|(known, _)| **known < *name);
            series.insert(at, (name.into_boxed_str(), id));
        }
        Ok(id)
    }

    /// As Istio writes it: `tag=.=value;.;` for each tag, then the name.
    fn rendered(&self, values: [&str; N]) -> String {
        let mut text = String::new();
        for (tag, value) in self.tags.iter().zip(values) {
            text.push_str(tag);
            text.push_str("=.=");
            // What the proxy would take for another tag or for the end of this one, or could not find it by.
            text.extend(value.chars().map(|char| if matches!(char, ';' | '=') || char.is_control() { '_' } else { char }));
            text.push_str(";.;");
        }
        text.push_str(self.name);
        text
    }
}

/// Counters that differ by tags: `requests` by response code and by tenant, say. The number of tags is part of the type.
///
/// A series is named as Istio does, `code=.=200;.;tenant=.=a;.;requests`, and Prometheus shows `requests{code="200",tenant="a"}` where the
/// proxy has a `stats_tags` entry with the regular expression `(code=\.=(.*?);\.;)` for each tag (MET-16; Istio: `extraStatTags`). A `;`, `=` or
/// control character in a value becomes `_`, so that no request can write tags of its own.
///
/// # The most series
///
/// A proxy keeps every series for good, so values that come from requests (paths, names of users) would fill its memory. A family has
/// at most `most` of them in a VM; what comes later counts in one in which each tag is `other`.
///
/// ```
/// # mod metered {
/// use proxy_filter::prelude::*;
///
/// pub struct Metered {
///     requests: CounterFamily<2>,
/// }
///
/// impl RootContext for Metered {
///     type Config = ();
///     fn new(_: (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
///         Ok(Self { requests: CounterFamily::new("requests", ["code", "tenant"], 1_000) })
///     }
/// }
///
/// impl HttpPlugin for Metered {
///     type Http = MeteredStream;
///     fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> MeteredStream {
///         MeteredStream(Rc::clone(self))
///     }
/// }
///
/// pub struct MeteredStream(Rc<Metered>);
///
/// impl HttpContext for MeteredStream {
///     fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
///         let tenant = http.request_headers().get("x-tenant")?;
///         let tenant = tenant.as_ref().and_then(|tenant| tenant.to_str().ok()).unwrap_or("unknown");
///         let code = http.response_headers().get(":status")?;
///         let code = code.as_ref().and_then(|code| code.to_str().ok()).unwrap_or("0");
///         Ok(self.0.requests.add(&http, [code, tenant], 1)?)
///     }
/// }
///
/// proxy_filter::register! { "metered" => http Metered }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use proxy_filter_test::{MockProxy, Plugin};
///
/// let plugin = Plugin::native(&metered::PLUGINS, "metered");
/// let proxy = MockProxy::builder().plugin(plugin).stats_tags(["code", "tenant"]).start()?;
/// proxy.send(http::Request::get("http://shop.example/").header("x-tenant", "a").body("")?);
/// assert_eq!(proxy.counter(("requests", [("code", "200"), ("tenant", "a")])), Some(1));
/// assert_eq!(proxy.prometheus(), "# TYPE requests counter\nrequests{code=\"200\",tenant=\"a\"} 1\n");
/// # Ok(()) }
/// ```
///
/// One value too few does not compile:
///
/// ```compile_fail,E0308
/// # use proxy_filter::{Context, CounterFamily, Error};
/// fn count(requests: &CounterFamily<2>, cx: &Context) -> Result<(), Error> {
///     requests.add(cx, ["200"], 1)
/// }
/// ```
#[derive(Debug)]
pub struct CounterFamily<const N: usize>(Family<N>);

impl<const N: usize> CounterFamily<N> {
    /// Counters of this name that differ by these tags, at most so many of them in a VM.
    pub const fn new(name: &'static str, tags: [&'static str; N], most: usize) -> Self {
        Self(Family::new(name, tags, most))
    }

    /// Adds so much to the one with these values.
    ///
    /// # Errors
    /// As [`Counter::add`](crate::Counter::add).
    pub fn add(&self, cx: &Context, values: [&str; N], by: u64) -> Result<(), Error> {
        add_to_counter(&cx.sys, || self.0.id(cx, MetricType::Counter, values), by)
    }

    /// What the one with these values has counted, in all VMs.
    ///
    /// # Errors
    /// As [`Counter::define`](crate::Counter::define).
    pub fn get(&self, cx: &Context, values: [&str; N]) -> Result<u64, Error> {
        cx.sys.proxy_get_metric(self.0.id(cx, MetricType::Counter, values)?)
    }
}

/// Gauges that differ by tags: as [`CounterFamily`].
#[derive(Debug)]
pub struct GaugeFamily<const N: usize>(Family<N>);

impl<const N: usize> GaugeFamily<N> {
    /// Gauges of this name that differ by these tags, at most so many of them in a VM.
    pub const fn new(name: &'static str, tags: [&'static str; N], most: usize) -> Self {
        Self(Family::new(name, tags, most))
    }

    /// Sets the one with these values.
    ///
    /// # Errors
    /// As [`Counter::define`](crate::Counter::define).
    pub fn set(&self, cx: &Context, values: [&str; N], value: u64) -> Result<(), Error> {
        cx.sys.proxy_record_metric(self.id(cx, values)?, value)
    }

    /// Adds so much to the one with these values.
    ///
    /// # Errors
    /// As [`Counter::add`](crate::Counter::add).
    pub fn add(&self, cx: &Context, values: [&str; N], by: u64) -> Result<(), Error> {
        add_to_gauge(&cx.sys, self.id(cx, values)?, by)
    }

    /// Takes away so much; below zero it wraps, as [`Gauge::sub`](crate::Gauge::sub).
    ///
    /// # Errors
    /// As [`Counter::add`](crate::Counter::add).
    pub fn sub(&self, cx: &Context, values: [&str; N], by: u64) -> Result<(), Error> {
        subtract_from_gauge(&cx.sys, self.id(cx, values)?, by)
    }

    /// Takes away so much, but no more than there is, as [`Gauge::saturating_sub`](crate::Gauge::saturating_sub).
    ///
    /// # Errors
    /// As [`Counter::add`](crate::Counter::add).
    pub fn saturating_sub(&self, cx: &Context, values: [&str; N], by: u64) -> Result<(), Error> {
        saturating_subtract_from_gauge(&cx.sys, self.id(cx, values)?, by)
    }

    /// The value of the one with these values, of all VMs.
    ///
    /// # Errors
    /// As [`Counter::define`](crate::Counter::define).
    pub fn get(&self, cx: &Context, values: [&str; N]) -> Result<u64, Error> {
        cx.sys.proxy_get_metric(self.id(cx, values)?)
    }

    fn id(&self, cx: &Context, values: [&str; N]) -> Result<u32, Error> {
        self.0.id(cx, MetricType::Gauge, values)
    }
}

/// Histograms that differ by tags: as [`CounterFamily`].
#[derive(Debug)]
pub struct HistogramFamily<const N: usize>(Family<N>);

impl<const N: usize> HistogramFamily<N> {
    /// Histograms of this name that differ by these tags, at most so many of them in a VM.
    pub const fn new(name: &'static str, tags: [&'static str; N], most: usize) -> Self {
        Self(Family::new(name, tags, most))
    }

    /// Takes a sample for the one with these values.
    ///
    /// # Errors
    /// As [`Counter::define`](crate::Counter::define).
    pub fn record(&self, cx: &Context, values: [&str; N], sample: u64) -> Result<(), Error> {
        cx.sys.proxy_record_metric(self.0.id(cx, MetricType::Histogram, values)?, sample)
    }
}
