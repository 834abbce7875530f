//! What the choice of peers knows of a large swarm's rows: a table beside them, which is there
//! only while a strategy is in force.

mod size;

use super::size_class::taken;
use crate::selection::profile::{Kept, Known, Profile};

pub(crate) use size::SizeEstimate;

/// Rows that an announce adds at most to a table which does not have all of them yet, so that
/// turning a strategy on costs no announce much.
const CATCH_UP_ROWS: usize = 512;
/// Members of marked roles that a swarm remembers at most.
const MARKED_MAX: usize = 64;
/// Bytes for each peer that a table may take, with all that belongs to it. A swarm of 33 has a
/// table of this many.
const BYTES_PER_PEER_MAX: usize = 6;
/// Bytes of rows in the record itself, so that the record is one of an allocator's sizes, and the
/// whole of the smallest table. With rows of 5 bytes these are 34.
const FIRST_BYTES: usize = 170;
/// What follows is one chunk up to this size: the next is a quarter larger, which is too much for
/// the rows that there are then.
const ONE_BYTES_MAX: usize = 512;
/// Else a chunk of a small table has 2^6 rows: 256, 320 or 384 bytes, which are all sizes that an
/// allocator has.
const FEW_SHIFT: u8 = 6;
/// A chunk of a large table has 2^11, so that the list of chunks is short.
const MANY_SHIFT: u8 = 11;
/// A table of more rows than this is large; one of half of it is small again.
const FEW_ROWS_MAX: usize = 4096;
/// Rows that may go before the last chunk gives memory back, so that it does not do so each time:
/// as long as the table takes no more than it may.
const STEP: usize = 8;
/// Up to this many chunks, the list of them grows by one.
const LIST_STEPS_MAX: usize = 8;

/// Profiles by row number. A table that was begun late has fewer rows than the swarm until
/// announces have caught up; rows without a profile have that of a peer of whom nothing is known.
///
/// Rows are kept as bytes, as many as the strategies need. There may be more than the swarm has:
/// those are empty. In a swarm of some dozens every byte of the record counts.
#[derive(Debug)]
pub(crate) struct Profiles<Id> {
    more: More<Id>,
    pub(crate) size: SizeEstimate,
    kept: Kept,
    /// Of the number of rows in a full chunk.
    shift: u8,
    first: [u8; FIRST_BYTES],
}

const _: () = assert!(size_of::<Profiles<u32>>() == 192);

/// The rows that are not in the record, and what else a swarm of some dozens rarely has.
#[derive(Debug)]
enum More<Id> {
    One(Box<[u8]>),
    Many(Box<Rest<Id>>),
}

#[derive(Debug)]
struct Rest<Id> {
    /// All but the last are full.
    chunks: Vec<Box<[u8]>>,
    marked: Option<Box<Marked<Id>>>,
}

const _: () = assert!(size_of::<Rest<u32>>() == 32);

/// Sessions that leechers are always given while they seed.
#[derive(Debug)]
struct Marked<Id>(Vec<Id>);

impl<Id: Copy + PartialEq> Profiles<Id> {
    pub(crate) fn new(kept: Kept) -> Self {
        let (more, size) = (More::One(Box::default()), SizeEstimate::default());
        Self { more, size, kept, shift: FEW_SHIFT, first: [0; FIRST_BYTES] }
    }

    /// Begins anew if something else is to be kept from now on.
    pub(crate) fn keep(&mut self, kept: Kept) {
        if self.kept != kept {
            (self.kept, self.shift, self.first) = (kept, FEW_SHIFT, [0; FIRST_BYTES]);
            match &mut self.more {
                More::One(chunk) => *chunk = Box::default(),
                More::Many(rest) => rest.chunks = Vec::new(),
            }
        }
    }

    pub(crate) fn catch_up(&mut self, swarm_rows: usize) {
        let rows = self.rows();
        if rows < swarm_rows {
            self.grow(swarm_rows.min(rows + CATCH_UP_ROWS));
        }
    }

    pub(crate) fn get(&self, at: usize) -> Profile {
        let (chunk, row) = self.chunk(at);
        let stored = chunk.get(bytes_of(row, self.kept));
        stored.map(|stored| Profile::load(self.kept, stored)).unwrap_or_default()
    }

    pub(crate) fn set(&mut self, at: usize, profile: Profile) {
        let kept = self.kept;
        let (chunk, row) = self.chunk_mut(at);
        if let Some(stored) = chunk.get_mut(bytes_of(row, kept)) {
            profile.store(kept, stored);
        }
    }

