//! What the site changed in its tables by itself: read again and brought into force, so that a
//! call that never reached the tracker heals.
//!
//! A record that is changed through the tracker while a resync reads is newer than what was read,
//! and stays.

use std::collections::HashSet;

use mika_store::StoreError;
use parking_lot::Mutex;
use tracing::warn;

use super::load::{Loaded, Loader};
use super::{Control, LoadReport};

/// What a change is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    User(u32),
    Torrent(u32),
    Roles,
    ClientRules,
    Tokens,
    Events,
}

/// What was changed since a resync began to read; nothing is kept while none is under way.
#[derive(Debug, Default)]
pub(super) struct Touched(Mutex<Option<HashSet<Key>>>);

impl Touched {
    fn begin(&self) {
        *self.0.lock() = Some(HashSet::new());
    }

    fn end(&self) -> HashSet<Key> {
        self.0.lock().take().unwrap_or_default()
    }

    pub(super) fn add(&self, key: Key) {
        if let Some(keys) = self.0.lock().as_mut() {
            keys.insert(key);
        }
    }

    /// Puts something that was read in force, unless it was changed meanwhile. Held until it is
    /// done: a change that comes now is put after it.
    pub(super) fn unless<T>(&self, key: Key, put: impl FnOnce() -> T) -> Option<T> {
        let keys = self.0.lock();
        let is_touched = keys.as_ref().is_some_and(|keys| keys.contains(&key));
        (!is_touched).then(put)
    }
}

/// What a resync found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResyncReport {
    /// What was read.
    pub load: LoadReport,
    /// Users and torrents that the store has no more.
    pub retired: u64,
    /// Whether everything was read, or only what has changed.
    pub was_full: bool,
}

/// How a resync went.
pub type Resynced = Result<ResyncReport, StoreError>;

impl Control {
    /// Reads what the store says has changed since a Unix time in seconds (nothing, if it cannot
    /// tell), or everything if `since_seconds` is `None`. Users and torrents that are gone are
    /// found only by reading everything.
    ///
    /// # Errors
    ///
    /// Those of the store; what was read before it failed is in force.
    pub async fn resync(&self, since_seconds: Option<u32>) -> Resynced {
        let shared = &self.shared;
        let _turn = shared.resync.lock().await;
        shared.touched.begin();
        let result = self.read_again(since_seconds).await;
        shared.touched.end();
        result
    }

    async fn read_again(&self, since_seconds: Option<u32>) -> Resynced {
        let (tracker, touched) = (self.tracker(), &self.shared.touched);
        let removes = self.catalog().removes_torrents();
        if let Some(since_seconds) = since_seconds {
            let loader = Loader::new(tracker, touched, super::now_seconds());
            let mut loader = loader.noting_deleted(removes);
            return match self.catalog().load_changes(since_seconds, &mut loader).await {
                Ok(()) => {
                    let Loaded { report: load, deleted, .. } = loader.finish();
                    self.shared.deleted.saw(deleted);
                    Ok(ResyncReport { load, retired: 0, was_full: false })
                }
                Err(StoreError::Unsupported(_)) => Ok(ResyncReport::default()),
                Err(error) => Err(error),
            };
        }
        let loader = Loader::new(tracker, touched, super::now_seconds()).noting();
        let mut loader = loader.noting_deleted(removes);
        self.catalog().load(&mut loader).await?;
        let mut loaded = loader.finish();
        self.shared.deleted.saw(std::mem::take(&mut loaded.deleted));
        // A site that lists nobody has lost something, not everybody.
        if loaded.seen.users.is_empty() && tracker.stats().users > 0 {
            warn!("the store lists no users at all: nobody's account is closed for that");
            return Ok(ResyncReport { load: loaded.report, retired: 0, was_full: true });
        }
        let gone_user = |id: u32| !loaded.seen.users.contains(&id);
        let gone_torrent = |id: u32| !loaded.seen.torrents.contains(&id);
        let users = tracker.retire_users(|id, retire| {
            if gone_user(id) {
                touched.unless(Key::User(id), retire);
            }
        });
        let torrents = tracker.retire_torrents(|id, retire| {
            if gone_torrent(id) {
                touched.unless(Key::Torrent(id), retire);
            }
        });
        let retired = users.saturating_add(torrents);
        Ok(ResyncReport { load: loaded.report, retired, was_full: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_while_a_resync_reads_stays() {
        let touched = Touched::default();
        touched.add(Key::User(1));
        assert_eq!(touched.unless(Key::User(1), || 7), Some(7));
        touched.begin();
        touched.add(Key::User(1));
        assert_eq!(touched.unless(Key::User(1), || 7), None);
        assert_eq!(touched.unless(Key::Torrent(1), || 7), Some(7));
        assert_eq!(touched.end().len(), 1);
        assert_eq!(touched.unless(Key::User(1), || 7), Some(7));
    }
}
