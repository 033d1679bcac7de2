//! The official JSON Schema Test Suite, draft 2020-12: `JSON_SCHEMA_TEST_SUITE` is the folder `tests/draft2020-12` of it (`cargo make soak`
//! fetches one). Each of its schemas is either taken, and then each of its documents judged as the suite does, or refused by name for what
//! the README says is not supported. `tests/schema.rs` has cases of our own.

use http::Request;
use json_validate::PLUGINS;
use proxy_filter_test::{MockProxy, Plugin, TestResult};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Why a schema may be refused.
const REFUSALS: [&str; 8] = [
    "the keyword \"unevaluatedItems\" is not supported",
    "the keyword \"unevaluatedProperties\" is not supported",
    "the keyword \"$dynamicRef\" is not supported",
    "the keyword \"$dynamicAnchor\" is not supported",
    "is not in this schema, and others are not fetched",
    "the keyword \"$id\" is not supported within a schema",
    "is not draft 2020-12",
    "cannot be matched",
];

fn proxy(schema: &Value) -> Result<MockProxy, String> {
    let config = json!({"schema": schema, "max_depth": 100}).to_string();
    let plugin = Plugin::native(&PLUGINS, "json_validate").config(config);
    MockProxy::new(plugin).map_err(|refused| refused.log().iter().map(|line| line.message.clone()).collect())
}

fn passes(proxy: &MockProxy, document: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let request = Request::post("http://shop.example/").header("content-type", "application/json").body(document.to_owned())?;
    Ok(proxy.send(request).response().status() == 200)
}

#[test]
#[ignore = "needs the official suite, in JSON_SCHEMA_TEST_SUITE"]
fn the_suite_agrees() -> TestResult {
    let folder = std::env::var_os("JSON_SCHEMA_TEST_SUITE").map(PathBuf::from).ok_or("JSON_SCHEMA_TEST_SUITE is not set")?;
    let mut files: Vec<_> = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    assert!(files.len() > 40, "{} has {} files: is it tests/draft2020-12?", folder.display(), files.len());
    let (mut judged, mut wrong) = (0, Vec::new());
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let groups: Vec<Value> = serde_json::from_slice(&std::fs::read(&file)?)?;
        for group in &groups {
            let name = format!("{}: {}", file.file_stem().unwrap_or_default().display(), group["description"]);
            let tests = group["tests"].as_array().ok_or("tests")?;
            match proxy(&group["schema"]) {
                Ok(proxy) => {
                    for test in tests {
                        judged += 1;
                        if Some(passes(&proxy, &test["data"].to_string())?) != test["valid"].as_bool() {
                            wrong.push(format!("{name}: {}", test["description"]));
                        }
                    }
                }
                Err(reason) => match REFUSALS.iter().find(|known| reason.contains(*known)) {
                    Some(known) => *refused.entry((*known).to_owned()).or_default() += tests.len(),
                    None => wrong.push(format!("{name}: refused, {reason}")),
                },
            }
        }
    }
    println!(
        "{judged} judged as the suite does, but for {}; not judged, since their schema is refused: {refused:#?}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
