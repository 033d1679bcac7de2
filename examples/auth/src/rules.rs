//! What a request must bring, by its path and method.

use proxy_filter::prelude::*;
use serde::Deserialize;

/// The kinds of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scheme {
    Jwt,
    ApiKey,
    Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleConfig {
    prefix: String,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    accept: Option<Vec<Scheme>>,
    #[serde(default)]
    scopes: Vec<String>,
}

/// What lets a request pass: one of these, with all of these scopes.
pub(crate) struct Requirement {
    pub(crate) accept: Vec<Scheme>,
    pub(crate) scopes: Vec<String>,
}

struct Rule {
    prefix: Vec<u8>,
    methods: Vec<String>,
    /// Nothing, where it is open to everybody.
    requires: Option<Requirement>,
}

pub(crate) struct Rules {
    rules: Vec<Rule>,
    otherwise: Requirement,
}

/// A path that two servers may read as two different ones.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

impl Rules {
    pub(crate) fn new(rules: Vec<RuleConfig>, configured: &[Scheme]) -> Result<Self, ConfigError> {
        let rules = rules.into_iter().map(|rule| Rule::new(rule, configured)).collect::<Result<_, ConfigError>>()?;
        Ok(Self { rules, otherwise: Requirement { accept: configured.to_vec(), scopes: Vec::new() } })
    }

    /// The first rule that is about it says what is needed; `None` is nothing.
    pub(crate) fn of(&self, method: &[u8], path: &[u8]) -> Result<Option<&Requirement>, Ambiguous> {
        if self.rules.is_empty() {
            return Ok(Some(&self.otherwise));
        }
        let path = plain(path).ok_or(Ambiguous)?;
        let rule = self.rules.iter().find(|rule| rule.is_about(method, &path));
        Ok(rule.map_or(Some(&self.otherwise), |rule| rule.requires.as_ref()))
    }
}

impl Rule {
    fn new(config: RuleConfig, configured: &[Scheme]) -> Result<Self, ConfigError> {
        let RuleConfig { prefix, methods, open, accept, scopes } = config;
        let bad = |reason: &str| ConfigError::new(format!("rules: the prefix \"{prefix}\": {reason}"));
        let mut path = plain(prefix.as_bytes())
            .ok_or_else(|| bad("it must begin with a slash, without a query, `;`, empty or dot segments, or encoded slashes"))?;
        if path.last() == Some(&b'/') {
            path.pop();
        }
        if methods.iter().any(|method| method.is_empty() || method.bytes().any(|byte| !byte.is_ascii_uppercase() && byte != b'-'))
        {
            return Err(bad("`methods` are words in capitals, as [\"GET\", \"HEAD\"]"));
        }
        if open && (accept.is_some() || !scopes.is_empty()) {
            return Err(bad("what is `open` asks for nothing: take `accept` and `scopes` away, or `open`"));
        }
        let accept = accept.unwrap_or_else(|| configured.to_vec());
        if accept.is_empty() {
            return Err(bad("`accept` is empty, so nobody could pass: write `\"open\": true` if everybody is to"));
        }
        if accept.iter().any(|scheme| !configured.contains(scheme)) {
            return Err(bad("`accept` names what is not configured: `jwt`, `api_keys` or `signed_requests` is missing"));
        }
        if scopes.iter().any(|scope| !is_scope(scope)) {
            return Err(bad("a scope is visible ASCII without spaces, quotes and backslashes"));
        }
        let requires = (!open).then_some(Requirement { accept, scopes });
        Ok(Self { prefix: path, methods, requires })
    }

    fn is_about(&self, method: &[u8], path: &[u8]) -> bool {
        let under = path.strip_prefix(&*self.prefix).is_some_and(|rest| matches!(rest, [] | [b'/', ..]));
        under && (self.methods.is_empty() || self.methods.iter().any(|one| one.as_bytes() == method))
    }
}

/// As RFC 6749 (3.3) has it.
pub(crate) fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// The path as every server reads it, decoded and without its query; `None` where they may differ, so that a rule could be gone around.
fn plain(path: &[u8]) -> Option<Vec<u8>> {
    let path = path.split(|byte| *byte == b'?').next()?;
    let mut plain = Vec::with_capacity(path.len());
    let mut segments = path.strip_prefix(b"/")?.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return None;
        }
        plain.push(b'/');
        let start = plain.len();
        let mut bytes = segment.iter();
        while let Some(byte) = bytes.next() {
            let decoded = match byte {
                b'%' => {
                    let mut digit = || char::from(*bytes.next()?).to_digit(16);
                    u8::try_from(digit()? * 16 + digit()?).ok()?
                }
                b';' | b'#' => return None,
                other => *other,
            };
            if decoded.is_ascii_control() || matches!(decoded, b'/' | b'\\') {
                return None;
            }
            plain.push(decoded);
        }
        if matches!(plain.get(start..), Some(b"." | b"..")) {
            return None;
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_in_one_way_or_not_at_all() {
        for (path, read) in [("/", "/"), ("/a/b?c=/../", "/a/b"), ("/%61dmin", "/admin"), ("/a/", "/a/"), ("/10%25", "/10%")] {
            assert_eq!(plain(path.as_bytes()).as_deref(), Some(read.as_bytes()), "{path}");
        }
        for path in [
            "",
            "a",
            "*",
            "//a",
            "/a//b",
            "/a/../b",
            "/./a",
            "/a/%2e%2E/b",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/a;x",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/a#b",
        ] {
            assert_eq!(plain(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn a_prefix_is_of_whole_segments() {
        let rule = |prefix: &str| RuleConfig {
            prefix: prefix.to_owned(),
            methods: Vec::new(),
            open: true,
            accept: None,
            scopes: Vec::new(),
        };
        for prefix in ["/admin", "/admin/"] {
            let rules = Rules::new(vec![rule(prefix)], &[Scheme::Jwt]).expect("a rule");
            for (path, open) in [("/admin", true), ("/admin/", true), ("/admin/x", true), ("/administrator", false), ("/", false)]
            {
                assert_eq!(rules.of(b"GET", path.as_bytes()).expect("a path").is_none(), open, "{prefix} {path}");
            }
        }
        let all = Rules::new(vec![rule("/")], &[Scheme::Jwt]).expect("a rule");
        assert!(all.of(b"GET", b"/anything").expect("a path").is_none());
    }
}
