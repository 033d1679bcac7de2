//! What callbacks bring for those who wait: one value for one waiter, and the host's tokens that name the waiters.

use crate::LogLevel;
use crate::dispatch::{Found, Slots};
use crate::runtime::{Decimal, log};
use crate::sys::Sys;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, Waker};

/// A value that a callback brings and a future waits for.
pub(crate) struct Pending<T> {
    value: Cell<Option<T>>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Pending<T> {
    pub(crate) const fn new() -> Self {
        Self { value: Cell::new(None), waker: RefCell::new(None) }
    }

    /// Brings the value and wakes who waits: polled when the running callback has answered.
    pub(crate) fn set(&self, value: T) {
        self.value.set(Some(value));
        self.wake();
    }

    pub(crate) fn wake(&self) {
        // Nothing is borrowed while another's waker runs.
        let waker = self.waker.try_borrow_mut().ok().and_then(|mut waker| waker.take());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<T> {
        if let Some(value) = self.value.take() {
            return Poll::Ready(value);
        }
        if let Ok(mut waker) = self.waker.try_borrow_mut() {
            match &mut *waker {
                Some(waker) => waker.clone_from(cx.waker()),
                nobody => *nobody = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

/// Who waits for what the host names by a token.
pub(crate) struct Tokens<T> {
    waiting: Slots<Rc<T>>,
    /// The token given last; hosts count up.
    last: Cell<u32>,
    late_logged: Cell<bool>,
    foreign_logged: Cell<bool>,
}

impl<T> Tokens<T> {
    pub(crate) const fn new() -> Self {
        Self { waiting: Slots::new(), last: Cell::new(0), late_logged: Cell::new(false), foreign_logged: Cell::new(false) }
    }

    /// Notes who waits for this token; gives who waited for it before: no host should use a token twice at once.
    pub(crate) fn insert(&self, token: u32, waiter: Rc<T>) -> Option<Rc<T>> {
        // Hosts count up, so that most need not be looked for.
        let earlier = if token <= self.last.replace(token) { self.take(token) } else { None };
        let _ = self.waiting.insert(key(token), waiter);
        earlier
    }

    /// Who waits for this token.
    pub(crate) fn get(&self, token: u32) -> Option<Rc<T>> {
        match self.waiting.with(key(token), |waiter| Rc::clone(waiter)) {
            Found::Value(waiter) => Some(waiter),
            Found::Busy | Found::Nothing => None,
        }
    }

    /// Who waits for this token, for the last time.
    pub(crate) fn take(&self, token: u32) -> Option<Rc<T>> {
        let waiter = self.get(token)?;
        self.waiting.remove(key(token));
        Some(waiter)
    }

    /// This one waits no more.
    pub(crate) fn forget(&self, token: u32, waiter: &Rc<T>) {
        // It was answered.
        if Rc::strong_count(waiter) == 1 {
            return;
        }
        if self.get(token).is_some_and(|found| Rc::ptr_eq(&found, waiter)) {
            self.waiting.remove(key(token));
        }
    }

    /// A callback for which nobody waits: of a call that was forgotten, as that of a stream which has ended (CAL-15), or of none.
    /// Each is said once.
    #[cold]
    pub(crate) fn stray(&self, sys: &Sys, callback: &str, token: u32) {
        let late = token <= self.last.get();
        let (said, level, why): (_, _, &[u8]) = match late {
            true => (&self.late_logged, LogLevel::Debug, b" (it was forgotten, or answered before); said once"),
            false => (&self.foreign_logged, LogLevel::Warn, b", which was never given; said once"),
        };
        if !said.replace(true) {
            let number = Decimal::new(token);
            log(sys, level, &[callback.as_bytes(), b": nobody waits for token ", number.as_bytes(), why]);
        }
    }
}

/// No slot has the id 0; hosts other than Envoy may give the token 0.
fn key(token: u32) -> u32 {
    token.wrapping_add(1)
}
