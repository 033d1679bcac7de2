//! YAML and JSON parse, shell is shell, and what is a whole configuration of Envoy is accepted by a real one.

use crate::page::{self, Block, repository};
use proxy_filter_conformance::envoy;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use std::process::Command;
use wasmparser::{Parser, Payload};
use yaml_rust2::{Yaml, YamlLoader};

/// The blocks of this language in the book and in READMEs, with where they stand.
fn blocks(language: &str) -> Vec<(String, Block)> {
    let of_page = |page: page::Page| {
        let path = page.path.display().to_string();
        page.blocks.into_iter().map(move |block| (format!("{path}:{}", block.line), block))
    };
    page::all().into_iter().flat_map(of_page).filter(|(_, block)| block.language == language).collect()
}

#[test]
fn yaml_parses() {
    for (place, block) in blocks("yaml") {
        let parsed = YamlLoader::load_from_str(&block.text);
        assert!(parsed.is_ok_and(|documents| !documents.is_empty()), "{place}: {:?}", YamlLoader::load_from_str(&block.text));
    }
}

#[test]
fn json_parses() {
    for (place, block) in blocks("json") {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&block.text) {
            panic!("{place}: {error}");
        }
    }
}

#[test]
fn shell_is_shell() {
    for (place, block) in blocks("sh") {
        let checked = Command::new("bash").args(["-n", "-c", &block.text]).output().expect("bash runs");
        assert!(checked.status.success(), "{place}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// A bootstrap, which Envoy takes as it is; parts of one are only parsed.
fn is_bootstrap(text: &str) -> bool {
    let documents = YamlLoader::load_from_str(text).unwrap_or_default();
    documents.first().and_then(Yaml::as_hash).is_some_and(|top| top.contains_key(&Yaml::String("static_resources".into())))
}

#[test]
fn envoy_accepts_every_whole_configuration() {
    let envoy = match envoy::locate(None) {
        Ok(envoy) => envoy,
        Err(error) => {
            let required = std::env::var_os("PROXY_FILTER_REQUIRE_ENVOY").is_some_and(|value| value == "1");
            assert!(!required, "{error}");
            return;
        }
    };
    // The quick start's is for the filter that it writes; `.ci/follow` runs Envoy with it.
    let elsewhere = |place: &str| place.starts_with("docs/quick-start.md:");
    for (place, block) in blocks("yaml").into_iter().filter(|(place, block)| is_bootstrap(&block.text) && !elsewhere(place)) {
        let directory = tempfile::tempdir().expect("a folder");
        let config = directory.path().join("envoy.yaml");
        std::fs::write(&config, with_built_modules(&block.text)).expect("written");
        let checked = Command::new(&envoy).args(["--mode", "validate", "-c"]).arg(&config).output().expect("Envoy runs");
        assert!(checked.status.success(), "{place}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// The configuration with every path that ends in `.wasm` replaced by that of a module: of the example of this name, else of add-header.
fn with_built_modules(text: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    let mut paths: Vec<&str> = text.split(|c| !is_path(c)).filter(|word| word.ends_with(".wasm")).collect();
    paths.sort_unstable();
    paths.dedup();
    // Each once, longest first: one may end as another does.
    paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    paths.iter().fold(text.to_owned(), |text, path| {
        let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".wasm").replace('_', "-");
        let example = repository().join("examples").join(&name);
        let folder = if example.is_dir() { example } else { repository().join("examples/add-header") };
        let built = FilterCrate::build_once(&folder, &options).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        text.replace(path, &built.wasm.display().to_string())
    })
}

#[test]
fn the_capabilities_that_are_shown_are_those_of_the_module() {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    let built = FilterCrate::build_once(repository().join("examples/add-header"), &options).expect("add-header builds");
    let module = std::fs::read(&built.wasm).expect("the module");
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        match payload.expect("WebAssembly") {
            Payload::ImportSection(imports) => {
                names.extend(imports.into_imports().map(|import| import.expect("an import").name.to_owned()));
            }
            Payload::ExportSection(exports) => {
                let names_of = exports.into_iter().map(|export| export.expect("an export").name.to_owned());
                names.extend(names_of.filter(|name| name.starts_with("proxy_on_") && !name.starts_with("proxy_on_memory_")));
            }
            _ => {}
        }
    }
    names.sort();
    let page = page::Page::read(std::path::Path::new("docs/deploying/envoy.md"));
    let shown = page.blocks.iter().find(|block| block.text.contains("allowed_capabilities:")).expect("the block");
    let shown: Vec<&str> = shown.text.lines().filter_map(|line| line.trim().strip_suffix(": {}")).collect();
    assert_eq!(shown, names);
}

#[test]
fn a_bootstrap_is_told_from_a_part() {
    assert!(is_bootstrap("admin: {}\nstatic_resources: {}\n"));
    assert!(!is_bootstrap("http_filters: []\n") && !is_bootstrap("- static_resources: {}\n"));
}
