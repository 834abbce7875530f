//! What the tracker tells a site by itself: notifications, by webhook or as a stream.
//!
//! ```text
//! journal ── batches ──► State ──► notifications ──► log ──► webhooks (POST, signed)
//! store, counters ────────────────────┘               └────► streams (Server-Sent Events)
//! ```
//!
//! Nothing of it is on the way of an announce: a thread of its own reads the batches that the
//! flusher has journalled, and what they add up to goes into a [log](EventLog) on the disk. Every
//! reader has its place in the log, so all of them are told everything in the same order, at least
//! once, however often they or the tracker are restarted.
//!
//! * [`Notify`]: what the rest of the server knows of it.
//! * `notify/derive.rs`: what a batch means; [`State`] is what has to be known for that.
//! * `notify/follow.rs`: the thread.
//! * `notify/webhooks.rs`: where to send what, retries, and what was given up.

mod checkpoint;
mod derive;
mod follow;
mod log;
mod totals;
mod watch;
mod webhooks;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_client::types::Notification;
use parking_lot::Mutex;
use tokio::sync::watch as channel;

pub use derive::{Networks, Ratios, State};
pub use follow::{Following, RunningNotify};
pub use log::{Chunk, EventLog, LogReader};
pub use webhooks::{WebhookError, Webhooks};

use crate::config::Config;
use crate::metrics::FlushStatus;

/// How long the follower may take to begin: it looks at all torrents once.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The notifications of a server. Clones share everything.
#[derive(Clone)]
pub struct Notify {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    config: Arc<ArcSwap<Config>>,
    status: Arc<FlushStatus>,
    log: Mutex<EventLog>,
    published: channel::Receiver<u64>,
    webhooks: Webhooks,
    ratios: Mutex<Ratios>,
    /// Whether batches are followed. Once they are it stays so until the server stops.
    active: channel::Sender<bool>,
    /// Whether the follower has begun: what happens from then on is told.
    began: channel::Sender<bool>,
    /// Streams end, and webhooks are sent nothing more.
    closing: channel::Sender<bool>,
    numbers: NotifyNumbers,
}

/// What the metrics tell of notifications.
#[derive(Debug, Default)]
pub struct NotifyNumbers {
    /// Notifications since the start.
    pub events: AtomicU64,
    /// Bytes of the log.
    pub log_bytes: AtomicU64,
    /// Notifications that webhooks have taken since the start.
    pub delivered: AtomicU64,
    /// Attempts to send a request that failed, since the start.
    pub failures: AtomicU64,
    /// Requests that were given up, since the start.
    pub dead_letters: AtomicU64,
    /// Notifications that were kept no more when a webhook's turn came, since the start.
    pub missed: AtomicU64,
    /// 1 if the log cannot be written.
    pub stuck: AtomicU64,
}

impl Notify {
    /// Opens what the last process left in a directory, which is made if need be. Must be called
    /// before the flusher starts, so that the journal keeps the batches that are still to be read.
    ///
    /// # Errors
    ///
    /// The files cannot be read or written.
    pub fn open(
        dir: &Path,
        config: Arc<ArcSwap<Config>>,
        status: Arc<FlushStatus>,
    ) -> io::Result<Self> {
        let log = EventLog::open(&dir.join("log"))?;
        let webhooks = Webhooks::open(&dir.join("webhooks"))?;
        let is_active = config.load().notify.always || !webhooks.is_empty();
        if is_active {
            let kept = checkpoint::read(dir)?;
            // Without one, it begins with the batches that come.
            let needs = kept.map_or(0, |state| state.batch + 1);
            status.notify_needs_batch.store(needs, Ordering::Relaxed);
        } else {
            checkpoint::remove(dir)?;
        }
        let numbers = NotifyNumbers::default();
        numbers.log_bytes.store(log.bytes(), Ordering::Relaxed);
        let published = log.published();
        Ok(Self {
            shared: Arc::new(Shared {
                dir: dir.to_owned(),
                config,
                status,
                log: Mutex::new(log),
                published,
                webhooks,
                ratios: Mutex::default(),
                active: channel::Sender::new(is_active),
                began: channel::Sender::new(false),
                closing: channel::Sender::new(false),
                numbers,
            }),
        })
    }

    /// The webhooks.
    pub fn webhooks(&self) -> &Webhooks {
        &self.shared.webhooks
    }

    /// Id of the last notification.
    pub fn last_id(&self) -> u64 {
        *self.shared.published.borrow()
    }

    /// Tells the id of the last notification.
    pub fn published(&self) -> channel::Receiver<u64> {
        self.shared.published.clone()
    }

    /// Tells when streams have to end.
    pub fn closing(&self) -> channel::Receiver<bool> {
        self.shared.closing.subscribe()
    }

    /// A reader of the notifications after an id.
    pub fn reader(&self, after_id: u64) -> LogReader {
        LogReader::after(&self.shared.dir.join("log"), after_id)
    }

    /// What the metrics tell.
    pub fn numbers(&self) -> &NotifyNumbers {
        &self.shared.numbers
    }

    /// The most notifications that any webhook is behind.
    pub fn waiting(&self) -> u64 {
        self.shared.webhooks.waiting(self.last_id())
    }

    /// Says that somebody has come who wants to be told, and waits until what happens from now on
    /// is; false if that takes too long.
    pub async fn activate(&self) -> bool {
        self.shared.active.send_if_modified(|active| !std::mem::replace(active, true));
        let mut began = self.shared.began.subscribe();
        let reached = began.wait_for(|began| *began);
        tokio::time::timeout(BEGIN_TIMEOUT, reached).await.is_ok()
    }

    /// Says that somebody has changed a user's totals.
    pub(crate) fn touch_user(&self, user_id: u32) {
        self.shared.ratios.lock().touch(user_id);
    }

    /// Ends all streams and all sending; what was not sent is sent after the next start.
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
    }

    /// Puts notifications into the log; they are told then. `batch` is 0 if they do not come from
    /// one.
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing is in the log then.
    pub fn publish(&self, batch: u64, events: &mut [Notification]) -> io::Result<()> {
        let bytes_max = self.shared.config.load().notify.log_bytes;
        let mut log = self.shared.log.lock();
        log.append(batch, events, bytes_max)?;
        let numbers = &self.shared.numbers;
        numbers.log_bytes.store(log.bytes(), Ordering::Relaxed);
        numbers.events.fetch_add(events.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn last_batch(&self) -> u64 {
        self.shared.log.lock().last_batch()
    }
}

impl std::fmt::Debug for Notify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}
