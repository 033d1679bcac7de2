//! What Envoy did when it was last looked at: for machines that have none, for what the mock host does not model, and for versions
//! of Envoy that the mock host does not follow.

use std::collections::BTreeMap;

/// The version that the mock host follows.
pub const FOLLOWED: &str = "1.40";

const ENVOY_1_40: &str = include_str!("../recorded/envoy-1.40.txt");

/// Versions with what they do otherwise: `observe --differing` writes it.
const OTHERS: &[(&str, &str)] = &[("1.36.4", include_str!("../recorded/envoy-1.36.4.txt"))];

/// What the followed version did, by scenario, as text.
pub fn followed() -> BTreeMap<&'static str, &'static str> {
    read(ENVOY_1_40)
}

/// What this version does, as far as is known: what is not listed is as in the followed one.
pub fn expected(version: &str) -> BTreeMap<&'static str, &'static str> {
    let mut all = followed();
    for (_, text) in OTHERS.iter().filter(|(other, _)| *other == version) {
        all.extend(read(text));
    }
    all
}

/// Versions that do otherwise, and the scenarios in which they do.
pub fn others() -> impl Iterator<Item = (&'static str, BTreeMap<&'static str, &'static str>)> {
    OTHERS.iter().map(|(version, text)| (*version, read(text)))
}

/// Whether it is the followed version, or one that only mends it.
pub fn is_followed(version: &str) -> bool {
    version.strip_prefix(FOLLOWED).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn read(text: &str) -> BTreeMap<&str, &str> {
    let sections = text.split("=== ").filter_map(|section| section.split_once('\n'));
    sections.filter_map(|(title, observation)| Some((title.split(' ').next()?, observation.trim_end()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_does_otherwise_takes_the_place_of_the_followed() {
        assert!(is_followed("1.40.2") && !is_followed("1.4.0") && !is_followed("1.36.4"));
        let (followed, other) = (followed(), expected("1.36.4"));
        assert_eq!(followed.len(), other.len());
        for (version, differing) in others() {
            for (name, text) in differing {
                assert_ne!(followed.get(name), Some(&text), "{version} does the same in {name}");
                assert_eq!(expected(version).get(name), Some(&text));
            }
        }
    }
}
