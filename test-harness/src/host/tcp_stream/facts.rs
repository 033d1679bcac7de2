//! What a connection says of itself as properties (PRO-32).

use super::{TcpStream, Upstream};
use crate::host::http_stream::facts::of_surroundings;
use crate::host::property::{Facts, Presence, PropertyValue, Told};
use std::collections::BTreeMap;
use std::time::Duration;

impl TcpStream {
    /// The client has connected at this time since the epoch, on the connection of this number.
    pub(crate) fn begin_at(&mut self, wall: Duration, connection_id: u64) {
        (self.began, self.connection_id) = (wall, connection_id);
    }

    pub(crate) fn told_mut(&mut self) -> &mut Told {
        &mut self.told
    }

    /// Nobody listened at the upstream.
    fn is_refused(&self) -> bool {
        self.connection == Upstream::Asked && self.closed.is_some()
    }
}

fn int(size: usize) -> PropertyValue {
    PropertyValue::Int(i64::try_from(size).unwrap_or(i64::MAX))
}

impl Facts for TcpStream {
    fn has(&self, presence: Presence) -> bool {
        match presence {
            Presence::Anywhere | Presence::Stream | Presence::TcpOrUpstream => true,
            Presence::Cluster | Presence::Upstream => self.connection != Upstream::NotAsked,
            Presence::UpstreamConnected => self.connection == Upstream::Connected,
            _ => false,
        }
    }

    fn value(&self, group: &str, name: &str) -> Option<PropertyValue> {
        /// `UpstreamConnectionFailure` and `UpstreamRetryLimitExceeded`; `UpstreamRemoteReset`.
        const REFUSED: i64 = 0x8020;
        const RESET: i64 = 0x10;
        match (group, name) {
            ("request", "time") => Some(PropertyValue::Timestamp(self.began)),
            ("request", "size" | "total_size") => Some(int(self.downstream.received)),
            ("response", "size" | "total_size") => Some(int(self.upstream.sent.len())),
            ("request" | "response", "headers_bytes") => Some(int(0)),
            ("response", "flags") => Some(PropertyValue::Int(match () {
                () if self.is_refused() => REFUSED,
                () if self.upstream_was_reset => RESET,
                () => 0,
            })),
            ("upstream", "transport_failure_reason") => {
                Some(if self.is_refused() { "delayed connect error: Connection refused" } else { "" }.into())
            }
            ("upstream", "request_attempt_count") => Some(PropertyValue::Uint(u64::from(self.has(Presence::Upstream)))),
            (group, name) => of_surroundings(group, name),
        }
    }

    fn told(&self) -> &Told {
        &self.told
    }

    fn filter_state(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.filter_state
    }

    fn connection_id(&self) -> u64 {
        self.connection_id
    }
}
