//! A filter's crate on disk, built to Wasm when a test needs it.
//!
//! `cargo test` of a filter needs nothing beforehand: the first test that wants the `.wasm` runs the inner cargo (and
//! installs the Wasm target when it is missing), every other one finds the result. The parts:
//!
//! - [`FilterCrate`] reads what cargo knows about the crate and runs the build under a file lock;
//! - `environment` decides what the inner cargo inherits from the outer one;
//! - `freshness` decides, without running anything, whether the last build still holds;
//! - `guest_target` installs the missing half of the toolchain.

mod environment;
mod error;
mod freshness;
mod guest_target;
mod package;

use std::collections::HashMap;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use serde_json::Value;

use environment::Environment;
use freshness::{Record, Snapshot};
use package::Package;

pub use error::BuildError;

/// The Wasm target that a filter is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GuestTarget {
    /// `wasm32-unknown-unknown`: imports the proxy's hostcalls and nothing else.
    #[default]
    Wasm32UnknownUnknown,
    /// `wasm32-wasip1`: std's clock, environment and output go through WASI imports, which proxies offer in part.
    Wasm32Wasip1,
}

impl GuestTarget {
    /// The target triple, as rustc and cargo spell it.
    #[must_use]
    pub const fn triple(self) -> &'static str {
        match self {
            Self::Wasm32UnknownUnknown => "wasm32-unknown-unknown",
            Self::Wasm32Wasip1 => "wasm32-wasip1",
        }
    }
}

/// How a filter is compiled; both start from the release profile in the author's workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// For tests: as [`Profile::Shipped`], but the names of functions stay in the module, for readable backtraces.
    ///
    /// Debug information does not stay (`strip = "debuginfo"`): it would be four times the module.
    #[default]
    Test,
    /// The author's release profile, untouched: what a proxy will load. Measure sizes and budgets on this one.
    Shipped,
}

impl Profile {
    const fn directory(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Shipped => "shipped",
        }
    }
}

/// What to build; [`BuildOptions::default`] is what tests want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BuildOptions {
    /// The Wasm target.
    pub target: GuestTarget,
    /// The flavour of the release profile.
    pub profile: Profile,
    /// Lets cargo and rustup write their progress to this process's standard error even when that is no terminal.
    ///
    /// On a terminal they always do. Otherwise cargo's output is kept and becomes part of [`BuildError::Failed`].
    pub progress: bool,
}

/// A filter built to Wasm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The module, in a target directory of the harness: `target/proxy-filter/…/NAME.wasm`.
    pub wasm: PathBuf,
    /// Whether the last build still held, so that cargo was not run at all.
    pub fresh: bool,
}

/// A filter's crate on disk: a cargo package with a `cdylib` target.
///
/// ```no_run
/// use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate};
///
/// let built = FilterCrate::open("examples/add-header")?.build(&BuildOptions::default())?;
/// println!("{}", built.wasm.display());
/// # Ok::<(), proxy_filter_test::filter_crate::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FilterCrate {
    package: Package,
    environment: Environment,
}

