//! Peers that are written again although they reported nothing new, after a start at which the
//! store had to forget who is active.

use std::ops::Range;

use parking_lot::Mutex;

use super::walk::walk;
use super::{Swarms, Tracker};
use crate::batch::Traffic;
use crate::shard::pending::PendingSession;
use crate::shard::{Marks, Shard};
use crate::swarm::Row;
use crate::swarm::session::Private;

impl Tracker {
    /// Makes the next batches contain every peer that is known, and the counts of its torrent.
    ///
    /// The rows are made shard after shard as each is cut, so that they take no memory until then;
    /// what peers report in between is in the same rows.
    pub fn write_all_peers(&self) {
        match &self.swarms {
            Swarms::Private(shards) => {
                shards.iter().for_each(|shard| shard.lock().write_all = true);
            }
            Swarms::Public(shards) => {
                shards.iter().for_each(|shard| shard.lock().write_all = true);
            }
        }
    }

    /// Puts all sessions of a shard on the list for the next flush.
    pub(super) fn pend_all_sessions(&self, shard: &Mutex<Shard<Private>>) {
        if !std::mem::take(&mut shard.lock().write_all) {
            return;
        }
        let visit = |shard: &mut Shard<Private>, slot: u32, rows: Range<usize>| {
            self.pend_sessions(shard, slot, rows);
        };
        walk(shard, &self.hash_key, visit, || ());
    }

    fn pend_sessions(&self, shard: &mut Shard<Private>, slot: u32, rows: Range<usize>) {
        let Some(torrent) = shard.torrents.get(slot).filter(|_| !rows.is_empty()) else { return };
        let extra = torrent.swarm.extra.as_deref();
        for row in rows.filter_map(|at| torrent.swarm.main.get(at)) {
            let (id, key) = (row.id(), &self.hash_key);
            let v6 = extra.and_then(|extra| extra.v6.get(extra.v6.find(&id, key)?));
            let peer_id =
                extra.and_then(|extra| extra.peer_ids.get(extra.peer_ids.find(&id, key)?));
            let user = self.users.by_index(id.user);
            let session = PendingSession {
                torrent_id: torrent.id,
                info_hash: torrent.info_hash,
                user_id: user.map_or(0, |user| user.id),
                peer_id: peer_id.map(|row| row.peer_id),
                row: *row,
                v6: v6.map(|row| row.endpoint),
                gone: false,
                user_active: true,
                traffic: Traffic::default(),
                seed_seconds: 0,
                snatches: 0,
                report: self.report_of_nobody(row, user.as_ref()),
            };
            shard.pending.put_unchanged(slot, session);
        }
        shard.mark_dirty(slot);
    }
}

impl<K: crate::swarm::Kind> Shard<K> {
    /// Puts the counts of all torrents with peers on the list for the next flush.
    pub(super) fn pend_all_counts(&mut self) {
        if !std::mem::take(&mut self.write_all) {
            return;
        }
        for slot in 0..self.torrents.slots() {
            let has_peers = |torrent: &&crate::shard::Torrent<K>| {
                !torrent.swarm.is_empty() && !torrent.marks.has(Marks::UNSTORED)
            };
            if self.torrents.get(slot).filter(has_peers).is_some() {
                self.mark_dirty(slot);
            }
        }
    }
}
