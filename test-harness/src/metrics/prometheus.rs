//! The metrics as Envoy's `/stats/prometheus` writes them (MET-15 to MET-21).

use super::{END, IS, Metric, MetricValue};
use crate::proxy::MockProxy;
use std::collections::BTreeMap;
use std::fmt::Write;

impl MockProxy {
    /// The plugins' metrics as Envoy's `/stats/prometheus` has them: by type, then by name.
    ///
    /// Names lose what Prometheus does not take (MET-15); one that begins with a digit is left out (MET-17). The tags of
    /// [`Builder::stats_tags`](crate::Builder::stats_tags) become labels.
    pub fn prometheus(&self) -> String {
        render(&self.metrics(), &self.stats_tags)
    }
}

/// The upper bounds of a histogram's buckets, as Envoy has them unless it is configured otherwise.
const BOUNDS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];

/// One line, or those of a histogram: its labels, and the metric.
type Series<'a> = (String, &'a MetricValue);

fn render(metrics: &[Metric], tags: &[String]) -> String {
    // By type, then by the name without tags.
    let mut families: BTreeMap<(u8, String), Vec<Series<'_>>> = BTreeMap::new();
    for metric in metrics {
        let (name, labels) = extract(&metric.name, tags);
        let kind = match metric.value {
            MetricValue::Counter(_) => 0,
            MetricValue::Gauge(_) => 1,
            MetricValue::Histogram(_) => 2,
        };
        families.entry((kind, name)).or_default().push((labels, &metric.value));
    }
    let mut text = String::new();
    for ((kind, name), series) in &families {
        let Some(name) = prometheus_name(name) else { continue };
        let _ = writeln!(text, "# TYPE {name} {}", ["counter", "gauge", "histogram"][usize::from(*kind)]);
        for (labels, value) in series {
            let _ = match value {
                MetricValue::Counter(value) | MetricValue::Gauge(value) => writeln!(text, "{name}{{{labels}}} {value}"),
                MetricValue::Histogram(samples) => write!(text, "{}", histogram(&name, labels, samples)),
            };
        }
    }
    text
}

/// Takes the tags out of a name: Envoy's own of response codes, then the configured ones, each once (MET-16, MET-18).
fn extract(name: &str, tags: &[String]) -> (String, String) {
    let mut labels: Vec<(&str, &str)> = Vec::new();
    // What is taken out of the name; each tag is looked for in the whole of it.
    let mut cuts = Vec::new();
    if let Some(at) = name.len().checked_sub(3).filter(|at| name.is_char_boundary(*at) && name[..*at].ends_with("_rq_")) {
        let code = &name[at..];
        let digit = code.as_bytes()[0].is_ascii_digit();
        if code.bytes().all(|byte| byte.is_ascii_digit()) {
            labels.push(("envoy_response_code", code));
            cuts.push(at - 1..name.len());
        } else if digit && &code[1..] == "xx" {
            labels.push(("envoy_response_code_class", &code[..1]));
            cuts.push(at..at + 1);
        }
    }
    for tag in tags {
        let found = name.match_indices(&format!("{tag}{IS}")).find_map(|(start, found)| {
            let value = start + found.len();
            let length = name[value..].find(END).filter(|length| !name[value..value + length].contains('\n'))?;
            Some((start, &name[value..value + length]))
        });
        if let Some((start, value)) = found {
            labels.push((tag, value));
            cuts.push(start..start + tag.len() + IS.len() + value.len() + END.len());
        }
    }
    let left = name.char_indices().filter(|(at, _)| !cuts.iter().any(|cut| cut.contains(at))).map(|(_, char)| char).collect();
    let label = |(tag, value): (&str, &str)| format!("{}=\"{}\"", sanitized(tag), escaped(value));
    (left, labels.into_iter().map(label).collect::<Vec<_>>().join(","))
}

/// MET-15, MET-17: `None` is a metric that Prometheus is not shown.
fn prometheus_name(name: &str) -> Option<String> {
    match name.chars().next() {
        // MET-19: nothing stands before a dot that could be dropped.
        None => Some("envoy_wasmcustom".to_owned()),
        Some(first) if first.is_ascii_digit() => None,
        Some(_) => Some(sanitized(name)),
    }
}

