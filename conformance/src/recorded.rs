//! What Envoy did when it was last looked at: for machines that have none, and for what the mock host does not model.

use std::collections::BTreeMap;

const ENVOY_1_40: &str = include_str!("../recorded/envoy-1.40.txt");

/// What Envoy 1.40 did, by scenario, as text.
pub fn envoy_1_40() -> BTreeMap<&'static str, &'static str> {
    read(ENVOY_1_40)
}

fn read(text: &str) -> BTreeMap<&str, &str> {
    let sections = text.split("=== ").filter_map(|section| section.split_once('\n'));
    sections.filter_map(|(title, observation)| Some((title.split(' ').next()?, observation.trim_end()))).collect()
}
