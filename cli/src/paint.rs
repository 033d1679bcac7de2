//! The colours, one for each role.

use anstyle::{AnsiColor, Style};
use proxy_filter_test::LogLevel;

/// `error:` before a failure.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// A section's title.
pub(crate) const TITLE: Style = Style::new().bold();
/// What the filter took away.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
/// What the filter put there.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// What it left as it was, and what matters less.
pub(crate) const QUIET: Style = Style::new().dimmed();
/// What should be looked at.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();

/// The colour of a line in the log.
pub(crate) const fn level(level: LogLevel) -> Style {
    match level {
        LogLevel::Trace | LogLevel::Debug => QUIET,
        LogLevel::Info => AnsiColor::Green.on_default(),
        LogLevel::Warn => WARNING,
        LogLevel::Error => AnsiColor::Red.on_default(),
        LogLevel::Critical => ERROR,
    }
}
