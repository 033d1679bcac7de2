//! What the mock host says of metrics outside, as lines that Envoy's admin endpoint would write.

use proxy_filter_test::{MetricValue, MockProxy};

/// Lines of text and lines for Prometheus of the metrics with `part` in their names; of histograms no samples, as on Envoy's side.
pub(super) fn lines(proxy: &MockProxy, part: &str) -> Vec<String> {
    let metrics = proxy.metrics();
    let of = |histograms: bool| {
        metrics.iter().filter_map(move |metric| {
            let value = match &metric.value {
                MetricValue::Counter(value) | MetricValue::Gauge(value) if !histograms => value.to_string(),
                MetricValue::Histogram(_) if histograms => "a histogram".to_owned(),
                _ => return None,
            };
            Some(format!("wasmcustom.{}: {value}", metric.name))
        })
    };
    let text = of(false).chain(of(true));
    let prometheus = proxy.prometheus();
    let samples = |line: &&str| ["_bucket{", "_sum{"].iter().any(|mark| line.contains(mark));
    let prometheus = prometheus.lines().filter(|line| !samples(line)).map(str::to_owned);
    text.chain(prometheus).filter(|line| line.contains(part)).collect()
}
