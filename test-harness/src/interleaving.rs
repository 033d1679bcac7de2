//! Workers that run at the same time, in one thread: at a hostcall of one, a seed decides whether another goes on first.

use crate::TestResult;
use crate::host::State;
use crate::proxy::{Inside, MockProxy};
use crate::running_vm::Thread;
use crate::tester;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

/// The environment variable that replays a seed.
const VARIABLE: &str = "PROXY_FILTER_SEED";

/// Which thread goes on.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    /// None where threads take turns only between callbacks.
    seed: Cell<Option<u64>>,
    random: Cell<u64>,
    /// The threads in whose callbacks the proxy is, the outermost first.
    running: RefCell<Vec<Thread>>,
    proxy: RefCell<Weak<Inside>>,
}

impl Scheduler {
    /// From now on this seed decides, unless the environment has one.
    pub(crate) fn begin(&self, seed: u64) {
        let seed = replayed().unwrap_or(seed);
        self.seed.set(Some(seed));
        self.random.set(seed);
    }

    pub(crate) fn drive(&self, proxy: &Rc<Inside>) {
        *self.proxy.borrow_mut() = Rc::downgrade(proxy);
    }

    pub(crate) fn seed(&self) -> Option<u64> {
        self.seed.get()
    }

    /// A callback begins in this thread.
    pub(crate) fn enter(&self, thread: Thread) {
        self.running.borrow_mut().push(thread);
    }

    pub(crate) fn leave(&self) {
        self.running.borrow_mut().pop();
    }

    /// Whether a callback of this thread is under way, in the middle of which nothing else of it can happen.
    pub(crate) fn is_running(&self, thread: Thread) -> bool {
        self.running.borrow().contains(&thread)
    }

    /// Whether the proxy is in some callback.
    pub(crate) fn is_nested(&self) -> bool {
        !self.running.borrow().is_empty()
    }

    /// A number below this one, which is not 0: SplitMix64.
    pub(crate) fn below(&self, most: usize) -> usize {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let number = (mixed ^ (mixed >> 31)) % u64::try_from(most).unwrap_or(u64::MAX);
        usize::try_from(number).unwrap_or_default()
    }

    /// Whether another thread goes on before this hostcall. Seeds differ in how often.
    fn switches(&self) -> bool {
        let Some(seed) = self.seed.get() else { return false };
        let one_in = [2, 4, 8][usize::try_from(seed % 3).unwrap_or_default()];
        self.is_nested() && self.below(one_in) == 0
    }
}

impl State {
    /// A hostcall is about to take effect: other threads may come before it, each with a whole callback.
    pub(crate) fn interleave(&self) {
        while self.scheduler.switches() {
            let Some(proxy) = self.scheduler.proxy.borrow().upgrade() else { return };
            let proxy = MockProxy::of(proxy);
            // What the callback has asked for stays until it has returned.
            let asked = self.take_effects();
            self.trace.nest();
            let moved = tester::run(|| proxy.step());
            self.trace.unnest();
            self.put_effects_back(asked);
            if !moved {
                return;
            }
        }
    }
}

/// The seed that the environment asks for.
fn replayed() -> Option<u64> {
    let seed = std::env::var(VARIABLE).ok()?;
    match seed.parse() {
        Ok(seed) => Some(seed),
        Err(_) => panic!("{VARIABLE} is {seed:?}: set it to the number that a failing test has printed"),
    }
}

/// Runs a test with each of so many seeds, for [`Builder::seed`](crate::Builder::seed), until one fails: the test fails then, and says with which seed. With
/// that in the environment variable `PROXY_FILTER_SEED` it is the only one that is run.
///
/// A thousand seeds of a small test take about a second. What they cover is said on [`Builder::workers`](crate::Builder::workers).
///
/// ```
/// # mod count {
/// #     use proxy_filter::prelude::*;
/// #     pub struct Count;
/// #     impl RootContext for Count { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
/// #     impl HttpPlugin for Count { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream } }
/// #     pub struct Stream;
/// #     impl HttpContext for Stream {
/// #         fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
/// #             http.shared_data().update("requests", |stored| ([stored.map_or(0, |bytes| bytes[0]) + 1], ()))?;
/// #             Ok(HeadersAction::Continue)
/// #         }
/// #     }
/// #     proxy_filter::register! { "count" => http Count }
/// # }
/// use proxy_filter_test::{MockProxy, Plugin, interleavings};
///
/// interleavings(100, |seed| {
///     let plugin = Plugin::native(&count::PLUGINS, "count");
///     let proxy = MockProxy::builder().plugin(plugin).workers(4).seed(seed).start()?;
///     let request = || http::Request::get("http://shop.example/").body("");
///     proxy.send_concurrently([request()?, request()?, request()?, request()?]);
///     assert_eq!(proxy.shared_data("").get("requests"), Some(vec![4]));
///     Ok(())
/// });
/// ```
///
/// # Panics
/// When the test panics, or answers an error, with one of the seeds.
#[track_caller]
pub fn interleavings(seeds: u64, mut test: impl FnMut(u64) -> TestResult) {
    let seeds = replayed().map_or(0..seeds, |seed| seed..seed.saturating_add(1));
    for seed in seeds {
        let result = catch_unwind(AssertUnwindSafe(|| test(seed)));
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("seed {seed}: {error} ({VARIABLE}={seed} runs it alone)"),
            Err(panic) => {
                eprintln!("seed {seed} fails: {VARIABLE}={seed} runs it alone");
                resume_unwind(panic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_numbers_and_all_of_them_come() {
        let numbers = |seed| {
            let scheduler = Scheduler::default();
            scheduler.random.set(seed);
            (0..100).map(|_| scheduler.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        assert!((0..7).all(|number| numbers(3).contains(&number)));
    }

    #[test]
    fn the_first_seed_that_fails_is_the_last_that_runs() {
        let ran = Cell::new(0);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            interleavings(10, |seed| {
                ran.set(seed);
                if seed == 3 { Err("wrong".into()) } else { Ok(()) }
            });
        }));
        let message = failed.unwrap_err().downcast_ref::<String>().cloned();
        assert_eq!((ran.get(), message.as_deref()), (3, Some("seed 3: wrong (PROXY_FILTER_SEED=3 runs it alone)")));
    }
}
