//! Which version a client has: a range of numbers belongs to each, as long as its weight.

use crate::names::check_token;
use proxy_filter::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    name: String,
    /// A number of parts of all.
    weight: Option<u32>,
    /// Or a part of a hundred.
    percent: Option<f64>,
}

/// The versions with their thresholds, in the order of the configuration.
///
/// A client's point never moves, only the thresholds do: a client whose point none of them passes keeps its version.
pub(crate) struct Versions(Vec<Range>);

struct Range {
    name: String,
    /// The first point behind it.
    end: u64,
}

/// How many points there are.
const POINTS: u64 = 1 << u32::BITS;

impl Versions {
    pub(crate) fn new(versions: Vec<Version>) -> Result<Self, ConfigError> {
        let in_percent = versions.iter().any(|version| version.percent.is_some());
        let mut ranges: Vec<Range> = Vec::with_capacity(versions.len());
        let mut total = 0_u64;
        for (number, Version { name, weight, percent }) in versions.into_iter().enumerate() {
            let field = format!("versions[{number}]");
            let refused = |reason| Err(ConfigError::new(format!("{field}: \"{name}\" {reason}")));
            check_token(&format!("{field}.name"), &name, "a name of letters, digits, \"-\", \".\" and \"_\"")?;
            if ranges.iter().any(|range| range.name == name) {
                return refused("stands there twice");
            }
            total += match (weight, percent) {
                (Some(weight), None) if !in_percent => u64::from(weight),
                (None, Some(percent)) => match thousandths(percent) {
                    Some(thousandths) => u64::from(thousandths),
                    None => return refused("has a percent that is not a number from 0 to 100 with at most three decimals"),
                },
                (None, None) => return refused("needs a weight or a percent"),
                _ => return refused("has a weight where there are percents"),
            };
            ranges.push(Range { name, end: total });
        }
        if in_percent && total != 100_000 {
            return Err(ConfigError::new(format!("versions: the percents add up to {}, not to 100", Percent(total))));
        }
        if total == 0 {
            return Err(ConfigError::new("versions: there is none with a weight above 0"));
        }
        if total > u64::from(u32::MAX) {
            return Err(ConfigError::new(format!("versions: the weights add up to {total}, more than {}", u32::MAX)));
        }
        for range in &mut ranges {
            // Rounded up, so that equal shares have equal ends whatever they are counted in.
            range.end = (range.end * POINTS).div_ceil(total);
        }
        Ok(Self(ranges))
    }

    /// The version that this point belongs to.
    pub(crate) fn at(&self, point: u32) -> &str {
        // The last end lies behind all points.
        self.0.iter().find(|range| u64::from(point) < range.end).map_or("", |range| &range.name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|range| &*range.name)
    }
}

fn thousandths(percent: f64) -> Option<u32> {
    let parts = percent * 1000.0;
    let whole = (parts + 0.5) as u32;
    ((0.0..=100.0).contains(&percent) && (parts - f64::from(whole)).abs() < 1e-6).then_some(whole)
}

/// Thousandths of a percent, to be read.
struct Percent(u64);

impl core::fmt::Display for Percent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let decimals = format!("{:03}", self.0 % 1000);
        write!(f, "{}", self.0 / 1000)?;
        match decimals.trim_end_matches('0') {
            "" => Ok(()),
            decimals => write!(f, ".{decimals}"),
        }
    }
}
