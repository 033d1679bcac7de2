use crate::host::State;
use proxy_filter_abi::Callback;
use std::fmt;

/// A plugin's VM has died in a callback, as a value to look at.
///
/// In Envoy the whole VM on that thread is then dead, with all its streams (FAI-1); the stream at hand is answered with 503.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trap {
    /// Why.
    pub kind: TrapKind,
    /// The callback in which it happened, with its arguments.
    pub callback: String,
    /// What the runtime, or the panic, said.
    pub message: String,
    /// The guest's functions, innermost first. Natively empty: run the test under a debugger, or with `RUST_BACKTRACE=1`.
    pub backtrace: Vec<String>,
    /// The last callbacks and hostcalls before it.
    pub trace: Vec<String>,
}

/// Why a VM died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapKind {
    /// The guest panicked or executed `unreachable`.
    Unreachable,
    /// The callback used all the instructions it may use, or made hostcalls without end; Envoy itself has no such limit (MEM-7).
    OutOfFuel,
    /// The guest asked for more memory than it may have, was refused, and gave up.
    OutOfMemory {
        /// How many bytes of memory it wanted.
        wanted: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The guest read or wrote outside its memory.
    MemoryOutOfBounds,
    /// The guest's calls were nested too deeply.
    StackOverflow,
    /// A hostcall that may not be made here: inside the allocator (MEM-4) or while the module initialises (LIF-7).
    RestrictedHostcall,
    /// A test said so: [`Fault::trap_in`](crate::Fault::trap_in).
    Injected,
    /// Anything else; see the message.
    Other,
}

impl Trap {
    /// A trap that a test has asked for.
    pub(crate) fn injected(kind: TrapKind, callback: &Callback, state: &State) -> Self {
        Self {
            kind,
            callback: callback.to_string(),
            message: "the test injected a fault".to_owned(),
            backtrace: Vec::new(),
            trace: state.trace.last(12),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap in {}: {}", self.callback, self.message)?;
        for (depth, frame) in self.backtrace.iter().enumerate() {
            write!(f, "\n  {depth:>2}: {frame}")?;
        }
        if !self.trace.is_empty() {
            f.write_str("\nbefore it:")?;
        }
        self.trace.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Trap {}
