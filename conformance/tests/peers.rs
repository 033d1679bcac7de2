//! What `docs/peers.md` says of this kit, and `docs/security.md` promises, is shown by tests that exist.

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

/// The tables of a page, each line by its feature, as (column, cell).
fn tables(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let (mut head, mut lines) = (Vec::new(), Vec::new());
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let line = cells(line);
        if line[0] == "feature" {
            head = line;
        } else if !head.is_empty() {
            let named = head.iter().cloned().zip(line.iter().cloned().chain(std::iter::repeat(String::new()))).skip(1).collect();
            lines.push((line[0].clone(), named));
        }
    }
    lines
}

/// The README shows a part of the page, and nothing else than that.
#[test]
fn the_readme_says_of_other_kits_what_the_page_says() {
    let page = tables(include_str!("../../docs/peers.md"));
    let readme = include_str!("../../README.md");
    let (_, comparison) = readme.split_once("## Beside other kits").expect("the README compares");
    let (comparison, _) = comparison.split_once("\n## ").expect("and goes on");
    let shown = tables(comparison);
    assert!(shown.len() > 15, "the README's tables are read: {}", shown.len());
    for (feature, cells) in shown {
        let same = |(known, there): &&(String, Vec<(String, String)>)| *known == feature && there[0].0 == cells[0].0;
        let (_, there) = page.iter().find(same).unwrap_or_else(|| panic!("docs/peers.md has no line `{feature}`"));
        for cell in cells {
            assert!(there.contains(&cell), "README.md, {feature}: docs/peers.md does not say {cell:?}");
        }
    }
}

/// What the page on security promises is shown by tests, which are named in the last column of its tables.
#[test]
fn what_is_promised_is_shown() {
    let existing = existing();
    let page = include_str!("../../docs/security.md");
    let (mut promises, mut named) = (0, false);
    for line in page.lines() {
        named = if line.starts_with("| ") { named || line.ends_with("| shown by |") } else { named && line.starts_with('|') };
        if !named || !line.starts_with("| ") || line.ends_with("| shown by |") {
            continue;
        }
        promises += 1;
        let last = line.trim_matches('|').rsplit('|').next().unwrap_or_default();
        let tests: Vec<&str> = last.split(", ").filter_map(|name| name.trim().strip_prefix('`')?.strip_suffix('`')).collect();
        assert!(!tests.is_empty(), "docs/security.md: no test shows {line}");
        for test in tests {
            assert!(existing.contains(test), "docs/security.md: no test is called {test}");
        }
    }
    assert!(promises > 15, "the tables are read: {promises}");
}
