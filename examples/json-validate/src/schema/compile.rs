//! From the schema's JSON to what can be asked; what it does not know it refuses by name.

use super::keyword::keywords;
use super::{Id, Keyword, Node, Schema, cycle};
use crate::pointer;
use crate::value::Value;
use alloc::collections::BTreeMap;
use alloc::{format, string::String, vec::Vec};

/// Why a schema is refused: where, and what.
pub(crate) type Refusal = String;

/// Makes a schema ready.
///
/// # Errors
/// What cannot be, by its place in the schema.
pub(crate) fn compile(root: &Value) -> Result<Schema, Refusal> {
    let mut compiler = Compiler { root, anchors: BTreeMap::new(), ids: BTreeMap::new(), nodes: Vec::new(), waiting: Vec::new() };
    compiler.find_anchors(root, "")?;
    compiler.id(String::new(), root);
    // What is referred to becomes a node of its own, so a schema may refer to itself.
    while let Some((id, at, value)) = compiler.waiting.pop() {
        let node = compiler.node(&at, value)?;
        if let Some(place) = compiler.nodes.get_mut(id) {
            *place = node;
        }
    }
    // Definitions that nobody refers to are looked at too: a mistake there is one.
    compiler.definitions(root, "")?;
    while let Some((id, at, value)) = compiler.waiting.pop() {
        let node = compiler.node(&at, value)?;
        if let Some(place) = compiler.nodes.get_mut(id) {
            *place = node;
        }
    }
    let schema = Schema { nodes: compiler.nodes };
    match cycle::find(&schema) {
        None => Ok(schema),
        Some(id) => {
            let place = compiler.ids.iter().find(|(_, known)| **known == id).map_or("", |(place, _)| place.as_str());
            Err(format!("#{place}: refers to itself without going into the document, so that it has no end"))
        }
    }
}

pub(super) struct Compiler<'a> {
    root: &'a Value,
    /// The schemas that have a name.
    anchors: BTreeMap<&'a str, (String, &'a Value)>,
    /// The schemas that are known, by their place.
    ids: BTreeMap<String, Id>,
    nodes: Vec<Node>,
    waiting: Vec<(Id, String, &'a Value)>,
}

impl<'a> Compiler<'a> {
    /// The schema at this place; made when the ones before it are.
    pub(super) fn id(&mut self, at: String, value: &'a Value) -> Id {
        if let Some(id) = self.ids.get(&at) {
            return *id;
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.ids.insert(at.clone(), id);
        self.waiting.push((id, at, value));
        id
    }

    fn node(&mut self, at: &str, value: &'a Value) -> Result<Node, Refusal> {
        let keywords = match value {
            Value::Bool(true) => Vec::new(),
            Value::Bool(false) => [Keyword::Nothing].into(),
            Value::Object(schema) => keywords(self, at, schema)?,
            other => return Err(format!("#{at}: a schema is an object or a boolean, not {}", other.kind())),
        };
        Ok(Node { keywords })
    }

    /// The schema that a `$ref` names.
    pub(super) fn referred(&mut self, at: &str, reference: &str) -> Result<Id, Refusal> {
        let own = if let Value::Object(root) = self.root { root.get("$id") } else { None };
        let own = if let Some(Value::String(id)) = own { id.trim_end_matches('#') } else { "" };
        let Some(fragment) =
            reference.strip_prefix(own).unwrap_or(reference).strip_prefix('#').or((reference == own).then_some(""))
        else {
            return Err(format!("#{at}: \"{}\" is not in this schema, and others are not fetched", reference.escape_debug()));
        };
        let nothing = || format!("#{at}: there is no \"{}\"", reference.escape_debug());
        if fragment.is_empty() {
            return Ok(self.id(String::new(), self.root));
        }
        if let Some((place, value)) = self.anchors.get(fragment).cloned() {
            return Ok(self.id(place, value));
        }
        let (mut place, mut value) = (String::new(), self.root);
        for step in pointer::steps(fragment).ok_or_else(nothing)? {
            let next = match value {
                Value::Object(properties) => properties.get(&step),
                Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            value = next.ok_or_else(nothing)?;
            place = format!("{place}/{}", pointer::escaped(&step));
        }
        Ok(self.id(place, value))
    }

    /// Anchors can be used before they stand; those in values that are not schemas (`enum`, `const`) are none.
    fn find_anchors(&mut self, value: &'a Value, at: &str) -> Result<(), Refusal> {
        match value {
            Value::Object(schema) => {
                // In a schema of its own base URI names and pointers mean something else.
                for (name, is_root) in [("$id", at.is_empty()), ("$dynamicAnchor", false)] {
                    if matches!(schema.get(name), Some(Value::String(_))) && !is_root {
                        return Err(super::keyword::not_supported(at, name));
                    }
                }
                if let Some(Value::String(name)) = schema.get("$anchor") {
                    if self.anchors.insert(name, (at.into(), value)).is_some() {
                        return Err(format!("#{at}/$anchor: \"{}\" is there twice", name.escape_debug()));
                    }
                }
                let schemas =
                    schema.iter().filter(|(name, _)| !matches!(name.as_str(), "enum" | "const" | "default" | "examples"));
                for (name, value) in schemas {
                    self.find_anchors(value, &format!("{at}/{}", pointer::escaped(name)))?;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.find_anchors(item, &format!("{at}/{index}"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn definitions(&mut self, schema: &'a Value, at: &str) -> Result<(), Refusal> {
        let Value::Object(schema) = schema else { return Ok(()) };
        for (name, definitions) in schema.iter().filter(|(name, _)| matches!(name.as_str(), "$defs" | "definitions")) {
            let Value::Object(definitions) = definitions else {
                return Err(format!("#{at}/{name}: must be an object of schemas, not {}", definitions.kind()));
            };
            for (definition, value) in definitions {
                let at = format!("{at}/{name}/{}", pointer::escaped(definition));
                self.definitions(value, &at)?;
                self.id(at, value);
            }
        }
        Ok(())
    }
}
