//! The compiled standard library for Wasm, which a fresh Rust toolchain lacks.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::GuestTarget;
use super::environment::Environment;
use super::error::command_line;
use super::package::Package;

/// The target is missing and was not installed.
pub(super) struct Failure {
    /// The command that would install it.
    pub(super) command: String,
    /// Why it did not.
    pub(super) reason: String,
}

/// Installs the target if the toolchain that builds the package lacks it.
///
/// A failure is not the end: a configuration may build the standard library itself (`-Zbuild-std`).
pub(super) fn ensure(
    target: GuestTarget,
    library: Option<&Path>,
    package: &Package,
    environment: &Environment,
    show_progress: bool,
) -> Result<(), Failure> {
    // Where rustc cannot tell, cargo will.
    let is_installed = || library.is_none_or(is_installed);
    if is_installed() {
        return Ok(());
    }
    let mut arguments = vec![OsStr::new("target"), OsStr::new("add"), OsStr::new(target.triple())];
    if let Some(toolchain) = environment.get("RUSTUP_TOOLCHAIN") {
        arguments.extend([OsStr::new("--toolchain"), toolchain]);
    }
    let command = command_line("rustup", &arguments);
    let mut rustup = environment.command(OsStr::new("rustup"), package.directory());
    if show_progress {
        rustup.stderr(Stdio::inherit());
    }
    let reason = match rustup.args(&arguments).output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) if show_progress => format!("rustup failed ({}), as it says above", output.status),
        Ok(output) => format!("rustup failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => format!(
            "there is no rustup to run ({error}); a toolchain that comes from elsewhere has the target {} in a package of its own",
            target.triple()
        ),
    };
    // Another process, building another workspace, may have been installing it at the same time.
    if is_installed() { Ok(()) } else { Err(Failure { command, reason }) }
}

fn is_installed(library: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(library) else { return false };
    entries.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

/// Where the target's standard library is, or would be.
pub(super) fn library_directory(target: GuestTarget, package: &Package, environment: &Environment) -> Option<PathBuf> {
    let mut rustc = environment.command(environment.rustc(), package.directory());
    let output = rustc.args(["--print", "target-libdir", "--target", target.triple()]).output().ok()?;
    let directory = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !directory.trim().is_empty()).then(|| PathBuf::from(directory.trim()))
}
