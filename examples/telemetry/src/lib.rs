//! Istio's standard metrics with Istio's tags, the requests at hand, and an access log in JSON.
//!
//! ```json
//! {
//!   "max_series": 500,
//!   "access_log": { "fields": ["time_ms", "method", "path", "status", "duration_ms"], "sample_percent": 10 }
//! }
//! ```
//!
//! It only looks on: no request is changed, and none waits.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

mod access_log;
mod config;
mod field;
mod metrics;
mod response_flags;
mod sampling;
mod tags;
mod workload;

pub use access_log::{Value, json_line};
use config::{Config, Reporting};
use metrics::Metrics;
use proxy_filter::prelude::*;
use tags::{Reporter, Service, Tags};
use workload::Workload;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "telemetry" => http Telemetry }

struct Telemetry {
    reporting: Reporting,
    host_header_fallback: bool,
    /// The workload that this proxy stands beside.
    node: Rc<Workload>,
    metrics: Metrics,
    access_log: Option<access_log::AccessLog>,
}

impl RootContext for Telemetry {
    type Config = Json<Config>;

    /// Traffic matters more than what is told of it.
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Continue;

    fn new(Json(config): Json<Config>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            reporting: config.reporter,
            host_header_fallback: config.host_header_fallback,
            node: Rc::new(Workload::of_node(plugin)),
            metrics: Metrics::new(config.max_series)?,
            access_log: config.access_log.map(access_log::AccessLog::new).transpose()?,
        })
    }
}

impl HttpPlugin for Telemetry {
    type Http = TelemetryStream;

    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> TelemetryStream {
        let reporter = match self.reporting {
            Reporting::Source => Reporter::Source,
            Reporting::Destination => Reporter::Destination,
            Reporting::Auto => Reporter::of_listener(stream),
        };
        TelemetryStream { root: Rc::clone(self), reporter, at_hand: None }
    }
}

struct TelemetryStream {
    root: Rc<Telemetry>,
    reporter: Reporter,
    /// Under which tags it was counted among the requests in flight.
    at_hand: Option<(Service, &'static str)>,
}

impl TelemetryStream {
    fn service(&self, http: &HttpStream, host: Option<proxy_filter::Value>) -> Service {
        let host = if self.root.host_header_fallback { host } else { None };
        Service::of_cluster(http, host.as_deref(), self.reporter, &self.root.node)
    }
}

impl HttpContext for TelemetryStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let service = self.service(&http, http.authority()?);
        let protocol = if http.is_grpc()? { "grpc" } else { "http" };
        self.root.metrics.begin(&http, self.reporter, &service, protocol)?;
        self.at_hand = Some((service, protocol));
        Ok(HeadersAction::Continue)
    }

    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        let ended = match self.at_hand.take() {
            Some((service, protocol)) => self.root.metrics.end(&http, self.reporter, &service, protocol),
            None => Ok(()),
        };
        let service = self.service(&http, http.authority()?);
        let tags = Tags::read(&http, self.reporter, &self.root.node, service)?;
        let recorded = self.root.metrics.record(&http, &tags);
        if let Some(access_log) = &self.root.access_log {
            access_log.write(&http, &tags)?;
        }
        // One that fails does not keep the others from being done.
        ended?;
        recorded
    }
}
