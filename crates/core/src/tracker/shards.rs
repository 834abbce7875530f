//! All torrents, in 1024 parts with a lock each.

use crossbeam_utils::CachePadded;
use mika_protocol::{AnnounceRequest, Event, InfoHash, ScrapeCounts};
use parking_lot::{Mutex, MutexGuard};
use prefetch_index::prefetch_index;
use std::sync::atomic::Ordering;

use super::{Stats, Tracker};
use crate::batch::RegisteredRow;
use crate::hash::HashKey;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::settings::Mode;
use crate::shard::{Marks, Shard, Standing, Torrent};
use crate::swarm::Kind;

/// Number of shards.
pub(super) const SHARDS: usize = 1024;

/// The shards of a tracker.
#[derive(Debug)]
pub(super) struct Shards<K: Kind> {
    key: HashKey,
    shards: Box<[CachePadded<Mutex<Shard<K>>>]>,
}

/// A locked shard and the slot of a torrent in it.
pub(super) type Found<'a, K> = (MutexGuard<'a, Shard<K>>, u32);

impl<K: Kind> Shards<K> {
    pub(super) fn new(key: HashKey) -> Self {
        let shards = (0..SHARDS).map(|_| CachePadded::new(Mutex::new(Shard::new()))).collect();
        Self { key, shards }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Mutex<Shard<K>>> {
        self.shards.iter().map(|shard| &**shard)
    }

    pub(super) fn get(&self, number: usize) -> Option<&Mutex<Shard<K>>> {
        self.shards.get(number).map(|shard| &**shard)
    }

    /// Locks the shard of a hash.
    fn lock(&self, hash: u64) -> Option<MutexGuard<'_, Shard<K>>> {
        self.get(number_of(hash)).map(Mutex::lock)
    }

    /// The same, unless somebody else has it.
    pub(super) fn try_lock(&self, hash: u64) -> Option<MutexGuard<'_, Shard<K>>> {
        self.get(number_of(hash))?.try_lock()
    }

    /// Has the beginning of a shard brought near from memory.
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch_index(&self.shards, number_of(hash));
    }

    /// The number and the shard of a torrent's primary hash.
    pub(super) fn shard_of(&self, info_hash: InfoHash) -> Option<(u32, &Mutex<Shard<K>>)> {
        let number = number_of(self.key.info_hash(&info_hash));
        Some((u32::try_from(number).ok()?, self.get(number)?))
    }

    /// Finds a torrent by either of its hashes. `Err` holds the locked shard that it would
    /// belong to; `None` if the hash is an alias of a torrent that is not there.
    pub(super) fn find(
        &self,
        info_hash: InfoHash,
    ) -> Result<Found<'_, K>, Option<MutexGuard<'_, Shard<K>>>> {
        let hash = self.key.info_hash(&info_hash);
        let shard = self.lock(hash).ok_or(None)?;
        if let Some(slot) = shard.find(&info_hash, hash) {
            return Ok((shard, slot));
        }
        let Some(first) = shard.alias(&info_hash) else { return Err(Some(shard)) };
        drop(shard);
        let hash = self.key.info_hash(&first);
        let shard = self.lock(hash).ok_or(None)?;
        match shard.find(&first, hash) {
            Some(slot) => Ok((shard, slot)),
            None => Err(None),
        }
    }

    /// Makes a second hash lead to the first.
    pub(super) fn set_alias(&self, second: InfoHash, first: InfoHash) {
        if let Some(mut shard) = self.lock(self.key.info_hash(&second)) {
            shard.set_alias(second, first);
        }
    }

    pub(super) fn counts(&self, info_hash: InfoHash, v6_are_peers: bool) -> Option<ScrapeCounts> {
        let (shard, slot) = self.find(info_hash).ok()?;
        let torrent = shard.torrents.get(slot)?;
        (torrent.standing != Standing::Deleted).then(|| torrent.counts(v6_are_peers))
    }

    pub(super) fn add_stats(&self, stats: &mut Stats) {
        for shard in self.iter() {
            let shard = shard.lock();
            stats.seeders += shard.seeders;
            stats.leechers += shard.leechers;
            stats.swarms += shard.swarms;
            stats.pending_rows += shard.pending.rows() as u64;
            stats.departed += shard.departed.len() as u64;
        }
    }
}

