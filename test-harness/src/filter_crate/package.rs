//! What cargo knows about the filter's crate: its name, its workspace, its target directory.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::environment::Environment;
use super::error::BuildError;
use super::freshness::{Record, Snapshot, hash_of};

/// A package with a `cdylib` target.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest: PathBuf,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Package {
    pub(super) fn open(path: &Path, environment: &Environment) -> Result<Self, BuildError> {
        let manifest = find_manifest(path)?;
        let key = vec![format!("{}", manifest.display()), format!("{:?}", environment.outer_target_dir())];
        for target_directory in likely_target_directories(&manifest, environment) {
            let record = Record::in_directory(&records_in(&target_directory), &manifest, key.clone());
            if let Some(package) = record.load(environment).and_then(|facts| Self::from_facts(&manifest, &facts)) {
                return Ok(package);
            }
        }
        // Looked at before cargo reads them: what changes in between makes the record stale.
        let mut snapshot = Snapshot::new();
        snapshot.watch_surroundings(directory_of(&manifest), environment);
        let package = Self::ask_cargo(manifest, environment)?;
        Record::in_directory(&package.records(), &package.manifest, key).store(&package.facts(), &snapshot);
        Ok(package)
    }

    fn ask_cargo(manifest: PathBuf, environment: &Environment) -> Result<Self, BuildError> {
        let mut command = environment.command(environment.cargo(), directory_of(&manifest));
        command.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(&manifest);
        command.env("CARGO_TERM_COLOR", "never");
        if let Some(directory) = environment.outer_target_dir() {
            command.env("CARGO_TARGET_DIR", directory);
        }
        let output = command.output().map_err(|source| BuildError::cargo_not_run(environment.cargo(), source))?;
        let unreadable = |output: String| BuildError::Manifest { manifest: manifest.clone(), output };
        if !output.status.success() {
            return Err(unreadable(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| unreadable(format!("the output of `cargo metadata` is not JSON: {error}")))?;
        let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(package) = packages.iter().find(|package| manifest_of(package) == Some(&manifest)) else {
            let filters = packages.iter().filter(|package| has_cdylib(package)).filter_map(manifest_of);
            return Err(BuildError::VirtualWorkspace {
                filters: filters.map(|manifest| directory_of(manifest).to_owned()).collect(),
                manifest,
            });
        };
        if !has_cdylib(package) {
            return Err(BuildError::NoCdylib { manifest });
        }
        let facts = json!({
            "name": package["name"],
            "workspace_root": metadata["workspace_root"],
            "target_directory": metadata["target_directory"],
        });
        Self::from_facts(&manifest, &facts).ok_or_else(|| {
            unreadable("the output of `cargo metadata` lacks `name`, `workspace_root` or `target_directory`".into())
        })
    }

    fn from_facts(manifest: &Path, facts: &Value) -> Option<Self> {
        Some(Self {
            name: facts["name"].as_str()?.to_owned(),
            manifest: manifest.to_owned(),
            workspace_root: facts["workspace_root"].as_str()?.into(),
            target_directory: facts["target_directory"].as_str()?.into(),
        })
    }

    fn facts(&self) -> Value {
        json!({
            "name": self.name,
            "workspace_root": self.workspace_root.to_str(),
            "target_directory": self.target_directory.to_str(),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        directory_of(&self.manifest)
    }

    /// The workspace's `Cargo.lock`.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.workspace_root.join("Cargo.lock")
    }

    /// Where the harness builds. Workspaces that share a target directory do not share this one: two of them (two checkouts
    /// of one repository, say) may have filters of the same name.
    pub(super) fn build_directory(&self) -> PathBuf {
        let directory = self.target_directory.join("proxy-filter");
        if self.target_directory.starts_with(&self.workspace_root) {
            return directory;
        }
        let name = self.workspace_root.file_name().unwrap_or_default().to_string_lossy();
        directory.join(format!("{name}-{}", hash_of(&self.workspace_root)))
    }

    /// Where the harness keeps its records.
    pub(super) fn records(&self) -> PathBuf {
        records_in(&self.target_directory)
    }
}

fn records_in(target_directory: &Path) -> PathBuf {
    target_directory.join("proxy-filter").join("records")
}

fn find_manifest(path: &Path) -> Result<PathBuf, BuildError> {
    let absolute = path.canonicalize().map_err(|_| BuildError::Missing { path: path.to_owned() })?;
    let manifest = if absolute.is_dir() { absolute.join("Cargo.toml") } else { absolute };
    if !manifest.ends_with("Cargo.toml") || !manifest.is_file() {
        return Err(BuildError::NoManifest { directory: directory_of(&manifest).to_owned() });
    }
    // Windows: cargo and rustc do better without the verbatim form that `canonicalize` returns.
    let plain = manifest.to_str().and_then(|path| path.strip_prefix(r"\\?\")).filter(|path| !path.starts_with("UNC"));
    Ok(plain.map_or_else(|| manifest.clone(), PathBuf::from))
}

/// Where a record of the package may be: asking cargo for the target directory costs more than to look in these. A wrong guess
/// costs nothing else, since a record proves itself.
fn likely_target_directories(manifest: &Path, environment: &Environment) -> Vec<PathBuf> {
    if let Some(directory) = environment.outer_target_dir() {
        return vec![directory.to_owned()];
    }
    let workspaces = manifest.ancestors().skip(1).map(|directory| directory.join("target"));
    // A test's executable is in `…/debug/deps` of the target directory, wherever a configuration puts that.
    let executable = std::env::current_exe().unwrap_or_default();
    workspaces.chain(executable.ancestors().skip(1).map(Path::to_owned)).collect()
}

fn directory_of(manifest: &Path) -> &Path {
    manifest.parent().unwrap_or(manifest)
}

fn manifest_of(package: &Value) -> Option<&Path> {
    package["manifest_path"].as_str().map(Path::new)
}

fn has_cdylib(package: &Value) -> bool {
    // The kind, not the crate type: an example may be a cdylib, too.
    let kinds = package["targets"].as_array().into_iter().flatten().filter_map(|target| target["kind"].as_array());
    kinds.flatten().any(|kind| kind == "cdylib")
}
