//! Shared queues (QUE): items by token, and whom to tell of them.

use super::size_of;
use proxy_filter_abi::Status;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

/// All queues, and the notices that are due.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    by_token: RefCell<BTreeMap<u32, Queue>>,
    last_token: Cell<u32>,
    /// What queues and items take up.
    bytes: Cell<usize>,
    notices: RefCell<VecDeque<Notice>>,
    /// How many notices were taken since the proxy last came to rest.
    taken: Cell<usize>,
}

#[derive(Debug)]
struct Queue {
    vm_id: String,
    name: Vec<u8>,
    items: VecDeque<Vec<u8>>,
    /// The VM and the root that registered it last (QUE-1, QUE-9).
    listener: Option<(u32, u32)>,
}

/// An item was put into a queue, and this root is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) vm: u32,
    pub(crate) root: u32,
    pub(crate) queue: u32,
}

/// A plugin that puts an item back whenever it is told of one is told no more often than this before the proxy goes on with the test.
const MOST_NOTICES: usize = 10_000;

impl Queues {
    /// QUE-1: who registers last is told from now on. `INTERNAL_FAILURE` where all would take up more than `most` bytes.
    pub(crate) fn register(&self, most: usize, vm_id: &str, name: &[u8], listener: Option<(u32, u32)>) -> Result<u32, Status> {
        if let Some(token) = self.resolve(vm_id, name) {
            if let Some(queue) = self.by_token.borrow_mut().get_mut(&token) {
                queue.listener = listener;
            }
            return Ok(token);
        }
        self.take_room(most, size_of(&[vm_id.as_bytes(), name]))?;
        let token = self.last_token.get() + 1;
        self.last_token.set(token);
        let queue = Queue { vm_id: vm_id.to_owned(), name: name.to_vec(), items: VecDeque::new(), listener };
        self.by_token.borrow_mut().insert(token, queue);
        Ok(token)
    }

    /// QUE-3.
    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        let queues = self.by_token.borrow();
        queues.iter().find(|(_, queue)| queue.vm_id == vm_id && queue.name == name).map(|(token, _)| *token)
    }

    /// QUE-8: puts an item at the end, and notes whom to tell.
    pub(crate) fn enqueue(&self, most: usize, token: u32, item: &[u8]) -> Result<(), Status> {
        let mut queues = self.by_token.borrow_mut();
        let queue = queues.get_mut(&token).ok_or(Status::NotFound)?;
        self.take_room(most, size_of(&[item]))?;
        queue.items.push_back(item.to_vec());
        let notice = queue.listener.map(|(vm, root)| Notice { vm, root, queue: token });
        self.notices.borrow_mut().extend(notice);
        Ok(())
    }

    /// QUE-6: takes the first item.
    pub(crate) fn dequeue(&self, token: u32) -> Result<Vec<u8>, Status> {
        let mut queues = self.by_token.borrow_mut();
        let item = queues.get_mut(&token).ok_or(Status::NotFound)?.items.pop_front().ok_or(Status::Empty)?;
        self.give_room(size_of(&[&item]));
        Ok(item)
    }

    /// What is in a queue, first to last.
    pub(crate) fn items(&self, token: u32) -> Vec<Vec<u8>> {
        self.by_token.borrow().get(&token).map(|queue| queue.items.iter().cloned().collect()).unwrap_or_default()
    }

    /// Whether somebody is to be told of an item now.
    pub(crate) fn has_notices(&self) -> bool {
        self.taken.get() < MOST_NOTICES && !self.notices.borrow().is_empty()
    }

    /// Takes the first notice for one of these VMs.
    pub(crate) fn take_notice(&self, of: impl Fn(u32) -> bool) -> Option<Notice> {
        if !self.has_notices() {
            return None;
        }
        let at = self.notices.borrow().iter().position(|notice| of(notice.vm))?;
        self.taken.set(self.taken.get() + 1);
        self.notices.borrow_mut().remove(at)
    }

    /// The proxy has come to rest. Whether there was no end of notices.
    pub(crate) fn rest(&self) -> bool {
        self.taken.replace(0) >= MOST_NOTICES
    }

    /// Drops the queues of this id.
    pub(super) fn forget(&self, vm_id: &str) {
        self.by_token.borrow_mut().retain(|_, queue| {
            if queue.vm_id == vm_id {
                let items: usize = queue.items.iter().map(|item| size_of(&[item])).sum();
                self.give_room(items + size_of(&[vm_id.as_bytes(), &queue.name]));
            }
            queue.vm_id != vm_id
        });
    }

    fn take_room(&self, most: usize, size: usize) -> Result<(), Status> {
        let taken = self.bytes.get() + size;
        if taken > most {
            return Err(Status::InternalFailure);
        }
        self.bytes.set(taken);
        Ok(())
    }

    fn give_room(&self, size: usize) {
        self.bytes.set(self.bytes.get() - size);
    }
}
