//! Runs scenarios against a real Envoy: one process, a listener and a cluster for each scenario.

mod clusters;
mod config;
mod connection;
mod log;
mod process;

use crate::{
    error::Error,
    grpc, http1, http2,
    observation::{End, Observation},
    recorded,
    scenario::{Answer, Guest, Protocol, Scenario, Upstream},
    upstream::UpstreamServer,
    wire::Pace,
};
use clusters::Servers;
use log::Log;
use process::Envoy;
use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

pub(crate) use config::STATS_TAGS;
pub use process::{locate, version};

/// Most of a scenario is waiting for Envoy to have nothing more to say, so that a core serves two lanes.
const LANES_PER_CORE: usize = 2;

/// Runs the scenarios, one after the other in each of a few lanes with an Envoy of its own; those that crash Envoy in a process each.
///
/// # Errors
/// The outer error: no Envoy could be started with these scenarios. An inner one: this scenario could not be carried out.
pub fn run(scenarios: &[Scenario]) -> Result<Vec<Result<Observation, Error>>, Error> {
    let followed = recorded::is_followed(&version(&locate(None)?)?);
    let lanes = thread::available_parallelism().map_or(1, usize::from) * LANES_PER_CORE;
    let dealt: Vec<Vec<Scenario>> =
        (0..lanes).map(|lane| scenarios.iter().skip(lane).step_by(lanes).cloned().collect()).collect();
    let mut results = thread::scope(|scope| {
        let running: Vec<_> = dealt.iter().map(|lane| scope.spawn(move || run_lane(lane, followed))).collect();
        let ended = running.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ended.map(|lane| lane.map(Vec::into_iter)).collect::<Result<Vec<_>, Error>>()
    })?;
    Ok((0..scenarios.len()).filter_map(|index| results.get_mut(index % lanes)?.next()).collect())
}

fn run_lane(scenarios: &[Scenario], followed: bool) -> Result<Vec<Result<Observation, Error>>, Error> {
    // Another Envoy may refuse a plugin that the followed one loads, and would not start with it.
    let refused = |scenario: &Scenario| {
        let loaded = if followed || !matches!(scenario.guest, Guest::Wasm(_)) { None } else { Some(load(scenario)) };
        loaded.filter(|fate| fate.as_ref().is_ok_and(|fate| *fate != Observation::load(true)))
    };
    let mut alone: Vec<Option<Result<Observation, Error>>> = scenarios.iter().map(refused).collect();
    for (scenario, result) in scenarios.iter().zip(&mut alone).filter(|(_, result)| result.is_none()) {
        if scenario.only_loads {
            *result = Some(load(scenario));
        } else if scenario.crashes {
            *result = run_until_crash(std::slice::from_ref(scenario))?.pop();
        }
    }
    let rest = scenarios.iter().zip(&alone).filter(|(_, result)| result.is_none()).map(|(scenario, _)| scenario.clone());
    let mut together = run_together(&rest.collect::<Vec<_>>())?.into_iter();
    let results = alone.into_iter().map(|result| result.or_else(|| together.next()));
    Ok(results.map(|result| result.unwrap_or_else(|| Err(Error::new("it was not run")))).collect())
}

/// After a crash that no scenario announces the rest get a new Envoy.
fn run_together(scenarios: &[Scenario]) -> Result<Vec<Result<Observation, Error>>, Error> {
    let mut results = Vec::new();
    while let Some(rest) = scenarios.get(results.len()..).filter(|rest| !rest.is_empty()) {
        results.extend(run_until_crash(rest)?);
    }
    Ok(results)
}