fn sanitized(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// A sample's bin: Envoy keeps two decimal digits of it (MET-20). A sample is a signed number (MET-21).
#[derive(Clone, Copy)]
struct Bin {
    lower: f64,
    upper: f64,
}

impl Bin {
    fn of(sample: u64) -> Self {
        let sample = sample.cast_signed();
        if sample == 0 {
            return Self { lower: 0.0, upper: 0.0 };
        }
        let size = sample.unsigned_abs();
        // 7 lies between 7.0 and 7.1, 137 between 130 and 140.
        let width = 10_u64.pow(size.ilog10()) as f64 / 10.0;
        let digits = (size as f64 / width + 1e-9).floor();
        let sign = if sample < 0 { -1.0 } else { 1.0 };
        Self { lower: sign * digits * width, upper: sign * (digits + 1.0) * width }
    }

    /// What a sample in it counts for in the sum.
    fn middle(self) -> f64 {
        match self.lower + self.upper {
            0.0 => 0.0,
            sum => 2.0 * self.lower * self.upper / sum,
        }
    }
}

fn histogram(name: &str, labels: &str, samples: &[u64]) -> String {
    let bins: Vec<Bin> = samples.iter().map(|sample| Bin::of(*sample)).collect();
    let (mut text, comma) = (String::new(), if labels.is_empty() { "" } else { "," });
    for bound in BOUNDS {
        let count = bins.iter().filter(|bin| bin.lower <= bound).count();
        let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
    }
    let count = bins.len();
    let sum = bins.iter().fold(0.0, |sum, bin| sum + bin.middle());
    let _ = write!(
        text,
        "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}\n{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(name: &str) -> Metric {
        Metric::new(name.as_bytes(), MetricValue::Counter(6))
    }

    fn text(names: &[&str], tags: &[&str]) -> String {
        let metrics: Vec<Metric> = names.iter().map(|name| counter(name)).collect();
        render(&metrics, &tags.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// What Envoy 1.40 writes for these.
    #[test]
    fn met_15_met_17_met_19_names_for_prometheus() {
        let names = ["", "9digits", "a b", "a-b/c", "dots.in.name", "nul\0x", ".lead", "a..b", "wasmcustom.a", "CASE"];
        // In this order.
        let lines = ["envoy_wasmcustom", "_lead", "CASE", "a_b", "a_b_c", "a__b", "dots_in_name", "nul_x", "wasmcustom_a"];
        let expected: String = lines.map(|name| format!("# TYPE {name} counter\n{name}{{}} 6\n")).concat();
        assert_eq!(text(&names, &[]), expected);
    }

    #[test]
    fn met_16_istios_tags_are_labels_where_the_proxy_is_told_of_them() {
        let name = "code=.=200;.;reqs";
        assert_eq!(text(&[name], &[]), "# TYPE code___200___reqs counter\ncode___200___reqs{} 6\n");
        assert_eq!(text(&[name], &["code"]), "# TYPE reqs counter\nreqs{code=\"200\"} 6\n");
        for (name, line) in [
            ("code=.=20.1;.;status_code=.=x\"y;.;reqs", "reqs{code=\"20.1\",status_code=\"x\\\"y\"} 6"),
            ("code=.=1;.;code=.=2;.;twice", "code___2___twice{code=\"1\"} 6"),
            ("mid.code=.=3;.;dle", "mid_dle{code=\"3\"} 6"),
            ("xcode=.=1;.;sub", "xsub{code=\"1\"} 6"),
            ("code=.=;.;empty", "empty{code=\"\"} 6"),
            ("code=.=a\nb;.;line", "code___a_b___line{} 6"),
        ] {
            assert!(text(&[name], &["code", "status_code"]).contains(line), "{}", text(&[name], &["code", "status_code"]));
        }
    }

    #[test]
    fn met_18_envoys_own_tags_are_taken_too() {
        for (name, line) in [
            ("up_rq_200", "up_rq{envoy_response_code=\"200\"} 6"),
            ("up_rq_5xx", "up_rq_xx{envoy_response_code_class=\"5\"} 6"),
            ("code=.=1;.;x_rq_200", "x_rq{envoy_response_code=\"200\",code=\"1\"} 6"),
            ("up_rq_20", "up_rq_20{} 6"),
            ("rq_200", "rq_200{} 6"),
        ] {
            assert!(text(&[name], &["code"]).contains(line), "{}", text(&[name], &["code"]));
        }
    }

    /// The figures of Envoy 1.40 for these samples.
    #[test]
    fn met_20_a_histogram_keeps_two_digits_of_a_sample() {
        let text = histogram("h", "a=\"b\"", &[0, 1, 7, 7, 42, 137, 1_234, 99_999, 4_000_000]);
        for (bound, count) in
            [("0.5", 1), ("1", 2), ("5", 2), ("10", 4), ("25", 4), ("50", 5), ("250", 6), ("2500", 7), ("300000", 8)]
        {
            assert!(text.contains(&format!("h_bucket{{a=\"b\",le=\"{bound}\"}} {count}\n")), "{text}");
        }
        assert!(text.contains("h_bucket{a=\"b\",le=\"+Inf\"} 9\n") && text.contains("h_count{a=\"b\"} 9\n"), "{text}");
        let sum = |text: &str| text.lines().find_map(|line| line.strip_prefix("h_sum{a=\"b\"} ")?.parse::<f64>().ok());
        assert!((sum(&text).unwrap() - 8_300_641.318_657_717 / 2.0).abs() < 1e-6, "{text}");

        // A bound's own bin counts, and 2^64-1 is -1 (MET-21).
        let text = histogram("h", "a=\"b\"", &[10, 11, 25, 26, 100, 104, 110, 999, 1_000, 1_001, 1_099, 3, u64::MAX]);
        for (bound, count) in [("0.5", 1), ("5", 2), ("10", 3), ("25", 5), ("50", 6), ("100", 8), ("250", 9), ("1000", 13)] {
            assert!(text.contains(&format!("h_bucket{{a=\"b\",le=\"{bound}\"}} {count}\n")), "{bound} {text}");
        }
        assert!((sum(&text).unwrap() - 9_076.150_420_381_273 / 2.0).abs() < 1e-6, "{text}");
    }
}
