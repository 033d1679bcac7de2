//! How the mock proxy moves HTTP streams: it makes the callbacks that a stream asks for, and has the upstream answer.

use super::{Framing, MockProxy};
use crate::chain::Chain;
use crate::exchange::Exchange;
use crate::frames;
use crate::host::http_stream::{Event, HttpStream, Poll, StreamCallback};
use crate::host::{self, StreamKey};
use crate::instance::Instance;
use crate::profile::Profile;
use crate::vm::Trap;
use proxy_filter_abi::Callback;
use std::rc::Rc;
use std::time::Duration;

impl MockProxy {
    /// A stream of which nothing has come yet.
    pub(crate) fn begin(&self) -> Exchange {
        let (log, costs) = (self.state.log.borrow().len(), self.state.costs.borrow().count());
        let number = self.next_stream.get();
        self.next_stream.set(number + 1);
        let worker = self.take_worker();
        let chain = Chain::new(number, worker, &self.workers[worker], true);
        /// The end of the year 9999: what is later has no date in HTTP.
        const LAST: Duration = Duration::from_secs(253_402_300_799);
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + self.state.events.wall().min(LAST));
        let mut stream = HttpStream::new(
            &chain.stop_iteration(self.settings.profile),
            self.settings.buffer_limit,
            format!("00000000-0000-4000-8000-{number:012x}"),
            date,
        );
        stream.begin_at(self.state.events.wall(), self.state.events.now(), number);
        stream.downstream_is_http2 = self.settings.downstream == Framing::Http2;
        stream.by_spec = self.settings.profile == Profile::Spec;
        stream.upstream_is_http2 = self.settings.upstream == Framing::Http2;
        chain.begin(&mut stream);
        stream.log_to(chain.loggers().len());
        self.chains.borrow_mut().insert(number, Rc::new(chain));
        self.state.streams.borrow_mut().insert(number, stream);
        Exchange::new(Rc::clone(&self.state), number, log, costs)
    }

    /// Something has come for a stream.
    pub(super) fn feed(&self, stream: u64, events: Vec<Event>) {
        self.with_stream(stream, |stream| events.into_iter().for_each(|event| stream.receive(event)));
    }

    /// Moves one stream on; whether anything was done.
    pub(super) fn run_stream(&self, number: u64) -> bool {
        let mut moved = false;
        while self.step_stream(number) {
            moved = true;
        }
        moved
    }

    /// Moves one stream on by one callback; whether anything was done.
    pub(super) fn step_stream(&self, number: u64) -> bool {
        // What has come before in this round may have ended it.
        if !self.state.streams.borrow().contains_key(&number) {
            return false;
        }
        if self.is_gone() {
            self.with_stream(number, HttpStream::vanish);
            self.chains.borrow_mut().remove(&number);
            return false;
        }
        // No peer is heard while a callback's wishes are carried out.
        let alone = self.state.has_effects();
        let poll = self.with_stream(number, |stream| if alone { stream.poll_alone() } else { stream.poll() });
        match poll {
            Poll::Create { filter } => self.create(StreamKey { stream: number, filter }),
            Poll::Call { filter, callback } => self.call(StreamKey { stream: number, filter }, callback),
            Poll::AccessLog { logger } => self.access_log(number, logger),
            Poll::AskUpstream => self.ask_upstream(number),
            Poll::Finished => {
                self.chains.borrow_mut().remove(&number);
                if self.with_stream(number, |stream| stream.unwatched) {
                    self.state.streams.borrow_mut().remove(&number);
                }
                self.end_retired();
                return false;
            }
            Poll::Idle => return false,
        }
        true
    }

    pub(crate) fn with_stream<R>(&self, number: u64, f: impl FnOnce(&mut HttpStream) -> R) -> R {
        let mut streams = self.state.streams.borrow_mut();
        let stream = streams.get_mut(&number).unwrap_or_else(|| unreachable!("a stream that runs is in the table"));
        stream.set_now(self.state.events.now());
        let result = f(stream);
        self.state.note_faults(stream);
        result
    }

    fn create(&self, key: StreamKey) {
        let Some((plugin, context_id)) = self.alive(key) else { return };
        let created = plugin.vm.call(Callback::proxy_on_context_create { context_id, parent_id: plugin.root.id });
        self.after(key, &created, |_, _| ());
    }

    fn call(&self, key: StreamKey, callback: StreamCallback) {
        let Some((plugin, context_id)) = self.alive(key) else { return };
        let answer = plugin.vm.call(callback.to_abi(context_id));
        self.after(key, &answer, HttpStream::apply);
        if callback == StreamCallback::Done && matches!(answer, Ok(0)) {
            self.with_stream(key.stream, |stream| stream.wait_for_done(key.filter));
        }
        if callback == StreamCallback::Delete {
            plugin.vm.host.delete_context(context_id);
        }
    }

    /// The plugin and the stream's context in it, unless its VM has died in another stream: this one fails then at its next
    /// callback (FAI-1, FAI-5).
    fn alive(&self, key: StreamKey) -> Option<(Rc<Instance>, u32)> {
        let chain = Rc::clone(self.chains.borrow().get(&key.stream)?);
        let context = chain.context(key.filter);
        if context.is_none() {
            self.fail(key);
        }
        Some((Rc::clone(chain.instance(key.filter)), context?))
    }

    /// Carries out what a callback asked for, then what its answer says; after a trap the stream fails instead (FAI-2, LOC-18).
    fn after(&self, key: StreamKey, answer: &Result<u32, Trap>, apply: impl FnOnce(&mut HttpStream, u32)) {
        match answer {
            Ok(answer) => {
                self.state.run_effects();
                self.with_stream(key.stream, |stream| apply(stream, *answer));
            }
            Err(_) => {
                self.fail(key);
                let vm = self.chains.borrow().get(&key.stream).map(|chain| Rc::clone(&chain.instance(key.filter).vm));
                vm.iter().for_each(|vm| self.find_hung(vm));
            }
        }
    }

    /// What a stream comes to at a filter whose VM is dead (FAI-2, FAI-8).
    fn fail(&self, key: StreamKey) {
        let open = self.chains.borrow().get(&key.stream).is_some_and(|chain| chain.instance(key.filter).root.plugin.fail_open);
        if open {
            // Nothing takes back what the callback asked for before it trapped (FAI-16).
            self.state.run_effects();
            self.with_stream(key.stream, |stream| stream.fail_open(key.filter));
        } else {
            self.state.run_effects_after_trap(key);
            self.with_stream(key.stream, |stream| stream.fail(key.filter));
        }
    }

    /// ACL-1: an access logger is told of the end of a stream in its root.
    fn access_log(&self, number: u64, logger: usize) {
        let Some(chain) = self.chains.borrow().get(&number).cloned() else { return };
        let instance = chain.loggers()[logger].latest(&self.workers[chain.worker()].vms);
        instance.vm.log_stream(&instance.root, number);
        if instance.vm.is_dead() {
            self.find_hung(&instance.vm);
        }
    }

    /// Has the upstream answer a request, on what it has received of it.
    pub(crate) fn ask_upstream(&self, number: u64) {
        let request = self.with_stream(number, |stream| stream.upstream_request().cloned().unwrap_or_default());
        let (after, answer) = self.upstream.borrow_mut().answer(&request).flattened(Duration::ZERO);
        if after.is_zero() {
            self.feed(number, frames::answer(&answer, &request, self.settings.upstream));
        } else {
            self.slow_answers.borrow_mut().insert(number, answer);
            self.state.events.schedule(after, host::events::Event::UpstreamAnswers { stream: number });
        }
    }

    /// The upstream has taken its time; the stream may have ended meanwhile.
    pub(super) fn end_slow_answer(&self, number: u64) {
        let answer = self.slow_answers.borrow_mut().remove(&number);
        let request =
            self.state.streams.borrow().get(&number).map(|stream| stream.upstream_request().cloned().unwrap_or_default());
        if let (Some(answer), Some(request)) = (answer, request) {
            self.feed(number, frames::answer(&answer, &request, self.settings.upstream));
        }
    }
}
