//! The last announces of one subject.

use std::collections::VecDeque;

use super::Record;

/// What was read of a ring.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traced {
    /// In the order in which they were made.
    pub records: Vec<Record>,
    /// Announces that were overwritten before they were read.
    pub lost: u64,
}

/// A bounded list that forgets the oldest first.
#[derive(Debug)]
pub(super) struct Ring {
    keep: u32,
    last_number: u64,
    records: VecDeque<Record>,
}

impl Ring {
    pub(super) fn new(keep: u32) -> Self {
        Self { keep, last_number: 0, records: VecDeque::new() }
    }

    pub(super) fn keep(&self) -> u32 {
        self.keep
    }

    pub(super) fn set_keep(&mut self, keep: u32) {
        self.keep = keep;
        self.forget();
    }

    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    pub(super) fn push(&mut self, record: Record) {
        self.last_number += 1;
        self.records.push_back(Record { number: self.last_number, ..record });
        self.forget();
    }

    fn forget(&mut self) {
        while self.records.len() > self.keep as usize {
            self.records.pop_front();
        }
    }

    /// The records after a number, the oldest first.
    pub(super) fn read(&self, after: u64, limit: usize) -> Traced {
        let first = self.records.front().map_or(self.last_number + 1, |record| record.number);
        let lost = first.saturating_sub(after.saturating_add(1));
        let wanted = self.records.iter().filter(|record| record.number > after);
        Traced { records: wanted.take(limit).copied().collect(), lost }
    }
}
