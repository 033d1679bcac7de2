//! Who a request is from, and how the upstream is told: by headers that only this filter sets.

use crate::json::Value;
use crate::jwt::Refused;
use proxy_filter::prelude::*;
use proxy_filter::{HeaderMap, Headers};
use serde::Deserialize;

/// Whom a credential is of.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// What the upstream is told.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) scopes: Vec<String>,
}

/// Where a claim is: a name, or names that lead to it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum ClaimPath {
    Name(String),
    Names(Vec<String>),
}

impl ClaimPath {
    fn find<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Name(name) => claims.get(name),
            Self::Names(names) => names.iter().try_fold(claims, |value, name| value.get(name)),
        }
    }
}

impl Identity {
    /// # Errors
    /// A claim that cannot be a header's value: the token is refused rather than understood in two ways.
    pub(crate) fn from_claims(claims: &Value, to_headers: &[(String, ClaimPath)]) -> Result<Self, Refused> {
        let mut headers = Vec::with_capacity(to_headers.len());
        for (name, path) in to_headers {
            if let Some(value) = path.find(claims).map(header_value).transpose()?.flatten() {
                headers.push((name.clone(), value));
            }
        }
        let mut scopes = Vec::new();
        for value in ["scope", "scp"].into_iter().filter_map(|name| claims.get(name)) {
            match value {
                Value::Text(text) => scopes.extend(text.split(' ').map(ToOwned::to_owned)),
                Value::List(list) => scopes.extend(list.iter().filter_map(|one| one.as_text().map(ToOwned::to_owned))),
                _ => return Err(Refused::Claims),
            }
        }
        Ok(Self { headers, scopes })
    }

    pub(crate) fn has_all(&self, scopes: &[String]) -> bool {
        scopes.iter().all(|scope| self.scopes.contains(scope))
    }
}

/// `None` where there is nothing to say.
fn header_value(claim: &Value) -> Result<Option<String>, Refused> {
    Ok(match claim {
        Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Text(text) if is_header_value(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::List(list) => {
            let mut joined = String::new();
            for item in list {
                // A comma in an item would make two of it.
                let item = header_value(item)?.filter(|item| !item.contains(',')).ok_or(Refused::Value)?;
                if !joined.is_empty() {
                    joined.push(',');
                }
                joined.push_str(&item);
            }
            Some(joined).filter(|text| !text.is_empty())
        }
        Value::Text(_) | Value::Fraction(_) | Value::Object(_) => return Err(Refused::Value),
    })
}

/// Whether it arrives as it is sent: control characters end a header in some servers, and white space around it is dropped.
pub(crate) fn is_header_value(text: &str) -> bool {
    !text.chars().any(char::is_control) && text.trim() == text
}

/// Whether HTTP allows it as a header's name, in lower case as the proxy has it.
pub(crate) fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

/// What the proxy, the upstream or this filter reads in a way of its own.
const MEANS_SOMETHING: [&str; 9] = [
    "authorization",
    "connection",
    "content-digest",
    "content-length",
    "host",
    "signature",
    "signature-input",
    "te",
    "transfer-encoding",
];

/// The names that are this filter's to set.
pub(crate) struct OwnHeaders(Vec<String>);

impl OwnHeaders {
    /// # Errors
    /// A name that cannot be, or is that of a credential: `api_key` is one.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>, api_key: Option<&str>) -> Result<Self, ConfigError> {
        let mut own: Vec<String> = Vec::new();
        for name in names {
            if !is_header_name(name) {
                let shown = name.as_bytes().escape_ascii();
                return Err(ConfigError::new(format!("\"{shown}\" is not a header name in lower case")));
            }
            if MEANS_SOMETHING.contains(&name) || Some(name) == api_key {
                return Err(ConfigError::new(format!("the header \"{name}\" has a meaning of its own: choose another name")));
            }
            if !own.iter().any(|known| known == name) {
                own.push(name.to_owned());
            }
        }
        Ok(Self(own))
    }

    /// Takes away what the client says in their place. Servers that hand headers on as CGI does read `x_user` and `x-user` as one.
    pub(crate) fn remove_from(&self, headers: &Headers<'_>, sent: &HeaderMap) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut removed: Vec<&[u8]> = Vec::new();
        for (name, _) in sent {
            if self.0.iter().any(|own| is_same(own.as_bytes(), name)) && !removed.contains(&name) {
                headers.remove(name)?;
                removed.push(name);
            }
        }
        Ok(())
    }
}

fn is_same(own: &[u8], sent: &[u8]) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    own.len() == sent.len() && own.iter().zip(sent).all(|(a, b)| plain(*a) == plain(*b))
}
