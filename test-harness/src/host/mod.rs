//! The mock proxy's state, and what each hostcall means.
//!
//! [`State`] belongs to the [`MockProxy`](crate::MockProxy): streams, log, clock, trace. A [`VmHost`] is what one VM sees of it; its
//! `impl Host` is the one place where a hostcall has its meaning. [`Traced`] stands in front and writes the trace.

mod arrived;
pub(crate) mod buffer;
mod capability;
pub(crate) mod clusters;
mod context;
mod costs;
mod effects;
pub(crate) mod events;
mod foreign;
pub(crate) mod grpc;
mod header_map;
mod http_call;
pub(crate) mod http_stream;
mod meaning;
mod metrics;
pub(crate) mod property;
mod settings;
pub(crate) mod shared;
mod sharing;
pub(crate) mod tcp_stream;
mod tokens;
mod traced;
mod wasi;
mod watch;

use arrived::Arrived;
pub(crate) use capability::Capabilities;
use clusters::Clusters;
use context::Context;
pub(crate) use context::Root;
use costs::Costs;
pub(crate) use effects::Deferred;
use effects::Effect;
use events::Events;
pub use foreign::ForeignCall;
pub(crate) use foreign::Function;
use foreign::{Declarations, Expressions, ForeignFunctions};
use grpc::Grpc;
pub(crate) use header_map::{HeaderMap, MapKind};
use http_call::HttpCalls;
pub(crate) use settings::{PluginSettings, VmSettings};
pub(crate) use traced::Traced;

use crate::fault::Faults;
use crate::findings::Findings;
use crate::interleaving::Scheduler;
use crate::limits::{Bounds, Limit, Limits};
use crate::log::LogLine;
use crate::profile::Profile;
use crate::trace::Trace;
use crate::vm::Trap;
use http_stream::{HttpStream, Reply};
use property::Told;
use proxy_filter_abi::{AbiVersion, Callback, LogLevel, Status};
use shared::Shared;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use tcp_stream::TcpStream;
use tokens::Tokens;

/// What all VMs of a mock proxy share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) trace: Trace,
    pub(crate) log: RefCell<Vec<LogLine>>,
    /// How many bytes the log still takes.
    log_room: Cell<usize>,
    /// Each callback that was made, and the guest instructions that it used.
    pub(crate) costs: RefCell<Costs>,
    /// The guest instructions that were used altogether, those of loading included.
    pub(crate) fuel_used: Cell<u64>,
    /// The first trap of any plugin.
    pub(crate) trap: RefCell<Option<Trap>>,
    pub(crate) log_level: Cell<LogLevel>,
    pub(crate) events: Events,
    vms: Cell<u32>,
    pub(crate) clusters: Clusters,
    pub(crate) http_calls: HttpCalls,
    pub(crate) grpc: Grpc,
    /// Why the hostcall that runs is refused, for the trace.
    refusal: RefCell<Option<String>>,
    pub(crate) streams: RefCell<BTreeMap<u64, HttpStream>>,
    /// Numbered together with the HTTP streams.
    pub(crate) connections: RefCell<BTreeMap<u64, TcpStream>>,
    /// What callbacks have asked for, to be carried out when they have returned (SEQ-21).
    effects: RefCell<VecDeque<Deferred>>,
    pub(crate) findings: Findings,
    /// By hostcall: how often bytes were handed over to guests, and how many.
    pub(crate) handed_over: RefCell<BTreeMap<&'static str, (u64, u64)>>,
    pub(crate) faults: Faults,
    pub(crate) foreign: ForeignFunctions,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) bounds: Bounds,
    pub(crate) shared: Shared,
    pub(crate) scheduler: Scheduler,
    pub(crate) profile: Profile,
    /// What the test says of properties, of all streams.
    pub(crate) told: RefCell<Told>,
}

/// A filter's place in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamKey {
    pub(crate) stream: u64,
    pub(crate) filter: usize,
}

