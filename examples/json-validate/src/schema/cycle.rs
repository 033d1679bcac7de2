//! Schemas that refer to themselves: in a part of the document they come to an end, in the same value never.

use super::{Id, Keyword, Node, Schema};
use alloc::vec::Vec;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    OnTheWay,
    Done,
}

/// A schema that asks itself about the same value, if there is one.
pub(super) fn find(schema: &Schema) -> Option<Id> {
    let mut seen: Vec<Seen> = schema.nodes.iter().map(|_| Seen::No).collect();
    for start in 0..schema.nodes.len() {
        // Depth first; the second time that one is on top, all below it are done.
        let mut stack: Vec<Id> = [start].into();
        while let Some(id) = stack.last().copied() {
            let Some(state) = seen.get_mut(id) else { break };
            match *state {
                Seen::No => {
                    *state = Seen::OnTheWay;
                    let next = schema.nodes.get(id).map(in_place).unwrap_or_default();
                    for id in next {
                        match seen.get(id) {
                            Some(Seen::OnTheWay) => return Some(id),
                            Some(Seen::No) => stack.push(id),
                            _ => {}
                        }
                    }
                }
                Seen::OnTheWay => {
                    *state = Seen::Done;
                    stack.pop();
                }
                Seen::Done => {
                    stack.pop();
                }
            }
        }
    }
    None
}

/// The schemas that are asked about the same value.
fn in_place(node: &Node) -> Vec<Id> {
    let mut ids = Vec::new();
    for keyword in &node.keywords {
        match keyword {
            Keyword::AllOf(all) | Keyword::AnyOf(all) | Keyword::OneOf(all) => ids.extend(all),
            Keyword::DependentSchemas(all) => ids.extend(all.values()),
            Keyword::Not(id) | Keyword::Ref(id) => ids.push(*id),
            Keyword::If { test, then, otherwise } => ids.extend([Some(*test), *then, *otherwise].into_iter().flatten()),
            _ => {}
        }
    }
    ids
}
