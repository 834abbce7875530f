//! The users in memory: found by a digest of their passkey, kept by index.
//!
//! A record is 12 bytes, its entry in the passkey table 32 and that in the table of ids 48: with
//! the tables' slack 160 to 200 bytes a user (measured at 100,000 and at a million). Indexes are
//! never reused while the process lives, since sessions hold them.

use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_utils::CachePadded;
use hashbrown::{HashMap, HashTable};
use mika_protocol::Passkey;
use parking_lot::RwLock;

use crate::hash::HashKey;
use crate::registry::{RegistryError, UserSpec, UserTerms};

/// Parts of the tables, so that workers do not queue for one lock.
const PARTS: usize = 64;

const DOWNLOAD_ENABLED: u8 = 1;
const DELETED: u8 = 2;
const TERMS: u8 = 4;

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
}

#[derive(Debug)]
struct Record {
    id: u32,
    /// Torrents that the user leeches now.
    leeching: AtomicU32,
    role_id: u16,
    flags: u8,
}

#[derive(Debug, Clone, Copy)]
struct PasskeyEntry {
    digest: u128,
    index: u32,
}

/// All users.
#[derive(Debug)]
pub(crate) struct Users {
    hash_key: HashKey,
    passkeys: Box<[CachePadded<RwLock<HashTable<PasskeyEntry>>>]>,
    records: Box<[CachePadded<RwLock<Vec<Record>>>]>,
    ids: RwLock<Ids>,
}

/// The control plane's view: which index and passkey a user id has.
#[derive(Debug, Default)]
struct Ids {
    by_id: HashMap<u32, (u32, u128), foldhash::fast::RandomState>,
}

