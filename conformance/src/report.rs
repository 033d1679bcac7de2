//! The generated page of the book: `docs/conformance.md` is this text, and a test holds it to it.

use crate::{
    comparison, recorded,
    rows::{Row, table},
    scenario::Scenario,
    scenarios,
};
use std::{collections::BTreeMap, fmt::Write};

const HEAD: &str = "# Conformance with Envoy

<!-- Generated from conformance/src/scenarios: `BLESS=1 cargo test -p proxy-filter-conformance --test report`. -->

Each scenario runs on the mock host and on a real Envoy 1.40 (`cargo make conformance`), and what the upstream received, what the
client received and what the plugin logged are compared, byte for byte. Left out are only the headers that Envoy adds or whose values
differ from run to run; `TREATMENTS` in `conformance/src/observation.rs` is the list. The scenarios are in
`conformance/src/scenarios`, by subject; all that Envoy did in each is in `conformance/recorded/envoy-1.40.txt`, by name.

A rule has more to it than its first line, which is what stands here: see [Envoy's behaviour](envoy.md). Rules that no scenario shows
have tests on the mock host alone, or are still to come: `cargo make rows` says which.

What the columns say:

- *on Envoy*: the scenarios in which Envoy did what the rule says. *Crashes* means that it was gone afterwards
- *here*: **same**, the mock host did the same in all of them; **fails the test**, it names the row and the mend where Envoy
  crashes, doubles or loses something; **not modelled**, it does otherwise, and why
";

/// Every row of Envoy's behaviour that a scenario shows, with the result on both sides, and what other versions of Envoy do otherwise.
pub fn markdown() -> String {
    let all = scenarios::all();
    let rows = table();
    let shown = |row: &Row| all.iter().filter(|scenario| scenario.rows.contains(&row.id.as_str())).collect::<Vec<_>>();
    let count = rows.iter().filter(|row| !shown(row).is_empty()).count();
    let mut page = format!("{HEAD}\n{} scenarios show {count} rows.\n", all.len());
    let mut section = "";
    for row in &rows {
        let scenarios = shown(row);
        if scenarios.is_empty() {
            continue;
        }
        if row.section != section {
            section = &row.section;
            let _ = write!(page, "\n## {section}\n\n| row | rule | on Envoy | here |\n|---|---|---|---|\n");
        }
        let _ = writeln!(page, "| {} | {} | {} | {} |", row.id, rule(row), on_envoy(&scenarios), here(&scenarios));
    }
    for (version, differing) in recorded::others() {
        let _ = write!(
            page,
            "\n## Envoy {version}\n\n{}",
            OTHER.replace("VERSION", version).replace("MINOR", version.rsplit_once('.').map_or(version, |(minor, _)| minor))
        );
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, text) in differing {
            let rows = all.iter().find(|scenario| scenario.name == name).map_or(&[][..], |scenario| scenario.rows);
            let changes = comparison::changes(recorded::followed().get(name).copied().unwrap_or_default(), text);
            // Of a plugin that is refused there is nothing to compare.
            let refused = text.starts_with("the proxy");
            let shown = |line: &&str| line.starts_with('+') || !refused && line.starts_with('-');
            let changes: Vec<&str> = changes.lines().filter(shown).collect();
            groups.entry(shortened(&changes)).or_default().push(format!("**{name}** ({})", rows.join(", ")));
        }
        for (changes, scenarios) in groups {
            let _ = write!(page, "\n{}:\n\n```diff\n{changes}\n```\n", scenarios.join(", "));
        }
    }
    page
}

const OTHER: &str = "The whole suite on Envoy VERSION (`cargo make conformance-MINOR`) gives the same as on 1.40 but for these scenarios; `-` is 1.40,
`+` is VERSION. The mock host follows 1.40.
";

/// The first lines of a change.
fn shortened(changes: &[&str]) -> String {
    const MOST: usize = 12;
    let more = if changes.len() > MOST { "\n…" } else { "" };
    format!("{}{more}", changes[..changes.len().min(MOST)].join("\n"))
}

/// The first line of a rule: when, and what then.
fn rule(row: &Row) -> String {
    let cells = row.lines.first().map(Vec::as_slice).unwrap_or_default();
    let text = match cells {
        [when, what, ..] if !when.is_empty() => format!("{when}: {what}"),
        _ => cells.join(" "),
    };
    let more = if row.lines.len() > 1 { " …" } else { "" };
    format!("{}{more}", text.replace('|', "\\|"))
}

fn on_envoy(scenarios: &[&Scenario]) -> String {
    let name = |scenario: &&Scenario| match scenario.crashes {
        true => format!("*crashes*: {}", scenario.name),
        false => scenario.name.to_owned(),
    };
    scenarios.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// What the mock host does.
fn here(scenarios: &[&Scenario]) -> String {
    let same = scenarios.iter().any(|scenario| !scenario.fatal && scenario.not_modelled.is_none());
    let mut parts: Vec<String> = same.then(|| "same".to_owned()).into_iter().collect();
    if scenarios.iter().any(|scenario| scenario.fatal || scenario.found) {
        parts.push("fails the test".to_owned());
    }
    for scenario in scenarios {
        parts.extend(scenario.not_modelled.map(|reason| format!("not modelled in {}: {reason}", scenario.name)));
    }
    parts.join("; ")
}
