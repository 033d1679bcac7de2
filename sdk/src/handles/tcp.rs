use super::Context;
use crate::{Body, ConnectionAction, Held, Paused, StreamAction, phase, sys::Sys};
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

impl NewConnection<'_> {
    /// Makes the client wait: return the action, and keep the [`Held`] to let the connection go on or to close it later.
    ///
    /// Until then the proxy reads nothing from the client, and does not notice that it leaves (TCP-13): give up after a while.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// use std::cell::RefCell;
    /// # struct Gate { waiting: RefCell<Vec<Held<phase::NewConnection>>> }
    /// struct Stream(Rc<Gate>);
    /// impl StreamContext for Stream {
    ///     fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
    ///         let (held, wait) = tcp.hold();
    ///         self.0.waiting.borrow_mut().push(held);
    ///         Ok(wait)
    ///     }
    /// }
    /// impl Gate {
    ///     fn open(&self, allowed: bool) {
    ///         for held in self.waiting.take() {
    ///             // `Err(Gone)` is a connection that was closed meanwhile.
    ///             let _ = if allowed { held.resume() } else { held.close() };
    ///         }
    ///     }
    /// }
    /// ```
    pub fn hold(self) -> (Held<phase::NewConnection>, ConnectionAction) {
        let (held, pause) = Held::new(&self.sys, self.id());
        (held, ConnectionAction::Paused(pause))
    }
}

impl DownstreamData<'_> {
    /// Makes the client's bytes wait: return the action, and keep the [`Held`] to let them go or to close the connection later.
    ///
    /// More may come meanwhile, and is called for; nothing goes on before the [`Held`] is let go, whatever is answered then.
    pub fn hold(self) -> (Held<phase::DownstreamData>, StreamAction) {
        let (held, pause) = Held::new(&self.sys, self.id());
        (held, StreamAction::Paused(pause))
    }
}

impl Paused<phase::DownstreamData> {
    /// The bytes that wait.
    pub fn data(&self) -> Body<'_> {
        Body::new(self, BufferType::DownstreamData)
    }
}
