//! E-mail addresses.

use crate::symbol::{Class, Format, symbol};

/// The longest part before the at sign (RFC 5321, 4.5.3.1.1).
pub(crate) const LOCAL: usize = 64;
/// The longest domain that DNS has; so many characters are looked at.
const DOMAIN: usize = 253;
/// The longest label of a domain.
const LABEL: usize = 63;
/// `logo@2x.png` is a picture.
const PICTURES: [&[u8]; 8] = [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"avif", b"ico"];

/// The longest that is looked at, in characters: with the at sign, and what ends it.
pub(crate) const LONGEST: usize = LOCAL + 1 + DOMAIN + 1;

pub(crate) enum Email {
    /// An address: where its at sign begins, its domain begins, and it ends.
    Found { at: usize, domain: usize, end: usize },
    /// None begins here, nor later in this run.
    No,
    /// The next bytes decide.
    Undecided,
}

/// What stands at `start`, which is where a run of characters of the local part begins.
pub(crate) fn email(format: Format, bytes: &[u8], start: usize, can_follow: bool) -> Email {
    let mut at = start;
    let mut length = 0;
    let domain = loop {
        // Most characters stand for themselves; a plus may be a space.
        let plain = bytes.get(at..).unwrap_or_default().iter().take(LOCAL - length);
        let plain = plain.take_while(|byte| Class::of(**byte).local() && **byte != b'+').count();
        length += plain;
        at += plain;
        let Some(next) = bytes.get(at..).and_then(|bytes| symbol(format, bytes, can_follow)) else {
            return if can_follow { Email::Undecided } else { Email::No };
        };
        if next.char == b'@' {
            break at + next.len;
        }
        if !Class::of(next.char).local() || length == LOCAL {
            return Email::No;
        }
        length += 1;
        at += next.len;
    };
    match domain_end(format, bytes, domain, can_follow) {
        Some(Some(end)) => Email::Found { at, domain, end },
        Some(None) => Email::No,
        None => Email::Undecided,
    }
}

/// A label of a domain, as far as it was read.
#[derive(Default)]
struct Label {
    len: usize,
    letters: usize,
    /// It is in small letters what begins it, enough to know pictures and `xn--`.
    beginning: [u8; 4],
}

impl Label {
    fn push(&mut self, char: u8) {
        if let Some(place) = self.beginning.get_mut(self.len) {
            *place = char.to_ascii_lowercase();
        }
        self.letters += usize::from(self.letters == self.len && Class::of(char).letter());
        self.len += 1;
    }

    /// Whether a domain can end with it: two letters and more, or `xn--` and what follows.
    fn can_end(&self) -> bool {
        (self.letters == self.len && self.letters >= 2) || (self.len > 4 && self.beginning == *b"xn--")
    }

    fn is_picture(&self) -> bool {
        self.letters == self.len && PICTURES.iter().any(|name| self.beginning.get(..self.len).is_some_and(|label| label == *name))
    }
}

/// Where the domain that begins at `start` ends, if there is one: the longest that ends in a label of letters. `None` where the next
/// bytes decide.
fn domain_end(format: Format, bytes: &[u8], start: usize, can_follow: bool) -> Option<Option<usize>> {
    let mut at = start;
    let mut end = None;
    let mut picture = false;
    let mut labels = 0;
    let mut label = Label::default();
    for _ in 0..DOMAIN {
        let Some(next) = bytes.get(at..).and_then(|bytes| symbol(format, bytes, can_follow)) else {
            if can_follow {
                return None;
            }
            break;
        };
        at += next.len;
        if next.char == b'.' && label.len > 0 {
            labels += 1;
            label = Label::default();
        } else if Class::of(next.char).label() && label.len < LABEL {
            label.push(next.char);
            if labels > 0 && label.can_end() {
                end = Some(at);
                picture = label.is_picture();
            }
        } else {
            break;
        }
    }
    Some(end.filter(|_| !picture))
}
