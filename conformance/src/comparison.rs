//! Whether the mock host did as Envoy did, by what the scenario says of itself.

use crate::{Observation, Scenario};

/// How the mock host differs from Envoy where it should not; `seen` is what Envoy did, as text.
pub fn difference(scenario: &Scenario, seen: &str, on_mock: &Observation) -> Option<String> {
    let (seen, text) = (seen.trim_end(), on_mock.to_string());
    let text = text.trim_end();
    if scenario.crashes {
        let crash = if scenario.corrupts { Observation::corruption() } else { Observation::crash() };
        if seen != crash.to_string().trim_end() {
            return Some(format!("Envoy survived:\n{seen}"));
        }
    }
    let row = scenario.rows.first().copied().unwrap_or_default();
    match scenario.not_modelled {
        _ if scenario.fatal && on_mock.findings.contains(&row) => None,
        _ if scenario.fatal => Some(format!("the mock host has no finding of {row}, but {:?}", on_mock.findings)),
        Some(reason) if seen == text => {
            Some(format!("not modelled ({reason}), yet the mock host does as Envoy does: say so no longer"))
        }
        Some(_) => None,
        None if seen != text => Some(format!("- Envoy, + the mock host\n{}", changes(seen, text))),
        None if scenario.found => (!on_mock.findings.contains(&row)).then(|| format!("the mock host has no finding of {row}")),
        None if on_mock.findings.is_empty() => None,
        None => Some(format!("the mock host fails the test by {:?}, where Envoy does what is right", on_mock.findings)),
    }
}

/// Two texts as one: lines of both, of the left only (`-`), of the right only (`+`).
pub fn changes(left: &str, right: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    // How many lines the rests from each pair of places have in common.
    let mut common = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for (i, a) in left.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            common[i][j] = if a == b { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < left.len() || j < right.len() {
        let (mark, line) = if i < left.len() && j < right.len() && left[i] == right[j] {
            (i, j) = (i + 1, j + 1);
            (' ', left[i - 1])
        } else if j == right.len() || i < left.len() && common[i + 1][j] >= common[i][j + 1] {
            i += 1;
            ('-', left[i - 1])
        } else {
            j += 1;
            ('+', right[j - 1])
        };
        text.extend([mark, ' ']);
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_side_are_marked() {
        assert_eq!(changes("a\nb\nc\nd", "a\nx\nc\nd\ne"), "  a\n- b\n+ x\n  c\n  d\n+ e\n");
        assert_eq!(changes("", "a"), "+ a\n");
        assert_eq!(changes("a", "a"), "  a\n");
    }
}
