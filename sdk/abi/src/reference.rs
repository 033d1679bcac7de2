//! The generated reference: `docs/hostcalls.md` is this text, and a test holds it to it.

use crate::{AbiVersion, CALLBACKS, HOSTCALLS, HostcallRow, LEGACY_HOSTCALLS, ReturnKind, WireKind};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Both tables as a page of the book.
pub fn hostcalls_markdown() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Hostcalls\n\nImports of module `env`. Each returns a status: 0, or why it failed.\n");
    hostcalls(&mut page, HOSTCALLS);
    page.push_str("\n## Callbacks\n\nExports of the module; all arguments and answers are `i32`. One that is missing is as if it answered what stands in brackets.\n");
    for row in CALLBACKS {
        let answer = match row.returns {
            ReturnKind::Action => " -> action [0, continue]",
            ReturnKind::Bool => " -> bool [1, true]",
            ReturnKind::Nothing => "",
        };
        entry(&mut page, row.name, &format!("{}({}){answer}", row.name, row.arguments.join(", ")), row.doc, row.since);
    }
    page.push_str("\n## Only in ABI 0.1.0\n");
    hostcalls(&mut page, LEGACY_HOSTCALLS);
    page
}

fn hostcalls(page: &mut String, rows: &[HostcallRow]) {
    for row in rows {
        let arguments: Vec<_> = row.arguments.iter().map(|p| format!("{}: {}", p.name, type_name(p.kind))).collect();
        let results: Vec<_> = row.results.iter().map(|p| format!("{}: {}", p.name, type_name(p.kind))).collect();
        let results = if results.is_empty() { String::new() } else { format!(" -> ({})", results.join(", ")) };
        let wire: Vec<_> = row
            .arguments
            .iter()
            .flat_map(|p| wire_in(p.kind))
            .chain(row.results.iter().flat_map(|p| wire_out(p.kind)))
            .copied()
            .collect();
        entry(page, row.name, &format!("{}({}){results}", row.name, arguments.join(", ")), row.doc, row.since);
        page.push_str(&format!("\nWire: `({}) -> i32`\n", wire.join(", ")));
    }
}

const HEAD: &str = "# Hostcalls and callbacks

<!-- Generated from the tables of sdk/abi: `BLESS=1 cargo test -p proxy-filter-abi --test reference`. -->

The whole of ABI v0.2.1, with what Envoy 1.40 answers. Marks such as LOG-1 name rows of [Envoy's behaviour](envoy.md);
[conformance](conformance.md) lists the scenarios that show them on a real Envoy.

| version | differs in |
|---|---|
| 0.1.0 | header callbacks have no `end_of_stream`; a missing header is an empty one instead of `NOT_FOUND`; hostcalls of its own at the end of this page |
| 0.2.0 | as 0.2.1, without `proxy_get_log_level` |
| 0.2.1 | all of this page |

A module says its version by exporting a function `proxy_abi_version_0_2_1` that is never called. It also exports its
allocator, `malloc` or `proxy_on_memory_allocate` (both `(i32) -> i32`), and may export `_initialize`, then `main`, or else
`_start`, to be called once before everything else. While they run, of the hostcalls only `proxy_log` may be called (LIF-7).
";

fn entry(page: &mut String, name: &str, signature: &str, doc: &str, since: AbiVersion) {
    page.push_str(&format!("\n### {name}\n\n`{signature}`\n\n"));
    let mut after_prose = false;
    for line in doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        let item = line.starts_with("- ");
        if item && after_prose {
            page.push('\n');
        }
        after_prose = !item && !line.is_empty();
        page.push_str(line);
        page.push('\n');
    }
    if since != AbiVersion::V0_1_0 {
        page.push_str(&format!("\nSince ABI {since}.\n"));
    }
}

fn type_name(kind: WireKind) -> String {
    match kind {
        WireKind::U32 => "u32".to_string(),
        WireKind::U64 => "u64".to_string(),
        WireKind::I64 => "i64".to_string(),
        WireKind::Bytes => "bytes".to_string(),
        WireKind::Enum(name) => name.to_string(),
    }
}

fn wire_in(kind: WireKind) -> &'static [&'static str] {
    match kind {
        WireKind::U32 | WireKind::Enum(_) => &["i32"],
        WireKind::U64 | WireKind::I64 => &["i64"],
        WireKind::Bytes => &["i32", "i32"],
    }
}

fn wire_out(kind: WireKind) -> &'static [&'static str] {
    match kind {
        WireKind::Bytes => &["i32", "i32"],
        _ => &["i32"],
    }
}
