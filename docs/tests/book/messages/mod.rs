//! `docs/troubleshooting.md` quotes what Envoy, the SDK, the mock proxy and rustc print: here they are made to print it.

mod compiler;
mod envoy;
mod mock_proxy;
mod sdk;

use crate::page::Page;
use std::path::Path;

/// The messages that a part of the page quotes: its headings in code, and the lines of its `text` blocks, where `…` stands for
/// whatever differs.
fn quoted(part: &str) -> Vec<String> {
    let page = Page::read(Path::new("docs/troubleshooting.md"));
    let (_, _, text) = page.sections.iter().find(|(level, title, _)| *level == 2 && title == part).expect("the part");
    let part = Page::parse(Path::new("docs/part.md"), text);
    // In double backticks where the message has some of its own, which a space then keeps apart.
    let headings = text.lines().filter_map(|line| {
        let code = line.strip_prefix("### `")?.strip_suffix('`')?;
        Some(code.strip_prefix('`').and_then(|code| code.strip_suffix('`')).unwrap_or(code).trim().to_owned())
    });
    let blocks = part.blocks.iter().filter(|block| block.language == "text");
    headings.chain(blocks.flat_map(|block| block.text.lines()).map(str::to_owned)).collect()
}

/// Whether a line says this.
pub(crate) fn is_said(quote: &str, said: &str) -> bool {
    // Protobuf puts white space of any length into its messages, so that nobody relies on it.
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let pieces: Vec<String> = quote.split('…').map(plain).collect();
    said.lines().any(|line| {
        let line = plain(line);
        let mut rest = line.as_str();
        pieces.iter().all(|piece| match rest.find(piece.as_str()) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    })
}

#[track_caller]
fn every_quote_is_said(part: &str, said: &str) {
    let quotes = quoted(part);
    assert!(quotes.len() >= 3, "{part} quotes only {quotes:?}");
    let unsaid: Vec<&String> = quotes.iter().filter(|quote| !is_said(quote, said)).collect();
    assert!(unsaid.is_empty(), "docs/troubleshooting.md, {part}, quotes what nobody says:\n{unsaid:#?}\nWhat is said:\n{said}");
}

#[test]
fn a_quote_is_found_in_one_line_and_in_order() {
    let said = "first line\nthe plugin \"tag\" was refused: no\n";
    assert!(is_said("was refused", said) && is_said("the plugin \"…\" was refused: …", said));
    assert!(!is_said("first plugin", said) && !is_said("was refused … plugin", said) && !is_said("first … refused", said));
}

/// Every part of the page is held by a test of this name.
#[test]
fn no_part_is_forgotten() {
    let page = Page::read(Path::new("docs/troubleshooting.md"));
    let parts: Vec<&str> = page.sections.iter().filter(|(level, ..)| *level == 2).map(|(_, title, _)| title.as_str()).collect();
    assert_eq!(parts, [envoy::LOADING, envoy::RUNNING, sdk::PART, mock_proxy::PART, compiler::PART]);
}
