//! A table of some hundred rows: Robin Hood hashing with linear probing.
//!
//! Of the rows of one run of slots, those whose home is further back come first. A slot tells how
//! far it is from its row's home, and a few bits of the hash. So a search reads hardly any row but
//! the one that it finds, and the slot of a removed row is closed up instead of being marked until
//! the table is built anew: rows may come and go forever.

use prefetch_index::prefetch_index;

use super::slots::Slots;

/// A segment is filled up to seven eighths.
const FULL_EIGHTHS: usize = 7;
/// Bits of a slot that number a row: at least so many, and then in steps.
const ROW_BITS_MIN: u32 = 16;
const ROW_BITS_STEP: u32 = 4;
/// The largest distance from home that a slot can tell: so far, or further.
const FAR: u32 = 31;

/// A table of rows by hash.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// 0 where there is no row; at least one of them is.
    slots: Slots,
    len: u32,
    row_bits: u32,
}

/// How the bits of a slot are used, from the lowest on: the row's number plus one, its distance
/// from home, and bits of its hash. A number that needs the bits of the others gets them.
#[derive(Debug, Clone, Copy)]
struct Layout {
    row_bits: u32,
    row_mask: u32,
    distance_mask: u32,
}

impl Layout {
    fn new(row_bits: u32) -> Self {
        let row_mask = ((1_u64 << row_bits) - 1) as u32;
        // Of a row with 32 bits, nothing is left.
        let distance_mask = (u64::from(FAR) << row_bits) as u32;
        Self { row_bits, row_mask, distance_mask }
    }

    /// The bits of the hash, which are not those that give the home or the segment.
    fn tag(self, hash: u64) -> u32 {
        hash as u32 & !(self.row_mask | self.distance_mask)
    }

    /// The bits of a distance.
    fn told(self, distance: u32) -> u32 {
        let told = u64::from(distance.min(FAR)) << self.row_bits;
        told.min(u64::from(self.distance_mask)) as u32
    }

    fn row(self, slot: u32) -> Option<u32> {
        (slot & self.row_mask).checked_sub(1)
    }
}

/// A row on its way to a slot.
#[derive(Clone, Copy)]
struct Carried {
    tag: u32,
    row: u32,
    distance: u32,
}

impl Segment {
    /// Takes the rows out that `goes` tells of; both segments fit what they hold then.
    pub(super) fn take(
        &mut self,
        goes: impl Fn(u32) -> bool,
        hash_of: &impl Fn(u32) -> u64,
    ) -> Self {
        let old = std::mem::take(self);
        let gone = old.rows().filter(|row| goes(*row)).count();
        let mut taken = Self::empty(gone, old.row_bits);
        *self = Self::empty(old.len as usize - gone, old.row_bits);
        for row in old.rows() {
            let to = if goes(row) { &mut taken } else { &mut *self };
            to.place(hash_of(row), row, hash_of);
        }
        taken
    }

    /// Takes all rows of another segment in.
    pub(super) fn take_all(&mut self, other: &Self, hash_of: &impl Fn(u32) -> u64) {
        let rows = self.len as usize + other.len as usize;
        self.rebuild(rows, self.row_bits.max(other.row_bits), hash_of);
        other.rows().for_each(|row| self.place(hash_of(row), row, hash_of));
    }

