//! Prints what a real Envoy makes of the scenarios.
//!
//! ```text
//! SCRIPTED_GUEST_WASM=... ADD_HEADER_WASM=... cargo run -p proxy-filter-conformance --bin observe -- [part of a name]
//! ```
//!
//! Without these variables the modules are looked for where `cargo rustc --release --target wasm32-unknown-unknown` leaves them.

use proxy_filter_conformance::{
    envoy::{Artifacts, Options, run},
    error::Error,
    scenario::Scenario,
    scenarios::all,
};
use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    match observe(&env::args().nth(1).unwrap_or_default()) {
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

fn observe(part: &str) -> Result<usize, Error> {
    let scenarios: Vec<Scenario> = all().into_iter().filter(|scenario| scenario.name.contains(part)).collect();
    let artifacts = Artifacts {
        scripted_guest: module("SCRIPTED_GUEST_WASM", "scripted_guest.wasm"),
        add_header: module("ADD_HEADER_WASM", "add_header.wasm"),
    };
    let mut failed = 0;
    for (scenario, result) in scenarios.iter().zip(run(&scenarios, &Options { envoy: None, artifacts })?) {
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

fn module(variable: &str, file: &str) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    env::var_os(variable).map_or_else(|| target.join("wasm32-unknown-unknown/release").join(file), PathBuf::from)
}
