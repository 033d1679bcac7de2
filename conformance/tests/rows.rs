//! Every rule of Envoy's that is due has a test.

use proxy_filter_conformance::rows::Coverage;
use std::path::Path;

fn coverage() -> Coverage {
    Coverage::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

#[test]
fn what_is_cited_exists() {
    let coverage = coverage();
    assert!(coverage.mistakes.is_empty(), "{}", coverage.mistakes.join("\n"));
}

#[test]
fn what_is_due_is_shown() {
    let missing: Vec<String> = coverage().missing().map(|row| format!("{}: {}", row.id, row.text())).collect();
    assert!(
        missing.is_empty(),
        "neither a scenario nor a test shows these rows of docs/envoy.md:\n{}\nname the row in one, or say in EXCEPTIONS why there is none",
        missing.join("\n")
    );
}
