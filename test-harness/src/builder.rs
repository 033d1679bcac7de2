use crate::host::State;
use crate::instance::Instance;
use crate::lint::Lint;
use crate::plugin::Plugin;
use crate::proxy::{Framing, MockProxy};
use crate::refused::Refused;
use crate::running_vm::Vms;
use proxy_filter_abi::LogLevel;
use std::rc::Rc;
use std::time::Duration;

/// What a mock proxy is started with; made by [`MockProxy::builder`].
#[derive(Debug)]
#[must_use = "a proxy is started by `start`"]
pub struct Builder {
    plugins: Vec<Plugin>,
    log_level: LogLevel,
    time: Duration,
    settings: Settings,
    allowed: Vec<Lint>,
}

/// How messages move through the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) framing: Framing,
    pub(crate) buffer_limit: usize,
    pub(crate) pace: Duration,
}

impl Builder {
    pub(crate) fn new() -> Self {
        const FIRST_SECOND_OF_2026: Duration = Duration::from_secs(1_767_225_600);
        Self {
            plugins: Vec::new(),
            log_level: LogLevel::Trace,
            time: FIRST_SECOND_OF_2026,
            settings: Settings { framing: Framing::Http1, buffer_limit: 1 << 20, pace: Duration::ZERO },
            allowed: Vec::new(),
        }
    }

    /// Adds a filter at the end of the chain: requests pass the filters in this order, responses in the reverse.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.plugins.push(plugin);
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

    /// How bodies come; HTTP/1 unless you say otherwise.
    pub fn framing(mut self, framing: Framing) -> Self {
        self.settings.framing = framing;
        self
    }

    /// How much time passes on the proxy's clock after each frame of a message (headers, a chunk, trailers), so that ticks come
    /// between them; none unless you say otherwise.
    pub fn pace(mut self, time: Duration) -> Self {
        self.settings.pace = time;
        self
    }

    /// How much of a body a filter may hold back; 1 MiB, as in Envoy, unless you say otherwise.
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.settings.buffer_limit = bytes;
        self
    }

    /// Lets a test go on after this mistake of a filter, which would crash, hang or corrupt something in Envoy;
    /// [`MockProxy::findings`] lists it all the same. After one that [crashes](crate::Severity::Crash) Envoy the mock proxy is gone
    /// like it: every stream is reset, no callback is made any more.
    pub fn allow(mut self, lint: Lint) -> Self {
        self.allowed.push(lint);
        self
    }

    /// Loads and configures the plugins.
    ///
    /// # Errors
    /// [`Refused`]: the first that could not be built, loaded, started or configured, with its log.
    pub fn start(self) -> Result<MockProxy, Refused> {
        let state = Rc::new(State::new(self.log_level, self.time, self.allowed));
        let vms = Vms::new(Rc::clone(&state));
        let start = |plugin| Instance::start(&vms, plugin).map(Rc::new);
        let plugins = self.plugins.iter().map(start).collect::<Result<_, _>>()?;
        Ok(MockProxy::started(state, vms, plugins, self.settings))
    }
}
