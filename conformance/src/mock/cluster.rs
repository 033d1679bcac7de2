//! A scenario's further clusters on the mock host.

use super::{PACE, encode_request, response_of, tells_its_length};
use crate::message::Message;
use crate::observation::Received;
use crate::scenario::{Cluster, Protocol, Scenario, Upstream};
use proxy_filter_test::{self as harness, MockProxy};

/// A cluster that does as the scenario's; what it sends in pieces takes as long as between a message's pieces elsewhere.
pub(super) fn configured(cluster: &Cluster) -> harness::Cluster {
    if !cluster.has_host {
        return harness::Cluster::without_hosts();
    }
    let answers = cluster.answers.iter().map(|answer| {
        let then = match &answer.then {
            Upstream::Respond(response) if response.then_close && tells_its_length(response) => {
                harness::Answer::ResetAfter(response_of(response, Protocol::Http1))
            }
            Upstream::Respond(response) => harness::Answer::Response(response_of(response, Protocol::Http1)),
            Upstream::CloseBeforeResponse => harness::Answer::ResetBeforeResponse,
            Upstream::Refuse => harness::Answer::Refuse,
            Upstream::Silent => harness::Answer::Timeout,
            Upstream::NoCluster => harness::Answer::NoCluster,
        };
        then.after(answer.after)
    });
    harness::Cluster::answers(answers)
}

/// What each of them received.
pub(super) fn received(scenario: &Scenario, proxy: &MockProxy) -> Vec<(String, Vec<Received>)> {
    let listens = |cluster: &&Cluster| cluster.has_host && !cluster.refuses();
    let all = scenario.clusters.iter().filter(listens).map(|cluster| {
        let requests = proxy.raw_requests_to(&cluster.name);
        (cluster.name.clone().into_owned(), requests.iter().map(encoded).collect())
    });
    all.collect()
}

fn encoded(request: &harness::Message) -> Received {
    let (request, complete): (Message, bool) = encode_request(request, true);
    Received { request, complete }
}

/// Lets time pass until the plugins have logged so many lines that contain `text`, or the scenario's patience is at its end.
pub(super) fn wait_for(text: &str, count: usize, scenario: &Scenario, proxy: &MockProxy) {
    let logged = || proxy.log().iter().filter(|line| line.message.contains(text)).count();
    let mut waited = std::time::Duration::ZERO;
    while logged() < count && waited < scenario.patience {
        proxy.advance(PACE);
        waited += PACE;
    }
}
