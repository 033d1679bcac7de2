//! Every link that leads to a file of the repository finds it, and its heading.

use crate::page::{self, Page, repository};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

#[test]
fn no_link_is_broken() {
    let pages = page::all();
    let anchors: BTreeMap<&Path, &[String]> = pages.iter().map(|page| (&*page.path, &*page.anchors)).collect();
    let broken: Vec<String> = pages.iter().flat_map(|page| broken(page, &anchors)).collect();
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(pages.iter().map(|page| page.links.len()).sum::<usize>() > 50, "links are found at all");
}

fn broken(page: &Page, anchors: &BTreeMap<&Path, &[String]>) -> Vec<String> {
    let fate = |(line, link): &(usize, String)| {
        let why = why_broken(&page.path, link, anchors)?;
        Some(format!("{}:{line}: {link}: {why}", page.path.display()))
    };
    page.links.iter().filter_map(fate).collect()
}

/// Where the book links what is in the repository and not in the book.
const OWN: &str = "https://github.com/proxy-filter/proxy-filter/";

fn why_broken(from: &Path, link: &str, anchors: &BTreeMap<&Path, &[String]>) -> Option<String> {
    if let Some(own) = link.strip_prefix(OWN) {
        let path = own.strip_prefix("blob/main/").or_else(|| own.strip_prefix("tree/main/"))?;
        let path = path.split('#').next().unwrap_or_default();
        return (!repository().join(path).exists()).then(|| "the repository has no such file".to_owned());
    }
    if link.starts_with("https://docs.rs/proxy-filter") {
        return Some(format!("not published there yet: link {OWN}blob/main/…"));
    }
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    // Crates' READMEs and documentation name items of Rust, which rustdoc checks.
    if link.contains("::") || link.contains("()") || link.contains('!') || (!link.contains(['.', '/', '#']) && !link.is_empty()) {
        let exists = repository().join(from.parent()?).join(link).exists();
        return (from.starts_with("docs") && !exists).then(|| "neither a file nor an address".to_owned());
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { from.to_owned() } else { normalized(&from.parent()?.join(path)) };
    if !repository().join(&target).exists() {
        return Some("no such file".to_owned());
    }
    if from.starts_with("docs") && !target.starts_with("docs") {
        return Some(format!("not in the book: link {OWN}blob/main/…"));
    }
    let anchor = anchor?;
    match anchors.get(&*target) {
        Some(known) if known.iter().any(|known| known == anchor) => None,
        Some(known) => Some(format!("no such heading; there are {}", known.join(" "))),
        None => None,
    }
}

/// Without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

#[test]
fn what_is_broken_is_named() {
    let known = ["first".to_owned()];
    let anchors = BTreeMap::from([(Path::new("docs/porting.md"), &known[..])]);
    let why = |link: &str| why_broken(Path::new("docs/envoy.md"), link, &anchors);
    assert_eq!(why("porting.md#first"), None);
    assert_eq!(why(&format!("{OWN}blob/main/README.md")), None);
    assert_eq!(why(&format!("{OWN}blob/main/missing.md")).as_deref(), Some("the repository has no such file"));
    assert!(why("../README.md").is_some_and(|why| why.starts_with("not in the book")));
    assert_eq!(why("https://nowhere.example/"), None);
    assert!(why("https://docs.rs/proxy-filter-test").is_some_and(|why| why.starts_with("not published")));
    assert_eq!(why("porting.md#second").as_deref(), Some("no such heading; there are first"));
    assert_eq!(why("missing.md").as_deref(), Some("no such file"));
    assert_eq!(why("missing").as_deref(), Some("neither a file nor an address"));
}
