//! What a VM knows of its held messages: which context runs, which one hostcalls act on, and which streams hold something.
//!
//! A module that never holds does not link this: [`Sys::hooks`] is nothing until the first hold, which the compiler sees.

use crate::body_policy::Step;
use crate::dispatch::{Found, Slots};
use crate::held::Origin;
use crate::task::NONE;
use crate::{Error, Pause, sys::Sys};
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
    /// Whether there is something of that kind.
    deferred: Cell<bool>,
    /// The stream that was answered or reset in the running callback: a second answer there crashes Envoy (LOC-20).
    answered: Cell<u32>,
    /// The VM is being dropped, so there is no host to talk to.
    closed: Cell<bool>,
}

/// A stream that holds, or has held, a message.
pub(crate) struct Stream {
    id: u32,
    /// It has ended or was answered: nothing of it can be let go.
    over: Cell<bool>,
    /// The first of the tasks that wait for it.
    tasks: Cell<u32>,
    /// Its halves: toward the upstream, toward the client.
    halves: [Half; 2],
}

/// One message of a stream.
#[derive(Default)]
struct Half {
    /// How many holds keep it from going on.
    holds: Cell<u32>,
    /// The running callback answers with a hold's pause.
    paused: Cell<bool>,
    /// The most bytes of a body that is being collected.
    limit: Cell<Option<u32>>,
    /// How many bytes of it were here when it was last seen incomplete; nothing before its first chunk.
    collected: Cell<Option<u32>>,
    /// How many bytes of the body the proxy kept from earlier callbacks.
    kept: Cell<u32>,
    /// Whether they are here again in the next: after an answer of 1 (ACT-9), not after one of 2 (ACT-11).
    shown: Cell<bool>,
    /// Set when somebody asks for new bytes: tells how many are here.
    length: Cell<Option<Length>>,
}

/// The answer of a body callback that keeps nothing.
const NO_BUFFER: u32 = 3;

pub(crate) type Deferred = Box<dyn FnOnce(&Sys)>;
type Length = fn(&Sys) -> u32;

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
    answered: u32,
}

/// By function pointer, so that only a module that holds links them and the hostcalls they make.
pub(crate) struct Hooks {
    enter: fn(&Sys, u32, Option<StreamType>) -> Outer,
    leave: fn(&Sys, Outer, u32) -> u32,
    over: fn(&Sys, u32),
    switch: fn(&Sys, u32) -> Result<u32, Error>,
    restore: fn(&Sys, u32),
    settle: fn(Pause, &Sys, Origin) -> bool,
    chunk: fn(&Sys, u32, StreamType, u32, bool) -> Step,
    trailers: fn(&Sys, u32, StreamType) -> Option<u32>,
}

