//! How a connection ends, what its filters are told then, and what came of it.

use super::{Incoming, Side, TcpCallback, TcpStream, Upstream, Work};
use crate::connection::Ending;
use proxy_filter_abi::PeerType;

impl TcpStream {
    /// `proxy_close_stream`, carried out after the callback that asked for it, once what was asked for before is done (TCP-5).
    pub(crate) fn close(&mut self) {
        if self.closed.is_none() {
            self.closing = true;
            self.stop = self.running.is_some();
        }
    }

    /// A filter's VM has trapped in a callback of this connection, or before one (FAI-14). A callback that only tells it of an end has
    /// no answer that could fail.
    pub(crate) fn fail(&mut self, filter: usize) {
        self.filters[filter].dead = true;
        self.stop = false;
        let running = self.running.take().map(|running| running.callback);
        if matches!(running, None | Some(TcpCallback::NewConnection | TcpCallback::Data { .. })) && self.closed.is_none() {
            self.close_as(PeerType::Local, Ending::End, Ending::End);
        }
    }

    /// The same, of a filter that fails open: what the callback was about goes on, unless it has closed the connection before (FAI-16),
    /// which passes the filter from now on.
    pub(crate) fn fail_open(&mut self, filter: usize) {
        self.filters[filter].skipped = true;
        self.apply(0);
    }

    /// Both halves of one of the two connections are closed, and so it is: that of the client at once, with what is still kept (TCP-16);
    /// that of the upstream takes the client's with it.
    pub(super) fn close_if_ended(&mut self) -> bool {
        let client = self.downstream.ended && self.upstream.sent_end;
        let upstream = self.upstream.ended && self.downstream.sent_end;
        if !client && !upstream {
            return false;
        }
        self.note_lost();
        // TCP-9: who was the last to end.
        let peer = if client && self.last_read == Side::Downstream { PeerType::Remote } else { PeerType::Local };
        self.close_as(peer, Ending::End, Ending::End);
        true
    }

    /// One end has reset its connection, and the proxy resets the other (TCP-18).
    pub(super) fn reset(&mut self, by: Side) {
        let peer = if by == Side::Downstream { PeerType::Remote } else { PeerType::Local };
        self.close_as(peer, Ending::Reset, Ending::Reset);
    }

    /// Closes both connections, and tells the filters, one after the other (TCP-14).
    pub(super) fn close_as(&mut self, peer: PeerType, client_sees: Ending, upstream_sees: Ending) {
        // A socket that is closed with bytes unread in it is reset.
        let unread = self.downstream.unread.iter().any(|incoming| matches!(incoming, Incoming::Bytes(_)));
        self.downstream.sees(if unread { Ending::Reset } else { client_sees });
        if self.connection == Upstream::Connected {
            self.upstream.sees(upstream_sees);
        }
        self.closed = Some(peer);
        self.work.clear();
        let told = [TcpCallback::Delete, TcpCallback::Log, TcpCallback::Done, TcpCallback::DownstreamClose(peer)];
        for filter in (0..self.filters.len()).rev().filter(|filter| self.filters[*filter].created) {
            self.work.extend(told.map(|callback| Work::Tell { filter, callback }));
        }
    }

    /// Who closed the client's connection.
    pub(crate) fn closed(&self) -> Option<PeerType> {
        self.closed
    }

    /// Whether the upstream has accepted a connection.
    pub(crate) fn reached_upstream(&self) -> bool {
        self.connection == Upstream::Connected
    }

    /// What has come from this side and left the chain.
    pub(crate) fn sent(&self, from: Side) -> &[u8] {
        match from {
            Side::Downstream => &self.downstream.sent,
            Side::Upstream => &self.upstream.sent,
        }
    }

    /// How this end sees that nothing more comes.
    pub(crate) fn ending(&self, end: Side) -> Option<Ending> {
        match end {
            Side::Downstream => self.downstream.ending,
            Side::Upstream => self.upstream.ending,
        }
    }
}
