//! A store in one file, which each batch replaces as a whole.
//!
//! Torrents that the tracker registers by itself are looked up by their hash, for the site may have
//! added them meanwhile: see `mika_store::redirect`.
//!
//! The three things that every adapter has to get right are marked with numbers:
//! (1) rows and checkpoint become durable together, or not at all; (2) a batch that was applied
//! before changes nothing; (3) a row that does not fit goes to the dead letters, before the others
//! become durable, and stops none of them.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mika_core::batch::{Batch, HistoryRow, TorrentRow, Traffic, UserRow};
use mika_store::record::{RoleRecord, TorrentRecord, UserRecord};
use mika_store::{
    Applied, DeadLetter, InfoHash, KeepDeadLetters, LoadSink, Store, StoreError, redirect,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// Everything that the file holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tables {
    /// Number of the last batch.
    pub checkpoint: u64,
    /// Name, passkey and totals by user id.
    pub users: BTreeMap<u32, (String, String, UserRow)>,
    /// Hash and totals by torrent id.
    pub torrents: BTreeMap<u32, ([u8; 20], TorrentRow)>,
    /// Totals by user and torrent.
    pub history: BTreeMap<(u32, u32), HistoryRow>,
}

/// The store.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    /// Held while the file is read and replaced.
    turn: Mutex<()>,
}

