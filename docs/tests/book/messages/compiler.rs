//! Sources that do not compile, and manifests that Cargo complains of.

use super::every_quote_is_said;
use crate::page::repository;
use std::path::Path;
use std::process::Command;

pub(super) const PART: &str = "Cargo and rustc";

/// What rustc says of this source.
fn rustc(folder: &Path, target: &str, source: &str) -> String {
    let (path, out) = (folder.join("lib.rs"), folder.join("out.wasm"));
    std::fs::write(&path, source).expect("written");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command
        .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "--target", target, "-o"])
        .arg(out)
        .arg(path);
    let output = command.output().expect("rustc runs");
    assert!(!output.status.success(), "it compiles: {source}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const PANICS: &str = "#[panic_handler] fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }";
const WASM: &str = "wasm32-unknown-unknown";

#[test]
fn what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let rustc = |target: &str, source: &str| rustc(folder.path(), target, source);
    // A profile in a member of a workspace.
    let member = folder.path().join("tag");
    std::fs::create_dir_all(member.join("src")).expect("a folder");
    std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = [\"tag\"]\nresolver = \"3\"\n").expect("written");
    std::fs::write(member.join("src/lib.rs"), "").expect("written");
    let manifest = "[package]\nname = \"tag\"\nedition = \"2024\"\n[profile.release]\nopt-level = \"s\"\n";
    std::fs::write(member.join("Cargo.toml"), manifest).expect("written");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(member.join("Cargo.toml"))
        .output()
        .expect("cargo runs");

    let ui = repository().join("sdk/ui-tests/tests/ui");
    let ui = std::fs::read_dir(ui).expect("the tests of compiler messages").map(|entry| entry.expect("an entry").path());
    let ui = ui.filter(|path| path.extension().is_some_and(|extension| extension == "stderr"));
    let ui: String = ui.map(|path| std::fs::read_to_string(path).expect("a text")).collect();

    let said = [
        // One that nobody installs for this.
        rustc("wasm32-unknown-emscripten", "#![no_std]"),
        rustc("wasm32-unknown-emscripten", ""),
        rustc(WASM, PANICS),
        rustc(WASM, "#![no_std]"),
        rustc(WASM, &format!("#![no_std] extern crate alloc; {PANICS} pub fn f() {{ let _ = alloc::vec![1]; }}")),
        rustc(WASM, &format!("#![no_std] {PANICS} pub struct Tag {{ value: String }}")),
        String::from_utf8_lossy(&metadata.stderr).into_owned(),
        ui,
    ];
    every_quote_is_said(PART, &said.join("\n"));
}