    /// Room for so many rows.
    fn empty(rows: usize, row_bits: u32) -> Self {
        Self { slots: Slots::free(slots_for(rows)), len: 0, row_bits }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.row_bits)
    }

    /// Where the search for a hash begins.
    fn home(&self, hash: u64) -> usize {
        let slots = self.slots.len() as u64;
        (((hash >> 32) * slots) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    /// Slots and rows that may have this hash.
    pub(super) fn probe(&self, hash: u64) -> Probe<'_> {
        let layout = self.layout();
        let home = self.home(hash);
        let (first, piece) = self.slots.piece(home);
        let (slots, at, tag) = (&self.slots, home - first, layout.tag(hash));
        Probe { slots, piece, first, layout, at, tag, distance: 0 }
    }

    /// Has the first slot of a search brought near from memory.
    pub(super) fn prefetch(&self, hash: u64) {
        let home = self.home(hash);
        let (first, piece) = self.slots.piece(home);
        prefetch_index(piece, home - first);
    }

    /// The slot of a row.
    pub(super) fn position(&self, hash: u64, row: u32) -> Option<usize> {
        self.probe(hash).find(|(_, there)| *there == row).map(|(at, _)| at)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = u32> {
        let layout = self.layout();
        self.slots.iter().filter_map(move |slot| layout.row(slot))
    }

    /// How far a slot is from the home of its row: if that does not fit into it, the row tells.
    fn distance(&self, at: usize, slot: u32, row: u32, hash_of: &impl Fn(u32) -> u64) -> u32 {
        let layout = self.layout();
        let told = slot & layout.distance_mask;
        if told != layout.distance_mask {
            return told >> layout.row_bits;
        }
        let home = self.home(hash_of(row));
        let distance = if at >= home { at - home } else { at + self.slots.len() - home };
        distance as u32
    }

    pub(super) fn insert(&mut self, hash: u64, row: u32, hash_of: &impl Fn(u32) -> u64) {
        let rows = self.len as usize + 1;
        if rows * 8 > self.slots.len() * FULL_EIGHTHS {
            self.rebuild(rows, self.row_bits.max(row_bits(row)), hash_of);
        }
        self.make_wide(row, hash_of);
        self.place(hash, row, hash_of);
    }

    /// Makes sure that a row's number fits into a slot.
    pub(super) fn make_wide(&mut self, row: u32, hash_of: &impl Fn(u32) -> u64) {
        let row_bits = row_bits(row);
        if row_bits > self.row_bits {
            self.rebuild(self.len as usize + 1, row_bits, hash_of);
        }
    }

    fn rebuild(&mut self, rows: usize, row_bits: u32, hash_of: &impl Fn(u32) -> u64) {
        let old = std::mem::replace(self, Self::empty(rows, row_bits));
        old.rows().for_each(|row| self.place(hash_of(row), row, hash_of));
    }

    /// Enters a row, for which there is room.
    fn place(&mut self, hash: u64, row: u32, hash_of: &impl Fn(u32) -> u64) {
        let layout = self.layout();
        let mut at = self.home(hash);
        let mut carried = Carried { tag: layout.tag(hash), row, distance: 0 };
        self.len += 1;
        while let Some(slot) = self.slots.get(at) {
            let there = layout.row(slot).map(|row| {
                let distance = self.distance(at, slot, row, hash_of);
                Carried { tag: layout.tag(u64::from(slot)), row, distance }
            });
            if there.is_none_or(|there| there.distance < carried.distance) {
                self.put(at, carried);
                match there {
                    None => return,
                    Some(there) => carried = there,
                }
            }
            at = self.after(at);
            carried.distance += 1;
        }
    }

    fn put(&mut self, at: usize, Carried { tag, row, distance }: Carried) {
        let told = self.layout().told(distance);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = tag | told | (row + 1);
        }
    }

    /// Returns whether the row was there.
    pub(super) fn remove(&mut self, hash: u64, row: u32, hash_of: &impl Fn(u32) -> u64) -> bool {
        let Some(mut hole) = self.position(hash, row) else { return false };
        let layout = self.layout();
        // What comes after it in its run moves one slot nearer to its home.
        loop {
            let at = self.after(hole);
            let Some(slot) = self.slots.get(at) else { break };
            let Some(row) = layout.row(slot) else { break };
            let distance = self.distance(at, slot, row, hash_of);
            let Some(distance) = distance.checked_sub(1) else { break };
            self.put(hole, Carried { tag: layout.tag(u64::from(slot)), row, distance });
            hole = at;
        }
        if let Some(slot) = self.slots.get_mut(hole) {
            *slot = 0;
        }
        self.len -= 1;
        // Rows to spare, so that a table does not shrink and grow by turns.
        let rows = self.len as usize;
        let rows = rows + rows / 8 + 2;
        if slots_for(rows) < self.slots.len() {
            self.rebuild(rows, self.row_bits, hash_of);
        }
        true
    }

    /// Gives the row in a slot another number, for which it is wide enough.
    pub(super) fn renumber(&mut self, at: usize, row: u32) {
        let layout = self.layout();
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = *slot & !layout.row_mask | (row + 1);
        }
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }
}

/// Bits for the number of a row.
fn row_bits(row: u32) -> u32 {
    let bits = 32 - row.saturating_add(1).leading_zeros();
    bits.next_multiple_of(ROW_BITS_STEP).max(ROW_BITS_MIN)
}

/// Slots for so many rows: some stay free, and what is allocated is used.
fn slots_for(rows: usize) -> usize {
    Slots::fitting((rows.max(1) * 8).div_ceil(FULL_EIGHTHS))
}

/// A search along a run: it ends where a row of the hash would have displaced the one there.
pub(super) struct Probe<'a> {
    slots: &'a Slots,
    /// The slots around `at` that lie in one piece, and the number of the first.
    piece: &'a [u32],
    first: usize,
    layout: Layout,
    /// The next slot, counted from `first`.
    at: usize,
    tag: u32,
    /// What a slot tells of the distance reached.
    distance: u32,
}

impl Iterator for Probe<'_> {
    type Item = (usize, u32);

    #[inline]
    fn next(&mut self) -> Option<(usize, u32)> {
        let Layout { row_bits, row_mask, distance_mask } = self.layout;
        loop {
            let Some(slot) = self.piece.get(self.at).copied() else {
                self.next_piece()?;
                continue;
            };
            let row = self.layout.row(slot)?;
            let distance = self.distance;
            if slot & distance_mask < distance {
                return None;
            }
            let at = self.first + self.at;
            self.at += 1;
            if distance < distance_mask {
                self.distance += 1 << row_bits;
            }
            if slot & !row_mask == self.tag | distance {
                return Some((at, row));
            }
        }
    }
}

impl Probe<'_> {
    /// Goes on behind the end of a piece, at the beginning after the last; nowhere in a table
    /// without slots.
    #[cold]
    fn next_piece(&mut self) -> Option<()> {
        let next = self.first + self.piece.len();
        let next = if next < self.slots.len() { next } else { 0 };
        (self.first, self.piece) = self.slots.piece(next);
        self.at = 0;
        (!self.piece.is_empty()).then_some(())
    }
}

#[cfg(test)]
mod tests;
