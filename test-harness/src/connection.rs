//! A TCP connection through the proxy, played by a test from both ends.

use crate::host::State;
use crate::host::property::Told;
use crate::host::tcp_stream::{Incoming, Side, TcpStream};
use crate::log::LogLine;
use crate::proxy::MockProxy;
use crate::vm::Trap;
use bytes::Bytes;
use proxy_filter_abi::PeerType;
use std::fmt;
use std::rc::Rc;

/// A client's TCP connection, and the proxy's to the upstream that belongs to it; made by [`MockProxy::connect`].
///
/// A test says what the two ends do, step by step, and looks at what they see of it. Each step is over when the proxy can do no more.
///
/// ```
/// # mod allow {
/// #     use proxy_filter::prelude::*;
/// #     pub struct Allow;
/// #     impl RootContext for Allow { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
/// #     impl TcpPlugin for Allow { type Stream = AllowStream; fn create_stream_context(self: &Rc<Self>, _: &Tcp) -> AllowStream { AllowStream } }
/// #     pub struct AllowStream;
/// #     impl StreamContext for AllowStream {
/// #         fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
/// #             match tcp.data().bytes()?.starts_with(b"HELO") {
/// #                 true => Ok(StreamAction::Continue),
/// #                 false if tcp.size() < 4 => Ok(StreamAction::Buffer),
/// #                 false => Err(StreamInterrupt::close()),
/// #             }
/// #         }
/// #     }
/// #     proxy_filter::register! { "allow" => tcp Allow }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use proxy_filter_test::{MockProxy, Plugin};
///
/// let proxy = MockProxy::new(Plugin::native(&allow::PLUGINS, "allow"))?;
///
/// let connection = proxy.connect();
/// connection.send("HE");
/// assert_eq!(connection.to_upstream(), "", "the filter waits for more");
/// connection.send("LO there");
/// assert_eq!(connection.to_upstream(), "HELO there");
/// connection.upstream_sends("250 hello");
/// assert_eq!(connection.to_client(), "250 hello");
///
/// let stranger = proxy.connect();
/// stranger.send("GET / HTTP/1.1");
/// assert!(stranger.is_closed());
/// assert_eq!(stranger.to_upstream(), "");
/// # Ok(()) }
/// ```
pub struct Connection<'p> {
    proxy: &'p MockProxy,
    state: Rc<State>,
    number: u64,
    /// Where its lines begin in the proxy's log and in its list of callbacks.
    log: usize,
    costs: usize,
}

/// How one end of a TCP connection sees that nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The proxy has closed its half, or the connection.
    End,
    /// The connection was reset.
    Reset,
}

impl<'p> Connection<'p> {
    pub(crate) fn new(proxy: &'p MockProxy, state: Rc<State>, number: u64, log: usize, costs: usize) -> Self {
        Self { proxy, state, number, log, costs }
    }

