//! Prints what a real Envoy makes of the scenarios.
//!
//! ```text
//! cargo run -p proxy-filter-conformance --bin observe [PART OF A NAME]...
//! cargo run -p proxy-filter-conformance --bin observe > conformance/recorded/envoy-1.40.txt
//! ```

use proxy_filter_conformance::envoy::{Artifacts, Options, run};
use proxy_filter_conformance::{Error, Scenario, scenarios};
use std::process::ExitCode;

fn main() -> ExitCode {
    match observe(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("{failed} scenarios could not be carried out");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn observe(parts: &[String]) -> Result<usize, Error> {
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let scenarios: Vec<Scenario> = scenarios::all().into_iter().filter(|scenario| wanted(scenario.name)).collect();
    let mut failed = 0;
    for (scenario, result) in scenarios.iter().zip(run(&scenarios, &Options { envoy: None, artifacts: Artifacts::build()? })?) {
        println!("=== {} ({})", scenario.name, scenario.rows.join(", "));
        match result {
            Ok(observation) => println!("{observation}"),
            Err(error) => {
                failed += 1;
                println!("failed: {error}\n");
            }
        }
    }
    Ok(failed)
}
