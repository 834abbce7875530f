//! Which swarms have changed, for somebody who keeps counts of all of them elsewhere.
//!
//! Nothing is noted until somebody asks, and nothing any more when nobody has asked for an hour.
//! An announce does nothing for it: every torrent whose counts may have changed is on the list of
//! the next flush anyway, and is noted when that is drained.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use mika_protocol::InfoHash;
use parking_lot::Mutex;

use super::swarms::SwarmCounts;
use super::{Swarms, Tracker};

/// Changes that are kept, 20 bytes each.
const CHANGES_MAX: usize = if cfg!(test) { 8 } else { 1 << 20 };
/// How long they are kept, and for how long without a reader there is any.
const KEPT_SECONDS: u32 = 3600;

/// The latest changes.
#[derive(Debug, Default)]
pub(super) struct Changed {
    is_on: AtomicBool,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// Position of the first entry; it never goes back, so that no position means two things.
    first: u64,
    entries: VecDeque<InfoHash>,
    /// Where each flush begins, and its time.
    flushes: VecDeque<(u64, u32)>,
    read_at_seconds: u32,
}

/// Swarms that changed since a position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedSwarms {
    /// Their counts as they are now, each torrent once; zeros for one that has gone.
    pub swarms: Vec<SwarmCounts>,
    /// The position to go on from.
    pub next: u64,
    /// Whether there are more already.
    pub more: bool,
}

/// The changes since a position are not known any more, or it was never given: read all swarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("changes since then are not known any more: read all swarms again, and go on from there")]
pub struct Expired;

impl Changed {
    /// Room for the torrents of a flush, if anybody wants to know.
    pub(super) fn noting(&self, torrents: usize) -> Option<Vec<InfoHash>> {
        self.is_on.load(Ordering::Relaxed).then(|| Vec::with_capacity(torrents))
    }

    pub(super) fn note(&self, changed: Vec<InfoHash>, now_seconds: u32) {
        let mut log = self.log.lock();
        let end = log.end();
        if log.flushes.back().is_none_or(|(_, at)| *at != now_seconds) {
            log.flushes.push_back((end, now_seconds));
        }
        log.entries.extend(changed);
        log.forget(now_seconds);
        if now_seconds.saturating_sub(log.read_at_seconds) > KEPT_SECONDS {
            self.is_on.store(false, Ordering::Relaxed);
            log.first = log.end();
            log.entries = VecDeque::new();
            log.flushes = VecDeque::new();
        }
    }

    fn begin(&self, now_seconds: u32) -> u64 {
        let mut log = self.log.lock();
        log.read_at_seconds = now_seconds;
        if !self.is_on.swap(true, Ordering::Relaxed) {
            // Whoever holds an older position has missed something.
            log.first = log.first.saturating_add(1);
        }
        log.end()
    }

    /// Hashes from a position on, each once, and where the next ones are.
    fn read(
        &self,
        since: u64,
        limit: usize,
        now_seconds: u32,
    ) -> Result<(Vec<InfoHash>, u64, bool), Expired> {
        let mut log = self.log.lock();
        let skipped = since.checked_sub(log.first).and_then(|it| usize::try_from(it).ok());
        let skipped = skipped.filter(|_| self.is_on.load(Ordering::Relaxed) && since <= log.end());
        let skipped = skipped.ok_or(Expired)?;
        log.read_at_seconds = now_seconds;
        let (mut seen, mut hashes, mut next) = (HashSet::new(), Vec::new(), since);
        for hash in log.entries.iter().skip(skipped) {
            if seen.contains(hash) {
                next = next.saturating_add(1);
                continue;
            }
            if hashes.len() >= limit {
                break;
            }
            seen.insert(*hash);
            hashes.push(*hash);
            next = next.saturating_add(1);
        }
        Ok((hashes, next, next < log.end()))
    }
}

impl Log {
    fn end(&self) -> u64 {
        self.first.saturating_add(self.entries.len() as u64)
    }

    /// Drops what is too old, or too much.
    fn forget(&mut self, now_seconds: u32) {
        let mut keep_from = self.end().saturating_sub(CHANGES_MAX as u64);
        while let Some((_, at)) = self.flushes.front()
            && now_seconds.saturating_sub(*at) > KEPT_SECONDS
        {
            self.flushes.pop_front();
            keep_from = keep_from.max(self.flushes.front().map_or(self.end(), |(from, _)| *from));
        }
        let dropped = keep_from.saturating_sub(self.first);
        let dropped = usize::try_from(dropped).unwrap_or(usize::MAX).min(self.entries.len());
        self.entries.drain(..dropped);
        self.first = self.first.saturating_add(dropped as u64);
    }
}

impl Tracker {
    /// Begins to note which swarms change, if that is not done already; returns the position of
    /// the next change. Whoever reads all swarms after this, and then the changes since, has the
    /// counts of all.
    pub fn follow_swarms(&self, now_seconds: u32) -> u64 {
        self.changed.begin(now_seconds)
    }

    /// Swarms whose counts may have changed since a position, at most `limit`, with their counts
    /// as they are now. A change is told once the flush after it has been drained.
    ///
    /// # Errors
    ///
    /// [`Expired`] if the position is too old, or another process gave it.
    pub fn changed_swarms(
        &self,
        since: u64,
        limit: usize,
        now_seconds: u32,
    ) -> Result<ChangedSwarms, Expired> {
        let (hashes, next, more) = self.changed.read(since, limit, now_seconds)?;
        let counts = |info_hash: InfoHash| match &self.swarms {
            Swarms::Private(shards) => shards.swarm_of(info_hash, false),
            Swarms::Public(shards) => shards.swarm_of(info_hash, true),
        };
        let or_none = |info_hash| {
            counts(info_hash).unwrap_or(SwarmCounts { info_hash, ..SwarmCounts::default() })
        };
        Ok(ChangedSwarms { swarms: hashes.into_iter().map(or_none).collect(), next, more })
    }
}
