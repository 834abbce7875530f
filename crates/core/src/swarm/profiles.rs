//! What the choice of peers knows of a large swarm's rows: a table beside them, which is there
//! only while a strategy is in force.

mod size;

use super::size_class::size_class;
use crate::selection::profile::{Kept, Known, Profile};

pub(crate) use size::SizeEstimate;

/// Rows that an announce adds at most to a table which does not have all of them yet, so that
/// turning a strategy on costs no announce much.
const CATCH_UP_ROWS: usize = 512;
/// Members of marked roles that a swarm remembers at most.
const MARKED_MAX: usize = 64;
/// A chunk of a small table has 2^7 rows: 512, 640 or 768 bytes, which are all sizes that an
/// allocator has.
const FEW_SHIFT: u8 = 7;
/// A chunk of a large table has 2^11, so that the list of chunks is short.
const MANY_SHIFT: u8 = 11;
/// A table of more rows than this is large; one of half of it is small again.
const FEW_ROWS_MAX: usize = 4096;
/// Rows that may go before the last chunk gives memory back, so that it does not do so each time.
const STEP: usize = 8;
/// Up to this many chunks, the list of them grows by one.
const LIST_STEPS_MAX: usize = 8;

/// Profiles by row number. A table that was begun late has fewer rows than the swarm until
/// announces have caught up; rows without a profile have that of a peer of whom nothing is known.
///
/// Rows are kept as bytes, as many as the strategies need. There may be more than the swarm has:
/// those are empty. In a swarm of some dozens the record itself counts: it is 32 bytes.
#[derive(Debug)]
pub(crate) struct Profiles<Id> {
    first: Box<[u8]>,
    rest: Option<Box<Rest<Id>>>,
    pub(crate) size: SizeEstimate,
    kept: Kept,
    /// Of the number of rows in a full chunk.
    shift: u8,
}

const _: () = assert!(size_of::<Profiles<u32>>() == 32);

/// What a swarm of some dozens rarely has.
#[derive(Debug)]
struct Rest<Id> {
    /// The chunks after the first. All but the last of all are full.
    chunks: Vec<Box<[u8]>>,
    /// Sessions that leechers are always given while they seed.
    marked: Vec<Id>,
}

impl<Id> Default for Rest<Id> {
    fn default() -> Self {
        Self { chunks: Vec::new(), marked: Vec::new() }
    }
}

impl<Id: Copy + PartialEq> Profiles<Id> {
    pub(crate) fn new(kept: Kept) -> Self {
        let (first, size) = (Box::default(), SizeEstimate::default());
        Self { first, rest: None, size, kept, shift: FEW_SHIFT }
    }

    /// Begins anew if something else is to be kept from now on.
    pub(crate) fn keep(&mut self, kept: Kept) {
        if self.kept != kept {
            (self.kept, self.shift, self.first) = (kept, FEW_SHIFT, Box::default());
            self.rest.iter_mut().for_each(|rest| rest.chunks = Vec::new());
        }
    }

    pub(crate) fn catch_up(&mut self, swarm_rows: usize) {
        let rows = self.rows();
        if rows < swarm_rows {
            self.grow(swarm_rows.min(rows + CATCH_UP_ROWS));
        }
    }

    pub(crate) fn get(&self, at: usize) -> Profile {
        let (chunk, bytes) = self.position(at);
        let stored = self.chunk(chunk).and_then(|chunk| chunk.get(bytes));
        stored.map(|stored| Profile::load(self.kept, stored)).unwrap_or_default()
    }

    pub(crate) fn set(&mut self, at: usize, profile: Profile) {
        let kept = self.kept;
        if let Some(stored) = self.stored_mut(at) {
            profile.store(kept, stored);
        }
    }

