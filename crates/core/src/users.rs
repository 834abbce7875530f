//! The users in memory: found by a digest of their passkey or by the store's id, kept by index.
//!
//! A record is 28 bytes and holds both keys. Its entries in the two tables are indexes, so that a
//! user costs 50 to 55 bytes with all slack (measured from 200,000 to a million). Indexes are
//! never reused while the process lives, since sessions hold them.

mod index;
mod records;

use std::sync::atomic::{AtomicU32, Ordering};

use mika_protocol::Passkey;
use parking_lot::Mutex;

use self::index::Index;
use self::records::{Record, Records};
use crate::hash::HashKey;
use crate::registry::{RegistryError, UserSpec, UserTerms};

const DOWNLOAD_ENABLED: u8 = 1;
const DELETED: u8 = 2;
const TERMS: u8 = 4;
const RESTRAINED: u8 = 8;

/// What an announce needs to know of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    /// Position in memory.
    pub(crate) index: u32,
    /// The store's id.
    pub(crate) id: u32,
    pub(crate) role_id: u16,
    pub(crate) download_enabled: bool,
    pub(crate) deleted: bool,
    /// There are terms of the user's own.
    pub(crate) has_terms: bool,
    /// Something is held back from the user.
    pub(crate) restrained: bool,
}

/// A passkey's keyed digest, as bytes: a record with a `u128` would have to be 32 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digest([u8; 16]);

/// All users.
#[derive(Debug)]
pub(crate) struct Users {
    hash_key: HashKey,
    records: Records,
    by_passkey: Index,
    by_id: Index,
    /// Users there are. Whoever changes anything holds this lock; look-ups do without it.
    count: Mutex<u32>,
}

impl Users {
    pub(crate) fn new(hash_key: HashKey) -> Self {
        Self {
            hash_key,
            records: Records::new(),
            by_passkey: Index::new(),
            by_id: Index::new(),
            count: Mutex::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        *self.count.lock() as usize
    }

    pub(crate) fn by_passkey(&self, passkey: &Passkey) -> Option<User> {
        self.by_digest(self.digest(passkey))
    }

    pub(crate) fn by_index(&self, index: u32) -> Option<User> {
        self.records.read(index, |record| record.user(index))
    }

    pub(crate) fn index_of(&self, id: u32) -> Option<u32> {
        let is_it = |index| self.records.read(index, |record| record.id == id) == Some(true);
        self.by_id.find(self.id_hash(id), |index| is_it(index).then_some(index))
    }

    /// Adds a user or replaces the one with its id.
    pub(crate) fn put(&self, user: &UserSpec, users_max: u32) -> Result<(), RegistryError> {
        let digest = self.digest(&user.passkey);
        let mut count = self.count.lock();
        let known = self.index_of(user.id);
        if known.is_none() && *count >= users_max {
            return Err(RegistryError::UserLimit);
        }
        if self.by_digest(digest).is_some_and(|owner| Some(owner.index) != known) {
            return Err(RegistryError::PasskeyTaken);
        }
        let flags = if user.download_enabled { DOWNLOAD_ENABLED } else { 0 }
            | if user.deleted { DELETED } else { 0 }
            | if user.terms == UserTerms::default() { 0 } else { TERMS };
        if let Some(index) = known {
            self.change(index, digest, user.role_id, flags);
            return Ok(());
        }
        let index = *count;
        let leeching = AtomicU32::new(0);
        let (id, role_id) = (user.id, user.role_id);
        self.records.push(index, Record { digest, id, leeching, role_id, flags });
        self.add_passkey(digest, index);
        let id_hash = |index| self.records.read(index, |record| self.id_hash(record.id));
        self.by_id.insert(self.id_hash(id), index, |index| id_hash(index).unwrap_or_default());
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Closes an account: its announces are refused from now on.
    pub(crate) fn retire(&self, index: u32) {
        self.records.change(index, |record| record.flags |= DELETED);
    }

    /// Says whether there are terms of the user's own.
    pub(crate) fn mark_terms(&self, index: u32, has_terms: bool) {
        self.records.change(index, |record| match has_terms {
            true => record.flags |= TERMS,
            false => record.flags &= !TERMS,
        });
    }

    /// Says whether anything is held back from a user.
    pub(crate) fn mark_restrained(&self, index: u32, restrained: bool) {
        self.records.change(index, |record| match restrained {
            true => record.flags |= RESTRAINED,
            false => record.flags &= !RESTRAINED,
        });
    }

    /// Torrents that a user leeches now.
    pub(crate) fn leeching(&self, index: u32) -> u32 {
        self.records.read(index, |record| record.leeching.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(crate) fn add_leeching(&self, index: u32) {
        self.records.read(index, |record| record.leeching.fetch_add(1, Ordering::Relaxed));
    }

    pub(crate) fn drop_leeching(&self, index: u32) {
        self.records.read(index, |record| {
            let less = |count: u32| count.checked_sub(1);
            record.leeching.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()
        });
    }

    fn by_digest(&self, digest: Digest) -> Option<User> {
        let is_it = |index, record: &Record| (record.digest == digest).then(|| record.user(index));
        self.by_passkey
            .find(digest.hash(), |index| self.records.read(index, |record| is_it(index, record))?)
    }

    /// The table finds an entry again by the digest in the record, so it must not hold the entry
    /// while the digest changes.
    fn change(&self, index: u32, digest: Digest, role_id: u16, flags: u8) {
        let old = self.records.read(index, |record| record.digest).unwrap_or(digest);
        if old != digest {
            self.by_passkey.remove(old.hash(), index);
        }
        self.records.change(index, |record| {
            record.digest = digest;
            record.role_id = role_id;
            // The store knows nothing of restraints.
            record.flags = flags | (record.flags & RESTRAINED);
        });
        if old != digest {
            self.add_passkey(digest, index);
        }
    }

    fn add_passkey(&self, digest: Digest, index: u32) {
        self.by_passkey.insert(digest.hash(), index, |index| self.passkey_hash(index));
    }

    fn passkey_hash(&self, index: u32) -> u64 {
        self.records.read(index, |record| record.digest.hash()).unwrap_or_default()
    }

    fn digest(&self, passkey: &Passkey) -> Digest {
        Digest(self.hash_key.passkey(passkey).to_le_bytes())
    }

    fn id_hash(&self, id: u32) -> u64 {
        self.hash_key.bytes(&id.to_le_bytes())
    }
}

impl Record {
    fn user(&self, index: u32) -> User {
        User {
            index,
            id: self.id,
            role_id: self.role_id,
            download_enabled: self.flags & DOWNLOAD_ENABLED != 0,
            deleted: self.flags & DELETED != 0,
            has_terms: self.flags & TERMS != 0,
            restrained: self.flags & RESTRAINED != 0,
        }
    }
}

impl Digest {
    /// A digest is a keyed hash already; half of it serves as the table's hash.
    fn hash(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests;
