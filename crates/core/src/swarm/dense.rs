//! The peers of one torrent and address family: a dense array of rows, leechers first.
//!
//! Up to [`SMALL_MAX`] rows are one exactly-sized allocation and are searched by a linear scan.
//! Above that, rows live in fixed chunks and an index of row numbers finds them. Nothing here
//! costs O(rows): growth adds a chunk, removal moves two rows, and the index grows in parts.

use hashbrown::HashTable;

use crate::hash::HashKey;

/// Up to this many rows are scanned instead of indexed.
pub(crate) const SMALL_MAX: usize = 16;
/// Rows of a chunk; a full chunk is never moved.
const CHUNK_ROWS: usize = 64;
/// Rows that may go before the last chunk gives memory back, so that it does not do so each time.
const CHUNK_STEP: usize = 8;
/// Up to this many chunks, the list of them grows by one.
const FEW_CHUNKS: usize = 8;
/// An index of more rows than this is split into [`PARTS`] tables that grow one by one.
const INDEX_SPLIT_ROWS: usize = 8192;
/// Tables of a split index.
const PARTS: usize = 256;

/// Whether a peer has the whole torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Leecher,
    Seeder,
}

impl Class {
    pub(crate) fn of_left(left_bytes: u64) -> Self {
        if left_bytes == 0 { Self::Seeder } else { Self::Leecher }
    }
}

/// A row that can be found by its identity.
pub(crate) trait Row: Copy {
    /// What the row is found by.
    type Id: Copy;
    fn id(&self) -> Self::Id;
    fn is(&self, id: &Self::Id) -> bool;
    fn hash(id: &Self::Id, key: &HashKey) -> u64;
}

/// Rows, leechers before seeders, and the torrent's count of snatches, which fills the padding
/// and so keeps a torrent's record within one cache line.
#[derive(Debug)]
pub(crate) struct Dense<R> {
    rows: Rows<R>,
    leechers: u32,
    pub(crate) snatches: u32,
}

#[derive(Debug)]
enum Rows<R> {
    Small(Box<[R]>),
    Large(Box<Large<R>>),
}

#[derive(Debug)]
struct Large<R> {
    chunks: Vec<Vec<R>>,
    rows: usize,
    index: Vec<HashTable<u32>>,
}

impl<R> Default for Dense<R> {
    fn default() -> Self {
        Self { rows: Rows::Small(Box::default()), leechers: 0, snatches: 0 }
    }
}

impl<R: Row> Dense<R> {
    pub(crate) fn len(&self) -> usize {
        match &self.rows {
            Rows::Small(rows) => rows.len(),
            Rows::Large(large) => large.rows,
        }
    }

    pub(crate) fn leechers(&self) -> usize {
        self.leechers as usize
    }

    pub(crate) fn seeders(&self) -> usize {
        self.len().saturating_sub(self.leechers())
    }

