//! What is looked at in passing: hostcalls that a plugin ought not to make here, and what it is given.

use super::VmHost;
use crate::lint::Lint;
use proxy_filter_abi::Status;

/// Those that Envoy refuses where their map or buffer is not there (HDR-1, BUF-13).
const REFUSED_OUT_OF_PHASE: &[&str] = &[
    "proxy_get_header_map_value",
    "proxy_get_header_map_size",
    "proxy_set_header_map_pairs",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_set_buffer_bytes",
];

impl VmHost {
    /// A hostcall was refused.
    pub(super) fn note_refusal(&self, hostcall: &str, status: Status) {
        if status == Status::BadArgument && REFUSED_OUT_OF_PHASE.contains(&hostcall) {
            self.warn(Lint::RefusedHostcall);
        }
    }

    /// CTX-5: no context has this id; one may have had it.
    pub(super) fn note_dead_context(&self, id: u32) {
        if id > 0 && id < self.next_context_id.get() {
            self.warn(Lint::DeadContext);
        }
    }

    /// Bytes go to the guest, which is to free them (MEM-8).
    pub(super) fn note_handed_over(&self, hostcall: &'static str, size: usize) {
        let mut handed_over = self.state.handed_over.borrow_mut();
        let (count, bytes) = handed_over.entry(hostcall).or_default();
        *count += 1;
        *bytes += size as u64;
    }

    fn warn(&self, lint: Lint) {
        let callback = self.running.get().map_or("", |callback| callback.name());
        self.state.warn(lint, &self.plugin().name, callback);
    }
}
