//! The Envoy process: finding the binary, starting it, asking its admin endpoint, ending it.

use super::log::{FORMAT, Log};
use crate::{
    error::Error,
    message::{Expected, Parsed, parse},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

const START: Duration = Duration::from_secs(120);

/// A running Envoy; dropping it ends the process.
pub(super) struct Envoy {
    child: Mutex<Child>,
    log: Arc<Log>,
    admin: SocketAddr,
}

/// Finds Envoy: `explicit`, else the environment variable `ENVOY_BIN`, else `envoy` in `PATH`.
///
/// # Errors
/// When there is none, or a launcher script whose binary is not where the Python wheel puts it.
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, Error> {
    let found = explicit.map(Path::to_path_buf).or_else(|| env::var_os("ENVOY_BIN").map(PathBuf::from)).or_else(in_path);
    let found = found.ok_or_else(|| Error::new("no Envoy: set ENVOY_BIN, or put `envoy` into PATH"))?;
    let mut start = [0; 2];
    let file = fs::File::open(&found).map_err(Error::while_doing(format!("open {}", found.display())))?;
    file.take(2).read_exact(&mut start).map_err(Error::while_doing(format!("read {}", found.display())))?;
    if &start != b"#!" { Ok(found) } else { behind_launcher(&found) }
}

/// The version of this Envoy, such as `1.40.0`.
///
/// # Errors
/// When it cannot be run, or says nothing of the kind.
pub fn version(binary: &Path) -> Result<String, Error> {
    let doing = || format!("ask {} for its version", binary.display());
    let output = Command::new(binary).arg("--version").output().map_err(Error::while_doing(doing()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let is_version = |part: &&str| part.split('.').count() == 3 && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.split('/').find(is_version).map(str::to_owned).ok_or_else(|| Error::new(format!("{}: it says {text:?}", doing())))
}

fn in_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join("envoy")).find(|file| file.is_file())
}

/// The binary that the wheel's launcher would run: a script between us and Envoy would outlive a kill the wrong way round.
fn behind_launcher(launcher: &Path) -> Result<PathBuf, Error> {
    let library = launcher.parent().and_then(Path::parent).map(|prefix| prefix.join("lib"));
    let pythons = library.and_then(|library| fs::read_dir(library).ok()).into_iter().flatten().flatten();
    let mut binaries = pythons.map(|python| python.path().join("site-packages/envoy/_bin/envoy"));
    let missing = || Error::new(format!("{} is a script, and no Envoy binary lies beside it", launcher.display()));
    binaries.find(|binary| binary.is_file()).ok_or_else(missing)
}

/// Whether Envoy takes this configuration; `None` when it crashes over it.
pub(super) fn validate(binary: &Path, directory: &Path, bootstrap: &Value) -> Result<Option<bool>, Error> {
    let config = directory.join("bootstrap.json");
    fs::write(&config, bootstrap.to_string()).map_err(Error::while_doing(format!("write {}", config.display())))?;
    let output = Command::new(binary)
        .args(["--mode", "validate", "--use-dynamic-base-id", "--log-level", "error", "--config-path"])
        .arg(&config)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::while_doing(format!("start {}", binary.display())))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(Some(true)),
        // Any other mistake in the configuration would pass for a refusal.
        Some(_) if said.contains("Unable to create Wasm plugin") => Ok(Some(false)),
        Some(_) => Err(Error::new(format!("Envoy does not get as far as the plugin:\n{said}"))),
        None => Ok(None),
    }
}

