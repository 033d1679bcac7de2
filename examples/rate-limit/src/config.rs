//! The configuration, and what is wrong with one.

use crate::bucket::{LONGEST_REFILL, Limit};
use crate::key::Part;
use proxy_filter::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    rules: Vec<RuleConfig>,
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
    #[serde(default)]
    pub(crate) headers: Fields,
    #[serde(default = "max_keys")]
    max_keys: u32,
    #[serde(default = "ipv6_prefix")]
    pub(crate) ipv6_prefix: u32,
}

/// What becomes of a request when nobody can tell whether there is a token.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    #[default]
    Allow,
    Refuse,
}

/// How a response tells its client of the limit.
#[derive(Clone, Copy, Default, Deserialize)]
pub(crate) enum Fields {
    /// `ratelimit-limit`, `ratelimit-remaining`, `ratelimit-reset`.
    #[default]
    #[serde(rename = "draft-6")]
    Draft6,
    /// `ratelimit-policy`, `ratelimit`.
    #[serde(rename = "draft-8")]
    Draft8,
    #[serde(rename = "none")]
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleConfig {
    name: String,
    #[serde(default)]
    path_prefix: String,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default = "client_address")]
    key: Vec<Part>,
    requests: u32,
    #[serde(default = "one")]
    seconds: u32,
    burst: Option<u32>,
    #[serde(default = "yes")]
    enforce: bool,
}

/// A rule as it is applied.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) path_prefix: String,
    /// None means all.
    pub(crate) methods: Vec<String>,
    pub(crate) key: Vec<Part>,
    pub(crate) limit: Limit,
    pub(crate) enforce: bool,
}

const fn max_keys() -> u32 {
    65_536
}

const fn ipv6_prefix() -> u32 {
    64
}

fn client_address() -> Vec<Part> {
    vec![Part::ClientAddress]
}

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

const MOST: u32 = 1_000_000;

impl Config {
    /// How many sets each rule has.
    pub(crate) fn sets(&self) -> Result<u32, ConfigError> {
        in_range("max_keys", self.max_keys, MOST)?;
        in_range("ipv6_prefix", self.ipv6_prefix, 128)?;
        Ok(self.max_keys.div_ceil(crate::table::BUCKETS as u32))
    }

    pub(crate) fn rules(self) -> Result<Vec<Rule>, ConfigError> {
        if self.rules.is_empty() {
            return Err(ConfigError::new("rules: there is none, so that nothing would be limited: give one at least"));
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(self.rules.len());
        for (number, config) in self.rules.into_iter().enumerate() {
            let rule = config.check(number)?;
            if rules.iter().any(|other| other.name == rule.name) {
                return Err(ConfigError::new(format!("rules[{number}].name: two rules are called \"{}\"", rule.name)));
            }
            rules.push(rule);
        }
        Ok(rules)
    }
}

impl RuleConfig {
    fn check(self, number: usize) -> Result<Rule, ConfigError> {
        let field = |name: &str| format!("rules[{number}].{name}");
        let wrong = |name: &str, why: &str| Err(ConfigError::new(format!("{}: {why}", field(name))));
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(in_name) {
            let why = format!("{:?} is no name: 1 to 64 letters, digits, \"-\", \"_\" and \".\"", self.name);
            return wrong("name", &why);
        }
        if !self.path_prefix.is_empty() && !self.path_prefix.starts_with('/') {
            return wrong("path_prefix", &format!("{:?} begins no path: it must begin with \"/\"", self.path_prefix));
        }
        if self.path_prefix.contains(['?', '#']) {
            return wrong("path_prefix", &format!("{:?} has a query, which is not looked at: leave it out", self.path_prefix));
        }
        let in_method = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
        if let Some(method) = self.methods.iter().find(|method| method.is_empty() || !method.bytes().all(in_method)) {
            return wrong("methods", &format!("{method:?} is no method: they are written in upper case"));
        }
        for part in &self.key {
            match part {
                Part::Header(name) if name.is_empty() || !name.bytes().all(is_token) => {
                    return wrong("key", &format!("{name:?} is not a header name"));
                }
                Part::PathSegments(0) => return wrong("key", "path_segments is 0: at least 1"),
                _ => {}
            }
        }
        let burst = self.burst.unwrap_or(self.requests);
        in_range(&field("requests"), self.requests, MOST)?;
        in_range(&field("seconds"), self.seconds, 30 * 24 * 3_600)?;
        in_range(&field("burst"), burst, MOST)?;
        let Some(limit) = Limit::new(self.requests, self.seconds, burst) else {
            let why = format!(
                "a bucket of {burst} would take more than {LONGEST_REFILL} seconds (a year) to refill at {} in {} s: less burst, or more requests",
                self.requests, self.seconds
            );
            return wrong("burst", &why);
        };
        let Self { name, path_prefix, methods, key, enforce, .. } = self;
        Ok(Rule { name, path_prefix, methods, key, limit, enforce })
    }
}

fn in_range(field: &str, number: u32, most: u32) -> Result<(), ConfigError> {
    match number {
        1.. if number <= most => Ok(()),
        _ => Err(ConfigError::new(format!("{field}: {number} is not between 1 and {most}"))),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
