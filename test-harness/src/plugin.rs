//! Which filter a mock proxy runs, and how it is configured.

use crate::failure_policy::FailurePolicy;
use crate::host::PluginSettings;
use crate::spy::Spy;
use proxy_filter::Module;
#[cfg(feature = "wasmtime")]
use std::path::{Path, PathBuf};

/// A filter in the proxy's chain: where its code is, and the configuration that the proxy gives it.
///
/// ```no_run
/// # #[cfg(feature = "wasmtime")]
/// # fn main() -> Result<(), proxy_filter_test::Refused> {
/// use proxy_filter_test::{MockProxy, Plugin};
/// let proxy = MockProxy::new(Plugin::from_file("target/add_header.wasm").root_id("add_header").config("{}"))?;
/// # Ok(()) }
/// # #[cfg(not(feature = "wasmtime"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[must_use = "a plugin is run by `MockProxy::new`"]
pub struct Plugin {
    pub(crate) source: Source,
    pub(crate) settings: PluginSettings,
    pub(crate) failure_policy: Option<FailurePolicy>,
    #[cfg(feature = "wasmtime")]
    pub(crate) limits: crate::vm::wasm::Limits,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Native(Module),
    Spy(Spy),
    /// A crate to build, unless `PROXY_FILTER_WASM` names a module.
    #[cfg(feature = "wasmtime")]
    Crate(PathBuf),
    #[cfg(feature = "wasmtime")]
    File(PathBuf),
    #[cfg(feature = "wasmtime")]
    Bytes(Vec<u8>),
}

/// Guest instructions that a callback may use: a second or two of work, where a filter's callback takes thousands.
#[cfg(feature = "wasmtime")]
const FUEL: u64 = 1_000_000_000;

/// MEM-7: what Envoy lets a VM have.
#[cfg(feature = "wasmtime")]
const MEMORY: u64 = 1 << 30;

impl Plugin {
    pub(crate) fn new(source: Source, root_id: &str) -> Self {
        let name = if root_id.is_empty() { "plugin" } else { root_id };
        Self {
            source,
            settings: PluginSettings { name: name.to_owned(), root_id: root_id.to_owned(), ..PluginSettings::default() },
            failure_policy: None,
            #[cfg(feature = "wasmtime")]
            limits: crate::vm::wasm::Limits { fuel: FUEL, memory: MEMORY },
        }
    }

    /// Whether it would share a VM and a root with another one (LIF-11).
    pub(crate) fn is_equal(&self, other: &Self) -> bool {
        self.source == other.source && self.settings.vm == other.settings.vm && self.settings.shares_root_with(&other.settings)
    }

    /// The plugin of this root id, linked natively into the test: the *null VM*.
    ///
    /// # Panics
    /// When the filter's `register!` has no such root id.
    #[track_caller]
    pub fn native(module: &Module, root_id: &str) -> Self {
        check_root_id(module, root_id);
        Self::new(Source::Native(*module), root_id)
    }

    /// The plugin of this root id, as the real `.wasm`: built from the crate when the proxy starts, unless the environment variable
    /// `PROXY_FILTER_WASM` names a module that is built already.
    ///
    /// # Panics
    /// When the filter's `register!` has no such root id.
    #[cfg(feature = "wasmtime")]
    #[track_caller]
    pub fn wasm(module: &Module, root_id: &str) -> Self {
        check_root_id(module, root_id);
        let source = match std::env::var_os("PROXY_FILTER_WASM") {
            Some(path) => Source::File(path.into()),
            None => Source::Crate(module.manifest_dir().into()),
        };
        Self::new(source, root_id)
    }

    /// A module in a file, made by any SDK in any language.
    #[cfg(feature = "wasmtime")]
    pub fn from_file(path: impl AsRef<Path>) -> Self {
        Self::new(Source::File(path.as_ref().to_owned()), "")
    }

