use crate::cluster::Cluster;
use crate::fault::Fault;
use crate::findings::Findings;
use crate::grpc_cluster::GrpcCluster;
use crate::host::property::{PropertyPath, PropertyValue, Told};
use crate::host::{Function, State};
use crate::instance::Instance;
use crate::lifecycle::try_out;
use crate::limits::Limits;
use crate::lint::Lint;
use crate::plugin::Plugin;
use crate::profile::Profile;
use crate::proxy::{Framing, MockProxy};
use crate::refused::Refused;
use crate::upstream::Answer;
use bytes::Bytes;
use proxy_filter_abi::{LogLevel, Status};
use std::rc::Rc;
use std::time::Duration;

/// What a mock proxy is started with; made by [`MockProxy::builder`].
#[derive(Debug)]
#[must_use = "a proxy is started by `start`"]
pub struct Builder {
    plugins: Vec<Plugin>,
    access_loggers: Vec<Plugin>,
    services: Vec<Plugin>,
    log_level: LogLevel,
    time: Duration,
    settings: Settings,
    allowed: Vec<Lint>,
    denied: Vec<Lint>,
    faults: Vec<Fault>,
    told: Told,
    foreign: Vec<(String, Function)>,
    limits: Limits,
    stats_tags: Vec<String>,
    clusters: Vec<(String, Cluster)>,
    shared_data: Vec<(String, Vec<u8>, Vec<u8>)>,
    seed: Option<u64>,
    grpc_clusters: Vec<(String, GrpcCluster)>,
}

