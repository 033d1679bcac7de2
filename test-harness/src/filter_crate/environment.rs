//! What the inner cargo inherits from the process that runs the tests.
//!
//! Under `cargo test`, `cargo nextest` or a coverage tool the environment describes the *outer* build: native flags,
//! instrumentation, the variables of the crate under test. None of that may reach the Wasm build. What the author says about
//! Wasm builds or release builds stays: `CARGO_PROFILE_RELEASE_*`, `CARGO_TARGET_WASM32_*`, the choice of a toolchain.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables of the outer build.
const OUTER: &[&str] = &[
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_INCREMENTAL",
    "CARGO_INCREMENTAL",
    // The module's place is the harness's choice; these only say where the workspace's target directory is.
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_DEP_INFO_BASEDIR",
    // A job server that may be gone.
    "CARGO_MAKEFLAGS",
    "MAKEFLAGS",
    "MFLAGS",
    // The crate under test; `env!` in the filter means the filter.
    "CARGO_CRATE_NAME",
    "CARGO_BIN_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
    "LLVM_PROFILE_FILE",
];

/// Beginnings of names of such variables.
const OUTER_PREFIXES: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_LLVM_COV", "__CARGO_LLVM_COV"];

/// What remains and changes the module.
const MATTERS: &[&str] = &["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTC_BOOTSTRAP"];

/// Beginnings of names of such variables.
const MATTERS_PREFIXES: &[&str] = &["CARGO_PROFILE_RELEASE_", "CARGO_TARGET_WASM32_", "CARGO_BUILD_", "CARGO_UNSTABLE_"];

/// The environment of the inner commands.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// `CARGO_TARGET_DIR` of the outer cargo.
    outer_target_dir: Option<PathBuf>,
}

impl Environment {
    pub(super) fn inherited<'a>(changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let mut variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        for (name, value) in changes {
            match value {
                Some(value) => variables.insert(name.into(), value.into()),
                None => variables.remove(OsStr::new(name)),
            };
        }
        let outer_target_dir = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"]
            .iter()
            .find_map(|name| variables.get(OsStr::new(name)))
            .map(PathBuf::from)
            // A relative one is relative to where the outer cargo was started, which nobody knows any more.
            .filter(|path| path.is_absolute());
        variables.retain(|name, _| !name.to_str().is_some_and(|name| matches(name, OUTER, OUTER_PREFIXES)));
        Self { variables, outer_target_dir }
    }

    /// A variable as tools read it: an empty one is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.exact(name).filter(|value| !value.is_empty())
    }

    /// A variable as `option_env!` reads it.
    pub(super) fn exact(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The cargo that runs the tests, else the one on the path.
    pub(super) fn cargo(&self) -> &OsStr {
        self.get("CARGO").unwrap_or(OsStr::new("cargo"))
    }

    /// The rustc that cargo will use.
    pub(super) fn rustc(&self) -> &OsStr {
        self.get("RUSTC").unwrap_or(OsStr::new("rustc"))
    }

    /// Where cargo keeps its user's configuration.
    pub(super) fn cargo_home(&self) -> Option<PathBuf> {
        self.home_of("CARGO_HOME", ".cargo")
    }

    /// Where rustup keeps its user's configuration.
    pub(super) fn rustup_home(&self) -> Option<PathBuf> {
        self.home_of("RUSTUP_HOME", ".rustup")
    }

    fn home_of(&self, variable: &str, default: &str) -> Option<PathBuf> {
        let user = || self.get("HOME").or_else(|| self.get("USERPROFILE")).map(|home| Path::new(home).join(default));
        self.get(variable).map(PathBuf::from).or_else(user)
    }

    /// The target directory that the outer environment asks for.
    pub(super) fn outer_target_dir(&self) -> Option<&Path> {
        self.outer_target_dir.as_deref()
    }

    /// The variables that change the module, as `NAME=value`.
    pub(super) fn that_matters(&self) -> Vec<String> {
        self.variables
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(|name| matches(name, MATTERS, MATTERS_PREFIXES)))
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
            .collect()
    }

    /// A command in the crate's directory (which is what selects cargo's configuration and rustup's toolchain), with this
    /// environment only, and everything it writes kept.
    pub(super) fn command(&self, program: &OsStr, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn matches(name: &str, names: &[&str], prefixes: &[&str]) -> bool {
    names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_build_does_not_leak() {
        let leaks = [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "CARGO_LLVM_COV",
            "CARGO_LLVM_COV_TARGET_DIR",
            "LLVM_PROFILE_FILE",
            "CARGO_PKG_NAME",
            "OUT_DIR",
        ];
        let environment = Environment::inherited(leaks.map(|name| (name, Some("x"))));
        for name in leaks {
            assert_eq!(environment.get(name), None, "{name}");
        }
    }

    #[test]
    fn what_the_author_says_about_the_guest_stays() {
        let stays = ["RUSTUP_TOOLCHAIN", "CARGO_PROFILE_RELEASE_LTO", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "PATH"];
        let environment = Environment::inherited(stays.map(|name| (name, Some("x"))));
        for name in stays {
            assert_eq!(environment.get(name), Some(OsStr::new("x")), "{name}");
        }
        assert!(environment.that_matters().contains(&"CARGO_PROFILE_RELEASE_LTO=x".to_owned()));
        assert!(!environment.that_matters().contains(&"PATH=x".to_owned()));
    }

    #[test]
    fn a_relative_target_directory_is_nobodys() {
        assert_eq!(Environment::inherited([("CARGO_TARGET_DIR", Some("out"))]).outer_target_dir(), None);
    }
}
