//! JSON as it is compared: objects without duplicate keys, numbers by their value.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::{format, string::String, vec::Vec};
use core::cmp::Ordering;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep configurations may be; and documents, unless they may less.
pub(crate) const DEEPEST: usize = 100;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

/// A number: whole where JSON says it so and 64 bits hold it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Whole(i128),
    Float(f64),
}

impl Value {
    /// Reads a document that is at most so deep.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub(crate) fn parse(bytes: &[u8], depth: usize) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let value = Nested { depth, most: depth }.deserialize(&mut json)?;
        json.end()?;
        Ok(value)
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Any order will do that says equal of what JSON Schema holds for equal.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.compare(*other),
            (Self::String(one), Self::String(other)) => one.cmp(other),
            (Self::Array(one), Self::Array(other)) => compare_all(one.iter(), other.iter(), Self::compare),
            (Self::Object(one), Self::Object(other)) => {
                compare_all(one.iter(), other.iter(), |one, other| one.0.cmp(other.0).then_with(|| one.1.compare(other.1)))
            }
            _ => self.kind().cmp(other.kind()),
        }
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

fn compare_all<T>(
    mut one: impl Iterator<Item = T>,
    mut other: impl Iterator<Item = T>,
    f: impl Fn(T, T) -> Ordering,
) -> Ordering {
    loop {
        match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => match f(one, other) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

impl Number {
    /// Floats hold whole numbers exactly up to this.
    const EXACT: f64 = 1e30;

    fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(whole) => Some(whole),
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "it is compared with what it was")]
            Self::Float(float) if float.abs() < Self::EXACT && (float as i128) as f64 == float => Some(float as i128),
            Self::Float(_) => None,
        }
    }

    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::Float(float) if float.abs() >= Self::EXACT) || self.whole().is_some()
    }

    #[expect(clippy::cast_precision_loss, reason = "where that counts, whole numbers are compared")]
    fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self.whole(), other.whole()) {
            (Some(one), Some(other)) => one.cmp(&other),
            // JSON has no NaN.
            _ => self.float().partial_cmp(&other.float()).unwrap_or(Ordering::Equal),
        }
    }

    /// Whether a whole number times `divisor` is this; between fractions as near as floats can tell.
    pub(crate) fn is_multiple_of(self, divisor: Self) -> bool {
        if let (Some(number), Some(divisor)) = (self.whole(), divisor.whole()) {
            return number.checked_rem(divisor).is_none_or(|rest| rest == 0);
        }
        let quotient = (self.float() / divisor.float()).abs();
        if quotient >= Self::EXACT {
            return quotient.is_finite();
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "it is less than EXACT")]
        let off = (quotient - ((quotient + 0.5) as i128) as f64).abs();
        off <= quotient * 1e-12
    }

    /// A number of characters, items or properties.
    pub(crate) fn count(self) -> Option<u64> {
        self.whole().and_then(|whole| u64::try_from(whole).ok())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => whole.fmt(f),
            Self::Float(float) => float.fmt(f),
        }
    }
}

/// As JSON, the inside of arrays and objects left out.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(bool) => bool.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::String(string) if string.chars().nth(40).is_some() => {
                write!(f, "\"{}…\"", string.chars().take(40).collect::<String>().escape_debug())
            }
            Self::String(string) => write!(f, "\"{}\"", string.escape_debug()),
            Self::Array(items) => f.write_str(if items.is_empty() { "[]" } else { "[…]" }),
            Self::Object(properties) => f.write_str(if properties.is_empty() { "{}" } else { "{…}" }),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested { depth: DEEPEST, most: DEEPEST }.deserialize(deserializer)
    }
}

/// Reads a value in which there may be so many more.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
    most: usize,
}

impl Nested {
    fn inside<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom(format!("more than {} arrays and objects within each other", self.most))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::Whole(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::Whole(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(Number::Float(number)))
    }

    fn visit_str<E>(self, string: &str) -> Result<Value, E> {
        Ok(Value::String(string.into()))
    }

    fn visit_string<E>(self, string: String) -> Result<Value, E> {
        Ok(Value::String(string))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut properties = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match properties.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(map.next_value_seed(inside)?);
                }
                Entry::Occupied(place) => {
                    let key: String = place.key().chars().take(40).collect();
                    return Err(A::Error::custom(format!("the key \"{}\" is there twice", key.escape_debug())));
                }
            }
        }
        Ok(Value::Object(properties))
    }
}
