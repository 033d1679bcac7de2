//! The contexts of one registered plugin: roots made by the proxy and filled by a configuration, and their streams.

use super::slots::{Found, Slots};
use super::{CONTINUE, FALSE, Place, TRUE};
use crate::{AccessLog, ConfigError, Failure, FromConfig, LogLevel, Plugin, QueueId, RootContext, sys::Sys};
use alloc::{rc::Rc, vec::Vec};

/// A root is nothing until it is configured.
pub(super) struct Contexts<R, S> {
    plugin: &'static str,
    roots: Slots<Option<Rc<R>>>,
    streams: Slots<S>,
}

impl<R: RootContext, S> Contexts<R, S> {
    pub(super) const fn new(plugin: &'static str) -> Self {
        Self { plugin, roots: Slots::new(), streams: Slots::new() }
    }

    pub(super) const fn plugin(&self) -> &'static str {
        self.plugin
    }

    #[cold]
    #[inline(never)]
    pub(super) fn place(&self, id: u32, callback: &'static str) -> Place {
        Place { plugin: self.plugin, id, callback }
    }

    /// With a million others in its way it stays unknown, which its callbacks say.
    #[cold]
    pub(super) fn create_root(&self, id: u32) {
        let _ = self.roots.insert(id, None);
    }

    /// Has a configured root make a stream.
    #[inline]
    pub(super) fn create_stream(&self, sys: &Sys, id: u32, root_id: u32, make: impl FnOnce(&Rc<R>) -> S) -> Option<()> {
        let Found::Value(Some(stream)) = self.roots.with(root_id, |root| root.as_ref().map(make)) else { return None };
        if self.streams.insert(id, stream).is_err() {
            self.too_many_streams(sys, id);
        }
        Some(())
    }

    #[cold]
    #[inline(never)]
    fn too_many_streams(&self, sys: &Sys, id: u32) {
        let place = self.place(id, "proxy_on_context_create");
        place.log(sys, LogLevel::Error, "too many streams at once: this one passes unseen");
    }

    /// Calls `f` with a stream's context, in place.
    #[inline]
    pub(super) fn stream<T>(&self, id: u32, f: impl FnOnce(&mut S) -> T) -> Option<T> {
        match self.streams.with(id, f) {
            Found::Value(result) => Some(result),
            Found::Busy | Found::Nothing => None,
        }
    }

    pub(super) fn has_stream(&self, id: u32) -> bool {
        self.streams.contains(id)
    }

    pub(super) fn configure(&self, sys: &Sys, id: u32, size: u32) -> Option<u32> {
        if !self.roots.contains(id) {
            return None;
        }
        #[cfg(all(feature = "host-log-level", target_family = "wasm"))]
        crate::logger::follow_host_level();
        // Tasks of the configuration before this one.
        let before = sys.take_tasks(id);
        match make::<R>(sys, self.plugin, id, size) {
            Ok(root) => {
                // The one before it is dropped when the context can be called again.
                let mut root = Some(Rc::new(root));
                self.roots.with(id, |slot| core::mem::swap(slot, &mut root));
                sys.cancel_tasks(before);
                Some(TRUE)
            }
            Err(error) => {
                sys.cancel_tasks(sys.take_tasks(id));
                sys.give_tasks(id, before);
                let text = [self.plugin.as_bytes(), b": bad configuration: ", error.0.as_bytes()];
                crate::runtime::log(sys, LogLevel::Error, &text);
                Some(FALSE)
            }
        }
    }

    /// The root of this id, if it is one, and if it is configured.
    fn root(&self, id: u32) -> Option<Option<Rc<R>>> {
        match self.roots.with(id, |root| root.clone()) {
            Found::Value(root) => Some(root),
            Found::Busy | Found::Nothing => None,
        }
    }

    #[inline]
    pub(super) fn done(&self, sys: &Sys, id: u32) -> Option<u32> {
        if self.streams.contains(id) { Some(TRUE) } else { self.root_done(sys, id) }
    }

    #[cold]
    #[inline(never)]
    fn root_done(&self, sys: &Sys, id: u32) -> Option<u32> {
        let mut done = true;
        self.call_root(sys, id, "proxy_on_done", |root| {
            done = root.on_done(Plugin::new(sys, self.plugin, id))?;
            Ok(())
        })?;
        Some(if done { TRUE } else { FALSE })
    }

    /// A root that serves as an access logger is told of each stream.
    #[cold]
    #[inline(never)]
    pub(super) fn root_log(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.call_root(sys, id, "proxy_on_log", |root| root.on_log(AccessLog::new(sys, id)))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn tick(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.call_root(sys, id, "proxy_on_tick", |root| root.on_tick(Plugin::new(sys, self.plugin, id)))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn queue_ready(&self, sys: &Sys, id: u32, queue: u32) -> Option<u32> {
        self.call_root(sys, id, "proxy_on_queue_ready", |root| {
            root.on_queue_ready(QueueId(queue), Plugin::new(sys, self.plugin, id))
        })
    }

    /// Calls a root, if it is configured; there is no stream to answer, so a failure is only told.
    pub(super) fn call_root(
        &self,
        sys: &Sys,
        id: u32,
        callback: &'static str,
        f: impl FnOnce(&Rc<R>) -> Result<(), Failure>,
    ) -> Option<u32> {
        if let Some(root) = self.root(id)? {
            if let Err(failure) = f(&root) {
                self.place(id, callback).log_failure(sys, &failure);
            }
        }
        Some(CONTINUE)
    }

    #[inline]
    pub(super) fn delete(&self, sys: &Sys, id: u32) -> Option<u32> {
        if self.streams.remove(id) { Some(CONTINUE) } else { self.root_delete(sys, id) }
    }

    #[cold]
    #[inline(never)]
    fn root_delete(&self, sys: &Sys, id: u32) -> Option<u32> {
        if !self.roots.remove(id) {
            return None;
        }
        sys.ticks_deleted(id);
        Some(CONTINUE)
    }
}

fn make<R: RootContext>(sys: &Sys, plugin: &'static str, id: u32, size: u32) -> Result<R, ConfigError> {
    let bytes = if R::Config::NEEDS_BYTES && size > 0 {
        sys.proxy_get_buffer_bytes(proxy_filter_abi::BufferType::PluginConfiguration, 0, size)?
    } else {
        Vec::new()
    };
    R::new(R::Config::from_config(&bytes)?, &Plugin::new(sys, plugin, id))
}
