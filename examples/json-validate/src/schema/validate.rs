//! What a document is not, that its schema says.

use super::{Bounds, Id, Keyword, Schema, Types};
use crate::pointer::Place;
use crate::value::{Number, Value};
use alloc::collections::BTreeMap;
use alloc::{format, string::String, string::ToString, vec::Vec};
use core::cmp::Ordering;
use serde::Serialize;

/// What is wrong with a part of a document.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Which part: a JSON pointer.
    pub(crate) pointer: String,
    /// The keyword of the schema that says otherwise.
    pub(crate) keyword: &'static str,
    pub(crate) detail: String,
}

/// What was found, and what may still be done to find more.
pub(crate) struct Findings {
    pub(crate) findings: Vec<Finding>,
    /// So many are told.
    most: usize,
    /// So many questions more are answered: what a schema of alternatives asks of a hostile document has no end otherwise.
    left: u64,
    /// How many schemas are being asked within each other.
    nested: u32,
}

/// So many may be: the stack of a VM is small, and Envoy's ends the VM where it is full.
const MOST_NESTED: u32 = 400;

impl Findings {
    pub(crate) fn new(most: usize, evaluations: u64) -> Self {
        Self { findings: Vec::new(), most, left: evaluations, nested: 0 }
    }

    /// Whether it was too much to look at.
    pub(crate) fn gave_up(&self) -> bool {
        self.left == 0
    }

    fn say(&mut self, place: &Place<'_>, keyword: &'static str, detail: impl FnOnce() -> String) -> bool {
        if self.findings.len() < self.most {
            self.findings.push(Finding { pointer: place.pointer(), keyword, detail: detail() });
        }
        false
    }
}

impl Schema {
    /// Whether a document is as the schema says.
    pub(crate) fn is_valid(&self, document: &Value, findings: &mut Findings) -> bool {
        self.holds(0, document, &Place::Document, findings) && !findings.gave_up()
    }

    fn holds(&self, id: Id, value: &Value, place: &Place<'_>, findings: &mut Findings) -> bool {
        let Some(node) = self.nodes.get(id) else { return false };
        findings.left = if findings.nested == MOST_NESTED { 0 } else { findings.left.saturating_sub(1) };
        findings.nested += 1;
        let mut holds = true;
        for keyword in &node.keywords {
            // There is nothing more to be told.
            if findings.gave_up() || (!holds && findings.findings.len() >= findings.most) {
                holds = false;
                break;
            }
            holds &= self.keyword_holds(keyword, value, place, findings);
        }
        findings.nested -= 1;
        holds
    }

    /// The same, without a word about it.
    fn would_hold(&self, id: Id, value: &Value, findings: &mut Findings) -> bool {
        let most = core::mem::replace(&mut findings.most, 0);
        let holds = self.holds(id, value, &Place::Document, findings);
        findings.most = most;
        holds
    }

    fn keyword_holds(&self, keyword: &Keyword, value: &Value, place: &Place<'_>, findings: &mut Findings) -> bool {
        match (keyword, value) {
            (Keyword::Nothing, _) => findings.say(place, "false", || "is not allowed".into()),
            (Keyword::Type(types), _) => types.matches(value) || findings.say(place, "type", || wrong_type(*types, value)),
            (Keyword::Enum(values), _) => {
                values.iter().any(|one| one.equals(value))
                    || findings.say(place, "enum", || format!("is none of {}", list(values)))
            }
            (Keyword::Const(one), _) => one.equals(value) || findings.say(place, "const", || format!("is not {one}")),
            (_, Value::Number(number)) if is_of_numbers(keyword) => number_holds(keyword, *number, place, findings),
            (Keyword::Length(bounds), Value::String(string)) => {
                let count = string.chars().count();
                counts(*bounds, count, ["minLength", "maxLength"], "characters", place, findings)
            }
            (Keyword::Pattern(pattern), Value::String(string)) => {
                pattern.matches(string)
                    || findings.say(place, "pattern", || format!("does not match \"{}\"", pattern.text().escape_debug()))
            }
            (_, Value::Array(items)) if !is_of_schemas(keyword) => self.array_holds(keyword, items, place, findings),
            (_, Value::Object(properties)) if !is_of_schemas(keyword) => self.object_holds(keyword, properties, place, findings),
            _ => self.schemas_hold(keyword, value, place, findings),
        }
    }

