//! No page is forgotten: in the table of contents, or among those whose snippets are tests.

use crate::page::{self, Page};
use std::path::{Path, PathBuf};

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = Page::read(Path::new("docs/SUMMARY.md"));
    let listed: Vec<PathBuf> = summary.links.iter().map(|(_, link)| Path::new("docs").join(link)).collect();
    let missing: Vec<PathBuf> = page::of_the_book()
        .map(|page| page.path)
        .filter(|path| path != Path::new("docs/SUMMARY.md") && !listed.contains(path))
        .collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
}

#[test]
fn every_page_with_rust_is_tested() {
    let tested = include_str!("../../snippets.rs");
    for page in page::of_the_book().filter(|page| page.blocks.iter().any(|block| block.language == "rust")) {
        let file = page.path.strip_prefix("docs").expect("in docs").display().to_string();
        assert!(tested.contains(&format!(" \"{file}\"\n")), "docs/snippets.rs does not list {file}");
    }
}

/// A block without a language would be taken for Rust, and shown without colours.
#[test]
fn every_block_says_what_it_is() {
    const LANGUAGES: [&str; 10] = ["console", "diff", "dockerfile", "json", "mermaid", "rust", "sh", "text", "toml", "yaml"];
    for page in page::of_the_book() {
        for block in &page.blocks {
            let known = LANGUAGES.contains(&block.language.as_str());
            assert!(known, "{}:{}: `{}` is none of {LANGUAGES:?}", page.path.display(), block.line, block.language);
        }
    }
}
