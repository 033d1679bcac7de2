//! `proxy-filter hostcalls`: the hostcalls of the ABI.

use crate::paint::TITLE;
use crate::verdict::Verdict;
use proxy_filter_abi::HOSTCALLS;
use std::fmt::Write;

/// Runs the command.
pub(crate) fn run() -> Verdict {
    let rows: Vec<[String; 3]> =
        HOSTCALLS.iter().map(|row| [row.name, &row.since.to_string(), &first_sentence(row.doc)].map(str::to_owned)).collect();
    let head = ["hostcall", "since", "what it does"].map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].len()).max().unwrap_or(0);
    let (name, since) = (width(0), width(1));
    let mut table = String::new();
    let mut line = |style: anstyle::Style, [a, b, c]: &[String; 3]| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{style}{a:name$}  {b:since$}  {c}{style:#}");
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
    fn each_hostcall_has_its_line() {
        assert_eq!(run().stdout.lines().count(), HOSTCALLS.len() + 1);
    }
}