    fn array_holds(&self, keyword: &Keyword, items: &[Value], place: &Place<'_>, findings: &mut Findings) -> bool {
        match keyword {
            Keyword::ItemCount(bounds) => counts(*bounds, items.len(), ["minItems", "maxItems"], "items", place, findings),
            Keyword::UniqueItems => match twice(items) {
                None => true,
                Some((one, other)) => findings.say(place, "uniqueItems", || format!("has the same item at {one} and {other}")),
            },
            Keyword::Items { first, rest } => {
                let ids = first.iter().copied().map(Some).chain(core::iter::repeat(*rest));
                let pairs = items.iter().zip(ids).enumerate();
                pairs.fold(true, |holds, (index, (item, id))| {
                    holds & id.is_none_or(|id| self.holds(id, item, &Place::Item(place, index), findings))
                })
            }
            Keyword::Contains { id, count } => {
                let found = items.iter().filter(|item| self.would_hold(*id, item, findings)).count();
                let keywords = [if found == 0 { "contains" } else { "minContains" }, "maxContains"];
                counts(*count, found, keywords, "items that are as \"contains\" says", place, findings)
            }
            _ => true,
        }
    }

    fn object_holds(
        &self,
        keyword: &Keyword,
        object: &BTreeMap<String, Value>,
        place: &Place<'_>,
        findings: &mut Findings,
    ) -> bool {
        let missing = |names: &[String], keyword, findings: &mut Findings| {
            names
                .iter()
                .filter(|name| !object.contains_key(*name))
                .fold(true, |_, name| findings.say(place, keyword, || format!("\"{}\" is missing", name.escape_debug())))
        };
        match keyword {
            Keyword::PropertyCount(bounds) => {
                counts(*bounds, object.len(), ["minProperties", "maxProperties"], "properties", place, findings)
            }
            Keyword::Required(names) => missing(names, "required", findings),
            Keyword::DependentRequired(all) => {
                let all = all.iter().filter(|(name, _)| object.contains_key(*name));
                all.fold(true, |holds, (_, names)| missing(names, "dependentRequired", findings) & holds)
            }
            Keyword::PropertyNames(id) => object.keys().fold(true, |holds, name| {
                let valid = self.would_hold(*id, &Value::String(name.clone()), findings);
                holds
                    & (valid
                        || findings
                            .say(&Place::Property(place, name), "propertyNames", || "has a name that is not allowed".into()))
            }),
            Keyword::Properties { named, patterns, others } => object.iter().fold(true, |mut holds, (name, value)| {
                let place = Place::Property(place, name);
                let mut is_other = true;
                let by_pattern = patterns.iter().filter(|(pattern, _)| pattern.matches(name)).map(|(_, id)| id);
                for id in named.get(name).into_iter().chain(by_pattern) {
                    is_other = false;
                    holds &= self.holds(*id, value, &place, findings);
                }
                match others {
                    Some(id) if is_other => self.holds(*id, value, &place, findings) & holds,
                    _ => holds,
                }
            }),
            _ => true,
        }
    }

