//! The numbers that a script has given names: those that a host makes up differ from run to run, their names do not.

use crate::words::{Naming, Number};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What a number identifies: numbers of different kinds may be equal and mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what its name says")]
pub enum Kind {
    Call,
    Queue,
    Metric,
    CompareAndSwap,
    Context,
    Time,
    Result,
}

/// Numbers with their names, in the order in which they got them.
#[derive(Debug, Default)]
pub struct Numbers(Vec<(String, Kind, u64)>);

impl Numbers {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// What `number` stands for; `None` if nothing has its name.
    pub fn value(&self, number: &Number) -> Option<u64> {
        match number {
            Number::Given(value) => Some(*value),
            Number::Named { name, offset } => {
                let found = self.0.iter().find(|(other, ..)| other == name);
                found.map(|(.., value)| value.wrapping_add_signed(*offset))
            }
        }
    }

    /// The first name of this number.
    pub fn name(&self, kind: Kind, value: u64) -> Option<&str> {
        self.0.iter().find(|(_, other, number)| (*other, *number) == (kind, value)).map(|(name, ..)| name.as_str())
    }

    /// Gives `value` a name, and says it, with what is to be known of it besides.
    pub fn give(&mut self, kind: Kind, naming: &Naming, value: u64) -> String {
        let mut said = naming.name.clone();
        if let Some(other) = self.name(kind, value).filter(|other| kind != Kind::Time && *other != naming.name) {
            said.push_str(&format!(", which is {other}"));
        }
        if let Some(from) = &naming.from {
            said.push_str(&match (from, self.value(from)) {
                (_, None) => ", compared with nothing".into(),
                (_, Some(before)) if kind == Kind::Time => match value.cmp(&before) {
                    core::cmp::Ordering::Greater => ", later".to_string(),
                    core::cmp::Ordering::Equal => ", at the same time".to_string(),
                    core::cmp::Ordering::Less => ", earlier".to_string(),
                },
                (Number::Given(0), _) => format!(", which is {value}"),
                (Number::Given(before), _) => format!(", which is {before}{:+}", difference(value, *before)),
                (Number::Named { name, .. }, Some(before)) => format!(", which is {name}{:+}", difference(value, before)),
            });
        }
        self.0.retain(|(name, ..)| *name != naming.name);
        self.0.push((naming.name.clone(), kind, value));
        said
    }
}

fn difference(value: u64, before: u64) -> i128 {
    i128::from(value) - i128::from(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(name: &str, from: Option<Number>) -> Naming {
        Naming { name: name.into(), from }
    }

    #[test]
    fn names_tell_what_is_equal_and_how_far_apart() {
        let mut numbers = Numbers::new();
        assert_eq!(numbers.give(Kind::Call, &naming("a", Some(Number::Given(0))), 4), "a, which is 4");
        let from_a = Some(Number::Named { name: "a".into(), offset: 0 });
        assert_eq!(numbers.give(Kind::Call, &naming("b", from_a.clone()), 12), "b, which is a+8");
        assert_eq!(numbers.give(Kind::Call, &naming("c", None), 4), "c, which is a");
        assert_eq!(numbers.give(Kind::Queue, &naming("q", None), 4), "q");
        assert_eq!(numbers.name(Kind::Call, 12), Some("b"));
        assert_eq!(numbers.name(Kind::Metric, 12), None);
        assert_eq!(numbers.value(&Number::Named { name: "b".into(), offset: -4 }), Some(8));
        assert_eq!(numbers.value(&Number::Named { name: "z".into(), offset: 0 }), None);
    }

    #[test]
    fn times_only_tell_which_is_later() {
        let mut numbers = Numbers::new();
        numbers.give(Kind::Time, &naming("t", None), 100);
        let from = Some(Number::Named { name: "t".into(), offset: 0 });
        assert_eq!(numbers.give(Kind::Time, &naming("u", from.clone()), 107), "u, later");
        assert_eq!(numbers.give(Kind::Time, &naming("v", from), 99), "v, earlier");
    }
}
