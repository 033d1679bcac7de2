//! The rows of `docs/envoy.md`, and which of them have a scenario or a test.

mod citations;
mod table;

pub use citations::{Citation, citations};
pub use table::{Row, table};

use crate::scenarios;
use std::{collections::BTreeMap, fmt::Write, path::Path};

/// Rows that have no test, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("FOR-19", "the mock proxy has one upstream, wherever Envoy would connect to"),
    ("ENV-2", "that an order is open cannot be seen"),
];

/// What shows a row.
#[derive(Debug, Default)]
pub struct Shown {
    /// Scenarios, on Envoy and on the mock host.
    pub scenarios: Vec<&'static str>,
    /// Tests, on the mock host or in the SDK alone.
    pub tests: Vec<Citation>,
}

/// All rows with what shows them.
pub struct Coverage {
    /// In the order of the page.
    pub rows: Vec<(Row, Shown)>,
    /// What is wrong with the citations or with the lists above, a line each.
    pub mistakes: Vec<String>,
}

impl Coverage {
    /// Reads the page and the sources of the workspace at `root`.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn of(root: &Path) -> Self {
        let mut mistakes = Vec::new();
        let mut rows: Vec<(Row, Shown)> = table().into_iter().map(|row| (row, Shown::default())).collect();
        let index: BTreeMap<String, usize> = rows.iter().enumerate().map(|(index, (row, _))| (row.id.clone(), index)).collect();
        for scenario in scenarios::all() {
            for id in scenario.rows {
                match index.get(*id) {
                    Some(at) => rows[*at].1.scenarios.push(scenario.name),
                    None => mistakes.push(format!("scenario {} cites {id}, which docs/envoy.md does not have", scenario.name)),
                }
            }
        }
        let groups = rows.iter().map(|(row, _)| row.group().to_owned()).collect();
        for (id, citation) in citations(root, &groups) {
            match index.get(&id) {
                Some(at) => rows[*at].1.tests.push(citation),
                None => mistakes.push(format!("{citation} cites {id}, which docs/envoy.md does not have")),
            }
        }
        for (id, _) in EXCEPTIONS {
            match index.get(*id).map(|at| &rows[*at].1) {
                Some(shown) if shown.scenarios.is_empty() && shown.tests.is_empty() => {}
                Some(_) => mistakes.push(format!("{id} is an exception, yet has a test: take it off the list")),
                None => mistakes.push(format!("{id} is an exception, but docs/envoy.md does not have it")),
            }
        }
        Self { rows, mistakes }
    }

    /// The rows that are no exception, and that nothing shows.
    pub fn missing(&self) -> impl Iterator<Item = &Row> {
        let unshown = self.rows.iter().filter(|(_, shown)| shown.scenarios.is_empty() && shown.tests.is_empty());
        unshown.map(|(row, _)| row).filter(|row| exception(row).is_none())
    }

    /// Counts for each section, then the rows that nothing shows.
    pub fn summary(&self) -> String {
        let mut text = format!("{:<40}{:>6}{:>11}{:>11}{:>9}\n", "section", "rows", "scenarios", "tests only", "neither");
        let mut sections: Vec<(&str, [usize; 4])> = Vec::new();
        for (row, shown) in &self.rows {
            if sections.last().is_none_or(|(section, _)| *section != row.section) {
                sections.push((&row.section, [0; 4]));
            }
            if let Some((_, counts)) = sections.last_mut() {
                counts[0] += 1;
                let column = match (shown.scenarios.is_empty(), shown.tests.is_empty()) {
                    (false, _) => 1,
                    (true, false) => 2,
                    (true, true) => 3,
                };
                counts[column] += 1;
            }
        }
        for (section, [rows, scenarios, tests, neither]) in sections {
            let _ = writeln!(text, "{section:<40}{rows:>6}{scenarios:>11}{tests:>11}{neither:>9}");
        }
        let missing: Vec<&Row> = self.missing().collect();
        let _ = writeln!(text, "\n{} rows have neither a scenario nor a test{}", missing.len(), end(missing.is_empty()));
        for row in missing {
            let _ = writeln!(text, "  {:<8}{}", row.id, row.text());
        }
        let excepted: Vec<_> = self.rows.iter().filter_map(|(row, _)| Some((row, exception(row)?))).collect();
        let _ = writeln!(text, "\n{} rows are excepted{}", excepted.len(), end(excepted.is_empty()));
        for (row, reason) in excepted {
            let _ = writeln!(text, "  {:<8}{reason}", row.id);
        }
        if !self.mistakes.is_empty() {
            let _ = writeln!(text, "\nMistakes:\n  {}", self.mistakes.join("\n  "));
        }
        text
    }

    /// Each row whose id begins with `prefix`, with what shows it.
    pub fn details(&self, prefix: &str) -> String {
        let mut text = String::new();
        for (row, shown) in self.rows.iter().filter(|(row, _)| row.id.starts_with(prefix)) {
            let _ = writeln!(text, "{:<8}{}", row.id, row.text());
            for scenario in &shown.scenarios {
                let _ = writeln!(text, "          scenario {scenario}");
            }
            for test in &shown.tests {
                let _ = writeln!(text, "          {test}");
            }
        }
        text
    }
}

fn end(empty: bool) -> &'static str {
    if empty { "." } else { ":" }
}

fn exception(row: &Row) -> Option<&'static str> {
    EXCEPTIONS.iter().find(|(id, _)| *id == row.id).map(|(_, reason)| *reason)
}
