//! What waits in the shards as rows, one per key.
//!
//! Sessions stay where they are until all of them are known. Then their keys are sorted, 24 bytes
//! each, and the rows are written in their order: rows have ten times as much to be moved, and a
//! tree of them costs more than all else of a flush (profiled: a third of a flush).

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::batch::{
    Batch, HistoryRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, Traffic, UnregisteredRow,
    UserRow, WithheldRow,
};
use crate::shard::pending::{Pending, SessionChunk, Waiting};
use crate::swarm::Row;

/// Rows in the making.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) now_seconds: u32,
    rows: usize,
    sessions: Vec<SessionChunk>,
    torrents: HashMap<u32, TorrentRow, foldhash::fast::RandomState>,
    /// Torrents of which the store has no row any more.
    gone: Vec<u32>,
    batch: Batch,
}

impl Sums {
    pub(super) fn begin(now_seconds: u32, unregistered: Vec<UnregisteredRow>) -> Self {
        let rows = unregistered.len();
        Self {
            now_seconds,
            rows,
            batch: Batch { unregistered, ..Batch::default() },
            ..Self::default()
        }
    }

    /// About as many rows as there will be of sessions and torrents.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// What a torrent's swarm is now.
    pub(super) fn set_counts(&mut self, torrent_id: u32, seeders: u32, leechers: u32) {
        let row = torrent(&mut self.torrents, torrent_id);
        row.seeders = seeders;
        row.leechers = leechers;
    }

    /// Makes no row of a torrent: the store has none.
    pub(super) fn leave_out(&mut self, torrent_id: u32) {
        self.gone.push(torrent_id);
    }

    pub(super) fn add(&mut self, pending: Pending) {
        self.rows += pending.rows();
        for (torrent_id, snatches) in pending.public_snatches {
            let row = torrent(&mut self.torrents, torrent_id);
            row.snatches = row.snatches.saturating_add(snatches);
        }
        self.batch.registered.extend(pending.registered);
        self.sessions.extend(pending.sessions.into_chunks());
    }

    pub(super) fn batch(mut self) -> Batch {
        let waiting: Vec<&Waiting> = self.sessions.iter().flatten().map(|(_, it)| it).collect();
        let batch = &mut self.batch;
        batch.drained_at_seconds = self.now_seconds;
        batch.sessions = session_rows(&waiting);
        waiting.iter().for_each(|it| add_to_torrent(&mut self.torrents, it));
        add_by_user(batch, &waiting);
        for torrent_id in &self.gone {
            self.torrents.remove(torrent_id);
        }
        batch.torrents = self.torrents.into_values().collect();
        batch.torrents.sort_unstable_by_key(|row| row.torrent_id);
        // A public swarm keeps no sessions that would tell when: it was within this interval.
        let untold = batch.torrents.iter_mut().filter(|row| row.announced_at_seconds == 0);
        untold.for_each(|row| row.announced_at_seconds = self.now_seconds);
        batch
            .snatches
            .sort_unstable_by_key(|row| (row.user_id, row.torrent_id, row.snatched_at_seconds));
        batch.registered.sort_unstable_by_key(|row| row.torrent_id);
        self.batch
    }
}

fn torrent(
    torrents: &mut HashMap<u32, TorrentRow, foldhash::fast::RandomState>,
    torrent_id: u32,
) -> &mut TorrentRow {
    match torrents.entry(torrent_id) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(TorrentRow { torrent_id, ..TorrentRow::default() }),
    }
}

fn add_to_torrent(
    torrents: &mut HashMap<u32, TorrentRow, foldhash::fast::RandomState>,
    waiting: &Waiting,
) {
    let session = &waiting.session;
    let row = torrent(torrents, session.torrent_id);
    row.traffic.add(session.traffic);
    row.corrupt_bytes = row.corrupt_bytes.saturating_add(session.report.special().corrupt_delta);
    row.snatches = row.snatches.saturating_add(session.snatches);
    row.announced_at_seconds = row.announced_at_seconds.max(session.row.last_seconds());
}

/// Sorted by `(torrent_id, user_id, key)`.
fn session_rows(waiting: &[&Waiting]) -> Vec<SessionRow> {
    let key = |(at, it): (usize, &&Waiting)| {
        (it.session.torrent_id, it.session.user_id, it.session.row.id().key, at as u32)
    };
    let mut keys: Vec<_> = waiting.iter().enumerate().map(key).collect();
    keys.sort_unstable();
    let in_order = keys.iter().filter_map(|(.., at)| waiting.get(*at as usize));
    let mut rows = Vec::with_capacity(waiting.len());
    rows.extend(in_order.map(|it| it.session_row()));
    rows
}

