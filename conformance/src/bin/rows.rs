//! Prints which rows of `docs/envoy.md` have no scenario and no test; fails if one is due.
//!
//! ```text
//! cargo run -p proxy-filter-conformance --bin rows          a count for each section, and what is missing
//! cargo run -p proxy-filter-conformance --bin rows LOC      every row of a group, with what shows it
//! ```

use proxy_filter_conformance::rows::Coverage;
use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let coverage = Coverage::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    match std::env::args().nth(1) {
        Some(prefix) => print!("{}", coverage.details(&prefix)),
        None => print!("{}", coverage.summary()),
    }
    if coverage.missing().next().is_none() && coverage.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
