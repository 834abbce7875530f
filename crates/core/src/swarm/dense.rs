//! The peers of one torrent and address family: a dense array of rows, leechers first.
//!
//! Up to [`SMALL_MAX`] rows are one exactly-sized allocation and are searched by a linear scan.
//! Above that, rows live in chunks and an index of row numbers finds them. Nothing here costs
//! O(rows): growth adds to a chunk, removal moves two rows, and the index grows in parts.

use prefetch_index::prefetch_index;

use super::chunks::Chunks;
use super::index::Index;
use super::profiles::Profiles;
use crate::hash::HashKey;
use crate::selection::profile::{Kept, Profile};

/// Up to this many rows are scanned instead of indexed.
pub(crate) const SMALL_MAX: usize = 32;
/// An indexed swarm of so few rows is scanned again: fewer than [`SMALL_MAX`], so that a swarm at
/// the limit does not change form each time.
const SMALL_AGAIN: usize = 24;

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
    type Id: Copy + PartialEq + std::fmt::Debug;
    fn id(&self) -> Self::Id;
    fn is(&self, id: &Self::Id) -> bool;
    fn hash(id: &Self::Id, key: &HashKey) -> u64;
}

/// Rows, leechers before seeders, and the torrent's count of snatches, which fills the padding
/// and so keeps a torrent's record within one cache line.
#[derive(Debug)]
pub(crate) struct Dense<R: Row> {
    rows: Rows<R>,
    leechers: u32,
    pub(crate) snatches: u32,
}

#[derive(Debug)]
enum Rows<R: Row> {
    Small(Box<[R]>),
    Large(Box<Large<R>>),
}

#[derive(Debug)]
struct Large<R: Row> {
    rows: Chunks<R>,
    index: Index,
    profiles: Option<Box<Profiles<R::Id>>>,
}

impl<R: Row> Default for Dense<R> {
    fn default() -> Self {
        Self { rows: Rows::Small(Box::default()), leechers: 0, snatches: 0 }
    }
}

impl<R: Row> Dense<R> {
    pub(crate) fn len(&self) -> usize {
        match &self.rows {
            Rows::Small(rows) => rows.len(),
            Rows::Large(large) => large.index.len(),
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
            Rows::Large(large) => large.rows.get(at),
        }
    }

    /// Has the rows of a table that is neither tiny nor large brought near from memory, for one of
    /// them will be searched for and some of them selected.
    #[inline(always)]
    pub(crate) fn prefetch_few(&self) {
        if let Rows::Large(large) = &self.rows {
            large.rows.prefetch_few();
        }
    }

    /// Has brought near from memory what tells where the rows of a table are that is not tiny.
    pub(crate) fn prefetch_table(&self) {
        match &self.rows {
            Rows::Small(rows) => prefetch_index(rows, 0),
            Rows::Large(large) => {
                let large = std::slice::from_ref(&**large);
                // Its first line and its last.
                prefetch_index(large, 0);
                prefetch_index(large, 1);
            }
        }
    }

    /// Whether rows lie apart from each other, so that it is worth while to prefetch them.
    pub(crate) fn is_scattered(&self) -> bool {
        matches!(self.rows, Rows::Large(_))
    }

    /// Has a row brought near from memory, for it will be looked at soon.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: usize) {
        if let Rows::Large(large) = &self.rows {
            large.rows.prefetch(at);
        }
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut R> {
        match &mut self.rows {
            Rows::Small(rows) => rows.get_mut(at),
            Rows::Large(large) => large.rows.get_mut(at),
        }
    }

    /// What is known of the rows for the choice of peers, if that is kept.
    pub(crate) fn profiles(&self) -> Option<&Profiles<R::Id>> {
        match &self.rows {
            Rows::Small(_) => None,
            Rows::Large(large) => large.profiles.as_deref(),
        }
    }

