//! The clusters that callouts go to, and what was sent to each.

use super::State;
use crate::cluster::Cluster;
use crate::limits::Limit;
use crate::message::Message;
use crate::upstream::Answer;
use proxy_filter_abi::Status;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Clusters {
    known: RefCell<BTreeMap<String, Known>>,
    /// How many bytes have been sent.
    sent: Cell<usize>,
    /// Since when the clock stands still, and how many callouts have begun since.
    begun: Cell<(Duration, usize)>,
}

#[derive(Debug, Default)]
struct Known {
    /// Nothing while its closure runs.
    cluster: Option<Cluster>,
    has_hosts: bool,
    max_requests: usize,
    requests: Vec<Message>,
}

impl Clusters {
    /// Adds a cluster, or puts it in the place of the one of its name: what was sent there stays on record.
    pub(crate) fn set(&self, name: &str, cluster: Cluster) {
        let mut known = self.known.borrow_mut();
        let known = known.entry(name.to_owned()).or_default();
        (known.has_hosts, known.max_requests) = (cluster.has_hosts(), cluster.most_in_flight());
        known.cluster = Some(cluster);
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.known.borrow().contains_key(name)
    }

    /// Why a name is refused.
    pub(super) fn unknown(&self, name: &[u8]) -> String {
        let known = self.known.borrow();
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let name = name.escape_ascii();
        match names.as_slice() {
            [] => format!(
                "CAL-1: no cluster is named \"{name}\"; this proxy has none: MockProxy::cluster or Builder::cluster adds one"
            ),
            names => format!("CAL-1: no cluster is named \"{name}\", but {names:?}"),
        }
    }

    /// CAL-5, CAL-21: why a call to a known cluster cannot begin.
    pub(super) fn refusal(&self, name: &str, in_flight: usize) -> Option<String> {
        let known = self.known.borrow();
        let known = known.get(name)?;
        if !known.has_hosts {
            return Some(format!("CAL-5: the cluster \"{name}\" has no host"));
        }
        let full = in_flight >= known.max_requests;
        full.then(|| format!("CAL-21: {in_flight} requests to the cluster \"{name}\" are in flight, its circuit breaker is open"))
    }

    /// What a cluster does with a request, and after how much time; it is on record now.
    pub(super) fn ask(&self, name: &str, request: &Message) -> (Duration, Answer) {
        let taken = {
            let mut known = self.known.borrow_mut();
            let Some(known) = known.get_mut(name) else { return (Duration::ZERO, Answer::NoCluster) };
            known.requests.push(request.clone());
            known.cluster.take()
        };
        let Some(mut cluster) = taken else { return (Duration::ZERO, Answer::Refuse) };
        // Its closure may call the proxy.
        let answer = cluster.ask(request);
        if let Some(known) = self.known.borrow_mut().get_mut(name)
            && known.cluster.is_none()
        {
            known.cluster = Some(cluster);
        }
        answer
    }

    /// What was sent to a cluster; `None` where there is none of this name.
    pub(crate) fn requests(&self, name: &str) -> Option<Vec<Message>> {
        self.known.borrow().get(name).map(|known| known.requests.clone())
    }
}

impl State {
    /// A plugin begins a callout that sends so many bytes, if it has not reached a limit.
    pub(super) fn begin_callout(&self, plugin: &str, bytes: usize) -> Result<(), Status> {
        if self.http_calls.len() + self.grpc.len() >= self.bounds.most.callouts_in_flight {
            return Err(self.refuse_callout(Limit::CalloutsInFlight, plugin));
        }
        self.count_sent(plugin, bytes)
    }

    /// Counts a callout that begins, or a message that a stream sends: the answer to each may lead to the next.
    pub(super) fn count_sent(&self, plugin: &str, bytes: usize) -> Result<(), Status> {
        let (most, clusters, now) = (&self.bounds.most, &self.clusters, self.events.now());
        let (since, begun) = clusters.begun.get();
        let begun = if since == now { begun } else { 0 };
        let sent = clusters.sent.get().saturating_add(bytes);
        if begun >= most.callouts_at_once {
            return Err(self.refuse_callout(Limit::CalloutsAtOnce, plugin));
        }
        if sent > most.callout_bytes {
            return Err(self.refuse_callout(Limit::CalloutBytes, plugin));
        }
        clusters.begun.set((now, begun + 1));
        clusters.sent.set(sent);
        Ok(())
    }

    fn refuse_callout(&self, limit: Limit, plugin: &str) -> Status {
        self.reached(limit, plugin);
        self.refuse(Status::InternalFailure, limit.to_string())
    }
}
