//! How time passes in the mock proxy: its clock stands still until a test lets it move, and then what was due happens in its order.

use super::MockProxy;
use crate::host::Root;
use crate::host::events::Event;
use crate::running_vm::RunningVm;
use proxy_filter_abi::Callback;
use std::rc::Rc;
use std::time::Duration;

impl MockProxy {
    /// Lets time pass: the clock moves on, and what is due until then happens, each at its time: ticks that roots have asked for,
    /// answers to callouts, timeouts.
    ///
    /// Of what is due at one time, what was asked for first comes first, and between two events all streams go on as far as filters
    /// let them; so equal tests have equal traces. What is due at once, such as the answer of a [cluster](Self::cluster) without latency, waits for no
    /// `advance`: it happens before any method that moves the proxy returns, such as [`send`](Self::send) or a step of an open stream.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn advance(&self, time: Duration) {
        let end = self.state.events.now().saturating_add(time);
        while self.run_event(end, |_| true) {
            self.run();
        }
        self.state.events.move_to(end);
        self.check();
    }

    /// Sets the proxy's wall clock, which `proxy_get_current_time_nanoseconds` and WASI's realtime clock show, forward or back. Nothing
    /// becomes due by it, and the monotonic clock does not move; [`advance`](Self::advance) moves both.
    pub fn set_time(&self, since_epoch: Duration) -> &Self {
        self.state.events.set_wall(since_epoch);
        self
    }

    /// Sets the proxy's monotonic clock, which WASI's monotonic clock shows. Nothing becomes due by it, and the wall clock does not move.
    ///
    /// # Panics
    /// When it shows more already: it never goes back.
    #[track_caller]
    pub fn set_monotonic_time(&self, time: Duration) -> &Self {
        let shown = self.state.events.monotonic();
        assert!(time >= shown, "the monotonic clock shows {shown:?} and never goes back to {time:?}: set a later time");
        self.state.events.set_monotonic(time);
        self
    }

    /// Lets the first event happen that is due until then; whether there was one.
    pub(super) fn run_event(&self, until: Duration, is_free: impl Fn(u32) -> bool) -> bool {
        if self.is_gone() {
            return false;
        }
        let Some(event) = self.state.events.pop(until, |event| self.vm_of(event).is_none_or(&is_free)) else { return false };
        match event {
            Event::Tick { vm, root } => {
                self.with_root(vm, root, |vm, root| {
                    root.tick(&self.state.events, || self.call_root(vm, Callback::proxy_on_tick { context_id: root.id }));
                });
            }
            Event::HttpCallSent { call } => self.state.send_http_call(call),
            Event::HttpCallEnds { call } => self.end_http_call(call),
            Event::Grpc { id, to_service } => self.run_grpc(id, to_service),
            Event::GrpcTimesOut { id } => self.time_out_grpc(id),
            Event::UpstreamAnswers { stream } => self.end_slow_answer(stream),
        }
        true
    }

    /// The VM that an event comes to.
    fn vm_of(&self, event: &Event) -> Option<u32> {
        match event {
            Event::Tick { vm, .. } => Some(*vm),
            Event::HttpCallEnds { call } => self.state.http_calls.vm_of(*call),
            Event::Grpc { id, .. } | Event::GrpcTimesOut { id } => Some(id.vm),
            Event::HttpCallSent { .. } | Event::UpstreamAnswers { .. } => None,
        }
    }

    /// Finds a root by the numbers of its VM and its own; nothing where it is gone, or its VM has died.
    pub(super) fn with_root(&self, vm: u32, root: u32, f: impl FnOnce(&RunningVm, &Rc<Root>)) {
        if let Some(vm) = self.find_vm(vm)
            && let Some(root) = vm.host.root_by_id(root)
        {
            f(&vm, &root);
        }
    }

    /// The VM of this number, unless it is gone or has died.
    pub(crate) fn find_vm(&self, vm: u32) -> Option<Rc<RunningVm>> {
        self.all_vms().find_map(|vms| vms.find(vm))
    }

    /// Makes a callback of a root that no stream waits in: a trap leaves those that are paused where they are (FAI-6).
    pub(super) fn call_root(&self, vm: &RunningVm, callback: Callback) {
        vm.call_root(callback);
        if vm.is_dead() {
            self.find_hung(vm);
        }
    }
}
