//! Finds the tests that name a row: in the function's own name (`loads_lif_16`), or in a comment in or above it (`// LIF-16`).

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

/// A test that cites a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// The file, relative to the workspace.
    pub file: String,
    /// The function.
    pub function: String,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.function)
    }
}

/// The folders that hold tests.
const FOLDERS: &[&str] = &["sdk", "test-harness", "cli", "examples", "conformance"];

/// All citations of rows of these groups in the workspace at `root`, without those of scenarios.
///
/// # Panics
/// When a file cannot be read.
pub fn citations(root: &Path, groups: &BTreeSet<String>) -> BTreeSet<(String, Citation)> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        rust_files(&root.join(folder), &mut files);
    }
    let mut found = BTreeSet::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let source = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name} cannot be read: {error}"));
        let is_test = name.ends_with("/tests.rs") || name.contains("/tests/");
        for (id, function) in in_source(tests_of(&source, is_test), groups) {
            found.insert((id, Citation { file: name.clone(), function }));
        }
    }
    found
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The part of a file that is tests: all of it, or its last module if that is `#[cfg(test)] mod … {`.
fn tests_of(source: &str, is_test: bool) -> &str {
    if is_test {
        return source;
    }
    let start = source.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let next = source[*at..].lines().nth(1).unwrap_or_default();
        next.starts_with("mod ") && next.ends_with('{')
    });
    start.map_or("", |start| &source[start..])
}

/// Ids, each with its function: the one whose name, body or comment above has it.
fn in_source(source: &str, groups: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut function = None;
    let mut above: Vec<String> = Vec::new();
    for line in source.lines() {
        let trimmed = line.trim_start();
        let ids = ids_in(line, groups);
        if let Some(name) = function_name(trimmed) {
            found.extend(above.drain(..).chain(ids).chain(ids_in_name(name, groups)).map(|id| (id, name.to_owned())));
            function = Some(name);
        } else if trimmed.starts_with("///") || trimmed.starts_with("#[") {
            above.extend(ids);
        } else if trimmed.starts_with("//!") {
            // The text at the head of a file says what it is about, not what is tested.
        } else if trimmed.starts_with("//") && line.len() == trimmed.len() {
            above.extend(ids);
        } else if let Some(function) = function {
            found.extend(ids.into_iter().map(|id| (id, function.to_owned())));
        }
        if trimmed.is_empty() {
            above.clear();
        }
    }
    found
}

/// The name in `fn name(` or `fn name<`.
fn function_name(line: &str) -> Option<&str> {
    let at = if line.starts_with("fn ") { 0 } else { line.find(" fn ")? + 1 };
    if line.starts_with("//") {
        return None;
    }
    let name = &line[at + 3..];
    let end = name.find(['(', '<'])?;
    Some(&name[..end])
}

/// `LIF-16` in a text.
fn ids_in(text: &str, groups: &BTreeSet<String>) -> Vec<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
    words.filter(|word| super::table::is_id(word) && groups.contains(&word[..3])).map(str::to_owned).collect()
}

/// `lif_16` in a function's name; `abi_0_2_0` is a version, and no row has the number 0.
fn ids_in_name(name: &str, groups: &BTreeSet<String>) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let pairs = words
        .windows(2)
        .filter(|pair| pair[1].bytes().all(|byte| byte.is_ascii_digit()) && !pair[1].is_empty() && pair[1] != "0");
    pairs
        .map(|pair| (pair[0].to_uppercase(), pair[1]))
        .filter(|(group, _)| groups.contains(group))
        .map(|(group, number)| format!("{group}-{number}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_a_test_is_a_citation() {
        let groups = BTreeSet::from(["ZZZ".to_owned()]);
        let source = "\
// ZZZ-9 is about the rule.
fn rule() {}

#[cfg(test)]
mod tests {
    /// ZZZ-1 and UTF-8.
    #[test]
    fn first() {
        // ZZZ-2, ZZZ-3
        assert_eq!(1, 1, \"ZZZ-4\");
    }

    both_vms! { fn second_zzz_0_zzz_5(vm) -> TestResult {
    } }
}
";
        let found = in_source(tests_of(source, false), &groups);
        let found: Vec<_> = found.iter().map(|(id, function)| (id.as_str(), function.as_str())).collect();
        assert_eq!(
            found,
            [("ZZZ-1", "first"), ("ZZZ-2", "first"), ("ZZZ-3", "first"), ("ZZZ-4", "first"), ("ZZZ-5", "second_zzz_0_zzz_5")]
        );
        assert!(in_source(tests_of("//! ZZZ-1\nfn f() {}\n", true), &groups).is_empty());
        assert_eq!(tests_of("#[cfg(test)]\nmod tests;\n// ZZZ-1\n", false), "");
    }
}
