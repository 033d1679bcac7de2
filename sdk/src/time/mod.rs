//! Time: the author's ticks and the timers of tasks, which share the one period that the proxy has for a root.

mod sleep;

pub use sleep::{Elapsed, Sleep};

use crate::http_call::to_millis;
use crate::{Error, Plugin, sys::Sys};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::time::Duration;
use sleep::Sleeps;

/// The state, one in each VM.
pub(crate) struct Ticks {
    roots: RefCell<Vec<RootTick>>,
    clock: Clock,
    sleeps: Sleeps,
    /// When a tick comes for those who sleep, of whichever root; nobody's is after [`NEVER`].
    armed: Cell<u64>,
    /// Something has changed by which a tick may have to come sooner or later; seen to when the running callback has answered.
    changed: Cell<bool>,
    /// The root that ticks.
    ticking: Cell<u32>,
}

/// A root that ticks, as far as is known: the proxy does not say which root a stream is of.
#[derive(Clone, Copy)]
struct RootTick {
    id: u32,
    /// The author's, in milliseconds; 0 is none.
    period: u32,
    /// When the author's next tick is.
    due: u64,
    /// The period that the host has, in milliseconds, if it is known.
    host: Option<u32>,
    /// Since when it has it, or when it last passed.
    since: u64,
}

const NEVER: u64 = u64::MAX;
const MILLISECOND: u64 = 1_000_000;

/// By function pointer, so that only a module with ticks links them.
pub(crate) struct Hooks {
    ticked: fn(&Sys, u32) -> bool,
    settle: fn(&Sys) -> bool,
    deleted: fn(&Sys, u32),
}

static HOOKS: Hooks = Hooks {
    ticked: |sys, root| sys.ticks().ticked(sys, root),
    settle: |sys| sys.ticks().settle(sys),
    deleted: |sys, root| sys.ticks().deleted(sys, root),
};

/// What tasks that sleep need; a module with the author's ticks alone does not link them.
pub(crate) struct SleepHooks {
    /// The context that sleeps least, and until when.
    soonest: fn(&Sleeps) -> Option<(u64, u32)>,
    /// Wakes those whose time has come.
    wake: fn(&Sleeps, u64),
    /// The one that sleeps least cannot be woken.
    fail: fn(&Sleeps, Error),
}

/// The wall clock made to stand still where it is set back: no other is portable.
struct Clock {
    wall: Cell<u64>,
    now: Cell<u64>,
}

impl Clock {
    fn read(&self, sys: &Sys) -> Result<u64, Error> {
        let wall = sys.proxy_get_current_time_nanoseconds()?;
        let before = self.wall.replace(wall);
        if before != 0 {
            self.at_least(self.now.get().saturating_add(wall.saturating_sub(before)));
        }
        Ok(self.now.get())
    }

    /// So late it is in any case.
    fn at_least(&self, now: u64) {
        self.now.set(self.now.get().max(now));
    }
}

fn nanos(millis: u32) -> u64 {
    u64::from(millis).saturating_mul(MILLISECOND)
}

/// Milliseconds until then, rounded up and at least one: 0 would stop the ticks.
fn millis_until(then: u64, now: u64) -> u32 {
    to_millis(Duration::from_nanos(then.saturating_sub(now))).max(1)
}

impl Ticks {
    pub(crate) const fn new() -> Self {
        Self {
            roots: RefCell::new(Vec::new()),
            clock: Clock { wall: Cell::new(0), now: Cell::new(1) },
            sleeps: Sleeps::new(),
            armed: Cell::new(NEVER),
            changed: Cell::new(false),
            ticking: Cell::new(0),
        }
    }

    fn root(&self, id: u32) -> RootTick {
        let found = self.roots.try_borrow().ok().and_then(|roots| roots.iter().find(|root| root.id == id).copied());
        found.unwrap_or(RootTick { id, period: 0, due: NEVER, host: None, since: 0 })
    }

    fn note(&self, root: RootTick) {
        let Ok(mut roots) = self.roots.try_borrow_mut() else { return };
        match roots.iter_mut().find(|known| known.id == root.id) {
            Some(known) => *known = root,
            None => roots.push(root),
        }
    }

    /// When the next of the authors' ticks is.
    fn next_due(&self) -> u64 {
        self.roots.try_borrow().ok().and_then(|roots| roots.iter().map(|root| root.due).min()).unwrap_or(NEVER)
    }

    fn soonest(&self, sys: &Sys) -> Option<(u64, u32)> {
        (sys.sleep_hooks()?.soonest)(&self.sleeps)
    }

    fn set_period(&self, sys: &Sys, id: u32, period: Duration) -> Result<(), Error> {
        // A host without a clock has ticks all the same.
        let now = self.clock.read(sys).unwrap_or(self.clock.now.get());
        let period = to_millis(period);
        let due = if period == 0 { NEVER } else { now.saturating_add(nanos(period)) };
        // A timer of a task may be the host's period: it is looked after as if this root ticked now.
        let (host, since) = (Some(period), now);
        sys.on(id)?.proxy_set_tick_period_milliseconds(period)?;
        self.note(RootTick { id, period, due, host, since });
        self.armed.set(NEVER);
        self.changed.set(true);
        Ok(())
    }

