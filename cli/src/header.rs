//! A header as it is written on the command line, in curl's way.

use crate::escape::printable;
use crate::verdict::InputError;
use http::{HeaderName, HeaderValue};

/// A header of which the command line speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// `name: value`, or `name;` with an empty value.
    Plain(String, String),
    /// `:name: value`.
    Pseudo(String, String),
    /// `name:`: not to be sent, where it would be by itself.
    Without(String),
}

/// Reads `text`, the argument of the flag `flag`.
pub(crate) fn parse(flag: &str, text: &str) -> Result<Header, InputError> {
    let shown = printable(text.as_bytes());
    let fail = |what: &str| Err(InputError(format!("header \"{shown}\" {what}")));
    let (colon, bare) = match text.strip_prefix(':') {
        Some(bare) => (":", bare),
        None => ("", text),
    };
    let Some((name, value)) = bare.split_once(':') else {
        return match bare.strip_suffix(';') {
            Some(name) if colon.is_empty() => Ok(Header::Plain(name_of(name, &shown)?, String::new())),
            _ => fail(&format!("has no colon: write {flag} '{colon}name: value'")),
        };
    };
    let name = name_of(name, &shown)?;
    let value = value.trim_matches([' ', '\t']);
    // What this type allows, a proxy lets in.
    if HeaderValue::from_bytes(value.as_bytes()).is_err() {
        return fail("has a control character in its value, which no proxy lets in: leave it out");
    }
    match (colon, value) {
        ("", "") => Ok(Header::Without(name)),
        ("", value) => Ok(Header::Plain(name, value.to_owned())),
        (_, "") => fail("is a pseudo-header without a value, which no proxy lets in: give it one"),
        (_, value) => Ok(Header::Pseudo(name, value.to_owned())),
    }
}

/// A trailer: a header, but neither a pseudo-header nor one to be left out.
pub(crate) fn parse_trailer(flag: &str, text: &str) -> Result<(String, String), InputError> {
    match parse(flag, text)? {
        Header::Plain(name, value) => Ok((name, value)),
        Header::Pseudo(name, _) => {
            Err(InputError(format!("trailer \":{name}\" is a pseudo-header, and trailers have none: leave out its first colon")))
        }
        Header::Without(name) => {
            Err(InputError(format!("trailer \"{name}:\" has no value: write {flag} '{name};' for an empty one")))
        }
    }
}

/// In lower case, as a proxy hands it to its filters.
fn name_of(name: &str, shown: &str) -> Result<String, InputError> {
    if name.is_empty() {
        return Err(InputError(format!("header \"{shown}\" has no name: write 'name: value'")));
    }
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err(InputError(format!(
            "header \"{shown}\" has the name \"{}\", which HTTP does not allow: use letters, digits and !#$%&'*+-.^_`|~",
            printable(name.as_bytes())
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        let plain = |name: &str, value: &str| Header::Plain(name.into(), value.into());
        assert_eq!(parse("-H", "X-A:  b: c ").unwrap(), plain("x-a", "b: c"));
        assert_eq!(parse("-H", "x-a;").unwrap(), plain("x-a", ""));
        assert_eq!(parse("-H", "x-a:").unwrap(), Header::Without("x-a".into()));
        assert_eq!(parse("-H", ":path: /a:b").unwrap(), Header::Pseudo("path".into(), "/a:b".into()));
        assert_eq!(parse("-H", "x-a: grün").unwrap(), plain("x-a", "grün"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_mend() {
        let text = |header| parse("-H", header).unwrap_err().0;
        assert_eq!(text("foo"), "header \"foo\" has no colon: write -H 'name: value'");
        assert_eq!(text(":path"), "header \":path\" has no colon: write -H ':name: value'");
        assert_eq!(text(": x"), "header \": x\" has no colon: write -H ':name: value'");
        assert!(text("").contains("has no colon"));
        assert!(text(";").contains("has no name"));
        assert!(text("a b: c").contains("which HTTP does not allow"));
        assert!(text("a: b\nc").contains("control character"));
        assert!(text(":path:").contains("without a value"));
        assert!(parse_trailer("--trailer", "x:").unwrap_err().0.contains("'x;'"));
    }
}
