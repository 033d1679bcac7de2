//! `declare_property` (FOR-10): how a property that `proxy_set_property` sets is kept.

use super::{Answer, VmHost};
use crate::lint::Lint;
use proxy_filter_abi::Status;
use proxy_filter_abi::protobuf::{Field, fields};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What contexts have declared: the context, and the property's path.
#[derive(Debug, Default)]
pub(crate) struct Declarations(RefCell<BTreeMap<(u32, Vec<u8>), Declaration>>);

#[derive(Clone, Copy, Debug, Default)]
struct Declaration {
    /// It can be set once only.
    read_only: bool,
    /// An expression sees a text, and not bytes.
    #[cfg_attr(not(feature = "cel"), allow(dead_code, reason = "only expressions ask"))]
    text: bool,
    /// It is declared as FlatBuffers, and of what is not said.
    without_schema: bool,
}

impl Declarations {
    /// What this root has declared of the property.
    fn of(&self, root: u32, path: &[u8]) -> Declaration {
        self.0.borrow().get(&(root, path.to_vec())).copied().unwrap_or_default()
    }

    pub(crate) fn forget(&self, context: u32) {
        self.0.borrow_mut().retain(|(other, _), _| *other != context);
    }
}

/// What `proxy_set_property` sets, as a property of the filter state.
const KEY: &[u8] = b"filter_state\0wasm.";

/// How many properties the contexts of a VM can declare; Envoy has no limit.
const MOST: usize = 10_000;

pub(super) fn declare(host: &VmHost, arguments: &[u8]) -> Answer {
    let (mut name, mut declaration, mut has_schema) = (Vec::new(), Declaration::default(), false);
    for field in fields(arguments) {
        match field {
            Ok((1, Field::Bytes(bytes))) if std::str::from_utf8(bytes).is_ok() => name = bytes.to_vec(),
            Ok((2, Field::Varint(value))) => declaration.read_only = value != 0,
            Ok((3, Field::Varint(value))) => {
                declaration.text = value == 1;
                declaration.without_schema = value == 2;
            }
            Ok((4, Field::Bytes(schema))) if !schema.is_empty() => has_schema = true,
            Ok((1, Field::Bytes(_))) | Err(_) => {
                return Err(host.refuse("the arguments are no DeclarePropertyArguments", Status::BadArgument));
            }
            // The span: how long it lives.
            Ok(_) => {}
        }
    }
    declaration.without_schema &= !has_schema;
    // The context whose callback runs, whatever the effective one is; only a root's declarations count.
    let context = host.running.get().map_or(0, |callback| callback.context_id());
    let mut declared = host.declarations.0.borrow_mut();
    if declared.contains_key(&(context, name.clone())) {
        return Err(host.refuse("this property is declared already", Status::BadArgument));
    }
    if declared.len() >= MOST {
        return Err(host.refuse("the VM has declared 10,000 properties, where the mock proxy stops", Status::InternalFailure));
    }
    declared.insert((context, name), declaration);
    Ok(Vec::new())
}

impl VmHost {
    /// PRO-17: whether the property was declared to be set once, and is set.
    pub(in crate::host) fn is_set_for_good(&self, path: &[u8]) -> bool {
        let declared = self.root().is_some_and(|root| self.declarations.of(root.id, path).read_only);
        declared && self.get_property(&[KEY, path].concat()).is_ok()
    }
}

impl VmHost {
    /// FOR-17: a property that was read and is there may be one that Envoy does not survive.
    pub(in crate::host) fn note_read(&self, path: &[u8]) {
        let Some((name, root)) = path.strip_prefix(KEY).zip(self.root()) else { return };
        if self.declarations.of(root.id, name).without_schema {
            self.state().found(Lint::FlatBuffersWithoutSchema, Some(self.plugin().name.clone()));
        }
    }
}

#[cfg(feature = "cel")]
impl VmHost {
    /// Whether an expression sees the property as a text.
    pub(super) fn is_text(&self, name: &str) -> bool {
        self.root().is_some_and(|root| self.declarations.of(root.id, name.as_bytes()).text)
    }
}
