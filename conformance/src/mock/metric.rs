//! What the mock host says of metrics outside, as lines that Envoy's admin endpoint would write.

use proxy_filter_test::{MetricValue, MockProxy};
use std::collections::BTreeMap;

/// Lines of text and lines for Prometheus of the metrics with one of these parts in their names; the text of a histogram is not compared.
pub(super) fn lines(proxy: &MockProxy, parts: &[&str]) -> Vec<String> {
    if parts.is_empty() {
        return Vec::new();
    }
    // MET-22: of a counter and a gauge of one name the text has the gauge.
    let (mut values, mut histograms) = (BTreeMap::new(), Vec::new());
    for metric in proxy.metrics() {
        let name = if metric.name.is_empty() { "wasmcustom".to_owned() } else { format!("wasmcustom.{}", metric.name) };
        match metric.value {
            MetricValue::Counter(value) | MetricValue::Gauge(value) => drop(values.insert(name, value)),
            MetricValue::Histogram(_) => histograms.push(format!("{name}: a histogram")),
        }
    }
    let text = values.into_iter().map(|(name, value)| format!("{name}: {value}")).chain(histograms);
    let prometheus = proxy.prometheus();
    let prometheus = prometheus.lines().map(crate::observation::comparable_metric);
    text.chain(prometheus).filter(|line| parts.iter().any(|part| line.contains(part))).collect()
}
