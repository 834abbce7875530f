//! Draining: what the announces since the last flush add up to, as one batch.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};

use super::shards::SHARDS;
use super::{Swarms, Tracker};
use crate::batch::{
    Batch, HistoryRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, Traffic, UserRow,
};
use crate::shard::pending::{Pending, PendingSession, Waiting};
use crate::shard::{Marks, Shard};
use crate::swarm::session::Private;
use crate::swarm::{Kind, Peer};

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
        let mut sums = self.begin_sums();
        sums.now_seconds = now_seconds;
        for number in first_shard..SHARDS {
            if sums.rows >= rows_max {
                return Drained { batch: sums.batch(now_seconds), next_shard: Some(number) };
            }
            self.cut(number, &mut sums);
        }
        Drained { batch: sums.batch(now_seconds), next_shard: None }
    }

    fn begin_sums(&self) -> Sums {
        let mut sums = Sums::default();
        sums.batch.unregistered = self.unregistered.take();
        sums.rows = sums.batch.unregistered.len();
        sums
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
                sums.add(&pending);
            }
            Swarms::Public(shards) => {
                let Some(shard) = shards.get(number) else { return };
                let mut held = shard.lock();
                held.pend_all_counts();
                let mut pending = held.pending.take();
                drop(held);
                self.note_torrents(shard, &mut pending, sums, true);
                sums.add(&pending);
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
                let row = sums.torrent(torrent.id);
                row.seeders = counts.seeders;
                row.leechers = counts.leechers;
                ids.insert(*slot, torrent.id);
                if torrent.marks.has(Marks::GONE) {
                    sums.gone.push(torrent.id);
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

/// Rows in the making, one per key.
#[derive(Debug, Default)]
struct Sums {
    now_seconds: u32,
    rows: usize,
    users: BTreeMap<u32, UserRow>,
    torrents: BTreeMap<u32, TorrentRow>,
    /// Torrents of which the store has no row any more.
    gone: Vec<u32>,
    history: BTreeMap<(u32, u32), HistoryRow>,
    token_uses: BTreeMap<(u32, u32), TokenUseRow>,
    batch: Batch,
}

impl Sums {
    fn torrent(&mut self, torrent_id: u32) -> &mut TorrentRow {
        let new = || TorrentRow { torrent_id, ..TorrentRow::default() };
        self.torrents.entry(torrent_id).or_insert_with(new)
    }

    fn add(&mut self, pending: &Pending) {
        self.rows += pending.rows();
        pending.sessions.iter().for_each(|(_, session)| self.add_session(session));
        for (torrent_id, snatches) in &pending.public_snatches {
            let row = self.torrent(*torrent_id);
            row.snatches = row.snatches.saturating_add(*snatches);
        }
        self.batch.registered.extend_from_slice(&pending.registered);
    }

    fn add_session(&mut self, waiting: &Waiting) {
        let row = waiting.session_row();
        let at = row.announced_at_seconds;
        let PendingSession { traffic, seed_seconds, snatches, report, .. } = &waiting.session;
        let special = report.special();

        let user = self.users.entry(row.user_id).or_insert_with(|| UserRow {
            user_id: row.user_id,
            traffic: Traffic::default(),
            seed_seconds: 0,
            snatches: 0,
            announced_at_seconds: 0,
        });
        user.traffic.add(*traffic);
        user.seed_seconds = user.seed_seconds.saturating_add(*seed_seconds);
        user.snatches = user.snatches.saturating_add(*snatches);
        user.announced_at_seconds = user.announced_at_seconds.max(at);

        let torrent = self.torrent(row.torrent_id);
        torrent.traffic.add(*traffic);
        torrent.corrupt_bytes = torrent.corrupt_bytes.saturating_add(special.corrupt_delta);
        torrent.snatches = torrent.snatches.saturating_add(*snatches);
        torrent.announced_at_seconds = torrent.announced_at_seconds.max(at);

        self.add_history(&waiting.session, &row);
        if let Some(snatched_at_seconds) = special.completed_at_seconds {
            self.batch.snatches.push(SnatchRow {
                user_id: row.user_id,
                torrent_id: row.torrent_id,
                snatched_at_seconds,
                address: report.address(),
            });
        }
        if !special.token.is_none() {
            let (user_id, torrent_id) = (row.user_id, row.torrent_id);
            let new = || TokenUseRow { user_id, torrent_id, downloaded_raw: 0, finished: false };
            let used = self.token_uses.entry((user_id, torrent_id)).or_insert_with(new);
            used.downloaded_raw = used.downloaded_raw.saturating_add(special.token.downloaded_raw);
            used.finished |= special.token.finished;
        }
        self.batch.sessions.push(row);
    }

    fn add_history(&mut self, session: &PendingSession, row: &SessionRow) {
        let at = row.announced_at_seconds;
        let report = &session.report;
        let special = report.special();
        let key = (row.user_id, row.torrent_id);
        let history = self.history.entry(key).or_insert_with(|| HistoryRow {
            user_id: row.user_id,
            torrent_id: row.torrent_id,
            first_announced_at_seconds: report.first_at_seconds,
            ..HistoryRow::default()
        });
        history.traffic.add(session.traffic);
        history.seed_seconds = history.seed_seconds.saturating_add(session.seed_seconds);
        history.snatches = history.snatches.saturating_add(session.snatches);
        history.active |= session.user_active;
        history.corrupt_bytes = history.corrupt_bytes.saturating_add(special.corrupt_delta);
        // A session that only expired reported before this batch: it is first if nobody reports.
        history.first_announced_at_seconds = match (history.announces, report.announces) {
            (1.., 0) => history.first_announced_at_seconds,
            (0, 1..) => report.first_at_seconds,
            _ => history.first_announced_at_seconds.min(report.first_at_seconds),
        };
        history.announces = history.announces.saturating_add(report.announces);
        history.completed_at_seconds = [history.completed_at_seconds, special.completed_at_seconds]
            .into_iter()
            .flatten()
            .min();
        if at >= history.announced_at_seconds {
            history.announced_at_seconds = at;
            history.left_bytes = row.left_bytes;
            history.uploaded_client_bytes = row.uploaded_bytes;
            history.downloaded_client_bytes = row.downloaded_bytes;
            history.seeder = row.left_bytes == 0;
            history.immune = report.immune;
            history.agent = row.agent;
        }
    }

    fn batch(self, drained_at_seconds: u32) -> Batch {
        let mut batch = self.batch;
        let mut torrents = self.torrents;
        for id in &self.gone {
            torrents.remove(id);
        }
        batch.drained_at_seconds = drained_at_seconds;
        batch.users = self.users.into_values().collect();
        batch.torrents = torrents.into_values().collect();
        // A public swarm keeps no sessions that would tell when: it was within this interval.
        let untold = batch.torrents.iter_mut().filter(|row| row.announced_at_seconds == 0);
        untold.for_each(|row| row.announced_at_seconds = drained_at_seconds);
        batch.history = self.history.into_values().collect();
        batch.token_uses = self.token_uses.into_values().collect();
        batch
            .snatches
            .sort_unstable_by_key(|row| (row.user_id, row.torrent_id, row.snatched_at_seconds));
        batch.sessions.sort_unstable_by_key(|row| (row.torrent_id, row.user_id, row.key));
        batch.registered.sort_unstable_by_key(|row| row.torrent_id);
        batch
    }
}
