//! What came of a request.

use crate::host::State;
use crate::host::http_stream::{End, HttpStream};
use crate::log::LogLine;
use crate::message::Message;
use crate::vm::Trap;
use bytes::Bytes;
use std::fmt;
use std::rc::Rc;

/// A request and its response, when they have gone as far as the filters let them.
pub struct Exchange {
    state: Rc<State>,
    outcome: Outcome,
    upstream_request: Option<Message>,
    response: Option<Message>,
    local_reply: Option<LocalReplySent>,
    details: String,
    snapshot: Snapshot,
    views: Views,
}

/// The messages as types of the crate `http`, where these can hold them.
struct Views {
    upstream_request: Option<Result<http::Request<Bytes>, http::Error>>,
    response: Option<Result<http::Response<Bytes>, http::Error>>,
}

pub(crate) struct Snapshot {
    pub(crate) log: Vec<LogLine>,
    pub(crate) trap: Option<Trap>,
    pub(crate) costs: Vec<(&'static str, u64)>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The client has the whole response.
    Complete,
    /// The stream was reset: the client saw its connection closed, in the middle of a response or without one.
    Reset,
    /// A filter holds the request or the response back, and nobody has continued it: in a proxy the client waits (ACT-8).
    Paused,
}

/// A local reply as it was asked for, by a filter or by the proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalReplySent {
    /// Its HTTP status.
    pub status: u16,
    /// Its details, with white space replaced as Envoy does (LOC-10).
    pub details: String,
    /// Its body.
    pub body: Bytes,
    /// The gRPC status that was given with it.
    pub grpc_status: Option<u32>,
}

impl Exchange {
    pub(crate) fn new(state: Rc<State>, stream: &HttpStream, snapshot: Snapshot) -> Self {
        let upstream_request = stream.upstream_request().cloned();
        let response = stream.client_response().cloned();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            outcome: match stream.end() {
                Some(End::Complete) => Outcome::Complete,
                Some(End::Reset) => Outcome::Reset,
                None => Outcome::Paused,
            },
            local_reply: stream.local_reply().map(|reply| LocalReplySent {
                status: reply.status,
                details: text(&reply.details),
                body: Bytes::copy_from_slice(&reply.body),
                grpc_status: reply.grpc_status,
            }),
            details: stream.details().map(text).unwrap_or_default(),
            views: Views {
                upstream_request: upstream_request.as_ref().map(Message::to_request),
                response: response.as_ref().map(Message::to_response),
            },
            upstream_request,
            response,
            state,
            snapshot,
        }
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether the request, or its beginning, went to the upstream.
    pub fn reached_upstream(&self) -> bool {
        self.upstream_request.is_some()
    }

    /// What the upstream received.
    ///
    /// # Panics
    /// When it received nothing (ask [`reached_upstream`](Self::reached_upstream)), or what `http` cannot hold (see
    /// [`raw_upstream_request`](Self::raw_upstream_request)).
    #[track_caller]
    pub fn upstream_request(&self) -> &http::Request<Bytes> {
        match &self.views.upstream_request {
            Some(Ok(request)) => request,
            Some(Err(error)) => {
                panic!("the upstream received what http::Request cannot hold ({error}): look at raw_upstream_request()")
            }
            None => panic!("the request did not reach the upstream ({}): ask reached_upstream() first", self.summary()),
        }
    }

    /// What the upstream received, in raw pairs.
    pub fn raw_upstream_request(&self) -> Option<&Message> {
        self.upstream_request.as_ref()
    }

    /// What the client received.
    ///
    /// # Panics
    /// When it received nothing (ask [`outcome`](Self::outcome)), or what `http` cannot hold (see [`raw_response`](Self::raw_response)).
    #[track_caller]
    pub fn response(&self) -> &http::Response<Bytes> {
        match &self.views.response {
            Some(Ok(response)) => response,
            Some(Err(error)) => panic!("the client received what http::Response cannot hold ({error}): look at raw_response()"),
            None => panic!("the client received no response ({}): ask outcome() first", self.summary()),
        }
    }

    /// What the client received, in raw pairs; of a stream that was reset, what came before.
    pub fn raw_response(&self) -> Option<&Message> {
        self.response.as_ref()
    }

    /// The local reply that answered, a filter's or the proxy's own.
    pub fn local_reply(&self) -> Option<&LocalReplySent> {
        self.local_reply.as_ref()
    }

    /// Envoy's `response.code_details`: how the response came to be, `via_upstream` for an ordinary one.
    pub fn details(&self) -> &str {
        &self.details
    }

    /// What plugins logged meanwhile.
    pub fn log(&self) -> &[LogLine] {
        &self.snapshot.log
    }

    /// Why a plugin's VM has died, in this exchange or before it.
    pub fn trap(&self) -> Option<&Trap> {
        self.snapshot.trap.as_ref()
    }

    /// The guest instructions that the callbacks of this exchange used; 0 in the null VM.
    pub fn fuel_used(&self) -> u64 {
        self.snapshot.costs.iter().map(|(_, fuel)| fuel).sum()
    }

    /// The callbacks of this exchange in their order, each with the guest instructions that it used; 0 in the null VM.
    pub fn callbacks(&self) -> &[(&'static str, u64)] {
        &self.snapshot.costs
    }

    fn summary(&self) -> String {
        match (&self.local_reply, self.outcome) {
            (Some(reply), _) => format!("a local reply answered with {}, details \"{}\"", reply.status, reply.details),
            (None, Outcome::Paused) => "a filter holds it back".to_owned(),
            (None, Outcome::Reset) => format!("the stream was reset, details \"{}\"", self.details),
            (None, Outcome::Complete) => "the exchange is complete".to_owned(),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, details \"{}\"", self.outcome, self.details)?;
        match &self.upstream_request {
            Some(request) => writeln!(f, "upstream received:\n{request:?}")?,
            None => writeln!(f, "upstream received nothing")?,
        }
        match &self.response {
            Some(response) => writeln!(f, "client received:\n{response:?}")?,
            None => writeln!(f, "client received nothing")?,
        }
        write!(f, "trace:\n{}", self.state.trace)
    }
}
