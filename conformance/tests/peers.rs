//! What `docs/peers.md` says of this kit is shown by tests that exist.

use proxy_filter_conformance::scenarios;
use std::collections::BTreeSet;
use std::path::Path;

/// The names in backticks in the last column of the tables.
fn named() -> Vec<(String, Vec<String>)> {
    let page = include_str!("../../docs/peers.md");
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| feature |"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let names = cells.last().unwrap_or(&"").split(", ").filter_map(|name| name.strip_prefix('`')?.strip_suffix('`'));
            (cells[..2].join(": "), names.map(str::to_owned).collect())
        })
        .collect()
}

/// The functions of the workspace's sources, its scenarios, and its programs that must not compile.
fn existing() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = scenarios::all().iter().map(|scenario| scenario.name.to_owned()).collect();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut names);
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, names);
            }
        } else if let Some(stem) = name.strip_suffix(".rs") {
            if folder.ends_with("tests/ui") {
                names.insert(stem.to_owned());
            }
            let source = std::fs::read_to_string(&path).expect("a source is UTF-8");
            let functions = source.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
            names.extend(functions.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn what_is_said_of_this_kit_is_shown() {
    let existing = existing();
    let lines = named();
    assert!(lines.len() > 60, "the tables are read: {}", lines.len());
    for (line, names) in &lines {
        for name in names {
            assert!(existing.contains(name), "docs/peers.md, {line}: no test or scenario is called {name}");
        }
        let nothing = line.ends_with(": -") || line.ends_with(": —") || line.contains("not yet");
        assert_eq!(names.is_empty(), nothing, "docs/peers.md, {line}: say which test shows it, or that it is not there");
    }
}
