//! Counters of sessions that fell silent, for sites where a client that comes back goes on with
//! them.

use crate::hash::{HashKey, spread};
use crate::swarm::session::{Session, SessionId};
use crate::swarm::{Class, Dense, Row};

/// One session: 50 bytes. Of its row the counters, the times and the facts are of use.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: [u8; 4],
    row: Session,
}

const _: () = assert!(size_of::<Entry>() == 50);

impl Row for Entry {
    type Id = (u32, SessionId);

    fn id(&self) -> (u32, SessionId) {
        (u32::from_le_bytes(self.slot), self.row.id())
    }

    fn is(&self, (slot, id): &(u32, SessionId)) -> bool {
        u32::from_le_bytes(self.slot) == *slot && self.row.is(id)
    }

    /// The session's key is the tracker's own keyed hash, and slots are its own numbers.
    fn hash((slot, id): &(u32, SessionId), _: &HashKey) -> u64 {
        spread(id.key ^ u64::from(*slot))
    }
}

/// Silent sessions of one shard.
#[derive(Debug)]
pub(crate) struct Silent {
    entries: Dense<Entry>,
    key: HashKey,
}

impl Silent {
    pub(crate) fn new() -> Self {
        Self { entries: Dense::default(), key: HashKey::new([0; 16]) }
    }

    /// Keeps a session. When `entries_max` are kept already, those whose last announce was before
    /// `since_seconds` make room, and if there are none, the newcomer is not kept. Returns whether
    /// it is.
    pub(crate) fn put(
        &mut self,
        slot: u32,
        mut row: Session,
        since_seconds: u32,
        entries_max: usize,
    ) -> bool {
        self.take(slot, &row.id());
        if self.entries.len() >= entries_max {
            self.forget_older(since_seconds);
            if self.entries.len() >= entries_max {
                return false;
            }
        }
        row.drop_v4();
        let entry = Entry { slot: slot.to_le_bytes(), row };
        self.entries.insert(entry, Class::Seeder, &self.key);
        true
    }

    /// Takes a session out, to go on with it or to forget it.
    pub(crate) fn take(&mut self, slot: u32, id: &SessionId) -> Option<Session> {
        if self.entries.len() == 0 {
            return None;
        }
        let at = self.entries.find(&(slot, *id), &self.key)?;
        self.entries.remove(at, &self.key).map(|entry| entry.row)
    }

    pub(crate) fn get(&self, slot: u32, id: &SessionId) -> Option<&Session> {
        let at = self.entries.find(&(slot, *id), &self.key)?;
        self.entries.get(at).map(|entry| &entry.row)
    }

    fn forget_older(&mut self, at_seconds: u32) {
        // From the end: what takes a removed one's place has been looked at.
        for at in (0..self.entries.len()).rev() {
            if self.entries.get(at).is_some_and(|entry| entry.row.last_seconds() < at_seconds) {
                self.entries.remove(at, &self.key);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries = Dense::default();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Session)> {
        self.entries.iter().map(|entry| (u32::from_le_bytes(entry.slot), entry.row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(key: u64, last_seconds: u32) -> Session {
        let mut row = Session::new(SessionId { user: 1, key }, 0);
        row.set_last_seconds(last_seconds);
        row
    }

    #[test]
    fn of_many_sessions_each_is_kept_until_it_is_taken_and_the_old_make_room() {
        let mut silent = Silent::new();
        for key in 0..1000 {
            assert!(silent.put(3, session(key, key as u32), 0, 1000));
        }
        assert!(!silent.put(3, session(1000, 1000), 0, 1000));
        assert!(silent.put(3, session(7, 2000), 0, 1000));
        let last = |silent: &Silent, key| {
            silent.get(3, &SessionId { user: 1, key }).map(Session::last_seconds)
        };
        assert_eq!((last(&silent, 7), last(&silent, 8)), (Some(2000), Some(8)));
        assert!(silent.get(4, &SessionId { user: 1, key: 8 }).is_none());
        assert!(silent.put(3, session(1000, 1000), 500, 1000));
        assert_eq!((last(&silent, 7), last(&silent, 499)), (Some(2000), None));
        assert!(silent.take(3, &SessionId { user: 1, key: 7 }).is_some());
        assert!(silent.take(3, &SessionId { user: 1, key: 7 }).is_none());
        assert_eq!(silent.iter().count(), 501);
        silent.clear();
        assert_eq!(silent.iter().count(), 0);
    }
}