/// The shard of a hash, by other bits than those that the shard's table uses.
fn number_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

/// Of two verdicts the one that the site tells first.
fn first_of(
    rules: &Rules,
    one: Result<(), Refusal>,
    two: Result<(), Refusal>,
) -> Result<(), Refusal> {
    rules.settings.site.first(one.err().into_iter().chain(two.err())).map_or(Ok(()), Err)
}

impl Tracker {
    /// Finds the torrent of an announce, or registers it if that is wanted, and if `client` (checks
    /// 2 and 3) and `rights` (check 6) have nothing against it. `None`: the client leaves a torrent
    /// that nobody knows, which is fine where anybody may bring one.
    pub(super) fn enter<'a, K: Kind>(
        &self,
        shards: &'a Shards<K>,
        rules: &Rules,
        request: &AnnounceRequest,
        client: Result<(), Refusal>,
        rights: Result<(), Refusal>,
        now_seconds: u32,
    ) -> Result<Option<Found<'a, K>>, Refusal> {
        match shards.find(request.info_hash) {
            Ok(found) => Ok(Some(found)),
            Err(Some(shard)) if rules.settings.auto_register_torrents => {
                first_of(rules, client, rights)?;
                if request.event == Event::Stopped {
                    return Ok(None);
                }
                self.register(shard, rules, request.info_hash, now_seconds).map(Some)
            }
            Err(_) => {
                let unknown = first_of(rules, client, Err(Refusal::TorrentUnknown));
                first_of(rules, unknown, rights).map(|()| None)
            }
        }
    }

    fn register<'a, K: Kind>(
        &self,
        mut shard: MutexGuard<'a, Shard<K>>,
        rules: &Rules,
        info_hash: InfoHash,
        now_seconds: u32,
    ) -> Result<Found<'a, K>, Refusal> {
        if !self.reserve_torrent(rules.settings.torrents_max) {
            return Err(Refusal::TorrentLimit);
        }
        if self.mode() == Mode::Public {
            // Anybody could use up the ids, and no store is told of this torrent: it has none.
            let mut torrent = Torrent::new(info_hash, 0);
            torrent.marks.set(Marks::UNSTORED, true);
            let slot = shard.insert(torrent, &self.hash_key);
            return Ok((shard, slot));
        }
        let Some(torrent_id) = self.next_registered_id() else {
            self.totals.torrents.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::TorrentLimit);
        };
        let registered_at_seconds = now_seconds;
        shard.pending.registered.push(RegisteredRow {
            torrent_id,
            info_hash,
            registered_at_seconds,
        });
        let slot = shard.insert(Torrent::new(info_hash, torrent_id), &self.hash_key);
        Ok((shard, slot))
    }

    /// An id that no torrent has. `None` once all have been given, for the first ones again would
    /// be those of other torrents.
    fn next_registered_id(&self) -> Option<u32> {
        let next = |id: u32| id.checked_add(1);
        let ids = &self.totals.next_registered_id;
        ids.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }

    /// Counts one torrent more, unless there are `torrents_max` already.
    pub(super) fn reserve_torrent(&self, torrents_max: u32) -> bool {
        let room = |count: u64| (count < u64::from(torrents_max)).then_some(count + 1);
        self.totals.torrents.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    /// Counts one peer more, unless there are `peers_max` already.
    pub(super) fn reserve_peer(&self, peers_max: u64) -> bool {
        let room = |count: u64| (count < peers_max).then_some(count + 1);
        self.totals.peers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    pub(super) fn release_peer(&self) {
        self.release_peers(1);
    }

    pub(super) fn release_peers(&self, released: u64) {
        let less = |count: u64| count.checked_sub(released);
        // Cannot fail: every peer released was reserved.
        let _ = self.totals.peers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}
