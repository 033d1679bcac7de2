//! The contexts of a VM: roots, each of a plugin, and the streams of each root.

use super::events::{Event, EventId, Events};
use super::{PluginSettings, StreamKey, VmHost};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// A context of a VM.
#[derive(Clone, Debug)]
pub(crate) enum Context {
    Root(Rc<Root>),
    Stream { key: StreamKey, root: Rc<Root> },
}

impl Context {
    /// Its root, or itself.
    pub(crate) fn root(&self) -> &Rc<Root> {
        match self {
            Self::Root(root) | Self::Stream { root, .. } => root,
        }
    }

    pub(crate) fn stream(&self) -> Option<StreamKey> {
        match self {
            Self::Root(_) => None,
            Self::Stream { key, .. } => Some(*key),
        }
    }
}

/// A plugin in a VM: what it was configured with, and its timer.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) id: u32,
    /// The VM that it is in.
    vm: u32,
    pub(crate) plugin: Rc<PluginSettings>,
    /// How often it ticks, and when next.
    timer: Cell<Option<Timer>>,
    /// `proxy_on_done` has answered false, and `proxy_done` has not been called yet (LIF-20).
    waits_for_done: Cell<bool>,
    /// The code and message of its last callout that failed (STA-2, STA-4).
    status: RefCell<(u32, Vec<u8>)>,
}

/// A root's tick.
#[derive(Clone, Copy, Debug)]
struct Timer {
    period: Duration,
    next: EventId,
}

impl Root {
    /// Whether it will tick.
    pub(crate) fn ticks(&self) -> bool {
        self.timer.get().is_some()
    }

    /// TIM-1: replaces the timer; 0 stops it.
    pub(crate) fn set_timer(&self, events: &Events, period: Duration) {
        self.stop_timer(events);
        if !period.is_zero() {
            let next = events.schedule(period, Event::Tick { vm: self.vm, root: self.id });
            self.timer.set(Some(Timer { period, next }));
        }
    }

    /// Makes the tick that is due. TIM-3: the period counts from its end, unless it has set another.
    pub(crate) fn tick(&self, events: &Events, tick: impl FnOnce()) {
        let Some(due) = self.timer.get() else { return };
        tick();
        if self.timer.get().is_some_and(|timer| timer.next == due.next) {
            self.set_timer(events, due.period);
        }
    }

    fn stop_timer(&self, events: &Events) {
        if let Some(timer) = self.timer.take() {
            events.cancel(timer.next);
        }
    }

    /// What `proxy_get_status` says of it.
    pub(super) fn status(&self) -> (u32, Vec<u8>) {
        self.status.borrow().clone()
    }

    pub(super) fn set_status(&self, code: u32, message: &[u8]) {
        self.status.replace((code, message.to_vec()));
    }

    pub(crate) fn wait_for_done(&self) {
        self.waits_for_done.set(true);
    }

    pub(crate) fn is_waiting_for_done(&self) -> bool {
        self.waits_for_done.get()
    }

    /// LIF-11: plugins that agree in these share a root.
    fn serves(&self, plugin: &PluginSettings) -> bool {
        !self.is_waiting_for_done() && self.plugin.shares_root_with(plugin)
    }
}

impl VmHost {
    /// CTX-1: ids count up from 1, shared by roots and streams.
    fn next_id(&self) -> u32 {
        let id = self.next_context_id.get();
        self.next_context_id.set(id + 1);
        id
    }

    pub(crate) fn new_root(&self, plugin: &Rc<PluginSettings>) -> Rc<Root> {
        let root = Rc::new(Root {
            id: self.next_id(),
            vm: self.id,
            plugin: Rc::clone(plugin),
            timer: Cell::new(None),
            waits_for_done: Cell::new(false),
            status: RefCell::default(),
        });
        self.contexts.borrow_mut().insert(root.id, Context::Root(Rc::clone(&root)));
        root
    }

    pub(crate) fn new_stream(&self, key: StreamKey, root: &Rc<Root>) -> u32 {
        let id = self.next_id();
        self.contexts.borrow_mut().insert(id, Context::Stream { key, root: Rc::clone(root) });
        id
    }

    /// The root that serves a plugin with these settings, if there is one.
    pub(crate) fn root_of(&self, plugin: &PluginSettings) -> Option<Rc<Root>> {
        self.roots().into_iter().find(|root| root.serves(plugin))
    }

    pub(crate) fn root_by_id(&self, id: u32) -> Option<Rc<Root>> {
        match self.contexts.borrow().get(&id)? {
            Context::Root(root) => Some(Rc::clone(root)),
            Context::Stream { .. } => None,
        }
    }

    /// All roots, in the order of their ids.
    pub(crate) fn roots(&self) -> Vec<Rc<Root>> {
        let roots = |context: &Context| match context {
            Context::Root(root) => Some(Rc::clone(root)),
            Context::Stream { .. } => None,
        };
        self.contexts.borrow().values().filter_map(roots).collect()
    }

    /// `proxy_done` (LIF-22): whether the context that hostcalls act on is a root that was waiting for it.
    pub(super) fn done(&self) -> bool {
        let contexts = self.contexts.borrow();
        let Some(Context::Root(root)) = contexts.get(&self.effective.get()) else { return false };
        let waited = root.waits_for_done.replace(false);
        if waited {
            self.done.borrow_mut().push(Rc::clone(root));
        }
        waited
    }

    /// The roots that have called `proxy_done`, to be deleted.
    pub(crate) fn take_done(&self) -> Vec<Rc<Root>> {
        self.done.take()
    }

    pub(crate) fn delete_context(&self, id: u32) {
        if let Some(Context::Root(root)) = self.contexts.borrow_mut().remove(&id) {
            root.stop_timer(&self.state.events);
            self.state.cancel_http_calls(self.id, Some(id));
            self.state.cancel_grpc_of(self.id, Some(id));
        }
        self.declarations.forget(id);
        self.expressions.forget(id);
    }
}
