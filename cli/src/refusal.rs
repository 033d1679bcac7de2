//! A filter that does not come to run: whose fault it is, and how it is told.

use crate::args::Call;
use crate::report;
use crate::verdict::{Exit, Verdict};
use crate::{escape::printable, json};
use proxy_filter_test::filter_crate::BuildError;
use proxy_filter_test::{LoadError, Reason, Refused};
use std::fmt::Write;

/// A crate that cannot be built. Where the argument names none, the input is bad.
pub(crate) fn of_build(error: &BuildError) -> Verdict {
    let exit = match error {
        BuildError::Missing { .. }
        | BuildError::NoManifest { .. }
        | BuildError::VirtualWorkspace { .. }
        | BuildError::NoCdylib { .. }
        | BuildError::Manifest { .. } => Exit::BadInput,
        _ => Exit::FilterFailed,
    };
    Verdict { stdout: String::new(), error: Some(error.to_string()), exit }
}

/// A module that cannot be loaded, or a plugin that does not start with this configuration.
pub(crate) fn of_plugin(refused: &Refused, call: &Call) -> Verdict {
    let exit = match refused.reason() {
        Reason::File { .. } | Reason::Load(LoadError::NotWasm(_)) => Exit::BadInput,
        Reason::Build(error) => return of_build(error),
        _ => Exit::FilterFailed,
    };
    let mut error = text(refused.reason(), call);
    report::log_lines(&mut error, refused.log());
    let stdout = if call.json && exit == Exit::FilterFailed { json::refused(refused, call) } else { String::new() };
    Verdict { stdout, error: Some(error.trim_end().to_owned()), exit }
}

/// What is wrong, in a sentence that ends its line.
pub(crate) fn text(reason: &Reason, call: &Call) -> String {
    let module = call.module.display();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match reason {
        Reason::File { error, .. } => writeln!(text, "the module `{module}` cannot be read: {error}"),
        Reason::Load(LoadError::NotWasm(what)) => {
            let what = what.lines().map(|line| printable(line.as_bytes())).collect::<Vec<_>>().join("\n  ");
            let mend = "give a .wasm file, or the directory of a filter's crate";
            writeln!(text, "`{module}` is not a WebAssembly module ({mend}): {what}")
        }
        Reason::Load(LoadError::Unfit(problems)) => {
            let list: String = problems
                .iter()
                .map(|problem| format!("\n  - {}\n    {}", printable(problem.what.as_bytes()), problem.cause))
                .collect();
            writeln!(text, "the module `{module}` cannot be loaded:{list}")
        }
        Reason::Load(LoadError::Trap(trap)) => {
            let _ = writeln!(text, "the module `{module}` trapped before its first callback");
            report::trap(&mut text, trap);
            Ok(())
        }
        Reason::VmStart => {
            writeln!(text, "the filter did not start: proxy_on_vm_start answered false; its log says why, or mend --vm-config")
        }
        Reason::Configure => {
            let mend = if call.config.is_some() { "mend --config as its log says" } else { "it was given none: use --config" };
            writeln!(text, "the filter refused its configuration: proxy_on_configure answered false; {mend}")
        }
        Reason::Trap(trap) => {
            let _ = writeln!(text, "the filter trapped before the exchange");
            report::trap(&mut text, trap);
            Ok(())
        }
        other => writeln!(text, "the filter was refused: {other:?}"),
    };
    text
}
