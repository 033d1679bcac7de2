//! What can be wrong with a filter's crate, and the mend.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a filter's crate could not be opened or built; each text names the input and the mend.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// There is nothing at the path.
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The directory holds no `Cargo.toml`.
    NoManifest {
        /// The directory.
        directory: PathBuf,
    },
    /// The `Cargo.toml` is that of a workspace without a package of its own.
    VirtualWorkspace {
        /// The `Cargo.toml`.
        manifest: PathBuf,
        /// The directories of the members that are filters.
        filters: Vec<PathBuf>,
    },
    /// The package has no `cdylib` target, which is what becomes a Wasm module.
    NoCdylib {
        /// The `Cargo.toml`.
        manifest: PathBuf,
    },
    /// Cargo does not understand the `Cargo.toml`.
    Manifest {
        /// The `Cargo.toml`.
        manifest: PathBuf,
        /// What cargo wrote.
        output: String,
    },
    /// There is no cargo to run.
    CargoNotFound {
        /// The command that was tried.
        cargo: String,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// The toolchain lacks the Wasm target and rustup did not install it.
    TargetMissing {
        /// The target triple.
        target: &'static str,
        /// The command that installs it.
        command: String,
        /// What became of that command.
        reason: String,
        /// What cargo wrote, unless it wrote to the terminal.
        output: Option<String>,
    },
    /// Cargo or the compiler refused.
    Failed {
        /// The `Cargo.toml`.
        manifest: PathBuf,
        /// The command that failed.
        command: String,
        /// What cargo wrote, unless it wrote to the terminal.
        output: Option<String>,
    },
    /// Cargo succeeded and said nothing of a `.wasm`, or it is gone.
    ArtefactMissing {
        /// The `Cargo.toml`.
        manifest: PathBuf,
        /// The target directory it should be in.
        directory: PathBuf,
    },
    /// The file system refused.
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: Arc<io::Error>,
    },
}

impl BuildError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn cargo_not_run(cargo: &OsStr, source: io::Error) -> Self {
        Self::CargoNotFound { cargo: cargo.to_string_lossy().into_owned(), source: Arc::new(source) }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => {
                write!(f, "there is no `{}`: give the directory of the filter's crate", path.display())
            }
            Self::NoManifest { directory } => {
                write!(f, "`{}` has no Cargo.toml: give the directory of the filter's crate", directory.display())
            }
            Self::VirtualWorkspace { manifest, filters } if filters.is_empty() => write!(
                f,
                "`{}` is a workspace without a package of its own, and none of its members is a filter \
                 (has `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]`)",
                manifest.display()
            ),
            Self::VirtualWorkspace { manifest, filters } => {
                write!(
                    f,
                    "`{}` is a workspace without a package of its own: give the directory of a filter in it, one of",
                    manifest.display()
                )?;
                filters.iter().try_for_each(|filter| write!(f, "\n  {}", filter.display()))
            }
            Self::NoCdylib { manifest } => write!(
                f,
                "the package of `{}` has no cdylib target, so there is no Wasm module to build; add to it:\n\n\
                 [lib]\ncrate-type = [\"cdylib\", \"rlib\"]",
                manifest.display()
            ),
            Self::Manifest { manifest, output } => {
                write!(f, "cargo cannot read `{}`; mend what it says:\n{}", manifest.display(), Tail(output))
            }
            Self::CargoNotFound { cargo, source } => write!(
                f,
                "cannot run `{cargo}` ({source}): install Rust (https://rustup.rs), or set the variable CARGO to the path of cargo"
            ),
            Self::TargetMissing { target, command, reason, output } => {
                write!(f, "the Rust toolchain lacks the target {target}; run\n\n  {command}\n\nIt was tried just now: {reason}")?;
                output.as_ref().map_or(Ok(()), |output| write!(f, "\nWithout it, cargo says:\n{}", Tail(output)))
            }
            Self::Failed { manifest, command, output } => {
                write!(f, "the Wasm build of `{}` failed; ", manifest.display())?;
                match output {
                    Some(output) => write!(f, "mend what cargo says:\n{}\n", Tail(output))?,
                    None => writeln!(f, "mend what cargo says above")?,
                }
                write!(f, "The command was: {command}")
            }
            Self::ArtefactMissing { manifest, directory } => write!(
                f,
                "the build of `{}` succeeded but left no .wasm in `{}`: remove that directory and try again",
                manifest.display(),
                directory.display()
            ),
            Self::Io { action, path, source } => {
                write!(f, "cannot {action} `{}` ({source}): check its permissions and the space on the disk", path.display())
            }
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CargoNotFound { source, .. } | Self::Io { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// The last lines of a long output, which is where the errors are.
struct Tail<'a>(&'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LINES: usize = 80;
        let lines: Vec<&str> = self.0.trim_end().lines().collect();
        let left_out = lines.len().saturating_sub(LINES);
        if left_out > 0 {
            writeln!(f, "(… {left_out} lines left out)")?;
        }
        f.write_str(&lines.into_iter().skip(left_out).collect::<Vec<_>>().join("\n"))
    }
}

/// A command as one would type it.
pub(super) fn command_line<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[S]) -> String {
    std::iter::once(program.as_ref())
        .chain(arguments.iter().map(AsRef::as_ref))
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_alphanumeric() || "-_=./:\\,+@".contains(c);
            if word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
        })
        .collect::<Vec<_>>()
        .join(" ")
}