    pub(crate) fn class_of(&self, at: usize) -> Class {
        if at < self.leechers() { Class::Leecher } else { Class::Seeder }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&R> {
        match &self.rows {
            Rows::Small(rows) => rows.get(at),
            Rows::Large(large) => large.chunks.get(at / CHUNK_ROWS)?.get(at % CHUNK_ROWS),
        }
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut R> {
        match &mut self.rows {
            Rows::Small(rows) => rows.get_mut(at),
            Rows::Large(large) => large.chunks.get_mut(at / CHUNK_ROWS)?.get_mut(at % CHUNK_ROWS),
        }
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        let (small, large) = match &self.rows {
            Rows::Small(rows) => (Some(rows.iter()), None),
            Rows::Large(large) => (None, Some(large.chunks.iter().flatten())),
        };
        small.into_iter().flatten().chain(large.into_iter().flatten())
    }

    pub(crate) fn find(&self, id: &R::Id, key: &HashKey) -> Option<usize> {
        match &self.rows {
            Rows::Small(rows) => rows.iter().position(|row| row.is(id)),
            Rows::Large(large) => {
                let hash = R::hash(id, key);
                let is_it = |at: &u32| large.row(*at).is_some_and(|row| row.is(id));
                large.part(hash)?.find(hash, is_it).map(|at| *at as usize)
            }
        }
    }

    /// The rows whose identity has the same hash: for sessions, those of one user.
    pub(crate) fn with_hash_of<'s>(
        &'s self,
        id: &R::Id,
        key: &HashKey,
    ) -> impl Iterator<Item = &'s R> + use<'s, R> {
        let (all, indexed) = match &self.rows {
            Rows::Small(rows) => (Some(rows.iter()), None),
            Rows::Large(large) => {
                let hash = R::hash(id, key);
                let rows = large
                    .part(hash)
                    .into_iter()
                    .flat_map(move |part| part.iter_hash(hash).filter_map(|at| large.row(*at)));
                (None, Some(rows))
            }
        };
        all.into_iter().flatten().chain(indexed.into_iter().flatten())
    }

    /// Adds a row and returns where it is. The caller has checked that it is not there yet.
    pub(crate) fn insert(&mut self, row: R, class: Class, key: &HashKey) -> usize {
        let end = self.len();
        self.push(row, key);
        match class {
            Class::Seeder => end,
            Class::Leecher => {
                let boundary = self.leechers();
                self.swap(boundary, end, key);
                self.leechers += 1;
                boundary
            }
        }
    }

    /// Takes a row out; the order of the others may change within their class.
    pub(crate) fn remove(&mut self, at: usize, key: &HashKey) -> Option<R> {
        let last = self.len().checked_sub(1)?;
        let mut hole = at;
        if at < self.leechers() {
            let boundary = self.leechers() - 1;
            self.swap(at, boundary, key);
            self.leechers -= 1;
            hole = boundary;
        }
        self.swap(hole, last, key);
        self.pop(key)
    }

    /// Moves a row to another class and returns where it is then.
    pub(crate) fn set_class(&mut self, at: usize, class: Class, key: &HashKey) -> usize {
        match (self.class_of(at), class) {
            (Class::Leecher, Class::Seeder) => {
                let boundary = self.leechers() - 1;
                self.swap(at, boundary, key);
                self.leechers -= 1;
                boundary
            }
            (Class::Seeder, Class::Leecher) => {
                let boundary = self.leechers();
                self.swap(at, boundary, key);
                self.leechers += 1;
                boundary
            }
            _ => at,
        }
    }

    fn push(&mut self, row: R, key: &HashKey) {
        match &mut self.rows {
            Rows::Small(rows) if rows.len() < SMALL_MAX => {
                let mut grown = std::mem::take(rows).into_vec();
                grown.reserve_exact(1);
                grown.push(row);
                *rows = grown.into_boxed_slice();
            }
            Rows::Small(rows) => {
                let index = vec![HashTable::new()];
                let mut large = Large { chunks: Vec::with_capacity(1), rows: 0, index };
                rows.iter().chain([&row]).for_each(|row| large.push(*row, key));
                self.rows = Rows::Large(Box::new(large));
            }
            Rows::Large(large) => large.push(row, key),
        }
    }

    fn pop(&mut self, key: &HashKey) -> Option<R> {
        match &mut self.rows {
            Rows::Small(rows) => {
                let mut shrunk = std::mem::take(rows).into_vec();
                let row = shrunk.pop();
                *rows = shrunk.into_boxed_slice();
                row
            }
            Rows::Large(large) => {
                let row = large.pop(key);
                // Half of the limit, so that a swarm at the limit does not change form each time.
                if large.rows <= SMALL_MAX / 2 {
                    self.rows = Rows::Small(large.chunks.iter().flatten().copied().collect());
                }
                row
            }
        }
    }

    fn swap(&mut self, a: usize, b: usize, key: &HashKey) {
        if a == b {
            return;
        }
        match &mut self.rows {
            Rows::Small(rows) => {
                if a < rows.len() && b < rows.len() {
                    rows.swap(a, b);
                }
            }
            Rows::Large(large) => large.swap(a, b, key),
        }
    }
}

/// The capacity for at least `rows` rows that wastes least: as many as fit into a size class of
/// the allocator, which (mimalloc, jemalloc) has four classes between two powers of two.
fn fitting<R>(rows: usize) -> usize {
    let row_bytes = size_of::<R>().max(1);
    let bytes = (rows * row_bytes).max(64);
    let power = bytes.next_power_of_two();
    let class = [power / 8 * 5, power / 8 * 6, power / 8 * 7, power];
    let class = class.into_iter().find(|class| *class >= bytes).unwrap_or(power);
    (class / row_bytes).min(CHUNK_ROWS).max(rows)
}

impl<R: Row> Large<R> {
    fn row(&self, at: u32) -> Option<&R> {
        let at = at as usize;
        self.chunks.get(at / CHUNK_ROWS)?.get(at % CHUNK_ROWS)
    }

