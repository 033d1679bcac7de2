//! Bytes of a body as what they stand for: `%40` in a form is an at sign, `\n` in JSON a line break and not the letter n.

/// How a body is written, which says what its bytes stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As it is, but `%40` is an at sign too: links carry addresses so.
    Text,
    /// `application/x-www-form-urlencoded`: `%XX` is a byte, `+` a space.
    Form,
    /// JSON: in strings `\uXXXX`, `\n` and the like are characters.
    Json,
}

/// What stands at a place of a body.
#[derive(Clone, Copy)]
pub(crate) struct Symbol {
    /// The ASCII character; [`OTHER`] for what can be part of nothing that is masked.
    pub(crate) char: u8,
    /// How many bytes it takes.
    pub(crate) len: usize,
}

/// Stands for every character that is not ASCII, and for `\"` and `\\`.
pub(crate) const OTHER: u8 = 0xff;

/// The longest symbol: `\u0040`.
pub(crate) const LONGEST: usize = 6;

/// The symbol at the beginning of `bytes`; `None` where more bytes are needed to tell, or none are left. Where no more `can_follow`,
/// what is incomplete stands for itself.
#[inline(always)]
pub(crate) fn symbol(format: Format, bytes: &[u8], can_follow: bool) -> Option<Symbol> {
    match *bytes.first()? {
        b'%' | b'\\' | b'+' => escaped(format, bytes, can_follow),
        char => Some(Symbol { char, len: 1 }),
    }
}

#[cold]
#[inline(never)]
fn escaped(format: Format, bytes: &[u8], can_follow: bool) -> Option<Symbol> {
    let symbol = |char, len| Some(Symbol { char, len });
    let incomplete = |char| if can_follow { None } else { symbol(char, 1) };
    match (format, bytes) {
        (Format::Form, [b'+', ..]) => symbol(b' ', 1),
        (Format::Form, [b'%', high, low, ..]) => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => symbol((high << 4) | low, 3),
            _ => symbol(b'%', 1),
        },
        (Format::Form, [b'%', rest @ ..]) if rest.iter().all(|byte| hex(*byte).is_some()) => incomplete(b'%'),
        (Format::Text | Format::Json, [b'%', b'4', b'0', ..]) => symbol(b'@', 3),
        (Format::Text | Format::Json, [b'%'] | [b'%', b'4']) => incomplete(b'%'),
        (Format::Json, [b'\\']) => incomplete(OTHER),
        (Format::Json, [b'\\', b'u', digits @ ..]) => {
            let mut value = 0_u32;
            for at in 0..4 {
                match digits.get(at).map(|digit| hex(*digit)) {
                    Some(Some(digit)) => value = (value << 4) | u32::from(digit),
                    Some(None) => return symbol(OTHER, 2),
                    None => return incomplete(OTHER),
                }
            }
            symbol(u8::try_from(value).ok().filter(u8::is_ascii).unwrap_or(OTHER), LONGEST)
        }
        (Format::Json, [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..]) => symbol(b'\n', 2),
        (Format::Json, [b'\\', b'/', ..]) => symbol(b'/', 2),
        (Format::Json, [b'\\', ..]) => symbol(OTHER, 2),
        (_, [char, ..]) => symbol(*char, 1),
        (_, []) => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// What a character can be part of: bits, so that one look tells.
#[derive(Clone, Copy)]
pub(crate) struct Class(u8);

const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const UNDERSCORE: u8 = 4;
const HYPHEN: u8 = 8;
const DOT: u8 = 16;
const PLUS: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut char = 0;
    while char < 128 {
        classes[char] = match char as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'_' => UNDERSCORE,
            b'-' => HYPHEN,
            b'.' => DOT,
            b'+' => PLUS,
            _ => 0,
        };
        char += 1;
    }
    classes
};

impl Class {
    #[inline]
    pub(crate) fn of(char: u8) -> Self {
        Self(CLASSES.get(usize::from(char)).copied().unwrap_or(0))
    }

    pub(crate) fn digit(self) -> bool {
        self.0 & DIGIT != 0
    }

    pub(crate) fn letter(self) -> bool {
        self.0 & LETTER != 0
    }

    /// A letter, a digit or `_`: what goes on where a number or a word was.
    pub(crate) fn word(self) -> bool {
        self.0 & (LETTER | DIGIT | UNDERSCORE) != 0
    }

    /// What the part before the at sign is made of; it begins with a [`word`](Self::word) character.
    pub(crate) fn local(self) -> bool {
        self.0 != 0
    }

    /// What stands between the dots of a domain.
    pub(crate) fn label(self) -> bool {
        self.0 & (LETTER | DIGIT | HYPHEN) != 0
    }
}