    /// Appends what a draw reads of so many rows from a number on.
    #[inline]
    pub(crate) fn tell(&self, at: usize, count: usize, to: &mut Vec<Known>) {
        let (mut at, end) = (at, at + count);
        while at < end {
            let chunk = self.chunk(at >> self.shift).unwrap_or_default();
            let from = at & ((1 << self.shift) - 1);
            let told = match self.kept.bytes() {
                4 => tell_run::<4>(chunk, from, end - at, to),
                5 => tell_run::<5>(chunk, from, end - at, to),
                _ => tell_run::<6>(chunk, from, end - at, to),
            };
            if told == 0 {
                to.extend(std::iter::repeat_n(Known::NOTHING, end - at));
                break;
            }
            at += told;
        }
    }

    pub(crate) fn marked(&self) -> &[Id] {
        self.rest.as_ref().map_or(&[], |rest| &rest.marked)
    }

    /// Remembers a session, or forgets it.
    pub(crate) fn mark(&mut self, id: Id, on: bool) {
        if !on && self.rest.is_none() {
            return;
        }
        let marked = &mut self.rest.get_or_insert_default().marked;
        match marked.iter().position(|other| *other == id) {
            Some(at) if !on => _ = marked.swap_remove(at),
            None if on && marked.len() < MARKED_MAX => marked.push(id),
            _ => {}
        }
    }

    /// A row was added to a swarm that has so many now.
    pub(super) fn added(&mut self, swarm_rows: usize) {
        if self.rows() + 1 == swarm_rows {
            self.grow(swarm_rows);
        }
    }

    /// The last row was removed from a swarm that has so many now.
    pub(super) fn removed(&mut self, swarm_rows: usize, id: Id) {
        self.set(swarm_rows, Profile::default());
        if swarm_rows <= FEW_ROWS_MAX / 2 && self.shift == MANY_SHIFT {
            self.regroup(FEW_SHIFT);
        }
        self.shrink(swarm_rows);
        self.mark(id, false);
    }

    pub(super) fn swapped(&mut self, a: usize, b: usize) {
        let rows = self.rows();
        let both = a < rows && b < rows;
        let of = |at| if both { self.get(at) } else { Profile::default() };
        let (of_a, of_b) = (of(a), of(b));
        self.set(a, of_b);
        self.set(b, of_a);
    }

    // ---- Chunks ----

    /// The rows that there is room for.
    fn rows(&self) -> usize {
        let rest = self.rest.as_ref().filter(|rest| !rest.chunks.is_empty());
        let (full, last) = rest.map_or((0, &self.first), |rest| {
            (rest.chunks.len() << self.shift, rest.chunks.last().unwrap_or(&self.first))
        });
        full + last.len() / self.kept.bytes()
    }

    /// The chunk of a row, and its bytes there.
    fn position(&self, at: usize) -> (usize, std::ops::Range<usize>) {
        let each = self.kept.bytes();
        let from = (at & ((1 << self.shift) - 1)) * each;
        (at >> self.shift, from..from + each)
    }

    fn chunk(&self, number: usize) -> Option<&[u8]> {
        match number.checked_sub(1) {
            None => Some(&self.first),
            Some(number) => self.rest.as_ref()?.chunks.get(number).map(|chunk| &**chunk),
        }
    }

    fn stored_mut(&mut self, at: usize) -> Option<&mut [u8]> {
        let (chunk, bytes) = self.position(at);
        self.chunk_mut(chunk)?.get_mut(bytes)
    }

    fn chunk_mut(&mut self, number: usize) -> Option<&mut Box<[u8]>> {
        match number.checked_sub(1) {
            None => Some(&mut self.first),
            Some(number) => self.rest.as_mut()?.chunks.get_mut(number),
        }
    }

