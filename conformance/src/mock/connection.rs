//! Plays both ends of a TCP connection on the mock host.

use crate::connection::{Ending, Seen, Step};
use crate::observation::Observation;
use crate::scenario::{Scenario, Upstream};
use proxy_filter_test::{self as harness, MockProxy};
use std::time::Duration;

/// Plays the connections of a scenario, one after the other.
pub(super) fn play(scenario: &Scenario, proxy: &MockProxy) -> Observation {
    if scenario.upstream == Upstream::Refuse {
        proxy.refuse_connections();
    }
    let mut observation = Observation::default();
    for steps in &scenario.connections {
        let connection = proxy.connect();
        let mut ends = Ends { connection: &connection, client: Seen::default(), upstream: Seen::default() };
        observation.wire.push("client connects".to_owned());
        ends.look(&mut observation.wire);
        for step in steps {
            observation.wire.push(step.to_string());
            match *step {
                Step::ClientSends(text) => {
                    connection.send(text);
                }
                Step::ClientEnds => {
                    connection.end();
                }
                Step::ClientResets => {
                    connection.disconnect();
                }
                Step::Wait(milliseconds) => proxy.advance(Duration::from_millis(milliseconds)),
                // An upstream that was never connected to can do nothing.
                _ if !connection.reached_upstream() => {}
                Step::UpstreamSends(text) => {
                    connection.upstream_sends(text);
                }
                Step::UpstreamEnds => {
                    connection.upstream_ends();
                }
                Step::UpstreamResets => {
                    connection.upstream_disconnects();
                }
            }
            ends.look(&mut observation.wire);
        }
        connection.disconnect();
    }
    for (text, count) in &scenario.awaited {
        super::cluster::wait_for(text, *count, scenario, proxy);
    }
    observation.clusters = super::cluster::received(scenario, proxy);
    observation.log = proxy.log().into_iter().map(|line| line.message).collect();
    observation.normalised()
}

/// What the two ends have seen when they were last looked at.
struct Ends<'a> {
    connection: &'a harness::Connection<'a>,
    client: Seen,
    upstream: Seen,
}

impl Ends<'_> {
    fn look(&mut self, lines: &mut Vec<String>) {
        let (connection, ending) = (self.connection, |ending| match ending {
            harness::Ending::End => Ending::End,
            harness::Ending::Reset => Ending::Reset,
        });
        let client =
            Seen { connected: false, bytes: connection.to_client().to_vec(), ending: connection.client_ending().map(ending) };
        client.since(&self.client).write_lines("client", lines);
        self.client = client;
        let upstream = Seen {
            connected: connection.reached_upstream(),
            bytes: connection.to_upstream().to_vec(),
            ending: connection.upstream_ending().map(ending),
        };
        upstream.since(&self.upstream).write_lines("upstream", lines);
        self.upstream = upstream;
    }
}
