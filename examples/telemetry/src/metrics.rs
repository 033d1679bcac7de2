//! Istio's standard metrics, and the requests in flight.

use crate::tags::{Reporter, Service, TAGS, Tags};
use proxy_filter::prelude::*;
use proxy_filter::property;

/// Counts what the limit of series has put into `other`.
const OVERFLOW: &str = "telemetry_series_overflow_total";

/// A limit above this would be none: Envoy keeps every series for good.
const MOST: u32 = 100_000;

pub(crate) struct Metrics {
    requests: CounterFamily<25>,
    durations: HistogramFamily<25>,
    request_bytes: HistogramFamily<25>,
    response_bytes: HistogramFamily<25>,
    in_flight: GaugeFamily<4>,
}

impl Metrics {
    pub(crate) fn new(max_series: u32) -> Result<Self, ConfigError> {
        if !(1..=MOST).contains(&max_series) {
            return Err(ConfigError::new(format!("max_series: {max_series} is not between 1 and {MOST}")));
        }
        let most = max_series as usize;
        let histogram = |name| HistogramFamily::new(name, TAGS, most).with_overflow(OVERFLOW);
        let in_flight = ["reporter", "destination_service", "destination_service_name", "request_protocol"];
        Ok(Self {
            requests: CounterFamily::new("istio_requests_total", TAGS, most).with_overflow(OVERFLOW),
            durations: histogram("istio_request_duration_milliseconds"),
            request_bytes: histogram("istio_request_bytes"),
            response_bytes: histogram("istio_response_bytes"),
            in_flight: GaugeFamily::new("istio_requests_in_flight", in_flight, most).with_overflow(OVERFLOW),
        })
    }

    /// A request has come.
    pub(crate) fn begin(&self, context: &Context, reporter: Reporter, service: &Service, protocol: &str) -> Result<(), Error> {
        self.in_flight.add(context, [reporter.name(), &service.host, &service.name, protocol], 1)
    }

    /// It is over. The tags are those of its beginning, whatever became of its route since.
    pub(crate) fn end(&self, context: &Context, reporter: Reporter, service: &Service, protocol: &str) -> Result<(), Error> {
        self.in_flight.sub(context, [reporter.name(), &service.host, &service.name, protocol], 1)
    }

    pub(crate) fn record(&self, http: &Log<'_>, tags: &Tags) -> Result<(), Failure> {
        let values = tags.values();
        self.requests.add(http, values, 1)?;
        if let Some(duration) = http.property(property::REQUEST_DURATION)? {
            let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            self.durations.record(http, values, milliseconds)?;
        }
        self.request_bytes.record(http, values, request_bytes(http)?)?;
        self.response_bytes.record(http, values, response_bytes(http)?)?;
        Ok(())
    }
}

/// What came of the request's body. (`request.size` is what its `content-length` says, which nobody has to keep to.)
pub(crate) fn request_bytes(http: &Log<'_>) -> Result<u64, Failure> {
    let Some(headers) = http.property(property::REQUEST_HEADERS_BYTES)? else {
        // An Envoy before 1.37.
        return Ok(http.property(property::REQUEST_SIZE)?.and_then(|size| u64::try_from(size).ok()).unwrap_or(0));
    };
    let total = http.property(property::REQUEST_TOTAL_SIZE)?.unwrap_or(0);
    Ok(u64::try_from(total.saturating_sub(headers)).unwrap_or(0))
}

/// What left of the response's body.
pub(crate) fn response_bytes(http: &Log<'_>) -> Result<u64, Failure> {
    Ok(http.property(property::RESPONSE_SIZE)?.and_then(|size| u64::try_from(size).ok()).unwrap_or(0))
}
