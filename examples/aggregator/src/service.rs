//! The service: one for the whole proxy, on its main thread.

use crate::backlog::{Backlog, Dropped};
use crate::batches::{Batches, Unfit};
use crate::config::ServiceConfig;
use crate::delivery::Delivery;
use core::cell::{Cell, RefCell};
use core::time::Duration;
use proxy_filter::prelude::*;

pub(crate) struct Aggregator {
    queue: QueueId,
    max_wait: Duration,
    delivery: Delivery,
    pub(crate) backlog: Backlog,
    buffer: RefCell<Batches>,
    /// A task ships; there is one as long as there is something to ship.
    shipping: Cell<bool>,
    /// Wakes it before its time.
    wake: RefCell<Option<oneshot::Sender<()>>>,
    /// The proxy wants to drop this root, which sends what it has first.
    ending: Cell<bool>,
}

impl RootContext for Aggregator {
    type Config = Json<ServiceConfig>;

    fn new(Json(config): Json<ServiceConfig>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        config.check()?;
        // Nothing is taken here: Envoy makes a first instance only to try the configuration out (LIF-8).
        let queue = plugin.register_queue(&config.queue)?;
        let backlog = Backlog::new(config.queue.clone());
        // What a service before this one has left uncounted must not keep filters out for good.
        backlog.is_empty(plugin, queue)?;
        Ok(Self {
            queue,
            max_wait: config.max_wait_time(),
            backlog,
            buffer: RefCell::new(Batches::new(config.batch_records, config.batch_bytes, config.max_buffered_bytes)),
            delivery: Delivery::new(config),
            shipping: Cell::new(false),
            wake: RefCell::new(None),
            ending: Cell::new(false),
        })
    }

    fn on_queue_ready(self: &Rc<Self>, _queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        let drained = self.drain(&plugin);
        self.ship_what_is_there(&plugin);
        drained
    }

    /// It is done when all is shipped or given up, which the limit of attempts sees to.
    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        self.ending.set(true);
        let drained = self.drain(&plugin);
        self.ship_what_is_there(&plugin);
        if let Err(failure) = drained {
            plugin.log(LogLevel::Error, format!("what is left in the queue stays there: {failure:?}"))?;
        }
        Ok(!self.shipping.get())
    }
}

impl Aggregator {
    /// Takes from the queue what there is room for; the rest waits there, and filters stop adding to it at their limit.
    fn drain(&self, plugin: &Plugin<'_>) -> Result<(), Failure> {
        let mut taken = 0;
        while self.buffer.try_borrow()?.has_room() {
            let Some(record) = plugin.dequeue(self.queue)? else {
                return Ok(self.backlog.is_empty(plugin, self.queue)?);
            };
            taken += 1;
            match self.buffer.try_borrow_mut()?.push(record) {
                Ok(()) => {}
                Err(Unfit::TooLarge) => self.backlog.dropped(plugin, Dropped::TooLarge, 1)?,
                Err(Unfit::Malformed) => self.backlog.dropped(plugin, Dropped::Malformed, 1)?,
            }
        }
        Ok(self.backlog.taken(plugin, self.queue, taken)?)
    }

    fn ship_what_is_there(self: &Rc<Self>, plugin: &Plugin<'_>) {
        if self.is_empty() {
            return;
        }
        if !self.shipping.replace(true) {
            let root = Rc::clone(self);
            plugin.spawn(async move |plugin| {
                let shipped = root.ship(&plugin).await;
                root.shipping.set(false);
                // A task that never had to wait is over while the proxy still asks, and does not listen yet (LIF-22).
                if root.ending.get() && plugin.done().is_err() {
                    let _ = plugin.sleep(Duration::from_millis(1)).await;
                    plugin.done()?;
                }
                shipped
            });
        } else if self.is_due() {
            let sender = self.wake.try_borrow_mut().ok().and_then(|mut wake| wake.take());
            // It may be up already.
            let _ = sender.map(|sender| sender.send(()));
        }
    }

    /// Until nothing is left. What fails besides is told at the end: it must not keep records from being shipped.
    async fn ship(&self, plugin: &Plugin<'_>) -> Result<(), Failure> {
        let mut shipped = Ok(());
        while !self.is_empty() {
            if !self.is_due() {
                let (sender, full) = oneshot::channel();
                self.wake.replace(Some(sender));
                // Whichever comes first. On a proxy without a clock no time passes, and a batch is what has come.
                race(full, plugin.sleep(self.max_wait)).await;
            }
            let batch = self.buffer.try_borrow_mut()?.take();
            if let Some(batch) = batch {
                let delivered = self.delivery.deliver(plugin, &self.backlog, batch).await;
                shipped = shipped.and(delivered);
            }
            // There is room again for what waits in the queue, of which there were notices already.
            shipped = shipped.and(self.drain(plugin));
        }
        shipped
    }

    fn is_empty(&self) -> bool {
        self.buffer.try_borrow().is_ok_and(|buffer| buffer.is_empty())
    }

    /// Whether a batch is to go at once.
    fn is_due(&self) -> bool {
        self.ending.get() || self.buffer.try_borrow().is_ok_and(|buffer| buffer.is_full())
    }
}
