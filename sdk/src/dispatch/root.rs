//! Plugins without streams.

use super::Row;
use super::contexts::Contexts;
use crate::{RootContext, sys::Sys};
use core::convert::Infallible;

/// A plugin without streams: registered as `root`.
pub struct RootRow<R: RootContext>(Contexts<R, Infallible>);

impl<R: RootContext> RootRow<R> {
    /// The plugin of this root id.
    pub const fn new(id: &'static str) -> Self {
        Self(Contexts::new(id))
    }
}

impl<R: RootContext> Row for RootRow<R> {
    fn id(&self) -> &'static str {
        self.0.plugin()
    }
    fn create_root(&self, id: u32) {
        self.0.create_root(id);
    }
    fn create_stream(&self, _sys: &Sys, _id: u32, _root_id: u32) -> Option<()> {
        None
    }
    fn tick(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.tick(sys, id)
    }
    fn queue_ready(&self, sys: &Sys, id: u32, queue: u32) -> Option<u32> {
        self.0.queue_ready(sys, id, queue)
    }
    fn configure(&self, sys: &Sys, id: u32, size: u32) -> Option<u32> {
        self.0.configure(sys, id, size)
    }
    fn done(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.done(sys, id)
    }
    fn log(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.root_log(sys, id)
    }
    fn delete(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.delete(sys, id)
    }
}
