//! The counts of all swarms, page by page.

use mika_protocol::{InfoHash, ScrapeCounts};

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::swarm::Kind;

/// Torrents looked at per lock hold.
const LOOKS_PER_HOLD: u32 = if cfg!(test) { 4 } else { 1024 };

/// The counts of one torrent's swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwarmCounts {
    /// The store's id of the torrent; 0 if no store knows it.
    pub torrent_id: u32,
    /// The torrent's primary info-hash.
    pub info_hash: InfoHash,
    /// Its counts.
    pub counts: ScrapeCounts,
}

impl Default for SwarmCounts {
    fn default() -> Self {
        Self { torrent_id: 0, info_hash: InfoHash([0; 20]), counts: ScrapeCounts::default() }
    }
}

/// Where a list of swarms goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SwarmPlace {
    /// The part.
    pub part: u32,
    /// The place in it.
    pub slot: u32,
}

/// A part of all swarms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SwarmPage {
    /// The swarms.
    pub swarms: Vec<SwarmCounts>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<SwarmPlace>,
}

impl Tracker {
    /// The counts of swarms from a place on, at most `limit`; of empty ones too, if asked for. A
    /// torrent that is there all the time is listed exactly once.
    pub fn swarms(&self, from: SwarmPlace, limit: usize, with_empty: bool) -> SwarmPage {
        match &self.swarms {
            Swarms::Private(shards) => shards.swarms(from, limit, with_empty, false),
            Swarms::Public(shards) => shards.swarms(from, limit, with_empty, true),
        }
    }
}

impl<K: Kind> Shards<K> {
    fn swarms(
        &self,
        from: SwarmPlace,
        limit: usize,
        with_empty: bool,
        v6_are_peers: bool,
    ) -> SwarmPage {
        let mut page = SwarmPage::default();
        let mut place = from;
        while let Some(shard) = self.get(place.part as usize) {
            let shard = shard.lock();
            let slots = shard.torrents.slots();
            let end = slots.min(place.slot.saturating_add(LOOKS_PER_HOLD));
            while place.slot < end {
                if page.swarms.len() >= limit {
                    page.next = Some(place);
                    return page;
                }
                let torrent = shard.torrents.get(place.slot);
                place.slot = place.slot.saturating_add(1);
                if let Some(torrent) = torrent.filter(|it| with_empty || !it.swarm.is_empty()) {
                    page.swarms.push(SwarmCounts {
                        torrent_id: torrent.id,
                        info_hash: torrent.info_hash,
                        counts: torrent.counts(v6_are_peers),
                    });
                }
            }
            if place.slot >= slots {
                place = SwarmPlace { part: place.part.saturating_add(1), slot: 0 };
            }
            parking_lot::MutexGuard::unlock_fair(shard);
        }
        page
    }

    pub(super) fn swarm_of(&self, info_hash: InfoHash, v6_are_peers: bool) -> Option<SwarmCounts> {
        let (shard, slot) = self.find(info_hash).ok()?;
        let torrent = shard.torrents.get(slot)?;
        let (torrent_id, info_hash) = (torrent.id, torrent.info_hash);
        Some(SwarmCounts { torrent_id, info_hash, counts: torrent.counts(v6_are_peers) })
    }
}