    /// Bits 40 and up choose the part: hashbrown itself uses the lowest and the highest ones.
    fn part_number(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.index.len().max(1) - 1)
    }

    fn part(&self, hash: u64) -> Option<&HashTable<u32>> {
        self.index.get(self.part_number(hash))
    }

    fn push(&mut self, row: R, key: &HashKey) {
        let at = self.rows;
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_ROWS => {
                if chunk.len() == chunk.capacity() {
                    chunk.reserve_exact(fitting::<R>(chunk.len() + 1) - chunk.len());
                }
                chunk.push(row);
            }
            _ => {
                // The first chunk gets the rows of a small swarm and the one that is too many.
                let rows = if self.chunks.is_empty() { SMALL_MAX + 1 } else { 1 };
                let mut chunk = Vec::with_capacity(fitting::<R>(rows));
                chunk.push(row);
                if self.chunks.len() < FEW_CHUNKS {
                    self.chunks.reserve_exact(1);
                }
                self.chunks.push(chunk);
            }
        }
        self.rows += 1;
        if self.index.len() == 1 && self.rows > INDEX_SPLIT_ROWS {
            self.split_index(key);
        } else {
            self.index_row(at, &row, key);
        }
    }

    fn index_row(&mut self, at: usize, row: &R, key: &HashKey) {
        let hash = R::hash(&row.id(), key);
        let part = self.part_number(hash);
        let (Some(table), chunks) = (self.index.get_mut(part), &self.chunks) else { return };
        let rehash = |at: &u32| {
            let at = *at as usize;
            let row = chunks.get(at / CHUNK_ROWS).and_then(|chunk| chunk.get(at % CHUNK_ROWS));
            row.map_or(0, |row| R::hash(&row.id(), key))
        };
        if let Ok(at) = u32::try_from(at) {
            table.insert_unique(hash, at, rehash);
        }
    }

    fn split_index(&mut self, key: &HashKey) {
        self.index = (0..PARTS).map(|_| HashTable::new()).collect();
        for at in 0..self.rows {
            if let Some(row) = u32::try_from(at).ok().and_then(|at| self.row(at)).copied() {
                self.index_row(at, &row, key);
            }
        }
    }

    fn pop(&mut self, key: &HashKey) -> Option<R> {
        let chunk = self.chunks.last_mut()?;
        let row = chunk.pop()?;
        if chunk.is_empty() {
            self.chunks.pop();
        } else if chunk.capacity() > fitting::<R>(chunk.len() + CHUNK_STEP) {
            chunk.shrink_to(fitting::<R>(chunk.len() + 1));
        }
        self.rows -= 1;
        let hash = R::hash(&row.id(), key);
        let (part, gone) = (self.part_number(hash), self.rows);
        if let Some(table) = self.index.get_mut(part)
            && let Ok(entry) = table.find_entry(hash, |at| *at as usize == gone)
        {
            entry.remove();
        }
        Some(row)
    }

    fn swap(&mut self, a: usize, b: usize, key: &HashKey) {
        let (Ok(a32), Ok(b32)) = (u32::try_from(a), u32::try_from(b)) else { return };
        let (Some(row_a), Some(row_b)) = (self.row(a32).copied(), self.row(b32).copied()) else {
            return;
        };
        // Both entries are found before either is changed: they may be in one probe sequence.
        let hash_a = R::hash(&row_a.id(), key);
        let hash_b = R::hash(&row_b.id(), key);
        let (part_a, part_b) = (self.part_number(hash_a), self.part_number(hash_b));
        const MOVING: u32 = u32::MAX;
        self.renumber(part_a, hash_a, a32, MOVING);
        self.renumber(part_b, hash_b, b32, a32);
        self.renumber(part_a, hash_a, MOVING, b32);
        self.set_row(a, row_b);
        self.set_row(b, row_a);
    }

    fn renumber(&mut self, part: usize, hash: u64, from: u32, to: u32) {
        if let Some(table) = self.index.get_mut(part)
            && let Some(at) = table.find_mut(hash, |at| *at == from)
        {
            *at = to;
        }
    }

    fn set_row(&mut self, at: usize, row: R) {
        if let Some(slot) =
            self.chunks.get_mut(at / CHUNK_ROWS).and_then(|chunk| chunk.get_mut(at % CHUNK_ROWS))
        {
            *slot = row;
        }
    }
}

#[cfg(test)]
mod tests;
