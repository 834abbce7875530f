//! The applier: brings the batches of the journal into the store, one after the other.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_core::batch::Batch;
use mika_store::{DeadLetter, Store, StoreError};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::DeadLetters;
use crate::config::Config;
use crate::journal::{JournalError, JournalReader};
use crate::metrics::FlushStatus;
use crate::site_call::SiteCallQueue;

/// The first wait after a failure; it doubles up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Dead letters of a batch that are logged; all are in their file.
const LETTERS_LOGGED_MAX: usize = 10;

/// Follows the journal and feeds the store.
pub struct Applier<S: ?Sized> {
    store: Arc<S>,
    reader: JournalReader,
    dead_letters: DeadLetters,
    status: Arc<FlushStatus>,
    config: Arc<ArcSwap<Config>>,
    applied: watch::Sender<u64>,
    site_calls: Option<Arc<SiteCallQueue>>,
}

impl<S: Store + ?Sized> Applier<S> {
    /// An applier of the batches above the store's checkpoint.
    pub fn new(
        store: Arc<S>,
        journal: &Path,
        checkpoint: u64,
        dead_letters: &Path,
        status: Arc<FlushStatus>,
        config: Arc<ArcSwap<Config>>,
    ) -> Self {
        status.applied_batch_number.store(checkpoint, Ordering::Relaxed);
        status.store_available.store(true, Ordering::Relaxed);
        Self {
            store,
            reader: JournalReader::after(journal, checkpoint),
            dead_letters: DeadLetters::new(dead_letters),
            status,
            config,
            applied: watch::Sender::new(checkpoint),
            site_calls: None,
        }
    }

    /// Where the rows are that the store refused.
    pub fn dead_letters(&self) -> DeadLetters {
        self.dead_letters.clone()
    }

    /// The same, and what follows from a batch for the site is put into a queue.
    pub fn with_site_calls(self, queue: Option<Arc<SiteCallQueue>>) -> Self {
        Self { site_calls: queue, ..self }
    }

    /// Tells the number of the last batch that the store has.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Applies all batches up to a number, once, without waiting for a store that is down.
    ///
    /// # Errors
    ///
    /// The store does not take a batch, or the journal cannot be read.
    pub async fn catch_up(&mut self, number: u64) -> Result<(), CatchUpError> {
        while self.reader.last_number() < number {
            let Some(batch) = self.reader.next_batch()? else { break };
            self.apply(&batch).await?;
        }
        Ok(())
    }

    /// Applies batches as they are journalled, until the flusher has gone and all are applied.
    pub async fn run(mut self, mut journaled: watch::Receiver<u64>) {
        let mut last_round = false;
        loop {
            let number = *journaled.borrow_and_update();
            while self.reader.last_number() < number {
                match self.reader.next_batch() {
                    Ok(Some(batch)) => self.insist(&batch).await,
                    Ok(None) => break,
                    Err(error @ JournalError::Io { .. }) => {
                        // Out of open files, perhaps: not a reason to give up.
                        error!(%error, "the journal cannot be read, trying again");
                        tokio::time::sleep(RETRY_MAX).await;
                        self.reader.reopen();
                    }
                    Err(error) => {
                        self.status.store_available.store(false, Ordering::Relaxed);
                        error!(%error, "the applier has stopped: restart after putting it right");
                        return;
                    }
                }
            }
            if last_round {
                return;
            }
            last_round = journaled.changed().await.is_err();
        }
    }

    /// Tries until the store has taken the batch.
    async fn insist(&mut self, batch: &Batch) {
        let mut wait = RETRY_FIRST;
        let mut failures = 0_u64;
        let at = u64::from(batch.drained_at_seconds);
        self.status.oldest_unapplied_at_seconds.store(at, Ordering::Relaxed);
        while let Err(error) = self.apply(batch).await {
            failures += 1;
            self.status.flush_failures_total.fetch_add(1, Ordering::Relaxed);
            self.status.store_available.store(false, Ordering::Relaxed);
            if failures.is_power_of_two() {
                warn!(%error, batch = batch.number, failures, "the store did not take a batch");
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
        if failures > 0 {
            info!(batch = batch.number, failures, "the store takes batches again");
        }
        self.status.oldest_unapplied_at_seconds.store(0, Ordering::Relaxed);
    }

    async fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let bytes_max = self.config.load().limits.dead_letter_bytes;
        let (number, at) = (batch.number, batch.drained_at_seconds);
        if let Some(queue) = &self.site_calls {
            // Before the store has it: a batch that it has does not come again.
            queue.note(batch);
        }
        let file = &self.dead_letters;
        let mut keep = |letters: &[DeadLetter]| file.append(number, at, letters, bytes_max);
        let applied = self.store.apply_with(batch, &mut keep).await?;
        if let Some(queue) = &self.site_calls {
            queue.release(number);
        }
        let letters = &applied.dead_letters;
        for letter in letters.iter().take(LETTERS_LOGGED_MAX) {
            warn!(table = letter.table, row = %letter.row, reason = %letter.reason, "row refused");
        }
        let status = &self.status;
        status.dead_letters_total.fetch_add(letters.len() as u64, Ordering::Relaxed);
        status.applied_batch_number.store(batch.number, Ordering::Relaxed);
        status.last_flush_at_seconds.store(crate::metrics::now_seconds(), Ordering::Relaxed);
        status.store_available.store(true, Ordering::Relaxed);
        if !applied.repeated {
            status.batches_applied_total.fetch_add(1, Ordering::Relaxed);
            status.rows_applied_total.fetch_add(batch.rows() as u64, Ordering::Relaxed);
        }
        self.applied.send_replace(batch.number);
        Ok(())
    }
}

/// Why the applier cannot catch up.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// The store does not take a batch.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
