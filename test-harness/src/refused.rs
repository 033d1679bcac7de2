use crate::log::LogLine;
use crate::vm::Trap;
use std::fmt;

/// A proxy does not start with this plugin: the module cannot be loaded, or the plugin does not accept its configuration.
///
/// What a real Envoy says of it is only "Failed to configure base Wasm plugin" (LIF-13); this holds the cause and the plugin's log.
pub struct Refused(Box<Refusal>);

struct Refusal {
    plugin: String,
    reason: Reason,
    log: Vec<LogLine>,
}

/// Why a plugin was refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// Its crate could not be built.
    #[cfg(feature = "wasmtime")]
    Build(crate::filter_crate::BuildError),
    /// Its module could not be read.
    #[cfg(feature = "wasmtime")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        error: String,
    },
    /// Its module cannot be loaded.
    #[cfg(feature = "wasmtime")]
    Load(crate::LoadError),
    /// Both `fail_open` and `failure_policy` are set, of which Envoy takes one only (FAI-11).
    FailOpenAndFailurePolicy,
    /// `proxy_on_vm_start` answered false.
    VmStart,
    /// `proxy_on_configure` answered false: it does not accept its configuration.
    Configure,
    /// It trapped while it was started or configured.
    Trap(Box<Trap>),
}

impl Refused {
    pub(crate) fn new(plugin: String, reason: Reason, log: Vec<LogLine>) -> Self {
        Self(Box::new(Refusal { plugin, reason, log }))
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// What plugins have logged meanwhile: usually the plugin's own words on its configuration.
    pub fn log(&self) -> &[LogLine] {
        &self.0.log
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin \"{}\" was refused: ", self.0.plugin)?;
        match &self.0.reason {
            #[cfg(feature = "wasmtime")]
            Reason::Build(error) => write!(f, "{error}")?,
            #[cfg(feature = "wasmtime")]
            Reason::File { path, error } => write!(f, "{} cannot be read: {error}", path.display())?,
            #[cfg(feature = "wasmtime")]
            Reason::Load(error) => write!(f, "{error}")?,
            Reason::FailOpenAndFailurePolicy => {
                f.write_str("only one of fail_open and failure_policy can be set: leave fail_open out")?;
            }
            Reason::VmStart => f.write_str("proxy_on_vm_start answered false")?,
            Reason::Configure => f.write_str("it does not accept its configuration (proxy_on_configure answered false)")?,
            Reason::Trap(trap) => write!(f, "{trap}")?,
        }
        self.0.log.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// As its text: it is what a test that fails by `?` prints.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Refused {}
