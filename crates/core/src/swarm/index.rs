//! Where a row is, by its hash: a table of row numbers, at 4 bytes a slot.
//!
//! The table is split into segments of some hundred rows each, by the lowest bits of the hash. One
//! more is split off at a time (linear hashing), and each grows and shrinks on its own, so that no
//! change costs more than the work on one or two segments, whatever the number of rows.

mod segment;
mod slots;

use segment::Segment;

/// Rows per segment, at most and on average. The fewer, the less a change costs at most; the more,
/// the more alike segments grow, and the sooner the allocator gets back whole pages of old tables.
const SEGMENT_ROWS: usize = 1024;

/// Numbers of rows by hash. Rows with one hash are told apart by the caller.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The first segment, so that a small table is one allocation.
    first: Segment,
    more: Vec<Segment>,
    rows: u32,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.rows as usize
    }

    /// The row with this hash that `is` the one.
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.segment(hash).probe(hash).map(|(_, row)| row).find(|row| is(*row))
    }

    /// Has the slot of a hash brought near from memory.
    pub(crate) fn prefetch(&self, hash: u64) {
        self.segment(hash).prefetch(hash);
    }

    /// All rows with this hash, and maybe others.
    pub(crate) fn with_hash(&self, hash: u64) -> impl Iterator<Item = u32> {
        self.segment(hash).probe(hash).map(|(_, row)| row)
    }

    /// Adds a row, which must not be there yet. `hash_of` knows the hash of each row that is.
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        self.rows = self.rows.saturating_add(1);
        if self.len() > self.segments() * SEGMENT_ROWS {
            self.split(&hash_of);
        }
        if let Some(segment) = self.segment_mut(hash) {
            segment.insert(hash, row, &hash_of);
        }
    }

    /// Removes a row. `hash_of` knows the hash of all the others.
    pub(crate) fn remove(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        let removed = self.segment_mut(hash).is_some_and(|it| it.remove(hash, row, &hash_of));
        self.rows = self.rows.saturating_sub(u32::from(removed));
        if self.len() < (self.segments() - 1) * SEGMENT_ROWS / 2 {
            self.merge(&hash_of);
        }
    }

    /// Two rows, each given with its hash, have changed places. `hash_of` knows the hashes from
    /// before.
    pub(crate) fn swap(&mut self, a: (u64, u32), b: (u64, u32), hash_of: impl Fn(u32) -> u64) {
        for ((hash, _), (_, to)) in [(a, b), (b, a)] {
            if let Some(segment) = self.segment_mut(hash) {
                segment.make_wide(to, &hash_of);
            }
        }
        // Both slots are found before either is changed: they may be of one run.
        let slots = [a, b].map(|(hash, row)| self.segment(hash).position(hash, row));
        for ((hash, to), at) in [(a.0, b.1), (b.0, a.1)].into_iter().zip(slots) {
            if let (Some(at), Some(segment)) = (at, self.segment_mut(hash)) {
                segment.renumber(at, to);
            }
        }
    }

    fn segments(&self) -> usize {
        self.more.len() + 1
    }

    /// The segment of a hash, by its lowest bits: one more for those that were split already.
    fn number(&self, hash: u64) -> usize {
        let segments = self.segments();
        let mask = segments.next_power_of_two() - 1;
        let number = hash as usize & mask;
        if number < segments { number } else { number & (mask >> 1) }
    }

    fn segment(&self, hash: u64) -> &Segment {
        if self.more.is_empty() {
            return &self.first;
        }
        self.number(hash).checked_sub(1).and_then(|at| self.more.get(at)).unwrap_or(&self.first)
    }

    fn segment_mut(&mut self, hash: u64) -> Option<&mut Segment> {
        self.numbered_mut(self.number(hash))
    }

    fn numbered_mut(&mut self, number: usize) -> Option<&mut Segment> {
        match number.checked_sub(1) {
            None => Some(&mut self.first),
            Some(at) => self.more.get_mut(at),
        }
    }

    /// Splits the next segment in turn in two.
    fn split(&mut self, hash_of: &impl Fn(u32) -> u64) {
        let new = self.segments();
        let bit = 1 << new.ilog2();
        let Some(segment) = self.numbered_mut(new - bit) else { return };
        let right = segment.take(|row| hash_of(row) as usize & bit != 0, hash_of);
        self.more.push(right);
    }

    /// Undoes the last split.
    fn merge(&mut self, hash_of: &impl Fn(u32) -> u64) {
        let Some(last) = self.more.pop() else { return };
        if self.more.len() < self.more.capacity() / 4 {
            self.more.shrink_to(self.more.capacity() / 2);
        }
        let number = self.segments();
        let bit = 1 << number.ilog2();
        if let Some(segment) = self.numbered_mut(number - bit) {
            segment.take_all(&last, hash_of);
        }
    }

    /// Slots of all segments, for a look at what they take.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> usize {
        [&self.first].into_iter().chain(&self.more).map(Segment::slots).sum()
    }
}

#[cfg(test)]
mod tests;
