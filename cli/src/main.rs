//! `proxy-filter`: what a Proxy-Wasm filter does, seen from a terminal, before any proxy runs.
//!
//! `call` sends one HTTP exchange through a filter on the mock host and prints what the filter changed in both directions;
//! `hostcalls` lists the hostcalls of the ABI. The result goes to standard output, everything else to standard error; [`verdict::Exit`]
//! has the exit codes.

mod args;
mod call;
mod configuration;
mod data;
mod diff;
mod escape;
mod header;
mod hostcalls;
mod json;
mod messages;
mod module;
mod notes;
mod paint;
mod pause;
mod refusal;
mod report;
mod transcript;
mod verdict;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let verdict = match &args.command {
        Command::Call(call) => call::run(call),
        Command::Hostcalls => hostcalls::run(),
    };
    verdict.print(args.color.into())
}