impl Envoy {
    /// Starts `binary` with `bootstrap` and waits until its listeners are up.
    pub(super) fn start(binary: &Path, directory: &Path, bootstrap: &Value) -> Result<Self, Error> {
        let (config, admin_file) = (directory.join("bootstrap.json"), directory.join("admin"));
        fs::write(&config, bootstrap.to_string()).map_err(Error::while_doing(format!("write {}", config.display())))?;
        let mut child = Command::new(binary)
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"])
            .args(["--component-log-level", "wasm:info", "--log-format", FORMAT])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::while_doing(format!("start {}", binary.display())))?;
        let stderr = child.stderr.take().ok_or_else(|| Error::new("Envoy has no stderr"))?;
        let admin = SocketAddr::from(([127, 0, 0, 1], 0));
        let log = Log::read(stderr, child.id());
        let mut envoy = Self { child: Mutex::new(child), log, admin };
        let deadline = Instant::now() + START;
        while !envoy.ready(&admin_file) {
            envoy.check_alive(Duration::ZERO)?;
            if Instant::now() > deadline {
                return Err(Error::new(format!("Envoy is not ready after {START:?}:\n{}", envoy.log.tail())));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(envoy)
    }

    fn ready(&mut self, admin_file: &Path) -> bool {
        let Some(admin) = fs::read_to_string(admin_file).ok().and_then(|text| text.trim().parse().ok()) else {
            return false;
        };
        self.admin = admin;
        self.ask("/ready").is_ok_and(|body| body.starts_with(b"LIVE"))
    }

    /// The log.
    pub(super) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// The addresses of the listeners, by name.
    pub(super) fn listeners(&self) -> Result<BTreeMap<String, SocketAddr>, Error> {
        let body = self.ask("/listeners?format=json")?;
        let answer: Value = serde_json::from_slice(&body).map_err(Error::while_doing("read Envoy's list of listeners"))?;
        let statuses = answer.get("listener_statuses").and_then(Value::as_array);
        let entry = |status: &Value| {
            let name = status.get("name")?.as_str()?.to_owned();
            let socket = status.pointer("/local_address/socket_address")?;
            let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
            Some((name, SocketAddr::new(socket.get("address")?.as_str()?.parse().ok()?, port)))
        };
        Ok(statuses.into_iter().flatten().filter_map(entry).collect())
    }

    /// What is said of plugins' metrics with this in their names: lines of text, then lines for Prometheus. Of a histogram the text has
    /// quantiles, which are not looked at.
    pub(super) fn metrics(&self, parts: &[&str]) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        for path in ["/stats?filter=wasmcustom", "/stats/prometheus"] {
            let body = String::from_utf8_lossy(&self.ask(path)?).into_owned();
            lines.extend(body.lines().filter(|line| parts.iter().any(|part| line.contains(part))).filter_map(metric_line));
        }
        Ok(lines)
    }

    /// An error with the end of Envoy's log if the process ends within `time`.
    pub(super) fn check_alive(&self, time: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + time;
        loop {
            let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            if let Some(status) = ended.map_err(Error::while_doing("look after Envoy"))? {
                // The last lines may still be on their way through the pipe.
                self.log.wait(Instant::now() + Duration::from_secs(1), || false);
                return Err(Error::new(format!("Envoy ended with {status}:\n{}", self.log.tail())));
            }
            if Instant::now() >= deadline {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether a signal has ended it.
    pub(super) fn was_killed(&self) -> bool {
        let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        ended.is_ok_and(|status| status.is_some_and(|status| status.signal().is_some()))
    }

    fn ask(&self, path: &str) -> Result<Vec<u8>, Error> {
        let doing = || format!("ask Envoy's admin endpoint for {path}");
        let mut stream = TcpStream::connect_timeout(&self.admin, Duration::from_secs(5)).map_err(Error::while_doing(doing()))?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(Error::while_doing(doing()))?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(Error::while_doing(doing()))?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(Error::while_doing(doing()))?;
        match parse(&bytes, Expected::Response) {
            Parsed::Whole(message, _) | Parsed::WholeAtEnd(message) => Ok(message.body),
            _ => Err(Error::new(format!("{}: the answer is not whole", doing()))),
        }
    }
}

fn metric_line(line: &str) -> Option<String> {
    if let Some((name, value)) = line.strip_prefix("wasmcustom.").and_then(|text| text.rsplit_once(": ")) {
        let value = if value.parse::<u64>().is_ok() { value } else { "a histogram" };
        return Some(format!("wasmcustom.{name}: {value}"));
    }
    let others = ["envoy_", "# TYPE envoy_"].iter().any(|start| line.starts_with(start));
    (!others).then(|| crate::observation::comparable_metric(line))
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is left to be done about a process that has already ended.
        let _ = child.kill();
        let _ = child.wait();
    }
}
