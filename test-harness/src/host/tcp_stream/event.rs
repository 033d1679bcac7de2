//! What a connection is told, what it asks for, and how it ends.

use proxy_filter_abi::{Callback, PeerType};

/// From which end bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Downstream,
    Upstream,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

/// What one of the ends does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Bytes(Vec<u8>),
    /// It closes its half.
    End,
    /// It resets the connection.
    Reset,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    /// Make the context of this filter.
    Create { filter: usize },
    /// Make this callback, then [`TcpStream::apply`](super::TcpStream::apply) its answer.
    Call { filter: usize, callback: TcpCallback },
    /// Connect to the upstream, and tell [`TcpStream::connected`](super::TcpStream::connected).
    ConnectUpstream,
    /// Nothing, until something comes or what is kept is continued.
    Idle,
    /// Nothing any more.
    Finished,
}

/// A callback of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TcpCallback {
    NewConnection,
    Data { side: Side, size: usize, end_of_stream: bool },
    UpstreamClose,
    DownstreamClose(PeerType),
    Done,
    Log,
    Delete,
}

impl TcpCallback {
    /// As it is made in the VM where the connection's context has this id.
    pub(crate) fn to_abi(self, context_id: u32) -> Callback {
        match self {
            Self::NewConnection => Callback::proxy_on_new_connection { context_id },
            Self::Data { side, size, end_of_stream } => {
                let (size, end_of_stream) = (u32::try_from(size).unwrap_or(u32::MAX), u32::from(end_of_stream));
                match side {
                    Side::Downstream => Callback::proxy_on_downstream_data { context_id, size, end_of_stream },
                    Side::Upstream => Callback::proxy_on_upstream_data { context_id, size, end_of_stream },
                }
            }
            Self::UpstreamClose => {
                Callback::proxy_on_upstream_connection_close { context_id, peer_type: PeerType::Unknown.to_wire() }
            }
            Self::DownstreamClose(peer) => {
                Callback::proxy_on_downstream_connection_close { context_id, peer_type: peer.to_wire() }
            }
            Self::Done => Callback::proxy_on_done { context_id },
            Self::Log => Callback::proxy_on_log { context_id },
            Self::Delete => Callback::proxy_on_delete { context_id },
        }
    }
}
