//! The modules that scenarios run, built as they ship.

use crate::error::Error;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The module that a scenario runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guest {
    /// The crate `scripted-guest`.
    Scripted,
    /// The crate of this name in `examples/`.
    Example(&'static str),
    /// The crate `test-harness/guests/streams`.
    Streams,
    /// The crate `test-harness/guests/functions`.
    Functions,
    /// The filters on the crate proxy-wasm; the configuration says which.
    OnProxyWasm,
    /// Any module, as its bytes.
    Wasm(Cow<'static, [u8]>),
}

impl Guest {
    /// Builds the crate as it ships, once in a process.
    ///
    /// # Errors
    /// What the build said; and that of [`Guest::Wasm`] there is no crate.
    pub fn build(&self) -> Result<PathBuf, Error> {
        let dir = match self {
            Self::Scripted => "scripted-guest".to_owned(),
            Self::Example(name) => format!("../examples/{name}"),
            Self::Streams => "../test-harness/guests/streams".to_owned(),
            Self::Functions => "../test-harness/guests/functions".to_owned(),
            Self::OnProxyWasm => "../test-harness/guests/on-proxy-wasm".to_owned(),
            Self::Wasm(_) => return Err(Error::new("a module that is bytes has no crate to build".to_owned())),
        };
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
        let built = FilterCrate::build_once(&dir, &options);
        built.map(|built| built.wasm).map_err(Error::while_doing(format!("build {}", dir.display())))
    }
}
