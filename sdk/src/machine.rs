//! What a plugin asks of the machine that it runs on: random numbers, its environment, the log's level.

use crate::{Context, Error, LogLevel, Plugin, Status};
use alloc::{string::String, vec::Vec};

impl Context {
    /// Fills the bytes at random, by WASI's `random_get`: in Envoy from a generator that is fit for cryptography.
    ///
    /// On every target: a module that uses this imports the function itself, where it is not built for WASI. A proxy without WASI does not
    /// load such a module; Envoy, and with it Istio, offers it to all. What can be had without an import is no secret: a number made from
    /// [`now`](Self::now) and the request's id tells requests apart, and is easily guessed. Crates that take their numbers from `getrandom` have
    /// them without further ado on `wasm32-wasip1`; on `wasm32-unknown-unknown` that crate wants a backend of the application's own.
    ///
    /// On the mock host they are the same numbers in each run.
    ///
    /// ```
    /// # use proxy_filter::prelude::*;
    /// # struct Root;
    /// # impl RootContext for Root { type Config = (); fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
    /// let mut nonce = [0; 16];
    /// plugin.random_bytes(&mut nonce)?;
    /// assert_ne!(nonce, [0; 16]);
    /// # Ok(Self) } }
    /// # proxy_filter::register! { "nonce" => root Root }
    /// # fn main() { proxy_filter_test::MockProxy::new(proxy_filter_test::Plugin::native(&PLUGINS, "nonce")).unwrap(); }
    /// ```
    ///
    /// # Errors
    /// `INTERNAL_FAILURE`: it is no capability that the plugin is allowed (CAP-4).
    pub fn random_bytes(&self, bytes: &mut [u8]) -> Result<(), Error> {
        self.sys.random_get(bytes)
    }

    /// A variable of the VM's environment, by WASI's `environ_get`: in Envoy's configuration of the VM, `environment_variables` (ENV-1). `None` where
    /// there is none of this name; nothing of Envoy's own environment is there unless it is listed in `host_env_keys`.
    ///
    /// On every target, as [`random_bytes`](Self::random_bytes). Ask for it once, as the plugin is configured: each call fetches the whole
    /// environment. On the mock host `Plugin::environment` sets a variable, for a plugin linked into the test as well.
    ///
    /// ```
    /// # use proxy_filter::prelude::*;
    /// # struct Root;
    /// # impl RootContext for Root { type Config = (); fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
    /// let region = plugin.environment("REGION")?.unwrap_or_else(|| "eu".to_string());
    /// # assert_eq!(region, "us");
    /// # assert_eq!(plugin.environment("REG")?, None);
    /// # Ok(Self) } }
    /// # proxy_filter::register! { "region" => root Root }
    /// # fn main() {
    /// # use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
    /// MockProxy::new(TestPlugin::native(&PLUGINS, "region").environment("REGION", "us")).unwrap();
    /// # }
    /// ```
    ///
    /// # Errors
    /// - `INTERNAL_FAILURE`: it is no capability that the plugin is allowed (CAP-4).
    /// - `PARSE_FAILURE`: the value is not UTF-8.
    pub fn environment(&self, name: &str) -> Result<Option<String>, Error> {
        let environment = self.sys.environ_get()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let value = variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let text = value.map(|value| String::from_utf8(Vec::from(value))).transpose();
        text.map_err(|_| Error { hostcall: "environ_get", status: Status::ParseFailure })
    }

    /// The lowest level of the proxy's log whose lines are written, so that a costly line need not be made; `None` when it is off (LOG-4).
    ///
    /// The feature `host-log-level` asks once, for all that is logged by the crate `log`. A module that uses this needs a host of ABI 0.2.1.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn log_level(&self) -> Result<Option<LogLevel>, Error> {
        self.sys.proxy_get_log_level().map(LogLevel::from_wire)
    }
}

impl Plugin<'_> {
    /// The configuration of the VM, which its plugins share: in Envoy's configuration, `vm_config.configuration` (BUF-6).
    ///
    /// # Errors
    /// `NOT_FOUND`: a proxy that keeps to the letter of the specification has it in `proxy_on_vm_start` alone.
    pub fn vm_configuration(&self) -> Result<Vec<u8>, Error> {
        self.sys.proxy_get_buffer_bytes(crate::abi::BufferType::VmConfiguration, 0, u32::MAX)
    }
}
