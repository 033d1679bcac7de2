//! What plugins share, as a test sees it, and the notices of queues.

use super::MockProxy;
use proxy_filter_abi::{Callback, LogLevel};

/// The values that the plugins of one vm_id share: see [`MockProxy::shared_data`].
#[derive(Clone, Debug)]
pub struct SharedData<'proxy> {
    proxy: &'proxy MockProxy,
    vm_id: String,
}

/// A queue that plugins share: see [`MockProxy::queue`].
#[derive(Clone, Debug)]
pub struct SharedQueue<'proxy> {
    proxy: &'proxy MockProxy,
    token: u32,
}

impl MockProxy {
    /// What the plugins of this vm_id share ([`Plugin::vm_id`](crate::Plugin::vm_id); "" where none is given), to be read and set by the test.
    ///
    /// As in Envoy it lasts as long as the last VM of the id (SHD-8).
    ///
    /// ```
    /// # mod count {
    /// #     use proxy_filter::prelude::*;
    /// #     pub struct Count;
    /// #     impl RootContext for Count { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
    /// #     impl HttpPlugin for Count { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream } }
    /// #     pub struct Stream;
    /// #     impl HttpContext for Stream {
    /// #         fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    /// #             http.shared_data().update("requests", |stored| ([stored.map_or(0, |bytes| bytes[0]) + 1], ()))?;
    /// #             Ok(HeadersAction::Continue)
    /// #         }
    /// #     }
    /// #     proxy_filter::register! { "count" => http Count }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use proxy_filter_test::{MockProxy, Plugin};
    ///
    /// // A filter that counts requests in a byte.
    /// let proxy = MockProxy::new(Plugin::native(&count::PLUGINS, "count").vm_id("counters"))?;
    /// proxy.shared_data("counters").set("requests", [7]);
    /// proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// assert_eq!(proxy.shared_data("counters").get("requests"), Some(vec![8]));
    /// # Ok(()) }
    /// ```
    pub fn shared_data(&self, vm_id: impl Into<String>) -> SharedData<'_> {
        SharedData { proxy: self, vm_id: vm_id.into() }
    }

    /// The queue that a plugin of this vm_id has registered under this name; `None` where none has.
    ///
    /// ```
    /// # mod drain {
    /// #     use proxy_filter::prelude::*;
    /// #     pub struct Drain;
    /// #     impl RootContext for Drain {
    /// #         type Config = ();
    /// #         fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> { plugin.register_queue("lines")?; Ok(Self) }
    /// #         fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
    /// #             while let Some(item) = plugin.dequeue(queue)? { plugin.log(LogLevel::Info, item)?; }
    /// #             Ok(())
    /// #         }
    /// #     }
    /// #     proxy_filter::register! { "drain" => root Drain }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use proxy_filter_test::{MockProxy, Plugin};
    ///
    /// // A service that logs what comes by its queue.
    /// let service = Plugin::native(&drain::PLUGINS, "drain").vm_id("log");
    /// let proxy = MockProxy::builder().service(service).start()?;
    /// proxy.queue("log", "lines").expect("registered").enqueue("hello");
    /// assert_eq!(proxy.log()[0].message, "hello");
    /// assert!(proxy.queue("log", "lines").expect("registered").items().is_empty());
    /// # Ok(()) }
    /// ```
    pub fn queue(&self, vm_id: impl AsRef<str>, name: impl AsRef<[u8]>) -> Option<SharedQueue<'_>> {
        let token = self.state.shared.queues.resolve(vm_id.as_ref(), name.as_ref())?;
        Some(SharedQueue { proxy: self, token })
    }

    /// Tells a root of an item in a queue, in one of these VMs; whether there was a notice, for a root that is still there or not.
    pub(super) fn run_notice(&self, is_free: impl Fn(u32) -> bool) -> bool {
        if self.is_gone() {
            return false;
        }
        let Some(notice) = self.state.shared.queues.take_notice(is_free) else { return false };
        self.with_root(notice.vm, notice.root, |vm, root| {
            self.call_root(vm, Callback::proxy_on_queue_ready { context_id: root.id, queue_id: notice.queue });
        });
        true
    }

    /// The proxy has come to rest; says so where only the mock proxy has put an end to it.
    pub(super) fn rest(&self) {
        // VMs without a root are let go, and what they have shared.
        self.all_vms().for_each(|vms| drop(vms.alive()));
        if self.state.shared.queues.rest() {
            let why = "the mock proxy stops after 10,000 notices of queues: does a plugin put an item back each time it is told of one?";
            self.state.log(LogLevel::Warn, "", why.as_bytes());
        }
    }
}

impl SharedData<'_> {
    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.proxy.state.shared.data.get(&self.vm_id, key.as_ref()).map(|(value, _)| value)
    }

    /// Stores a value, as a plugin of that vm_id would: what was read of it before is out of date.
    ///
    /// # Panics
    /// When there is no more room for it ([`Limits::shared_data_bytes`](crate::Limits::shared_data_bytes)).
    #[track_caller]
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let state = &self.proxy.state;
        let set = state.shared.data.set(state.bounds.most.shared_data_bytes, &self.vm_id, key.as_ref(), value.as_ref(), 0);
        assert!(set.is_ok(), "the mock proxy's shared data is full: give it more by Limits::shared_data_bytes");
    }

    /// The keys that have a value, in their order.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.proxy.state.shared.data.keys(&self.vm_id)
    }
}

impl SharedQueue<'_> {
    /// The items that nobody has taken yet, first to last.
    pub fn items(&self) -> Vec<Vec<u8>> {
        self.proxy.state.shared.queues.items(self.token)
    }

    /// Puts an item at the end, as a plugin would, and has the root told that registered the queue.
    ///
    /// # Panics
    /// When there is no more room for it ([`Limits::queue_bytes`](crate::Limits::queue_bytes)), or the queue is gone
    /// with the VMs that registered it; and as [`send`](MockProxy::send).
    #[track_caller]
    pub fn enqueue(&self, item: impl AsRef<[u8]>) {
        let state = &self.proxy.state;
        if let Err(status) = state.shared.queues.enqueue(state.bounds.most.queue_bytes, self.token, item.as_ref()) {
            panic!(
                "nothing can be put into the queue ({status}): its VMs are gone, or the queues are full (Limits::queue_bytes)"
            );
        }
        self.proxy.run();
        self.proxy.check();
    }
}
