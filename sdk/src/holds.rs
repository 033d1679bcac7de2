//! What a VM knows of its held messages: which context runs, which one hostcalls act on, and which streams hold something.
//!
//! A module that never holds does not link this: [`Sys::hooks`] is nothing until the first hold, which the compiler sees.

use crate::dispatch::{Found, Place, Slots};
use crate::{Error, FailurePolicy, Pause, sys::Sys};
use alloc::{boxed::Box, rc::Rc, vec::Vec};
use core::cell::{Cell, RefCell};
use core::ops::Deref;
use proxy_filter_abi::StreamType;

/// The state, one in each VM.
pub(crate) struct Holds {
    running: Cell<Running>,
    /// The context that hostcalls act on; 0 while no callback runs.
    effective: Cell<u32>,
    streams: Slots<Rc<Stream>>,
    /// What is done to a stream once no callback of another one's message runs.
    later: RefCell<Vec<(u32, Deferred)>>,
    /// The VM is being dropped, so there is no host to talk to.
    closed: Cell<bool>,
}

/// A stream that holds, or has held, a message.
pub(crate) struct Stream {
    id: u32,
    /// It has ended or was answered: nothing of it can be let go.
    over: Cell<bool>,
    /// How many holds keep each half from going on.
    holds: [Cell<u32>; 2],
}

pub(crate) type Deferred = Box<dyn FnOnce(&Sys)>;

/// The callback that runs: its context, and the half of the stream whose message it is about.
#[derive(Clone, Copy, Default)]
struct Running {
    id: u32,
    message: Option<StreamType>,
}

/// What was before a callback came: not nothing when the host re-enters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Outer {
    running: Running,
    effective: u32,
}

/// By function pointer, so that only a module that holds links them and the hostcalls they make.
pub(crate) struct Hooks {
    enter: fn(&Sys, u32, Option<StreamType>) -> Outer,
    leave: fn(&Sys, Outer, u32) -> u32,
    over: fn(&Sys, u32),
    switch: fn(&Sys, u32) -> Result<u32, Error>,
    restore: fn(&Sys, u32),
    settle: fn(Pause, &Sys, Place, FailurePolicy) -> bool,
}

static HOOKS: Hooks = Hooks {
    enter: |sys, id, message| {
        let holds = sys.holds();
        let running = holds.running.replace(Running { id, message });
        let outer = Outer { running, effective: holds.effective.replace(id) };
        holds.catch_up(sys);
        outer
    },
    leave: |sys, outer, answer| {
        let holds = sys.holds();
        holds.effective.set(outer.effective);
        let Running { id, message } = holds.running.replace(outer.running);
        // What is held stays so until its hold is let go, whatever a later callback of the same message answers: one that
        // continues would release the headers too (ACT-5).
        match message {
            Some(message) if answer == 0 && holds.stream(id).is_some_and(|stream| stream.is_held(message)) => 1,
            _ => answer,
        }
    },
    over: |sys, id| {
        let holds = sys.holds();
        if let Some(stream) = holds.stream(id) {
            stream.over.set(true);
            holds.streams.remove(id);
        }
        if let Ok(mut later) = holds.later.try_borrow_mut() {
            later.retain(|(other, _)| *other != id);
        }
    },
    switch: |sys, id| {
        let holds = sys.holds();
        let before = holds.effective.get();
        if before != id {
            sys.proxy_set_effective_context(id)?;
            holds.effective.set(id);
        }
        Ok(before)
    },
    restore: |sys, before| {
        // Outside of every callback there is nothing to go back to.
        if before != 0 && sys.proxy_set_effective_context(before).is_ok() {
            sys.holds().effective.set(before);
        }
    },
    settle: Pause::settle,
};

impl Holds {
    pub(crate) const fn new() -> Self {
        Self {
            running: Cell::new(Running { id: 0, message: None }),
            effective: Cell::new(0),
            streams: Slots::new(),
            later: RefCell::new(Vec::new()),
            closed: Cell::new(false),
        }
    }

    fn stream(&self, id: u32) -> Option<Rc<Stream>> {
        match self.streams.with(id, |stream| Rc::clone(stream)) {
            Found::Value(stream) => Some(stream),
            Found::Busy | Found::Nothing => None,
        }
    }

    /// The record of a stream whose callback for this message runs; made when there is none.
    pub(crate) fn holding(sys: &Sys, id: u32, message: StreamType) -> Rc<Stream> {
        let holds = sys.holds();
        if sys.hooks().is_none() {
            sys.set_hooks(&HOOKS);
            holds.running.set(Running { id, message: Some(message) });
            holds.effective.set(id);
        }
        holds.stream(id).unwrap_or_else(|| {
            let stream = Rc::new(Stream { id, over: Cell::new(false), holds: [Cell::new(0), Cell::new(0)] });
            // With a million others in its way it is not found again: the host then says when it is gone.
            let _ = holds.streams.insert(id, Rc::clone(&stream));
            stream
        })
    }

