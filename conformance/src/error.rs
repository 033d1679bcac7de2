//! What went wrong outside the scenarios themselves.

use std::fmt;

/// A failure of the surroundings: no Envoy, a file that cannot be read, a socket that does not answer.
#[derive(Debug)]
pub struct Error {
    doing: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure that explains itself.
    pub fn new(what: impl Into<String>) -> Self {
        Self { doing: what.into(), source: None }
    }

    /// For `map_err`: what was being done when `source` happened.
    pub fn while_doing<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Self { doing, source: Some(source.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.doing),
            None => f.write_str(&self.doing),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}
