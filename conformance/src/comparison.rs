//! Whether the mock host did as Envoy did, by what the scenario says of itself.

use crate::{Observation, Scenario};

/// How the mock host differs from Envoy where it should not; `seen` is what Envoy did, as text.
pub fn difference(scenario: &Scenario, seen: &str, on_mock: &Observation) -> Option<String> {
    let (seen, text) = (seen.trim_end(), on_mock.to_string());
    let row = scenario.rows.first().copied().unwrap_or_default();
    let found = on_mock.findings.contains(&row);
    let crash = if scenario.corrupts { Observation::corruption() } else { Observation::crash() };
    if scenario.crashes && seen != crash.to_string().trim_end() {
        return Some(format!("Envoy survived:\n{seen}"));
    }
    match (scenario.fatal, scenario.not_modelled) {
        (true, _) if found => None,
        (true, _) => Some(format!("the mock host has no finding of {row}, but {:?}", on_mock.findings)),
        (false, Some(reason)) if seen == text.trim_end() => {
            Some(format!("{reason} modelled, yet the mock host does as Envoy does: say so no longer"))
        }
        (false, Some(_)) => None,
        (false, None) if seen == text.trim_end() => None,
        (false, None) => Some(format!("Envoy\n{seen}\nthe mock host\n{text}")),
    }
}
