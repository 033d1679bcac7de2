//! How a command ends: what it prints, and its exit code.

use crate::paint;
use anstream::{AutoStream, ColorChoice};
use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// The exit codes; `--help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The exchange went through, whatever its status.
    Done = 0,
    /// The filter failed: not built, not loaded, refused, trapped, or it left the exchange hanging.
    FilterFailed = 1,
    /// What the command was given cannot be used.
    BadInput = 2,
}

/// What a command has to say. Colours are in the texts; those who cannot show them get them without.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The result.
    pub(crate) stdout: String,
    /// Why it failed.
    pub(crate) error: Option<String>,
    pub(crate) exit: Exit,
}

impl Verdict {
    /// Everything is as it should be.
    pub(crate) fn done(stdout: String) -> Self {
        Self { stdout, error: None, exit: Exit::Done }
    }

    /// Writes it out. Who closes the pipe early, as `head` does, has read enough.
    pub(crate) fn print(&self, color: ColorChoice) -> ExitCode {
        let mut stdout = AutoStream::new(std::io::stdout().lock(), color);
        let written = stdout.write_all(self.stdout.as_bytes()).and_then(|()| stdout.flush());
        let mut stderr = AutoStream::new(std::io::stderr().lock(), color);
        let mut say = |error: &dyn fmt::Display| {
            // When standard error is gone, too, there is nobody left to tell.
            let _ = writeln!(stderr, "{}error:{:#} {error}", paint::ERROR, paint::ERROR);
        };
        if let Some(error) = &self.error {
            say(error);
        }
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                say(&format_args!("the result cannot be written to standard output: {error}"));
                ExitCode::from(Exit::BadInput as u8)
            }
            _ => ExitCode::from(self.exit as u8),
        }
    }
}

/// What the command was given cannot be used; the text names the input and the mend.
#[derive(Debug)]
pub(crate) struct InputError(pub(crate) String);

impl From<InputError> for Verdict {
    fn from(error: InputError) -> Self {
        Self { stdout: String::new(), error: Some(error.0), exit: Exit::BadInput }
    }
}
