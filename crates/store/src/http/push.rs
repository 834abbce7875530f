//! What a batch says of single torrents, for sites that want it torrent by torrent.
//!
//! Pushes are pictures, not deltas: the latest one replaces those before it, and one that is lost
//! is made good by the next. So they wait in memory, one per torrent and at most
//! [`WAITING_MAX`], and never hold up a batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use mika_core::batch::{Batch, SessionRow, TorrentRow};
use mika_protocol::InfoHash;
use parking_lot::Mutex;
use reqwest::Method;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::warn;

use super::HttpOptions;
use super::call::{Call, Caller, Purpose};

/// Torrents that wait at most; of further ones only the number is kept.
const WAITING_MAX: usize = 10_000;
/// Sessions of one torrent that wait at most.
const SESSIONS_MAX: usize = 1000;
/// Requests at a time.
const CONCURRENT: usize = 8;
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How long what waits may take when the store is closed.
const LAST_PUSHES: Duration = Duration::from_secs(5);

/// The body of `PATCH /api/torrent/<info_hash>`.
#[derive(Serialize)]
pub(super) struct CountsJson {
    pub(super) batch: u64,
    pub(super) torrent_id: u32,
    pub(super) seeders: u32,
    pub(super) leechers: u32,
    pub(super) announced_at_seconds: u32,
}

/// The body of `POST /api/torrent/<info_hash>/peers`.
#[derive(Serialize)]
pub(super) struct PeersJson {
    pub(super) batch: u64,
    pub(super) torrent_id: u32,
    pub(super) peers: Vec<SessionRow>,
}

/// What is to be told of one torrent.
#[derive(Default)]
struct Waiting {
    batch: u64,
    counts: Option<TorrentRow>,
    sessions: BTreeMap<(u32, u64), SessionRow>,
}

struct Shared {
    caller: Arc<Caller>,
    timeout: Duration,
    counts: bool,
    peers: bool,
    waiting: Mutex<BTreeMap<InfoHash, Waiting>>,
    changed: Notify,
    closing: AtomicBool,
}

/// Sends pushes from a task of its own.
pub(super) struct Pusher {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Pusher {
    pub(super) fn new(caller: &Arc<Caller>, options: &HttpOptions) -> Self {
        let shared = Arc::new(Shared {
            caller: Arc::clone(caller),
            timeout: options.call_timeout,
            counts: options.push_counts,
            peers: options.push_peers,
            waiting: Mutex::default(),
            changed: Notify::new(),
            closing: AtomicBool::new(false),
        });
        Self { shared, task: Mutex::new(None) }
    }

    /// Takes what a batch says that the site has.
    pub(super) fn take(&self, batch: &Batch) {
        let dropped = self.shared.take(batch);
        if dropped > 0 {
            warn!(dropped, "too many torrents wait to be told to the site one by one");
        }
        let mut task = self.task.lock();
        if task.is_none() {
            let shared = Arc::clone(&self.shared);
            *task = Some(tokio::spawn(async move { shared.run().await }));
        }
        self.shared.changed.notify_one();
    }

    /// Sends what waits, if the site takes it soon, and ends.
    pub(super) async fn close(&self) {
        let task = self.task.lock().take();
        let Some(mut task) = task else { return };
        self.shared.closing.store(true, Ordering::Relaxed);
        self.shared.changed.notify_one();
        // What takes longer is lost: the next batch of a torrent tells it again.
        if tokio::time::timeout(LAST_PUSHES, &mut task).await.is_err() {
            task.abort();
        }
    }
}

impl Shared {
    /// How many torrents had no place.
    fn take(&self, batch: &Batch) -> usize {
        let hashes: BTreeMap<u32, InfoHash> =
            batch.sessions.iter().map(|row| (row.torrent_id, row.info_hash)).collect();
        let mut all = self.waiting.lock();
        let mut dropped = 0;
        for (torrent_id, hash) in &hashes {
            if all.len() >= WAITING_MAX && !all.contains_key(hash) {
                dropped += 1;
                continue;
            }
            let waiting = all.entry(*hash).or_default();
            waiting.batch = batch.number;
            if self.counts
                && let Ok(at) =
                    batch.torrents.binary_search_by_key(torrent_id, |row| row.torrent_id)
            {
                waiting.counts = batch.torrents.get(at).copied();
            }
        }
        if self.peers {
            for row in &batch.sessions {
                let Some(waiting) = all.get_mut(&row.info_hash) else { continue };
                let key = (row.user_id, row.key);
                if waiting.sessions.len() < SESSIONS_MAX || waiting.sessions.contains_key(&key) {
                    waiting.sessions.insert(key, *row);
                }
            }
        }
        dropped
    }

    async fn run(&self) {
        while !self.closing.load(Ordering::Relaxed) {
            self.changed.notified().await;
            while !self.push_all().await {
                tokio::time::sleep(PAUSE).await;
            }
        }
        self.push_all().await;
    }

    /// Sends everything that waits; false if the site did not take something for now.
    async fn push_all(&self) -> bool {
        let taken = std::mem::take(&mut *self.waiting.lock());
        let pushes = stream::iter(taken).map(|(hash, waiting)| self.push(hash, waiting));
        let failed = pushes.buffer_unordered(CONCURRENT).filter(|done| std::future::ready(!done));
        failed.count().await == 0
    }

    /// Sends one torrent; puts it back, behind what has come meanwhile, if that fails for now.
    async fn push(&self, hash: InfoHash, waiting: Waiting) -> bool {
        match self.send(hash, &waiting).await {
            Ok(()) => true,
            Err(crate::StoreError::Unavailable(_)) => {
                let mut all = self.waiting.lock();
                let newer = all.entry(hash).or_default();
                if newer.counts.is_none() {
                    newer.counts = waiting.counts;
                }
                newer.batch = newer.batch.max(waiting.batch);
                for (key, row) in waiting.sessions {
                    newer.sessions.entry(key).or_insert(row);
                }
                false
            }
            Err(error) => {
                warn!(%error, "a torrent could not be told to the site");
                true
            }
        }
    }

    fn call(&self, method: Method, path: String) -> Call {
        Call::send(method, path, self.timeout, Vec::new()).of(Purpose::Push)
    }

    async fn send(&self, hash: InfoHash, waiting: &Waiting) -> Result<(), crate::StoreError> {
        let batch = waiting.batch;
        if let Some(row) = waiting.counts {
            let counts = CountsJson {
                batch,
                torrent_id: row.torrent_id,
                seeders: row.seeders,
                leechers: row.leechers,
                announced_at_seconds: row.announced_at_seconds,
            };
            let path = format!("/api/torrent/{hash}");
            let call = self.call(Method::PATCH, path);
            self.caller.send(call, &counts).await?;
        }
        if let Some(first) = waiting.sessions.values().next() {
            let peers = waiting.sessions.values().copied().collect();
            let body = PeersJson { batch, torrent_id: first.torrent_id, peers };
            let path = format!("/api/torrent/{hash}/peers");
            let call = self.call(Method::POST, path);
            self.caller.send(call, &body).await?;
        }
        Ok(())
    }
}
