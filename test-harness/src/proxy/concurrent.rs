//! Streams of several workers at the same time.

use super::MockProxy;
use crate::exchange::Exchange;
use crate::frames;
use crate::message::Message;
use crate::running_vm::{Thread, Vms};

impl MockProxy {
    /// Sends requests that are under way at the same time, one after the other to each [worker](crate::Builder::workers); gives their exchanges,
    /// in their order, when the filters have done all that they can do.
    ///
    /// The [seed](crate::Builder::seed) decides in which order the workers go on, callback by callback and within callbacks; with one worker it is
    /// callback by callback. No time passes meanwhile.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn send_concurrently<M: Into<Message>>(&self, requests: impl IntoIterator<Item = M>) -> Vec<Exchange> {
        let begin = |request: M| {
            let exchange = self.begin();
            self.feed(exchange.stream(), frames::request(&request.into(), self.settings.downstream));
            exchange
        };
        let exchanges = requests.into_iter().map(begin).collect();
        self.run();
        self.check();
        exchanges
    }

    /// The next stream, a request or a connection, comes to this worker, the first of which is 0; those after it to those after it, in turn.
    ///
    /// # Panics
    /// When there is no such worker.
    #[track_caller]
    pub fn next_worker(&self, worker: usize) -> &Self {
        let workers = self.workers.len();
        assert!(worker < workers, "there is no worker {worker}: the proxy has {workers}, from 0, by Builder::workers");
        self.next_worker.set(worker);
        self
    }

    /// The worker of a new stream.
    pub(super) fn take_worker(&self) -> usize {
        let worker = self.next_worker.get();
        self.next_worker.set((worker + 1) % self.workers.len());
        worker
    }

    /// The VMs of each thread.
    pub(crate) fn all_vms(&self) -> impl Iterator<Item = &Vms> {
        self.workers.iter().map(|worker| &worker.vms).chain([&self.main_vms])
    }

    fn is_free(&self, thread: Option<Thread>) -> bool {
        thread.is_none_or(|thread| !self.state.scheduler.is_running(thread))
    }

    /// Moves one stream on by a callback, tells one root of an item, or lets one event happen that is due, in a thread that is in no callback; the
    /// seed says which. Whether there was anything to do.
    pub(crate) fn step(&self) -> bool {
        let worker_of = |number: &u64| self.chains.borrow().get(number).map(|chain| self.workers[chain.worker()].vms.thread());
        let streams: Vec<u64> = self.state.streams.borrow().keys().copied().collect();
        let connections: Vec<u64> = self.state.connections.borrow().keys().copied().collect();
        let of_streams = streams.into_iter().map(Step::Stream);
        let of_connections = connections.into_iter().map(Step::Connection);
        let free = |step: &Step| match step {
            Step::Stream(number) | Step::Connection(number) => self.is_free(worker_of(number)),
            Step::Other => true,
        };
        let mut steps: Vec<Step> = of_streams.chain(of_connections).filter(free).collect();
        if self.state.scheduler.is_nested() {
            steps.push(Step::Other);
        }
        while !steps.is_empty() {
            let moved = match steps.swap_remove(self.state.scheduler.below(steps.len())) {
                Step::Stream(number) => self.step_stream(number),
                Step::Connection(number) => self.step_connection(number),
                Step::Other => self.step_other(),
            };
            if moved {
                return true;
            }
        }
        false
    }

    /// What is due in a thread that is in no callback, and of no stream.
    fn step_other(&self) -> bool {
        let is_free = |vm: u32| self.find_vm(vm).is_some_and(|vm| self.is_free(Some(vm.thread())));
        self.run_notice(is_free) || self.run_event(self.state.events.now(), is_free)
    }
}

/// What can be done next.
enum Step {
    Stream(u64),
    Connection(u64),
    /// A notice or an event. While no callback runs they come when all streams have come to rest.
    Other,
}
