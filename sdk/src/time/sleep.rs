//! Timers of tasks.

use super::{HOOKS, SleepHooks, nanos};
use crate::http_call::to_millis;
use crate::pending::Pending;
use crate::{Context, Error, First, race, sys::Sys};
use alloc::{collections::BTreeMap, rc::Rc};
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll};
use core::time::Duration;

/// Who sleeps, by when and then by who came first.
pub(super) struct Sleeps {
    sleepers: RefCell<BTreeMap<(u64, u32), Sleeper>>,
    next: Cell<u32>,
}

struct Sleeper {
    owner: u32,
    up: Rc<Pending<Result<(), Error>>>,
}

pub(super) static SLEEP_HOOKS: SleepHooks = SleepHooks {
    soonest: |sleeps| {
        let sleepers = sleeps.sleepers.try_borrow().ok()?;
        let ((then, _), sleeper) = sleepers.first_key_value()?;
        Some((*then, sleeper.owner))
    },
    wake: |sleeps, now| {
        while let Some(sleeper) = sleeps.take_first(now) {
            sleeper.up.set(Ok(()));
        }
    },
    fail: |sleeps, error| {
        if let Some(sleeper) = sleeps.take_first(u64::MAX) {
            sleeper.up.set(Err(error));
        }
    },
};

impl Sleeps {
    pub(super) const fn new() -> Self {
        Self { sleepers: RefCell::new(BTreeMap::new()), next: Cell::new(0) }
    }

    fn take_first(&self, now: u64) -> Option<Sleeper> {
        let mut sleepers = self.sleepers.try_borrow_mut().ok()?;
        let first = sleepers.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    fn insert(&self, then: u64, sleeper: Sleeper) -> (u64, u32) {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        if let Ok(mut sleepers) = self.sleepers.try_borrow_mut() {
            sleepers.insert((then, number), sleeper);
        }
        (then, number)
    }
}

impl Context {
    /// A future that is there when so much time has passed, counted from now in milliseconds, rounded up. It needs no
    /// [`on_tick`](crate::RootContext::on_tick): the SDK has the root tick when it must.
    ///
    /// Time is the proxy's wall clock, but does not run back: where that is set back meanwhile it may take longer, where it is put
    /// forward less.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// use std::time::Duration;
    /// struct Tarpit;
    /// impl HttpContext for Tarpit {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         http.wait(async move |request| {
    ///             request.sleep(Duration::from_secs(2)).await?;
    ///             LocalReply::new(429).send()
    ///         })
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// It answers at once what the host does that has no clock or no ticks.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let up = Rc::new(Pending::new());
        let (sys, ticks) = (&self.sys, self.sys.ticks());
        sys.set_tick_hooks(&HOOKS);
        sys.set_sleep_hooks(&SLEEP_HOOKS);
        let key = match ticks.clock.read(sys) {
            Ok(now) => {
                let then = now.saturating_add(nanos(to_millis(duration).max(1)));
                if then < ticks.armed.get() || ticks.armed.get() <= now {
                    ticks.changed.set(true);
                }
                Some(ticks.sleeps.insert(then, Sleeper { owner: self.id(), up: Rc::clone(&up) }))
            }
            Err(error) => {
                up.set(Err(error));
                None
            }
        };
        Sleep { sys: sys.clone(), key, up }
    }

    /// Waits for a future, but not longer than this; then it is dropped, which cancels gRPC calls and forgets HTTP calls. A call has a
    /// [timeout of its own](crate::HttpCall::timeout), which costs no tick: this one is for several together, and for what is no call.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// use std::time::Duration;
    /// async fn decide(request: &Paused<phase::RequestHeaders>) -> Result<()> {
    ///     let user = request.call(HttpCall::get("authz", "/user"));
    ///     let quota = request.call(HttpCall::post("quota", "/take"));
    ///     let (user, quota) = request
    ///         .timeout(Duration::from_millis(200), join(user, quota))
    ///         .await
    ///         .or_reply(|| LocalReply::new(504))?;
    ///     (user?, quota?);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Elapsed`] when the time has passed; also, at once, on a host without a clock or ticks.
    pub async fn timeout<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        let sleep = self.sleep(duration);
        match race(future, sleep).await {
            First::Left(output) => Ok(output),
            First::Right(up) => Err(Elapsed(up.err())),
        }
    }
}

/// A future that is there when its time has passed; see [`Context::sleep`]. Dropping it ends it.
#[must_use = "it does nothing unless it is awaited"]
pub struct Sleep {
    sys: Sys,
    key: Option<(u64, u32)>,
    up: Rc<Pending<Result<(), Error>>>,
}

impl Future for Sleep {
    type Output = Result<(), Error>;
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.up.poll(cx)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // The tick that was to come for it comes, and finds out when the next is needed.
        let sleepers = &self.sys.ticks().sleeps.sleepers;
        let sleeper = self.key.and_then(|key| sleepers.try_borrow_mut().ok()?.remove(&key));
        drop(sleeper);
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

/// The time that a future was given has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(Option<Error>);

impl Elapsed {
    /// Why no time could be measured, if it was that.
    pub fn host_error(&self) -> Option<Error> {
        self.0
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("the time given has passed"),
            Some(error) => write!(f, "no time can be measured: {error}"),
        }
    }
}

impl core::error::Error for Elapsed {}
