//! Who announces torrents that are unknown or deleted: noted for sites that ask for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use mika_protocol::{AnnounceRequest, InfoHash};
use parking_lot::Mutex;

use super::Tracker;
use crate::admission;
use crate::batch::UnregisteredRow;

impl Tracker {
    /// From now on an announce of an unknown torrent is noted by
    /// [`Tracker::note_unregistered`] alone: for callers who ask somebody else first, and may
    /// announce it again.
    pub fn defer_unregistered(&self) {
        self.unregistered.deferred.store(true, Ordering::Relaxed);
    }

    /// Notes an announce of a torrent that nobody knows, if the site asks for it and the user is
    /// known.
    #[cold]
    pub fn note_unregistered(&self, request: &AnnounceRequest, now_seconds: u32) {
        if !self.rules.load().settings.site.record_unregistered {
            return;
        }
        if let Ok(user) = admission::user(&self.users, request) {
            self.unregistered.note(user.id, request.info_hash, now_seconds);
        }
    }
}

/// Such announces since the last flush, and how many did not find room.
#[derive(Debug, Default)]
pub(super) struct Unregistered {
    inner: Mutex<Inner>,
    deferred: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    at_seconds: BTreeMap<(u32, InfoHash), u32>,
    dropped: u64,
}

impl Unregistered {
    /// Notes an announce.
    #[cold]
    pub(super) fn note(&self, user_id: u32, info_hash: InfoHash, now_seconds: u32) {
        let mut inner = self.inner.lock();
        let key = (user_id, info_hash);
        let has_room = inner.at_seconds.len() < UnregisteredRow::ROWS_MAX;
        match inner.at_seconds.get_mut(&key) {
            Some(at_seconds) => *at_seconds = now_seconds,
            None if has_room => {
                inner.at_seconds.insert(key, now_seconds);
            }
            None => inner.dropped = inner.dropped.saturating_add(1),
        }
    }

    /// Whether unknown torrents are left to the caller.
    pub(super) fn is_deferred(&self) -> bool {
        self.deferred.load(Ordering::Relaxed)
    }

    /// Takes what was noted, sorted.
    pub(super) fn take(&self) -> Vec<UnregisteredRow> {
        let taken = std::mem::take(&mut self.inner.lock().at_seconds);
        let rows = taken.into_iter();
        rows.map(|((user_id, info_hash), announced_at_seconds)| UnregisteredRow {
            user_id,
            info_hash,
            announced_at_seconds,
        })
        .collect()
    }

    /// Rows that wait, and announces that did not find room since the start.
    pub(super) fn counts(&self) -> (u64, u64) {
        let inner = self.inner.lock();
        (inner.at_seconds.len() as u64, inner.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announces_of_one_user_and_hash_are_one_row_and_there_is_a_limit() {
        let noted = Unregistered::default();
        noted.note(7, InfoHash([1; 20]), 10);
        noted.note(7, InfoHash([1; 20]), 20);
        for user in 0..UnregisteredRow::ROWS_MAX as u32 + 5 {
            noted.note(user, InfoHash([2; 20]), 30);
        }
        assert_eq!(noted.counts(), (UnregisteredRow::ROWS_MAX as u64, 6));
        let rows = noted.take();
        assert_eq!(rows.len(), UnregisteredRow::ROWS_MAX);
        let info_hash = InfoHash([1; 20]);
        assert!(rows.contains(&UnregisteredRow {
            user_id: 7,
            info_hash,
            announced_at_seconds: 20
        }));
        assert_eq!(noted.counts(), (0, 6));
    }
}
