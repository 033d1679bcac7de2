//! A scenario as data: the plugin, what the client sends, what the upstream answers.

mod cluster;
mod guest;
mod message;

pub use cluster::{Answer, Cluster};
pub use guest::Guest;
pub use message::{Framing, Protocol, Request, Response, Upstream, get, post, raw, request, respond};

use crate::connection::Step;
use crate::grpc;
use std::{borrow::Cow, time::Duration};

/// What becomes of requests after the plugin failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// They get a 503; the default.
    Closed,
    /// They skip the plugin.
    Open,
    /// Envoy's older field `fail_open`.
    FailOpen,
    /// The plugin is started anew, when so many milliseconds have passed.
    Reload(u64),
}

/// Where a plugin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// In the chain of filters.
    Filter,
    /// It is told of the end of each stream.
    AccessLogger,
    /// A singleton on the main thread.
    Service,
}

/// A plugin as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Where it stands.
    pub role: Role,
    /// Its name.
    pub name: &'static str,
    /// Its root id, if it is not the scenario's; Envoy logs a root's lines under it, and not under the plugin's name.
    pub root_id: &'static str,
    /// The id of its VM, if it is not the scenario's.
    pub vm_id: &'static str,
    /// Its configuration.
    pub config: Option<Cow<'static, str>>,
    /// What becomes of requests after it failed.
    pub failure_policy: FailurePolicy,
}

impl Plugin {
    /// Sets the failure policy.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }
}

/// The protobuf type in which Envoy's configuration has that of a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfigType {
    /// A `StringValue`.
    #[default]
    String,
    /// A `BytesValue`.
    Bytes,
    /// A `Struct` with the configuration under the key `a`.
    Struct,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// In kebab-case; also the plugin's name.
    pub name: &'static str,
    /// The rows of the table `docs/envoy.md` that it shows.
    pub rows: &'static [&'static str],
    /// The module.
    pub guest: Guest,
    /// The plugin's `root_id`, if it is not the scenario's name.
    pub root_id: Option<&'static str>,
    /// The plugin configuration; for the scripted guest its script.
    pub config: Option<Cow<'static, str>>,
    /// The type in which Envoy gets it.
    pub config_type: ConfigType,
    /// The plugin gets a VM of its own, as it must when it traps.
    pub own_vm: bool,
    /// The VM's configuration.
    pub vm_config: Option<&'static str>,
    /// What the VM may use, if that is restricted.
    pub capabilities: &'static [&'static str],
    /// The VM's environment.
    pub environment: &'static [(&'static str, &'static str)],
    /// All that is looked at is whether the plugin loads; Envoy gets a process of its own for it.
    pub only_loads: bool,
    /// The plugin option of this name.
    pub allow_on_headers_stop_iteration: bool,
    /// The plugin option of this name.
    pub failure_policy: FailurePolicy,
    /// Further plugins, of the same module: filters after the scenario's own, access loggers, services.
    pub more: Vec<Plugin>,
    /// The log of Envoy's main thread counts too: that of its canary and main instances.
    pub main_thread: bool,
    /// Sent one after the other, each on a connection of its own; none means a single `GET /`.
    pub requests: Vec<Request>,
    /// The steps of TCP connections, made one after the other; with any, the plugin is a network filter before a TCP proxy, and there
    /// are no requests.
    pub connections: Vec<Vec<Step>>,
    /// The upstream.
    pub upstream: Upstream,
    /// How long it takes for its answer.
    pub upstream_latency: Duration,
    /// Further clusters, for plugins to call.
    pub clusters: Vec<Cluster>,
    /// What the plugin must have logged before the scenario is over: a part of a line, and how many such lines.
    pub awaited: Vec<(&'static str, usize)>,
    /// Metrics outside count too: those with one of these in their names.
    pub metrics: Vec<&'static str>,
    /// A gRPC server, in a cluster named by [`grpc::cluster`].
    pub grpc: Option<grpc::Behaviour>,
    /// `per_connection_buffer_limit_bytes` of the listener.
    pub buffer_limit: Option<u32>,
    /// What the client speaks.
    pub downstream: Protocol,
    /// What the upstream speaks.
    pub upstream_protocol: Protocol,
    /// The route's timeout, in milliseconds; Envoy's own is 15 s.
    pub route_timeout: Option<u64>,
    /// The plugin ends Envoy, which gets a process of its own: all that can be seen is that it does.
    pub crashes: bool,
    /// Or it does not always: the client gets no response then.
    pub corrupts: bool,
    /// What the plugin does fails a test on the mock host, under the first of the rows: that it does is compared, and Envoy with
    /// what was recorded of it.
    pub fatal: bool,
    /// The mock host does as Envoy does, and fails the test besides, by the first of the rows.
    pub found: bool,
    /// Why the mock host does otherwise, where it does not model what this shows; then only Envoy is looked at.
    pub not_modelled: Option<&'static str>,
    /// How long the client waits for a response before it gives up and closes its connection.
    pub patience: Duration,
}

