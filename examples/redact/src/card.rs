//! Numbers of payment cards.

use crate::symbol::{Class, Format, symbol};

const FEWEST: usize = 13;
const MOST: usize = 19;
/// Groups of fewer digits are dates, times and tables, but for the last.
const GROUP: usize = 3;

pub(crate) enum Card {
    /// A number of so many digits, and where it ends.
    Found { end: usize, digits: usize },
    /// None begins here.
    No,
    /// The next bytes decide.
    Undecided,
}

/// What stands at `start`, which is the first of some digits.
pub(crate) fn card(format: Format, bytes: &[u8], start: usize, can_follow: bool) -> Card {
    let next = |at: usize| bytes.get(at..).and_then(|bytes| symbol(format, bytes, can_follow));
    let mut found = Card::No;
    let mut luhn = Luhn::default();
    let mut group = 0;
    let mut at = start;
    loop {
        let here = next(at);
        let after = match here {
            None if can_follow => return Card::Undecided,
            None => None,
            Some(symbol) if Class::of(symbol.char).digit() => {
                if luhn.digits == MOST || (at == start && !matches!(symbol.char, b'2'..=b'6')) {
                    return found;
                }
                luhn.push(symbol.char - b'0');
                group += 1;
                at += symbol.len;
                continue;
            }
            Some(symbol) => Some(symbol),
        };
        // The digits of a group end here. Only a dot and a separator leave open what they mean.
        let beyond = match after {
            Some(symbol) if matches!(symbol.char, b'.' | b' ' | b'-') => match next(at + symbol.len) {
                None if can_follow => return Card::Undecided,
                beyond => beyond.is_some_and(|symbol| Class::of(symbol.char).digit()),
            },
            _ => false,
        };
        let char = after.map_or(b' ', |symbol| symbol.char);
        let goes_on = Class::of(char).word() || (char == b'.' && beyond);
        if luhn.digits >= FEWEST && !goes_on && luhn.is_valid() {
            found = Card::Found { end: at, digits: luhn.digits };
        }
        match after {
            Some(symbol) if matches!(symbol.char, b' ' | b'-') && beyond && group >= GROUP && luhn.digits < MOST => {
                at += symbol.len;
                group = 0;
            }
            _ => return found,
        }
    }
}

/// The check digit's sum, for both places that the last digit can have.
#[derive(Default)]
struct Luhn {
    digits: usize,
    /// Of all so far where the last counts once; where it counts twice.
    sums: (u32, u32),
}

impl Luhn {
    fn push(&mut self, digit: u8) {
        let once = u32::from(digit);
        let twice = if once > 4 { 2 * once - 9 } else { 2 * once };
        self.sums = (self.sums.1 + once, self.sums.0 + twice);
        self.digits += 1;
    }

    fn is_valid(&self) -> bool {
        self.sums.0 % 10 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_iso_7812() {
        let valid = |digits: &str| {
            let mut luhn = Luhn::default();
            digits.bytes().for_each(|digit| luhn.push(digit - b'0'));
            luhn.is_valid()
        };
        assert!(valid("4111111111111111") && valid("378282246310005") && valid("4222222222222") && valid("6304000000000000"));
        assert!(!valid("4111111111111112") && !valid("378282246310006"));
    }
}
