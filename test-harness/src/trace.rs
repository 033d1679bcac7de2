//! What happened between a proxy and its plugins: every callback, and within it every hostcall.

use std::cell::RefCell;
use std::fmt;

/// The trace of a mock proxy, in order.
#[derive(Debug, Default)]
pub(crate) struct Trace(RefCell<Vec<Line>>);

#[derive(Debug)]
struct Line {
    depth: usize,
    text: String,
}

impl Trace {
    pub(crate) fn callback(&self, text: String) {
        self.0.borrow_mut().push(Line { depth: 0, text });
    }

    pub(crate) fn hostcall(&self, write: impl FnOnce(&mut String)) {
        let mut text = String::new();
        write(&mut text);
        self.0.borrow_mut().push(Line { depth: 1, text });
    }

    /// What a callback answered, or that it trapped.
    pub(crate) fn answer(&self, text: &str) {
        self.0.borrow_mut().push(Line { depth: 1, text: text.to_owned() });
    }

    /// The last lines, for a trap.
    pub(crate) fn last(&self, count: usize) -> Vec<String> {
        let lines = self.0.borrow();
        lines[lines.len().saturating_sub(count)..].iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:width$}{}", "", self.text, width = self.depth * 4)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.borrow().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
