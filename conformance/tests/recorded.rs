//! The mock host against what Envoy 1.40 did when `conformance/recorded/envoy-1.40.txt` was written: the same comparison as `envoy`,
//! for machines that have none.

use proxy_filter_conformance::{comparison, mock, recorded, scenarios};

#[test]
fn the_mock_host_does_what_envoy_did() {
    let mut recorded = recorded::followed();
    let mut differences = Vec::new();
    for scenario in scenarios::all() {
        let Some(on_envoy) = recorded.remove(scenario.name) else {
            differences.push(format!("{} is not recorded", scenario.name));
            continue;
        };
        let on_mock = mock::run(&scenario).unwrap();
        if let Some(difference) = comparison::difference(&scenario, on_envoy, &on_mock) {
            differences.push(format!("{} ({}):\n{difference}", scenario.name, scenario.rows.join(", ")));
        }
    }
    differences.extend(recorded.keys().map(|name| format!("{name} is recorded but is no scenario")));
    assert!(
        differences.is_empty(),
        "{} scenarios differ; to record anew: cargo run -p proxy-filter-conformance --bin observe > conformance/recorded/envoy-1.40.txt\n{}",
        differences.len(),
        differences.join("\n\n"),
    );
}
