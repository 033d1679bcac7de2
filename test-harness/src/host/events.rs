//! The proxy's time, and what is to happen in it: one queue, in the order of time, and of asking where the time is the same.

use super::grpc::GrpcId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// The virtual clock of a mock proxy: it stands still, but for [`MockProxy::advance`](crate::MockProxy::advance).
///
/// Events are due by the time since the proxy began, which no setting of the two clocks that plugins read can move.
#[derive(Debug)]
pub(crate) struct Events {
    /// How much time has passed since the proxy began.
    now: Cell<Duration>,
    /// Since the Unix epoch.
    wall: Cell<Duration>,
    monotonic: Cell<Duration>,
    queue: RefCell<BTreeMap<EventId, Event>>,
    asked: Cell<u64>,
}

/// An event's place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId {
    due: Duration,
    sequence: u64,
}

/// What happens when its time has come. VMs are named by number: one that has died meanwhile is not there to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A root's timer (TIM-1).
    Tick { vm: u32, root: u32 },
    /// An HTTP call's request reaches its cluster.
    HttpCallSent { call: u64 },
    /// An HTTP call is answered, or has timed out.
    HttpCallEnds { call: u64 },
    /// A stream's upstream does what it has taken its time for.
    UpstreamAnswers { stream: u64 },
    /// What is next of a gRPC call or stream reaches its service, or the guest.
    Grpc { id: GrpcId, to_service: bool },
    /// The time of a gRPC call is over.
    GrpcTimesOut { id: GrpcId },
}

impl EventId {
    /// When it happens, by the time since the proxy began.
    pub(crate) fn due(self) -> Duration {
        self.due
    }
}

impl Events {
    pub(crate) fn new(wall: Duration) -> Self {
        /// A host that has been up for a while: a monotonic clock that begins at 0 invites a filter to take 0 for "never".
        const UP: Duration = Duration::from_secs(1_000);
        Self {
            now: Cell::default(),
            wall: Cell::new(wall),
            monotonic: Cell::new(UP),
            queue: RefCell::default(),
            asked: Cell::default(),
        }
    }

    /// How much time has passed since the proxy began.
    pub(crate) fn now(&self) -> Duration {
        self.now.get()
    }

    /// What the wall clock shows, since the Unix epoch (TIM-5).
    pub(crate) fn wall(&self) -> Duration {
        self.wall.get()
    }

    /// What the monotonic clock shows.
    pub(crate) fn monotonic(&self) -> Duration {
        self.monotonic.get()
    }

    pub(crate) fn set_wall(&self, since_epoch: Duration) {
        self.wall.set(since_epoch);
    }

    pub(crate) fn set_monotonic(&self, time: Duration) {
        self.monotonic.set(time);
    }

    /// Puts an event into the queue, to happen after this time; after none it happens as soon as all that is under way has come to rest.
    pub(crate) fn schedule(&self, after: Duration, event: Event) -> EventId {
        let sequence = self.asked.replace(self.asked.get() + 1);
        let id = EventId { due: self.now.get().saturating_add(after), sequence };
        self.queue.borrow_mut().insert(id, event);
        id
    }

    /// It will not happen; nothing where it has.
    pub(crate) fn cancel(&self, id: EventId) {
        self.queue.borrow_mut().remove(&id);
    }

    /// Takes the first event of these that is due until then, and lets its time come.
    pub(crate) fn pop(&self, until: Duration, of: impl Fn(&Event) -> bool) -> Option<Event> {
        let id = *self.queue.borrow().iter().take_while(|(id, _)| id.due <= until).find(|(_, event)| of(event))?.0;
        let event = self.queue.borrow_mut().remove(&id)?;
        self.move_to(id.due);
        Some(event)
    }

    /// Lets the time come, if it has not: all clocks move by the same.
    pub(crate) fn move_to(&self, time: Duration) {
        let by = time.saturating_sub(self.now.get());
        for clock in [&self.now, &self.wall, &self.monotonic] {
            clock.set(clock.get().saturating_add(by));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn tick(root: u32) -> Event {
        Event::Tick { vm: 0, root }
    }

    #[test]
    fn events_come_by_time_then_in_the_order_of_asking_and_not_once_they_are_cancelled() {
        let events = Events::new(Duration::ZERO);
        let mut ids = Vec::new();
        for (after, root) in [(3, 1), (1, 2), (3, 3), (0, 4), (2, 5), (1, 6)] {
            ids.push(events.schedule(after * MS, tick(root)));
        }
        events.cancel(ids[4]);
        let mut came = Vec::new();
        while let Some(event) = events.pop(3 * MS, |_| true) {
            came.push((events.now(), event));
        }
        assert_eq!(came, [(Duration::ZERO, tick(4)), (MS, tick(2)), (MS, tick(6)), (3 * MS, tick(1)), (3 * MS, tick(3))]);
        events.cancel(ids[0]);
    }

    #[test]
    fn setting_a_clock_moves_no_event_and_not_the_other_clock() {
        let events = Events::new(Duration::from_secs(5));
        let monotonic = events.monotonic();
        events.schedule(2 * MS, tick(1));
        events.set_wall(Duration::from_secs(1));
        assert_eq!((events.pop(MS, |_| true), events.monotonic()), (None, monotonic));
        assert_eq!(events.pop(9 * MS, |_| true), Some(tick(1)));
        assert_eq!((events.wall(), events.monotonic()), (Duration::from_secs(1) + 2 * MS, monotonic + 2 * MS));
        events.move_to(MS);
        assert_eq!(events.now(), 2 * MS, "time never goes back");
    }

    #[test]
    fn time_ends_where_its_type_does() {
        let events = Events::new(Duration::from_secs(5));
        events.move_to(Duration::MAX);
        events.schedule(MS, tick(1));
        assert_eq!((events.wall(), events.pop(Duration::MAX, |_| true)), (Duration::MAX, Some(tick(1))));
    }
}