    /// The number of the last chunk.
    fn last(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.chunks.len())
    }

    /// Makes room for so many rows at least.
    fn grow(&mut self, rows: usize) {
        if rows > FEW_ROWS_MAX && self.shift == FEW_SHIFT {
            self.regroup(MANY_SHIFT);
        }
        let full = 1 << self.shift;
        loop {
            let (last, before) = (self.last(), self.rows());
            if before >= rows {
                return;
            }
            if before < (last + 1) << self.shift {
                let wanted = (rows - (last << self.shift)).min(full);
                self.resize(last, wanted);
            } else {
                // A large table's chunk is begun with an eighth, so that it is not copied often.
                let few = if self.shift == FEW_SHIFT { 1 } else { full / 8 };
                let chunks = &mut self.rest.get_or_insert_default().chunks;
                if chunks.len() < LIST_STEPS_MAX {
                    chunks.reserve_exact(1);
                }
                chunks.push(Box::default());
                self.resize(last + 1, (rows - before).clamp(few, full));
            }
        }
    }

    /// Gives the last chunk room for so many rows, and for those that fit in with them.
    fn resize(&mut self, number: usize, rows: usize) {
        let each = self.kept.bytes();
        let bytes = self.room(rows) * each;
        if let Some(chunk) = self.chunk_mut(number).filter(|chunk| chunk.len() != bytes) {
            let mut resized = std::mem::take(chunk).into_vec();
            resized.reserve_exact(bytes.saturating_sub(resized.len()));
            resized.resize(bytes, 0);
            *chunk = resized.into_boxed_slice();
        }
    }

    /// How many rows fit where so many are wanted.
    fn room(&self, rows: usize) -> usize {
        let each = self.kept.bytes();
        (size_class(rows * each) / each).min(1 << self.shift)
    }

    /// Gives memory back that a swarm of so many rows does not need.
    fn shrink(&mut self, swarm_rows: usize) {
        let last = self.last();
        let begin = last << self.shift;
        if last > 0 && swarm_rows + STEP <= begin {
            let Some(rest) = &mut self.rest else { return };
            rest.chunks.pop();
            if rest.chunks.len() < rest.chunks.capacity() / 4 {
                rest.chunks.shrink_to(rest.chunks.capacity() / 2);
            }
            if rest.chunks.is_empty() && rest.marked.is_empty() {
                self.rest = None;
            }
            return;
        }
        let used = swarm_rows.saturating_sub(begin);
        let bytes = self.chunk(last).map_or(0, <[u8]>::len);
        if bytes > self.room(used + STEP) * self.kept.bytes() {
            self.resize(last, used + 1);
        }
    }

    /// Copies everything, which is at most [`FEW_ROWS_MAX`] rows and a chunk, into chunks of
    /// another size.
    fn regroup(&mut self, shift: u8) {
        let rows = self.rows();
        let mut bytes = std::mem::take(&mut self.first).into_vec();
        let rest = self.rest.iter_mut().flat_map(|rest| std::mem::take(&mut rest.chunks));
        rest.for_each(|chunk| bytes.extend_from_slice(&chunk));
        self.shift = shift;
        self.grow(rows);
        let full = self.kept.bytes() << shift;
        for (number, part) in bytes.chunks(full).enumerate() {
            let to = self.chunk_mut(number).and_then(|chunk| chunk.get_mut(..part.len()));
            to.into_iter().for_each(|to| to.copy_from_slice(part));
        }
    }

    /// What allocators give for the record and all that belongs to it.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let first = size_class(self.first.len());
        let rest = self.rest.as_ref().map_or(0, |rest| {
            let chunks: usize = rest.chunks.iter().map(|chunk| size_class(chunk.len())).sum();
            let list = rest.chunks.capacity() * size_of::<Box<[u8]>>();
            chunks + list + rest.marked.capacity() * size_of::<Id>() + size_of::<Rest<Id>>()
        });
        size_of::<Self>() + first + rest
    }
}

/// Appends what a draw reads of the rows of a chunk, and says of how many.
#[inline]
fn tell_run<const N: usize>(chunk: &[u8], from: usize, count: usize, to: &mut Vec<Known>) -> usize {
    let run = chunk.as_chunks::<N>().0.get(from..).unwrap_or_default();
    let run = run.get(..count).unwrap_or(run);
    to.extend(run.iter().map(|stored| Known::load(stored.first_chunk())));
    run.len()
}

#[cfg(test)]
mod tests;
