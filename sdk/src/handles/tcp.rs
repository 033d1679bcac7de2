use super::Context;
use crate::{Body, sys::Sys};
use core::marker::PhantomData;
use core::ops::Deref;
use proxy_filter_abi::{BufferType, PeerType};

/// What can be asked about a TCP connection in every one of its callbacks.
#[derive(Debug)]
pub struct Tcp {
    context: Context,
}

impl Tcp {
    pub(crate) fn new(sys: &Sys, id: u32) -> Self {
        Self { context: Context::new(sys, id) }
    }
}

impl Deref for Tcp {
    type Target = Context;
    fn deref(&self) -> &Context {
        &self.context
    }
}

phase! {
    /// A client's connection that was just accepted.
    NewConnection: Tcp {}
}

phase! {
    /// The connection while bytes of the client are here.
    DownstreamData: Tcp {
        /// How many bytes are here: those that came, and before them what was kept.
        size: u32,
        /// Whether the client sends nothing more.
        end_of_stream: bool,
    }
}

impl DownstreamData<'_> {
    /// The bytes that are here. Where there are none, at the end, some can still be added (TCP-7).
    pub fn data(&self) -> Body<'_> {
        Body::new(self, BufferType::DownstreamData)
    }
}

phase! {
    /// The connection while bytes of the upstream are here.
    UpstreamData: Tcp {
        /// How many bytes are here: those that came, and before them what was kept.
        size: u32,
        /// Whether the upstream sends nothing more.
        end_of_stream: bool,
    }
}

impl UpstreamData<'_> {
    /// The bytes that are here. Where there are none, at the end, some can still be added (TCP-7).
    pub fn data(&self) -> Body<'_> {
        Body::new(self, BufferType::UpstreamData)
    }
}

phase! {
    /// The connection when its upstream has ended.
    UpstreamClose: Tcp {
        /// Who closed it; Envoy always says [`PeerType::Unknown`] (TCP-8).
        peer_type: PeerType,
    }
}

phase! {
    /// The connection when it is closed.
    DownstreamClose: Tcp {
        /// Who closed it: [`PeerType::Local`] is the proxy, also where the upstream was the last to end; [`PeerType::Remote`] the client (TCP-9).
        peer_type: PeerType,
    }
}

phase! {
    /// The connection when it is over.
    StreamLog: Tcp {}
}
