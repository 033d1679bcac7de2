//! The pictures can be read by all: with a title, in light and in dark, on narrow screens, and with a text that stands in for them.

use crate::page::{self, repository};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The SVG files of the book.
fn pictures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["docs", "docs/concepts"] {
        for entry in std::fs::read_dir(repository().join(folder)).expect("a folder of the book") {
            let name = entry.expect("an entry").file_name();
            if Path::new(&name).extension().is_some_and(|extension| extension == "svg") {
                found.push(Path::new(folder).join(name));
            }
        }
    }
    found
}

#[test]
fn every_picture_can_be_read() {
    let pictures = pictures();
    assert!(pictures.len() >= 7, "pictures are found at all");
    for path in pictures {
        let svg = std::fs::read_to_string(repository().join(&path)).expect("a picture is text");
        let path = path.display();
        let title = svg.split_once("<title").and_then(|(_, rest)| rest.split_once("</title>")).map_or("", |(title, _)| title);
        assert!(title.len() > 40, "{path}: its title should say what it shows: {title:?}");
        assert!(svg.contains("role=\"img\""), "{path}: screen readers want role=\"img\"");
        assert!(svg.contains("viewBox=\"0 0 "), "{path}: without a viewBox it cannot be made narrower");
        assert!(!svg.contains("<script") && !svg.contains("href="), "{path}: a picture fetches and runs nothing");
        // A ground of its own, so that it is legible whatever the page's is; the drawn ones follow the reader's scheme besides.
        assert!(
            svg.contains("class=\"ground\"") && svg.contains("prefers-color-scheme: dark") || svg.contains("class=\"bg\""),
            "{path}"
        );
    }
}

#[test]
fn every_picture_is_shown_with_a_text_in_its_place() {
    let mut shown = BTreeSet::new();
    for page in page::all() {
        let text = std::fs::read_to_string(repository().join(&page.path)).expect("a page");
        for (alternative, rest) in text.match_indices("![").filter_map(|(at, _)| text[at + 2..].split_once("](")) {
            let Some((target, _)) = rest.split_once(')') else { continue };
            if target.ends_with(".svg") && !alternative.contains('\n') {
                assert!(alternative.len() > 40, "{}: {target} needs a text that stands in for it", page.path.display());
                shown.insert(page.path.parent().unwrap_or(Path::new("")).join(target));
            }
        }
    }
    let unused: Vec<PathBuf> = pictures().into_iter().filter(|picture| !shown.contains(picture)).collect();
    assert!(unused.is_empty(), "no page shows {unused:?}");
}