    /// A module in memory, binary or in the WebAssembly text format.
    #[cfg(feature = "wasmtime")]
    pub fn from_bytes(wasm: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::Bytes(wasm.into()), "")
    }

    /// A filter's crate, built when the proxy starts: its folder or its `Cargo.toml`.
    #[cfg(feature = "wasmtime")]
    pub fn from_crate(dir: impl AsRef<Path>) -> Self {
        Self::new(Source::Crate(dir.as_ref().to_owned()), "")
    }

    /// The plugin's configuration: text, bytes, or JSON by `serde_json::json!`.
    pub fn config(mut self, configuration: impl IntoConfiguration) -> Self {
        self.settings.configuration = configuration.into_configuration();
        self
    }

    /// The configuration of its VM.
    pub fn vm_config(mut self, configuration: impl IntoConfiguration) -> Self {
        self.settings.vm.configuration = configuration.into_configuration();
        self
    }

    /// Its root id in the proxy's configuration.
    pub fn root_id(mut self, root_id: impl Into<String>) -> Self {
        self.settings.root_id = root_id.into();
        self
    }

    /// Its name in the proxy's configuration, which its log lines carry.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// The id of its VM; none unless you say otherwise.
    ///
    /// As in Envoy, plugins of one proxy run in one VM when they have the same code, VM id and VM configuration (LIF-10), so that the
    /// death of it is that of all of them (FAI-1). Give them different ids to keep them apart.
    pub fn vm_id(mut self, vm_id: impl Into<String>) -> Self {
        self.settings.vm.vm_id = vm_id.into();
        self
    }

    /// Envoy's `capability_restriction_config`: the plugin's VM may use these hostcalls (`proxy_log`) and WASI functions
    /// (`fd_write`), and of its callbacks these are called (`proxy_on_tick`); everything, unless at least one is named (CAP-1).
    ///
    /// Another hostcall answers `INTERNAL_FAILURE` (CAP-2), another WASI function errno 76 (CAP-4), and both are logged at level
    /// error; another callback is as if it were not exported (CAP-3). Allocator and start functions are never restricted (CAP-5).
    ///
    /// ```
    /// # mod quiet { proxy_filter::register! { "quiet" => root Quiet }
    /// # struct Quiet; impl proxy_filter::RootContext for Quiet { type Config = ();
    /// # fn new(_: (), plugin: &proxy_filter::Plugin<'_>) -> Result<Self, proxy_filter::ConfigError> {
    /// #     let _ = plugin.log(proxy_filter::LogLevel::Info, "configured");
    /// #     Ok(Self)
    /// # } } }
    /// # fn main() -> Result<(), proxy_filter_test::Refused> {
    /// use proxy_filter_test::{MockProxy, Plugin};
    /// // A plugin that logs as it is configured.
    /// let plugin = Plugin::native(&quiet::PLUGINS, "quiet");
    /// let proxy = MockProxy::new(plugin.allowed_capabilities(["proxy_on_context_create", "proxy_on_configure"]))?;
    /// assert_eq!(proxy.log()[0].message, "Attempted call to restricted proxy-wasm capability: proxy_log");
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When a name is none of these: Envoy would allow nothing by it and say nothing.
    #[track_caller]
    pub fn allowed_capabilities<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        for name in names {
            if let Err(problem) = self.settings.vm.capabilities.add(name.as_ref()) {
                panic!("{problem}");
            }
        }
        self
    }

    /// Sets an environment variable of the plugin's VM, which `std::env::var` of a module built for WASI reads (ENV-1).
    ///
    /// There are none unless you set some, and never any arguments. A plugin in the null VM sees them through the SDK (`Context::environment`);
    /// `std::env::var` there is that of the test.
    ///
    /// # Panics
    /// When the key is empty or holds `=` or NUL, or the value NUL: the plugin would see something else.
    #[track_caller]
    pub fn environment(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        let is_name = !key.is_empty() && !key.contains(['=', '\0']);
        assert!(is_name && !value.contains('\0'), "{key:?} = {value:?} cannot be in an environment: no `=` in a key, no NUL");
        self.settings.vm.environment.insert(key, value);
        self
    }

    /// Envoy's `allow_on_headers_stop_iteration`: a headers callback that answers 1 stops the headers only (ACT-5), instead of
    /// everything (ACT-1).
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.settings.allow_on_headers_stop_iteration = allow;
        self
    }

    /// What becomes of requests after its VM has trapped: [`FailurePolicy::Closed`] unless you say otherwise.
    ///
    /// # Panics
    /// When it reloads after less than 2 ms: Envoy divides by half of the interval in whole milliseconds, and ends (FAI-15).
    #[track_caller]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        if let FailurePolicy::Reload { base_interval } = policy {
            assert!(
                base_interval.as_millis() >= 2,
                "a base_interval of {base_interval:?} crashes Envoy (FAI-15): give 2 ms or more"
            );
        }
        self.failure_policy = Some(policy);
        self
    }

    /// Envoy's older field `fail_open`: later requests skip the plugin, as by [`FailurePolicy::Open`], and the streams that are on
    /// their way when its VM traps go on without it, the one that trapped too (FAI-8). A plugin with both is
    /// [refused](crate::Reason::FailOpenAndFailurePolicy).
    pub fn fail_open(mut self, fail_open: bool) -> Self {
        self.settings.fail_open = fail_open;
        self
    }

    /// How many guest instructions a callback may use before it traps; a thousand million unless you say otherwise.
    ///
    /// Hostcalls are not counted here, but by [`Limits::hostcalls`](crate::Limits::hostcalls).
    #[cfg(feature = "wasmtime")]
    pub fn fuel_limit(mut self, instructions: u64) -> Self {
        self.limits.fuel = instructions;
        self
    }

    /// How much memory the guest may have, all its memories together; 1 GiB, as in Envoy, unless you say otherwise.
    #[cfg(feature = "wasmtime")]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.limits.memory = bytes;
        self
    }
}

#[track_caller]
fn check_root_id(module: &Module, root_id: &str) {
    assert!(
        module.root_ids().contains(&root_id),
        "the crate {} registers {:?}, not {root_id:?}: name one of these",
        module.package(),
        module.root_ids(),
    );
}

/// Which of the two virtual machines a test runs in; [`both_vms!`](crate::both_vms) runs it in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmKind {
    /// The filter linked into the test: for debuggers and coverage.
    Native,
    /// The filter as the real `.wasm`.
    #[cfg(feature = "wasmtime")]
    Wasm,
}

impl VmKind {
    /// The plugin of this root id, in this VM.
    ///
    /// # Panics
    /// When the filter's `register!` has no such root id.
    #[track_caller]
    pub fn plugin(self, module: &Module, root_id: &str) -> Plugin {
        match self {
            Self::Native => Plugin::native(module, root_id),
            #[cfg(feature = "wasmtime")]
            Self::Wasm => Plugin::wasm(module, root_id),
        }
    }
}

/// What can be given as a configuration.
pub trait IntoConfiguration {
    /// Its bytes, as the plugin will read them.
    fn into_configuration(self) -> Vec<u8>;
}

impl IntoConfiguration for &str {
    fn into_configuration(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl IntoConfiguration for String {
    fn into_configuration(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl IntoConfiguration for Vec<u8> {
    fn into_configuration(self) -> Vec<u8> {
        self
    }
}

impl IntoConfiguration for &[u8] {
    fn into_configuration(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl IntoConfiguration for serde_json::Value {
    fn into_configuration(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}
