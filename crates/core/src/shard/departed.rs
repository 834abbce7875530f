//! What leechers who left a swarm still lacked: a client that comes back under a new name with
//! less left has downloaded in between, and is charged for it.

use std::cmp::Reverse;

use super::IntegerMap;
use crate::packed::U48;

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

/// Departed leechers of one shard, by torrent slot and user index.
#[derive(Debug, Default)]
pub(crate) struct Departed {
    by_user: IntegerMap<(u32, u32), Left>,
}

impl Departed {
    pub(crate) fn len(&self) -> usize {
        self.by_user.len()
    }

    /// Remembers a leecher, unless something more recent is known of the user; of two reports of
    /// one second, the one with less left counts. When `entries_max` are remembered already, the
    /// old ones make room, and if there are none, the newcomer is not remembered. Returns whether
    /// the user is.
    pub(crate) fn put(&mut self, slot: u32, user: u32, left: Left, entries_max: usize) -> bool {
        if self.get(slot, user).is_some_and(|known| known.recency() > left.recency()) {
            return true;
        }
        if self.by_user.len() >= entries_max && !self.by_user.contains_key(&(slot, user)) {
            let oldest = left.at_seconds.saturating_sub(MEMORY_SECONDS);
            self.by_user.retain(|_, known| known.at_seconds >= oldest);
            if self.by_user.len() >= entries_max {
                return false;
            }
        }
        self.by_user.insert((slot, user), left);
        true
    }

    pub(crate) fn get(&self, slot: u32, user: u32) -> Option<Left> {
        self.by_user.get(&(slot, user)).copied()
    }

    /// Forgets what is not more recent than a report of nothing left.
    pub(crate) fn forget(&mut self, slot: u32, user: u32, at_seconds: u32) {
        if self.get(slot, user).is_some_and(|known| known.at_seconds <= at_seconds) {
            self.by_user.remove(&(slot, user));
        }
    }

    pub(crate) fn take(&mut self, slot: u32, user: u32) -> Option<Left> {
        self.by_user.remove(&(slot, user))
    }

    pub(crate) fn clear(&mut self) {
        self.by_user.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, Left)> {
        self.by_user.iter().map(|((slot, user), left)| (*slot, *user, *left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_makes_room_by_forgetting_the_old() {
        let left = |at_seconds| Left { bytes: 5, at_seconds };
        let mut departed = Departed::default();
        assert!(departed.put(1, 1, left(10), 2));
        assert!(departed.put(1, 2, left(20), 2));
        assert!(!departed.put(1, 3, left(30), 2));
        assert!(departed.put(1, 2, left(31), 2));
        assert!(departed.put(1, 3, left(11 + MEMORY_SECONDS), 2));
        assert_eq!(departed.take(1, 1), None);
        assert_eq!(departed.take(1, 2), Some(left(31)));
        assert_eq!(departed.len(), 1);
    }
}