impl State {
    pub(crate) fn new(log_level: LogLevel, time: Duration, findings: Findings, profile: Profile, limits: Limits) -> Self {
        Self {
            trace: Trace::default(),
            log: RefCell::default(),
            log_room: Cell::new(limits.log_bytes),
            costs: RefCell::default(),
            fuel_used: Cell::default(),
            trap: RefCell::default(),
            log_level: Cell::new(log_level),
            events: Events::new(time),
            vms: Cell::default(),
            clusters: Clusters::default(),
            http_calls: HttpCalls::default(),
            grpc: Grpc::default(),
            refusal: RefCell::default(),
            streams: RefCell::default(),
            connections: RefCell::default(),
            effects: RefCell::default(),
            findings,
            handed_over: RefCell::default(),
            faults: Faults::default(),
            foreign: ForeignFunctions::default(),
            metrics: metrics::Metrics::default(),
            bounds: Bounds::new(limits),
            shared: Shared::default(),
            scheduler: Scheduler::default(),
            profile,
            told: RefCell::new(Told::of_proxy()),
        }
    }

    /// Takes a line into the log, as far as there is room for it.
    pub(crate) fn log(&self, level: LogLevel, plugin: &str, message: &[u8]) {
        const OF_A_LINE: usize = 64;
        let room = self.log_room.get();
        if room == 0 {
            return;
        }
        let rest = room.saturating_sub(message.len() + OF_A_LINE);
        self.log_room.set(rest);
        match rest {
            0 => self.reached(Limit::Log, plugin),
            _ => self.push_log(level, plugin, String::from_utf8_lossy(message).into_owned()),
        }
    }

    /// Takes a line into the log, though there is no room.
    pub(crate) fn push_log(&self, level: LogLevel, plugin: &str, message: String) {
        self.log.borrow_mut().push(LogLine::new(level, plugin.to_owned(), message));
    }

    /// A hostcall's answer, of which the trace is to say why.
    pub(crate) fn refuse(&self, status: Status, why: String) -> Status {
        self.refusal.replace(Some(why));
        status
    }

    /// Why the hostcall that has just been made was refused.
    fn take_refusal(&self) -> Option<String> {
        self.refusal.take()
    }
}

/// A failing assertion unwinds through here: the trace says what led to it.
impl Drop for State {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the mock proxy did ---\n{}---", self.trace);
            if let Some(seed) = self.scheduler.seed() {
                eprintln!("its threads ran by seed {seed}: PROXY_FILTER_SEED={seed} runs them so again");
            }
        }
    }
}

/// One VM's side of the proxy: its contexts, and which of them is running.
#[derive(Debug)]
pub(crate) struct VmHost {
    /// Its number among the proxy's VMs.
    id: u32,
    state: Rc<State>,
    /// The plugin that the VM was made for: what it does while its module initialises is this one's.
    first: Rc<PluginSettings>,
    contexts: RefCell<BTreeMap<u32, Context>>,
    next_context_id: Cell<u32>,
    running: Cell<Option<Callback>>,
    /// What `proxy_set_effective_context` has set for the running callback (CTX-4).
    effective: Cell<u32>,
    /// Roots that have called `proxy_done` in the running callback.
    done: RefCell<Vec<Rc<Root>>>,
    /// The stream that an access logger is told of, for the time of its `proxy_on_log` (ACL-2).
    logged: Cell<Option<u64>>,
    /// Its callbacks are never cut by those of other threads.
    atomic: Cell<bool>,
    /// Where the VM's random numbers are.
    random: Cell<u64>,
    /// What contexts have declared of their properties (FOR-10).
    declarations: Declarations,
    /// The expressions that plugins have made (FOR-5).
    expressions: Expressions,
    /// The hostcall at hand is one of a foreign function that exists.
    called_foreign: Cell<bool>,
    /// What the plugin is given by the running `proxy_on_foreign_function`.
    foreign_arguments: RefCell<Option<Vec<u8>>>,
    /// What the plugin's code was made for.
    abi: Cell<AbiVersion>,
    metric_ids: metrics::MetricIds,
    tokens: Tokens,
    /// What the callout has brought whose callback runs.
    arrived: RefCell<Option<Arrived>>,
}

/// A VM that goes takes what it has asked for with it: that of Envoy's canary comes to nothing (CAL-16).
impl Drop for VmHost {
    fn drop(&mut self) {
        self.state.cancel_http_calls(self.id, None);
        self.state.cancel_grpc_of(self.id, None);
    }
}

