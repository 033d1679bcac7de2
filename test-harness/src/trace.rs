//! What happened between a proxy and its plugins: every callback, and within it every hostcall.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;

/// The trace of a mock proxy, in order: all of it, or of a long one its beginning and its end.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: RefCell<Lines>,
    /// How many callbacks of other threads are in the middle of another one.
    nesting: Cell<usize>,
}

#[derive(Debug, Default)]
struct Lines {
    first: Vec<Line>,
    left_out: usize,
    last: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    depth: usize,
    text: String,
}

/// How many lines of the beginning, and how many of the end, are kept.
const KEPT: usize = 2_000;

/// How much of a line is kept, in bytes.
const LONGEST: usize = 8 << 10;

impl Trace {
    pub(crate) fn callback(&self, text: String) {
        self.push(0, text);
    }

    pub(crate) fn hostcall(&self, write: impl FnOnce(&mut String)) {
        let mut text = String::new();
        write(&mut text);
        self.push(1, text);
    }

    /// What a callback answered, or that it trapped.
    pub(crate) fn answer(&self, text: &str) {
        self.push(1, text.to_owned());
    }

    /// What follows happens in the middle of a callback.
    pub(crate) fn nest(&self) {
        self.nesting.set(self.nesting.get() + 1);
    }

    pub(crate) fn unnest(&self) {
        self.nesting.set(self.nesting.get() - 1);
    }

    /// A callback stands at an even depth, what it does one deeper.
    fn push(&self, depth: usize, mut text: String) {
        let depth = depth + 2 * self.nesting.get();
        if text.len() > LONGEST {
            let length = text.len();
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push_str(&format!("… ({length} bytes)"));
            text.shrink_to_fit();
        }
        let lines = &mut *self.lines.borrow_mut();
        if lines.first.len() < KEPT {
            lines.first.push(Line { depth, text });
            return;
        }
        if lines.last.len() == KEPT {
            lines.last.pop_front();
            lines.left_out += 1;
        }
        lines.last.push_back(Line { depth, text });
    }

    /// The callback that runs, or the last that was made.
    pub(crate) fn last_callback(&self) -> Option<String> {
        let depth = 2 * self.nesting.get();
        let lines = self.lines.borrow();
        lines.last.iter().rev().chain(lines.first.iter().rev()).find(|line| line.depth == depth).map(|line| line.text.clone())
    }

    /// The last lines, for a trap.
    pub(crate) fn last(&self, count: usize) -> Vec<String> {
        let lines = self.lines.borrow();
        let mut last: Vec<String> =
            lines.last.iter().rev().chain(lines.first.iter().rev()).take(count).map(Line::to_string).collect();
        last.reverse();
        last
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:width$}{}", "", self.text, width = self.depth * 4)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.borrow();
        lines.first.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        if lines.left_out > 0 {
            writeln!(f, "… {} lines are left out …", lines.left_out)?;
        }
        lines.last.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
