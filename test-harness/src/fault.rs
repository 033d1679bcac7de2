//! Faults: what fails because a test says so.

use proxy_filter_abi::{CALLBACKS, HOSTCALLS, Status};
use std::sync::{Arc, Mutex, PoisonError};

/// Something that fails because a test says so, whatever it would have done: for what no proxy does on request.
///
/// | fault | what happens | in which VM |
/// |---|---|---|
/// | [`new`](Self::new), [`of_every_hostcall`](Self::of_every_hostcall) | the hostcall answers the status, and does nothing | both |
/// | [`allocation`](Self::allocation) | the guest's allocator gives no memory for what a hostcall hands over | both |
/// | [`memory_growth`](Self::memory_growth) | the guest gets no more memory | Wasm |
/// | [`trap_in`](Self::trap_in) | the VM dies as a callback begins | both |
/// | [`out_of_fuel_in`](Self::out_of_fuel_in) | the VM dies when a callback has used so many instructions | both |
///
/// [`after`](Self::after), [`times`](Self::times) and [`key`](Self::key) say which of them; each, unless they do. The trace marks what
/// is injected; what the proxy does meanwhile it does as ever. Give it to [`MockProxy::inject`](crate::MockProxy::inject).
///
/// ```
/// use proxy_filter_abi::Status;
/// use proxy_filter_test::Fault;
///
/// // Each call.
/// let always = Fault::new("proxy_get_header_map_value", Status::InternalFailure);
/// // The third alone.
/// let third = Fault::new("proxy_add_header_map_value", Status::BadArgument).after(2).times(1);
/// // Those to one cluster.
/// let cluster = Fault::new("proxy_http_call", Status::InternalFailure).key("authz");
/// // The second request kills the VM.
/// let trap = Fault::trap_in("proxy_on_request_headers").after(1).times(1);
/// # let _ = (always, third, cluster, trap);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it has an effect when it is given to `MockProxy::inject`"]
pub struct Fault {
    what: What,
    key: Option<Vec<u8>>,
    after: u64,
    times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// No name means each of them.
    Hostcall(Option<&'static str>, Status),
    Allocation,
    MemoryGrowth,
    Callback(&'static str, CallbackFault),
}

/// What a fault does to a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackFault {
    Trap,
    /// After so many instructions.
    OutOfFuel(u64),
}

impl Fault {
    const fn of(what: What) -> Self {
        Self { what, key: None, after: 0, times: u64::MAX }
    }

    /// Each call of this hostcall fails with this status.
    ///
    /// # Panics
    /// When the ABI has no hostcall of this name.
    #[track_caller]
    pub fn new(hostcall: &str, status: Status) -> Self {
        let row = HOSTCALLS.iter().find(|row| row.name == hostcall);
        let Some(row) = row else {
            panic!("the ABI has no hostcall \"{hostcall}\": `proxy-filter hostcalls` lists them, as does docs/hostcalls.md");
        };
        Self::of(What::Hostcall(Some(row.name), status))
    }

    /// Each hostcall fails with this status.
    pub fn of_every_hostcall(status: Status) -> Self {
        Self::of(What::Hostcall(None, status))
    }

    /// The guest's allocator gives no memory for what a hostcall hands over: the hostcall answers `INVALID_MEMORY_ACCESS`, and what it
    /// has done is done (MEM-3): an item that was taken off a queue is lost.
    pub fn allocation() -> Self {
        Self::of(What::Allocation)
    }

    /// The guest's memory does not grow: a guest that needs more gives up, most by a trap
    /// ([`TrapKind::OutOfMemory`](crate::TrapKind::OutOfMemory)). Nothing in the null VM, whose memory is the test's own.
    ///
    /// For a limit from the start on there is `Plugin::memory_limit`.
    pub fn memory_growth() -> Self {
        Self::of(What::MemoryGrowth)
    }

    /// The VM dies as this callback begins, before the plugin does anything in it ([`TrapKind::Injected`](crate::TrapKind::Injected)).
    ///
    /// # Panics
    /// When the ABI has no callback of this name.
    #[track_caller]
    pub fn trap_in(callback: &str) -> Self {
        Self::of(What::Callback(known_callback(callback), CallbackFault::Trap))
    }

    /// The VM dies when this callback has used so many instructions ([`TrapKind::OutOfFuel`](crate::TrapKind::OutOfFuel)); one that takes
    /// fewer goes on. In the null VM, which does not count, it dies as the callback begins.
    ///
    /// # Panics
    /// When the ABI has no callback of this name.
    #[track_caller]
    pub fn out_of_fuel_in(callback: &str, instructions: u64) -> Self {
        Self::of(What::Callback(known_callback(callback), CallbackFault::OutOfFuel(instructions)))
    }

    /// Only hostcalls one of whose arguments is this: a header's name, a key of shared data, a cluster, a metric's name. It has no effect
    /// on faults that are not of hostcalls.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(key.as_ref().to_vec());
        self
    }

    /// Lets so many pass before the first that fails.
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// So many fail; later ones pass.
    pub fn times(mut self, calls: u64) -> Self {
        self.times = calls;
        self
    }

    /// What it is about happens: whether this one fails.
    fn strikes(&mut self) -> bool {
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes
    }
}

#[track_caller]
fn known_callback(name: &str) -> &'static str {
    match CALLBACKS.iter().find(|row| row.name == name) {
        Some(row) => row.name,
        None => panic!("the ABI has no callback \"{name}\": docs/hostcalls.md lists them"),
    }
}

/// The faults of a mock proxy, and how often they struck. Wasmtime wants what bounds a memory to be `Send`, so they are shared so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<Mutex<Injected>>);

#[derive(Debug, Default)]
struct Injected {
    faults: Vec<Fault>,
    struck: u64,
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.with(|injected| injected.faults.push(fault));
    }

    pub(crate) fn clear(&self) {
        self.with(|injected| injected.faults.clear());
    }

    pub(crate) fn injected(&self) -> u64 {
        self.with(|injected| injected.struck)
    }

    fn with<R>(&self, f: impl FnOnce(&mut Injected) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a hostcall that is made now fails with; `has` tells whether an argument is these bytes.
    pub(crate) fn strike(&self, hostcall: &str, has: impl Fn(&[u8]) -> bool) -> Option<Status> {
        self.first(|fault| match fault.what {
            What::Hostcall(name, status) if name.is_none_or(|name| name == hostcall) => {
                fault.key.as_deref().is_none_or(&has).then_some(status)
            }
            _ => None,
        })
    }

    /// Whether the guest's allocator fails now.
    pub(crate) fn strike_allocation(&self) -> bool {
        self.first(|fault| (fault.what == What::Allocation).then_some(())).is_some()
    }

    /// Whether the guest's memory may not grow now.
    #[cfg(feature = "wasmtime")]
    pub(crate) fn strike_growth(&self) -> bool {
        self.first(|fault| (fault.what == What::MemoryGrowth).then_some(())).is_some()
    }

    /// What becomes of a callback that is made now.
    pub(crate) fn strike_callback(&self, callback: &str) -> Option<CallbackFault> {
        self.first(|fault| match fault.what {
            What::Callback(name, how) if name == callback => Some(how),
            _ => None,
        })
    }

    /// What the first fault does that concerns it and strikes; every fault that it concerns counts it.
    fn first<T>(&self, concerns: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.with(|injected| {
            let mut first = None;
            for fault in &mut injected.faults {
                if let Some(effect) = concerns(fault).filter(|_| fault.strikes()) {
                    first = first.or(Some(effect));
                }
            }
            injected.struck += u64::from(first.is_some());
            first
        })
    }
}
