//! The mistakes of filters that were found in a mock proxy, and what they do to the test.

use crate::host::State;
use crate::host::http_stream::HttpStream;
use crate::host::tcp_stream::TcpStream;
use crate::lint::{Finding, Lint, Severity};
use crate::profile::Profile;
use crate::proxy::MockProxy;
use crate::running_vm::{RunningVm, Vms};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What was found of the mistakes that Envoy does not forgive.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    allowed: Vec<Lint>,
    /// Warnings that fail the test all the same.
    denied: Vec<Lint>,
    /// The names of the filters, in the order of the chain.
    plugins: RefCell<Vec<String>>,
    all: RefCell<Vec<Finding>>,
    /// The first that fails the test.
    fatal: RefCell<Option<Finding>>,
    /// It has failed the test.
    reported: Cell<bool>,
    /// Envoy would be gone by now.
    crashed: Cell<bool>,
    /// Warnings of hostcalls, each once for a plugin and a callback: a filter may make thousands.
    warned: RefCell<BTreeSet<(Lint, String, &'static str)>>,
}

impl Findings {
    pub(crate) fn new(allowed: Vec<Lint>, denied: Vec<Lint>) -> Self {
        Self { allowed, denied, ..Self::default() }
    }

    pub(crate) fn of_plugins(&self, names: Vec<String>) {
        *self.plugins.borrow_mut() = names;
    }

    /// The name of a filter.
    pub(crate) fn plugin(&self, filter: usize) -> Option<String> {
        self.plugins.borrow().get(filter).cloned()
    }

    fn all(&self) -> Vec<Finding> {
        self.all.borrow().clone()
    }

    /// The one that fails the test.
    fn fatal(&self) -> Option<Finding> {
        self.fatal.borrow().clone()
    }

    fn crashed(&self) -> bool {
        self.crashed.get()
    }
}

impl State {
    /// Takes down a mistake. After one that crashes Envoy nothing more happens in this proxy: all connections are gone.
    pub(crate) fn found(&self, lint: Lint, plugin: Option<String>) {
        self.found_with(lint, plugin, None);
    }

    /// Takes down a warning of a hostcall, once for a plugin and a callback.
    pub(crate) fn warn(&self, lint: Lint, plugin: &str, callback: &'static str) {
        if self.findings.warned.borrow_mut().insert((lint, plugin.to_owned(), callback)) {
            self.found(lint, Some(plugin.to_owned()));
        }
    }

    /// Takes down a mistake, and what was measured of it.
    pub(crate) fn found_with(&self, lint: Lint, plugin: Option<String>, detail: Option<String>) {
        if self.profile == Profile::Spec && lint.is_of_envoy() {
            return;
        }
        let finding = Finding { lint, plugin, callback: self.trace.last_callback(), detail };
        self.findings.all.borrow_mut().push(finding.clone());
        let fails = lint.fails() || self.findings.denied.contains(&lint);
        if fails && !self.findings.allowed.contains(&lint) {
            self.findings.fatal.borrow_mut().get_or_insert(finding);
        }
        if lint.severity() == Severity::Crash {
            self.findings.crashed.set(true);
        }
    }

    /// Takes down the mistakes that were made in this stream.
    pub(crate) fn note_faults(&self, stream: &mut HttpStream) {
        for (filter, lint) in stream.take_faults() {
            self.found(lint, filter.and_then(|filter| self.findings.plugin(filter)));
        }
    }
}

impl State {
    /// Takes down the mistakes that were made in this connection.
    pub(crate) fn note_connection_faults(&self, stream: &mut TcpStream) {
        for (filter, lint) in stream.take_faults() {
            self.found(lint, self.findings.plugins.borrow().get(filter).cloned());
        }
    }
}

impl MockProxy {
    /// The mistakes of filters that were found so far: warnings, and what [`Builder::allow`](crate::Builder::allow) let pass.
    pub fn findings(&self) -> Vec<Finding> {
        self.state.findings.all()
    }

    /// Nothing moves any more: Envoy would have crashed, or the test is about to fail.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.findings.crashed() || self.state.findings.fatal().is_some()
    }

    /// Fails the test for what a filter has done.
    #[track_caller]
    pub(crate) fn check(&self) {
        if let Some(finding) = self.state.findings.fatal() {
            self.state.findings.reported.set(true);
            panic!("{finding}\n  to go on: Builder::allow(Lint::{:?})", finding.lint);
        }
    }

    /// FAI-6: the streams that were held back in a VM that has died.
    pub(crate) fn find_hung(&self, dead: &RunningVm) {
        for (number, chain) in self.chains.borrow().iter() {
            let mut streams = self.state.streams.borrow_mut();
            let Some(stream) = streams.get_mut(number) else { continue };
            for (filter, instance) in chain.instances().enumerate() {
                if std::ptr::eq(Rc::as_ptr(&instance.vm), dead) {
                    stream.hangs_without(filter);
                }
            }
            self.state.note_faults(stream);
        }
    }

    /// CAL-3: what is still in flight when the proxy goes, although nothing will ever end it.
    pub(crate) fn find_unanswered(&self) {
        for (vm, plugin) in self.state.http_calls.never_answered().into_iter().chain(self.state.grpc.never_answered()) {
            if self.find_vm(vm).is_some() {
                self.state.found(Lint::CalloutNeverAnswered, Some(plugin));
            }
        }
    }

    /// ACT-8, TCP-13: what is still held back when the proxy goes, although nothing would ever continue it.
    pub(crate) fn find_held(&self) {
        for (number, chain) in self.chains.borrow().iter() {
            let of_stream = self.state.streams.borrow().get(number).and_then(HttpStream::unseen_holder);
            let of_connection = self.state.connections.borrow().get(number).and_then(TcpStream::unseen_holder);
            let (holder, lint) = match of_connection {
                Some(filter) => (Some(filter), Lint::ConnectionNeverContinued),
                None => (of_stream, Lint::NeverContinued),
            };
            let Some(plugin) = holder.map(|filter| chain.instance(filter)) else { continue };
            let ticks = self.all_vms().flat_map(Vms::roots).any(|(vm, root)| Rc::ptr_eq(&vm, &plugin.vm) && root.ticks());
            let vm = plugin.vm.host.id();
            let may_wake = ticks || self.state.http_calls.may_wake(vm) || self.state.grpc.may_wake(vm);
            if !may_wake {
                self.state.found(lint, Some(plugin.root.plugin.name.clone()));
            }
        }
    }
}

impl Drop for MockProxy {
    fn drop(&mut self) {
        if self.is_last() && !std::thread::panicking() && !self.state.findings.reported.get() {
            if !self.is_gone() {
                self.find_held();
                self.find_unanswered();
            }
            self.check();
        }
    }
}
