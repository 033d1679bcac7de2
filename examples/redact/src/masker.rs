//! The rewrite of a body, piece by piece.

use crate::card::{Card, card};
use crate::email::{self, Email, email};
use crate::search::{first_digit, first_sign, has_odd_quotes};
use crate::symbol::{self, Class, Format, symbol};
use alloc::{borrow::Cow, vec::Vec};

/// What is masked, and how much of it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Card numbers are masked.
    pub cards: bool,
    /// The last four digits of a card number stay.
    pub keep_last_four: bool,
    /// E-mail addresses are masked.
    pub emails: bool,
    /// The domain of an e-mail address stays.
    pub keep_domain: bool,
}

/// How much was masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Card numbers.
    pub cards: u64,
    /// E-mail addresses.
    pub emails: u64,
}

/// Masks a body that comes in pieces: whatever the pieces are, the result is that of the body as a whole.
///
/// ```
/// use redact::{Format, Masker, Rules};
/// let rules = Rules { cards: true, keep_last_four: true, emails: true, keep_domain: false };
/// let mut masker = Masker::new(Format::Text, rules);
/// let mut body = Vec::new();
/// for piece in ["card 4111 1111 11", "11 1111, mail an", "n@shop.example"] {
///     body.extend_from_slice(&masker.push(piece.as_bytes(), false));
/// }
/// body.extend_from_slice(&masker.push(b"", true));
/// assert_eq!(String::from_utf8(body).unwrap(), "card **** **** **** 1111, mail ***@***");
/// ```
#[derive(Clone, Debug)]
pub struct Masker {
    format: Format,
    rules: Rules,
    /// What stands before the first byte that is not decided.
    before: Before,
    /// The end of what came, which the next bytes decide.
    pending: Vec<u8>,
    count: Count,
}

/// All that what comes next depends on.
#[derive(Clone, Copy, Debug)]
struct Before {
    last: u8,
    last_but_one: u8,
    /// The characters right before could begin an address, and were found not to.
    in_run: bool,
    /// Within a string of JSON.
    in_string: bool,
}

impl Before {
    fn pass(&mut self, char: u8) {
        self.last_but_one = self.last;
        self.last = char;
    }

    /// Whether a number can begin here: not within a word, nor as the fraction of another.
    fn number_can_begin(&self) -> bool {
        let is_fraction = self.last == b'.' && Class::of(self.last_but_one).digit();
        !is_fraction && !Class::of(self.last).word()
    }
}

impl Masker {
    /// The most bytes that are ever held back: an address at its longest, each character written as `\uXXXX`. What is longer than any
    /// address or number can be is let through.
    pub const MOST_PENDING: usize = email::LONGEST * symbol::LONGEST;

    /// For one body.
    pub fn new(format: Format, rules: Rules) -> Self {
        let before = Before { last: b' ', last_but_one: b' ', in_run: false, in_string: false };
        Self { format, rules, before, pending: Vec::new(), count: Count::default() }
    }

    /// How many bytes are held back until the next ones decide.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How much was masked so far.
    pub fn count(&self) -> Count {
        self.count
    }

