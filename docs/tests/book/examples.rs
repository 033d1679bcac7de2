//! `docs/examples.md` is made from the READMEs of the examples: `BLESS=1 cargo test --package proxy-filter-book examples`.

use crate::page::repository;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use std::fmt::Write as _;

const START: &str = "# Examples

<!-- Generated from examples/*/README.md: `BLESS=1 cargo test --package proxy-filter-book examples`. -->

Filters to copy. Each is a crate with the same few files: typed configuration with every field in its README, tests in both VMs of what it does, of
each way to misconfigure it and of hostile input, property tests, a table of every status of every hostcall, scenarios that run on a real
Envoy, an `envoy.yaml`, and what it costs, held by a test. *Make it yours* in the README says what to change in a copy.
";

/// The first paragraph of a README, with the list that it introduces; its links lead to `place`, where the README is.
fn first_words(readme: &str, place: &str) -> String {
    let (mut depth, mut words, mut links) = (0, 0..0, Vec::new());
    for (event, range) in Parser::new(readme).into_offset_iter() {
        match event {
            // After the title.
            Event::Start(Tag::Heading { .. }) if words.is_empty() => depth = -1,
            Event::End(TagEnd::Heading(_)) if words.is_empty() => depth = 0,
            Event::Start(tag) => {
                if depth == 0 {
                    let introduced = matches!(tag, Tag::List(_)) && readme[words.clone()].trim_end().ends_with(':');
                    if !words.is_empty() && !introduced {
                        break;
                    }
                    words = if introduced { words.start..range.end } else { range };
                }
                if let Tag::Link { dest_url, .. } = tag {
                    links.push(dest_url);
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    let relative = links.into_iter().filter(|link| !link.contains("://"));
    relative.fold(readme[words].trim_end().to_owned(), |text, link| {
        text.replace(&format!("]({link})"), &format!("]({place}/{link})"))
    })
}

#[test]
fn the_page_lists_every_example() {
    let folder = repository().join("examples");
    let entries = std::fs::read_dir(&folder).expect("examples/");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| folder.join(name).join("README.md").exists());
    names.sort();
    assert!(names.contains(&"add-header".to_owned()), "{names:?}");
    let mut page = START.to_owned();
    for name in &names {
        let readme = std::fs::read_to_string(folder.join(name).join("README.md")).expect("a README");
        let place = format!("https://github.com/proxy-filter/proxy-filter/blob/main/examples/{name}");
        let _ = write!(page, "\n## {name}\n\n{}\n\n", first_words(&readme, &place));
        let _ = writeln!(page, "[README]({place}/README.md) · [source]({place}/src/lib.rs) · [Envoy]({place}/envoy.yaml)");
    }
    let path = repository().join("docs/examples.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/examples.md is not what the READMEs say: run the test with BLESS=1");
}

#[test]
fn the_first_words_are_a_paragraph_and_its_list() {
    assert_eq!(first_words("# t\n\nOne [`a`](b.md) and\ntwo.\n\nThree.\n", "https://x"), "One [`a`](https://x/b.md) and\ntwo.");
    assert_eq!(first_words("# t\n\nTwo:\n\n- a\n- b\n\nThree.\n", "https://x"), "Two:\n\n- a\n- b");
}
