//! Torrents that the tracker registered under an id of its own while the site added them under
//! another: what a batch says of the one counts for the other.
//!
//! The tracker learns of the site's id when the torrent is added, but batches that were made before
//! are still on their way. Every batch names the info-hash of each torrent in it, so that no more
//! than the batch and the store is needed to tell, however long it waited and whatever died
//! meanwhile.

use std::collections::{BTreeMap, HashMap};

use mika_core::batch::{Batch, HistoryRow, RegisteredRow, TorrentRow};
use mika_protocol::InfoHash;

/// What `{{rows}}` has in `registered.find.sql`.
pub(crate) const COLUMNS: &[crate::schema::Column] =
    &[crate::schema::Column::integer("torrent_id"), crate::schema::Column::bytes("info_hash")];

/// The torrents of a batch that have an id of the tracker's, by it, each with its info-hash.
pub fn registered_ids(batch: &Batch) -> BTreeMap<u32, InfoHash> {
    let registered = batch.registered.iter().map(|row| (row.torrent_id, row.info_hash));
    let announced = batch.sessions.iter().map(|row| (row.torrent_id, row.info_hash));
    registered.chain(announced).filter(|(id, _)| *id >= RegisteredRow::FIRST_ID).collect()
}

/// The batch with the ids of the store in place of those that the tracker gave to the same
/// torrents. There is still one row per key: deltas are summed, and of absolutes the later one
/// stays; of two swarms of one torrent the peers are added.
pub fn redirected(batch: &Batch, known_ids: &HashMap<u32, u32>) -> Batch {
    let id_of = |id: u32| known_ids.get(&id).copied().unwrap_or(id);
    let mut torrents: BTreeMap<u32, TorrentRow> = BTreeMap::new();
    for row in &batch.torrents {
        let row = TorrentRow { torrent_id: id_of(row.torrent_id), ..*row };
        torrents.entry(row.torrent_id).and_modify(|sum| add_torrent(sum, &row)).or_insert(row);
    }
    let mut history: BTreeMap<(u32, u32), HistoryRow> = BTreeMap::new();
    for row in &batch.history {
        let row = HistoryRow { torrent_id: id_of(row.torrent_id), ..*row };
        let key = (row.user_id, row.torrent_id);
        history.entry(key).and_modify(|sum| add_history(sum, &row)).or_insert(row);
    }
    let mut redirected = batch.clone();
    redirected.registered.retain(|row| !known_ids.contains_key(&row.torrent_id));
    redirected.torrents = torrents.into_values().collect();
    redirected.history = history.into_values().collect();
    for row in &mut redirected.sessions {
        row.torrent_id = id_of(row.torrent_id);
    }
    redirected.sessions.sort_unstable_by_key(|row| (row.torrent_id, row.user_id, row.key));
    for row in &mut redirected.snatches {
        row.torrent_id = id_of(row.torrent_id);
    }
    // An id of the tracker's has no tokens: those are given for a torrent of the store.
    redirected
}

fn add_torrent(sum: &mut TorrentRow, row: &TorrentRow) {
    sum.traffic.add(row.traffic);
    sum.corrupt_bytes = sum.corrupt_bytes.saturating_add(row.corrupt_bytes);
    sum.snatches = sum.snatches.saturating_add(row.snatches);
    sum.seeders = sum.seeders.saturating_add(row.seeders);
    sum.leechers = sum.leechers.saturating_add(row.leechers);
    sum.announced_at_seconds = sum.announced_at_seconds.max(row.announced_at_seconds);
}

fn add_history(sum: &mut HistoryRow, row: &HistoryRow) {
    sum.traffic.add(row.traffic);
    sum.seed_seconds = sum.seed_seconds.saturating_add(row.seed_seconds);
    sum.snatches = sum.snatches.saturating_add(row.snatches);
    sum.active |= row.active;
    sum.corrupt_bytes = sum.corrupt_bytes.saturating_add(row.corrupt_bytes);
    sum.announces = sum.announces.saturating_add(row.announces);
    let completions = [sum.completed_at_seconds, row.completed_at_seconds];
    sum.completed_at_seconds = completions.into_iter().flatten().min();
    sum.first_announced_at_seconds =
        sum.first_announced_at_seconds.min(row.first_announced_at_seconds);
    if row.announced_at_seconds >= sum.announced_at_seconds {
        sum.announced_at_seconds = row.announced_at_seconds;
        sum.left_bytes = row.left_bytes;
        sum.uploaded_client_bytes = row.uploaded_client_bytes;
        sum.downloaded_client_bytes = row.downloaded_client_bytes;
        sum.seeder = row.seeder;
        sum.immune = row.immune;
        sum.agent = row.agent;
    }
}
