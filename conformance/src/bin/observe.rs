//! Prints what a real Envoy makes of the scenarios.
//!
//! ```text
//! cargo run -p proxy-filter-conformance --bin observe [PART OF A NAME]...
//! cargo run -p proxy-filter-conformance --bin observe > conformance/recorded/envoy-1.40.txt
//! cargo run -p proxy-filter-conformance --bin observe -- --differing > conformance/recorded/envoy-1.36.4.txt   (of another version)
//! ```

use proxy_filter_conformance::envoy::run;
use proxy_filter_conformance::{Error, Scenario, recorded, scenarios};
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

fn observe(arguments: &[String]) -> Result<usize, Error> {
    let (flags, parts): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|argument| argument.starts_with("--"));
    let differing = flags.iter().any(|flag| *flag == "--differing");
    let followed = recorded::followed();
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let scenarios: Vec<Scenario> = scenarios::all().into_iter().filter(|scenario| wanted(scenario.name)).collect();
    let mut failed = 0;
    for (scenario, result) in scenarios.iter().zip(run(&scenarios)?) {
        let same = |seen: &str| followed.get(scenario.name).is_some_and(|recorded| *recorded == seen.trim_end());
        if differing && result.as_ref().is_ok_and(|observation| same(&observation.to_string())) {
            continue;
        }
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