    fn schemas_hold(&self, keyword: &Keyword, value: &Value, place: &Place<'_>, findings: &mut Findings) -> bool {
        match keyword {
            Keyword::Ref(id) => self.holds(*id, value, place, findings),
            Keyword::DependentSchemas(all) => {
                let is_there = |name: &str| matches!(value, Value::Object(object) if object.contains_key(name));
                let all = all.iter().filter(|(name, _)| is_there(name));
                all.fold(true, |holds, (_, id)| self.holds(*id, value, place, findings) & holds)
            }
            Keyword::AllOf(ids) => ids.iter().fold(true, |holds, id| self.holds(*id, value, place, findings) & holds),
            Keyword::AnyOf(ids) => {
                ids.iter().any(|id| self.would_hold(*id, value, findings))
                    || findings.say(place, "anyOf", || format!("is none of the {} that are allowed", ids.len()))
            }
            Keyword::OneOf(ids) => {
                let count = ids.iter().filter(|id| self.would_hold(**id, value, findings)).count();
                count == 1 || findings.say(place, "oneOf", || format!("is {count} of the {} of which it must be one", ids.len()))
            }
            Keyword::Not(id) => {
                !self.would_hold(*id, value, findings) || findings.say(place, "not", || "is what it must not be".into())
            }
            Keyword::If { test, then, otherwise } => {
                let branch = if self.would_hold(*test, value, findings) { then } else { otherwise };
                branch.is_none_or(|id| self.holds(id, value, place, findings))
            }
            _ => true,
        }
    }
}

fn is_of_numbers(keyword: &Keyword) -> bool {
    use Keyword::{ExclusiveMaximum, ExclusiveMinimum, Maximum, Minimum, MultipleOf};
    matches!(keyword, Minimum(_) | Maximum(_) | ExclusiveMinimum(_) | ExclusiveMaximum(_) | MultipleOf(_))
}

fn is_of_schemas(keyword: &Keyword) -> bool {
    use Keyword::{AllOf, AnyOf, DependentSchemas, If, Not, OneOf, Ref};
    matches!(keyword, Ref(_) | DependentSchemas(_) | AllOf(_) | AnyOf(_) | OneOf(_) | Not(_) | If { .. })
}

fn number_holds(keyword: &Keyword, number: Number, place: &Place<'_>, findings: &mut Findings) -> bool {
    let is = |limit: Number, allowed: &[Ordering]| allowed.contains(&number.compare(limit));
    let (holds, name, limit, must) = match keyword {
        Keyword::Minimum(limit) => (is(*limit, &[Ordering::Greater, Ordering::Equal]), "minimum", limit, "is less than"),
        Keyword::Maximum(limit) => (is(*limit, &[Ordering::Less, Ordering::Equal]), "maximum", limit, "is more than"),
        Keyword::ExclusiveMinimum(limit) => (is(*limit, &[Ordering::Greater]), "exclusiveMinimum", limit, "is not more than"),
        Keyword::ExclusiveMaximum(limit) => (is(*limit, &[Ordering::Less]), "exclusiveMaximum", limit, "is not less than"),
        Keyword::MultipleOf(divisor) => (number.is_multiple_of(*divisor), "multipleOf", divisor, "is no multiple of"),
        _ => return true,
    };
    holds || findings.say(place, name, || format!("{must} {limit}"))
}

fn counts(bounds: Bounds, count: usize, names: [&'static str; 2], of: &str, place: &Place<'_>, findings: &mut Findings) -> bool {
    let [least, most] = names;
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    match bounds {
        Bounds { least: Some(limit), .. } if count < limit => {
            findings.say(place, least, || format!("has {count} {of}, fewer than {limit}"))
        }
        Bounds { most: Some(limit), .. } if count > limit => {
            findings.say(place, most, || format!("has {count} {of}, more than {limit}"))
        }
        _ => true,
    }
}

/// Where the same item is twice, if it is.
fn twice(items: &[Value]) -> Option<(usize, usize)> {
    let mut sorted: Vec<(usize, &Value)> = items.iter().enumerate().collect();
    sorted.sort_by(|(_, one), (_, other)| one.compare(other));
    sorted.windows(2).find_map(|pair| match pair {
        [(one, value), (other, same)] if value.equals(same) => Some((*one, *other)),
        _ => None,
    })
}

fn wrong_type(types: Types, value: &Value) -> String {
    let names: Vec<&str> = types.names().collect();
    format!("is {}, not {}", value.kind(), names.join(" or "))
}

fn list(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(ToString::to_string).collect();
    let more = if values.len() > 8 { ", …" } else { "" };
    shown.join(", ") + more
}
