//! The mock proxy: a chain of plugins, and the loop that moves a stream through it.

mod callouts;
mod concurrent;
mod grpc;
mod http_stream;
mod properties;
mod shared;
mod tcp_stream;
mod time;

pub use shared::{SharedData, SharedQueue};

use crate::builder::{Builder, Settings};
use crate::chain::Chain;
use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::frames;
use crate::host::State;
use crate::host::http_stream::HttpStream;
use crate::instance::Instance;
use crate::log::LogLine;
use crate::message::Message;
use crate::plugin::Plugin;
use crate::refused::Refused;
use crate::running_vm::{Thread, Vms};
use crate::upstream::{Answer, Upstream};
use crate::vm::Trap;
use crate::worker::Worker;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// A proxy that runs filters and behaves like Envoy, inside a test.
///
/// It has state and no expectations: say what comes in, look at what goes out. When the test panics the trace of all callbacks and
/// hostcalls is printed.
///
/// ```
/// # mod tag {
/// #     use proxy_filter::prelude::*;
/// #     pub struct Tag;
/// #     impl RootContext for Tag { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
/// #     impl HttpPlugin for Tag { type Http = TagStream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> TagStream { TagStream } }
/// #     pub struct TagStream;
/// #     impl HttpContext for TagStream {
/// #         fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
/// #             http.headers().set("x-tag", "blue")?;
/// #             Ok(HeadersAction::Continue)
/// #         }
/// #     }
/// #     proxy_filter::register! { "tag" => http Tag }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use proxy_filter_test::{MockProxy, Plugin};
///
/// let proxy = MockProxy::new(Plugin::native(&tag::PLUGINS, "tag"))?;
/// proxy.set_upstream(|request| http::Response::new(format!("you asked for {}", request.uri().path())));
///
/// let exchange = proxy.send(http::Request::get("http://shop.example/cart").body("")?);
/// assert_eq!(exchange.response().body(), "you asked for /cart");
/// assert_eq!(exchange.response().headers()["x-tag"], "blue");
/// # Ok(()) }
/// ```
pub struct MockProxy(Rc<Inside>);

/// What is behind a [`MockProxy`]: what interleaves its workers has a handle to it as well.
#[doc(hidden)]
pub struct Inside {
    pub(crate) state: Rc<State>,
    pub(crate) workers: Vec<Worker>,
    /// The worker that the next stream comes to.
    next_worker: Cell<usize>,
    /// Those of the main thread.
    pub(crate) main_vms: Vms,
    /// What runs on the main thread: services, and an instance of each plugin where the builder was told so.
    pub(crate) main: RefCell<Vec<Rc<Instance>>>,
    /// What an update has replaced, until the last of its streams has ended.
    pub(crate) retired: RefCell<Vec<Rc<Instance>>>,
    /// The chain of each stream that has not ended.
    pub(crate) chains: RefCell<BTreeMap<u64, Rc<Chain>>>,
    upstream: RefCell<Upstream>,
    /// What the upstream takes its time for, by stream.
    slow_answers: RefCell<BTreeMap<u64, Answer>>,
    /// Nobody listens at the upstream of TCP connections.
    refuses_connections: Cell<bool>,
    pub(crate) settings: Settings,
    pub(crate) stats_tags: Vec<String>,
    next_stream: Cell<u64>,
}

#[doc(hidden)]
impl Deref for MockProxy {
    type Target = Inside;
    fn deref(&self) -> &Inside {
        &self.0
    }
}

/// How bodies come: what a filter sees of the end of a message differs by protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1: after the last chunk comes a body callback without data that says that it is the end (SEQ-4).
    #[default]
    Http1,
    /// HTTP/2: the last chunk says that it is the end (SEQ-5).
    Http2,
}

impl MockProxy {
    /// A proxy with one filter.
    ///
    /// # Errors
    /// As [`Builder::start`].
    ///
    /// # Panics
    /// As [`Builder::start`].
    #[track_caller]
    pub fn new(plugin: Plugin) -> Result<Self, Refused> {
        Self::builder().plugin(plugin).start()
    }

    /// A proxy with other than the default settings, or several filters.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A proxy without plugins.
    pub(crate) fn with_settings(state: Rc<State>, settings: Settings, stats_tags: Vec<String>) -> Self {
        let thread = |number| if settings.workers > 1 { Thread::OneOf(number) } else { Thread::Worker };
        let inside = Rc::new(Inside {
            workers: (0..settings.workers).map(|number| Worker::new(&state, thread(number))).collect(),
            next_worker: Cell::new(0),
            main_vms: Vms::new(Rc::clone(&state), Thread::Main),
            state,
            main: RefCell::default(),
            retired: RefCell::default(),
            chains: RefCell::default(),
            upstream: RefCell::default(),
            slow_answers: RefCell::default(),
            refuses_connections: Cell::new(false),
            settings,
            stats_tags,
            next_stream: Cell::new(0),
        });
        inside.state.scheduler.drive(&inside);
        Self(inside)
    }

    /// Another handle to a proxy that is in use.
    pub(crate) fn of(inside: Rc<Inside>) -> Self {
        Self(inside)
    }

    /// Whether there is no other handle: the proxy goes with this one.
    pub(crate) fn is_last(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }

