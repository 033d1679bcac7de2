//! What came of a request.

use crate::host::State;
use crate::host::http_stream::{End, HttpStream};
use crate::lint::Lint;
use crate::log::LogLine;
use crate::message::Message;
use crate::vm::Trap;
use bytes::Bytes;
use std::fmt;
use std::rc::Rc;

/// A request and its response, as far as the filters let them go: a view of the proxy's own state, which goes on changing while a
/// filter holds the stream back.
pub struct Exchange {
    state: Rc<State>,
    stream: u64,
    /// Where its lines begin in the proxy's log and in its list of callbacks.
    log: usize,
    costs: usize,
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
    /// It is under way, and no filter holds it back: the client or the upstream has not sent all. Only an
    /// [`OpenStream`](crate::OpenStream) is seen so.
    Open,
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
    pub(crate) fn new(state: Rc<State>, stream: u64, log: usize, costs: usize) -> Self {
        Self { state, stream, log, costs }
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&HttpStream) -> R) -> R {
        // It is taken out of the table only when this view is dropped.
        f(&self.state.streams.borrow()[&self.stream])
    }

    /// How it ended, or that it has not.
    pub fn outcome(&self) -> Outcome {
        let outcome = self.outcome_unseen();
        if outcome == Outcome::Paused
            && let Some(stream) = self.state.streams.borrow_mut().get_mut(&self.stream)
        {
            stream.saw_held();
        }
        outcome
    }

    pub(crate) fn outcome_unseen(&self) -> Outcome {
        match self.with(HttpStream::end) {
            Some(End::Complete) => Outcome::Complete,
            Some(End::Reset) => Outcome::Reset,
            None if self.with(HttpStream::paused_by).is_some() => Outcome::Paused,
            None => Outcome::Open,
        }
    }

    /// The filter that holds the request or the response back, by its plugin's name.
    pub fn paused_by(&self) -> Option<String> {
        let filter = self.with(HttpStream::paused_by)?;
        self.state.findings.plugin(filter)
    }

    /// Whether the request, or its beginning, went to the upstream.
    pub fn reached_upstream(&self) -> bool {
        self.with(|stream| stream.upstream_request().is_some())
    }

    /// Whether the upstream received the request to its end.
    pub fn upstream_request_is_complete(&self) -> bool {
        self.with(HttpStream::upstream_request_is_complete)
    }

    /// What the upstream received.
    ///
    /// # Panics
    /// When it received nothing (ask [`reached_upstream`](Self::reached_upstream)), or what `http` cannot hold (see
    /// [`raw_upstream_request`](Self::raw_upstream_request)).
    #[track_caller]
    pub fn upstream_request(&self) -> http::Request<Bytes> {
        match self.raw_upstream_request().map(|request| request.to_request()) {
            Some(Ok(request)) => request,
            Some(Err(error)) => {
                panic!("the upstream received what http::Request cannot hold ({error}): look at raw_upstream_request()")
            }
            None => panic!("the request did not reach the upstream ({}): ask reached_upstream() first", self.summary()),
        }
    }

    /// What the upstream received, in raw pairs.
    pub fn raw_upstream_request(&self) -> Option<Message> {
        self.with(|stream| stream.upstream_request().cloned())
    }

    /// What the client received.
    ///
    /// # Panics
    /// When it received nothing (ask [`outcome`](Self::outcome)), or what `http` cannot hold (see [`raw_response`](Self::raw_response)).
    #[track_caller]
    pub fn response(&self) -> http::Response<Bytes> {
        match self.raw_response().map(|response| response.to_response()) {
            Some(Ok(response)) => response,
            Some(Err(error)) => panic!("the client received what http::Response cannot hold ({error}): look at raw_response()"),
            None => panic!("the client received no response ({}): ask outcome() first", self.summary()),
        }
    }

    /// What the client received, in raw pairs; of a stream that was reset, what came before.
    pub fn raw_response(&self) -> Option<Message> {
        self.with(|stream| stream.client_response().cloned())
    }

    /// The local reply that answered, a filter's or the proxy's own.
    pub fn local_reply(&self) -> Option<LocalReplySent> {
        self.with(|stream| {
            stream.local_reply().map(|reply| LocalReplySent {
                status: reply.status,
                details: String::from_utf8_lossy(&reply.details).into_owned(),
                body: Bytes::copy_from_slice(&reply.body),
                grpc_status: reply.grpc_status,
            })
        })
    }

    /// Envoy's `response.code_details`: how the response came to be, `via_upstream` for an ordinary one.
    pub fn details(&self) -> String {
        self.with(|stream| stream.details().map(|details| String::from_utf8_lossy(details).into_owned()).unwrap_or_default())
    }

    /// What plugins have logged since the request came.
    pub fn log(&self) -> Vec<LogLine> {
        self.state.log.borrow()[self.log..].to_vec()
    }

    /// Why a plugin's VM has died, in this exchange or before it.
    pub fn trap(&self) -> Option<Trap> {
        self.state.trap.borrow().clone()
    }

    /// The guest instructions that callbacks have used since the request came; 0 in the null VM.
    pub fn fuel_used(&self) -> u64 {
        self.callbacks().iter().map(|(_, fuel)| fuel).sum()
    }

    /// The callbacks since the request came, in their order, each with the guest instructions that it used; 0 in the null VM.
    pub fn callbacks(&self) -> Vec<(&'static str, u64)> {
        self.state.costs.borrow().since(self.costs)
    }

    /// Whether it is an exchange of the proxy with this state.
    pub(crate) fn is_of(&self, state: &Rc<State>) -> bool {
        Rc::ptr_eq(&self.state, state)
    }

    pub(crate) fn stream(&self) -> u64 {
        self.stream
    }

    pub(crate) fn summary(&self) -> String {
        match (self.local_reply(), self.outcome()) {
            (Some(reply), _) => format!("a local reply answered with {}, details \"{}\"", reply.status, reply.details),
            (None, Outcome::Paused) => {
                let lint = Lint::NeverContinued;
                format!("a filter holds it back and has not continued it ({}): {}", lint.row(), lint.mend())
            }
            (None, Outcome::Reset) => format!("the stream was reset, details \"{}\"", self.details()),
            (None, Outcome::Open) => "the stream is open and nothing of it has come yet".to_owned(),
            (None, Outcome::Complete) => "the exchange is complete".to_owned(),
        }
    }
}

