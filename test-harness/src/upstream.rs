//! How the upstream answers.

use crate::message::Message;
use bytes::Bytes;

/// What an upstream does with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// It answers.
    Response(Message),
    /// Nobody listens: the client gets 503 (SEQ-19).
    Refuse,
    /// It reads the request and closes the connection without an answer: the client gets 503 (SEQ-19).
    ResetBeforeResponse,
    /// It reads the request and does not answer within the route's timeout: the client gets 504 (SEQ-19). The proxy's clock does not move for
    /// it.
    Timeout,
    /// The route names a cluster that does not exist: the client gets 503 (SEQ-19).
    NoCluster,
    /// It sends the headers and chunks of this response, and then the connection breaks: the client's stream is cut (SEQ-19).
    ResetAfter(Message),
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