    /// Ends a held stream by a local reply or a reset: now, unless a callback of another stream's message runs, which would be
    /// stopped by it (LOC-15). Then it is done when the next callback of another kind begins, at the latest its `on_log`.
    pub(crate) fn end(sys: &Sys, id: u32, act: Deferred) {
        // Its other holds are void.
        sys.over(id);
        if let Ok(mut later) = sys.holds().later.try_borrow_mut() {
            later.push((id, act));
        }
        sys.holds().catch_up(sys);
    }

    fn catch_up(&self, sys: &Sys) {
        while let Some((id, act)) = self.next_due() {
            if let Ok(on) = sys.on(id) {
                act(&on);
            }
        }
    }

    fn next_due(&self) -> Option<(u32, Deferred)> {
        let running = self.running.get();
        let mut later = self.later.try_borrow_mut().ok()?;
        let at = later.iter().position(|(id, _)| running.message.is_none() || running.id == *id)?;
        Some(later.remove(at))
    }

    /// Whether the running callback is one of this message.
    pub(crate) fn runs(&self, id: u32, message: StreamType) -> bool {
        let running = self.running.get();
        running.id == id && running.message == Some(message)
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn close(&self) {
        self.closed.set(true);
    }
}

impl Stream {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whether it has ended, or was answered, or the VM is no more.
    pub(crate) fn is_over(&self, sys: &Sys) -> bool {
        self.over.get() || sys.holds().closed.get()
    }

    pub(crate) fn is_held(&self, message: StreamType) -> bool {
        self.half(message).get() > 0
    }

    pub(crate) fn hold(&self, message: StreamType) {
        let holds = self.half(message);
        holds.set(holds.get() + 1);
    }

    pub(crate) fn let_go(&self, message: StreamType) {
        let holds = self.half(message);
        holds.set(holds.get().saturating_sub(1));
    }

    fn half(&self, message: StreamType) -> &Cell<u32> {
        let [toward_upstream, toward_downstream] = &self.holds;
        match message {
            StreamType::HttpRequest | StreamType::Downstream => toward_upstream,
            StreamType::HttpResponse | StreamType::Upstream => toward_downstream,
        }
    }
}

/// What the dispatcher tells, and what hostcalls that act on a context ask; each is nothing in a module that never holds.
impl Sys {
    /// A callback begins.
    #[inline]
    pub(crate) fn enter(&self, id: u32, message: Option<StreamType>) -> Outer {
        match self.hooks() {
            Some(hooks) => (hooks.enter)(self, id, message),
            None => Outer::default(),
        }
    }

    /// A callback ends: with this answer, or, where the message is held, with another.
    #[inline]
    pub(crate) fn leave(&self, outer: Outer, answer: u32) -> u32 {
        match self.hooks() {
            Some(hooks) => (hooks.leave)(self, outer, answer),
            None => answer,
        }
    }

    /// Nothing of the stream can be let go any more: it has ended, or was answered.
    #[inline]
    pub(crate) fn over(&self, id: u32) {
        if let Some(hooks) = self.hooks() {
            (hooks.over)(self, id);
        }
    }

    /// A callback has answered with a pause: whether the message waits.
    #[inline]
    pub(crate) fn settle(&self, pause: Pause, place: Place, policy: FailurePolicy) -> bool {
        match self.hooks() {
            Some(hooks) => (hooks.settle)(pause, self, place, policy),
            None => {
                // A pause without a hold cannot be; dropping it would link what drops a hold.
                core::mem::forget(pause);
                false
            }
        }
    }

    /// Makes hostcalls act on this context until the result is dropped.
    #[inline]
    pub(crate) fn on(&self, id: u32) -> Result<On<'_>, Error> {
        let before = match self.hooks() {
            Some(hooks) => (hooks.switch)(self, id)?,
            None => id,
        };
        Ok(On { sys: self, id, before })
    }
}

/// The way to the host, acting on one context.
pub(crate) struct On<'a> {
    sys: &'a Sys,
    id: u32,
    before: u32,
}

impl Deref for On<'_> {
    type Target = Sys;
    fn deref(&self) -> &Sys {
        self.sys
    }
}

impl Drop for On<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.before != self.id {
            if let Some(hooks) = self.sys.hooks() {
                (hooks.restore)(self.sys, self.before);
            }
        }
    }
}