impl VmHost {
    pub(crate) fn new(state: Rc<State>, first: Rc<PluginSettings>) -> Self {
        let id = state.vms.replace(state.vms.get() + 1);
        Self {
            id,
            state,
            first,
            contexts: RefCell::default(),
            next_context_id: Cell::new(1),
            running: Cell::new(None),
            effective: Cell::new(0),
            done: RefCell::default(),
            logged: Cell::new(None),
            atomic: Cell::new(false),
            random: Cell::new(0x9E37_79B9_7F4A_7C15),
            declarations: Declarations::default(),
            expressions: Expressions::default(),
            called_foreign: Cell::new(false),
            foreign_arguments: RefCell::new(None),
            abi: Cell::new(AbiVersion::V0_2_1),
            metric_ids: metrics::MetricIds::default(),
            tokens: Tokens::default(),
            arrived: RefCell::default(),
        }
    }

    /// Its number among the proxy's VMs: none is used twice.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn state(&self) -> &Rc<State> {
        &self.state
    }

    /// The module that was loaded is of this version.
    #[cfg(feature = "wasmtime")]
    pub(crate) fn set_abi(&self, version: AbiVersion) {
        self.abi.set(version);
    }

    pub(crate) fn set_atomic(&self) {
        self.atomic.set(true);
    }

    fn is_atomic(&self) -> bool {
        self.atomic.get()
    }

    /// The settings of the VM.
    pub(crate) fn vm(&self) -> &VmSettings {
        &self.first.vm
    }

    /// The plugin of the context that hostcalls act on now.
    pub(crate) fn plugin(&self) -> Rc<PluginSettings> {
        self.root().map_or_else(|| Rc::clone(&self.first), |root| Rc::clone(&root.plugin))
    }

    /// The root of the context that hostcalls act on now.
    pub(crate) fn root(&self) -> Option<Rc<Root>> {
        self.contexts.borrow().get(&self.effective.get()).map(|context| Rc::clone(context.root()))
    }

    /// Marks which callback runs; hostcalls act on its context until it says otherwise.
    pub(crate) fn enter(&self, callback: Callback) {
        self.effective.set(callback.context_id());
        self.running.set(Some(callback));
    }

    /// The callback has returned: its effective context does not outlive it (CTX-4).
    pub(crate) fn leave(&self) {
        self.running.set(None);
    }

    fn is_starting(&self) -> bool {
        matches!(self.running.get(), Some(Callback::proxy_on_vm_start { .. }))
    }

    fn is_configuring(&self) -> bool {
        matches!(self.running.get(), Some(Callback::proxy_on_configure { .. }))
    }

    /// The stream that hostcalls act on now.
    fn stream(&self) -> Option<StreamKey> {
        self.contexts.borrow().get(&self.effective.get())?.stream()
    }

    /// The stream whose own callback runs.
    fn running_stream(&self) -> Option<StreamKey> {
        self.contexts.borrow().get(&self.running.get()?.context_id())?.stream()
    }

    fn with_stream<R>(&self, f: impl FnOnce(&mut HttpStream, usize) -> R) -> Option<R> {
        let key = self.stream()?;
        self.state.streams.borrow_mut().get_mut(&key.stream).map(|stream| f(stream, key.filter))
    }

    pub(crate) fn set_logged(&self, stream: Option<u64>) {
        self.logged.set(stream);
    }

    /// The stream that an access logger's root reads, when hostcalls act on that root.
    fn logged_stream(&self) -> Option<u64> {
        self.logged.get().filter(|_| self.running.get().is_some_and(|callback| callback.context_id() == self.effective.get()))
    }

    /// A stream to be read: that of the context, or the one that an access logger is told of.
    fn with_readable<R>(&self, f: impl FnOnce(&HttpStream, usize) -> R) -> Option<R> {
        // In `on_log` it does not matter which filter asks.
        let key = self.stream().or_else(|| Some(StreamKey { stream: self.logged_stream()?, filter: 0 }))?;
        self.state.streams.borrow().get(&key.stream).map(|stream| f(stream, key.filter))
    }

    fn with_connection<R>(&self, f: impl FnOnce(&mut TcpStream, usize) -> R) -> Option<R> {
        let key = self.stream()?;
        self.state.connections.borrow_mut().get_mut(&key.stream).map(|connection| f(connection, key.filter))
    }
}
