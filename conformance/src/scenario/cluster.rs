//! A service that plugins call: a cluster of the proxy beside the one of the route.

use super::{Response, Upstream};
use std::{borrow::Cow, time::Duration};

/// What a cluster's only host does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long it takes.
    pub after: Duration,
    /// What it does then.
    pub then: Upstream,
}

/// A cluster. It speaks HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name; all scenarios share an Envoy, so it must be the only one of this name.
    pub name: Cow<'static, str>,
    /// Without a host no call can begin.
    pub has_host: bool,
    /// What the host does with each request, one after the other; the last stands for all further ones.
    pub answers: Vec<Answer>,
}

impl Cluster {
    /// Whether nobody listens there.
    pub fn refuses(&self) -> bool {
        self.answers.first().is_some_and(|answer| answer.then == Upstream::Refuse)
    }
}

impl Response {
    /// Sent so many milliseconds after the request has come.
    #[must_use]
    pub fn after(self, milliseconds: u64) -> Answer {
        Answer { after: Duration::from_millis(milliseconds), then: Upstream::Respond(self) }
    }
}

impl From<Upstream> for Answer {
    fn from(then: Upstream) -> Self {
        Self { after: Duration::ZERO, then }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Upstream::Respond(response).into()
    }
}
