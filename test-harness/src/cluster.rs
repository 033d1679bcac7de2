//! The clusters that callouts go to.

use crate::message::Message;
use crate::upstream::Answer;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

type Closure = dyn FnMut(&Message) -> Answer;

/// A cluster of the proxy, by which filters call a service: what it answers, and when.
///
/// [`MockProxy::cluster`](crate::MockProxy::cluster) makes one of a closure, which is all that most tests need. This is for the rest:
/// latency, canned answers, raw pairs, no host. What becomes of a single request is an [`Answer`]: a response of the crate `http` or a
/// raw [`Message`], at once or [`after`](Answer::after) a time, or one of the ways to fail.
///
/// It speaks HTTP/1.1: a response whose `content-length` is more than its body has stalls, and the call ends by its timeout (CAL-27).
///
/// ```
/// use proxy_filter_test::{Answer, Cluster, MockProxy};
/// use std::time::Duration;
/// # let proxy = MockProxy::builder().start()?;
/// // Slow; and where it is asked for the impossible it breaks.
/// proxy.set_cluster("quota", Cluster::new(|request| match request.uri().path() {
///     "/take" => http::Response::new("ok").into(),
///     _ => Answer::ResetBeforeResponse,
/// }).latency(Duration::from_millis(20)));
/// // Down, and up again: the last stays.
/// proxy.set_cluster("authz", Cluster::answers([Answer::Refuse, http::Response::new("welcome").into()]));
/// // It always says this.
/// proxy.set_cluster("flags", http::Response::new("{}"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Cluster {
    answer: Box<Closure>,
    latency: Duration,
    has_hosts: bool,
    max_requests: usize,
}

impl Cluster {
    /// What Envoy's circuit breaker lets be in flight unless it is told otherwise (CAL-21).
    pub const MAX_REQUESTS: usize = 1024;

    /// A cluster that answers each request by this closure.
    ///
    /// A request that the types of the crate `http` cannot hold is answered with 400; see [`raw`](Self::raw).
    pub fn new<A: Into<Answer>>(mut answer: impl FnMut(http::Request<Bytes>) -> A + 'static) -> Self {
        Self::raw(move |request| match request.to_request() {
            Ok(request) => answer(request).into(),
            Err(error) => Message::new([(":status", "400")]).chunk(error.to_string()).into(),
        })
    }

    /// The same in raw pairs.
    pub fn raw<A: Into<Answer>>(mut answer: impl FnMut(&Message) -> A + 'static) -> Self {
        Self {
            answer: Box::new(move |request| answer(request).into()),
            latency: Duration::ZERO,
            has_hosts: true,
            max_requests: Self::MAX_REQUESTS,
        }
    }

    /// A cluster with an answer for each request, in this order; the last is that to all further ones too.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn answers<A: Into<Answer>>(answers: impl IntoIterator<Item = A>) -> Self {
        let mut answers = answers.into_iter().map(Into::into).collect::<Vec<Answer>>().into_iter();
        let Some(mut last) = answers.next() else {
            panic!("a cluster without an answer: give one at least, such as Answer::Timeout");
        };
        let mut first = true;
        Self::raw(move |_| {
            if !std::mem::take(&mut first)
                && let Some(next) = answers.next()
            {
                last = next;
            }
            last.clone()
        })
    }

    /// A cluster that has no host: calls to it are refused with `INTERNAL_FAILURE` (CAL-5).
    pub fn without_hosts() -> Self {
        Self { has_hosts: false, ..Self::raw(|_| Answer::Refuse) }
    }

    /// How much time passes on the proxy's clock until an answer is there that does not say itself [when](Answer::after); none unless
    /// you say otherwise.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How many requests may be in flight: `max_requests` of Envoy's circuit breaker. Further calls are refused with `INTERNAL_FAILURE`,
    /// as where there is no host (CAL-21). [`MAX_REQUESTS`](Self::MAX_REQUESTS) unless you say otherwise.
    #[must_use]
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.max_requests = requests;
        self
    }

    pub(crate) fn has_hosts(&self) -> bool {
        self.has_hosts
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.max_requests
    }

    /// What it does with a request, and after how much time.
    pub(crate) fn ask(&mut self, request: &Message) -> (Duration, Answer) {
        match (self.answer)(request) {
            Answer::Later(after, answer) => answer.flattened(after),
            answer => (self.latency, answer),
        }
    }
}

/// It always answers so.
impl<A: Into<Answer>> From<A> for Cluster {
    fn from(answer: A) -> Self {
        Self::answers([answer])
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("latency", &self.latency).field("has_hosts", &self.has_hosts).finish_non_exhaustive()
    }
}