/// Adds what is told by user: totals, histories, snatches, and what tokens covered.
fn add_by_user(batch: &mut Batch, waiting: &[&Waiting]) {
    let key = |(at, it): (usize, &&Waiting)| (it.session.user_id, it.session.torrent_id, at as u32);
    let mut keys: Vec<_> = waiting.iter().enumerate().map(key).collect();
    keys.sort_unstable();
    batch.history = Vec::with_capacity(keys.len());
    for (user_id, torrent_id, at) in keys {
        let Some(it) = waiting.get(at as usize) else { continue };
        if batch.users.last().is_none_or(|last| last.user_id != user_id) {
            batch.users.push(UserRow {
                user_id,
                traffic: Traffic::default(),
                seed_seconds: 0,
                snatches: 0,
                announced_at_seconds: 0,
            });
        }
        if let Some(user) = batch.users.last_mut() {
            add_to_user(user, it);
        }
        let same = |last: &HistoryRow| (last.user_id, last.torrent_id) == (user_id, torrent_id);
        if !batch.history.last().is_some_and(same) {
            batch.history.push(HistoryRow {
                user_id,
                torrent_id,
                first_announced_at_seconds: it.session.report.first_at_seconds,
                ..HistoryRow::default()
            });
        }
        if let Some(history) = batch.history.last_mut() {
            add_to_history(history, it);
        }
        add_special(batch, it);
    }
}

fn add_to_user(user: &mut UserRow, waiting: &Waiting) {
    let session = &waiting.session;
    user.traffic.add(session.traffic);
    user.seed_seconds = user.seed_seconds.saturating_add(session.seed_seconds);
    user.snatches = user.snatches.saturating_add(session.snatches);
    user.announced_at_seconds = user.announced_at_seconds.max(session.row.last_seconds());
}

fn add_to_history(history: &mut HistoryRow, waiting: &Waiting) {
    let session = &waiting.session;
    let row = &session.row;
    let at = row.last_seconds();
    let report = &session.report;
    let special = report.special();
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
    history.completed_at_seconds =
        [history.completed_at_seconds, special.completed_at_seconds].into_iter().flatten().min();
    if at >= history.announced_at_seconds {
        history.announced_at_seconds = at;
        history.left_bytes = row.left.get();
        history.uploaded_client_bytes = row.uploaded.get();
        history.downloaded_client_bytes = row.downloaded.get();
        history.seeder = history.left_bytes == 0;
        history.immune = report.immune;
        history.agent = waiting.agent;
    }
}

/// A download that finished, and what a token covered.
fn add_special(batch: &mut Batch, waiting: &Waiting) {
    let report = &waiting.session.report;
    let Some(special) = &report.special else { return };
    let (user_id, torrent_id) = (waiting.session.user_id, waiting.session.torrent_id);
    if let Some(snatched_at_seconds) = special.completed_at_seconds {
        let address = report.address();
        batch.snatches.push(SnatchRow { user_id, torrent_id, snatched_at_seconds, address });
    }
    if special.withheld_bytes > 0 {
        add_withheld(batch, user_id, special.withheld_bytes);
    }
    if special.token.is_none() {
        return;
    }
    let same = |last: &TokenUseRow| (last.user_id, last.torrent_id) == (user_id, torrent_id);
    if !batch.token_uses.last().is_some_and(same) {
        let new = TokenUseRow { user_id, torrent_id, downloaded_raw: 0, finished: false };
        batch.token_uses.push(new);
    }
    if let Some(used) = batch.token_uses.last_mut() {
        used.downloaded_raw = used.downloaded_raw.saturating_add(special.token.downloaded_raw);
        used.finished |= special.token.finished;
    }
}

/// What the announces of the batch withhold from a user; rows come in the order of users.
fn add_withheld(batch: &mut Batch, user_id: u32, bytes: u64) {
    match batch.withheld.last_mut().filter(|last| last.user_id == user_id) {
        Some(last) => last.uploaded_bytes = last.uploaded_bytes.saturating_add(bytes),
        None => batch.withheld.push(WithheldRow { user_id, uploaded_bytes: bytes }),
    }
}
