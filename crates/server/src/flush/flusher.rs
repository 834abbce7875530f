//! The flusher: a thread that turns what has changed into batches, and writes them to the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use arc_swap::ArcSwap;
use mika_core::Tracker;
use mika_core::batch::Batch;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tracing::{debug, error, info};

use crate::clock::Clock;
use crate::config::Config;
use crate::journal::{Journal, JournalError};
use crate::metrics::FlushStatus;
use crate::snapshot::{SnapshotError, SnapshotWriter};

/// Between two attempts at a snapshot, at least.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(10);

/// Everything the flusher works with.
pub struct Flusher {
    tracker: Arc<Tracker>,
    clock: Clock,
    config: Arc<ArcSwap<Config>>,
    status: Arc<FlushStatus>,
    journal: Journal,
    snapshot_path: PathBuf,
    next_number: u64,
    /// A batch that the journal did not take. Nothing more is drained until it does: what changes
    /// meanwhile waits in the shards, one entry per session.
    held: Option<Batch>,
    store_keeps_up: bool,
    snapshot_number: u64,
    snapshot_tried_at: Instant,
    failures: u64,
    journaled: watch::Sender<u64>,
}

enum Command {
    /// Make a batch of everything that is pending; answers with the number of the last batch.
    Flush(oneshot::Sender<Result<u64, String>>),
    /// Put rows that do not come from the tracker into the journal; answers with their number.
    Put(Box<Batch>, Before, oneshot::Sender<Result<u64, String>>),
    Stop,
}

/// What has to be done once the number of a batch is known, and before it is in the journal.
pub type Before = Box<dyn FnOnce(u64) -> io::Result<()> + Send>;

/// How others speak to a running flusher.
pub struct FlushHandle {
    commands: mpsc::Sender<Command>,
    thread: Mutex<Option<JoinHandle<Stopped>>>,
}

/// How a flusher ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The last batch that is in the journal.
    pub last_number: u64,
    /// Whether the last announces are in it, and the snapshot is on the disk.
    pub clean: bool,
}

