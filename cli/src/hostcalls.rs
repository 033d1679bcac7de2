//! `proxy-filter hostcalls`: the hostcalls of the ABI, and which of them the mock host gives their meaning.

use crate::args::Hostcalls;
use crate::paint::TITLE;
use crate::verdict::Verdict;
use proxy_filter_abi::HOSTCALLS;
use proxy_filter_test::UNIMPLEMENTED_HOSTCALLS;
use std::fmt::Write;

/// Runs the command.
pub(crate) fn run(hostcalls: &Hostcalls) -> Verdict {
    let rows = HOSTCALLS.iter().filter_map(|row| {
        let unimplemented = UNIMPLEMENTED_HOSTCALLS.contains(&row.name);
        let host = if unimplemented { "UNIMPLEMENTED" } else { "implemented" };
        (unimplemented || !hostcalls.unimplemented)
            .then(|| [row.name, &row.since.to_string(), host, &first_sentence(row.doc)].map(str::to_owned))
    });
    let rows: Vec<[String; 4]> = rows.collect();
    let head = ["hostcall", "since", "mock host", "what it does"].map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].len()).max().unwrap_or(0);
    let (name, since, host) = (width(0), width(1), width(2));
    let mut table = String::new();
    let mut line = |style: anstyle::Style, [a, b, c, d]: &[String; 4]| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{style}{a:name$}  {b:since$}  {c:host$}  {d}{style:#}");
    };
    line(TITLE, &head);
    rows.iter().for_each(|row| line(anstyle::Style::new(), row));
    Verdict::done(table)
}

/// Up to the full stop before a space or a new line.
fn first_sentence(doc: &str) -> String {
    let text = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    text.find(". ").map_or(text.as_str(), |end| &text[..=end]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_ends_with_its_first_sentence() {
        assert_eq!(first_sentence(" One thing\n of\n\n many. Two."), "One thing of many.");
        assert_eq!(first_sentence("No end"), "No end");
        assert!(HOSTCALLS.iter().all(|row| first_sentence(row.doc).ends_with('.')));
    }

    #[test]
    fn what_is_not_implemented_can_be_listed_alone() {
        let rows = |table: &str| table.lines().count() - 1;
        let all = run(&Hostcalls { unimplemented: false }).stdout;
        assert_eq!(rows(&all), HOSTCALLS.len());
        let some = run(&Hostcalls { unimplemented: true }).stdout;
        assert_eq!(rows(&some), UNIMPLEMENTED_HOSTCALLS.len());
    }
}
