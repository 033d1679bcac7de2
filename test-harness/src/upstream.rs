//! How the upstream answers, and a cluster that a filter calls.

use crate::message::Message;
use bytes::Bytes;
use std::time::Duration;

/// What an upstream does with a request, or a [`Cluster`](crate::Cluster) that a filter calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// It answers.
    Response(Message),
    /// Nobody listens: the client gets 503 (SEQ-19), and so does a callout (CAL-12).
    Refuse,
    /// It reads the request and closes the connection without an answer: the client gets 503 (SEQ-19), and so does a callout (CAL-12).
    ResetBeforeResponse,
    /// It reads the request and does not answer within the route's timeout: the client gets 504 (SEQ-19). The proxy's clock does not move for
    /// it.
    ///
    /// A callout is never answered: it ends with 504 when the clock has come to its own timeout (CAL-11), or stays in flight for ever
    /// when it has none (CAL-3).
    Timeout,
    /// The route names a cluster that does not exist: the client gets 503 (SEQ-19). A cluster that a filter calls was there when it
    /// did; it may be gone when the request is sent.
    NoCluster,
    /// It sends the headers and chunks of this response, and then the connection breaks: the client's stream is cut (SEQ-19), and
    /// a callout ends without a response (CAL-13).
    ResetAfter(Message),
    /// It does so when this much time has passed on the proxy's clock; made by [`after`](Self::after).
    Later(Duration, Box<Answer>),
}

impl Answer {
    /// The same, when this much time has passed on the proxy's clock: see [`MockProxy::advance`](crate::MockProxy::advance).
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self::Later(time, Box::new(self))
    }

    /// What is done, and after how much time altogether.
    pub(crate) fn flattened(self, after: Duration) -> (Duration, Self) {
        match self {
            Self::Later(more, answer) => answer.flattened(after.saturating_add(more)),
            answer => (after, answer),
        }
    }
}

impl From<Message> for Answer {
    fn from(response: Message) -> Self {
        Self::Response(response)
    }
}

impl<B: Into<Bytes>> From<http::Response<B>> for Answer {
    fn from(response: http::Response<B>) -> Self {
        Self::Response(response.into())
    }
}

type Closure = dyn FnMut(&Message) -> Answer;

pub(crate) struct Upstream(Box<Closure>);

impl Upstream {
    pub(crate) fn new(answer: impl FnMut(&Message) -> Answer + 'static) -> Self {
        Self(Box::new(answer))
    }

    pub(crate) fn answer(&mut self, request: &Message) -> Answer {
        (self.0)(request)
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self::new(|_| http::Response::new("").into())
    }
}
