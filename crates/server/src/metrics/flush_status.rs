//! What the flusher tells about itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Activity;
use crate::site_call::SiteCallStatus;

/// The state of flush, journal and snapshot: the flusher writes it, metrics and readiness read it.
///
/// Times are Unix times in seconds, 0 for never. The fields are independent of each other: a
/// reader may see one of them a moment before the other.
#[derive(Debug, Default)]
pub struct FlushStatus {
    /// Number of the last batch written to the journal.
    pub last_batch_number: AtomicU64,
    /// Number of the last batch that the store has.
    pub applied_batch_number: AtomicU64,
    /// Batches applied to the store since the start.
    pub batches_applied_total: AtomicU64,
    /// Rows applied to the store since the start.
    pub rows_applied_total: AtomicU64,
    /// Attempts to apply a batch that failed.
    pub flush_failures_total: AtomicU64,
    /// Rows that the store refused for good.
    pub dead_letters_total: AtomicU64,
    /// Size of the journal in bytes.
    pub journal_bytes: AtomicU64,
    /// Time of the last batch that the store took, or that was empty.
    pub last_flush_at_seconds: AtomicU64,
    /// Time of the oldest batch that the store lacks; 0 if it has all.
    pub oldest_unapplied_at_seconds: AtomicU64,
    /// Time of the last snapshot.
    pub snapshot_at_seconds: AtomicU64,
    /// Size of the last snapshot in bytes.
    pub snapshot_bytes: AtomicU64,
    /// The first batch that the notifications still need; 0 if they need none.
    pub notify_needs_batch: AtomicU64,
    /// Whether the journal took the last batch.
    pub journal_writable: AtomicBool,
    /// Whether the store took the last batch.
    pub store_available: AtomicBool,
    /// What became of the calls to the site that follow from batches.
    pub site_calls: SiteCallStatus,
    /// What the latest batches say of each swarm.
    pub activity: Activity,
}

impl FlushStatus {
    /// Seconds since the oldest batch that the store lacks; 0 if it has all.
    pub fn lag_seconds(&self, now_seconds: u64) -> u64 {
        match self.oldest_unapplied_at_seconds.load(Ordering::Relaxed) {
            0 => 0,
            oldest => now_seconds.saturating_sub(oldest),
        }
    }

    /// Seconds since the last snapshot, if there was one.
    pub fn snapshot_age_seconds(&self, now_seconds: u64) -> Option<u64> {
        match self.snapshot_at_seconds.load(Ordering::Relaxed) {
            0 => None,
            at => Some(now_seconds.saturating_sub(at)),
        }
    }
}
