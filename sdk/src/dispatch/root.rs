//! Root contexts: made by the proxy, filled by a configuration.

use super::{FALSE, Place, Row, TRUE};
use crate::{ConfigError, FromConfig, LogLevel, Plugin, RootContext, sys::Sys};
use alloc::{rc::Rc, vec::Vec};
use core::cell::RefCell;

/// The roots of one registered plugin. There are few: one for each configuration that is in use.
pub(super) struct Roots<R> {
    plugin: &'static str,
    roots: RefCell<Vec<(u32, Option<Rc<R>>)>>,
}

impl<R: RootContext> Roots<R> {
    pub(super) const fn new(plugin: &'static str) -> Self {
        Self { plugin, roots: RefCell::new(Vec::new()) }
    }

    pub(super) const fn plugin(&self) -> &'static str {
        self.plugin
    }

    pub(super) fn create(&self, id: u32) {
        self.remove(id);
        if let Ok(mut roots) = self.roots.try_borrow_mut() {
            roots.push((id, None));
        }
    }

    /// The configured root of this id.
    #[inline]
    pub(super) fn get(&self, id: u32) -> Option<Rc<R>> {
        let roots = self.roots.try_borrow().ok()?;
        roots.iter().find(|(other, _)| *other == id)?.1.clone()
    }

    fn contains(&self, id: u32) -> bool {
        self.roots.try_borrow().is_ok_and(|roots| roots.iter().any(|(other, _)| *other == id))
    }

    fn remove(&self, id: u32) -> bool {
        let Ok(mut roots) = self.roots.try_borrow_mut() else { return false };
        let Some(at) = roots.iter().position(|(other, _)| *other == id) else { return false };
        let last = roots.len() - 1;
        roots.swap(at, last);
        let removed = roots.pop();
        // The author's `Drop` runs after the borrow has ended.
        drop(roots);
        drop(removed);
        true
    }

    pub(super) fn configure(&self, sys: &Sys, id: u32, size: u32) -> Option<u32> {
        if !self.contains(id) {
            return None;
        }
        #[cfg(all(feature = "host-log-level", target_family = "wasm"))]
        crate::logger::follow_host_level();
        match make::<R>(sys, id, size) {
            Ok(root) => {
                let previous = self.roots.try_borrow_mut().ok().and_then(|mut roots| {
                    let (_, slot) = roots.iter_mut().find(|(other, _)| *other == id)?;
                    slot.replace(Rc::new(root))
                });
                drop(previous);
                Some(TRUE)
            }
            Err(error) => {
                crate::runtime::log(sys, LogLevel::Error, &[self.plugin, ": bad configuration: ", &error.0]);
                Some(FALSE)
            }
        }
    }

    pub(super) fn done(&self, sys: &Sys, id: u32) -> Option<u32> {
        if let Some(root) = self.get(id) {
            if let Err(failure) = root.on_done(Plugin::new(sys, id)) {
                let place = Place { plugin: self.plugin, id, callback: "proxy_on_done" };
                place.log(sys, LogLevel::Error, &failure.text());
            }
        } else if !self.contains(id) {
            return None;
        }
        Some(TRUE)
    }

    /// A root that serves as an access logger is told of each stream; there is no callback for that yet.
    pub(super) fn log(&self, id: u32) -> Option<u32> {
        self.contains(id).then_some(0)
    }

    pub(super) fn delete(&self, id: u32) -> Option<u32> {
        self.remove(id).then_some(0)
    }
}

fn make<R: RootContext>(sys: &Sys, id: u32, size: u32) -> Result<R, ConfigError> {
    let bytes = if R::Config::NEEDS_BYTES && size > 0 {
        sys.proxy_get_buffer_bytes(proxy_filter_abi::BufferType::PluginConfiguration, 0, size)?
    } else {
        Vec::new()
    };
    R::new(R::Config::from_config(&bytes)?, &Plugin::new(sys, id))
}

/// A plugin without streams: registered as `root`.
pub struct RootRow<R: RootContext>(Roots<R>);

impl<R: RootContext> RootRow<R> {
    /// The plugin of this root id.
    pub const fn new(id: &'static str) -> Self {
        Self(Roots::new(id))
    }
}

impl<R: RootContext> Row for RootRow<R> {
    fn id(&self) -> &'static str {
        self.0.plugin()
    }
    fn create_root(&self, id: u32) {
        self.0.create(id);
    }
    fn create_stream(&self, _sys: &Sys, _id: u32, _root_id: u32) -> Option<()> {
        None
    }
    fn configure(&self, sys: &Sys, id: u32, size: u32) -> Option<u32> {
        self.0.configure(sys, id, size)
    }
    fn done(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.done(sys, id)
    }
    fn log(&self, _sys: &Sys, id: u32) -> Option<u32> {
        self.0.log(id)
    }
    fn delete(&self, _sys: &Sys, id: u32) -> Option<u32> {
        self.0.delete(id)
    }
}