    /// Takes the next piece, gives what is decided: borrowed where nothing of it changes. The `last` piece leaves nothing behind.
    pub fn push<'a>(&mut self, piece: &'a [u8], last: bool) -> Cow<'a, [u8]> {
        if self.pending.is_empty() {
            return self.mask(piece, last);
        }
        let mut bytes = core::mem::take(&mut self.pending);
        bytes.extend_from_slice(piece);
        self.mask(&bytes, last).into_owned().into()
    }

    /// What is decided of `bytes`, masked; the rest is pending.
    fn mask<'a>(&mut self, bytes: &'a [u8], last: bool) -> Cow<'a, [u8]> {
        let format = self.format;
        let mut masked = Vec::new();
        // What stands between these two goes out as it is.
        let (mut written, mut at) = (0, 0);
        let mut sign = first_sign(bytes);
        let plain = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        loop {
            if sign < at {
                sign = at + first_sign(bytes.get(at..).unwrap_or_default());
            }
            at = self.pass_plain(bytes, at, sign);
            let Some(next) = bytes.get(at..).and_then(|bytes| symbol(format, bytes, !last)) else { break };
            let class = Class::of(next.char);
            if !class.local() {
                self.before.pass(next.char);
                self.before.in_run = false;
                self.before.in_string ^= next.char == b'"' && next.len == 1;
                at += next.len;
                continue;
            }
            if class.word() && !self.before.in_run && self.rules.emails {
                let can_be = sign.saturating_sub(at) <= email::LOCAL;
                match if can_be { email(format, bytes, at, !last) } else { Email::No } {
                    Email::Undecided => break,
                    Email::Found { at: sign, domain, end } => {
                        masked.extend_from_slice(plain(written, at));
                        masked.extend_from_slice(b"***");
                        masked.extend_from_slice(plain(sign, domain));
                        masked.extend_from_slice(if self.rules.keep_domain { plain(domain, end) } else { b"***" });
                        self.count.emails += 1;
                        // An address ends in a letter, or in what follows `xn--`.
                        self.before.pass(b'a');
                        (written, at) = (end, end);
                        continue;
                    }
                    Email::No => self.before.in_run = true,
                }
            }
            if class.digit() && self.rules.cards && self.before.number_can_begin() {
                match card(format, bytes, at, !last) {
                    Card::Undecided => break,
                    Card::Found { end, digits } => {
                        masked.extend_from_slice(plain(written, at));
                        self.mask_card(plain(at, end), digits, &mut masked);
                        self.count.cards += 1;
                        self.before.pass(b'0');
                        self.before.in_run = false;
                        (written, at) = (end, end);
                        continue;
                    }
                    Card::No => {}
                }
            }
            self.before.pass(next.char);
            at += next.len;
            if class.word() {
                at = self.pass_word(bytes, at);
            }
        }
        self.pending = bytes.get(at..).unwrap_or_default().to_vec();
        if written == 0 {
            return plain(0, at).into();
        }
        masked.extend_from_slice(plain(written, at));
        masked.into()
    }

    /// Passes over most of most bodies: what is too far from the next at sign to be of an address, up to the first digit.
    fn pass_plain(&mut self, bytes: &[u8], from: usize, sign: usize) -> usize {
        let to = if self.rules.emails { sign.saturating_sub(email::LOCAL) } else { sign };
        let Some(plain) = bytes.get(from..to) else { return from };
        let plain = if self.rules.cards { plain.get(..first_digit(plain)).unwrap_or_default() } else { plain };
        self.before.in_string ^= self.format == Format::Json && has_odd_quotes(plain);
        let [.., last] = plain else { return from };
        self.before.last_but_one = plain.iter().nth_back(1).copied().unwrap_or(self.before.last);
        self.before.last = *last;
        // A run goes on at the end if a word is in it; if it has begun before, then as it has begun.
        if let Some(byte) = plain.iter().rfind(|byte| Class::of(**byte).word() || !Class::of(**byte).local()) {
            self.before.in_run = Class::of(*byte).word();
        }
        from + plain.len()
    }

    /// Passes over the rest of a word in which nothing began at first.
    fn pass_word(&mut self, bytes: &[u8], from: usize) -> usize {
        let rest = bytes.get(from..).unwrap_or_default();
        let length = rest.iter().position(|byte| !Class::of(*byte).word()).unwrap_or(rest.len());
        match rest.get(..length) {
            Some([.., last_but_one, last]) => (self.before.last_but_one, self.before.last) = (*last_but_one, *last),
            Some([last]) => self.before.pass(*last),
            _ => {}
        }
        from + length
    }

    /// Separators stay, and so many digits as may. Outside of a string of JSON a `*` would break the document: there the number
    /// stays a number, of its first digit and zeros.
    fn mask_card(&self, number: &[u8], digits: usize, masked: &mut Vec<u8>) {
        let is_number = self.format == Format::Json && !self.before.in_string;
        let kept_from = if self.rules.keep_last_four { digits.saturating_sub(4) } else { digits };
        let mut digit = 0;
        let mut rest = number;
        while let Some(next) = symbol(self.format, rest, false) {
            let (bytes, after) = rest.split_at_checked(next.len).unwrap_or((rest, &[]));
            if !Class::of(next.char).digit() {
                masked.extend_from_slice(bytes);
            } else {
                match digit {
                    _ if digit >= kept_from => masked.extend_from_slice(bytes),
                    0 if is_number => masked.extend_from_slice(bytes),
                    _ if is_number => masked.push(b'0'),
                    _ => masked.push(b'*'),
                }
                digit += 1;
            }
            rest = after;
        }
    }
}