/// A scenario of the scripted guest without a script, one `GET /` and an empty 200 from upstream.
pub fn scenario(name: &'static str, rows: &'static [&'static str]) -> Scenario {
    Scenario {
        name,
        rows,
        guest: Guest::Scripted,
        root_id: None,
        config: None,
        config_type: ConfigType::String,
        own_vm: false,
        vm_config: None,
        capabilities: &[],
        environment: &[],
        only_loads: false,
        allow_on_headers_stop_iteration: false,
        failure_policy: FailurePolicy::Closed,
        more: Vec::new(),
        main_thread: false,
        requests: Vec::new(),
        connections: Vec::new(),
        upstream: Upstream::Respond(respond(200)),
        upstream_latency: Duration::ZERO,
        clusters: Vec::new(),
        awaited: Vec::new(),
        metrics: Vec::new(),
        grpc: None,
        buffer_limit: None,
        downstream: Protocol::Http1,
        upstream_protocol: Protocol::Http1,
        route_timeout: None,
        crashes: false,
        corrupts: false,
        fatal: false,
        found: false,
        not_modelled: None,
        patience: Duration::from_secs(5),
    }
}

impl Scenario {
    /// What the client sends: the given requests, or the `GET /` that stands for none.
    pub fn requests(&self) -> Vec<Request> {
        if self.requests.is_empty() { vec![get("/")] } else { self.requests.clone() }
    }

    /// The plugin's `root_id`. Envoy logs a root's lines under it, and not under the plugin's name.
    pub fn root_id(&self) -> &'static str {
        self.root_id.unwrap_or(self.name)
    }

    /// The `vm_id`: the scenario's name for a VM of its own.
    pub fn vm_id(&self) -> &'static str {
        if self.own_vm { self.name } else { "shared" }
    }

    /// The script, in the plugin configuration.
    #[must_use]
    pub fn script(self, script: &'static str) -> Self {
        self.config(script)
    }

    /// The plugin configuration.
    #[must_use]
    pub fn config(mut self, config: impl Into<Cow<'static, str>>) -> Self {
        self.config = Some(config.into());
        self
    }

    /// The type in which Envoy gets the plugin configuration.
    #[must_use]
    pub fn config_type(mut self, config_type: ConfigType) -> Self {
        self.config_type = config_type;
        self
    }

    /// Another module, with the `root_id` under which it registers, in a VM of its own.
    #[must_use]
    pub fn guest(mut self, guest: Guest, root_id: &'static str) -> Self {
        (self.guest, self.root_id, self.own_vm) = (guest, Some(root_id), true);
        self
    }

    /// A module in WebAssembly text, in a VM of its own.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let name = self.name;
        self.guest(Guest::Wasm(wasm.into()), name)
    }

    /// The VM's configuration.
    #[must_use]
    pub fn vm_config(mut self, config: &'static str) -> Self {
        self.vm_config = Some(config);
        self
    }

    /// What the VM may use.
    #[must_use]
    pub fn capabilities(mut self, names: &'static [&'static str]) -> Self {
        self.capabilities = names;
        self
    }

    /// The VM's environment; with more than one variable their order is open (ENV-2).
    #[must_use]
    pub fn environment(mut self, variables: &'static [(&'static str, &'static str)]) -> Self {
        self.environment = variables;
        self
    }

    /// Whether it loads is the whole scenario.
    #[must_use]
    pub fn only_loads(mut self) -> Self {
        self.only_loads = true;
        self
    }

    /// Adds a request.
    #[must_use]
    pub fn request(mut self, request: Request) -> Self {
        self.requests.push(request);
        self
    }

    /// Adds a TCP connection.
    #[must_use]
    pub fn connection(mut self, steps: impl Into<Vec<Step>>) -> Self {
        self.connections.push(steps.into());
        self
    }

    /// A second plugin with this script, behind the first.
    #[must_use]
    pub fn behind(self, script: &'static str) -> Self {
        let name = self.name;
        self.with(Role::Filter, name, script)
    }

    /// What the upstream answers.
    #[must_use]
    pub fn response(mut self, response: Response) -> Self {
        self.upstream = Upstream::Respond(response);
        self
    }

    /// How the upstream behaves, if it does not just answer.
    #[must_use]
    pub fn upstream(mut self, upstream: Upstream) -> Self {
        self.upstream = upstream;
        self
    }

    /// The upstream answers so many milliseconds after it has the request.
    #[must_use]
    pub fn upstream_latency(mut self, milliseconds: u64) -> Self {
        self.upstream_latency = Duration::from_millis(milliseconds);
        self
    }

    /// Adds a cluster for plugins to call, with a host that always answers so. No other scenario may have one of its name. What was sent
    /// there is seen, in the order of the requests' first lines.
    #[must_use]
    pub fn cluster(self, name: impl Into<Cow<'static, str>>, answer: impl Into<Answer>) -> Self {
        self.cluster_answers(name, [answer.into()])
    }

    /// The same, with an answer for each request; the last stands for all further ones.
    #[must_use]
    pub fn cluster_answers(mut self, name: impl Into<Cow<'static, str>>, answers: impl Into<Vec<Answer>>) -> Self {
        self.clusters.push(Cluster { name: name.into(), has_host: true, answers: answers.into() });
        self
    }

    /// Adds a cluster without a host.
    #[must_use]
    pub fn empty_cluster(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.clusters.push(Cluster { name: name.into(), has_host: false, answers: Vec::new() });
        self
    }

    /// The scenario is over only when the plugin has logged so many lines that contain `text`: for ticks, answers and notices that come
    /// after the client's response. Time passes for it on the mock host too.
    #[must_use]
    pub fn wait_for(mut self, text: &'static str, count: usize) -> Self {
        self.awaited.push((text, count));
        self
    }

    /// What Envoy's admin endpoint says of metrics with this in their names is seen too.
    #[must_use]
    pub fn metrics(mut self, part: &'static str) -> Self {
        self.metrics.push(part);
        self
    }

    /// Adds a gRPC server that does these steps with each call.
    #[must_use]
    pub fn grpc(mut self, steps: Vec<grpc::Step>) -> Self {
        self.grpc = Some(grpc::Behaviour { steps, refuses: false });
        self
    }

    /// Adds a cluster for a gRPC server, where nobody listens.
    #[must_use]
    pub fn no_grpc(mut self) -> Self {
        self.grpc = Some(grpc::Behaviour { steps: Vec::new(), refuses: true });
        self
    }

    /// Limits what a filter may hold of a body, in bytes.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: u32) -> Self {
        self.buffer_limit = Some(bytes);
        self
    }

    /// The client speaks HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.downstream = Protocol::Http2;
        self
    }

    /// The upstream speaks HTTP/2.
    #[must_use]
    pub fn http2_upstream(mut self) -> Self {
        self.upstream_protocol = Protocol::Http2;
        self
    }

    /// The route's timeout.
    #[must_use]
    pub fn route_timeout(mut self, milliseconds: u64) -> Self {
        self.route_timeout = Some(milliseconds);
        self
    }

    /// The mock host is known to do otherwise, for this reason.
    #[must_use]
    pub fn not_modelled(mut self, reason: &'static str) -> Self {
        self.not_modelled = Some(reason);
        self
    }

    /// What the plugin does ends Envoy: under the first of the rows.
    #[must_use]
    pub fn crashes(mut self) -> Self {
        (self.crashes, self.fatal, self.own_vm) = (true, true, true);
        self
    }

    /// What the plugin does ends Envoy, or leaves its client without a response: under the first of the rows.
    #[must_use]
    pub fn corrupts(mut self) -> Self {
        self.corrupts = true;
        self.crashes()
    }

    /// The mock host does as Envoy does, and fails the test besides, by the first of the rows.
    #[must_use]
    pub fn found(mut self) -> Self {
        self.found = true;
        self
    }

    /// What the plugin does doubles, corrupts or hangs something in Envoy: under the first of the rows.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// Sets `allow_on_headers_stop_iteration`.
    #[must_use]
    pub fn headers_stop_iteration(mut self) -> Self {
        self.allow_on_headers_stop_iteration = true;
        self
    }

    /// Its own plugin and all others.
    pub fn plugins(&self) -> Vec<Plugin> {
        let own = Plugin {
            role: Role::Filter,
            name: self.name,
            root_id: self.root_id(),
            vm_id: self.vm_id(),
            config: self.config.clone(),
            failure_policy: self.failure_policy,
        };
        let more = self.more.iter().map(|plugin| Plugin {
            root_id: if plugin.root_id.is_empty() { self.root_id() } else { plugin.root_id },
            vm_id: if plugin.vm_id.is_empty() { self.vm_id() } else { plugin.vm_id },
            ..plugin.clone()
        });
        std::iter::once(own).chain(more).collect()
    }

    /// Adds a plugin of the same VM; of its lines too the scenario's log is made, so it has the scenario's root id.
    #[must_use]
    pub fn with(self, role: Role, name: &'static str, script: &'static str) -> Self {
        self.with_plugin(role, name, script, |plugin| plugin)
    }

    /// Adds a plugin that differs from the scenario's own in more than its script.
    #[must_use]
    pub fn with_plugin(
        mut self,
        role: Role,
        name: &'static str,
        script: &'static str,
        change: impl FnOnce(Plugin) -> Plugin,
    ) -> Self {
        let plugin =
            Plugin { role, name, root_id: "", vm_id: "", config: Some(script.into()), failure_policy: FailurePolicy::Closed };
        self.more.push(change(plugin));
        self
    }

    /// Sets the failure policy of the scenario's own plugin, which gets a VM of its own.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self.own_vm()
    }

    /// Counts the log of Envoy's main thread too.
    #[must_use]
    pub fn main_thread(mut self) -> Self {
        self.main_thread = true;
        self.own_vm()
    }

    /// Gives the plugin a VM of its own.
    #[must_use]
    pub fn own_vm(mut self) -> Self {
        self.own_vm = true;
        self
    }

    /// The client waits only so long; for scenarios that hang.
    #[must_use]
    pub fn patience(mut self, milliseconds: u64) -> Self {
        self.patience = Duration::from_millis(milliseconds);
        self
    }
}