impl FileStore {
    /// Opens the file; a missing one is an empty site.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let store = Self { path: path.to_owned(), turn: Mutex::new(()) };
        store.read()?;
        Ok(store)
    }

    /// Changes the tables past the tracker, as the site does.
    pub async fn edit(&self, change: impl FnOnce(&mut Tables)) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let mut tables = self.read()?;
        change(&mut tables);
        self.write(&tables)
    }

    /// The tables as they are.
    pub fn read(&self) -> Result<Tables, StoreError> {
        match fs::read(&self.path) {
            Ok(bytes) => postcard::from_bytes(&bytes).map_err(|error| {
                StoreError::Broken(format!("{} is damaged: {error}", self.path.display()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Tables::default()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// (1) The new file takes the place of the old one in one step.
    fn write(&self, tables: &Tables) -> Result<(), StoreError> {
        let bytes =
            postcard::to_stdvec(tables).map_err(|error| StoreError::Broken(error.to_string()))?;
        let new = self.path.with_extension("new");
        let mut file = File::create(&new).map_err(unavailable)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(unavailable)?;
        fs::rename(&new, &self.path).map_err(unavailable)
    }
}

fn unavailable(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[async_trait]
impl Store for FileStore {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn load(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        let tables = self.read()?;
        sink.role(RoleRecord::only());
        for (id, (name, passkey, totals)) in &tables.users {
            sink.user(UserRecord {
                id: *id,
                site_id: None,
                name: name.clone(),
                passkey: passkey.clone(),
                role_id: RoleRecord::ONLY_ID,
                download_enabled: true,
                deleted: false,
                uploaded: totals.traffic.uploaded_credited,
                downloaded: totals.traffic.downloaded_credited,
                uploaded_raw: totals.traffic.uploaded_raw,
                downloaded_raw: totals.traffic.downloaded_raw,
                seed_seconds: totals.seed_seconds,
                snatches: totals.snatches.into(),
                announced_at_seconds: totals.announced_at_seconds,
                created_at_seconds: 0,
                terms: Default::default(),
            });
        }
        for (id, (hash, totals)) in &tables.torrents {
            sink.torrent(TorrentRecord {
                id: *id,
                info_hash: InfoHash(*hash),
                info_hash_v2: None,
                title: String::new(),
                upload_percent: 100,
                download_percent: 100,
                enabled: true,
                deleted: false,
                reason: String::new(),
                snatches: totals.snatches,
                uploaded: totals.traffic.uploaded_credited,
                downloaded: totals.traffic.downloaded_credited,
                uploaded_raw: totals.traffic.uploaded_raw,
                downloaded_raw: totals.traffic.downloaded_raw,
                seeders: totals.seeders,
                leechers: totals.leechers,
                announced_at_seconds: totals.announced_at_seconds,
                created_at_seconds: 0,
                terms: Default::default(),
            });
        }
        Ok(())
    }

    async fn checkpoint(&self) -> Result<u64, StoreError> {
        Ok(self.read()?.checkpoint)
    }

    async fn apply_with(
        &self,
        batch: &Batch,
        keep: &mut KeepDeadLetters<'_>,
    ) -> Result<Applied, StoreError> {
        let _turn = self.turn.lock().await;
        let mut tables = self.read()?;
        // (2)
        if batch.number <= tables.checkpoint {
            return Ok(Applied { repeated: true, dead_letters: Vec::new() });
        }
        let ids = tables.known_ids(batch);
        let dead_letters = tables.add(&redirect::redirected(batch, &ids));
        tables.checkpoint = batch.number;
        // (3)
        keep(&dead_letters).map_err(unavailable)?;
        self.write(&tables)?;
        Ok(Applied { repeated: false, dead_letters })
    }

    async fn forget_peers(&self) -> Result<(), StoreError> {
        self.edit(|tables| {
            for (_, totals) in tables.torrents.values_mut() {
                (totals.seeders, totals.leechers) = (0, 0);
            }
            tables.history.values_mut().for_each(|totals| totals.active = false);
        })
        .await
    }

    async fn close(&self) {}
}

impl Tables {
    /// The torrents of a batch that the site has under another id than the tracker.
    fn known_ids(&self, batch: &Batch) -> HashMap<u32, u32> {
        let of_hash = |hash: [u8; 20]| {
            let mut torrents = self.torrents.iter();
            torrents.find(|(_, (known, _))| *known == hash).map(|(id, _)| *id)
        };
        let ids = redirect::registered_ids(batch).into_iter();
        let known = ids.filter_map(|(id, hash)| Some((id, of_hash(hash.0)?)));
        known.filter(|(id, known_id)| id != known_id).collect()
    }

    /// Adds a batch; returns the rows that do not fit.
    fn add(&mut self, batch: &Batch) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        for row in &batch.registered {
            if self.torrents.values().any(|(hash, _)| *hash == row.info_hash.0) {
                letters.push(letter("registered", row, "there is such a torrent already"));
                continue;
            }
            let totals = TorrentRow { torrent_id: row.torrent_id, ..TorrentRow::default() };
            self.torrents.insert(row.torrent_id, (row.info_hash.0, totals));
        }
        for row in &batch.users {
            match self.users.get_mut(&row.user_id) {
                Some((_, _, totals)) => add_user(totals, row),
                None => letters.push(letter("users", row, "no such user")),
            }
        }
        for row in &batch.torrents {
            match self.torrents.get_mut(&row.torrent_id) {
                Some((_, totals)) => add_torrent(totals, row),
                None => letters.push(letter("torrents", row, "no such torrent")),
            }
        }
        for row in &batch.history {
            let known = self.users.contains_key(&row.user_id)
                && self.torrents.contains_key(&row.torrent_id);
            if !known {
                letters.push(letter("history", row, "no such user or torrent"));
                continue;
            }
            let key = (row.user_id, row.torrent_id);
            let nothing = HistoryRow {
                user_id: row.user_id,
                torrent_id: row.torrent_id,
                ..HistoryRow::default()
            };
            add_history(self.history.entry(key).or_insert(nothing), row);
        }
        letters
    }
}

/// Totals end at the largest signed integer, as those of databases do.
fn sum(total: u64, delta: u64) -> u64 {
    total.saturating_add(delta).min(i64::MAX as u64)
}

fn add_traffic(total: &mut Traffic, delta: &Traffic) {
    total.uploaded_raw = sum(total.uploaded_raw, delta.uploaded_raw);
    total.downloaded_raw = sum(total.downloaded_raw, delta.downloaded_raw);
    total.uploaded_credited = sum(total.uploaded_credited, delta.uploaded_credited);
    total.downloaded_credited = sum(total.downloaded_credited, delta.downloaded_credited);
}

fn add_user(total: &mut UserRow, row: &UserRow) {
    add_traffic(&mut total.traffic, &row.traffic);
    total.seed_seconds = sum(total.seed_seconds, row.seed_seconds);
    total.snatches = total.snatches.saturating_add(row.snatches);
    total.announced_at_seconds = total.announced_at_seconds.max(row.announced_at_seconds);
}

fn add_torrent(total: &mut TorrentRow, row: &TorrentRow) {
    add_traffic(&mut total.traffic, &row.traffic);
    total.snatches = total.snatches.saturating_add(row.snatches);
    total.seeders = row.seeders;
    total.leechers = row.leechers;
    total.announced_at_seconds = total.announced_at_seconds.max(row.announced_at_seconds);
}

fn add_history(total: &mut HistoryRow, row: &HistoryRow) {
    add_traffic(&mut total.traffic, &row.traffic);
    total.seed_seconds = sum(total.seed_seconds, row.seed_seconds);
    total.snatches = total.snatches.saturating_add(row.snatches);
    total.active = row.active;
    // Of two reports the later one counts, though an older client may expire last.
    if row.announced_at_seconds >= total.announced_at_seconds {
        total.left_bytes = row.left_bytes.min(i64::MAX as u64);
        total.announced_at_seconds = row.announced_at_seconds;
    }
}

fn letter<R: Serialize>(table: &'static str, row: &R, reason: &str) -> DeadLetter {
    let row = serde_json::to_string(row).unwrap_or_else(|error| error.to_string());
    DeadLetter { table, row, reason: reason.to_owned() }
}