/// The results of the first scenarios: all, or those up to the one that ended Envoy.
fn run_until_crash(scenarios: &[Scenario]) -> Result<Vec<Result<Observation, Error>>, Error> {
    let directory = tempfile::tempdir().map_err(Error::while_doing("make a directory for Envoy's configuration"))?;
    let mut listeners = Vec::new();
    let mut parts = Vec::new();
    let listen = |refuses| {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::while_doing("listen as an upstream"))?;
        let address = listener.local_addr().map_err(Error::while_doing("ask for the upstream's address"))?;
        // Port 1 is privileged and unused: connections to it are refused.
        Ok((listener, if refuses { SocketAddr::from(([127, 0, 0, 1], 1)) } else { address }))
    };
    for scenario in scenarios {
        let (listener, upstream) = listen(scenario.upstream == Upstream::Refuse)?;
        let (grpc_listener, grpc) = scenario.grpc.as_ref().map(|grpc| listen(grpc.refuses)).transpose()?.unzip();
        let module = module(scenario, directory.path())?;
        let servers = Servers::start(scenario)?;
        parts.push(config::Part { scenario, module, upstream, hosts: servers.hosts(), grpc });
        listeners.push((listener, servers, grpc_listener));
    }
    let envoy = Envoy::start(&locate(None)?, directory.path(), &config::bootstrap(&parts))?;
    let addresses = envoy.listeners()?;
    let mut results = Vec::new();
    for (scenario, (listener, servers, grpc_listener)) in scenarios.iter().zip(listeners) {
        let result = run_one(scenario, listener, servers, grpc_listener, &envoy, &addresses);
        // A crash shows as a cut connection first; writing its stack takes Envoy a moment.
        let suspect = result.as_ref().map_or(true, |seen| seen.client.iter().any(|outcome| outcome.end == End::Cut));
        let time = match (scenario.crashes, suspect) {
            (true, _) => CRASH,
            (false, true) => Duration::from_millis(100),
            (false, false) => Duration::ZERO,
        };
        let alive = envoy.check_alive(time);
        let crashed = alive.is_err();
        let unanswered = || result.as_ref().is_ok_and(|seen| seen.client.iter().all(|outcome| outcome.response.is_none()));
        results.push(match envoy.was_killed() {
            true if scenario.corrupts => Ok(Observation::corruption()),
            false if scenario.corrupts && unanswered() => Ok(Observation::corruption()),
            true if scenario.crashes => Ok(Observation::crash()),
            _ => alive.and(result),
        });
        if crashed {
            break;
        }
    }
    Ok(results)
}

/// What Envoy says of a plugin before it would start with it.
fn load(scenario: &Scenario) -> Result<Observation, Error> {
    let directory = tempfile::tempdir().map_err(Error::while_doing("make a directory for Envoy's configuration"))?;
    let module = module(scenario, directory.path())?;
    let upstream = SocketAddr::from(([127, 0, 0, 1], 1));
    let part = config::Part { scenario, module, upstream, hosts: Vec::new(), grpc: None };
    let fate = process::validate(&locate(None)?, directory.path(), &config::bootstrap(&[part]))?;
    Ok(fate.map_or_else(Observation::crash, Observation::load))
}

fn module(scenario: &Scenario, directory: &Path) -> Result<PathBuf, Error> {
    if let Guest::Wasm(bytes) = &scenario.guest {
        let path = directory.join(format!("{}.wasm", scenario.name));
        std::fs::write(&path, bytes).map_err(Error::while_doing(format!("write {}", path.display())))?;
        return Ok(path);
    }
    scenario.guest.build()
}

