//! What a stream is told, what it asks for, and how it ends.

use crate::host::HeaderMap;
use proxy_filter_abi::Callback;

/// Which message of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// What comes from the client or the upstream.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Headers {
        side: Side,
        headers: HeaderMap,
        end_of_stream: bool,
    },
    Data {
        side: Side,
        data: Vec<u8>,
        end_of_stream: bool,
    },
    Trailers {
        side: Side,
        trailers: HeaderMap,
    },
    /// There will be no more from the upstream, if there ever was: after response headers the stream is reset, before them the client
    /// gets an answer of this status.
    UpstreamReset {
        status: u16,
        details: &'static str,
        body: &'static str,
    },
    /// The time of the route has passed: as the last, but it counts also while a local reply is held (LOC-33).
    RouteTimeout,
    /// The client sent what is no HTTP (SEQ-17).
    Malformed,
}

impl Event {
    pub(super) fn is_of_upstream(&self) -> bool {
        match self {
            Self::Headers { side, .. } | Self::Data { side, .. } | Self::Trailers { side, .. } => *side == Side::Response,
            Self::UpstreamReset { .. } => true,
            Self::RouteTimeout | Self::Malformed => false,
        }
    }
}

/// How much of a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Nothing,
    Headers,
    All,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    /// Make the context of this filter.
    Create { filter: usize },
    /// Make this callback, then [`HttpStream::apply`] its answer.
    Call { filter: usize, callback: StreamCallback },
    /// Tell this access logger of the end.
    AccessLog { logger: usize },
    /// The request has reached the upstream as a whole: its answer is awaited.
    AskUpstream,
    /// Nothing, until something comes or a paused message is continued.
    Idle,
    /// Nothing any more.
    Finished,
}

/// A callback of an HTTP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamCallback {
    Headers { side: Side, count: usize, end_of_stream: bool },
    Body { side: Side, size: usize, end_of_stream: bool },
    Trailers { side: Side, count: usize },
    Log,
    Done,
    Delete,
}

impl StreamCallback {
    /// As it is made in the VM where the stream's context has this id.
    pub(crate) fn to_abi(self, context_id: u32) -> Callback {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        match self {
            StreamCallback::Headers { side, count, end_of_stream } => {
                let (num_headers, end_of_stream) = (number(count), u32::from(end_of_stream));
                match side {
                    Side::Request => Callback::proxy_on_request_headers { context_id, num_headers, end_of_stream },
                    Side::Response => Callback::proxy_on_response_headers { context_id, num_headers, end_of_stream },
                }
            }
            StreamCallback::Body { side, size, end_of_stream } => {
                let (size, end_of_stream) = (number(size), u32::from(end_of_stream));
                match side {
                    Side::Request => Callback::proxy_on_request_body { context_id, size, end_of_stream },
                    Side::Response => Callback::proxy_on_response_body { context_id, size, end_of_stream },
                }
            }
            StreamCallback::Trailers { side, count } => {
                let num_trailers = number(count);
                match side {
                    Side::Request => Callback::proxy_on_request_trailers { context_id, num_trailers },
                    Side::Response => Callback::proxy_on_response_trailers { context_id, num_trailers },
                }
            }
            StreamCallback::Log => Callback::proxy_on_log { context_id },
            StreamCallback::Done => Callback::proxy_on_done { context_id },
            StreamCallback::Delete => Callback::proxy_on_delete { context_id },
        }
    }
}

/// How a stream ended, as the client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The response was sent to its end.
    Complete,
    /// The stream was reset: the client saw a cut response, or none.
    Reset,
}
