//! The proxy's log as the mock proxy keeps it, and natively the way of `log::info!` into it.

use crate::host::Traced;
use proxy_filter_abi::{Host, LogLevel};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Once;

/// A line that a plugin has logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Its severity.
    pub level: LogLevel,
    /// The plugin's name in the proxy.
    pub plugin: String,
    /// The text.
    pub message: String,
}

impl LogLine {
    pub(crate) fn new(level: LogLevel, plugin: String, message: String) -> Self {
        Self { level, plugin, message }
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.level.name().to_ascii_lowercase(), self.plugin, self.message)
    }
}

thread_local! {
    /// The host of the null VM whose callback runs on this thread: tests run in parallel, each on its own.
    static RUNNING: RefCell<Option<Rc<Traced>>> = const { RefCell::new(None) };
}

/// Runs a native callback with `log` and panics going to its host.
pub(crate) fn with_host<R>(host: &Rc<Traced>, f: impl FnOnce() -> R) -> R {
    install();
    let previous = RUNNING.replace(Some(Rc::clone(host)));
    let result = f();
    RUNNING.set(previous);
    result
}

/// Until it is resumed, lines and panics are the test's own again.
pub(crate) fn suspend() -> Option<Rc<Traced>> {
    RUNNING.take()
}

pub(crate) fn resume(host: Option<Rc<Traced>>) {
    RUNNING.set(host);
}

fn running() -> Option<Rc<Traced>> {
    RUNNING.try_with(|host| host.try_borrow().ok()?.clone()).ok().flatten()
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A test that has set a logger of its own keeps it, and loses the plugin's lines.
        if log::set_logger(&ToHost).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
        // In Wasm the runtime logs a panic at critical; natively this hook does, and keeps it off the terminal.
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match running() {
            Some(host) => {
                let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
                let message = info.payload_as_str().map(|message| format!(": {message}")).unwrap_or_default();
                let _ = host.proxy_log(LogLevel::Critical, format!("panicked{place}{message}").as_bytes());
            }
            None => previous(info),
        }));
    });
}

struct ToHost;

impl log::Log for ToHost {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Error => LogLevel::Error,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Info => LogLevel::Info,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Trace => LogLevel::Trace,
        };
        if let Some(host) = running() {
            let _ = host.proxy_log(level, record.args().to_string().as_bytes());
        }
    }

    fn flush(&self) {}
}