static HOOKS: Hooks = Hooks {
    enter: |sys, id, message| {
        let holds = sys.holds();
        let running = holds.running.replace(Running { id, message });
        let outer = Outer { running, effective: holds.effective.replace(id), answered: holds.answered.replace(0) };
        holds.catch_up(sys);
        outer
    },
    leave: |sys, outer, answer| {
        let holds = sys.holds();
        holds.answered.set(outer.answered);
        let Running { id, message } = holds.running.replace(outer.running);
        let Some((message, stream)) = message.and_then(|message| Some((message, holds.stream(id)?))) else {
            holds.effective.set(outer.effective);
            return answer;
        };
        let half = stream.half(message);
        // What is held stays so until its hold is let go, whatever a later callback of the same message answers: one that
        // continues would release the headers too (ACT-5).
        // And one that was let go since the callback answered with its pause does not wait.
        let answer = match (half.paused.take(), half.holds.get()) {
            (true, 0) => 0,
            (_, 1..) if answer == 0 => 1,
            _ => answer,
        };
        if let Some(length) = half.length.get() {
            // A task that was woken may have left hostcalls acting on another stream.
            let here = if sys.switch_to(id).is_ok() { length(sys) } else { 0 };
            half.kept.set(match (answer, half.shown.get()) {
                (0, _) => 0,
                (_, true) => here,
                // What is not buffered is dropped, unless it was shown with what is.
                (NO_BUFFER, false) => half.kept.get(),
                (_, false) => half.kept.get().saturating_add(here),
            });
            half.shown.set(answer == 1);
        }
        holds.effective.set(outer.effective);
        answer
    },
    over: |sys, id| {
        let holds = sys.holds();
        if holds.running.get().id == id {
            holds.answered.set(id);
        }
        if let Some(stream) = holds.stream(id) {
            stream.over.set(true);
            holds.streams.remove(id);
            sys.cancel_tasks(stream.tasks.replace(NONE));
        }
        if let (true, Ok(mut later)) = (holds.deferred.get(), holds.later.try_borrow_mut()) {
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
        // Also to 0, the context of the callback that has not been entered yet (CTX-4).
        if sys.proxy_set_effective_context(before).is_ok() {
            sys.holds().effective.set(before);
        }
    },
    settle: Pause::settle,
    chunk: |sys, id, message, size, end_of_stream| {
        let Some(stream) = sys.holds().stream(id) else { return Step::Deliver };
        let half = stream.half(message);
        let Some(limit) = half.limit.get() else { return Step::Deliver };
        half.collected.set(Some(size));
        if size <= limit && !end_of_stream {
            return Step::Wait;
        }
        half.limit.set(None);
        if size <= limit { Step::Deliver } else { Step::OverLimit }
    },
    trailers: |sys, id, message| {
        let stream = sys.holds().stream(id)?;
        let half = stream.half(message);
        half.limit.take().map(|_| half.collected.get().unwrap_or(0))
    },
};

impl Holds {
    pub(crate) const fn new() -> Self {
        Self {
            running: Cell::new(Running { id: 0, message: None }),
            effective: Cell::new(0),
            streams: Slots::new(),
            later: RefCell::new(Vec::new()),
            deferred: Cell::new(false),
            answered: Cell::new(0),
            closed: Cell::new(false),
        }
    }

    fn stream(&self, id: u32) -> Option<Rc<Stream>> {
        match self.streams.with(id, |stream| Rc::clone(stream)) {
            Found::Value(stream) => Some(stream),
            Found::Busy | Found::Nothing => None,
        }
    }

    /// From now on callbacks are noted; the one that runs is of this context and message.
    pub(crate) fn watch(sys: &Sys, id: u32, message: Option<StreamType>) {
        if sys.hooks().is_none() {
            sys.set_hooks(&HOOKS);
            sys.holds().running.set(Running { id, message });
            sys.holds().effective.set(id);
        }
    }

    /// The first of a stream's tasks; nothing where it holds nothing.
    pub(crate) fn tasks(&self, id: u32) -> Option<u32> {
        Some(self.stream(id)?.tasks.get())
    }

    /// False where it holds nothing.
    pub(crate) fn set_tasks(&self, id: u32, first: u32) -> bool {
        self.stream(id).map(|stream| stream.tasks.set(first)).is_some()
    }

    /// The record of a stream whose callback for this message runs; made when there is none.
    pub(crate) fn holding(sys: &Sys, id: u32, message: StreamType) -> Rc<Stream> {
        Self::watch(sys, id, Some(message));
        let holds = sys.holds();
        holds.stream(id).unwrap_or_else(|| {
            let stream = Rc::new(Stream {
                id,
                over: Cell::new(false),
                tasks: Cell::new(NONE),
                halves: [Half::default(), Half::default()],
            });
            // With a million others in its way it is not found again: the host then says when it is gone.
            let _ = holds.streams.insert(id, Rc::clone(&stream));
            stream
        })
    }

    /// Notes that the body of a message whose headers are here is collected; false when it cannot be.
    pub(crate) fn collect(sys: &Sys, id: u32, message: StreamType, limit: u32) -> bool {
        let stream = Self::holding(sys, id, message);
        stream.half(message).limit.set(Some(limit));
        sys.holds().stream(id).is_some()
    }

    /// How many of the bytes that are here were here before this callback; noted from the first time on that it is asked.
    pub(crate) fn seen(sys: &Sys, id: u32, message: StreamType, length: Length) -> u32 {
        let stream = Self::holding(sys, id, message);
        let half = stream.half(message);
        half.length.set(Some(length));
        if half.shown.get() { half.kept.get() } else { 0 }
    }

    /// Ends a held stream by a local reply or a reset: now, unless a callback of another stream's message runs, which would be
    /// stopped by it (LOC-30). Then it is done when the next callback of another kind begins, at the latest its `on_log`.
    pub(crate) fn end(sys: &Sys, id: u32, act: Deferred) {
        // Its other holds are void. It is answered when `act` has been called, which may ask whether it is.
        let answered = sys.holds().answered.get();
        sys.over(id);
        sys.holds().answered.set(answered);
        if let Ok(mut later) = sys.holds().later.try_borrow_mut() {
            later.push((id, act));
            sys.holds().deferred.set(true);
        }
        sys.holds().catch_up(sys);
    }

    fn catch_up(&self, sys: &Sys) {
        while self.deferred.get() {
            let Some((id, act)) = self.next_due() else { break };
            act(sys);
            if self.running.get().id == id {
                self.answered.set(id);
            }
        }
    }

    fn next_due(&self) -> Option<(u32, Deferred)> {
        let running = self.running.get();
        let mut later = self.later.try_borrow_mut().ok()?;
        self.deferred.set(!later.is_empty());
        let at = later.iter().position(|(id, _)| running.message.is_none() || running.id == *id)?;
        Some(later.remove(at))
    }

    /// Whether this stream was answered or reset in the callback that runs.
    pub(crate) fn has_answered(&self, id: u32) -> bool {
        self.answered.get() == id
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

    pub(crate) fn hold(&self, message: StreamType) {
        let Half { holds, paused, .. } = self.half(message);
        holds.set(holds.get() + 1);
        paused.set(true);
    }

    pub(crate) fn let_go(&self, message: StreamType) {
        let holds = &self.half(message).holds;
        holds.set(holds.get().saturating_sub(1));
    }

    /// Whether it waits still: for another hold, or for the rest of a body that is being collected, whose last callback lets
    /// it go. To continue it now would send what is collected without a callback (ACT-14).
    pub(crate) fn waits(&self, message: StreamType) -> bool {
        let half = self.half(message);
        half.holds.get() > 0 || half.limit.get().is_some() && half.collected.get().is_some()
    }

    /// It goes on without a callback: nothing of it will be here again.
    pub(crate) fn goes_on(&self, message: StreamType) {
        let half = self.half(message);
        half.kept.set(0);
        half.shown.set(false);
    }

    fn half(&self, message: StreamType) -> &Half {
        let [toward_upstream, toward_client] = &self.halves;
        match message {
            StreamType::HttpRequest | StreamType::Downstream => toward_upstream,
            StreamType::HttpResponse | StreamType::Upstream => toward_client,
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

    /// Whether the running callback is this context's; where nothing was ever held there are handles of no other.
    #[inline]
    pub(crate) fn runs_context(&self, id: u32) -> bool {
        self.hooks().is_none() || self.holds().running.get().id == id
    }

    /// Whether hostcalls reach a host: natively not any more when the VM is dropped.
    #[inline]
    pub(crate) fn has_host(&self) -> bool {
        !self.holds().closed.get()
    }

    /// Whether the running callback has answered its stream by a hold.
    #[inline]
    pub(crate) fn has_answered(&self, id: u32) -> bool {
        self.hooks().is_some() && self.holds().has_answered(id)
    }

    /// Nothing of the stream can be let go any more: it has ended, or was answered.
    #[inline]
    pub(crate) fn over(&self, id: u32) {
        if let Some(hooks) = self.hooks() {
            (hooks.over)(self, id);
        }
    }

    /// What becomes of a chunk of a body.
    #[inline]
    pub(crate) fn chunk(&self, id: u32, message: StreamType, size: u32, end_of_stream: bool) -> Step {
        match self.hooks() {
            Some(hooks) => (hooks.chunk)(self, id, message, size, end_of_stream),
            None => Step::Deliver,
        }
    }

    /// The size of a body that was collected and ends with trailers: once, and nothing where none is collected.
    #[inline]
    pub(crate) fn collected(&self, id: u32, message: StreamType) -> Option<u32> {
        (self.hooks()?.trailers)(self, id, message)
    }

    /// A callback has answered with a pause: whether the message waits.
    #[inline]
    pub(crate) fn settle(&self, pause: Pause, origin: Origin) -> bool {
        match self.hooks() {
            Some(hooks) => (hooks.settle)(pause, self, origin),
            None => {
                // A pause without a hold cannot be; dropping it would link what drops a hold.
                core::mem::forget(pause);
                false
            }
        }
    }

    /// Makes hostcalls act on this context for the rest of the callback.
    pub(crate) fn switch_to(&self, id: u32) -> Result<(), Error> {
        match self.hooks() {
            Some(hooks) => (hooks.switch)(self, id).map(drop),
            None => Ok(()),
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
