//! Futures that wait for something of the proxy, owned by a stream or a root: polled by the callback that woke them, dropped with
//! their owner.
//!
//! A module that never waits does not link this: [`Sys::callback_answered`] and its like do nothing until the first task.

mod combine;
pub mod oneshot;
mod signal;
mod wait;

pub use combine::{First, join, join3, race};
pub(crate) use signal::NONE;
pub(crate) use wait::{Stop, then};

use crate::dispatch::Place;
use crate::held::{Hold, is_gone};
use crate::holds::Holds;
use crate::{Error, Failure, Interrupt, StreamInterrupt, sys::Sys};
use alloc::{boxed::Box, rc::Rc, sync::Arc, vec::Vec};
use core::cell::{Cell, OnceCell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll, Waker};
use signal::{Ready, Signal};

type Boxed<E> = Pin<Box<dyn Future<Output = Result<(), E>>>>;

/// A task's future, by what it can end in.
pub(crate) enum Work {
    Http(Boxed<Interrupt>),
    Tcp(Boxed<StreamInterrupt>),
    Plain(Boxed<Failure>),
}

/// What becomes of a task's result.
pub(crate) enum End {
    /// It decides what is held.
    Hold(Rc<Hold>),
    /// It runs beside a connection, and may end it.
    Beside(Rc<Hold>),
    /// A failure is logged.
    Log(Place),
    /// It has done all itself.
    Nothing,
}

/// A task that waits.
pub(crate) struct Task {
    work: Work,
    end: End,
}

/// The state, one in each VM.
pub(crate) struct Tasks {
    table: RefCell<Table>,
    ready: OnceCell<Arc<Ready>>,
    /// Tasks are being polled: a callback from inside one leaves what it wakes to the loop outside.
    polling: Cell<bool>,
    /// The first task of each root that has some.
    roots: RefCell<Vec<(u32, u32)>>,
    closed: Cell<bool>,
}

/// Tasks by number. Numbers are used again.
struct Table {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

struct Entry {
    signal: Arc<Signal>,
    owner: u32,
    /// The next task of the same owner.
    next: u32,
    state: State,
}

enum State {
    Free,
    /// Taken out, so that nothing is borrowed while it is polled.
    Polled,
    Waiting(Task),
}

/// By function pointer, so that only a module that waits links them.
pub(crate) struct Hooks {
    run: fn(&Sys),
    take: fn(&Sys, u32) -> u32,
    put: fn(&Sys, u32, u32),
    cancel: fn(&Sys, u32),
    #[cfg(not(target_family = "wasm"))]
    close: fn(&Sys),
}

static HOOKS: Hooks = Hooks {
    run: Tasks::run,
    take: |sys, root| sys.tasks().take_root(root),
    put: |sys, root, first| sys.tasks().put_root(root, first),
    cancel: |sys, first| sys.tasks().cancel(first),
    #[cfg(not(target_family = "wasm"))]
    close: |sys| {
        sys.tasks().closed.set(true);
        let entries = sys.tasks().table.try_borrow_mut().map(|mut table| core::mem::take(&mut table.entries));
        drop(entries);
    },
};

impl Tasks {
    pub(crate) const fn new() -> Self {
        Self {
            table: RefCell::new(Table { entries: Vec::new(), free: Vec::new() }),
            ready: OnceCell::new(),
            polling: Cell::new(false),
            roots: RefCell::new(Vec::new()),
            closed: Cell::new(false),
        }
    }

    /// A number, and what wakes its task.
    fn reserve(&self, owner: u32) -> Option<(u32, Arc<Signal>)> {
        let ready = self.ready.get_or_init(|| Arc::new(Ready::new()));
        let mut table = self.table.try_borrow_mut().ok()?;
        let Table { entries, free } = &mut *table;
        let Some(number) = free.pop() else {
            let number = u32::try_from(entries.len()).ok().filter(|number| *number != NONE)?;
            let signal = Signal::new(number, ready);
            entries.push(Entry { signal: Arc::clone(&signal), owner, next: NONE, state: State::Polled });
            return Some((number, signal));
        };
        let entry = entries.get_mut(number as usize)?;
        // Nobody else has it: nothing can wake by it the task that it was of.
        match Arc::get_mut(&mut entry.signal) {
            Some(signal) => signal.reset(),
            None => entry.signal = Signal::new(number, ready),
        }
        (entry.owner, entry.next, entry.state) = (owner, NONE, State::Polled);
        Some((number, Arc::clone(&entry.signal)))
    }

    /// The task is over: gives back what of it is here, to be dropped when nothing is borrowed.
    fn release(&self, number: u32, signal: &Arc<Signal>) -> Option<Task> {
        let mut table = self.table.try_borrow_mut().ok()?;
        let Table { entries, free } = &mut *table;
        let entry = entries.get_mut(number as usize).filter(|entry| Arc::ptr_eq(&entry.signal, signal))?;
        let state = core::mem::replace(&mut entry.state, State::Free);
        // One that was woken is freed when its turn comes.
        if !matches!(state, State::Free) && !signal.silence() {
            free.push(number);
        }
        match state {
            State::Waiting(task) => Some(task),
            State::Free | State::Polled => None,
        }
    }

