//! What waits to be shipped: lines, in the order in which they came.

use alloc::collections::VecDeque;
use proxy_filter::prelude::*;

/// Lines that go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// How many.
    pub records: usize,
    /// Each with a line feed at its end.
    pub body: Vec<u8>,
}

/// A record that can be part of no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Longer than a batch may be.
    TooLarge,
    /// Empty, or not one line.
    Malformed,
}

/// A buffer of records, cut into batches.
#[derive(Debug)]
pub struct Batches {
    lines: VecDeque<Vec<u8>>,
    /// With the line feeds.
    bytes: usize,
    batch_records: usize,
    batch_bytes: usize,
    most_bytes: usize,
}

impl Batches {
    /// Batches of at most so many records and bytes, out of a buffer that takes more until it has `most_bytes`.
    pub fn new(batch_records: usize, batch_bytes: usize, most_bytes: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, batch_records, batch_bytes, most_bytes }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether there is enough for a batch that need not wait for more.
    pub fn is_full(&self) -> bool {
        self.lines.len() >= self.batch_records || self.bytes >= self.batch_bytes
    }

    /// Whether more can be taken from the queue. What is in it is never more than one record over the limit.
    pub fn has_room(&self) -> bool {
        self.bytes < self.most_bytes
    }

    /// Adds a record at the end.
    ///
    /// # Errors
    /// One that no batch could hold.
    pub fn push(&mut self, record: Vec<u8>) -> Result<(), Unfit> {
        if record.is_empty() || record.contains(&b'\n') {
            return Err(Unfit::Malformed);
        }
        if record.len() >= self.batch_bytes {
            return Err(Unfit::TooLarge);
        }
        self.bytes += record.len() + 1;
        self.lines.push_back(record);
        Ok(())
    }

    /// Takes as many of the first records as fit into a batch; `None` where there is none.
    pub fn take(&mut self) -> Option<Batch> {
        let mut batch = Batch { records: 0, body: Vec::new() };
        while batch.records < self.batch_records {
            let Some(line) = self.lines.pop_front() else { break };
            if batch.body.len() + line.len() >= self.batch_bytes {
                self.lines.push_front(line);
                break;
            }
            self.bytes -= line.len() + 1;
            batch.body.extend_from_slice(&line);
            batch.body.push(b'\n');
            batch.records += 1;
        }
        (batch.records > 0).then_some(batch)
    }
}