    /// How the upstream answers from now on; 200 with no body until something is set.
    ///
    /// A request that the types of the crate `http` cannot hold is answered with 400; see [`set_raw_upstream`](Self::set_raw_upstream).
    pub fn set_upstream<B: Into<Bytes>>(
        &self,
        mut answer: impl FnMut(http::Request<Bytes>) -> http::Response<B> + 'static,
    ) -> &Self {
        self.set_raw_upstream(move |request| match request.to_request() {
            Ok(request) => Answer::from(answer(request)),
            Err(error) => Message::new([(":status", "400")]).chunk(error.to_string()).into(),
        })
    }

    /// How the upstream answers from now on, in raw pairs, or by failing.
    pub fn set_raw_upstream<A: Into<Answer>>(&self, mut answer: impl FnMut(&Message) -> A + 'static) -> &Self {
        *self.upstream.borrow_mut() = Upstream::new(move |request| answer(request).into());
        self
    }

    /// Makes hostcalls fail from now on, those of all plugins, beside the faults that were injected before.
    ///
    /// ```no_run
    /// # fn test(proxy: &proxy_filter_test::MockProxy) -> proxy_filter_test::TestResult {
    /// use proxy_filter_abi::Status;
    /// use proxy_filter_test::Fault;
    ///
    /// proxy.inject(Fault::new("proxy_get_header_map_value", Status::InternalFailure).times(1));
    /// let exchange = proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// assert_eq!(exchange.response().status(), 500, "it fails closed");
    /// proxy.clear_faults();
    /// # Ok(()) }
    /// ```
    pub fn inject(&self, fault: Fault) -> &Self {
        self.state.faults.inject(fault);
        self
    }

    /// Hostcalls fail by no fault any more.
    pub fn clear_faults(&self) -> &Self {
        self.state.faults.clear();
        self
    }

    /// How many hostcalls have failed by a fault.
    pub fn faults_injected(&self) -> u64 {
        self.state.faults.injected()
    }

    /// Sends a request through the filters to the upstream, and its response back, as far as they let it.
    ///
    /// # Panics
    /// When a filter does what would crash, hang or corrupt something in Envoy: a [`Lint`](crate::Lint); see [`Builder::allow`].
    #[track_caller]
    pub fn send(&self, request: impl Into<Message>) -> Exchange {
        let exchange = self.begin();
        self.feed(exchange.stream(), frames::request(&request.into(), self.settings.downstream));
        self.drive(exchange.stream());
        exchange
    }

    /// Moves a stream on as far as filters let it, at the proxy's pace.
    #[track_caller]
    pub(crate) fn drive(&self, stream: u64) {
        if self.settings.pace.is_zero() {
            self.run();
        } else {
            while self.with_stream(stream, |stream| stream.allow_events(1)) {
                self.run();
                self.advance(self.settings.pace);
            }
            self.with_stream(stream, |stream| stream.allow_events(usize::MAX));
        }
        self.check();
    }

    /// The client closes its connection before it has the whole response (SEQ-18); a stream that has ended is not affected.
    ///
    /// # Panics
    /// When the exchange is another proxy's; as [`send`](Self::send).
    #[track_caller]
    pub fn disconnect(&self, exchange: &Exchange) {
        assert!(exchange.is_of(&self.state), "this exchange belongs to another proxy: disconnect it there");
        self.with_stream(exchange.stream(), HttpStream::disconnect);
        self.run();
        self.check();
    }

    /// Everything that plugins have logged so far.
    pub fn log(&self) -> Vec<LogLine> {
        self.state.log.borrow().clone()
    }

    /// The trace of all callbacks and hostcalls so far; what a failing test prints.
    pub fn trace(&self) -> String {
        self.state.trace.to_string()
    }

    /// Every callback so far, starting and configuring included, each with the guest instructions that it used; 0 in the null VM. After a
    /// million of them the oldest are dropped.
    pub fn callbacks(&self) -> Vec<(&'static str, u64)> {
        self.state.costs.borrow().since(0)
    }

    /// The guest instructions that all callbacks have used so far, starting and configuring included; 0 in the null VM.
    pub fn fuel_used(&self) -> u64 {
        self.state.fuel_used.get()
    }

    /// How much memory the first plugin's guest has; `None` in the null VM.
    pub fn memory_size(&self) -> Option<u64> {
        self.workers.first()?.filters.borrow().first()?.instance().vm.memory_size()
    }

    /// Why the first of the plugins' VMs that died did so.
    pub fn trap(&self) -> Option<Trap> {
        self.state.trap.borrow().clone()
    }

    /// Moves all streams on, and what is due now happens, until nothing more can be done; a callback of one may let another go.
    pub(crate) fn run(&self) {
        while self.run_streams()
            || self.state.run_effect()
            || self.run_notice(|_| true)
            || self.run_event(self.state.events.now(), |_| true)
        {}
        self.rest();
    }

    /// Moves all streams on, or one by one as the seed says; whether anything was done.
    fn run_streams(&self) -> bool {
        if self.state.scheduler.seed().is_some() {
            return self.step();
        }
        let numbers: Vec<u64> = self.state.streams.borrow().keys().copied().collect();
        let moved = numbers.into_iter().fold(false, |moved, number| self.run_stream(number) | moved);
        self.run_connections() | moved
    }
}

impl fmt::Debug for MockProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filters = self.workers.first().map_or(0, |worker| worker.filters.borrow().len());
        f.debug_struct("MockProxy").field("filters", &filters).finish_non_exhaustive()
    }
}