impl Users {
    pub(crate) fn new(hash_key: HashKey) -> Self {
        Self {
            hash_key,
            passkeys: (0..PARTS).map(|_| CachePadded::default()).collect(),
            records: (0..PARTS).map(|_| CachePadded::default()).collect(),
            ids: RwLock::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.read().by_id.len()
    }

    pub(crate) fn by_passkey(&self, passkey: &Passkey) -> Option<User> {
        let digest = self.hash_key.passkey(passkey);
        let hash = fold(digest);
        let index = {
            let part = self.passkeys.get(part_of(hash))?.read();
            part.find(hash, |entry| entry.digest == digest)?.index
        };
        self.by_index(index)
    }

    pub(crate) fn by_index(&self, index: u32) -> Option<User> {
        self.with_record(index, |record| User {
            index,
            id: record.id,
            role_id: record.role_id,
            download_enabled: record.flags & DOWNLOAD_ENABLED != 0,
            deleted: record.flags & DELETED != 0,
            has_terms: record.flags & TERMS != 0,
        })
    }

    pub(crate) fn index_of(&self, id: u32) -> Option<u32> {
        self.ids.read().by_id.get(&id).map(|(index, _)| *index)
    }

    /// Adds a user or replaces the one with its id.
    pub(crate) fn put(&self, user: &UserSpec, users_max: u32) -> Result<(), RegistryError> {
        let digest = self.hash_key.passkey(&user.passkey);
        let mut ids = self.ids.write();
        let known = ids.by_id.get(&user.id).copied();
        if known.is_none() && ids.by_id.len() >= users_max as usize {
            return Err(RegistryError::UserLimit);
        }
        if known.is_none_or(|(_, old)| old != digest) && self.passkey_taken(digest) {
            return Err(RegistryError::PasskeyTaken);
        }
        let flags = if user.download_enabled { DOWNLOAD_ENABLED } else { 0 }
            | if user.deleted { DELETED } else { 0 }
            | if user.terms == UserTerms::default() { 0 } else { TERMS };
        let index = match known {
            Some((index, old_digest)) => {
                self.change(index, user.role_id, flags);
                if old_digest != digest {
                    self.drop_passkey(old_digest);
                }
                index
            }
            None => self.append(ids.by_id.len(), user, flags),
        };
        if known.is_none_or(|(_, old)| old != digest) {
            self.add_passkey(PasskeyEntry { digest, index });
        }
        ids.by_id.insert(user.id, (index, digest));
        Ok(())
    }

    /// Closes an account: its announces are refused from now on.
    pub(crate) fn retire(&self, index: u32) {
        let index = index as usize;
        let Some(part) = self.records.get(index % PARTS) else { return };
        if let Some(record) = part.write().get_mut(index / PARTS) {
            record.flags |= DELETED;
        }
    }

    /// Torrents that a user leeches now.
    pub(crate) fn leeching(&self, index: u32) -> u32 {
        self.with_record(index, |record| record.leeching.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(crate) fn add_leeching(&self, index: u32) {
        self.with_record(index, |record| record.leeching.fetch_add(1, Ordering::Relaxed));
    }

    pub(crate) fn drop_leeching(&self, index: u32) {
        self.with_record(index, |record| {
            let less = |count: u32| count.checked_sub(1);
            record.leeching.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()
        });
    }

    fn with_record<T>(&self, index: u32, read: impl FnOnce(&Record) -> T) -> Option<T> {
        let index = index as usize;
        let part = self.records.get(index % PARTS)?.read();
        part.get(index / PARTS).map(read)
    }

    fn change(&self, index: u32, role_id: u16, flags: u8) {
        let index = index as usize;
        let Some(part) = self.records.get(index % PARTS) else { return };
        if let Some(record) = part.write().get_mut(index / PARTS) {
            record.role_id = role_id;
            record.flags = flags;
        }
    }

    /// Adds the `count`-th record. Parts fill evenly, so its place follows from its number.
    fn append(&self, count: usize, user: &UserSpec, flags: u8) -> u32 {
        if let Some(part) = self.records.get(count % PARTS) {
            part.write().push(Record {
                id: user.id,
                leeching: AtomicU32::new(0),
                role_id: user.role_id,
                flags,
            });
        }
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn passkey_taken(&self, digest: u128) -> bool {
        let hash = fold(digest);
        self.passkeys
            .get(part_of(hash))
            .is_some_and(|part| part.read().find(hash, |entry| entry.digest == digest).is_some())
    }

    fn add_passkey(&self, entry: PasskeyEntry) {
        let hash = fold(entry.digest);
        if let Some(part) = self.passkeys.get(part_of(hash)) {
            part.write().insert_unique(hash, entry, |entry| fold(entry.digest));
        }
    }

    fn drop_passkey(&self, digest: u128) {
        let hash = fold(digest);
        if let Some(part) = self.passkeys.get(part_of(hash))
            && let Ok(entry) = part.write().find_entry(hash, |entry| entry.digest == digest)
        {
            entry.remove();
        }
    }
}

/// A digest is a keyed hash already; half of it serves as the table's hash.
fn fold(digest: u128) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest.to_le_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn part_of(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: u32, passkey: &str) -> UserSpec {
        UserSpec {
            id,
            passkey: Passkey::new(passkey.as_bytes()).unwrap(),
            role_id: 1,
            download_enabled: true,
            deleted: false,
            terms: UserTerms::default(),
        }
    }

    fn find(users: &Users, passkey: &str) -> Option<u32> {
        users.by_passkey(&Passkey::new(passkey.as_bytes()).unwrap()).map(|user| user.id)
    }

    #[test]
    fn a_changed_passkey_counts_at_once_and_the_old_one_is_gone() {
        let users = Users::new(HashKey::new([7; 16]));
        users.put(&spec(9, "old"), 10).unwrap();
        assert_eq!(find(&users, "old"), Some(9));
        users.put(&spec(9, "new"), 10).unwrap();
        assert_eq!((find(&users, "old"), find(&users, "new")), (None, Some(9)));
        assert_eq!(users.len(), 1);
    }

    #[test]
    fn a_passkey_in_use_and_a_user_above_the_limit_are_refused() {
        let users = Users::new(HashKey::new([7; 16]));
        users.put(&spec(1, "one"), 2).unwrap();
        users.put(&spec(2, "two"), 2).unwrap();
        assert_eq!(users.put(&spec(2, "one"), 2), Err(RegistryError::PasskeyTaken));
        assert_eq!(users.put(&spec(3, "three"), 2), Err(RegistryError::UserLimit));
        assert_eq!(find(&users, "two"), Some(2));
    }

    #[test]
    fn a_thousand_users_are_all_found_by_passkey_and_by_id() {
        let users = Users::new(HashKey::new([3; 16]));
        for id in 0..1000 {
            users.put(&spec(id, &format!("key{id}")), 1000).unwrap();
        }
        for id in 0..1000 {
            assert_eq!(find(&users, &format!("key{id}")), Some(id));
            let index = users.index_of(id).unwrap();
            assert_eq!(users.by_index(index).unwrap().id, id);
        }
    }

    #[test]
    fn leeching_never_goes_below_zero() {
        let users = Users::new(HashKey::new([3; 16]));
        users.put(&spec(1, "one"), 1).unwrap();
        users.drop_leeching(0);
        assert_eq!(users.leeching(0), 0);
        users.add_leeching(0);
        assert_eq!(users.leeching(0), 1);
    }
}
