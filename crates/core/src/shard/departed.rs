//! What leechers who left a swarm still lacked: a client that comes back under a new name with
//! less left has downloaded in between, and is charged for it.

use std::cmp::Reverse;

use crate::hash::{HashKey, spread};
use crate::packed::U48;
use crate::swarm::{Class, Dense, Row};

/// How long a departed leecher is remembered: after that the site's own history is the judge.
const MEMORY_SECONDS: u32 = 14 * 24 * 3600;

/// Bytes left and time, of one user on one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) bytes: u64,
    pub(crate) at_seconds: u32,
}

impl Left {
    /// The bytes, unless the client did not know the torrent's size.
    pub(crate) fn known(self) -> Option<u64> {
        (self.bytes < U48::MAX).then_some(self.bytes)
    }

    /// What decides which of two reports is the last.
    pub(crate) fn recency(&self) -> (u32, Reverse<u64>) {
        (self.at_seconds, Reverse(self.bytes))
    }
}

/// One user on one torrent: 18 bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: [u8; 4],
    user: [u8; 4],
    at_seconds: [u8; 4],
    left: U48,
}

const _: () = assert!(size_of::<Entry>() == 18);

impl Entry {
    fn new((slot, user): (u32, u32), left: Left) -> Self {
        Self {
            slot: slot.to_le_bytes(),
            user: user.to_le_bytes(),
            at_seconds: left.at_seconds.to_le_bytes(),
            left: U48::new(left.bytes),
        }
    }

    fn left(&self) -> Left {
        Left { bytes: self.left.get(), at_seconds: u32::from_le_bytes(self.at_seconds) }
    }
}

impl Row for Entry {
    type Id = (u32, u32);

    fn id(&self) -> (u32, u32) {
        (u32::from_le_bytes(self.slot), u32::from_le_bytes(self.user))
    }

    fn is(&self, id: &(u32, u32)) -> bool {
        self.id() == *id
    }

    /// Both are the tracker's own numbers, which nobody can choose: the key is not needed.
    fn hash((slot, user): &(u32, u32), _: &HashKey) -> u64 {
        spread(u64::from(*slot) << 32 | u64::from(*user))
    }
}

/// Departed leechers of one shard, by torrent slot and user index.
#[derive(Debug)]
pub(crate) struct Departed {
    entries: Dense<Entry>,
    key: HashKey,
}

impl Departed {
    pub(crate) fn new() -> Self {
        Self { entries: Dense::default(), key: HashKey::new([0; 16]) }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Remembers a leecher, unless something more recent is known of the user; of two reports of
    /// one second, the one with less left counts. When `entries_max` are remembered already, the
    /// old ones make room, and if there are none, the newcomer is not remembered. Returns whether
    /// the user is.
    pub(crate) fn put(&mut self, slot: u32, user: u32, left: Left, entries_max: usize) -> bool {
        let entry = Entry::new((slot, user), left);
        if let Some(known) = self.find(slot, user).and_then(|at| self.entries.get_mut(at)) {
            if known.left().recency() <= left.recency() {
                *known = entry;
            }
            return true;
        }
        if self.len() >= entries_max {
            self.forget_older(left.at_seconds.saturating_sub(MEMORY_SECONDS));
            if self.len() >= entries_max {
                return false;
            }
        }
        self.entries.insert(entry, Class::Seeder, &self.key);
        true
    }

    fn find(&self, slot: u32, user: u32) -> Option<usize> {
        self.entries.find(&(slot, user), &self.key)
    }

    fn forget_older(&mut self, at_seconds: u32) {
        // From the end: what takes a removed one's place has been looked at.
        for at in (0..self.len()).rev() {
            if self.entries.get(at).is_some_and(|entry| entry.left().at_seconds < at_seconds) {
                self.entries.remove(at, &self.key);
            }
        }
    }

    pub(crate) fn get(&self, slot: u32, user: u32) -> Option<Left> {
        self.entries.get(self.find(slot, user)?).map(Entry::left)
    }

    /// Forgets what is not more recent than a report of nothing left.
    pub(crate) fn forget(&mut self, slot: u32, user: u32, at_seconds: u32) {
        if self.get(slot, user).is_some_and(|known| known.at_seconds <= at_seconds) {
            self.take(slot, user);
        }
    }

    pub(crate) fn take(&mut self, slot: u32, user: u32) -> Option<Left> {
        let at = self.find(slot, user)?;
        self.entries.remove(at, &self.key).map(|entry| entry.left())
    }

    pub(crate) fn clear(&mut self) {
        self.entries = Dense::default();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, Left)> {
        self.entries.iter().map(|entry| {
            let (slot, user) = entry.id();
            (slot, user, entry.left())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_makes_room_by_forgetting_the_old() {
        let left = |at_seconds| Left { bytes: 5, at_seconds };
        let mut departed = Departed::new();
        assert!(departed.put(1, 1, left(10), 2));
        assert!(departed.put(1, 2, left(20), 2));
        assert!(!departed.put(1, 3, left(30), 2));
        assert!(departed.put(1, 2, left(31), 2));
        assert!(departed.put(1, 3, left(11 + MEMORY_SECONDS), 2));
        assert_eq!(departed.take(1, 1), None);
        assert_eq!(departed.take(1, 2), Some(left(31)));
        assert_eq!(departed.len(), 1);
    }

    #[test]
    fn of_many_users_each_is_known_until_it_is_forgotten() {
        let left = |user| Left { bytes: u64::from(user) + 1, at_seconds: user };
        let mut departed = Departed::new();
        for user in 0..2000 {
            assert!(departed.put(user % 7, user, left(user), 2000));
        }
        assert_eq!(departed.iter().filter(|(_, user, it)| *it == left(*user)).count(), 2000);
        departed.forget(1, 1, 0);
        departed.forget(2, 2, 2);
        assert_eq!((departed.get(1, 1), departed.get(2, 2)), (Some(left(1)), None));
        assert!(departed.put(0, 5000, left(MEMORY_SECONDS + 1500), 1999));
        assert_eq!(departed.len(), 501);
        assert!((1500..2000).all(|user| departed.get(user % 7, user) == Some(left(user))));
        departed.clear();
        assert_eq!((departed.len(), departed.iter().count()), (0, 0));
    }

    #[test]
    fn an_older_report_does_not_replace_a_newer_one() {
        let mut departed = Departed::new();
        let newer = Left { bytes: u64::MAX, at_seconds: 9 };
        assert!(departed.put(1, 1, newer, 1));
        assert!(departed.put(1, 1, Left { bytes: 3, at_seconds: 8 }, 1));
        assert_eq!(departed.get(1, 1).map(|left| (left.at_seconds, left.known())), Some((9, None)));
    }
}
