//! The words of an operation, and the numbers among them, which a script may call by name.

use crate::{names, pairs::Pairs, text};
use alloc::{collections::VecDeque, format, string::String, vec::Vec};

/// A number as a script has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    /// `7`
    Given(u64),
    /// `$name`, `$name+1`, `$name-1`: what the host wrote when the script said `as name`, and some more or less.
    Named {
        /// The name.
        name: String,
        /// What is added.
        offset: i64,
    },
}

/// `as NAME`, or `as NAME from NUMBER`: what a number that the host writes is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The name.
    pub name: String,
    /// What it is compared with.
    pub from: Option<Number>,
}

/// What is left of an operation's words.
pub(crate) struct Words<'a>(VecDeque<&'a str>);

impl<'a> Words<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(text.split_ascii_whitespace().collect())
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.0.pop_front()
    }

    pub(crate) fn word(&mut self) -> Result<&'a str, String> {
        self.next().ok_or_else(|| "a word is missing".into())
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, String> {
        self.word().map(text::decode)
    }

    pub(crate) fn number<T: core::str::FromStr>(&mut self) -> Result<T, String> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("{word:?} is no number"))
    }

    pub(crate) fn map_type(&mut self) -> Result<u32, String> {
        let word = self.word()?;
        names::map_number(word).ok_or_else(|| format!("unknown map {word:?}"))
    }

    pub(crate) fn buffer_type(&mut self) -> Result<u32, String> {
        let word = self.word()?;
        names::buffer_number(word).ok_or_else(|| format!("unknown buffer {word:?}"))
    }

    pub(crate) fn metric_type(&mut self) -> Result<u32, String> {
        let word = self.word()?;
        names::metric_number(word).ok_or_else(|| format!("unknown metric type {word:?}"))
    }

    /// All that are left, decoded.
    pub(crate) fn rest(&mut self) -> Vec<Vec<u8>> {
        self.0.drain(..).map(text::decode).collect()
    }

    /// All that are left, as `key=value`.
    pub(crate) fn pairs(&mut self) -> Result<Pairs, String> {
        self.0.drain(..).map(pair).collect()
    }

    /// A number that may have a name.
    pub(crate) fn named_number(&mut self) -> Result<Number, String> {
        number(self.word()?)
    }

    /// Takes `as NAME` and `from NUMBER` off the end.
    pub(crate) fn naming(&mut self) -> Result<Option<Naming>, String> {
        let from = self.last_after("from").map(number).transpose()?;
        match self.last_after("as") {
            Some(name) => Ok(Some(Naming { name: name.into(), from })),
            None if from.is_some() => Err("from without as".into()),
            None => Ok(None),
        }
    }

    /// The last word, if the one before it is `mark`; both are taken.
    fn last_after(&mut self, mark: &str) -> Option<&'a str> {
        let at = self.0.len().checked_sub(2)?;
        let last = if *self.0.get(at)? == mark { self.0.pop_back() } else { None };
        if last.is_some() {
            self.0.pop_back();
        }
        last
    }
}

/// `key=value`, each percent-encoded.
pub(crate) fn pair(word: &str) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (key, value) = word.split_once('=').ok_or_else(|| format!("no = in {word:?}"))?;
    Ok((text::decode(key), text::decode(value)))
}

/// `7`, `$name`, `$name+1` or `$name-1`.
pub(crate) fn number(word: &str) -> Result<Number, String> {
    let wrong = || format!("{word:?} is no number");
    let Some(name) = word.strip_prefix('$') else {
        return word.parse().map(Number::Given).map_err(|_| wrong());
    };
    let (name, offset) = name.split_at(name.find(['+', '-']).unwrap_or(name.len()));
    let offset = if offset.is_empty() { Ok(0) } else { offset.parse() };
    Ok(Number::Named { name: name.into(), offset: offset.map_err(|_| wrong())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_have_names() {
        let named = |name: &str, offset| Ok(Number::Named { name: name.into(), offset });
        assert_eq!(number("18446744073709551615"), Ok(Number::Given(u64::MAX)));
        assert_eq!(number("$a"), named("a", 0));
        assert_eq!(number("$a+1"), named("a", 1));
        assert_eq!(number("$a-12"), named("a", -12));
        assert!(number("a").is_err() && number("$a+").is_err());
    }

    #[test]
    fn a_name_stands_at_the_end() {
        let naming = |text| {
            let mut words = Words::of(text);
            (words.naming(), words.rest().len())
        };
        let named = |from| Ok(Some(Naming { name: "a".into(), from }));
        assert_eq!(naming("as x as a"), (named(None), 2));
        assert_eq!(naming("x as a from 0"), (named(Some(Number::Given(0))), 1));
        assert_eq!(naming("x as"), (Ok(None), 2));
        assert!(naming("x from 0").0.is_err());
    }
}
