//! The examples are made alike: who has read one finds their way in all of them.

use std::fs;
use std::path::{Path, PathBuf};

const FILES: [&str; 8] = [
    "Cargo.toml",
    "README.md",
    "config.json",
    "envoy.yaml",
    "src/lib.rs",
    "tests/budget.rs",
    "tests/property.rs",
    "tests/statuses.rs",
];

/// What a heading of the README begins with.
const SECTIONS: [&str; 6] =
    ["Configuration", "When something fails", "Run it in Envoy", "Make it yours", "What it costs", "Limits"];

fn examples() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut examples: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    examples.sort();
    assert!(examples.len() > 3, "{examples:?}");
    examples
}

fn name(example: &Path) -> String {
    example.file_name().unwrap().to_string_lossy().into_owned()
}

fn text(example: &Path, file: &str) -> String {
    fs::read_to_string(example.join(file)).unwrap_or_else(|error| panic!("{file} of {}: {error}", name(example)))
}

/// The Rust files below a directory, joined.
fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => sources(&path),
            false => fs::read_to_string(&path).unwrap_or_default(),
        })
        .collect()
}

#[test]
fn each_has_the_same_files() {
    for example in examples() {
        for file in FILES {
            assert!(example.join(file).is_file(), "{} has no {file}", name(&example));
        }
        let tests = ["tests/filter.rs", "tests/filter/main.rs"];
        assert!(tests.iter().any(|file| example.join(file).is_file()), "{} has no tests/filter.rs", name(&example));
    }
}

#[test]
fn each_registers_its_name_without_std_and_without_unsafe() {
    for example in examples() {
        let (name, library) = (name(&example), text(&example, "src/lib.rs"));
        let root_id = format!("\"{}\" =>", name.replace('-', "_"));
        for line in ["#![forbid(unsafe_code)]", "no_std)]", "proxy_filter::no_std_runtime!();", "proxy_filter::register! {"] {
            assert!(library.contains(line), "src/lib.rs of {name} has no `{line}`");
        }
        assert!(name == "aggregator" || library.contains(&root_id), "src/lib.rs of {name} does not register {root_id}");
    }
}

#[test]
fn each_configuration_is_tried_in_both_vms() {
    for example in examples() {
        let tests = sources(&example.join("tests"));
        assert!(tests.contains("config.json\")"), "no test of {} loads its config.json", name(&example));
        assert!(tests.contains("both_vms!") && tests.contains("proptest"), "{}", name(&example));
    }
}

#[test]
fn each_readme_answers_the_same_questions() {
    for example in examples() {
        let (name, readme) = (name(&example), text(&example, "README.md"));
        assert!(readme.starts_with(&format!("# {name}\n")), "README.md of {name} does not begin with its name");
        for section in SECTIONS {
            let there = readme.lines().any(|line| line.strip_prefix("## ").is_some_and(|heading| heading.starts_with(section)));
            assert!(there, "README.md of {name} has no section `{section}`");
        }
        let how = "../add-header/README.md#make-it-yours";
        assert!(
            name == "add-header" || readme.contains(how),
            "README.md of {name} does not name {how}: what is done to a copy stands there once"
        );
    }
}
