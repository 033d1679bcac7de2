//! The same for TCP connections, and one that holds them.

use crate::calls::{body, context};
use core::cell::{Cell, RefCell};
use proxy_filter::prelude::*;

pub(crate) struct Connections {
    strict: bool,
}

impl Connections {
    fn judge(&self, results: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
        let results: Vec<_> = results.into_iter().collect();
        if self.strict { results.into_iter().collect() } else { Ok(()) }
    }
}

impl RootContext for Connections {
    type Config = Vec<u8>;

    fn new(config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let root = Self { strict: config == b"strict" };
        root.judge(context(plugin))?;
        Ok(root)
    }
}

impl TcpPlugin for Connections {
    type Stream = ConnectionsStream;

    fn create_stream_context(self: &Rc<Self>, stream: &Tcp) -> ConnectionsStream {
        let _ = context(stream);
        ConnectionsStream(Rc::clone(self))
    }
}

pub(crate) struct ConnectionsStream(Rc<Connections>);

impl StreamContext for ConnectionsStream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        self.0.judge(context(&tcp))?;
        Ok(ConnectionAction::Continue)
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        self.0.judge(context(&tcp).into_iter().chain(body(&tcp.data())))?;
        Ok(StreamAction::Buffer)
    }

    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        self.0.judge(context(&tcp).into_iter().chain(body(&tcp.data())))?;
        Ok(StreamAction::Continue)
    }

    fn on_upstream_close(&mut self, tcp: UpstreamClose<'_>) -> Result<(), Failure> {
        Ok(self.0.judge(context(&tcp))?)
    }

    fn on_downstream_close(&mut self, tcp: DownstreamClose<'_>) -> Result<(), Failure> {
        Ok(self.0.judge(context(&tcp))?)
    }

    fn on_log(&mut self, tcp: StreamLog<'_>) -> Result<(), Failure> {
        Ok(self.0.judge(context(&tcp))?)
    }
}

/// Holds each connection, and what it sends, until the next one, which closes it or lets it go by turns; some decide at once.
pub(crate) struct HoldConnections {
    connection: RefCell<Option<Held<phase::NewConnection>>>,
    data: RefCell<Option<Held<phase::DownstreamData>>>,
    turn: Cell<bool>,
}

impl RootContext for HoldConnections {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { connection: RefCell::new(None), data: RefCell::new(None), turn: Cell::new(false) })
    }
}

impl TcpPlugin for HoldConnections {
    type Stream = HoldConnectionsStream;

    fn create_stream_context(self: &Rc<Self>, stream: &Tcp) -> HoldConnectionsStream {
        HoldConnectionsStream { root: Rc::clone(self), refuse: stream.id() % 4 == 3 }
    }
}

pub(crate) struct HoldConnectionsStream {
    root: Rc<HoldConnections>,
    refuse: bool,
}

impl StreamContext for HoldConnectionsStream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        let turn = !self.root.turn.replace(!self.root.turn.get());
        let data = self.root.data.take();
        if let Some(held) = data {
            let _ = held.with(|paused| body(&paused.data()));
            let _ = if turn { held.resume() } else { held.close() };
        }
        let (held, wait) = tcp.hold();
        let before = self.root.connection.replace(None);
        if let Some(before) = before {
            let _ = if turn { before.close() } else { before.resume() };
            // This one is let go at once, so that it sends something.
            let _ = held.resume();
        } else {
            self.root.connection.replace(Some(held));
        }
        Ok(wait)
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        if self.refuse {
            return Err(StreamInterrupt::close());
        }
        let (held, wait) = tcp.hold();
        self.root.data.replace(Some(held));
        Ok(wait)
    }
}
