//! The filter that is to run: a crate, which is built, or a module in a file.

use crate::refusal;
use crate::verdict::{InputError, Verdict};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Where a module is, and what its filter is called.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) wasm: PathBuf,
    pub(crate) name: String,
}

/// Finds the module that the argument means, and builds it if it is a crate's; cargo's progress goes to standard error.
pub(crate) fn find(path: &Path) -> Result<Module, Verdict> {
    if !path.exists() {
        let text = format!(
            "there is no `{}`: give the directory of a filter's crate (it holds a Cargo.toml), or a .wasm file",
            path.display()
        );
        return Err(InputError(text).into());
    }
    if !path.is_dir() && path.file_name() != Some(OsStr::new("Cargo.toml")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(Module { wasm: path.to_owned(), name });
    }
    let build = || {
        let filter = FilterCrate::open(path)?;
        let built = filter.build(&BuildOptions { progress: true, ..BuildOptions::default() })?;
        Ok(Module { wasm: built.wasm, name: filter.name().to_owned() })
    };
    build().map_err(|error| refusal::of_build(&error))
}
