//! What the testing guide shows of a test that fails is what it prints.

use crate::page::Page;
use http::StatusCode;
use proxy_filter_book::testing_guide::{open, visit};
use proxy_filter_test::VmKind;
use std::path::Path;
use std::process::Command;

/// The guide's failing test: it expects one visit more than is configured.
#[test]
#[ignore = "it fails on purpose: `what_a_failing_test_prints` runs it"]
fn ann_may_come_three_times() {
    let proxy = open(VmKind::Wasm).expect("it starts");
    for _ in 0..3 {
        assert_eq!(proxy.send(visit("ann's")).response().status(), StatusCode::OK);
    }
}

#[test]
fn what_a_failing_test_prints() {
    let name = "testing::ann_may_come_three_times";
    let test = std::env::current_exe().expect("this test");
    let output = Command::new(test)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("it runs");
    assert!(!output.status.success(), "it fails on purpose");
    let said = String::from_utf8_lossy(&output.stderr);
    let page = Page::read(Path::new("docs/testing.md"));
    let shown = page.blocks.iter().find(|block| block.text.contains("what the mock proxy did")).expect("the block");
    // In its order; `…` stands for what is left out.
    let mut rest = said.lines().map(str::trim_end);
    for line in shown.text.lines().filter(|line| !line.trim().is_empty()) {
        let mut found = |line: &str| rest.any(|said| crate::messages::is_said(line, said));
        assert!(line.trim() == "…" || found(line), "docs/testing.md shows {line:?} here, which is not printed:\n{said}");
    }
}

/// What the guide's snippets take from it.
#[test]
fn the_snippets_share_what_the_guide_shows() {
    let page = Page::read(Path::new("docs/testing.md"));
    let source = include_str!("../../snippets.rs");
    let shared = source.split("pub mod testing_guide {").nth(1).expect("the module");
    let functions = shared.split("\n\n").skip(1).map(|function| {
        let lines = function.trim_end_matches("}\n").lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n").replace("pub fn", "fn")
    });
    let functions: Vec<String> = functions.collect();
    assert_eq!(functions.len(), 2);
    for function in functions {
        let shown = page.blocks.iter().any(|block| block.text.contains(function.trim()));
        assert!(shown, "docs/testing.md does not show\n{function}");
    }
}
