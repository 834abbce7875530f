//! What a store should say after some batches, computed without one.

use std::collections::BTreeMap;

use mika_core::batch::{Batch, HistoryRow, TorrentRow, Traffic, UserRow};

/// Totals of everything, one row per key: the form of a batch's rows, but summed from the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// By user id.
    pub users: BTreeMap<u32, UserRow>,
    /// By torrent id.
    pub torrents: BTreeMap<u32, TorrentRow>,
    /// By user id and torrent id.
    pub history: BTreeMap<(u32, u32), HistoryRow>,
}

impl Totals {
    /// As [`Database::seed`](super::Database::seed) leaves them.
    pub fn seeded(users: u32, torrents: u32) -> Self {
        Self {
            users: (1..=users).map(|id| (id, user(id, 0))).collect(),
            torrents: (1..=torrents).map(|id| (id, torrent(id, 0))).collect(),
            history: BTreeMap::new(),
        }
    }

    /// Adds a batch; rows of users and torrents that do not exist are left out.
    pub fn add(&mut self, batch: &Batch, largest: u64) {
        let sum = |a: u64, b: u64| a.saturating_add(b).min(largest);
        for row in &batch.registered {
            self.torrents.entry(row.torrent_id).or_insert(torrent(row.torrent_id, 0));
        }
        for row in &batch.users {
            let Some(total) = self.users.get_mut(&row.user_id) else { continue };
            total.traffic = traffic_sum(total.traffic, row.traffic, largest);
            total.seed_seconds = sum(total.seed_seconds, row.seed_seconds);
            total.snatches = total.snatches.saturating_add(row.snatches);
            total.announced_at_seconds = total.announced_at_seconds.max(row.announced_at_seconds);
        }
        for row in &batch.torrents {
            let Some(total) = self.torrents.get_mut(&row.torrent_id) else { continue };
            *total = TorrentRow {
                traffic: traffic_sum(total.traffic, row.traffic, largest),
                snatches: total.snatches.saturating_add(row.snatches),
                announced_at_seconds: total.announced_at_seconds.max(row.announced_at_seconds),
                ..*row
            };
        }
        for row in &batch.history {
            let known = self.users.contains_key(&row.user_id)
                && self.torrents.contains_key(&row.torrent_id);
            if !known {
                continue;
            }
            let key = (row.user_id, row.torrent_id);
            let total = self.history.entry(key).or_insert(HistoryRow {
                traffic: Traffic::default(),
                seed_seconds: 0,
                snatches: 0,
                ..*row
            });
            // Of two reports the later one counts, though an older client may expire last.
            let is_later = row.announced_at_seconds >= total.announced_at_seconds;
            let left_bytes = if is_later { row.left_bytes.min(largest) } else { total.left_bytes };
            *total = HistoryRow {
                traffic: traffic_sum(total.traffic, row.traffic, largest),
                seed_seconds: sum(total.seed_seconds, row.seed_seconds),
                snatches: total.snatches.saturating_add(row.snatches),
                left_bytes,
                announced_at_seconds: total.announced_at_seconds.max(row.announced_at_seconds),
                ..*row
            };
        }
    }
}

fn traffic_sum(mut total: Traffic, delta: Traffic, largest: u64) -> Traffic {
    total.add(delta);
    Traffic {
        uploaded_raw: total.uploaded_raw.min(largest),
        downloaded_raw: total.downloaded_raw.min(largest),
        uploaded_credited: total.uploaded_credited.min(largest),
        downloaded_credited: total.downloaded_credited.min(largest),
    }
}

/// Four figures that differ, so that two columns that were mixed up show; all 0 for 0.
pub fn traffic(seed: u64) -> Traffic {
    Traffic {
        uploaded_raw: seed,
        downloaded_raw: seed.saturating_mul(2),
        uploaded_credited: seed.saturating_mul(3),
        downloaded_credited: seed.saturating_mul(5),
    }
}

/// A user row whose figures all follow from `seed`.
pub fn user(user_id: u32, seed: u32) -> UserRow {
    UserRow {
        user_id,
        traffic: traffic(seed.into()),
        seed_seconds: u64::from(seed).saturating_mul(7),
        snatches: seed,
        announced_at_seconds: seed.saturating_mul(11),
    }
}

/// A torrent row whose figures all follow from `seed`.
pub fn torrent(torrent_id: u32, seed: u32) -> TorrentRow {
    TorrentRow {
        torrent_id,
        traffic: traffic(seed.into()),
        snatches: seed,
        seeders: seed.saturating_mul(13),
        leechers: seed.saturating_mul(17),
        announced_at_seconds: seed.saturating_mul(19),
        ..TorrentRow::default()
    }
}

/// A history row whose figures all follow from `seed`.
pub fn history(user_id: u32, torrent_id: u32, seed: u32) -> HistoryRow {
    HistoryRow {
        user_id,
        torrent_id,
        traffic: traffic(seed.into()),
        seed_seconds: u64::from(seed).saturating_mul(23),
        snatches: seed,
        left_bytes: u64::from(seed).saturating_mul(29),
        active: !seed.is_multiple_of(2),
        announced_at_seconds: seed.saturating_mul(31),
        ..HistoryRow::default()
    }
}

/// A batch of one row for each of the first `users` users, on as many torrents.
pub fn batch(number: u64, users: u32, seed: u32) -> Batch {
    let rows = || (1..=users).map(|id| (id, seed.saturating_add(id)));
    Batch {
        number,
        drained_at_seconds: 1_700_000_000,
        users: rows().map(|(id, seed)| user(id, seed)).collect(),
        torrents: rows().map(|(id, seed)| torrent(id, seed)).collect(),
        history: rows().map(|(id, seed)| history(id, id, seed)).collect(),
        ..Batch::default()
    }
}
