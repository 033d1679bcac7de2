//! Faults: hostcalls that fail because a test says so.

use proxy_filter_abi::{HOSTCALLS, Status};
use std::cell::{Cell, RefCell};

/// A hostcall that fails with a status of your choice, whatever it would have answered: for what no proxy does on request.
///
/// It fails before it does anything: what it would have changed stays, and the trace marks its answer as injected. What the proxy
/// does meanwhile it does as ever. Give it to [`MockProxy::inject`](crate::MockProxy::inject).
///
/// ```
/// use proxy_filter_abi::Status;
/// use proxy_filter_test::Fault;
///
/// // Each call.
/// let always = Fault::new("proxy_get_header_map_value", Status::InternalFailure);
/// // The third alone.
/// let third = Fault::new("proxy_add_header_map_value", Status::BadArgument).after(2).times(1);
/// # let _ = (always, third);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it has an effect when it is given to `MockProxy::inject`"]
pub struct Fault {
    /// Nothing means each of them.
    hostcall: Option<&'static str>,
    status: Status,
    after: u64,
    times: u64,
}

impl Fault {
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
        Self { hostcall: Some(row.name), status, after: 0, times: u64::MAX }
    }

    /// Each hostcall fails with this status.
    pub fn of_every_hostcall(status: Status) -> Self {
        Self { hostcall: None, status, after: 0, times: u64::MAX }
    }

    /// Lets so many calls pass before the first that fails.
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// So many calls fail; later ones pass.
    pub fn times(mut self, calls: u64) -> Self {
        self.times = calls;
        self
    }

    /// A call of this hostcall is made: whether it fails by this fault.
    fn strikes(&mut self, hostcall: &str) -> bool {
        if self.hostcall.is_some_and(|name| name != hostcall) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes
    }
}

/// The faults of a mock proxy, and how often they struck.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    faults: RefCell<Vec<Fault>>,
    injected: Cell<u64>,
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.faults.borrow_mut().clear();
    }

    pub(crate) fn injected(&self) -> u64 {
        self.injected.get()
    }

    /// What a hostcall that is made now fails with; every fault that it concerns counts it.
    pub(crate) fn strike(&self, hostcall: &str) -> Option<Status> {
        let mut status = None;
        for fault in self.faults.borrow_mut().iter_mut() {
            if fault.strikes(hostcall) {
                status = status.or(Some(fault.status));
            }
        }
        self.injected.set(self.injected.get() + u64::from(status.is_some()));
        status
    }
}
