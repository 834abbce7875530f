//! Rows of one class in random order, drawn before anybody looks at them.

use super::TRIES_EXTRA;
use crate::settings::Settings;

/// Slots of the table of rows seen: twice what a walk looks at, at most.
const SEEN_SLOTS: usize = 2048;
const _: () = assert!(SEEN_SLOTS >= 2 * (Settings::NUMWANT_LIMIT as usize + TRIES_EXTRA));

/// Visits rows of one class, each equally likely at every step and none twice.
#[derive(Debug)]
pub(super) struct Walk {
    /// The rows drawn. Of a class that is small for what is wanted all its rows, shuffled as far
    /// as drawn.
    pub(super) order: Vec<u32>,
    /// The rows drawn of a large class.
    pub(super) seen: Seen,
    first: u32,
    count: u32,
    shuffled: bool,
    tries: usize,
    drawn: usize,
    visited: usize,
}

impl Walk {
    pub(super) const fn new() -> Self {
        Self {
            order: Vec::new(),
            seen: Seen::new(),
            first: 0,
            count: 0,
            shuffled: true,
            tries: 0,
            drawn: 0,
            visited: 0,
        }
    }

    /// Begins with `count` rows from `first` on, of which about `want` will be visited.
    #[inline(always)]
    pub(super) fn begin(&mut self, first: usize, count: usize, want: usize) {
        // Otherwise at most half of the rows are ever seen, so a fresh one is soon found.
        self.shuffled = count <= 2 * (want + TRIES_EXTRA);
        self.tries = count.min(want + TRIES_EXTRA);
        // A swarm has at most 2^32 rows, for they are numbered so.
        let [first, count] = [first, count].map(|rows| u32::try_from(rows).unwrap_or(u32::MAX));
        (self.first, self.count, self.drawn, self.visited) = (first, count, 0, 0);
        self.order.clear();
        if self.shuffled {
            // A plain range: its length is known, so that this is a copy instead of a loop.
            self.order.extend(first..first.saturating_add(count));
        } else {
            self.seen.begin();
        }
    }

    /// Draws until so many rows wait to be visited, or there are no more; returns the new ones.
    #[inline(always)]
    pub(super) fn draw(&mut self, waiting: usize, rng: &mut fastrand::Rng) -> &[u32] {
        let from = self.drawn;
        let to = (self.visited + waiting).min(self.tries).max(from);
        self.drawn = to;
        if self.shuffled {
            let mut rest = self.order.get_mut(from..).unwrap_or_default();
            for _ in from..to {
                let other = rng.u32(..u32::try_from(rest.len()).unwrap_or(u32::MAX)) as usize;
                let Some((first, behind)) = rest.split_first_mut() else { break };
                if let Some(other) = other.checked_sub(1).and_then(|at| behind.get_mut(at)) {
                    std::mem::swap(first, other);
                }
                rest = behind;
            }
        } else {
            let Self { order, seen, first, count, .. } = self;
            order.extend((from..to).map(|_| {
                let mut row = rng.u32(..*count);
                while !seen.see(row) {
                    row = rng.u32(..*count);
                }
                first.saturating_add(row)
            }));
        }
        self.order.get(from..to).unwrap_or_default()
    }

    /// Visits at most so many rows; none if there are no more to be tried.
    #[inline(always)]
    pub(super) fn next(&mut self, rows: usize, rng: &mut fastrand::Rng) -> &[u32] {
        if self.visited == self.drawn {
            self.draw(rows, rng);
        }
        let from = self.visited;
        self.visited = (from + rows).min(self.drawn);
        self.order.get(from..self.visited).unwrap_or_default()
    }
}

/// A set of rows that is emptied at no cost.
#[derive(Debug)]
pub(super) struct Seen {
    /// Open addressing, an entry being the number of its turn and the row.
    pub(super) slots: Vec<(u32, u32)>,
    pub(super) turn: u32,
}

impl Seen {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), turn: 0 }
    }

    /// Forgets the rows seen.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        if self.slots.is_empty() || self.turn == 0 {
            self.slots.clear();
            self.slots.resize(SEEN_SLOTS, (0, 0));
            self.turn = 1;
        }
    }

    /// Marks a row as seen; false if it was already.
    pub(super) fn see(&mut self, row: u32) -> bool {
        let mut slot = row.wrapping_mul(0x9e37_79b9) as usize >> 21;
        loop {
            match self.slots.get_mut(slot % SEEN_SLOTS) {
                Some(entry) if entry.0 != self.turn => {
                    *entry = (self.turn, row);
                    return true;
                }
                Some(entry) if entry.1 == row => return false,
                Some(_) => slot += 1,
                None => return false,
            }
        }
    }
}