/// Why a flush did not reach the disk.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// The journal did not take the batch; it is held, and tried again.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The snapshot was not written; the old one is as it was.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl Flusher {
    /// A flusher whose first batch has `next_number`.
    pub fn new(
        tracker: Arc<Tracker>,
        clock: Clock,
        config: Arc<ArcSwap<Config>>,
        status: Arc<FlushStatus>,
        journal: Journal,
        snapshot_path: &Path,
        next_number: u64,
    ) -> Self {
        let last_number = next_number.saturating_sub(1);
        status.journal_writable.store(true, Ordering::Relaxed);
        status.last_batch_number.store(last_number, Ordering::Relaxed);
        status.journal_bytes.store(journal.bytes(), Ordering::Relaxed);
        Self {
            tracker,
            clock,
            config,
            status,
            journal,
            snapshot_path: snapshot_path.to_owned(),
            next_number,
            held: None,
            store_keeps_up: true,
            snapshot_number: 0,
            snapshot_tried_at: Instant::now(),
            failures: 0,
            journaled: watch::Sender::new(last_number),
        }
    }

    /// Tells the number of the last batch in the journal.
    pub fn journaled(&self) -> watch::Receiver<u64> {
        self.journaled.subscribe()
    }

    /// Begins a new history: takes a snapshot as of the batch before the next one, and removes all
    /// older batches. For a start at which the next batch cannot follow the last one of the
    /// journal, because the store is ahead of the journal, or because the journal ends before the
    /// batch of the snapshot, or because its sessions cannot be told from new ones.
    ///
    /// # Errors
    ///
    /// The disk does not take it.
    pub fn begin_anew(&mut self) -> Result<(), FlushError> {
        let now_seconds = self.clock.now_seconds();
        let last_number = self.next_number - 1;
        let mut writer = SnapshotWriter::begin(&self.snapshot_path, last_number, now_seconds)?;
        for part in 0..Tracker::PARTS {
            self.tracker.snapshot(part, now_seconds, |item| writer.put(item));
        }
        // Nobody has announced yet, so there is no batch that it needs.
        writer.finish(last_number)?;
        self.snapshot_number = last_number;
        self.journal.close_segment()?;
        self.journal.retire(last_number)?;
        Ok(())
    }

    /// Runs on a thread of its own until it is stopped.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start(self) -> io::Result<FlushHandle> {
        let (commands, receiver) = mpsc::channel();
        let thread =
            Builder::new().name("mika-flush".to_owned()).spawn(move || self.run(&receiver))?;
        Ok(FlushHandle { commands, thread: Mutex::new(Some(thread)) })
    }

    fn run(mut self, commands: &mpsc::Receiver<Command>) -> Stopped {
        loop {
            let interval = self.config.load().flush.interval_milliseconds;
            match commands.recv_timeout(Duration::from_millis(interval.into())) {
                Err(RecvTimeoutError::Timeout) => {
                    // The reason was logged and is in the status.
                    let _ = self.tick();
                }
                Ok(Command::Flush(answer)) => {
                    let result = self.tick().map(|()| self.next_number - 1);
                    // Whoever asked may have gone.
                    let _ = answer.send(result.map_err(|error| error.to_string()));
                }
                Ok(Command::Put(batch, before, answer)) => {
                    let _ = answer.send(self.put(*batch, before));
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
        }
    }

    fn finish(mut self) -> Stopped {
        self.look_at_store();
        let flushed = self.flush().and_then(|()| self.snapshot());
        let clean = self.watch(flushed).is_ok() && self.journal.sync().is_ok();
        Stopped { last_number: self.next_number - 1, clean }
    }

    /// Each part is tried whatever became of the others: room on a full disk is made by removing
    /// what is done with, and what is done with grows by a snapshot.
    fn tick(&mut self) -> Result<(), FlushError> {
        self.look_at_store();
        let retired = self.retire();
        let flushed = self.flush();
        let snapshot =
            if flushed.is_ok() && self.snapshot_due() { self.snapshot() } else { Ok(()) };
        let synced = self.journal.sync_if_due(&self.config.load().flush).map_err(FlushError::from);
        self.watch(flushed.and(snapshot).and(synced).and(retired))
    }

    /// A store that has everything lets the journal shrink at the next snapshot: only one that is
    /// down can fill it. Decided once a tick, for the batches of one belong together.
    fn look_at_store(&mut self) {
        let applied = self.status.applied_batch_number.load(Ordering::Relaxed);
        self.store_keeps_up = applied + 1 >= self.next_number;
    }

    /// Whether it is time, or the journal has become so large that a snapshot should let it shrink.
    fn snapshot_due(&self) -> bool {
        let config = self.config.load();
        let interval = Duration::from_secs(config.snapshot.interval_seconds.into());
        let since = self.snapshot_tried_at.elapsed();
        let is_large = self.journal.bytes() > config.limits.journal_bytes / 2;
        since >= interval || (is_large && since >= SNAPSHOT_PAUSE)
    }

    /// Keeps the status and logs, but not once per second for as long as a disk is full.
    fn watch(&mut self, result: Result<(), FlushError>) -> Result<(), FlushError> {
        self.status.journal_writable.store(result.is_ok(), Ordering::Relaxed);
        match &result {
            Ok(()) if self.failures > 0 => {
                info!(failures = self.failures, "journal and snapshot are written again");
                self.failures = 0;
            }
            Ok(()) => {}
            Err(problem) => {
                self.failures += 1;
                if self.failures.is_power_of_two() {
                    error!(
                        error = %problem,
                        failures = self.failures,
                        "announces go on, but what they report cannot be written to the disk"
                    );
                }
            }
        }
        result
    }

    /// Drains all shards into as many batches as the limit of rows makes it, into the journal.
    fn flush(&mut self) -> Result<(), FlushError> {
        if let Some(batch) = self.held.take() {
            self.write(batch)?;
        }
        let now_seconds = self.clock.now_seconds();
        let rows_max = self.config.load().limits.batch_rows as usize;
        let mut first_shard = Some(0);
        while let Some(shard) = first_shard {
            let drained = self.tracker.drain(now_seconds, shard, rows_max);
            first_shard = drained.next_shard;
            self.status.activity.note(&drained.batch, crate::metrics::now_seconds());
            if !drained.batch.is_empty() {
                self.write(Batch { number: self.next_number, ..drained.batch })?;
            }
        }
        if *self.journaled.borrow() <= self.status.applied_batch_number.load(Ordering::Relaxed) {
            // Nothing waits: the store is as fresh as can be.
            let now_seconds = crate::metrics::now_seconds();
            self.status.last_flush_at_seconds.store(now_seconds, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Puts rows that do not come from the tracker into a batch of their own. What the journal does
    /// not take now it takes later, as any other batch.
    fn put(&mut self, batch: Batch, before: Before) -> Result<u64, String> {
        self.look_at_store();
        let flushed = self.flush();
        self.watch(flushed).map_err(|error| error.to_string())?;
        let number = self.next_number;
        before(number).map_err(|error| error.to_string())?;
        let drained_at_seconds = self.clock.now_seconds();
        let written = self.write(Batch { number, drained_at_seconds, ..batch });
        self.watch(written).map_err(|error| error.to_string())?;
        Ok(number)
    }

    fn write(&mut self, batch: Batch) -> Result<(), FlushError> {
        let config = self.config.load();
        let bytes_max = if self.store_keeps_up { u64::MAX } else { config.limits.journal_bytes };
        if let Err(error) = self.journal.append(&batch, &config.flush, bytes_max) {
            self.held = Some(batch);
            return Err(error.into());
        }
        debug!(batch = batch.number, rows = batch.rows(), "journalled");
        self.next_number = batch.number + 1;
        self.status.last_batch_number.store(batch.number, Ordering::Relaxed);
        self.status.journal_bytes.store(self.journal.bytes(), Ordering::Relaxed);
        self.journaled.send_replace(batch.number);
        Ok(())
    }

    /// Writes all sessions, while announces and flushes go on. The snapshot takes the old one's
    /// place only once all that was announced until its last session was copied is in the journal.
    fn snapshot(&mut self) -> Result<(), FlushError> {
        let started = Instant::now();
        self.snapshot_tried_at = started;
        let now_seconds = self.clock.now_seconds();
        let number = self.next_number - 1;
        let mut writer = SnapshotWriter::begin(&self.snapshot_path, number, now_seconds)?;
        // So that the batches before it can be removed as whole files.
        self.journal.close_segment()?;
        let interval = self.config.load().flush.interval_milliseconds;
        let mut flushed_at = started;
        for part in 0..Tracker::PARTS {
            self.tracker.snapshot(part, now_seconds, |item| writer.put(item));
            if flushed_at.elapsed() >= Duration::from_millis(interval.into()) {
                self.flush()?;
                flushed_at = Instant::now();
            }
        }
        self.flush()?;
        // A snapshot must not outlive the batches that its counters belong to.
        self.journal.sync()?;
        let needs_number = self.next_number - 1;
        let bytes = writer.finish(needs_number)?;
        self.snapshot_number = number;
        self.status.snapshot_at_seconds.store(crate::metrics::now_seconds(), Ordering::Relaxed);
        self.status.snapshot_bytes.store(bytes, Ordering::Relaxed);
        let milliseconds = started.elapsed().as_millis() as u64;
        debug!(batch = number, needs_number, bytes, milliseconds, "snapshot taken");
        Ok(())
    }

    /// The last batch that the notifications need no more. They may be behind by some seconds; if
    /// it is far more, something is wrong with them, and the journal must not grow for that.
    fn notified(&self) -> u64 {
        let is_full = self.journal.bytes() > self.config.load().limits.journal_bytes;
        let needs = self.status.notify_needs_batch.load(Ordering::Relaxed);
        needs.checked_sub(1).filter(|_| !is_full).unwrap_or(u64::MAX)
    }

    /// Removes what neither the store nor a restart nor the notifications need any more.
    fn retire(&mut self) -> Result<(), FlushError> {
        let applied = self.status.applied_batch_number.load(Ordering::Relaxed);
        self.journal.retire(applied.min(self.snapshot_number).min(self.notified()))?;
        self.status.journal_bytes.store(self.journal.bytes(), Ordering::Relaxed);
        Ok(())
    }
}

impl FlushHandle {
    /// Makes a batch of everything that is pending; returns the number of the last batch in the
    /// journal.
    ///
    /// # Errors
    ///
    /// The journal does not take it.
    pub async fn flush(&self) -> Result<u64, String> {
        let (answer, answered) = oneshot::channel();
        let stopped = || "the server is stopping".to_owned();
        self.commands.send(Command::Flush(answer)).map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Puts rows that do not come from the tracker into the journal, in a batch of their own;
    /// returns its number. `before` is called with it, and nothing is written if it fails.
    ///
    /// # Errors
    ///
    /// What `before` says, or that the journal does not take it now.
    pub async fn put(&self, batch: Batch, before: Before) -> Result<u64, String> {
        let (answer, answered) = oneshot::channel();
        let stopped = || "the server is stopping".to_owned();
        let command = Command::Put(Box::new(batch), before, answer);
        self.commands.send(command).map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Flushes a last time, takes a snapshot and ends.
    pub fn stop(&self) -> Stopped {
        // If it cannot be told, it has ended already.
        let _ = self.commands.send(Command::Stop);
        let joined = self.thread.lock().take().and_then(|thread| thread.join().ok());
        joined.unwrap_or(Stopped { last_number: 0, clean: false })
    }
}

impl fmt::Debug for FlushHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushHandle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