    pub(crate) fn with_told<R>(&self, f: impl FnOnce(&mut Told) -> R) -> R {
        let mut connections = self.state.connections.borrow_mut();
        let stream =
            connections.get_mut(&self.number).unwrap_or_else(|| unreachable!("it is taken out when this view is dropped"));
        f(stream.told_mut())
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&TcpStream) -> R) -> R {
        // It is taken out of the table only when this view is dropped.
        f(&self.state.connections.borrow()[&self.number])
    }

    /// The client sends bytes; to a connection that is closed they are lost.
    #[track_caller]
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.receive(Side::Downstream, Incoming::Bytes(bytes.as_ref().to_vec()))
    }

    /// The client closes its half: it sends nothing more, and goes on reading (TCP-7).
    #[track_caller]
    pub fn end(&self) -> &Self {
        self.receive(Side::Downstream, Incoming::End)
    }

    /// The client resets the connection (TCP-9).
    #[track_caller]
    pub fn disconnect(&self) -> &Self {
        self.receive(Side::Downstream, Incoming::Reset)
    }

    /// The upstream sends bytes.
    ///
    /// # Panics
    /// When the proxy has not connected to it; ask [`reached_upstream`](Self::reached_upstream).
    #[track_caller]
    pub fn upstream_sends(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.receive_from_upstream(Incoming::Bytes(bytes.as_ref().to_vec()))
    }

    /// The upstream closes its half: it sends nothing more, and goes on reading.
    ///
    /// # Panics
    /// As [`upstream_sends`](Self::upstream_sends).
    #[track_caller]
    pub fn upstream_ends(&self) -> &Self {
        self.receive_from_upstream(Incoming::End)
    }

    /// The upstream resets its connection (TCP-18).
    ///
    /// # Panics
    /// As [`upstream_sends`](Self::upstream_sends).
    #[track_caller]
    pub fn upstream_disconnects(&self) -> &Self {
        self.receive_from_upstream(Incoming::Reset)
    }

    #[track_caller]
    fn receive_from_upstream(&self, incoming: Incoming) -> &Self {
        assert!(
            self.reached_upstream(),
            "the proxy has not connected to the upstream, which so can do nothing: ask reached_upstream() first"
        );
        self.receive(Side::Upstream, incoming)
    }

    #[track_caller]
    fn receive(&self, side: Side, incoming: Incoming) -> &Self {
        self.proxy.receive_from(self.number, side, incoming);
        self
    }

    /// Whether the proxy has connected to the upstream.
    pub fn reached_upstream(&self) -> bool {
        self.saw_waiting();
        self.with(TcpStream::reached_upstream)
    }

    /// All that the upstream has received so far.
    pub fn to_upstream(&self) -> Bytes {
        self.with(|stream| Bytes::copy_from_slice(stream.sent(Side::Downstream)))
    }

    /// All that the client has received so far.
    pub fn to_client(&self) -> Bytes {
        self.with(|stream| Bytes::copy_from_slice(stream.sent(Side::Upstream)))
    }

    /// How the upstream sees that nothing more comes; `None` while more may.
    pub fn upstream_ending(&self) -> Option<Ending> {
        self.with(|stream| stream.ending(Side::Upstream))
    }

    /// How the client sees that nothing more comes; `None` while more may.
    pub fn client_ending(&self) -> Option<Ending> {
        self.with(|stream| stream.ending(Side::Downstream))
    }

    /// Whether the client's connection is closed, and with it the upstream's.
    pub fn is_closed(&self) -> bool {
        self.closed_by().is_some()
    }

    /// Who closed the client's connection: [`PeerType::Local`] is the proxy, [`PeerType::Remote`] the client (TCP-9).
    pub fn closed_by(&self) -> Option<PeerType> {
        self.saw_waiting();
        self.with(TcpStream::closed)
    }

    fn saw_waiting(&self) {
        if let Some(stream) = self.state.connections.borrow_mut().get_mut(&self.number) {
            stream.saw_waiting();
        }
    }

    /// What plugins have logged since the client connected.
    pub fn log(&self) -> Vec<LogLine> {
        self.state.log.borrow()[self.log..].to_vec()
    }

    /// Why a plugin's VM has died, in this connection or before it.
    pub fn trap(&self) -> Option<Trap> {
        self.state.trap.borrow().clone()
    }

    /// The guest instructions that callbacks have used since the client connected; 0 in the null VM.
    pub fn fuel_used(&self) -> u64 {
        self.callbacks().iter().map(|(_, fuel)| fuel).sum()
    }

    /// The callbacks since the client connected, in their order, each with the guest instructions that it used; 0 in the null VM.
    pub fn callbacks(&self) -> Vec<(&'static str, u64)> {
        self.state.costs.borrow().since(self.costs)
    }
}

/// A connection that is closed is of no more use to the proxy, and one that is open will be of none once it is.
impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let Ok(mut connections) = self.state.connections.try_borrow_mut() else { return };
        match connections.get_mut(&self.number) {
            Some(stream) if stream.closed().is_none() => stream.unwatched = true,
            _ => drop(connections.remove(&self.number)),
        }
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = |ending: Option<Ending>| ending.map_or(String::new(), |ending| format!(", then {ending:?}"));
        match self.closed_by() {
            Some(peer) => writeln!(f, "closed, by {peer}")?,
            None => writeln!(f, "open")?,
        }
        match self.reached_upstream() {
            true => writeln!(f, "upstream received \"{}\"{}", self.to_upstream().escape_ascii(), ending(self.upstream_ending()))?,
            false => writeln!(f, "upstream was not connected to")?,
        }
        writeln!(f, "client received \"{}\"{}", self.to_client().escape_ascii(), ending(self.client_ending()))?;
        write!(f, "trace:\n{}", self.state.trace)
    }
}