/// A stream that has ended is of no more use to the proxy, and one that has not will be of none once it has.
impl Drop for Exchange {
    fn drop(&mut self) {
        let Ok(mut streams) = self.state.streams.try_borrow_mut() else { return };
        match streams.get_mut(&self.stream) {
            Some(stream) if !stream.is_over() => stream.unwatched = true,
            _ => drop(streams.remove(&self.stream)),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, details \"{}\"", self.outcome_unseen(), self.details())?;
        match self.raw_upstream_request() {
            Some(request) => writeln!(f, "upstream received:\n{request:?}")?,
            None => writeln!(f, "upstream received nothing")?,
        }
        match self.raw_response() {
            Some(response) => writeln!(f, "client received:\n{response:?}")?,
            None => writeln!(f, "client received nothing")?,
        }
        write!(f, "trace:\n{}", self.state.trace)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cluster, MockProxy, Spy};
    use proxy_filter_abi::{Callback, Host, StreamType, pairs};
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_nobody_looks_at_any_more_is_gone_when_it_has_ended() {
        let gate = Spy::acting("gate", |callback, host: &dyn Host| match callback {
            Callback::proxy_on_request_headers { .. } | Callback::proxy_on_new_connection { .. } => {
                let headers = pairs::encode([(":method", "GET"), (":path", "/"), (":authority", "auth")]);
                host.proxy_http_call(b"auth", &headers, b"", b"", 0).unwrap();
                Some(1)
            }
            Callback::proxy_on_http_call_response { call_id, .. } => {
                host.proxy_set_effective_context(call_id / 4 + 1).unwrap();
                host.proxy_continue_stream(StreamType::HttpRequest).unwrap();
                host.proxy_close_stream(StreamType::Downstream).unwrap();
                None
            }
            _ => None,
        });
        let proxy = MockProxy::new(gate.plugin()).unwrap();
        proxy.set_cluster("auth", Cluster::new(|_| http::Response::new("")).latency(MS));
        let request = || http::Request::get("http://shop.example/").body("").unwrap();
        drop((proxy.send(request()), proxy.connect()));
        let watched = proxy.send(request());
        assert_eq!((proxy.state.streams.borrow().len(), proxy.state.connections.borrow().len()), (2, 1));
        proxy.advance(MS);
        assert_eq!((proxy.state.streams.borrow().len(), proxy.state.connections.borrow().len()), (1, 0));
        assert_eq!(watched.response().status(), 200);
        drop(watched);
        assert!(proxy.state.streams.borrow().is_empty());
    }
}