impl FilterCrate {
    /// Opens the crate in the directory `dir`, which may also be the path of its `Cargo.toml`.
    ///
    /// What cargo says about the crate is kept below its target directory, so cargo is asked (about 20 ms) only when a
    /// manifest or a cargo configuration changed since.
    ///
    /// # Errors
    ///
    /// [`BuildError::Missing`] and [`BuildError::NoManifest`] when there is no crate at `dir`;
    /// [`BuildError::VirtualWorkspace`] and [`BuildError::NoCdylib`] when there is no filter in it;
    /// [`BuildError::Manifest`], [`BuildError::CargoNotFound`] and [`BuildError::Io`] when cargo cannot read it.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::open_in(dir, [])
    }

    /// [`FilterCrate::open`] in this process's environment with some variables set (`Some`) or removed (`None`).
    ///
    /// # Errors
    ///
    /// Those of [`FilterCrate::open`].
    #[doc(hidden)]
    pub fn open_in<'a>(
        dir: impl AsRef<Path>,
        variables: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, BuildError> {
        let environment = Environment::inherited(variables);
        let package = Package::open(dir.as_ref(), &environment)?;
        Ok(Self { package, environment })
    }

    /// Opens and builds the crate in `dir` once per process: later calls with the same arguments get the first one's result,
    /// and threads that call at the same time wait for it.
    ///
    /// # Errors
    ///
    /// Those of [`FilterCrate::open`] and [`FilterCrate::build`]; an error is the result for the rest of the process, too.
    pub fn build_once(dir: impl AsRef<Path>, options: &BuildOptions) -> Result<Built, BuildError> {
        type Slot = Arc<OnceLock<Result<Built, BuildError>>>;
        static BUILT: OnceLock<Mutex<HashMap<(PathBuf, BuildOptions), Slot>>> = OnceLock::new();

        let dir = dir.as_ref();
        let key = (std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()), *options);
        // The map's lock is held only to find the slot, so different crates do not wait for each other here.
        let slot =
            Arc::clone(BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        slot.get_or_init(|| Self::open(dir)?.build(options)).clone()
    }

    /// The package's name, as in its `Cargo.toml`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.package.name
    }

    /// The crate's `Cargo.toml`.
    #[must_use]
    pub fn manifest(&self) -> &Path {
        &self.package.manifest
    }

    /// Builds the crate to Wasm, unless nothing changed since the last build.
    ///
    /// Runs `cargo rustc --lib --crate-type cdylib --release` with a target directory of its own below the workspace's.
    /// The inner cargo does not inherit what belongs to the outer one (`RUSTFLAGS`, wrappers, coverage). A missing Wasm target
    /// is installed by `rustup target add`. Processes and threads that build at the same time build once.
    ///
    /// # Errors
    ///
    /// [`BuildError::Failed`] with the compiler's message; [`BuildError::TargetMissing`] when the Wasm target is missing and
    /// could not be installed; [`BuildError::ArtefactMissing`], [`BuildError::CargoNotFound`] and [`BuildError::Io`].
    pub fn build(&self, options: &BuildOptions) -> Result<Built, BuildError> {
        let job = Job::new(self, *options);
        if let Some(wasm) = job.last_build() {
            return Ok(Built { wasm, fresh: true });
        }
        let lock = Lock::acquire(&self.package.build_directory())?;
        // Whoever held the lock may have built it.
        if let Some(wasm) = job.last_build() {
            return Ok(Built { wasm, fresh: true });
        }
        let toolchain = guest_target::library_directory(options.target, &self.package, &self.environment);
        let not_installed =
            guest_target::ensure(options.target, toolchain.as_deref(), &self.package, &self.environment, job.show_progress).err();
        let lock_file_existed = self.package.lock_file().exists();
        let started = lock.touch()?;
        let wasm = job.run_cargo().map_err(|error| match (not_installed, error) {
            (Some(failure), BuildError::Failed { output, .. }) => BuildError::TargetMissing {
                target: options.target.triple(),
                command: failure.command,
                reason: failure.reason,
                output,
            },
            (_, error) => error,
        })?;
        job.record(&wasm, started, lock_file_existed, toolchain.as_deref());
        Ok(Built { wasm, fresh: false })
    }
}

/// One crate with one set of options: the command, and the record of its last success.
struct Job<'a> {
    package: &'a Package,
    environment: &'a Environment,
    show_progress: bool,
    /// The harness's target directory for this profile.
    target_dir: PathBuf,
    arguments: Vec<String>,
    record: Record,
}

impl<'a> Job<'a> {
    fn new(filter: &'a FilterCrate, options: BuildOptions) -> Self {
        let package = &filter.package;
        let environment = &filter.environment;
        let target_dir = package.build_directory().join(options.profile.directory());
        let mut arguments = vec![
            "rustc".to_owned(),
            format!("--manifest-path={}", package.manifest.display()),
            format!("--package={}", package.name),
            "--lib".to_owned(),
            "--crate-type=cdylib".to_owned(),
            "--release".to_owned(),
            format!("--target={}", options.target.triple()),
            format!("--target-dir={}", target_dir.display()),
        ];
        if options.profile == Profile::Test {
            arguments.push("--config=profile.release.strip=\"debuginfo\"".to_owned());
        }
        let mut key = arguments.clone();
        key.push(environment.cargo().to_string_lossy().into_owned());
        key.extend(environment.that_matters());
        let record = Record::in_directory(&package.records(), &package.manifest, key);
        let show_progress = options.progress || std::io::stderr().is_terminal();
        Self { package, environment, show_progress, target_dir, arguments, record }
    }

