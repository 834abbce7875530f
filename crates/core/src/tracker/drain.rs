//! Draining: what the announces since the last flush add up to, as one batch.

mod sums;

use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};

use super::shards::SHARDS;
use super::{Swarms, Tracker};
use crate::batch::Batch;
use crate::shard::pending::{Pending, Waiting};
use crate::shard::{Marks, Shard};
use crate::swarm::session::Private;
use crate::swarm::{Kind, Peer};
use sums::Sums;

/// Torrents or sessions looked at per lock hold: some hundred microseconds.
const LOOKS_PER_HOLD: usize = 1024;

/// The result of a drain.
#[derive(Debug, Default)]
pub struct Drained {
    /// What changed, without its number.
    pub batch: Batch,
    /// The shard to go on with, if the batch became full before all were drained.
    pub next_shard: Option<usize>,
}

impl Tracker {
    /// Takes what has changed since the last drain, from `first_shard` on, until the batch has
    /// `rows_max` rows or all shards are drained.
    ///
    /// Each shard is cut at one moment: the sessions' counters in the batch are exactly those
    /// that its totals add up to. To take what waits there is a matter of an instant, however much
    /// it is; what else a row says is looked up in pieces, and may be as of a moment later.
    pub fn drain(&self, now_seconds: u32, first_shard: usize, rows_max: usize) -> Drained {
        let _one_at_a_time = self.drains.lock();
        if first_shard == 0 {
            self.withheld.begin_flush();
        }
        let mut sums = Sums::begin(now_seconds, self.unregistered.take());
        for number in first_shard..SHARDS {
            if sums.rows() >= rows_max {
                return self.drained(sums, Some(number));
            }
            self.cut(number, &mut sums);
        }
        self.drained(sums, None)
    }

    fn drained(&self, sums: Sums, next_shard: Option<usize>) -> Drained {
        let mut batch = sums.batch();
        self.withheld.settle(&mut batch, next_shard.is_none());
        Drained { batch, next_shard }
    }

    fn cut(&self, number: usize, sums: &mut Sums) {
        match &self.swarms {
            Swarms::Private(shards) => {
                let Some(shard) = shards.get(number) else { return };
                self.pend_all_sessions(shard);
                let mut pending = shard.lock().pending.take();
                self.release_peers(pending.gone);
                self.note_other_sessions(shard, &mut pending);
                self.note_torrents(shard, &mut pending, sums, false);
                sums.add(pending);
            }
            Swarms::Public(shards) => {
                let Some(shard) = shards.get(number) else { return };
                let mut held = shard.lock();
                held.pend_all_counts();
                let mut pending = held.pending.take();
                drop(held);
                self.note_torrents(shard, &mut pending, sums, true);
                sums.add(pending);
            }
        }
    }

    /// Of sessions that are gone: whether their users have others on the torrent. That is not asked
    /// when they go, for those may go as well before the flush.
    fn note_other_sessions(&self, shard: &Mutex<Shard<Private>>, pending: &mut Pending) {
        if pending.gone == 0 {
            return;
        }
        let mut gone: Vec<_> =
            pending.sessions.iter_mut().filter(|(_, it)| it.session.gone).collect();
        for some in gone.chunks_mut(LOOKS_PER_HOLD) {
            let held = shard.lock();
            for ((slot, _), Waiting { session, .. }) in some {
                session.user_active = self.has_session(&held, *slot, session.row.user());
            }
            MutexGuard::unlock_fair(held);
        }
    }
}

impl Tracker {
    /// Notes the counts of the torrents that changed, and the ids of all.
    fn note_torrents<K: Kind>(
        &self,
        shard: &Mutex<Shard<K>>,
        pending: &mut Pending,
        sums: &mut Sums,
        v6_are_peers: bool,
    ) {
        let mut changed = self.changed.noting(pending.torrents.len());
        let mut ids = HashMap::<u32, u32, foldhash::fast::RandomState>::default();
        for slots in pending.torrents.chunks(LOOKS_PER_HOLD) {
            let mut held = shard.lock();
            for slot in slots {
                let Some(torrent) = held.torrents.get_mut(*slot) else { continue };
                torrent.marks.set(pending.dirty_mark(), false);
                let counts = torrent.counts(v6_are_peers);
                sums.set_counts(torrent.id, counts.seeders, counts.leechers);
                ids.insert(*slot, torrent.id);
                if torrent.marks.has(Marks::GONE) {
                    sums.leave_out(torrent.id);
                }
                if let Some(changed) = &mut changed {
                    changed.push(torrent.info_hash);
                }
            }
            MutexGuard::unlock_fair(held);
        }
        if let Some(changed) = changed {
            self.changed.note(changed, sums.now_seconds);
        }
        // A torrent that was registered by an announce may have got the store's id meanwhile.
        for ((slot, _), Waiting { session, .. }) in pending.sessions.iter_mut() {
            session.torrent_id = ids.get(slot).copied().unwrap_or(session.torrent_id);
        }
    }
}