    /// A root ticks: those whose time has come are woken. Whether it is the author's tick too.
    fn ticked(&self, sys: &Sys, id: u32) -> bool {
        let mut root = self.root(id);
        let _ = self.clock.read(sys);
        if let Some(host) = root.host {
            self.clock.at_least(root.since.saturating_add(nanos(host)));
        }
        let now = self.clock.now.get();
        let turn = root.due <= now;
        if turn {
            root.due = now.saturating_add(nanos(root.period));
        }
        root.since = now;
        self.note(root);
        if let Some(hooks) = sys.sleep_hooks() {
            (hooks.wake)(&self.sleeps, now);
        }
        self.ticking.set(id);
        self.changed.set(true);
        turn
    }

    /// Sees that a tick comes when one is needed. Whether somebody was woken because none will.
    fn settle(&self, sys: &Sys) -> bool {
        if !self.changed.take() {
            return false;
        }
        let ticking = self.ticking.take();
        if ticking != 0 {
            self.settle_root(sys, ticking);
        }
        let mut failed = false;
        while let Some((then, owner)) = self.soonest(sys) {
            let now = self.clock.now.get();
            let armed = self.armed.get();
            if armed > now && armed <= then {
                break;
            }
            // Its root is not known: it may be any that has ticks of its author, none of which is to come late.
            let period = millis_until(then.min(self.next_due()), now);
            let set = sys.switch_to(owner).and_then(|()| sys.proxy_set_tick_period_milliseconds(period));
            match (set, sys.sleep_hooks()) {
                (Err(error), Some(hooks)) => {
                    (hooks.fail)(&self.sleeps, error);
                    failed = true;
                }
                _ => {
                    self.armed.set(now.saturating_add(nanos(period)));
                    self.forget_periods();
                    break;
                }
            }
        }
        failed
    }

    /// Gives the root that has ticked the period until it is needed next.
    fn settle_root(&self, sys: &Sys, id: u32) {
        let (mut root, now) = (self.root(id), self.clock.now.get());
        let soonest = self.soonest(sys).map_or(NEVER, |(then, _)| then);
        // Unless another's tick is known to come in time.
        let carries = soonest != NEVER && (root.host.is_none() || self.armed.get() <= now || self.armed.get() > soonest);
        let next = if carries { soonest.min(root.due) } else { root.due };
        let period = match next {
            NEVER => 0,
            // The host goes on by itself.
            due if due == root.due && root.host == Some(root.period) => root.period,
            next => millis_until(next, now),
        };
        if root.host != Some(period) {
            if sys.switch_to(id).and_then(|()| sys.proxy_set_tick_period_milliseconds(period)).is_err() {
                return;
            }
            root.host = Some(period);
        }
        if carries {
            self.armed.set(now.saturating_add(nanos(period)));
        }
        self.note(root);
    }

    fn forget_periods(&self) {
        if let Ok(mut roots) = self.roots.try_borrow_mut() {
            for root in roots.iter_mut() {
                root.host = None;
            }
        }
    }

    /// Another root has to tick for those who sleep: it may have been this one that did, which is known only of those that have ticked.
    fn deleted(&self, sys: &Sys, id: u32) {
        if let Ok(mut roots) = self.roots.try_borrow_mut() {
            roots.retain(|root| root.id != id);
        }
        let _ = self.clock.read(sys);
        self.armed.set(NEVER);
        self.changed.set(true);
    }
}

/// What the dispatcher tells; each is nothing in a module without ticks.
impl Sys {
    /// A root ticks: whether its author's callback is due.
    #[inline]
    pub(crate) fn ticked(&self, root: u32) -> bool {
        match self.tick_hooks() {
            Some(hooks) => (hooks.ticked)(self, root),
            None => false,
        }
    }

    /// The running callback has answered, and what it woke was polled: ticks are set. Whether that has woken somebody.
    #[inline]
    pub(crate) fn settle_ticks(&self) -> bool {
        match self.tick_hooks() {
            Some(hooks) => (hooks.settle)(self),
            None => false,
        }
    }

    /// A root is no more, and does not tick.
    #[inline]
    pub(crate) fn ticks_deleted(&self, root: u32) {
        if let Some(hooks) = self.tick_hooks() {
            (hooks.deleted)(self, root);
        }
    }
}

impl Plugin<'_> {
    /// Has [`on_tick`](crate::RootContext::on_tick) called again and again, a period after it was called last (TIM-3); a second call
    /// replaces the period, [`Duration::ZERO`] stops it (TIM-1). It is counted in milliseconds, rounded up, at most 2^31-1.
    ///
    /// Timers of tasks ([`sleep`](crate::Context::sleep)) tick beside it without touching it.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// use std::{cell::Cell, time::Duration};
    /// struct Report {
    ///     requests: Cell<u32>,
    /// }
    /// impl RootContext for Report {
    ///     type Config = ();
    ///     fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
    ///         plugin.set_tick_period(Duration::from_secs(10))?;
    ///         Ok(Self { requests: Cell::new(0) })
    ///     }
    ///     fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
    ///         plugin.log(LogLevel::Info, format!("{} requests", self.requests.take()))?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn set_tick_period(&self, period: Duration) -> Result<(), Error> {
        self.sys.set_tick_hooks(&HOOKS);
        self.sys.ticks().set_period(&self.sys, self.id(), period)
    }
}
