//! The keywords, each from its JSON.

use super::compile::{Compiler, Refusal};
use super::{Bounds, Id, Keyword, Types};
use crate::pattern::Pattern;
use crate::pointer::escaped;
use crate::value::{Number, Value};
use alloc::collections::BTreeMap;
use alloc::{format, string::String, vec::Vec};
use core::cmp::Ordering;

pub(super) type Object = BTreeMap<String, Value>;

/// What says nothing of a document, by the standard: `format` too, which has to be asked for there.
const NOTES: [&str; 17] = [
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];

/// All that is known; what means nothing without another stands beside it.
const KEYWORDS: [&str; 34] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "prefixItems",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "required",
    "dependentRequired",
    "dependentSchemas",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "$ref",
];

/// The keywords of one schema, the cheap ones first.
pub(super) fn keywords<'a>(compiler: &mut Compiler<'a>, at: &str, schema: &'a Object) -> Result<Vec<Keyword>, Refusal> {
    check_names(at, schema)?;
    let mut reader = Reader { compiler, at, schema };
    let mut keywords = Vec::new();
    keywords.extend(reader.of_any_value()?);
    keywords.extend(reader.of_numbers()?);
    keywords.extend(reader.of_strings()?);
    keywords.extend(reader.of_arrays()?);
    keywords.extend(reader.of_objects()?);
    keywords.extend(reader.of_schemas()?);
    Ok(keywords)
}

pub(super) fn not_supported(at: &str, name: &str) -> Refusal {
    let where_it_is = if name == "$id" { " within a schema" } else { "" };
    format!("#{at}: the keyword \"{}\" is not supported{where_it_is}", name.escape_debug())
}

fn check_names(at: &str, schema: &Object) -> Result<(), Refusal> {
    for name in schema.keys().map(String::as_str) {
        if !NOTES.contains(&name) && !KEYWORDS.contains(&name) && !matches!(name, "then" | "else") {
            return Err(not_supported(at, name));
        }
    }
    match schema.get("$schema") {
        None => {}
        Some(Value::String(uri)) if uri.trim_end_matches('#') == "https://json-schema.org/draft/2020-12/schema" => {}
        Some(other) => return Err(format!("#{at}/$schema: {other} is not draft 2020-12")),
    }
    match (at, schema.get("$id")) {
        (_, None) | ("", Some(Value::String(_))) => Ok(()),
        _ => Err(not_supported(at, "$id")),
    }
}

fn number(value: &Value) -> Option<Number> {
    if let Value::Number(number) = value { Some(*number) } else { None }
}

