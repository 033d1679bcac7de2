//! Every scenario on the mock host and on a real Envoy: a trial each, which passes when both saw the same.
//!
//! With another version than the mock host follows, Envoy is compared with what was recorded of that version instead.
//!
//! Envoy is found in `ENVOY_BIN` or on the PATH. Without one the trials are ignored, unless `PROXY_FILTER_REQUIRE_ENVOY=1`.

use libtest_mimic::{Arguments, Failed, Trial};
use proxy_filter_conformance::envoy;
use proxy_filter_conformance::scenario::Guest;
use proxy_filter_conformance::{Observation, Scenario, comparison, mock, recorded, scenarios};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scenarios: Vec<Scenario> = scenarios::all();
    let wanted = |scenario: &&Scenario| is_wanted(&arguments, scenario.name);

    let envoy = envoy::locate(None).map_err(|error| error.to_string());
    let required = std::env::var_os("PROXY_FILTER_REQUIRE_ENVOY").is_some_and(|value| value == "1");
    let list = arguments.list;

    // A few Envoys serve all scenarios, before the trials; each trial then runs its own on the mock host and compares.
    let outcome: Result<BTreeMap<&str, Result<Observation, String>>, String> = match &envoy {
        Ok(_) if !list => {
            let chosen: Vec<Scenario> = scenarios.iter().filter(wanted).cloned().collect();
            envoy::run(&chosen).map_err(|error| error.to_string()).map(|results| {
                chosen
                    .iter()
                    .map(|s| s.name)
                    .zip(results.into_iter().map(|result| result.map_err(|error| error.to_string())))
                    .collect()
            })
        }
        _ => Ok(BTreeMap::new()),
    };

    let version = envoy.as_ref().map_err(Clone::clone).and_then(|envoy| envoy::version(envoy).map_err(|error| error.to_string()));
    let version: Arc<str> = version.unwrap_or_default().into();
    let outcome = Arc::new(outcome);
    let missing = envoy.err();
    let trials = scenarios.into_iter().map(|scenario| {
        let (outcome, missing) = (Arc::clone(&outcome), missing.clone());
        let version = Arc::clone(&version);
        let ignored = missing.is_some() && !required;
        let kind = if ignored { "no Envoy: set ENVOY_BIN" } else { "" };
        Trial::test(scenario.name, move || match missing {
            Some(missing) => Err(missing.into()),
            None => compare(&scenario, &version, &outcome),
        })
        .with_ignored_flag(ignored)
        .with_kind(kind)
    });
    // They are written for the followed version, which may know more than others.
    let of_another = missing.is_none() && !recorded::is_followed(&version);
    let examples = examples().into_iter().map(|example| {
        let trial = Trial::test(format!("envoy-yaml-of-{example}"), move || envoy_accepts_the_configuration_of(example));
        trial.with_ignored_flag(of_another || missing.is_some() && !required)
    });
    let trials = trials.chain(examples).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn examples_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// The names of the crates in `examples/`.
fn examples() -> Vec<&'static str> {
    let entries = std::fs::read_dir(examples_directory()).expect("the directory examples/").flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names.into_iter().map(|name| &*name.leak()).collect()
}

/// What an example's README tells people to start.
fn envoy_accepts_the_configuration_of(example: &'static str) -> Result<(), Failed> {
    let yaml = std::fs::read_to_string(examples_directory().join(example).join("envoy.yaml"))?;
    let shipped = format!("target/wasm32-unknown-unknown/release/{}.wasm", example.replace('-', "_"));
    if !yaml.contains(&shipped) {
        return Err(format!("envoy.yaml of {example} does not name {shipped}").into());
    }
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("envoy.yaml");
    std::fs::write(&config, yaml.replace(&shipped, &Guest::Example(example).build()?.display().to_string()))?;
    let checked = std::process::Command::new(envoy::locate(None)?).args(["--mode", "validate", "-c"]).arg(&config).output()?;
    if !checked.status.success() {
        return Err(String::from_utf8_lossy(&checked.stderr).into_owned().into());
    }
    Ok(())
}

/// What the arguments choose, so that Envoy need not run the others.
fn is_wanted(arguments: &Arguments, name: &str) -> bool {
    let matches = |pattern: &String| if arguments.exact { name == pattern } else { name.contains(pattern.as_str()) };
    arguments.filter.as_ref().is_none_or(matches) && !arguments.skip.iter().any(matches)
}

fn compare(
    scenario: &Scenario,
    version: &str,
    outcome: &Result<BTreeMap<&str, Result<Observation, String>>, String>,
) -> Result<(), Failed> {
    let results = outcome.as_ref().map_err(String::as_str)?;
    let on_envoy = results.get(scenario.name).ok_or("Envoy did not run it")?.as_ref().map_err(String::as_str)?;
    let on_mock = mock::run(scenario)?;
    let seen = on_envoy.to_string();
    let followed = recorded::is_followed(version);
    if !followed || scenario.fatal || scenario.not_modelled.is_some() {
        // The mock host is no measure here, but Envoy itself as it was when it was recorded.
        let expected = recorded::expected(version).get(scenario.name).copied().unwrap_or_default();
        if expected != seen.trim_end() {
            let changes = comparison::changes(expected, seen.trim_end());
            return Err(format!("Envoy {version} does otherwise than was recorded: - recorded, + now\n{changes}").into());
        }
        if !followed {
            return Ok(());
        }
    }
    let rows = scenario.rows.join(", ");
    comparison::difference(scenario, &seen, &on_mock)
        .map_or(Ok(()), |difference| Err(format!("rows {rows}; {difference}").into()))
}
