//! Counters, gauges and histograms: a name, and the proxy's id for it once it was used.

use crate::sys::Sys;
use crate::{Context, Error, Status};
use core::cell::Cell;
use proxy_filter_abi::MetricType;

/// The proxy's id for a metric, asked for once.
///
/// It lives in a root, not in a `static`: ids are the VM's own (MET-1), and natively a test process has many of them.
#[derive(Debug)]
struct Definition {
    name: &'static str,
    id: Cell<Option<u32>>,
}

impl Definition {
    const fn new(name: &'static str) -> Self {
        Self { name, id: Cell::new(None) }
    }

    fn id(&self, sys: &Sys, kind: MetricType) -> Result<u32, Error> {
        if let Some(id) = self.id.get() {
            return Ok(id);
        }
        let id = sys.proxy_define_metric(kind, self.name.as_bytes())?;
        self.id.set(Some(id));
        Ok(id)
    }
}

/// MET-6: Envoy refuses to add nothing, which is no reason to fail.
pub(crate) fn add_to_counter(sys: &Sys, id: impl FnOnce() -> Result<u32, Error>, by: u64) -> Result<(), Error> {
    if by == 0 {
        return Ok(());
    }
    sys.proxy_increment_metric(id()?, offset(by)?)
}

/// What the ABI can carry in one step: 2^63-1.
fn offset(by: u64) -> Result<i64, Error> {
    i64::try_from(by).map_err(|_| Error { hostcall: "proxy_increment_metric", status: Status::BadArgument })
}

pub(crate) fn add_to_gauge(sys: &Sys, id: u32, by: u64) -> Result<(), Error> {
    sys.proxy_increment_metric(id, offset(by)?)
}

pub(crate) fn subtract_from_gauge(sys: &Sys, id: u32, by: u64) -> Result<(), Error> {
    sys.proxy_increment_metric(id, -offset(by)?)
}

/// MET-8: a gauge that would fall below zero stops there.
pub(crate) fn saturating_subtract_from_gauge(sys: &Sys, id: u32, by: u64) -> Result<(), Error> {
    match by.min(sys.proxy_get_metric(id)?) {
        0 => Ok(()),
        by => subtract_from_gauge(sys, id, by),
    }
}

/// A number that only grows: requests, bytes, refusals.
///
/// It belongs in the root, which all streams share, and is defined in the proxy when it is first added to. Plugins, VMs and worker
/// threads that use one name count together (MET-14). Outside it is `wasmcustom.NAME`, for Prometheus `NAME` with `_` for what that
/// does not take (MET-15). For values that differ by a label there is [`CounterFamily`](crate::CounterFamily).
///
/// ```
/// use proxy_filter::prelude::*;
///
/// struct Guard {
///     refused: Counter,
/// }
///
/// impl RootContext for Guard {
///     type Config = ();
///     fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
///         let refused = Counter::new("guard.refused");
///         refused.define(plugin)?; // shows as 0 until there is one
///         Ok(Self { refused })
///     }
/// }
///
/// impl HttpPlugin for Guard {
///     type Http = GuardStream;
///     fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> GuardStream {
///         GuardStream(Rc::clone(self))
///     }
/// }
///
/// struct GuardStream(Rc<Guard>);
///
/// impl HttpContext for GuardStream {
///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
///         if http.headers().get("authorization")?.is_none() {
///             self.0.refused.add(&http, 1)?;
///             return LocalReply::new(401).send();
///         }
///         Ok(HeadersAction::Continue)
///     }
/// }
///
/// proxy_filter::register! { "guard" => http Guard }
///
/// # use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "guard"))?;
/// assert_eq!(proxy.counter("guard.refused"), Some(0));
/// proxy.send(http::Request::get("http://shop.example/").body("")?);
/// assert_eq!(proxy.counter("guard.refused"), Some(1));
/// # Ok(()) }
/// ```
///
/// A `static` would share one VM's id with others natively, so it does not compile:
///
/// ```compile_fail,E0277
/// static REFUSED: proxy_filter::Counter = proxy_filter::Counter::new("refused");
/// ```
#[derive(Debug)]
pub struct Counter(Definition);

