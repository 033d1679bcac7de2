//! Shared queues: items that plugins hand to each other, across VMs and threads.

use crate::{Context, Error, Plugin, Status};
use alloc::vec::Vec;
use core::fmt;

/// A queue of the proxy: found by the vm_id and the name that it was registered under, and used by its number from any VM.
///
/// A service gathers what the filters of all workers have to tell, and they do not wait for it:
///
/// ```
/// use proxy_filter::prelude::*;
///
/// /// A singleton on the proxy's main thread (`envoy.bootstrap.wasm`), with the vm_id `audit`.
/// struct Audit;
///
/// impl RootContext for Audit {
///     type Config = ();
///     fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
///         plugin.register_queue("paths")?;
///         Ok(Self)
///     }
///     fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
///         while let Some(path) = plugin.dequeue(queue)? {
///             plugin.log(LogLevel::Info, path)?;
///         }
///         Ok(())
///     }
/// }
///
/// /// The filter: in every worker.
/// struct Stream;
///
/// impl HttpContext for Stream {
///     fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
///         if let (Some(queue), Some(path)) = (http.resolve_queue("audit", "paths")?, http.path()?) {
///             http.enqueue(queue, path)?;
///         }
///         Ok(())
///     }
/// }
/// # proxy_filter::register! { "audit" => root Audit }
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub(crate) u32);

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Plugin<'_> {
    /// Makes a queue of this name for the plugin's vm_id, or finds the one that exists with its items, and has the proxy tell this root of each item
    /// that is put there from now on ([`on_queue_ready`](crate::RootContext::on_queue_ready)).
    ///
    /// One root of all is told: the one that registered last, in whichever VM or thread (QUE-1, QUE-9). Envoy configures a
    /// filter in each worker, so with several workers it is the filter of one of them; a service is on one thread only.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn register_queue(&self, name: impl AsRef<[u8]>) -> Result<QueueId, Error> {
        self.host()?.proxy_register_shared_queue(name.as_ref()).map(QueueId)
    }
}

/// Shared queues.
impl Context {
    /// Finds a queue by the vm_id of the plugin that has registered it, empty for the own, and its name; `None` where nobody has
    /// registered it (yet: plugins are configured in the order of the proxy's configuration, and services apart).
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn resolve_queue(&self, vm_id: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Result<Option<QueueId>, Error> {
        match self.host()?.proxy_resolve_shared_queue(vm_id.as_ref(), name.as_ref()) {
            Ok(id) => Ok(Some(QueueId(id))),
            Err(Error { status: Status::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts an item, which may be empty, at the end of a queue; the root that registered it is told after this callback (QUE-8).
    ///
    /// # Errors
    /// [`Status::NotFound`]: the queue is gone.
    pub fn enqueue(&self, queue: QueueId, item: impl AsRef<[u8]>) -> Result<(), Error> {
        self.host()?.proxy_enqueue_shared_queue(queue.0, item.as_ref())
    }

    /// Takes the first item of a queue; `None` where there is none, which differs from an empty item.
    ///
    /// # Errors
    /// [`Status::NotFound`]: the queue is gone.
    pub fn dequeue(&self, queue: QueueId) -> Result<Option<Vec<u8>>, Error> {
        match self.host()?.proxy_dequeue_shared_queue(queue.0) {
            Ok(item) => Ok(Some(item)),
            Err(Error { status: Status::Empty, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
