//! The test's own code in the middle of a plugin's callback: when it panics the test fails, and not the plugin.

use crate::log;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A panic of the test's own, on its way through a plugin that is linked into the test.
struct OfTest(Box<dyn Any + Send>);

/// Runs a closure of the test's, or what may lead to one.
pub(crate) fn run<R>(f: impl FnOnce() -> R) -> R {
    let plugin = log::suspend();
    let result = catch_unwind(AssertUnwindSafe(f));
    let inside = plugin.is_some();
    log::resume(plugin);
    result.unwrap_or_else(|payload| resume_unwind(if inside { Box::new(OfTest(payload)) } else { payload }))
}

/// Gives back the panic in which a plugin's callback has ended, unless it is the test's own, which goes on.
pub(crate) fn pass_on(payload: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    payload.downcast().map_or_else(|payload| payload, |own: Box<OfTest>| resume_unwind(own.0))
}