impl Counter {
    /// A counter of this name.
    pub const fn new(name: &'static str) -> Self {
        Self(Definition::new(name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Defines it in the proxy now, so that it shows as 0 before it is first added to.
    ///
    /// # Errors
    /// `UNIMPLEMENTED` or `INTERNAL_FAILURE` where the host lacks metrics or the plugin may not use them.
    pub fn define(&self, cx: &Context) -> Result<(), Error> {
        self.0.id(&cx.sys, MetricType::Counter).map(drop)
    }

    /// Adds so much; nothing is no hostcall, which Envoy would refuse (MET-6).
    ///
    /// # Errors
    /// As [`define`](Self::define); `BAD_ARGUMENT` for more than 2^63-1 at once.
    pub fn add(&self, cx: &Context, by: u64) -> Result<(), Error> {
        add_to_counter(&cx.sys, || self.0.id(&cx.sys, MetricType::Counter), by)
    }

    /// What it has counted, in all VMs.
    ///
    /// # Errors
    /// As [`define`](Self::define).
    pub fn get(&self, cx: &Context) -> Result<u64, Error> {
        cx.sys.proxy_get_metric(self.0.id(&cx.sys, MetricType::Counter)?)
    }
}

/// A number that rises and falls: streams at hand, the size of a cache.
///
/// It lives in the root and is shared as a [`Counter`] is: what each worker thread adds and takes away makes one number, and what one of
/// them [`set`](Self::set)s the others overwrite.
///
/// ```
/// # use proxy_filter::{Context, Error, Gauge};
/// fn entries_changed(gauge: &Gauge, cx: &Context, before: u64, now: u64) -> Result<(), Error> {
///     gauge.add(cx, now)?;
///     gauge.sub(cx, before)
/// }
/// ```
#[derive(Debug)]
pub struct Gauge(Definition);

impl Gauge {
    /// A gauge of this name.
    pub const fn new(name: &'static str) -> Self {
        Self(Definition::new(name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Defines it in the proxy now, so that it shows as 0 before it is first used.
    ///
    /// # Errors
    /// As [`Counter::define`].
    pub fn define(&self, cx: &Context) -> Result<(), Error> {
        self.id(cx).map(drop)
    }

    /// Sets it.
    ///
    /// # Errors
    /// As [`Counter::define`].
    pub fn set(&self, cx: &Context, value: u64) -> Result<(), Error> {
        cx.sys.proxy_record_metric(self.id(cx)?, value)
    }

    /// Adds so much.
    ///
    /// # Errors
    /// As [`Counter::add`].
    pub fn add(&self, cx: &Context, by: u64) -> Result<(), Error> {
        add_to_gauge(&cx.sys, self.id(cx)?, by)
    }

    /// Takes away so much: what this plugin has added before. Below zero Envoy's gauges wrap, -1 is 18446744073709551615 (MET-8).
    ///
    /// # Errors
    /// As [`Counter::add`].
    pub fn sub(&self, cx: &Context, by: u64) -> Result<(), Error> {
        subtract_from_gauge(&cx.sys, self.id(cx)?, by)
    }

    /// Takes away so much, but no more than there is: for numbers that may not be what this plugin has added.
    ///
    /// It reads the gauge first. Another worker thread may change it in between, so that two which take away the last of it still
    /// wrap.
    ///
    /// # Errors
    /// As [`Counter::add`].
    pub fn saturating_sub(&self, cx: &Context, by: u64) -> Result<(), Error> {
        saturating_subtract_from_gauge(&cx.sys, self.id(cx)?, by)
    }

    /// Its value, of all VMs.
    ///
    /// # Errors
    /// As [`Counter::define`].
    pub fn get(&self, cx: &Context) -> Result<u64, Error> {
        cx.sys.proxy_get_metric(self.id(cx)?)
    }

    fn id(&self, cx: &Context) -> Result<u32, Error> {
        self.0.id(&cx.sys, MetricType::Gauge)
    }
}

/// The distribution of a number: latencies, sizes. The proxy makes quantiles and buckets of the samples.
///
/// It lives in the root and is shared as a [`Counter`] is. Envoy keeps two decimal digits of a sample (MET-20), and a sample over 2^63-1
/// is a negative one (MET-21). It cannot be read back (MET-10).
#[derive(Debug)]
pub struct Histogram(Definition);

impl Histogram {
    /// A histogram of this name. Say the unit in it: `upstream.latency_ms`.
    pub const fn new(name: &'static str) -> Self {
        Self(Definition::new(name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Defines it in the proxy now, so that it shows before it has a sample.
    ///
    /// # Errors
    /// As [`Counter::define`].
    pub fn define(&self, cx: &Context) -> Result<(), Error> {
        self.0.id(&cx.sys, MetricType::Histogram).map(drop)
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// As [`Counter::define`].
    pub fn record(&self, cx: &Context, sample: u64) -> Result<(), Error> {
        cx.sys.proxy_record_metric(self.0.id(&cx.sys, MetricType::Histogram)?, sample)
    }
}
