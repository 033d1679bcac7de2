//! `expr_create`, `expr_evaluate`, `expr_delete` (FOR-5, FOR-7): expressions in CEL over the properties of a stream.

use super::attributes::{self, Path};
use super::{Answer, VmHost};
use cel::objects::Key;
use cel::{Context, Env, Program, Value};
use proxy_filter_abi::{Status, pairs};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// The expressions of a VM: each belongs to a root, by its token.
#[derive(Debug, Default)]
pub(crate) struct Expressions {
    parsed: RefCell<BTreeMap<(u32, u32), Rc<Expression>>>,
    /// The next token of each root.
    next: RefCell<BTreeMap<u32, u32>>,
}

struct Expression {
    program: Program,
    /// What it asks for of the stream.
    paths: Vec<Path>,
    /// It is nothing but an attribute.
    attribute: Option<Path>,
}

impl Expression {
    /// Whether its loops, each over as many elements as the expression or a variable can have, are too many rounds for a test.
    fn may_not_end(&self, longest: usize) -> bool {
        let elements = longest.max(self.program.source_info().source.len());
        let loops = u32::try_from(attributes::loops(self.program.expression())).unwrap_or(u32::MAX);
        loops > 1 && elements.saturating_pow(loops) > MOST_ROUNDS
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.program.source_info().source)
    }
}

impl Expressions {
    pub(crate) fn forget(&self, root: u32) {
        self.parsed.borrow_mut().retain(|(other, _), _| *other != root);
        self.next.borrow_mut().remove(&root);
    }
}

/// How many expressions a VM may have; Envoy has no limit.
const MOST: usize = 10_000;
/// How long an expression may be, in bytes.
const LONGEST: usize = 64 << 10;
/// How many rounds nested loops may come to, counted as if each went over the longest that there is.
const MOST_ROUNDS: usize = 1_000_000;

/// The functions of Envoy's expressions that the mock host has.
const FUNCTIONS: &[&str] =
    &["bool", "bytes", "contains", "double", "dyn", "endsWith", "int", "matches", "size", "startsWith", "string", "type", "uint"];

/// Those that it has not: the library's time comes with a database of time zones, which is more than the mock host wants to carry.
const OF_TIME: &[&str] = &[
    "duration",
    "timestamp",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];

fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| Arc::new(Env::stdlib()))
}

pub(super) fn create(host: &VmHost, text: &[u8]) -> Answer {
    let refuse = |problem: String| Err(host.refuse(problem, Status::BadArgument));
    let Ok(text) = std::str::from_utf8(text) else { return refuse("the expression is not UTF-8".to_owned()) };
    if text.len() > LONGEST {
        return refuse(format!("the expression has {} bytes; the mock proxy stops at {LONGEST}", text.len()));
    }
    let program = match environment().compile(text) {
        Ok(program) => program,
        Err(error) => return refuse(format!("{text:?} is no expression: {error}")),
    };
    for function in program.references().functions() {
        let is_operator = !function.starts_with(|first: char| first.is_ascii_alphabetic());
        // Optional values are off in Envoy.
        let is_optional = is_operator && function.contains('?') && function != "_?_:_";
        if OF_TIME.contains(&function) {
            return refuse(format!("{function} is a function of Envoy's, but none of the mock proxy's: it has no times"));
        }
        if is_optional || !is_operator && !FUNCTIONS.contains(&function) {
            return refuse(format!("Envoy's expressions have no function {function}"));
        }
    }
    let root = host.running_root();
    let expressions = &host.expressions;
    if expressions.parsed.borrow().len() >= MOST {
        return Err(host.refuse(format!("the VM has {MOST} expressions, where the mock proxy stops"), Status::InternalFailure));
    }
    let (paths, attribute) = (attributes::asked_for(program.expression()), attributes::path(program.expression()));
    let mut next = expressions.next.borrow_mut();
    let token = next.entry(root).or_default();
    expressions.parsed.borrow_mut().insert((root, *token), Rc::new(Expression { program, paths, attribute }));
    *token += 1;
    Ok((*token - 1).to_le_bytes().to_vec())
}

fn token(argument: &[u8]) -> Option<u32> {
    argument.try_into().ok().map(u32::from_le_bytes)
}

