//! Many announces at once, brought near from memory before the first of them is answered.
//!
//! What leads to a swarm lies anywhere: the shard, a slot of its table, the torrent's record, its
//! rows. To wait for one after the other is most of what an announce of a large tracker takes. A
//! worker that has many announces at once takes a step for all of them before it takes the next,
//! so that a processor waits for many at a time.

use mika_protocol::InfoHash;

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::swarm::Kind;

/// Memory of [`Tracker::approach`] that its caller keeps.
#[derive(Debug, Default)]
pub struct Approach {
    hashes: Vec<u64>,
}

impl Tracker {
    /// Has what leads to the swarms of these torrents brought near from memory. Nothing changes by
    /// it, and nothing depends on it.
    pub fn approach(&self, info_hashes: impl Iterator<Item = InfoHash>, approach: &mut Approach) {
        let hashes = &mut approach.hashes;
        hashes.clear();
        hashes.extend(info_hashes.map(|info_hash| self.hash_key.info_hash(&info_hash)));
        if hashes.len() > 1 {
            match &self.swarms {
                Swarms::Private(shards) => shards.approach(hashes),
                Swarms::Public(shards) => shards.approach(hashes),
            }
        }
    }
}

impl<K: Kind> Shards<K> {
    fn approach(&self, hashes: &[u64]) {
        hashes.iter().for_each(|hash| self.prefetch(*hash));
        let locked = |hash: &u64| Some((self.try_lock(*hash)?, *hash));
        for (shard, hash) in hashes.iter().filter_map(locked) {
            shard.prefetch_slot(hash);
        }
        for (shard, hash) in hashes.iter().filter_map(locked) {
            shard.prefetch_record(hash);
        }
        for (shard, hash) in hashes.iter().filter_map(locked) {
            if let Some(torrent) = shard.probable(hash) {
                torrent.swarm.main.prefetch_table();
            }
        }
    }
}