    /// Keeps a task until it is woken; gives it back when it was cancelled meanwhile.
    fn keep(&self, number: u32, signal: &Arc<Signal>, task: Task) -> Option<Task> {
        let Ok(mut table) = self.table.try_borrow_mut() else { return Some(task) };
        let entry = table.entries.get_mut(number as usize);
        match entry.filter(|entry| Arc::ptr_eq(&entry.signal, signal) && matches!(entry.state, State::Polled)) {
            Some(entry) => entry.state = State::Waiting(task),
            None => return Some(task),
        }
        None
    }

    /// Polls what was woken, and what that wakes, in the order in which it was woken.
    fn run(sys: &Sys) {
        let tasks = sys.tasks();
        let Some(ready) = tasks.ready.get() else { return };
        if ready.is_empty() || tasks.polling.replace(true) {
            return;
        }
        while !ready.is_empty() {
            let mut number = tasks.in_order(ready.take());
            while number != NONE {
                let after = tasks.with_signal(number, |signal| signal.next()).unwrap_or(NONE);
                tasks.poll(sys, number);
                number = after;
            }
        }
        tasks.polling.set(false);
    }

    /// No waker may run in there: the table is borrowed.
    fn with_signal<T>(&self, number: u32, f: impl FnOnce(&Arc<Signal>) -> T) -> Option<T> {
        let table = self.table.try_borrow().ok()?;
        table.entries.get(number as usize).map(|entry| f(&entry.signal))
    }

    /// The chain of woken tasks begins with the last; turns it round.
    fn in_order(&self, last: u32) -> u32 {
        let (mut first, mut number) = (NONE, last);
        while number != NONE {
            let turned = self.with_signal(number, |signal| {
                let before = signal.next();
                signal.set_next(first);
                before
            });
            let Some(before) = turned else { break };
            (first, number) = (number, before);
        }
        first
    }

    fn poll(&self, sys: &Sys, number: u32) {
        let Some((owner, signal, mut task)) = self.turn(number) else { return };
        // What it asks of the host then needs no switch of its own; the callback that woke it is over but for this.
        if let Err(error) = sys.switch_to(owner) {
            self.forget(sys, owner, number, &signal);
            return task.end.unreachable(sys, error);
        }
        let waker = Waker::from(Arc::clone(&signal));
        match task.work.poll(&mut task::Context::from_waker(&waker)) {
            Poll::Pending => drop(self.keep(number, &signal, task)),
            Poll::Ready(result) => {
                self.forget(sys, owner, number, &signal);
                let Task { work, end } = task;
                drop(work);
                end.conclude(sys, result);
            }
        }
    }

    /// Takes a woken task out to be polled.
    fn turn(&self, number: u32) -> Option<(u32, Arc<Signal>, Task)> {
        let mut table = self.table.try_borrow_mut().ok()?;
        let Table { entries, free } = &mut *table;
        let entry = entries.get_mut(number as usize)?;
        match core::mem::replace(&mut entry.state, State::Polled) {
            State::Waiting(task) => {
                entry.signal.answer();
                Some((entry.owner, Arc::clone(&entry.signal), task))
            }
            // Cancelled since it was woken.
            State::Free => {
                entry.state = State::Free;
                free.push(number);
                None
            }
            // It is being polled further out.
            State::Polled => None,
        }
    }

    /// The task has ended: it is none of its owner's any more.
    fn forget(&self, sys: &Sys, owner: u32, number: u32, signal: &Arc<Signal>) {
        // Cancelled while it was polled: another may have its number.
        if self.with_signal(number, |now| Arc::ptr_eq(now, signal)) != Some(true) {
            return;
        }
        // Where a host has ended a stream in the middle of its callback, what it then waits for is kept as a root's.
        match sys.holds().tasks(owner).and_then(|first| self.unlink(first, number)) {
            Some(first) => _ = sys.holds().set_tasks(owner, first),
            None => {
                let first = self.take_root(owner);
                self.put_root(owner, self.unlink(first, number).unwrap_or(first));
            }
        }
        drop(self.release(number, signal));
    }

    /// Takes a task out of the chain that begins with `first`, and gives the new first, if it is in there.
    fn unlink(&self, first: u32, number: u32) -> Option<u32> {
        let mut table = self.table.try_borrow_mut().ok()?;
        let next = table.entries.get(number as usize)?.next;
        if first == number {
            return Some(next);
        }
        let mut before = first;
        for _ in 0..table.entries.len() {
            let entry = table.entries.get_mut(before as usize)?;
            if entry.next == number {
                entry.next = next;
                return Some(first);
            }
            before = entry.next;
        }
        None
    }

    fn first_of(&self, sys: &Sys, owner: u32) -> u32 {
        match sys.holds().tasks(owner) {
            Some(first) => first,
            None => self
                .roots
                .try_borrow()
                .ok()
                .and_then(|roots| Some(roots.iter().find(|(root, _)| *root == owner)?.1))
                .unwrap_or(NONE),
        }
    }

