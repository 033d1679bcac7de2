//! The configuration, and what is wrong with one.

use crate::first_bytes::{FirstBytes, Pattern};
use cidr::IpCidr;
use core::net::IpAddr;
use core::time::Duration;
use proxy_filter::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    allow: Vec<RuleConfig>,
    #[serde(default = "timeout_ms")]
    timeout_ms: u32,
    #[serde(default = "yes")]
    pub(crate) log_refused: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleConfig {
    name: String,
    sources: Option<Vec<String>>,
    first_bytes: Option<Vec<FirstBytes>>,
}

/// A connection is let in when it has one of the sources and one of the first bytes; none means any.
pub(crate) struct Rule {
    pub(crate) name: String,
    sources: Vec<IpCidr>,
    pub(crate) first_bytes: Vec<Pattern>,
}

const fn timeout_ms() -> u32 {
    5_000
}

const fn yes() -> bool {
    true
}

const LONGEST_TIMEOUT_MS: u32 = 3_600_000;

impl Config {
    /// The time in which a client must have said enough.
    pub(crate) fn timeout(&self) -> Result<Duration, ConfigError> {
        match self.timeout_ms {
            1..=LONGEST_TIMEOUT_MS => Ok(Duration::from_millis(self.timeout_ms.into())),
            other => Err(ConfigError::new(format!("timeout_ms: {other} is not between 1 and {LONGEST_TIMEOUT_MS} (an hour)"))),
        }
    }

    pub(crate) fn rules(self) -> Result<Vec<Rule>, ConfigError> {
        if self.allow.is_empty() {
            return Err(ConfigError::new("allow: there is no rule, so that nobody would be let in: give one at least"));
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(self.allow.len());
        for (number, config) in self.allow.into_iter().enumerate() {
            let rule = config.check(number)?;
            if rules.iter().any(|other| other.name == rule.name) {
                return Err(ConfigError::new(format!("allow[{number}].name: two rules are called \"{}\"", rule.name)));
            }
            rules.push(rule);
        }
        Ok(rules)
    }
}

impl RuleConfig {
    fn check(self, number: usize) -> Result<Rule, ConfigError> {
        let wrong = |field: &str, why: &str| ConfigError::new(format!("allow[{number}]{field}: {why}"));
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(in_name) {
            let why = format!("{:?} is no name: 1 to 64 letters, digits, \"-\", \"_\" and \".\"", self.name);
            return Err(wrong(".name", &why));
        }
        if self.sources.is_none() && self.first_bytes.is_none() {
            return Err(wrong("", "it has neither sources nor first_bytes, so that everybody would be let in: give one of them"));
        }
        for (field, empty) in [
            (".sources", self.sources.as_ref().is_some_and(Vec::is_empty)),
            (".first_bytes", self.first_bytes.as_ref().is_some_and(Vec::is_empty)),
        ] {
            if empty {
                return Err(wrong(
                    field,
                    "the list is empty, so that nobody would be let in: fill it, or leave it out to allow any",
                ));
            }
        }
        let sources = self.sources.unwrap_or_default().iter().map(|text| source(text)).collect::<Result<_, String>>();
        let patterns = self.first_bytes.unwrap_or_default().into_iter().map(FirstBytes::pattern).collect::<Result<_, String>>();
        Ok(Rule {
            name: self.name,
            sources: sources.map_err(|why| wrong(".sources", &why))?,
            first_bytes: patterns.map_err(|why| wrong(".first_bytes", &why))?,
        })
    }
}

fn source(text: &str) -> Result<IpCidr, String> {
    let network: IpCidr = text.parse().map_err(|error| format!("{text:?} is no network: {error}"))?;
    match network {
        // Clients in such a network are taken as what they are, so it would never match.
        IpCidr::V6(network) if network.first_address().to_ipv4_mapped().is_some() => {
            Err(format!("{text:?} is IPv4 within IPv6: write the IPv4 network"))
        }
        network => Ok(network),
    }
}

impl Rule {
    /// Whether a client of this address may come by this rule; one without an IP address only where any may.
    pub(crate) fn has_source(&self, address: Option<IpAddr>) -> bool {
        self.sources.is_empty() || address.is_some_and(|address| self.sources.iter().any(|network| network.contains(&address)))
    }
}
