//! A TCP connection as data: what its two ends do, one after the other, and what they see of it.

use std::fmt;

/// What one of the two ends of a proxied connection does. The next step follows when the proxy has dealt with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client sends these bytes.
    ClientSends(&'static str),
    /// The client closes its half: it sends nothing more, and goes on reading.
    ClientEnds,
    /// The client resets the connection.
    ClientResets,
    /// The upstream sends these bytes.
    UpstreamSends(&'static str),
    /// The upstream closes its half.
    UpstreamEnds,
    /// The upstream resets its connection.
    UpstreamResets,
    /// So many milliseconds pass; ticks come.
    Wait(u64),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSends(text) => write!(f, "client sends {text:?}"),
            Self::ClientEnds => f.write_str("client ends"),
            Self::ClientResets => f.write_str("client resets"),
            Self::UpstreamSends(text) => write!(f, "upstream sends {text:?}"),
            Self::UpstreamEnds => f.write_str("upstream ends"),
            Self::UpstreamResets => f.write_str("upstream resets"),
            Self::Wait(milliseconds) => write!(f, "{milliseconds} ms pass"),
        }
    }
}

/// How one end sees that it will get nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other side closed its half, or the connection.
    End,
    /// The other side reset the connection.
    Reset,
}

/// What one end has seen since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The proxy has connected to it; an upstream's only.
    pub connected: bool,
    /// The bytes that came.
    pub bytes: Vec<u8>,
    /// How the stream of bytes ended.
    pub ending: Option<Ending>,
}

impl Seen {
    /// What is new in it, where `before` was all.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            connected: self.connected && !before.connected,
            bytes: self.bytes.get(before.bytes.len()..).unwrap_or_default().to_vec(),
            ending: self.ending.filter(|_| before.ending.is_none()),
        }
    }

    /// Writes it as lines, as what the end of this name has seen.
    pub fn write_lines(&self, name: &str, lines: &mut Vec<String>) {
        if self.connected {
            lines.push(format!("  {name} is connected"));
        }
        if !self.bytes.is_empty() {
            lines.push(format!("  {name} receives \"{}\"", self.bytes.escape_ascii()));
        }
        match self.ending {
            Some(Ending::End) => lines.push(format!("  {name} sees the end")),
            Some(Ending::Reset) => lines.push(format!("  {name} sees a reset")),
            None => {}
        }
    }
}