/// The name of a keyword, and what it becomes.
type Maker<T> = (&'static str, fn(T) -> Keyword);

struct Reader<'c, 'a> {
    compiler: &'c mut Compiler<'a>,
    at: &'c str,
    schema: &'a Object,
}

impl<'a> Reader<'_, 'a> {
    fn wrong(&self, name: &str, must: &str, is: &Value) -> Refusal {
        format!("#{}/{}: must be {must}, not {is}", self.at, escaped(name))
    }

    fn of_any_value(&self) -> Result<Vec<Keyword>, Refusal> {
        let mut keywords = Vec::new();
        if let Some(value) = self.schema.get("type") {
            let wrong = || self.wrong("type", "the name of a type or a list of such", value);
            let named = |value: &Value| if let Value::String(name) = value { Types::of_name(name) } else { None };
            keywords.push(Keyword::Type(match value {
                Value::Array(names) if !names.is_empty() => {
                    let types: Option<Vec<Types>> = names.iter().map(named).collect();
                    types.and_then(|types| types.into_iter().reduce(Types::and)).ok_or_else(wrong)?
                }
                name => named(name).ok_or_else(wrong)?,
            }));
        }
        if let Some(value) = self.schema.get("enum") {
            let Value::Array(values) = value else { return Err(self.wrong("enum", "an array", value)) };
            keywords.push(Keyword::Enum(values.clone()));
        }
        keywords.extend(self.schema.get("const").cloned().map(Keyword::Const));
        Ok(keywords)
    }

    fn of_numbers(&self) -> Result<Vec<Keyword>, Refusal> {
        let makers: [Maker<Number>; 5] = [
            ("minimum", Keyword::Minimum),
            ("maximum", Keyword::Maximum),
            ("exclusiveMinimum", Keyword::ExclusiveMinimum),
            ("exclusiveMaximum", Keyword::ExclusiveMaximum),
            ("multipleOf", Keyword::MultipleOf),
        ];
        let mut keywords = Vec::new();
        for (name, make) in makers {
            if let Some(value) = self.schema.get(name) {
                let number = number(value).ok_or_else(|| self.wrong(name, "a number", value))?;
                if name == "multipleOf" && number.compare(Number::Whole(0)) != Ordering::Greater {
                    return Err(self.wrong(name, "more than 0", value));
                }
                keywords.push(make(number));
            }
        }
        Ok(keywords)
    }

    fn bounds(&self, least: &str, most: &str) -> Result<Bounds, Refusal> {
        let bound = |name: &str| match self.schema.get(name) {
            None => Ok(None),
            Some(value) => number(value)
                .and_then(Number::count)
                .map(Some)
                .ok_or_else(|| self.wrong(name, "a number from 0 on, without a fraction", value)),
        };
        Ok(Bounds { least: bound(least)?, most: bound(most)? })
    }

    fn counted(&self, least: &str, most: &str, make: fn(Bounds) -> Keyword) -> Result<Option<Keyword>, Refusal> {
        let bounds = self.bounds(least, most)?;
        Ok((bounds.least.is_some() || bounds.most.is_some()).then(|| make(bounds)))
    }

    fn pattern(&self, name: &str, text: &str) -> Result<Pattern, Refusal> {
        Pattern::new(text).map_err(|reason| format!("#{}/{name}: {reason}", self.at))
    }

    fn of_strings(&self) -> Result<Vec<Keyword>, Refusal> {
        let mut keywords = Vec::new();
        keywords.extend(self.counted("minLength", "maxLength", Keyword::Length)?);
        match self.schema.get("pattern") {
            None => {}
            Some(Value::String(text)) => keywords.push(Keyword::Pattern(self.pattern("pattern", text)?)),
            Some(other) => return Err(self.wrong("pattern", "a string", other)),
        }
        Ok(keywords)
    }

    fn of_arrays(&mut self) -> Result<Vec<Keyword>, Refusal> {
        let mut keywords = Vec::new();
        keywords.extend(self.counted("minItems", "maxItems", Keyword::ItemCount)?);
        match self.schema.get("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => keywords.push(Keyword::UniqueItems),
            Some(other) => return Err(self.wrong("uniqueItems", "a boolean", other)),
        }
        let (first, rest) = (self.schemas("prefixItems")?.unwrap_or_default(), self.one("items"));
        if !first.is_empty() || rest.is_some() {
            keywords.push(Keyword::Items { first, rest });
        }
        let count = self.bounds("minContains", "maxContains")?;
        if let Some(id) = self.one("contains") {
            keywords.push(Keyword::Contains { id, count: Bounds { least: count.least.or(Some(1)), ..count } });
        }
        Ok(keywords)
    }

    fn of_objects(&mut self) -> Result<Vec<Keyword>, Refusal> {
        let mut keywords = Vec::new();
        if let Some(value) = self.schema.get("required") {
            keywords.push(Keyword::Required(self.names("required", value)?));
        }
        if let Some(value) = self.schema.get("dependentRequired") {
            let Value::Object(all) = value else { return Err(self.wrong("dependentRequired", "an object", value)) };
            let all = all.iter().map(|(name, value)| Ok((name.clone(), self.names("dependentRequired", value)?)));
            keywords.push(Keyword::DependentRequired(all.collect::<Result<_, Refusal>>()?));
        }
        keywords.extend(self.counted("minProperties", "maxProperties", Keyword::PropertyCount)?);
        keywords.extend(self.one("propertyNames").map(Keyword::PropertyNames));
        let named = self.named("properties")?;
        let mut patterns = Vec::new();
        for (text, id) in self.named("patternProperties")?.unwrap_or_default() {
            patterns.push((self.pattern("patternProperties", &text)?, id));
        }
        let others = self.one("additionalProperties");
        if named.is_some() || !patterns.is_empty() || others.is_some() {
            keywords.push(Keyword::Properties { named: named.unwrap_or_default(), patterns, others });
        }
        keywords.extend(self.named("dependentSchemas")?.map(Keyword::DependentSchemas));
        Ok(keywords)
    }

    fn of_schemas(&mut self) -> Result<Vec<Keyword>, Refusal> {
        let mut keywords = Vec::new();
        match self.schema.get("$ref") {
            None => {}
            Some(Value::String(reference)) => {
                keywords.push(Keyword::Ref(self.compiler.referred(&format!("{}/$ref", self.at), reference)?));
            }
            Some(other) => return Err(self.wrong("$ref", "a string", other)),
        }
        let makers: [Maker<Vec<Id>>; 3] = [("allOf", Keyword::AllOf), ("anyOf", Keyword::AnyOf), ("oneOf", Keyword::OneOf)];
        for (name, make) in makers {
            keywords.extend(self.schemas(name)?.map(make));
        }
        keywords.extend(self.one("not").map(Keyword::Not));
        let (then, otherwise) = (self.one("then"), self.one("else"));
        keywords.extend(self.one("if").map(|test| Keyword::If { test, then, otherwise }));
        Ok(keywords)
    }

    fn names(&self, keyword: &str, value: &Value) -> Result<Vec<String>, Refusal> {
        let wrong = || self.wrong(keyword, "an array of names", value);
        let Value::Array(names) = value else { return Err(wrong()) };
        let name = |value: &Value| if let Value::String(name) = value { Some(name.clone()) } else { None };
        names.iter().map(name).collect::<Option<_>>().ok_or_else(wrong)
    }

    fn one(&mut self, name: &str) -> Option<Id> {
        let value = self.schema.get(name)?;
        Some(self.compiler.id(format!("{}/{name}", self.at), value))
    }

    fn schemas(&mut self, name: &str) -> Result<Option<Vec<Id>>, Refusal> {
        let Some(value) = self.schema.get(name) else { return Ok(None) };
        let Value::Array(values) = value else { return Err(self.wrong(name, "an array of schemas", value)) };
        if values.is_empty() {
            return Err(self.wrong(name, "an array of at least one schema", value));
        }
        let ids = values.iter().enumerate().map(|(index, value)| self.compiler.id(format!("{}/{name}/{index}", self.at), value));
        Ok(Some(ids.collect()))
    }

    fn named(&mut self, name: &str) -> Result<Option<BTreeMap<String, Id>>, Refusal> {
        let Some(value) = self.schema.get(name) else { return Ok(None) };
        let Value::Object(values) = value else { return Err(self.wrong(name, "an object of schemas", value)) };
        let ids = values.iter().map(|(key, value)| {
            let at = format!("{}/{name}/{}", self.at, escaped(key));
            (key.clone(), self.compiler.id(at, value))
        });
        Ok(Some(ids.collect()))
    }
}
