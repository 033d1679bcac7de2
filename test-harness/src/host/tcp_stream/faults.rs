//! What filters do to a connection that Envoy does not forgive.

use super::{Side, TcpStream, Upstream};
use crate::lint::Lint;

impl TcpStream {
    /// Takes the mistakes out, each with the filter that made it.
    pub(crate) fn take_faults(&mut self) -> Vec<(usize, Lint)> {
        std::mem::take(&mut self.faults)
    }

    /// TCP-16: both sides have ended, and a filter keeps what one of them has sent.
    pub(super) fn note_lost(&mut self) {
        for side in [Side::Downstream, Side::Upstream] {
            let lost = !self.half(side).buffer.is_empty();
            let keeper = self.filters.iter_mut().position(|filter| *filter.here(side));
            self.faults.extend(keeper.filter(|_| lost).map(|filter| (filter, Lint::LostAtTheEnd)));
        }
    }

    /// TCP-13: the filter that keeps the proxy from connecting to the upstream, unless the test has seen that it does.
    pub(crate) fn unseen_holder(&self) -> Option<usize> {
        let waits = self.connection == Upstream::NotAsked && self.closed.is_none() && !self.seen_waiting;
        self.filters.iter().rposition(|filter| filter.connected).filter(|_| waits)
    }

    /// The test has asked whether the upstream was reached, or the connection closed.
    pub(crate) fn saw_waiting(&mut self) {
        self.seen_waiting |= self.connection == Upstream::NotAsked;
    }
}
