//! What runs in a VM, and what may be called from there.

use std::fmt;

/// What runs in a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The `start` section of the module (LIF-26).
    Instantiating,
    /// `_initialize`, `main` or `_start` (LIF-7).
    Initialising,
    /// The module's allocator (MEM-4).
    Allocating,
    /// A callback.
    Running,
}

impl Phase {
    /// Whether a hostcall or WASI function may be called.
    pub(super) fn permits(self, name: &str) -> bool {
        let is_hostcall = name.starts_with("proxy_") || name.starts_with("envoy_");
        match self {
            Self::Running => true,
            Self::Allocating => matches!(name, "proxy_log" | "fd_write" | "clock_time_get" | "poll_oneoff"),
            Self::Initialising if is_hostcall => name == "proxy_log",
            Self::Initialising => !matches!(name, "fd_read" | "fd_seek" | "fd_close" | "path_open" | "sched_yield" | "proc_exit"),
            Self::Instantiating => false,
        }
    }
}

/// A hostcall where none may be made.
#[derive(Debug)]
pub(super) struct Restricted {
    pub(super) name: &'static str,
    pub(super) phase: Phase,
}

impl fmt::Display for Restricted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, why) = (
            self.name,
            match self.phase {
                Phase::Instantiating => {
                    "by the module's start section, where most hostcalls crash Envoy (LIF-26): export _initialize instead"
                }
                Phase::Initialising => {
                    "while the module initialises, where of the hostcalls only proxy_log may be (LIF-7): do it in proxy_on_vm_start"
                }
                Phase::Allocating => {
                    "by the allocator, which may call only proxy_log, fd_write, clock_time_get and poll_oneoff (MEM-4)"
                }
                Phase::Running => "here",
            },
        );
        write!(f, "restricted_callback: {name} was called {why}")
    }
}

impl std::error::Error for Restricted {}