    /// The same, kept from now on; `None` if there are too few rows to choose from.
    pub(crate) fn keep_profiles(&mut self, kept: Kept) -> Option<&mut Profiles<R::Id>> {
        let Rows::Large(large) = &mut self.rows else { return None };
        if large.index.len() <= SMALL_MAX {
            return None;
        }
        let profiles = large.profiles.get_or_insert_with(|| Box::new(Profiles::new(kept)));
        profiles.keep(kept);
        profiles.catch_up(large.index.len());
        Some(profiles)
    }

    /// Forgets what is known of a row.
    pub(crate) fn forget_profile(&mut self, at: usize) {
        if let Rows::Large(large) = &mut self.rows
            && let Some(profiles) = &mut large.profiles
        {
            profiles.set(at, Profile::default());
        }
    }

    pub(crate) fn drop_profiles(&mut self) {
        if let Rows::Large(large) = &mut self.rows {
            large.profiles = None;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        let (small, large) = match &self.rows {
            Rows::Small(rows) => (Some(rows.iter()), None),
            Rows::Large(large) => (None, Some(large.rows.iter())),
        };
        small.into_iter().flatten().chain(large.into_iter().flatten())
    }

    pub(crate) fn find(&self, id: &R::Id, key: &HashKey) -> Option<usize> {
        match &self.rows {
            Rows::Small(rows) => rows.iter().position(|row| row.is(id)),
            Rows::Large(large) => {
                let hash = R::hash(id, key);
                let is_it = |at: u32| large.rows.get(at as usize).is_some_and(|row| row.is(id));
                large.index.find(hash, is_it).map(|at| at as usize)
            }
        }
    }

    /// The rows whose identity has the same hash, for sessions those of one user, and maybe others.
    pub(crate) fn with_hash_of<'s>(
        &'s self,
        id: &R::Id,
        key: &HashKey,
    ) -> impl Iterator<Item = &'s R> + use<'s, R> {
        let (all, indexed) = match &self.rows {
            Rows::Small(rows) => (Some(rows.iter()), None),
            Rows::Large(large) => {
                let numbers = large.index.with_hash(R::hash(id, key));
                (None, Some(numbers.filter_map(|at| large.rows.get(at as usize))))
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
                let mut large = Large::new();
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
                if large.rows.len() <= SMALL_AGAIN {
                    self.rows = Rows::Small(large.rows.iter().copied().collect());
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

impl<R: Row> Large<R> {
    fn new() -> Self {
        Self { rows: Chunks::new(), index: Index::default(), profiles: None }
    }

    fn push(&mut self, row: R, key: &HashKey) {
        let Ok(at) = u32::try_from(self.index.len()) else { return };
        self.rows.push(row);
        self.index.insert(R::hash(&row.id(), key), at, hash_of(&self.rows, key));
        if let Some(profiles) = &mut self.profiles {
            profiles.added(self.rows.len());
        }
    }

    fn pop(&mut self, key: &HashKey) -> Option<R> {
        let row = self.rows.pop()?;
        let gone = u32::try_from(self.rows.len()).ok()?;
        self.index.remove(R::hash(&row.id(), key), gone, hash_of(&self.rows, key));
        if self.index.len() <= SMALL_MAX {
            self.profiles = None;
        }
        if let Some(profiles) = &mut self.profiles {
            profiles.removed(self.index.len(), row.id());
        }
        Some(row)
    }

    fn swap(&mut self, a: usize, b: usize, key: &HashKey) {
        let numbered = |at: usize| {
            let hash = R::hash(&self.rows.get(at)?.id(), key);
            Some((hash, u32::try_from(at).ok()?))
        };
        if let (Some(row_a), Some(row_b)) = (numbered(a), numbered(b)) {
            self.index.swap(row_a, row_b, hash_of(&self.rows, key));
            self.rows.swap(a, b);
            if let Some(profiles) = &mut self.profiles {
                profiles.swapped(a, b);
            }
        }
    }
}

/// The hash of a row by its number.
fn hash_of<R: Row>(rows: &Chunks<R>, key: &HashKey) -> impl Fn(u32) -> u64 {
    |at| rows.get(at as usize).map_or(0, |row| R::hash(&row.id(), key))
}

#[cfg(test)]
mod tests;
