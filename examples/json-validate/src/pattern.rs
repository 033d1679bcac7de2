//! Regular expressions as JSON Schema has them: those of ECMA-262, as far as they match in linear time.

use alloc::{format, string::String, string::ToString};
use regex::Regex;

#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: Regex,
}

/// White space in ECMA-262.
const SPACE: &str = r"\t\n\x0B\x0C\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

impl Pattern {
    /// # Errors
    /// What of it is wrong or cannot be matched in linear time: look-around, backreferences, and the tables of Unicode.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let regex = translated(text).and_then(|translated| {
            Regex::new(&translated).map_err(|error| {
                let error = error.to_string();
                let reason = error.lines().rev().find_map(|line| line.strip_prefix("error: "));
                reason.unwrap_or(&error).to_string()
            })
        });
        match regex {
            Ok(regex) => Ok(Self { text: text.into(), regex }),
            Err(reason) => Err(format!("\"{}\" cannot be matched: {reason}", text.escape_debug())),
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// In the words of the regex crate. The classes of ECMA-262 are ASCII's, but for white space; and in brackets it knows no more brackets.
fn translated(text: &str) -> Result<String, String> {
    let mut translated = String::new();
    let mut chars = text.chars();
    let mut in_class = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' => {}
            '[' | '&' | '~' if in_class => {
                translated.extend(['\\', char]);
                continue;
            }
            '(' if !in_class && is_flags(chars.as_str()) => return Err("flags are not supported".into()),
            _ => {
                in_class = char == '[' || (in_class && char != ']');
                translated.push(char);
                continue;
            }
        }
        match chars.next() {
            Some('d') => translated.push_str("[0-9]"),
            Some('D') => translated.push_str("[^0-9]"),
            Some('w') => translated.push_str("[0-9A-Za-z_]"),
            Some('W') => translated.push_str("[^0-9A-Za-z_]"),
            Some('s') => translated.push_str(&format!("[{SPACE}]")),
            Some('S') => translated.push_str(&format!("[^{SPACE}]")),
            Some('b') if in_class => translated.push_str(r"\x08"),
            Some('b') => translated.push_str(r"(?-u:\b)"),
            Some('B') => translated.push_str(r"(?-u:\B)"),
            Some('p' | 'P') => return Err("classes of Unicode are not supported".into()),
            Some(other) => translated.extend(['\\', other]),
            None => translated.push('\\'),
        }
    }
    Ok(translated)
}

/// Whether a group begins so: `?i)`, `?s-i:`.
fn is_flags(group: &str) -> bool {
    group
        .strip_prefix('?')
        .is_some_and(|rest| rest.starts_with(|char: char| char == '-' || (char.is_ascii_alphabetic() && char != 'P')))
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_are_those_of_ecma_262() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().matches(text);
        assert!(matches("^\\d+$", "17") && !matches("^\\d$", "\u{0663}") && matches("^\\w$", "_") && !matches("^\\w$", "é"));
        assert!(
            matches("^\\s$", "\u{feff}") && matches("^\\S$", "a") && matches("^[\\d-]+$", "1-2") && matches("^[^\\W_]+$", "a1")
        );
        assert!(matches("^[[&&~]+$", "[&~") && matches("\\bcat\\b", "a cat!") && matches("^[\\b]$", "\u{8}"));
        assert!(
            matches("^.$", "😀")
                && matches("a", "banana")
                && !matches("^a$", "a\n")
                && matches("^\\u0041$", "A")
                && matches("^a\\/b$", "a/b")
        );
        for pattern in ["(?=a)", "(?<!a)", "(a)\\1", "\\p{L}", "(?i)a", "(", "[", "*", "\\"] {
            assert!(Pattern::new(pattern).unwrap_err().contains("cannot be matched"), "{pattern}");
        }
    }
}
