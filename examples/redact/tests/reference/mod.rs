//! The rules, written down once more and plainly: over the whole text, with regular expressions.

use redact::{Format, Rules};
use regex::bytes::Regex;
use std::sync::LazyLock;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// The body without its escapes, and where each character of it was.
fn decoded(format: Format, body: &[u8]) -> (Vec<u8>, Vec<(usize, usize)>) {
    static TEXT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s-u)%40|."));
    static FORM: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s-u)%[0-9A-Fa-f]{2}|."));
    static JSON: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s-u)%40|\\u[0-9A-Fa-f]{4}|\\.|."));
    let symbols = match format {
        Format::Text => &TEXT,
        Format::Form => &FORM,
        Format::Json => &JSON,
    };
    let char = |symbol: &[u8]| match (format, symbol) {
        (Format::Form, b"+") => b' ',
        (_, [one]) if *one == b'\\' && format == Format::Json => 0xff,
        (_, [one]) => *one,
        (_, [b'%', digits @ ..]) => u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap(),
        (_, [b'\\', b'u', digits @ ..]) if digits.len() == 4 => {
            u8::try_from(u32::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()).map_or(0xff, |char| char.max(1))
        }
        (_, b"\\n" | b"\\r" | b"\\t" | b"\\b" | b"\\f") => b'\n',
        (_, b"\\/") => b'/',
        _ => 0xff,
    };
    symbols.find_iter(body).map(|symbol| (char(symbol.as_bytes()), (symbol.start(), symbol.end()))).unzip()
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    sum % 10 == 0
}

/// The first address at or after `from`: its beginning, its at sign and its end.
fn first_email(text: &[u8], mut from: usize) -> Option<(usize, usize, usize)> {
    static LOCAL: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)[A-Za-z0-9_][A-Za-z0-9._+-]*@"));
    static DOMAIN: LazyLock<Regex> =
        LazyLock::new(|| regex(r"(?-u)^(?:[A-Za-z0-9-]{1,63}\.)+((?i:xn--)[A-Za-z0-9-]{1,59}|[A-Za-z]{2,63})"));
    loop {
        let local = LOCAL.find_at(text, from)?;
        let domain = &text[local.end()..(local.end() + 253).min(text.len())];
        if let (1..=65, Some(found)) = (local.len(), DOMAIN.captures(domain)) {
            let last = found[1].to_ascii_lowercase();
            if !["png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico"].iter().any(|name| name.as_bytes() == last) {
                return Some((local.start(), local.end() - 1, local.end() + found[0].len()));
            }
        }
        from = local.end();
    }
}

/// The first card number at or after `from`: its beginning and its end.
fn first_card(text: &[u8], from: usize) -> Option<(usize, usize)> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)^(?:[0-9]{3,}[ -])*[0-9]+$"));
    static GOES_ON: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)^(?:[A-Za-z0-9_]|\.[0-9])"));
    static WITHIN: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)(?:[A-Za-z0-9_]|[0-9]\.)$"));
    (from..text.len()).filter(|start| matches!(text[*start], b'2'..=b'6')).find_map(|start| {
        if WITHIN.is_match(&text[start.saturating_sub(2)..start]) {
            return None;
        }
        (start + 13..=text.len().min(start + 37)).rev().find_map(|end| {
            let number = &text[start..end];
            let digits: Vec<u8> = number.iter().copied().filter(u8::is_ascii_digit).collect();
            let is_card = (13..=19).contains(&digits.len())
                && NUMBER.is_match(number)
                && !GOES_ON.is_match(&text[end..text.len().min(end + 2)])
                && luhn(&digits);
            is_card.then_some((start, end))
        })
    })
}

/// The masked body.
pub(super) fn reference(format: Format, rules: Rules, body: &[u8]) -> Vec<u8> {
    let (text, places) = decoded(format, body);
    let begin = |index: usize| places.get(index).map_or(body.len(), |(begin, _)| *begin);
    let raw = |from: usize, to: usize| &body[begin(from)..begin(to)];
    let mut masked = Vec::new();
    let mut at = 0;
    loop {
        let email = if rules.emails { first_email(&text, at) } else { None };
        let card = if rules.cards { first_card(&text, at) } else { None };
        match (email, card) {
            (Some((start, sign, end)), card) if card.is_none_or(|(card, _)| start <= card) => {
                masked.extend_from_slice(raw(at, start));
                masked.extend_from_slice(b"***");
                masked.extend_from_slice(raw(sign, sign + 1));
                masked.extend_from_slice(if rules.keep_domain { raw(sign + 1, end) } else { b"***" });
                at = end;
            }
            (_, Some((start, end))) => {
                masked.extend_from_slice(raw(at, start));
                let quotes = (0..start).filter(|index| raw(*index, index + 1) == b"\"").count();
                let is_number = format == Format::Json && quotes % 2 == 0;
                let count = text[start..end].iter().filter(|char| char.is_ascii_digit()).count();
                let mut digit = 0;
                for (index, char) in text.iter().enumerate().take(end).skip(start) {
                    let symbol = raw(index, index + 1);
                    let stays =
                        !char.is_ascii_digit() || (rules.keep_last_four && digit + 4 >= count) || (is_number && digit == 0);
                    masked.extend_from_slice(if stays {
                        symbol
                    } else if is_number {
                        b"0"
                    } else {
                        b"*"
                    });
                    digit += usize::from(char.is_ascii_digit());
                }
                at = end;
            }
            _ => break,
        }
    }
    masked.extend_from_slice(raw(at, text.len()));
    masked
}
