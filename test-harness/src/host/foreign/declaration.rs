//! `declare_property` (FOR-10): how a property that `proxy_set_property` sets is kept.

use super::{Answer, VmHost};
use proxy_filter_abi::protobuf::{Field, fields};
use proxy_filter_abi::{Host, Status};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What contexts have declared: the context, the property's path, and whether it can be set once only.
#[derive(Debug, Default)]
pub(crate) struct Declarations(RefCell<BTreeMap<(u32, Vec<u8>), bool>>);

impl Declarations {
    /// Whether this root has declared the property as one that is set once.
    fn is_read_only(&self, root: u32, path: &[u8]) -> bool {
        self.0.borrow().get(&(root, path.to_vec())).copied().unwrap_or_default()
    }

    pub(crate) fn forget(&self, context: u32) {
        self.0.borrow_mut().retain(|(other, _), _| *other != context);
    }
}

/// How many properties the contexts of a VM can declare; Envoy has no limit.
const MOST: usize = 10_000;

pub(super) fn declare(host: &VmHost, arguments: &[u8]) -> Answer {
    let (mut name, mut read_only) = (Vec::new(), false);
    for field in fields(arguments) {
        match field {
            Ok((1, Field::Bytes(bytes))) if std::str::from_utf8(bytes).is_ok() => name = bytes.to_vec(),
            Ok((2, Field::Varint(value))) => read_only = value != 0,
            Ok((1, Field::Bytes(_))) | Err(_) => {
                return Err(host.refuse("the arguments are no DeclarePropertyArguments", Status::BadArgument));
            }
            // Type, schema and span: how long it lives, and how an expression sees it.
            Ok(_) => {}
        }
    }
    // The context whose callback runs, whatever the effective one is; only a root's declarations count.
    let context = host.running.get().map_or(0, |callback| callback.context_id());
    let mut declared = host.declarations.0.borrow_mut();
    if declared.contains_key(&(context, name.clone())) {
        return Err(host.refuse("this property is declared already", Status::BadArgument));
    }
    if declared.len() >= MOST {
        return Err(host.refuse("the VM has declared 10,000 properties, where the mock proxy stops", Status::InternalFailure));
    }
    declared.insert((context, name), read_only);
    Ok(Vec::new())
}

impl VmHost {
    /// PRO-17: whether the property was declared to be set once, and is set.
    pub(in crate::host) fn is_set_for_good(&self, path: &[u8]) -> bool {
        let declared = self.root().is_some_and(|root| self.declarations.is_read_only(root.id, path));
        declared && self.proxy_get_property(&[b"filter_state\0wasm.", path].concat()).is_ok()
    }
}