fn run_one(
    scenario: &Scenario,
    listener: TcpListener,
    servers: Servers,
    grpc_listener: Option<TcpListener>,
    envoy: &Envoy,
    addresses: &BTreeMap<String, SocketAddr>,
) -> Result<Observation, Error> {
    let name = scenario.name;
    let address = addresses.get(name).ok_or_else(|| Error::new(format!("Envoy has no listener for {name}")))?;
    let pace = Arc::new(LogPace { log: envoy.log(), plugin: name });
    servers.set_pace(Arc::<LogPace>::clone(&pace));
    if !scenario.connections.is_empty() {
        let mut observation = Observation::default();
        let mut played = Vec::new();
        for steps in &scenario.connections {
            let connection = connection::play(*address, &listener, steps, &pace);
            played.push(connection.map_err(Error::while_doing(format!("play a connection of {name}")))?);
        }
        pace.wait_for_all(scenario)?;
        observation.clusters = servers.finish()?;
        observation.wire = played.iter().flat_map(|connection| connection.wire.iter().cloned()).collect();
        observation.log = envoy.log().of_plugin(name, scenario.main_thread);
        return Ok(observation.normalised());
    }
    let answers = vec![Answer { after: scenario.upstream_latency, then: scenario.upstream.clone() }];
    let upstream = UpstreamServer::start(listener, scenario.upstream_protocol, answers, Arc::<LogPace>::clone(&pace));
    let upstream = upstream.map_err(Error::while_doing(format!("start the upstream of {name}")))?;
    let server = scenario
        .grpc
        .as_ref()
        .zip(grpc_listener)
        .map(|(grpc, listener)| grpc::Server::start(listener, grpc, Arc::<LogPace>::clone(&pace) as _));
    let server = server.transpose().map_err(Error::while_doing(format!("start the gRPC server of {name}")))?;
    let mut observation = Observation::default();
    let requests = scenario.requests();
    for (index, request) in requests.iter().enumerate() {
        if let Some(text) = request.when {
            pace.wait_for(text, 1, scenario)?;
        }
        let outcome = match scenario.downstream {
            Protocol::Http1 => http1::client::exchange(*address, request, pace.as_ref(), scenario.patience),
            Protocol::Http2 => http2::client::exchange(*address, request, pace.as_ref(), scenario.patience),
        };
        observation.client.push(outcome.map_err(Error::while_doing(format!("exchange request {} of {name}", index + 1)))?);
        pace.wait_for_deletions(index + 1);
    }
    pace.wait_for_all(scenario)?;
    observation.clusters = servers.finish()?;
    if !scenario.metrics.is_empty() {
        observation.metrics = envoy.metrics(&scenario.metrics)?;
    }
    if let Some(server) = server {
        server.settle();
        observation.grpc = server.finish().map_err(Error::while_doing(format!("run the gRPC server of {name}")))?;
    }
    observation.upstream = upstream.finish().map_err(Error::while_doing(format!("run the upstream of {name}")))?;
    observation.log = envoy.log().of_plugin(name, scenario.main_thread);
    Ok(observation.normalised())
}

/// Takes the plugin's log as the sign of what Envoy has dealt with.
struct LogPace {
    log: Arc<Log>,
    plugin: &'static str,
}

/// An Envoy that does not end within this time after a scenario that should crash it has survived.
const CRASH: Duration = Duration::from_secs(3);

/// After this long without a new line a callback is over: the next piece of a message follows.
pub const QUIET: Duration = Duration::from_millis(10);

/// A plugin that pauses, or logs nothing, is given so long for each piece before the next follows.
pub const UNSEEN: Duration = Duration::from_millis(150);

impl Pace for LogPace {
    fn mark(&self) -> usize {
        self.count()
    }

    fn settle(&self, mark: usize) {
        let deadline = Instant::now() + UNSEEN;
        if self.log.wait(deadline, || self.mark() > mark) {
            self.wait_until_quiet();
        }
    }
}

impl LogPace {
    fn count(&self) -> usize {
        self.log.count_of_plugin(self.plugin)
    }

    fn wait_until_quiet(&self) {
        loop {
            let mark = self.mark();
            if !self.log.wait(Instant::now() + QUIET, || self.mark() > mark) {
                return;
            }
        }
    }

    /// Waits for what a scenario waits for.
    fn wait_for_all(&self, scenario: &Scenario) -> Result<(), Error> {
        scenario.awaited.iter().try_for_each(|(text, count)| self.wait_for(text, *count, scenario))
    }

    /// Waits until the plugin has logged so many lines that contain `text`.
    fn wait_for(&self, text: &str, count: usize, scenario: &Scenario) -> Result<(), Error> {
        let lines = || self.log.of_plugin(self.plugin, scenario.main_thread);
        let logged = || lines().iter().filter(|line| line.contains(text)).count() >= count;
        if !self.log.wait(Instant::now() + scenario.patience, logged) {
            let lines = lines().join("\n  ");
            return Err(Error::new(format!("{} never logged {text:?} {count} times, but\n  {lines}", self.plugin)));
        }
        self.wait_until_quiet();
        Ok(())
    }

    /// The scripted guest says when a stream is deleted, which is the end of it; for others, a while must do.
    fn wait_for_deletions(&self, count: usize) {
        let deleted = || self.log.of_plugin(self.plugin, false).iter().filter(|line| *line == "stream delete()").count();
        self.log.wait(Instant::now() + UNSEEN * 2, || deleted() >= count);
        self.wait_until_quiet();
    }
}
