//! What an expression asks for of a stream: the paths in its text, and their values, which are those of properties.

use super::VmHost;
use cel::Value;
use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::objects::{Key, Map, Opaque};
use proxy_filter_abi::{Host, Pairs, Status};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// `request.headers['x-role']`, by its parts.
pub(super) type Path = Vec<String>;

/// A value that expressions can only pass on: a time, a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded(pub(super) Vec<u8>);

impl Opaque for Encoded {
    fn runtime_type_name(&self) -> &str {
        "property"
    }
}

/// The path that the expression is, if it is one.
pub(super) fn path(expression: &IdedExpr) -> Option<Path> {
    match &expression.expr {
        Expr::Ident(name) => Some(vec![name.clone()]),
        Expr::Select(select) if !select.test => below(&select.operand, &select.field),
        Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
            [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => below(operand, key.inner()),
            _ => None,
        },
        _ => None,
    }
}

fn below(operand: &IdedExpr, field: &str) -> Option<Path> {
    let mut path = path(operand)?;
    path.push(field.to_owned());
    Some(path)
}

/// The longest paths in an expression.
pub(super) fn asked_for(expression: &IdedExpr) -> Vec<Path> {
    let mut paths = Vec::new();
    collect(expression, &mut paths);
    paths.sort();
    paths.dedup();
    paths
}

/// Whether it asks for the type of something, which the library gives as a text.
pub(super) fn is_type(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Call(call) if call.func_name == "type")
}

/// How many loops are nested: `all`, `exists`, `map` and the like.
pub(super) fn loops(expression: &IdedExpr) -> usize {
    let most = |parts: &[&IdedExpr]| parts.iter().map(|part| loops(part)).max().unwrap_or_default();
    match &expression.expr {
        // What is looped over is made once, before the loop.
        Expr::Comprehension(all) => {
            most(&[&all.iter_range, &all.accu_init, &all.result]).max(1 + most(&[&all.loop_cond, &all.loop_step]))
        }
        _ => most(&parts(expression)),
    }
}

fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Select(select) => vec![&select.operand],
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Comprehension(all) => vec![&all.iter_range, &all.accu_init, &all.loop_cond, &all.loop_step, &all.result],
        _ => Vec::new(),
    }
}

fn collect(expression: &IdedExpr, paths: &mut Vec<Path>) {
    if let Some(path) = path(expression) {
        paths.push(path);
        return;
    }
    // `has(a.b)`
    if let Expr::Select(select) = &expression.expr
        && let Some(path) = below(&select.operand, &select.field)
    {
        paths.push(path);
        return;
    }
    parts(expression).into_iter().for_each(|part| collect(part, paths));
}

/// The property's value as it crosses to a plugin.
pub(super) fn encoded(host: &VmHost, path: &[String]) -> Result<Vec<u8>, Status> {
    host.proxy_get_property(path.join("\0").as_bytes())
}

/// The groups of attributes, which are there whatever is in them.
const GROUPS: &[&str] =
    &["request", "response", "source", "destination", "connection", "upstream", "metadata", "filter_state", "xds"];

/// A variable, or a part of one, that is being put together.
enum Node {
    Group(BTreeMap<String, Node>),
    Value(Value),
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Group(fields) => {
                let fields = fields.into_iter().map(|(name, node)| (Key::String(Arc::new(name)), node.into_value()));
                Value::Map(Map { map: Arc::new(fields.collect::<HashMap<_, _>>()) })
            }
        }
    }
}

/// How many elements the largest map among them has.
pub(super) fn longest(variables: &[(String, Value)]) -> usize {
    fn within(value: &Value) -> usize {
        match value {
            Value::Map(map) => map.map.values().map(within).fold(map.map.len(), usize::max),
            _ => 0,
        }
    }
    variables.iter().map(|(_, value)| within(value)).max().unwrap_or_default()
}

/// The variables that these paths need, as far as they are there now.
pub(super) fn read(host: &VmHost, paths: &[Path]) -> Vec<(String, Value)> {
    let mut variables: BTreeMap<String, Node> = BTreeMap::new();
    for path in paths {
        let Some((root, _)) = path.split_first() else { continue };
        if GROUPS.contains(&root.as_str()) && (root == "xds" || host.has_stream()) {
            variables.entry(root.clone()).or_insert_with(|| Node::Group(BTreeMap::new()));
        }
        // The whole of it, or as much of it as there is: `request.headers` of `request.headers.nope`.
        let found = (1..=path.len()).rev().find_map(|length| Some((&path[..length], value(host, &path[..length])?)));
        if let Some((path, value)) = found {
            insert(&mut variables, path, value);
        }
    }
    variables.into_iter().map(|(name, node)| (name, node.into_value())).collect()
}

fn insert(nodes: &mut BTreeMap<String, Node>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            nodes.insert(name.clone(), Node::Value(value));
        }
        [name, rest @ ..] => match nodes.entry(name.clone()).or_insert_with(|| Node::Group(BTreeMap::new())) {
            Node::Group(fields) => insert(fields, rest, value),
            // A whole map is there, which has it.
            Node::Value(_) => {}
        },
    }
}

/// What a property is, of the types that expressions know.
fn value(host: &VmHost, path: &[String]) -> Option<Value> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let bytes = match (encoded(host, path), parts.as_slice()) {
        (Ok(bytes), _) => bytes,
        // They are maps before there is anything in them.
        (Err(_), ["request" | "response", "headers" | "trailers"]) => vec![0; 4],
        _ => return None,
    };
    let number = || Some(u64::from_le_bytes(*bytes.first_chunk()?));
    Some(match parts.as_slice() {
        ["request", "size" | "total_size"]
        | ["response", "code" | "flags" | "grpc_status" | "size" | "total_size"]
        | ["source" | "destination" | "upstream", "port"]
        | ["upstream", "request_attempt_count"]
        | ["xds", "listener_direction"] => Value::Int(number()?.cast_signed()),
        ["connection", "id"] | ["connection_id"] => Value::UInt(number()?),
        ["connection", "mtls"] => Value::Bool(bytes.first() != Some(&0)),
        ["request" | "response", "headers" | "trailers"] => map(&bytes)?,
        ["request", "time" | "duration"] | ["response", "backend_latency"] | ["upstream", "cx_pool_ready_duration"] => {
            Value::Opaque(Arc::new(Encoded(bytes)))
        }
        ["metadata"] | ["xds", "cluster_metadata" | "route_metadata" | "listener_metadata" | "virtual_host_metadata"] => {
            Value::Opaque(Arc::new(Encoded(bytes)))
        }
        ["filter_state", key] if !key.starts_with("wasm.") || host.is_text(&key["wasm.".len()..]) => text(bytes),
        ["filter_state", _] => Value::Bytes(Arc::new(bytes)),
        [group, ..] if GROUPS.contains(group) || group.starts_with("plugin_") => text(bytes),
        [name] if host.is_text(name) => text(bytes),
        _ => Value::Bytes(Arc::new(bytes)),
    })
}

fn text(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::String(Arc::new(text)),
        Err(error) => Value::Bytes(Arc::new(error.into_bytes())),
    }
}

fn map(bytes: &[u8]) -> Option<Value> {
    let pairs = Pairs::parse(bytes).ok()?;
    let shown = |bytes: &[u8]| Arc::new(String::from_utf8_lossy(bytes).into_owned());
    let entries = pairs.iter().map(|(key, value)| (Key::String(shown(key)), Value::String(shown(value))));
    Some(Value::Map(Map { map: Arc::new(entries.collect::<HashMap<_, _>>()) }))
}
