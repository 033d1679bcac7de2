//! The cookbook answers what people ask in the trackers: each ask has its question, a snippet with a test, and its threads.

use crate::page::{self, Page};
use std::path::Path;

/// One thread of each ask, by which its answer is known.
const ASKS: [(&str, &str); 25] = [
    ("test a filter without Envoy", "proxy-wasm-rust-sdk/issues/261"),
    ("errors instead of panics", "proxy-wasm-rust-sdk/issues/310"),
    ("headers that are not UTF-8", "proxy-wasm-rust-sdk/issues/25"),
    ("raw header bytes in callouts", "proxy-wasm-rust-sdk/issues/26"),
    ("several calls, awaited", "proxy-wasm-rust-sdk/pull/265"),
    ("hosts that call back", "proxy-wasm-rust-sdk/issues/43"),
    ("ids that nobody knows", "proxy-wasm-rust-sdk/issues/304"),
    ("hosts without a call", "proxy-wasm-rust-sdk/issues/255"),
    ("paused requests, from a tick", "proxy-wasm-rust-sdk/pull/385"),
    ("metrics", "proxy-wasm-rust-sdk/pull/229"),
    ("labels of metrics", "proxy-wasm-rust-sdk/issues/311"),
    ("more actions", "proxy-wasm-rust-sdk/issues/105"),
    ("headers while the body is handled", "proxy-wasm-rust-sdk/issues/155"),
    ("content-length of a rewritten body", "proxy-wasm-rust-sdk/issues/180"),
    ("chunks and buffering", "proxy-wasm-rust-sdk/issues/219"),
    ("a response's body after a callout", "proxy-wasm-rust-sdk/issues/156"),
    ("configuration in each request", "proxy-wasm-rust-sdk/issues/6"),
    ("why a call has failed", "ngx_wasm_module/issues/622"),
    ("the response's status", "proxy-wasm-rust-sdk/issues/259"),
    ("gRPC in local replies", "proxy-wasm-rust-sdk/issues/148"),
    ("metadata, filter state, properties", "proxy-wasm-rust-sdk/issues/81"),
    ("shared data and locks", "envoy/issues/17576"),
    ("time and randomness", "proxy-wasm-rust-sdk/issues/110"),
    ("logging", "service-extensions/issues/37"),
    ("Redis, plain HTTP", "proxy-wasm-rust-sdk/issues/230"),
];

/// Title and text of each answer.
fn answers() -> Vec<(String, String)> {
    let pages = page::of_the_book().filter(|page| page.path.starts_with("docs/cookbook"));
    pages.flat_map(|page| page.sections).filter(|(level, ..)| *level == 2).map(|(_, title, text)| (title, text)).collect()
}

#[test]
fn every_ask_has_its_answer() {
    let answers = answers();
    for (ask, thread) in ASKS {
        let link = format!("https://github.com/{}/{thread})", owner(thread));
        let found: Vec<&str> = answers.iter().filter(|(_, text)| text.contains(&link)).map(|(title, _)| title.as_str()).collect();
        assert_eq!(found.len(), 1, "{ask}: {link} is linked by {found:?}");
    }
}

fn owner(thread: &str) -> &str {
    match thread.split('/').next() {
        Some("envoy") => "envoyproxy",
        Some("ngx_wasm_module") => "Kong",
        Some("service-extensions") => "GoogleCloudPlatform",
        _ => "proxy-wasm",
    }
}

#[test]
fn every_answer_is_a_question_with_a_test_and_a_pitfall() {
    let index = Page::read(Path::new("docs/cookbook.md"));
    let answers = answers();
    assert!(answers.len() >= ASKS.len());
    for (title, text) in answers {
        assert!(title.starts_with("How do I ") && title.ends_with('?'), "{title}");
        let anchor = format!("#{}", page::anchor(&title));
        assert!(index.links.iter().any(|(_, link)| link.ends_with(&anchor)), "docs/cookbook.md does not list {title}");
        let snippet = text.split("```rust").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
        assert!(snippet.contains("assert"), "{title}: its snippet asserts nothing");
        assert!(text.contains("\nThe pitfall: ") && text.contains("\nAsked in ["), "{title}");
    }
}
