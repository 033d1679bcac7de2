//! The hosts of a scenario's further clusters: they listen before Envoy starts, as plugins may call while they are configured.

use super::LogPace;
use crate::{
    error::Error,
    observation::Received,
    scenario::{Protocol, Scenario},
    upstream::UpstreamServer,
    wire::Pace,
};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

/// The servers of a scenario's clusters, in their order.
pub(super) struct Servers {
    servers: Vec<Server>,
    pace: Arc<LatePace>,
}

struct Server {
    cluster: String,
    host: SocketAddr,
    /// None for a cluster without a host, or where nobody listens.
    running: Option<UpstreamServer>,
}

/// Before Envoy runs there is no log to go by.
#[derive(Default)]
struct LatePace(OnceLock<Arc<LogPace>>);

impl Pace for LatePace {
    fn mark(&self) -> usize {
        self.0.get().map_or(0, |pace| pace.mark())
    }

    fn settle(&self, mark: usize) {
        match self.0.get() {
            Some(pace) => pace.settle(mark),
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl Servers {
    /// Starts them.
    pub(super) fn start(scenario: &Scenario) -> Result<Self, Error> {
        let pace = Arc::new(LatePace::default());
        let mut servers = Vec::new();
        for cluster in &scenario.clusters {
            let doing = || format!("listen for the cluster {}", cluster.name);
            let mut server =
                Server { cluster: cluster.name.clone().into_owned(), host: SocketAddr::from(([127, 0, 0, 1], 1)), running: None };
            if cluster.has_host && !cluster.refuses() {
                let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::while_doing(doing()))?;
                server.host = listener.local_addr().map_err(Error::while_doing(doing()))?;
                let pace = Arc::<LatePace>::clone(&pace);
                let running = UpstreamServer::start(listener, Protocol::Http1, cluster.answers.clone(), pace);
                server.running = Some(running.map_err(Error::while_doing(doing()))?);
            }
            servers.push(server);
        }
        Ok(Self { servers, pace })
    }

    /// Where they listen; a port that refuses connections stands for those that do not.
    pub(super) fn hosts(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.host).collect()
    }

    /// What tells the pieces of their answers apart from now on.
    pub(super) fn set_pace(&self, pace: Arc<LogPace>) {
        let _ = self.pace.0.set(pace);
    }

    /// Stops them, and tells what each received.
    pub(super) fn finish(self) -> Result<Vec<(String, Vec<Received>)>, Error> {
        let mut received = Vec::new();
        for Server { cluster, running, .. } in self.servers {
            if let Some(running) = running {
                let all = running.finish().map_err(Error::while_doing(format!("run the cluster {cluster}")))?;
                received.push((cluster, all));
            }
        }
        Ok(received)
    }
}