/// How messages move through the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) downstream: Framing,
    pub(crate) upstream: Framing,
    pub(crate) buffer_limit: usize,
    pub(crate) pace: Duration,
    /// LIF-8.
    pub(crate) main_thread: bool,
    pub(crate) profile: Profile,
    pub(crate) workers: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        const FIRST_SECOND_OF_2026: Duration = Duration::from_secs(1_767_225_600);
        Self {
            plugins: Vec::new(),
            access_loggers: Vec::new(),
            services: Vec::new(),
            log_level: LogLevel::Trace,
            time: FIRST_SECOND_OF_2026,
            settings: Settings {
                downstream: Framing::Http1,
                upstream: Framing::Http1,
                buffer_limit: 1 << 20,
                pace: Duration::ZERO,
                main_thread: false,
                profile: Profile::Envoy,
                workers: 1,
            },
            seed: None,
            allowed: Vec::new(),
            denied: Vec::new(),
            faults: Vec::new(),
            told: Told::of_proxy(),
            foreign: Vec::new(),
            limits: Limits::default(),
            stats_tags: Vec::new(),
            clusters: Vec::new(),
            shared_data: Vec::new(),
            grpc_clusters: Vec::new(),
        }
    }

    /// Adds a filter at the end of the chain: requests pass the filters in this order, responses in the reverse.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.plugins.push(plugin);
        self
    }

    /// Adds an access logger (`envoy.access_loggers.wasm`): its root gets `proxy_on_log` at the end of every stream, after the
    /// filters (ACL-1).
    ///
    /// There it reads the stream's headers and properties, and changes nothing: a local reply, a close, a property that is set have
    /// no effect (ACL-2).
    pub fn access_logger(mut self, plugin: Plugin) -> Self {
        self.access_loggers.push(plugin);
        self
    }

    /// Adds a singleton service (`envoy.bootstrap.wasm`): a root without streams on the proxy's main thread, for ticks, callouts and
    /// queues (SVC-1). No request comes there: its VM is not that of a filter, also where code and settings are the same.
    pub fn service(mut self, plugin: Plugin) -> Self {
        self.services.push(plugin);
        self
    }

    /// Runs the instances of Envoy's main thread beside those of the worker, which serve the requests (LIF-8).
    ///
    /// A plugin is then configured three times: in a *canary*, which is dropped without `proxy_on_done`; on the main thread; in the
    /// worker. Each is in a VM of its own. The one of the main thread ticks as the worker's does and sees no stream. A filter that
    /// counts, calls or registers a queue in its root does so in each: run a test of that with this. The trace says which is which.
    pub fn main_thread(mut self) -> Self {
        self.settings.main_thread = true;
        self
    }

    /// Adds a cluster from the beginning on, for plugins that call while they are configured; as [`MockProxy::cluster`].
    pub fn cluster<A: Into<Answer>>(self, name: &str, answer: impl FnMut(http::Request<Bytes>) -> A + 'static) -> Self {
        self.set_cluster(name, Cluster::new(answer))
    }

    /// Adds a cluster from the beginning on; as [`MockProxy::set_cluster`].
    pub fn set_cluster(mut self, name: &str, cluster: impl Into<Cluster>) -> Self {
        self.clusters.push((name.to_owned(), cluster.into()));
        self
    }

    /// How many worker threads the proxy has: each has VMs of its own, and streams come to them in turn, or as
    /// [`MockProxy::next_worker`] says. One unless you say otherwise; Envoy has as many as the machine has processors.
    ///
    /// With several, or with a [`seed`](Self::seed), the threads of the proxy (workers, and the main thread with its services) run
    /// interleaved, without any thread of the test's: between callbacks, and at each hostcall of a callback, before it takes
    /// effect, the seed decides whether callbacks of other threads come first, each whole, and in it again at each hostcall those of
    /// further threads. So equal seeds give equal traces, and a debugger steps through it.
    ///
    /// What that covers: each callback may be cut at any of its hostcalls by any number of callbacks of the others. A read that is out of date when the
    /// write comes (a lost update) is found so. What it does not cover: two callbacks that are both half done and each go on in turn, as
    /// one that began in the middle of another ends first; a [`Spy`](crate::Spy), whose callbacks are never cut; and memory, which no
    /// two VMs share.
    ///
    /// See [`MockProxy::send_concurrently`] and [`interleavings`](crate::interleavings).
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn workers(mut self, workers: usize) -> Self {
        assert!(workers > 0, "a proxy has a worker at least: give 1 or more");
        self.settings.workers = workers;
        self
    }

    /// Decides how the threads of the proxy are interleaved; 0 unless you say otherwise, where there are several [workers](Self::workers).
    ///
    /// A test that fails prints it. The environment variable `PROXY_FILTER_SEED` goes before what is said here, to run a test again with a seed
    /// that has failed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Adds a gRPC service from the beginning on; as [`MockProxy::grpc_cluster`].
    pub fn grpc_cluster(mut self, name: &str, cluster: GrpcCluster) -> Self {
        self.grpc_clusters.push((name.to_owned(), cluster));
        self
    }

    /// Makes hostcalls fail from the first one on, those of loading and configuring included; later on it is
    /// [`MockProxy::inject`].
    pub fn inject(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The proxy's log level; below it lines are dropped. Trace unless you say otherwise.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    /// The time that the proxy begins at, since the Unix epoch; the first second of 2026 unless you say otherwise.
    pub fn time(mut self, since_epoch: Duration) -> Self {
        self.time = since_epoch;
        self
    }

    /// How bodies come, from the client and from the upstream; HTTP/1 unless you say otherwise.
    pub fn framing(mut self, framing: Framing) -> Self {
        self.settings.downstream = framing;
        self.upstream_framing(framing)
    }

    /// How bodies come from the upstream, where that differs from the client.
    pub fn upstream_framing(mut self, framing: Framing) -> Self {
        self.settings.upstream = framing;
        self
    }

    /// How much time passes on the proxy's clock after each frame of a message (headers, a chunk, trailers), so that ticks come
    /// between them; none unless you say otherwise.
    pub fn pace(mut self, time: Duration) -> Self {
        self.settings.pace = time;
        self
    }

    /// How much of a body, or of what a TCP client sends, a filter may hold back; 1 MiB, as in Envoy, unless you say otherwise.
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.settings.buffer_limit = bytes;
        self
    }

    /// Whose behaviour the proxy shows; Envoy's unless you say otherwise.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.settings.profile = profile;
        self
    }

    /// Lets a test go on after this mistake of a filter, which would crash, hang or corrupt something in Envoy;
    /// [`MockProxy::findings`] lists it all the same. After one that [crashes](crate::Severity::Crash) Envoy the mock proxy is gone
    /// like it: every stream is reset, no callback is made any more.
    pub fn allow(mut self, lint: Lint) -> Self {
        self.allowed.push(lint);
        self
    }

    /// Makes a test fail at this mistake too, which is only a [warning](crate::Severity::Warning).
    pub fn deny(mut self, lint: Lint) -> Self {
        self.denied.push(lint);
        self
    }

    /// Says what a property is, from loading on; later on it is [`MockProxy::set_property`], which tells what can be said.
    ///
    /// # Panics
    /// As [`MockProxy::set_property`].
    #[track_caller]
    pub fn property(mut self, path: impl PropertyPath, value: impl Into<PropertyValue>) -> Self {
        self.told.set(path, value.into());
        self
    }

    /// Gives the proxy a function that plugins call by `proxy_call_foreign_function`: one of another proxy, or of your own build of
    /// Envoy. It stands before one of Envoy's of the same name. What it answers goes to the plugin as it is, also where that is an error.
    ///
    /// [`MockProxy::foreign_calls`] tells what was called.
    ///
    /// ```
    /// # mod guard {
    /// #     use proxy_filter::prelude::*;
    /// #     pub struct Guard;
    /// #     impl RootContext for Guard { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
    /// #     impl HttpPlugin for Guard { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream } }
    /// #     pub struct Stream;
    /// #     impl HttpContext for Stream {
    /// #         fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    /// #             let address = http.headers().get("x-ip")?.or_reply(|| LocalReply::new(400))?;
    /// #             http.headers().set("x-country", http.call_foreign_function("acme.country", address)?)?;
    /// #             Ok(HeadersAction::Continue)
    /// #         }
    /// #     }
    /// #     proxy_filter::register! { "guard" => http Guard }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use proxy_filter_test::{MockProxy, Plugin};
    ///
    /// // A filter that asks its proxy for the country of an address.
    /// let proxy = MockProxy::builder()
    ///     .foreign_function("acme.country", |address| Ok(if address == b"192.0.2.7" { b"AQ".to_vec() } else { b"--".to_vec() }))
    ///     .plugin(Plugin::native(&guard::PLUGINS, "guard"))
    ///     .start()?;
    /// let exchange = proxy.send(http::Request::get("http://shop.example/").header("x-ip", "192.0.2.7").body("")?);
    /// assert_eq!(exchange.upstream_request().headers()["x-country"], "AQ");
    /// assert_eq!(proxy.foreign_calls()[0].arguments, b"192.0.2.7");
    /// # Ok(()) }
    /// ```
    pub fn foreign_function(
        mut self,
        name: impl Into<String>,
        function: impl FnMut(&[u8]) -> Result<Vec<u8>, Status> + 'static,
    ) -> Self {
        self.foreign.push((name.into(), Function::new(function)));
        self
    }

    /// What plugins may make the proxy keep; [`Limits::default`] unless you say otherwise.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The tags that [`MockProxy::prometheus`] takes out of names of metrics and shows as labels; none unless you say otherwise.
    ///
    /// Each is what Envoy does for an entry of `stats_config.stats_tags` whose regular expression is `(TAG=\.=(.*?);\.;)`, as Istio's
    /// bootstrap has them (MET-16); the families of the SDK's metrics write names so.
    pub fn stats_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.stats_tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Stores a value in what the plugins of a vm_id share, before any of them is configured; later on it is
    /// [`MockProxy::shared_data`].
    pub fn shared_data(mut self, vm_id: impl Into<String>, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.shared_data.push((vm_id.into(), key.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Loads and configures the plugins.
    ///
    /// # Errors
    /// [`Refused`]: the first that could not be built, loaded, started or configured, with its log.
    ///
    /// # Panics
    /// As [`MockProxy::send`], for what a plugin does meanwhile.
    #[track_caller]
    pub fn start(self) -> Result<MockProxy, Refused> {
        let findings = Findings::new(self.allowed, self.denied);
        let state = Rc::new(State::new(self.log_level, self.time, findings, self.settings.profile, self.limits));
        state.told.replace(self.told);
        self.faults.into_iter().for_each(|fault| state.faults.inject(fault));
        self.foreign.into_iter().for_each(|(name, function)| state.foreign.set(name, function));
        if let Some(seed) = self.seed.or((self.settings.workers > 1).then_some(0)) {
            state.scheduler.begin(seed);
        }
        let proxy = MockProxy::with_settings(state, self.settings, self.stats_tags);
        self.clusters.into_iter().for_each(|(name, cluster)| proxy.state.clusters.set(&name, cluster));
        for (vm_id, key, value) in self.shared_data {
            proxy.shared_data(vm_id).set(key, value);
        }
        self.grpc_clusters.into_iter().for_each(|(name, cluster)| proxy.state.grpc.set(&name, cluster));
        let mut main = Vec::new();
        if self.settings.main_thread {
            let plugins: Vec<&Plugin> = self.access_loggers.iter().chain(&self.plugins).collect();
            for (index, plugin) in plugins.iter().enumerate() {
                // One canary does for equal plugins.
                if !plugins[..index].iter().any(|before| before.is_equal(plugin)) {
                    try_out(&proxy.state, plugin)?;
                }
                main.push(Rc::new(Instance::start(&proxy.main_vms, plugin)?));
            }
        }
        for plugin in &self.services {
            if self.settings.main_thread {
                try_out(&proxy.state, plugin)?;
            }
            main.push(Rc::new(Instance::start(&proxy.main_vms, plugin)?));
        }
        for worker in &proxy.workers {
            worker.start(&self.access_loggers, &self.plugins)?;
        }
        proxy.main.replace(main);
        proxy.state.findings.of_plugins(self.plugins.iter().map(|plugin| plugin.settings.name.clone()).collect());
        proxy.run();
        proxy.check();
        Ok(proxy)
    }
}
