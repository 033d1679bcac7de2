//! What differs between two messages, line by line: headers, body, trailers.

use crate::escape::printable;
use bytes::Bytes;
use proxy_filter_test::Message;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::hash::Hash;

/// Equal lines of a body that are shown before and after a change.
const CONTEXT: usize = 3;
/// The bytes that are shown of a line of a body.
const WIDTH: usize = 200;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Same,
    Removed,
    Added,
    /// It stands for others that are not shown.
    Elided,
}

/// A line to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) mark: Mark,
    pub(crate) text: String,
}

/// Two messages, compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diff {
    pub(crate) headers: Vec<Line>,
    pub(crate) body: Vec<Line>,
    pub(crate) trailers: Vec<Line>,
}

impl Diff {
    pub(crate) fn between(before: &Message, after: &Message) -> Self {
        Self {
            headers: pairs(before.headers(), after.headers()),
            body: bodies(&before.body(), &after.body()),
            trailers: pairs(before.trailers(), after.trailers()),
        }
    }

    /// A message on its own, as lines that are all the same.
    pub(crate) fn of(message: &Message) -> Self {
        Self::between(message, message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// The lines that were taken away or put there.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Line> {
        let all = self.headers.iter().chain(&self.body).chain(&self.trailers);
        all.filter(|line| matches!(line.mark, Mark::Removed | Mark::Added))
    }
}

fn pairs(before: &[(Bytes, Bytes)], after: &[(Bytes, Bytes)]) -> Vec<Line> {
    let text = |(name, value): &(Bytes, Bytes)| format!("{}: {}", printable(name), printable(value));
    let mut lines = Vec::new();
    for op in operations(before, after) {
        let (old, new) = (op.old_range(), op.new_range());
        if let DiffOp::Equal { .. } = op {
            lines.extend(before[old].iter().map(|pair| Line { mark: Mark::Same, text: text(pair) }));
        } else {
            lines.extend(before[old].iter().map(|pair| Line { mark: Mark::Removed, text: text(pair) }));
            lines.extend(after[new].iter().map(|pair| Line { mark: Mark::Added, text: text(pair) }));
        }
    }
    lines
}

/// Bodies by their lines, whatever they hold; long parts that are equal are left out.
fn bodies(before: &[u8], after: &[u8]) -> Vec<Line> {
    let (old, new): (Vec<_>, Vec<_>) = (split(before), split(after));
    // When only one of them ends with a newline this is a change, and else not to be seen.
    let ends_differ = !before.is_empty() && !after.is_empty() && before.ends_with(b"\n") != after.ends_with(b"\n");
    let operations = operations(&old, &new);
    let mut lines = Vec::new();
    for (index, op) in operations.iter().enumerate() {
        let (from, to) = (&old[op.old_range()], &new[op.new_range()]);
        if let DiffOp::Equal { .. } = op {
            let (first, last) = (index == 0, index + 1 == operations.len());
            push_equal(&mut lines, from, first, last);
            continue;
        }
        let differ_at = |lines: &[&[u8]], others: &[&[u8]], line: usize| {
            let other = others.get(line).copied().unwrap_or_default();
            lines[line].iter().zip(other).take_while(|(a, b)| a == b).count()
        };
        let spell = |lines: &[&[u8]], all: &[&[u8]], start: usize, line: usize| {
            ends_differ && start + line + 1 == all.len() && lines[line].ends_with(b"\n")
        };
        for line in 0..from.len() {
            let text = shorten(from[line], differ_at(from, to, line), spell(from, &old, op.old_range().start, line));
            lines.push(Line { mark: Mark::Removed, text });
        }
        for line in 0..to.len() {
            let text = shorten(to[line], differ_at(to, from, line), spell(to, &new, op.new_range().start, line));
            lines.push(Line { mark: Mark::Added, text });
        }
    }
    lines
}

/// Pushes equal lines: all, or those next to what changed, and how many are between.
fn push_equal(lines: &mut Vec<Line>, equal: &[&[u8]], first: bool, last: bool) {
    let same = |line: &&[u8]| Line { mark: Mark::Same, text: shorten(line, 0, false) };
    // Where nothing changed at all, the beginning says which body it is.
    let before = if first && !last { 0 } else { CONTEXT };
    let after = if last { 0 } else { CONTEXT };
    // A line that stands for one or two others saves nothing.
    if equal.len() <= before + after + 2 {
        return lines.extend(equal.iter().map(same));
    }
    let (start, end) = (&equal[..before], &equal[equal.len() - after..]);
    let between = &equal[before..equal.len() - after];
    let bytes: usize = between.iter().map(|line| line.len()).sum();
    lines.extend(start.iter().map(same));
    lines.push(Line { mark: Mark::Elided, text: format!("… {} equal lines, {bytes} bytes", between.len()) });
    lines.extend(end.iter().map(same));
}

fn operations<T: Eq + Hash + Ord + Clone>(before: &[T], after: &[T]) -> Vec<DiffOp> {
    capture_diff_slices(Algorithm::Myers, before, after)
}

fn split(body: &[u8]) -> Vec<&[u8]> {
    body.split_inclusive(|byte| *byte == b'\n').collect()
}

/// A line as text, without its newline; of a long one the part around the byte `at`.
fn shorten(line: &[u8], at: usize, spell_newline: bool) -> String {
    let newline = line.ends_with(b"\n");
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let end = if newline && spell_newline { "\\n" } else { "" };
    if line.len() <= WIDTH {
        return printable(line) + end;
    }
    // So that the change is in the window, with a little of what stands before it.
    let start = boundary(line, at.saturating_sub(WIDTH / 4).min(line.len() - WIDTH));
    let stop = boundary(line, start + WIDTH);
    let before = if start > 0 { "…" } else { "" };
    let after = if stop < line.len() { "…" } else { "" };
    format!("{before}{}{after} ({} bytes){end}", printable(&line[start..stop]), line.len())
}

/// The next place at or before `index` that is not in the middle of a character.
fn boundary(line: &[u8], index: usize) -> usize {
    let inside = |index: usize| line.get(index).is_some_and(|byte| byte & 0xc0 == 0x80);
    (index.saturating_sub(3)..=index.min(line.len())).rev().find(|index| !inside(*index)).unwrap_or(index.min(line.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[Line]) -> Vec<String> {
        let mark = |mark| match mark {
            Mark::Same => "  ",
            Mark::Removed => "- ",
            Mark::Added => "+ ",
            Mark::Elided => "  ",
        };
        lines.iter().map(|line| format!("{}{}", mark(line.mark), line.text)).collect()
    }

    #[test]
    fn headers_are_compared_as_pairs_in_order() {
        let before = Message::new([("a", "1"), ("b", "2"), ("c", "3")]);
        let after = Message::new([("a", "1"), ("b", "x\u{7}"), ("c", "3"), ("c", "4")]);
        let diff = Diff::between(&before, &after);
        assert_eq!(shown(&diff.headers), ["  a: 1", "- b: 2", "+ b: x\\u{7}", "  c: 3", "+ c: 4"]);
        assert_eq!(diff.changes().count(), 3);
        assert!(Diff::of(&before).is_empty());
    }

    #[test]
    fn long_equal_parts_are_left_out() {
        let lines = |range: std::ops::Range<u32>| range.map(|n| format!("line {n}\n")).collect::<String>();
        let before = lines(0..30);
        let after = lines(0..14) + "new\n" + &lines(14..30);
        let shown = shown(&bodies(before.as_bytes(), after.as_bytes()));
        assert_eq!(shown[0], "  … 11 equal lines, 78 bytes");
        assert_eq!(shown[1..8], ["  line 11", "  line 12", "  line 13", "+ new", "  line 14", "  line 15", "  line 16"]);
        assert_eq!(shown[8], "  … 13 equal lines, 104 bytes");
        assert_eq!(shown.len(), 9);
    }

    #[test]
    fn equal_bodies_show_their_beginning() {
        let body = "a\n".repeat(100);
        assert_eq!(shown(&bodies(body.as_bytes(), body.as_bytes())), ["  a", "  a", "  a", "  … 97 equal lines, 194 bytes"]);
        assert_eq!(shown(&bodies(b"one", b"one")), ["  one"]);
        assert!(bodies(b"", b"").is_empty());
    }

    #[test]
    fn a_newline_at_the_end_that_comes_or_goes_is_spelt() {
        assert_eq!(shown(&bodies(b"a\nb\n", b"a\nb")), ["  a", "- b\\n", "+ b"]);
        assert_eq!(shown(&bodies(b"a\n", b"b\n")), ["- a", "+ b"]);
        assert_eq!(shown(&bodies(b"a\n", b"")), ["- a"]);
    }

    #[test]
    fn of_long_lines_the_changed_part_is_shown() {
        let before = "x".repeat(1000) + "OLD" + &"y".repeat(1000);
        let after = "x".repeat(1000) + "NEW" + &"y".repeat(1000);
        let shown = shown(&bodies(before.as_bytes(), after.as_bytes()));
        assert!(
            shown[0].starts_with("- …xxx") && shown[0].contains("OLD") && shown[0].ends_with("y… (2003 bytes)"),
            "{}",
            shown[0]
        );
        assert!(shown[1].contains("NEW"));
    }

    #[test]
    fn bytes_are_escaped_and_characters_stay_whole() {
        assert_eq!(shown(&bodies(b"\x00\xffab\n\x1b", b"")), ["- \\u{0}\\xffab", "- \\u{1b}"]);
        let line = "ü".repeat(500);
        for at in 0..1000 {
            assert!(!shorten(line.as_bytes(), at, false).contains("\\x"), "{at}");
        }
        let bytes = vec![0x80; 1000];
        for at in [0, 1, 500, 999, 5000] {
            assert!(shorten(&bytes, at, false).contains("\\x80"));
        }
    }
}