    /// The module of the last build, if that build would be repeated to the letter.
    fn last_build(&self) -> Option<PathBuf> {
        let facts = self.record.load(self.environment)?;
        facts.as_str().map(PathBuf::from)
    }

    /// Keeps what the build that started at `started` has read.
    fn record(&self, wasm: &Path, started: SystemTime, lock_file_existed: bool, toolchain: Option<&Path>) {
        let Some(mut snapshot) = Snapshot::of_build(wasm, &self.target_dir, self.package, self.environment, started) else {
            return self.record.forget();
        };
        if lock_file_existed {
            snapshot.watch(&self.package.lock_file());
        } else {
            // Cargo has just written it.
            snapshot.watch_output(&self.package.lock_file());
        }
        // The one place that an update of the toolchain is sure to touch.
        toolchain.into_iter().for_each(|directory| snapshot.watch(directory));
        match wasm.to_str() {
            Some(wasm) => self.record.store(&Value::from(wasm), &snapshot),
            None => self.record.forget(),
        }
    }

    fn run_cargo(&self) -> Result<PathBuf, BuildError> {
        let mut command = self.environment.command(self.environment.cargo(), self.package.directory());
        command
            .args(&self.arguments)
            // Names the artefact on standard output; people get the compiler's words on standard error as usual.
            .arg("--message-format=json-render-diagnostics")
            // Even where a configuration splits the build directory off: the outer cargo may hold the lock on that one.
            .env("CARGO_BUILD_BUILD_DIR", &self.target_dir)
            // So that a relative path in a dep-info file has one meaning.
            .env("CARGO_BUILD_DEP_INFO_BASEDIR", self.package.directory());
        if self.show_progress {
            command.stderr(Stdio::inherit());
        } else {
            command.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_PROGRESS_WHEN", "never");
        }
        let output = command.output().map_err(|source| BuildError::cargo_not_run(self.environment.cargo(), source))?;
        if !output.status.success() {
            return Err(BuildError::Failed {
                manifest: self.package.manifest.clone(),
                command: error::command_line(self.environment.cargo(), &self.arguments),
                output: (!self.show_progress).then(|| String::from_utf8_lossy(&output.stderr).into_owned()),
            });
        }
        artefact(&String::from_utf8_lossy(&output.stdout), &self.package.manifest).filter(|wasm| wasm.is_file()).ok_or_else(
            || BuildError::ArtefactMissing { manifest: self.package.manifest.clone(), directory: self.target_dir.clone() },
        )
    }
}

/// The `.wasm` among cargo's messages.
fn artefact(messages: &str, manifest: &Path) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))
        .filter_map(|message| {
            let wasm = message["filenames"].as_array()?.iter().filter_map(Value::as_str).find(|name| name.ends_with(".wasm"))?;
            Some(PathBuf::from(wasm))
        })
        .next_back()
}

/// Keeps others from building in the same directory for as long as it lives.
struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    fn acquire(directory: &Path) -> Result<Self, BuildError> {
        std::fs::create_dir_all(directory).map_err(|source| BuildError::io("create the directory", directory, source))?;
        let path = directory.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| BuildError::io("open the lock file", &path, source))?;
        match file.lock() {
            // Some network file systems have no locks; cargo goes on there, too.
            Err(source) if source.kind() != std::io::ErrorKind::Unsupported => {
                Err(BuildError::io("lock the file", &path, source))
            }
            _ => Ok(Self { file, path }),
        }
    }

    /// The file system's time: this process's clock is ahead of it by some milliseconds.
    fn touch(&self) -> Result<SystemTime, BuildError> {
        (&self.file)
            .write_all(b".")
            .and_then(|()| self.file.metadata()?.modified())
            .map_err(|source| BuildError::io("write to the lock file", &self.path, source))
    }
}