    /// Appends what a draw reads of so many rows from a number on.
    #[inline]
    pub(crate) fn tell(&self, at: usize, count: usize, to: &mut Vec<Known>) {
        let (mut at, end) = (at, at + count);
        while at < end {
            let (chunk, from) = self.chunk(at);
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
        match &self.more {
            More::One(_) => &[],
            More::Many(rest) => rest.marked.as_ref().map_or(&[], |marked| &marked.0),
        }
    }

    /// Remembers a session, or forgets it.
    pub(crate) fn mark(&mut self, id: Id, on: bool) {
        let at = self.marked().iter().position(|other| *other == id);
        if at.is_some() == on {
            return;
        }
        if matches!(self.more, More::One(_)) {
            self.regroup(FEW_SHIFT, self.rows());
        }
        let More::Many(rest) = &mut self.more else { return };
        let marked = &mut rest.marked.get_or_insert_with(|| Box::new(Marked(Vec::new()))).0;
        match at {
            Some(at) => _ = marked.swap_remove(at),
            None if marked.len() < MARKED_MAX => {
                marked.reserve_exact(1);
                marked.push(id);
            }
            None => {}
        }
        rest.marked.take_if(|marked| marked.0.is_empty());
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
            self.regroup(FEW_SHIFT, swarm_rows);
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

    /// Rows in the record itself.
    fn first_rows(&self) -> usize {
        match self.kept.bytes() {
            4 => FIRST_BYTES / 4,
            5 => FIRST_BYTES / 5,
            _ => FIRST_BYTES / 6,
        }
    }

    /// The rows that there is room for.
    fn rows(&self) -> usize {
        let each = self.kept.bytes();
        let beyond = match &self.more {
            More::One(chunk) => chunk.len() / each,
            More::Many(rest) => rest.rows(each, self.shift),
        };
        self.first_rows() + beyond
    }

    /// The chunk of a row and its number there.
    fn chunk(&self, at: usize) -> (&[u8], usize) {
        let Some(beyond) = at.checked_sub(self.first_rows()) else { return (&self.first, at) };
        match &self.more {
            More::One(chunk) => (chunk, beyond),
            More::Many(rest) => {
                let chunk = rest.chunks.get(beyond >> self.shift).map_or(&[][..], |it| it);
                (chunk, beyond & ((1 << self.shift) - 1))
            }
        }
    }

    fn chunk_mut(&mut self, at: usize) -> (&mut [u8], usize) {
        let Some(beyond) = at.checked_sub(self.first_rows()) else { return (&mut self.first, at) };
        match &mut self.more {
            More::One(chunk) => (chunk, beyond),
            More::Many(rest) => {
                let chunk = rest.chunks.get_mut(beyond >> self.shift).map_or(&mut [][..], |it| it);
                (chunk, beyond & ((1 << self.shift) - 1))
            }
        }
    }

    /// Makes room for so many rows at least.
    fn grow(&mut self, rows: usize) {
        let each = self.kept.bytes();
        let beyond = rows.saturating_sub(self.first_rows());
        match &mut self.more {
            More::One(chunk) if beyond * each <= ONE_BYTES_MAX => {
                if chunk.len() < beyond * each {
                    resize(chunk, room(beyond, each));
                }
                return;
            }
            More::One(_) => self.regroup(FEW_SHIFT, rows),
            More::Many(_) => {}
        }
        if rows > FEW_ROWS_MAX && self.shift == FEW_SHIFT {
            self.regroup(MANY_SHIFT, rows);
        }
        if let More::Many(rest) = &mut self.more {
            rest.grow(beyond, each, self.shift);
        }
    }

    /// Gives memory back that a swarm of so many rows does not need.
    fn shrink(&mut self, swarm_rows: usize) {
        let each = self.kept.bytes();
        let beyond = swarm_rows.saturating_sub(self.first_rows());
        let is_too_much = self.bytes() > swarm_rows * BYTES_PER_PEER_MAX.max(each + 1);
        match &mut self.more {
            More::One(chunk) => fit(chunk, (beyond, each), is_too_much),
            More::Many(rest) => {
                rest.shrink((beyond, each), self.shift, is_too_much);
                let is_one = rest.chunks.len() <= 1 && self.shift == FEW_SHIFT;
                if is_one && rest.marked.is_none() {
                    self.more = More::One(rest.chunks.pop().unwrap_or_default());
                }
            }
        }
    }

    /// Copies everything in chunks, which is at most [`FEW_ROWS_MAX`] rows and a chunk, into chunks
    /// of another size; only so many rows are needed.
    fn regroup(&mut self, shift: u8, rows: usize) {
        let each = self.kept.bytes();
        let (chunks, marked) = match std::mem::replace(&mut self.more, More::One(Box::default())) {
            More::One(chunk) => (vec![chunk], None),
            More::Many(rest) => (rest.chunks, rest.marked),
        };
        let mut bytes = chunks.concat();
        bytes.truncate(rows.saturating_sub(self.first_rows()) * each);
        let chunks = bytes.chunks(each << shift).map(|part| {
            let mut chunk = Box::from(part);
            resize(&mut chunk, room(part.len() / each, each));
            chunk
        });
        let chunks = chunks.collect();
        self.shift = shift;
        self.more = More::Many(Box::new(Rest { chunks, marked }));
    }

    /// What allocators give for the record and its chunks.
    fn bytes(&self) -> usize {
        let more = match &self.more {
            More::One(chunk) => taken(chunk.len()),
            More::Many(rest) => rest.bytes(self.kept.bytes() << self.shift),
        };
        size_of::<Self>() + more
    }

    /// What allocators give for the record and all that belongs to it.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let more = match &self.more {
            More::One(chunk) => taken(chunk.len()),
            More::Many(rest) => {
                let chunks: usize = rest.chunks.iter().map(|chunk| taken(chunk.len())).sum();
                let list = taken(rest.chunks.capacity() * size_of::<Box<[u8]>>());
                let marked = rest.marked.as_ref().map_or(0, |marked| {
                    taken(size_of::<Marked<Id>>()) + taken(marked.0.capacity() * size_of::<Id>())
                });
                taken(size_of::<Rest<Id>>()) + chunks + list + marked
            }
        };
        taken(size_of::<Self>()) + more
    }
}