pub(super) fn evaluate(host: &VmHost, argument: &[u8]) -> Answer {
    let Some(token) = token(argument) else {
        return Err(host.refuse("a token has 4 bytes", Status::BadArgument));
    };
    let expression = host.expressions.parsed.borrow().get(&(host.running_root(), token)).cloned();
    let Some(expression) = expression else {
        return Err(host.refuse("the root has no expression of this token", Status::NotFound));
    };
    host.as_running(|| {
        if let Some(path) = &expression.attribute {
            return match attributes::encoded(host, path) {
                Err(Status::NotFound) => Err(host.refuse(format!("there is no {} now", path.join(".")), Status::InternalFailure)),
                answer => answer,
            };
        }
        if attributes::is_type(expression.program.expression()) {
            return Err(host.refuse("a type has no encoding", Status::SerializationFailure));
        }
        let variables = attributes::read(host, &expression.paths);
        if expression.may_not_end(attributes::longest(&variables)) {
            return Err(host.refuse("its loops may take too long, where the mock proxy stops", Status::InternalFailure));
        }
        let mut context = Context::with_env(Arc::clone(environment()));
        for (name, value) in variables {
            context.add_variable_from_value(name, value);
        }
        let value =
            expression.program.execute(&context).map_err(|error| host.refuse(error.to_string(), Status::InternalFailure))?;
        encode(&value).ok_or_else(|| host.refuse(format!("{value:?} has no encoding"), Status::SerializationFailure))
    })
}

pub(super) fn delete(host: &VmHost, argument: &[u8]) -> Answer {
    let Some(token) = token(argument) else {
        return Err(host.refuse("a token has 4 bytes", Status::BadArgument));
    };
    host.expressions.parsed.borrow_mut().remove(&(host.running_root(), token));
    Ok(Vec::new())
}

/// A value as a property of its type (PRO-5, PRO-8, SER-3, SER-7).
fn encode(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Int(number) => number.to_le_bytes().to_vec(),
        Value::UInt(number) => number.to_le_bytes().to_vec(),
        Value::Float(number) => number.to_le_bytes().to_vec(),
        Value::Bool(bool) => vec![u8::from(*bool)],
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Opaque(opaque) => opaque.downcast_ref::<attributes::Encoded>()?.0.clone(),
        Value::List(list) => {
            let elements: Vec<Vec<u8>> = list.iter().map(encode).collect::<Option<_>>()?;
            of_pairs(&elements.iter().map(|element| (element.clone(), Vec::new())).collect::<Vec<_>>())
        }
        Value::Map(map) => {
            let mut entries: Vec<(Vec<u8>, Vec<u8>)> =
                map.map.iter().map(|(key, value)| Some((encode_key(key), encode(value)?))).collect::<Option<_>>()?;
            entries.sort();
            of_pairs(&entries)
        }
        _ => return None,
    })
}

fn of_pairs(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    if entries.is_empty() { vec![0; 4] } else { pairs::encode(entries.iter().map(|(key, value)| (key, value))) }
}

fn encode_key(key: &Key) -> Vec<u8> {
    match key {
        Key::Int(number) => number.to_le_bytes().to_vec(),
        Key::Uint(number) => number.to_le_bytes().to_vec(),
        Key::Bool(bool) => vec![u8::from(*bool)],
        Key::String(text) => text.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{MockProxy, Spy};
    use proxy_filter_abi::{Callback, Host, Status};

    /// What comes of an expression in a request's headers.
    fn evaluate(text: String) -> Result<Vec<u8>, Status> {
        let answer = std::rc::Rc::new(std::cell::RefCell::new(Err(Status::Empty)));
        let told = std::rc::Rc::clone(&answer);
        let spy = Spy::acting("asks", move |callback, host: &dyn Host| {
            if let Callback::proxy_on_request_headers { .. } = callback {
                let call = |name: &[u8], arguments: &[u8]| host.proxy_call_foreign_function(name, arguments);
                *told.borrow_mut() = call(b"expr_create", text.as_bytes()).and_then(|token| call(b"expr_evaluate", &token));
            }
            None
        });
        let proxy = MockProxy::new(spy.plugin()).unwrap();
        drop(proxy.send(http::Request::get("http://shop.example/").body("").unwrap()));
        answer.replace(Err(Status::Empty))
    }

    #[test]
    fn loops_that_would_not_end_are_refused() {
        let list = |elements: usize| format!("[{}]", vec!["1"; elements].join(","));
        let (true_, refused) = (Ok(vec![1]), Err(Status::InternalFailure));
        let long = list(10_000);
        assert_eq!(evaluate(format!("{long}.all(x, {long}.all(y, {long}.all(z, true)))")), refused);
        assert_eq!(evaluate(format!("{long}.all(x, true)")), true_);
        assert_eq!(evaluate(format!("{long}.filter(x, x == 1).map(x, x + 1).all(x, x == 2)")), true_, "one after the other");
        let short = list(3);
        assert_eq!(evaluate(format!("{short}.all(x, {short}.all(y, {short}.all(z, x == y && y == z)))")), true_);
    }
}
