//! The README shows every example.

use crate::page::{Page, repository};
use std::path::Path;

#[test]
fn every_example_is_in_the_readmes_table() {
    let readme = Page::read(Path::new("README.md"));
    for entry in std::fs::read_dir(repository().join("examples")).expect("the examples") {
        let entry = entry.expect("an example");
        let link = format!("examples/{}", entry.file_name().to_string_lossy());
        let is_crate = entry.path().join("Cargo.toml").is_file();
        assert!(!is_crate || readme.links.iter().any(|(_, known)| *known == link), "README.md does not show {link}");
    }
}
