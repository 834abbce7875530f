//! What the site changed in its tables by itself: read again and brought into force, so that a
//! call that never reached the tracker heals.
//!
//! A record that is changed through the tracker while a resync reads is newer than what was read,
//! and stays.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

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
    /// The token of a user on a torrent.
    Token(u32, u32),
    Events,
}

/// How long a site may take until its tables say what it has told already: some sites tell before
/// they commit.
const HELD: Duration = Duration::from_secs(10);
/// Records that are held at a time. What is told beyond that is in force, too, but an older state
/// of it may be read once more.
const HELD_MAX: usize = 100_000;

/// What was changed since a resync began to read, of which nothing is kept while none is under
/// way; and what the site has told a moment ago.
#[derive(Debug, Default)]
pub(super) struct Touched(Mutex<Keys>);

#[derive(Debug, Default)]
struct Keys {
    touched: Option<HashSet<Key>>,
    held: HashMap<Key, Instant>,
}

impl Keys {
    fn has(&self, key: Key, now: Instant) -> bool {
        self.touched.as_ref().is_some_and(|keys| keys.contains(&key))
            || self.held.get(&key).is_some_and(|until| now < *until)
    }
}

impl Touched {
    fn begin(&self) {
        self.0.lock().touched = Some(HashSet::new());
    }

    fn end(&self) -> HashSet<Key> {
        self.0.lock().touched.take().unwrap_or_default()
    }

    pub(super) fn add(&self, key: Key) {
        if let Some(keys) = self.0.lock().touched.as_mut() {
            keys.insert(key);
        }
    }

    /// The same, and for a moment longer than until the resync ends.
    pub(super) fn hold(&self, key: Key, now: Instant) {
        let mut keys = self.0.lock();
        if let Some(touched) = keys.touched.as_mut() {
            touched.insert(key);
        }
        if keys.held.len() >= HELD_MAX {
            keys.held.retain(|_, until| now < *until);
        }
        if keys.held.len() < HELD_MAX {
            keys.held.insert(key, now + HELD);
        }
    }

    /// Puts something that was read in force, unless it was changed meanwhile. Held until it is
    /// done: a change that comes now is put after it.
    pub(super) fn unless<T>(&self, key: Key, put: impl FnOnce() -> T) -> Option<T> {
        let keys = self.0.lock();
        (!keys.has(key, Instant::now())).then(put)
    }

    /// The same of all tokens; `put` is told which single ones were changed meanwhile, by user and
    /// torrent.
    pub(super) fn unless_tokens(&self, put: impl FnOnce(&dyn Fn(u32, u32) -> bool)) {
        let (keys, now) = (self.0.lock(), Instant::now());
        if !keys.has(Key::Tokens, now) {
            put(&|user_id, torrent_id| keys.has(Key::Token(user_id, torrent_id), now));
        }
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

    #[test]
    fn what_the_site_has_told_stays_for_a_moment_though_no_resync_was_under_way() {
        let touched = Touched::default();
        let now = Instant::now();
        touched.hold(Key::User(1), now);
        touched.hold(Key::Token(2, 3), now);
        touched.hold(Key::Torrent(1), now.checked_sub(HELD).unwrap());
        assert_eq!(touched.unless(Key::User(1), || 7), None);
        assert_eq!(touched.unless(Key::Torrent(1), || 7), Some(7));
        let mut asked = Vec::new();
        touched.unless_tokens(|is_held| asked = vec![is_held(2, 3), is_held(3, 2)]);
        assert_eq!(asked, [true, false]);
    }
}