    fn set_first_of(&self, sys: &Sys, owner: u32, first: u32) {
        if !sys.holds().set_tasks(owner, first) {
            self.take_root(owner);
            self.put_root(owner, first);
        }
    }

    fn take_root(&self, root: u32) -> u32 {
        let Ok(mut roots) = self.roots.try_borrow_mut() else { return NONE };
        match roots.iter().position(|(id, _)| *id == root) {
            Some(at) => roots.remove(at).1,
            None => NONE,
        }
    }

    fn put_root(&self, root: u32, first: u32) {
        if let (true, Ok(mut roots)) = (first != NONE, self.roots.try_borrow_mut()) {
            roots.push((root, first));
        }
    }

    /// Drops this task and those that follow it: those of an owner.
    fn cancel(&self, first: u32) {
        let mut number = first;
        while number != NONE {
            let found = self.table.try_borrow().ok().and_then(|table| {
                let entry = table.entries.get(number as usize).filter(|entry| !matches!(entry.state, State::Free))?;
                Some((Arc::clone(&entry.signal), entry.next))
            });
            let Some((signal, next)) = found else { break };
            drop(self.release(number, &signal));
            number = next;
        }
    }
}

impl Work {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Stopped>> {
        match self {
            Self::Http(future) => future.as_mut().poll(cx).map_err(Stop::stopped),
            Self::Tcp(future) => future.as_mut().poll(cx).map_err(Stop::stopped),
            Self::Plain(future) => future.as_mut().poll(cx).map_err(Stop::stopped),
        }
    }
}

/// How a task ends other than well.
pub(crate) enum Stopped {
    Interrupt(Interrupt),
    Close,
}

impl End {
    /// Hostcalls cannot be made to act on the task's owner.
    #[cold]
    fn unreachable(self, sys: &Sys, error: Error) {
        match self {
            Self::Hold(hold) | Self::Beside(hold) => drop(hold.unreachable(sys, error)),
            Self::Log(place) if !is_gone(&error) => place.log_failure(sys, &Failure::from(error)),
            Self::Log(_) | Self::Nothing => {}
        }
    }

    fn conclude(self, sys: &Sys, result: Result<(), Stopped>) {
        match (self, result) {
            (Self::Hold(hold), result) => hold.conclude(sys, result),
            (Self::Beside(hold), Err(stopped)) => hold.stop(sys, &stopped),
            (Self::Log(place), Err(Stopped::Interrupt(Interrupt(crate::error::Kind::Failure(failure))))) => {
                place.log_failure(sys, &failure);
            }
            (Self::Beside(_) | Self::Log(_) | Self::Nothing, _) => {}
        }
    }
}

/// Starts a task that belongs to this context: it waits until it is woken.
fn insert(sys: &Sys, owner: u32, task: Task, number: u32, signal: &Arc<Signal>) {
    let tasks = sys.tasks();
    if tasks.closed.get() {
        return drop(tasks.release(number, signal));
    }
    let first = tasks.first_of(sys, owner);
    if let Ok(mut table) = tasks.table.try_borrow_mut() {
        if let Some(entry) = table.entries.get_mut(number as usize) {
            entry.next = first;
        }
    }
    tasks.set_first_of(sys, owner, number);
    drop(tasks.keep(number, signal, task));
}

/// Starts a task of this root, which is polled first when the running callback is over.
fn spawn(sys: &Sys, place: Place, future: Boxed<Failure>) {
    Holds::watch(sys, place.id(), None);
    sys.set_task_hooks(&HOOKS);
    let Some((number, signal)) = sys.tasks().reserve(place.id()) else { return };
    insert(sys, place.id(), Task { work: Work::Plain(future), end: End::Log(place) }, number, &signal);
    alloc::task::Wake::wake(signal);
}

/// What the dispatcher tells; each is nothing in a module that never waits.
impl Sys {
    /// The running callback has answered: what it woke is polled, and ticks are set as they are needed then.
    #[inline]
    pub(crate) fn callback_answered(&self) {
        loop {
            if let Some(hooks) = self.task_hooks() {
                (hooks.run)(self);
            }
            if !self.settle_ticks() {
                break;
            }
        }
    }

    /// Takes a root's tasks from it, to be cancelled or given back.
    #[inline]
    pub(crate) fn take_tasks(&self, root: u32) -> u32 {
        self.task_hooks().map_or(NONE, |hooks| (hooks.take)(self, root))
    }

    #[inline]
    pub(crate) fn give_tasks(&self, root: u32, first: u32) {
        if let Some(hooks) = self.task_hooks() {
            (hooks.put)(self, root, first);
        }
    }

    /// Drops tasks of an owner that is no more.
    #[inline]
    pub(crate) fn cancel_tasks(&self, first: u32) {
        if let Some(hooks) = self.task_hooks() {
            (hooks.cancel)(self, first);
        }
    }

    /// The VM is being dropped: a task that waits may hold what holds the VM.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn close_tasks(&self) {
        if let Some(hooks) = self.task_hooks() {
            (hooks.close)(self);
        }
    }
}
