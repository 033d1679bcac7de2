//! The generated page of the book: `docs/conformance.md` is this text, and a test holds it to it.

use crate::scenario::{Guest, Scenario, Upstream};
use crate::scenarios;
use std::collections::BTreeMap;

/// Every row of Envoy's behaviour that a scenario shows, and every scenario.
pub fn markdown() -> String {
    let all = scenarios::all();
    let mut rows: BTreeMap<(&str, u32), Vec<&str>> = BTreeMap::new();
    for scenario in &all {
        for row in scenario.rows {
            rows.entry(sort_key(row)).or_default().push(scenario.name);
        }
    }
    let mut page =
        format!("{HEAD}\n{} scenarios show {} rows.\n\n## By row\n\n| row | scenarios |\n|---|---|\n", all.len(), rows.len());
    for ((group, number), names) in &rows {
        page.push_str(&format!("| {group}-{number} | {} |\n", names.join(", ")));
    }
    page.push_str("\n## The scenarios\n\n| scenario | the plugin | the client | the upstream |\n|---|---|---|---|\n");
    for scenario in &all {
        page.push_str(&format!("| {} | {} | {} | {} |\n", scenario.name, plugin(scenario), client(scenario), upstream(scenario)));
    }
    page
}

const HEAD: &str = "# Conformance with Envoy

<!-- Generated from conformance/src/scenarios: `BLESS=1 cargo test -p proxy-filter-conformance --test report`. -->

Each scenario runs on the mock host and on a real Envoy 1.40 (`cargo make conformance`), and what the upstream received, what the
client received and what the plugin logged are compared, byte for byte. Left out are only the headers that Envoy adds or whose values
differ from run to run; `TREATMENTS` in `conformance/src/observation.rs` is the list.

A row such as LOC-5 names one rule of [Envoy's behaviour](envoy.md): SER serialised maps, MEM memory, LIF lifecycle, CTX contexts, SEQ order of
callbacks, ACT actions, CON continuing, LOC local replies, CLO closing, HDR header maps, BUF buffers, PRO properties, LOG the log.
";

/// `ACT-10` comes after `ACT-9`.
fn sort_key(row: &'static str) -> (&'static str, u32) {
    let (group, number) = row.split_once('-').unwrap_or((row, ""));
    (group, number.parse().unwrap_or_default())
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn plugin(scenario: &Scenario) -> String {
    let mut parts = match &scenario.guest {
        Guest::Scripted => vec![],
        Guest::AddHeader => vec!["add-header".to_owned()],
        Guest::Wasm(_) => vec!["a module of its own".to_owned()],
    };
    parts.extend(scenario.config.as_deref().filter(|config| !config.is_empty()).map(code));
    if scenario.allow_on_headers_stop_iteration {
        parts.push("`allow_on_headers_stop_iteration`".to_owned());
    }
    parts.extend(scenario.buffer_limit.map(|limit| format!("buffer limit {limit}")));
    parts.join(", ")
}

fn client(scenario: &Scenario) -> String {
    let requests = scenario.requests();
    let line = |request: &crate::scenario::Request| {
        let size: usize = request.body.iter().map(Vec::len).sum();
        let body = if request.body.is_empty() { String::new() } else { format!(", {size} bytes in {}", request.body.len()) };
        let trailers = if request.trailers.is_empty() { "" } else { ", trailers" };
        format!("{}{body}{trailers}", code(&format!("{} {}", request.method, request.path)))
    };
    requests.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn upstream(scenario: &Scenario) -> String {
    match &scenario.upstream {
        Upstream::Respond(response) => {
            let size: usize = response.body.iter().map(Vec::len).sum();
            let body =
                if response.body.is_empty() { String::new() } else { format!(", {size} bytes in {}", response.body.len()) };
            let trailers = if response.trailers.is_empty() { "" } else { ", trailers" };
            let cut = if response.then_close { ", then closes" } else { "" };
            format!("{}{body}{trailers}{cut}", response.status)
        }
        Upstream::CloseBeforeResponse => "closes".to_owned(),
        Upstream::Refuse => "refuses".to_owned(),
        Upstream::Silent => "never answers".to_owned(),
        Upstream::NoCluster => "no such cluster".to_owned(),
    }
}
