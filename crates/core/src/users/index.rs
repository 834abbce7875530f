//! A table of user indexes whose keys stay in the users' records.

use crossbeam_utils::CachePadded;
use hashbrown::HashTable;
use parking_lot::RwLock;

/// Parts of the table, so that workers do not queue for one lock.
const PARTS: usize = 256;

/// Five bytes per place: an index, and a byte of its hash that spares most reads of a record that
/// is not the one looked for.
#[derive(Debug)]
pub(super) struct Index {
    parts: Box<[CachePadded<RwLock<HashTable<u32>>>]>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| CachePadded::default()).collect() }
    }

    /// The first user under `hash` of whom `read` makes something.
    pub(super) fn find<T>(&self, hash: u64, read: impl Fn(u32) -> Option<T>) -> Option<T> {
        let mut found = None;
        let matches = |index: &u32| {
            found = read(*index);
            found.is_some()
        };
        self.part(hash)?.read().find(hash, matches)?;
        found
    }

    /// Adds a user who is not there yet; `hash_of` says the hash of any user in the table. Only
    /// one thread at a time may add or remove.
    ///
    /// A part that is full is copied into a larger one beside it, which reads the records of all
    /// its users: look-ups go on meanwhile, and wait only while the two change places.
    pub(super) fn insert(&self, hash: u64, index: u32, hash_of: impl Fn(u32) -> u64) {
        let Some(part) = self.part(hash) else { return };
        let hash_of = |index: &u32| hash_of(*index);
        let larger = {
            let full = part.read();
            (full.len() == full.capacity()).then(|| {
                let mut larger = HashTable::with_capacity(full.len().saturating_add(1));
                full.iter().for_each(|index| {
                    larger.insert_unique(hash_of(index), *index, hash_of);
                });
                larger
            })
        };
        let mut table = part.write();
        let full = larger.map(|larger| std::mem::replace(&mut *table, larger));
        table.insert_unique(hash, index, hash_of);
        drop(table);
        drop(full);
    }

    pub(super) fn remove(&self, hash: u64, index: u32) {
        if let Some(part) = self.part(hash)
            && let Ok(entry) = part.write().find_entry(hash, |other| *other == index)
        {
            entry.remove();
        }
    }

    fn part(&self, hash: u64) -> Option<&RwLock<HashTable<u32>>> {
        self.parts.get(part_of(hash)).map(|part| &**part)
    }
}

/// The part of a hash, by bits that the table itself does not use.
///
/// The last part gets twice as much as the first, and those between them evenly more than the one
/// before: parts of one size would all double at once, and the table would be half empty after.
/// With `u` from 0 to 1 the part is `u (4 - u) / 3`, whose slope falls from 4/3 to 2/3.
fn part_of(hash: u64) -> usize {
    const BITS: u32 = 16;
    let u = (hash >> 40) & ((1 << BITS) - 1);
    let part = (u * ((4 << BITS) - u) / 3) >> BITS;
    (part as usize * PARTS) >> BITS
}
