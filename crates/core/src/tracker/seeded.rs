//! Which torrents have a seeder, a little at a time.

use parking_lot::{Mutex, MutexGuard};

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::swarm::Kind;

/// Torrents looked at per lock hold: some dozen microseconds.
const LOOKS_PER_HOLD: u32 = 1024;

impl Tracker {
    /// Tells the store's ids of the torrents of one part (of [`Tracker::PARTS`]) that have a
    /// seeder.
    pub fn seeded(&self, part: usize, tell: impl FnMut(u32)) {
        match &self.swarms {
            Swarms::Private(shards) => walk(shards, part, false, tell),
            Swarms::Public(shards) => walk(shards, part, true, tell),
        }
    }
}

fn walk<K: Kind>(shards: &Shards<K>, part: usize, v6_are_peers: bool, mut tell: impl FnMut(u32)) {
    let Some(shard) = shards.get(part) else { return };
    let mut slot = 0;
    loop {
        let held = Mutex::lock(shard);
        let end = held.torrents.slots().min(slot + LOOKS_PER_HOLD);
        let torrents = (slot..end).filter_map(|slot| held.torrents.get(slot));
        for torrent in torrents {
            if torrent.counts(v6_are_peers).seeders > 0 {
                tell(torrent.id);
            }
        }
        let slots = held.torrents.slots();
        MutexGuard::unlock_fair(held);
        if end >= slots {
            return;
        }
        slot = end;
    }
}
