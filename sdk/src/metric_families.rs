//! Metrics that differ by tags: one series in the proxy for each combination of values.

use crate::metrics::{add_to_counter, add_to_gauge, saturating_subtract_from_gauge, subtract_from_gauge};
use crate::{Context, Counter, Error};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::cell::{Cell, RefCell};
use proxy_filter_abi::MetricType;

/// A name with tags, and the series that were used so far.
#[derive(Debug)]
struct Family<const N: usize> {
    name: &'static str,
    tags: [&'static str; N],
    most: usize,
    /// Counts what went to the series for others.
    overflow: Option<Counter>,
    /// In the order of their hashes.
    series: RefCell<Vec<Series<N>>>,
    /// The id of the series that stands for those over the limit, once there is one.
    other: Cell<Option<u32>>,
}

/// A combination of values, and the proxy's id for it: found without making its name, which is long.
#[derive(Debug)]
struct Series<const N: usize> {
    hash: u64,
    /// One after the other.
    values: Box<str>,
    lengths: [usize; N],
    id: u32,
}

/// The value of every tag of the series that stands for those over the limit.
const OTHER: &str = "other";

impl<const N: usize> Family<N> {
    const fn new(name: &'static str, tags: [&'static str; N], most: usize) -> Self {
        Self { name, tags, most, overflow: None, series: RefCell::new(Vec::new()), other: Cell::new(None) }
    }

    /// The id of the series with these values.
    fn id(&self, cx: &Context, kind: MetricType, values: [&str; N]) -> Result<u32, Error> {
        let hash = hash(&values);
        let count = {
            // Nothing calls back while it is borrowed.
            let series = self.series.try_borrow();
            let known = series.as_ref().map_or(&[][..], |series| series);
            let from = known.partition_point(|series| series.hash < hash);
            let equal = known.iter().skip(from).take_while(|series| series.hash == hash);
            if let Some(series) = equal.into_iter().find(|series| series.has(&values)) {
                return Ok(series.id);
            }
            known.len()
        };
        if count < self.most {
            let id = cx.sys.proxy_define_metric(kind, self.rendered(values).as_bytes())?;
            if let Ok(mut series) = self.series.try_borrow_mut() {
                let at = series.partition_point(|series| series.hash < hash);
                series.insert(at, Series { hash, values: values.concat().into(), lengths: values.map(str::len), id });
            }
            return Ok(id);
        }
        if let Some(overflow) = &self.overflow {
            overflow.add(cx, 1)?;
        }
        if let Some(id) = self.other.get() {
            return Ok(id);
        }
        let id = cx.sys.proxy_define_metric(kind, self.rendered([OTHER; N]).as_bytes())?;
        self.other.set(Some(id));
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

impl<const N: usize> Series<N> {
    fn has(&self, values: &[&str; N]) -> bool {
        let mut rest = self.values.as_bytes();
        self.lengths.iter().zip(values).all(|(length, value)| match rest.split_at_checked(*length) {
            Some((known, after)) if *length == value.len() => {
                rest = after;
                same(known, value.as_bytes())
            }
            _ => false,
        })
    }
}

/// Eight bytes at a time: in Wasm `==` takes them one by one.
fn same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let (Some((left, ones)), Some((right, others))) = (one.split_first_chunk::<8>(), other.split_first_chunk::<8>()) {
        if u64::from_le_bytes(*left) != u64::from_le_bytes(*right) {
            return false;
        }
        (one, other) = (ones, others);
    }
    one == other
}

/// Only spreads: what has an equal hash is compared.
fn hash(values: &[&str]) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut hash = 0;
    for value in values {
        let mut bytes = value.as_bytes();
        while let Some((chunk, rest)) = bytes.split_first_chunk::<8>() {
            hash = mix(hash, u64::from_le_bytes(*chunk));
            bytes = rest;
        }
        let mut last = value.len() as u64;
        for byte in bytes {
            last = last << 8 | u64::from(*byte);
        }
        hash = mix(hash, last);
    }
    hash
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
/// at most `most` of them in a VM; what comes later counts in one in which each tag is `other`, and in the counter that
/// [`with_overflow`](Self::with_overflow) names: an alert on it says that the limit is too low, or the tags too many.
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

    /// Has a [`Counter`] of this name count each use of the series whose tags are `other`. Several families may share one name.
    #[must_use]
    pub const fn with_overflow(mut self, counter: &'static str) -> Self {
        self.0.overflow = Some(Counter::new(counter));
        self
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

    /// As [`CounterFamily::with_overflow`].
    #[must_use]
    pub const fn with_overflow(mut self, counter: &'static str) -> Self {
        self.0.overflow = Some(Counter::new(counter));
        self
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

    /// As [`CounterFamily::with_overflow`].
    #[must_use]
    pub const fn with_overflow(mut self, counter: &'static str) -> Self {
        self.0.overflow = Some(Counter::new(counter));
        self
    }

    /// Takes a sample for the one with these values.
    ///
    /// # Errors
    /// As [`Counter::define`](crate::Counter::define).
    pub fn record(&self, cx: &Context, values: [&str; N], sample: u64) -> Result<(), Error> {
        cx.sys.proxy_record_metric(self.0.id(cx, MetricType::Histogram, values)?, sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn series(values: [&str; 3]) -> Series<3> {
        Series { hash: hash(&values), values: values.concat().into(), lengths: values.map(str::len), id: 4 }
    }

    #[test]
    fn series_differ_by_where_a_value_ends() {
        let known = series(["ab", "", "c"]);
        assert!(known.has(&["ab", "", "c"]));
        for other in [["a", "b", "c"], ["ab", "c", ""], ["", "ab", "c"], ["ab", "", "d"], ["ab", "", "cc"], ["ab", "", ""]] {
            assert!(!known.has(&other), "{other:?}");
            assert_ne!(known.hash, hash(&other), "{other:?}");
        }
    }

    #[cfg(not(target_family = "wasm"))]
    proptest::proptest! {
        #[test]
        fn a_series_has_its_values_and_no_others(one: [String; 3], other: [String; 3]) {
            let (one, other) = (one.each_ref().map(String::as_str), other.each_ref().map(String::as_str));
            proptest::prop_assert!(series(one).has(&one));
            proptest::prop_assert_eq!(series(one).has(&other), one == other);
        }

        #[test]
        fn eight_bytes_at_a_time_is_as_one_by_one(one: Vec<u8>, at: usize) {
            proptest::prop_assert!(same(&one, &one.clone()));
            let mut other = one.clone();
            if let Some(byte) = at.checked_rem(one.len()).and_then(|at| other.get_mut(at)) {
                *byte ^= 1;
                proptest::prop_assert!(!same(&one, &other));
            }
        }
    }
}
