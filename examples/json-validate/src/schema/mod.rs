//! A JSON Schema (draft 2020-12), made ready to be asked.

mod compile;
mod cycle;
mod keyword;
mod validate;

pub(crate) use compile::compile;
pub(crate) use validate::{Finding, Findings};

use crate::pattern::Pattern;
use crate::value::{Number, Value};
use alloc::collections::BTreeMap;
use alloc::{string::String, vec::Vec};

/// A compiled schema: the first node is that of the whole, the others are referred to.
#[derive(Debug)]
pub(crate) struct Schema {
    nodes: Vec<Node>,
}

/// Which of the nodes.
pub(crate) type Id = usize;

/// One schema: `true` and `{}` ask nothing.
#[derive(Debug, Default)]
pub(crate) struct Node {
    keywords: Vec<Keyword>,
}

/// What a schema asks; those that stand beside each other and mean something together are one.
#[derive(Debug)]
pub(crate) enum Keyword {
    /// The schema `false`.
    Nothing,
    Type(Types),
    Enum(Vec<Value>),
    Const(Value),
    Minimum(Number),
    Maximum(Number),
    ExclusiveMinimum(Number),
    ExclusiveMaximum(Number),
    MultipleOf(Number),
    Length(Bounds),
    Pattern(Pattern),
    Items {
        first: Vec<Id>,
        rest: Option<Id>,
    },
    ItemCount(Bounds),
    UniqueItems,
    Contains {
        id: Id,
        count: Bounds,
    },
    Properties {
        named: BTreeMap<String, Id>,
        patterns: Vec<(Pattern, Id)>,
        others: Option<Id>,
    },
    PropertyNames(Id),
    PropertyCount(Bounds),
    Required(Vec<String>),
    DependentRequired(BTreeMap<String, Vec<String>>),
    DependentSchemas(BTreeMap<String, Id>),
    AllOf(Vec<Id>),
    AnyOf(Vec<Id>),
    OneOf(Vec<Id>),
    Not(Id),
    If {
        test: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
    },
    Ref(Id),
}

/// The least and the most, of what is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    least: Option<u64>,
    most: Option<u64>,
}

/// Names of types, as bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Types(u8);

/// With the article that an error has; `integer` is among the numbers.
const TYPES: [(&str, &str); 7] = [
    ("null", "null"),
    ("boolean", "a boolean"),
    ("number", "a number"),
    ("string", "a string"),
    ("array", "an array"),
    ("object", "an object"),
    ("integer", "an integer"),
];

impl Types {
    fn of_name(name: &str) -> Option<Self> {
        TYPES.iter().position(|(known, _)| *known == name).map(|bit| Self(1 << bit))
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn matches(self, value: &Value) -> bool {
        let kind = TYPES.iter().position(|(_, kind)| *kind == value.kind());
        kind.is_some_and(|bit| self.0 & (1 << bit) != 0)
            || (self.0 & (1 << 6) != 0 && matches!(value, Value::Number(number) if number.is_whole()))
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        TYPES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, (_, name))| *name)
    }
}
