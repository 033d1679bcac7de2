//! Bytes in a line of text: percent-encoding on the way in, ASCII escapes on the way out.

use alloc::{string::String, vec::Vec};

/// Decodes `%XX`; any other use of `%` stands for itself. The word `""` is the empty string.
pub fn decode(word: &str) -> Vec<u8> {
    if word == "\"\"" {
        return Vec::new();
    }
    let bytes = word.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let escaped = match (byte, bytes.get(index + 1), bytes.get(index + 2)) {
            (b'%', Some(&high), Some(&low)) => hexadecimal(high).zip(hexadecimal(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(byte));
        index += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Escapes what is not printable ASCII, and `\ " [ ]`, which log lines use as marks.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'[' => text.push_str("\\x5b"),
            b']' => text.push_str("\\x5d"),
            _ => text.extend(core::ascii::escape_default(byte).map(char::from)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_decode_or_stand_for_themselves() {
        assert_eq!(decode("a%20b%2C%00"), b"a b,\0");
        assert_eq!(decode("100%"), b"100%");
        assert_eq!(decode("%zz%4"), b"%zz%4");
        assert_eq!(decode("\"\""), b"");
    }

    #[test]
    fn odd_bytes_are_escaped() {
        assert_eq!(escape(b"a\"\r\n\x00\xff[]"), "a\\\"\\r\\n\\x00\\xff\\x5b\\x5d");
    }
}
