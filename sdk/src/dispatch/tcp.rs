//! TCP plugins: as HTTP plugins, with the callbacks of a connection.

use super::contexts::Contexts;
use super::{CONTINUE, PAUSE, Place, Row};
use crate::action::Action;
use crate::held::Origin;
use crate::tcp::StreamEnd;
use crate::{
    DownstreamClose, DownstreamData, Failure, FailurePolicy, NewConnection, Pause, StreamContext, StreamInterrupt, StreamLog,
    Tcp, TcpPlugin, UpstreamClose, UpstreamData, sys::Sys,
};
use proxy_filter_abi::{PeerType, StreamType};

/// A plugin whose streams are TCP connections: registered as `tcp`.
pub struct TcpRow<R: TcpPlugin>(Contexts<R, R::Stream>);

impl<R: TcpPlugin> TcpRow<R> {
    /// The plugin of this root id.
    pub const fn new(id: &'static str) -> Self {
        Self(Contexts::new(id))
    }

    /// Calls a stream's context; an `Err` closes the connection or becomes what the failure policy says.
    #[inline]
    fn call<A: Action>(
        &self,
        sys: &Sys,
        id: u32,
        callback: &'static str,
        f: impl FnOnce(&mut R::Stream) -> Result<A, StreamInterrupt>,
    ) -> Option<u32> {
        self.0.stream(id, |tcp| match f(tcp) {
            Ok(action) => action.to_wire().unwrap_or_else(|pause| self.pause(sys, id, callback, pause)),
            // Still inside, so that nothing of it is kept for later.
            Err(interrupt) => self.interrupt(sys, id, callback, &interrupt),
        })
    }

    #[cold]
    fn pause(&self, sys: &Sys, id: u32, callback: &'static str, (pause, code): (Pause, u32)) -> u32 {
        let fail_open = matches!(R::FAILURE_POLICY, FailurePolicy::Continue);
        if sys.settle(pause, Origin { place: self.0.place(id, callback), fail_open, fail: Self::fail }) { code } else { CONTINUE }
    }

    #[cold]
    fn interrupt(&self, sys: &Sys, id: u32, callback: &'static str, interrupt: &StreamInterrupt) -> u32 {
        let place = self.0.place(id, callback);
        match &interrupt.0 {
            StreamEnd::Failure(failure) => Self::fail(&place, sys, failure),
            StreamEnd::Close => close(&place, sys),
        }
    }

    /// Logs a failure and answers the connection as the root's policy says: there is nothing to reply with.
    #[cold]
    fn fail(place: &Place, sys: &Sys, failure: &Failure) -> u32 {
        place.log_failure(sys, failure);
        match R::FAILURE_POLICY {
            FailurePolicy::Continue => CONTINUE,
            FailurePolicy::Reply(_) | FailurePolicy::Reset => close(place, sys),
        }
    }

    /// Calls a stream's context where nothing is left to be done about a failure but to tell it.
    #[inline]
    fn tell(
        &self,
        sys: &Sys,
        id: u32,
        callback: &'static str,
        f: impl FnOnce(&mut R::Stream) -> Result<(), Failure>,
    ) -> Option<u32> {
        if let Err(failure) = self.0.stream(id, f)? {
            self.0.place(id, callback).log_failure(sys, &failure);
        }
        Some(CONTINUE)
    }
}

fn close(place: &Place, sys: &Sys) -> u32 {
    place.check(sys, sys.proxy_close_stream(StreamType::Downstream));
    sys.over(place.id);
    PAUSE
}

fn peer(code: u32) -> PeerType {
    PeerType::from_wire(code).unwrap_or(PeerType::Unknown)
}

impl<R: TcpPlugin> Row for TcpRow<R> {
    fn id(&self) -> &'static str {
        self.0.plugin()
    }

    fn create_root(&self, id: u32) {
        self.0.create_root(id);
    }

    #[inline]
    fn create_stream(&self, sys: &Sys, id: u32, root_id: u32) -> Option<()> {
        self.0.create_stream(sys, id, root_id, |root| root.create_stream_context(&Tcp::new(sys, id)))
    }

    fn tick(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.tick(sys, id)
    }

    fn queue_ready(&self, sys: &Sys, id: u32, queue: u32) -> Option<u32> {
        self.0.queue_ready(sys, id, queue)
    }

    fn configure(&self, sys: &Sys, id: u32, size: u32) -> Option<u32> {
        self.0.configure(sys, id, size)
    }

    #[inline]
    fn new_connection(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.call(sys, id, "proxy_on_new_connection", |tcp| tcp.on_new_connection(NewConnection::new(sys, id)))
    }

    #[inline]
    fn downstream_data(&self, sys: &Sys, id: u32, size: u32, end_of_stream: bool) -> Option<u32> {
        self.call(sys, id, "proxy_on_downstream_data", |tcp| {
            let action = tcp.on_downstream_data(DownstreamData::new(sys, id, size, end_of_stream));
            action.map(|action| action.at_end(end_of_stream))
        })
    }

    #[inline]
    fn upstream_data(&self, sys: &Sys, id: u32, size: u32, end_of_stream: bool) -> Option<u32> {
        self.call(sys, id, "proxy_on_upstream_data", |tcp| {
            let action = tcp.on_upstream_data(UpstreamData::new(sys, id, size, end_of_stream));
            action.map(|action| action.at_end(end_of_stream))
        })
    }

    #[inline]
    fn upstream_close(&self, sys: &Sys, id: u32, peer_type: u32) -> Option<u32> {
        self.tell(sys, id, "proxy_on_upstream_connection_close", |tcp| {
            tcp.on_upstream_close(UpstreamClose::new(sys, id, peer(peer_type)))
        })
    }

    #[inline]
    fn downstream_close(&self, sys: &Sys, id: u32, peer_type: u32) -> Option<u32> {
        self.tell(sys, id, "proxy_on_downstream_connection_close", |tcp| {
            tcp.on_downstream_close(DownstreamClose::new(sys, id, peer(peer_type)))
        })
    }

    #[inline]
    fn done(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.done(sys, id)
    }

    /// For a connection after `done` (TCP-1), unlike HTTP.
    #[inline]
    fn log(&self, sys: &Sys, id: u32) -> Option<u32> {
        let told = self.tell(sys, id, "proxy_on_log", |tcp| tcp.on_log(StreamLog::new(sys, id)));
        told.or_else(|| self.0.root_log(sys, id))
    }

    #[inline]
    fn delete(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.delete(sys, id)
    }
}
