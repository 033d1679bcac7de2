//! `log::info!` and friends write to the proxy's log.

use crate::{LogLevel, sys::Sys};
use alloc::string::ToString;

struct ProxyLog;

/// Sets the backend, once; lines below the proxy's own level are dropped there, or here with `host-log-level`.
pub(crate) fn install() {
    if log::set_logger(&ProxyLog).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

/// Asks the proxy for its level, so that a line nobody would see is not even formatted.
#[cfg(feature = "host-log-level")]
pub(crate) fn follow_host_level() {
    let Ok(level) = Sys.proxy_get_log_level() else { return };
    log::set_max_level(match LogLevel::from_wire(level) {
        Some(LogLevel::Trace) => log::LevelFilter::Trace,
        Some(LogLevel::Debug) => log::LevelFilter::Debug,
        Some(LogLevel::Info) => log::LevelFilter::Info,
        Some(LogLevel::Warn) => log::LevelFilter::Warn,
        Some(LogLevel::Error | LogLevel::Critical) => log::LevelFilter::Error,
        // Envoy's `off` lies above critical.
        None => log::LevelFilter::Off,
    });
}

impl log::Log for ProxyLog {
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
        let _ = match record.args().as_str() {
            Some(message) => Sys.proxy_log(level, message.as_bytes()),
            None => Sys.proxy_log(level, record.args().to_string().as_bytes()),
        };
    }

    fn flush(&self) {}
}
