//! How much waits in the queue, and what became of records: numbers that all VMs share.

use proxy_filter::prelude::*;

/// Why a record was dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dropped {
    /// There is no service with such a queue.
    NoQueue,
    /// The service does not keep up.
    QueueFull,
    /// Longer than a batch may be.
    TooLarge,
    /// Empty, or more than one line: from a plugin that is not this one.
    Malformed,
    /// The collector does not want it.
    Rejected,
    /// The collector did not take it in all attempts.
    GivenUp,
}

impl Dropped {
    fn name(self) -> &'static str {
        match self {
            Self::NoQueue => "no_queue",
            Self::QueueFull => "queue_full",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Rejected => "rejected",
            Self::GivenUp => "given_up",
        }
    }
}

/// The metrics of both plugins.
pub(crate) struct Backlog {
    /// Envoy's queues know neither a limit nor their length, so both sides count: by the queue's number, which is the same in all VMs.
    queued: GaugeFamily<2>,
    queue_name: String,
    shipped: Counter,
    dropped: CounterFamily<1>,
    retries: Counter,
}

impl Backlog {
    pub(crate) fn new(queue_name: String) -> Self {
        Self {
            // One for each time that the service has come back.
            queued: GaugeFamily::new("aggregator_records_queued", ["queue", "queue_id"], usize::MAX),
            queue_name,
            shipped: Counter::new("aggregator_records_shipped_total"),
            dropped: CounterFamily::new("aggregator_records_dropped_total", ["reason"], 8),
            retries: Counter::new("aggregator_retries_total"),
        }
    }

    /// Whether one more may wait. Where several workers ask at once, each may put one more.
    pub(crate) fn has_room(&self, context: &Context, queue: QueueId, most: u32) -> Result<bool, Error> {
        // Below zero for a moment, when an item was taken before it was counted.
        let queued = self.queued.get(context, [&self.queue_name, &queue.to_string()])? as i64;
        Ok(queued < i64::from(most))
    }

    pub(crate) fn put(&self, context: &Context, queue: QueueId) -> Result<(), Error> {
        self.queued.add(context, [&self.queue_name, &queue.to_string()], 1)
    }

    pub(crate) fn taken(&self, context: &Context, queue: QueueId, records: u64) -> Result<(), Error> {
        if records == 0 { Ok(()) } else { self.queued.sub(context, [&self.queue_name, &queue.to_string()], records) }
    }

    /// Nothing waits: whatever was miscounted, as by a VM that died between both, is forgotten.
    pub(crate) fn is_empty(&self, context: &Context, queue: QueueId) -> Result<(), Error> {
        self.queued.set(context, [&self.queue_name, &queue.to_string()], 0)
    }

    pub(crate) fn shipped(&self, context: &Context, records: u64) -> Result<(), Error> {
        self.shipped.add(context, records)
    }

    pub(crate) fn dropped(&self, context: &Context, why: Dropped, records: u64) -> Result<(), Error> {
        self.dropped.add(context, [why.name()], records)
    }

    pub(crate) fn retried(&self, context: &Context) -> Result<(), Error> {
        self.retries.add(context, 1)
    }
}