impl<Id> Rest<Id> {
    fn rows(&self, each: usize, shift: u8) -> usize {
        let last_and_full = self.chunks.split_last();
        last_and_full.map_or(0, |(last, full)| (full.len() << shift) + last.len() / each)
    }

    fn grow(&mut self, rows: usize, each: usize, shift: u8) {
        let full = 1 << shift;
        loop {
            let before = self.rows(each, shift);
            if before >= rows {
                return;
            }
            let begin = self.chunks.len().saturating_sub(1) << shift;
            match self.chunks.last_mut() {
                Some(last) if before < begin + full => {
                    resize(last, room((rows - begin).min(full), each));
                }
                _ => {
                    // A large table's chunk is begun with an eighth: it is copied less often.
                    let few = if shift == FEW_SHIFT { 1 } else { full / 8 };
                    let mut chunk = Box::default();
                    let wanted = (rows - before).clamp(few, full);
                    resize(&mut chunk, room(wanted, each));
                    if self.chunks.len() < LIST_STEPS_MAX {
                        self.chunks.reserve_exact(1);
                    }
                    self.chunks.push(chunk);
                }
            }
        }
    }

    fn shrink(&mut self, (rows, each): (usize, usize), shift: u8, is_too_much: bool) {
        let begin = self.chunks.len().saturating_sub(1) << shift;
        let spare = if is_too_much { 0 } else { STEP };
        if begin > 0 && rows + spare <= begin {
            self.chunks.pop();
        }
        if is_too_much {
            self.chunks.shrink_to_fit();
        } else if self.chunks.len() < self.chunks.capacity() / 4 {
            self.chunks.shrink_to(self.chunks.capacity() / 2);
        }
        let begin = self.chunks.len().saturating_sub(1) << shift;
        if let Some(last) = self.chunks.last_mut() {
            fit(last, (rows.saturating_sub(begin), each), is_too_much);
        }
    }

    /// What allocators give for the record, the list and chunks, of which a full one has so many.
    fn bytes(&self, full: usize) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| taken(chunk.len()));
        let list = taken(self.chunks.capacity() * size_of::<Box<[u8]>>());
        size_of::<Self>() + list + self.chunks.len().saturating_sub(1) * taken(full) + last
    }
}

/// The bytes of a row within its chunk.
fn bytes_of(row: usize, kept: Kept) -> std::ops::Range<usize> {
    let each = kept.bytes();
    row * each..row * each + each
}

/// The bytes of rows for which there is room where so many are wanted.
fn room(rows: usize, each: usize) -> usize {
    let bytes = taken(rows * each);
    bytes - bytes % each
}

/// Gives memory back that a chunk with so many rows does not need: some, or as much as can be.
fn fit(chunk: &mut Box<[u8]>, (rows, each): (usize, usize), closely: bool) {
    let spare = if closely { 0 } else { STEP };
    if chunk.len() > room(rows + spare, each) {
        resize(chunk, room(rows + spare.min(1), each));
    }
}

fn resize(chunk: &mut Box<[u8]>, bytes: usize) {
    let mut resized = std::mem::take(chunk).into_vec();
    resized.reserve_exact(bytes.saturating_sub(resized.len()));
    resized.resize(bytes, 0);
    *chunk = resized.into_boxed_slice();
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
