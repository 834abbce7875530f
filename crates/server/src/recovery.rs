//! The start: from what is on disk and in the store to a tracker that forgets nothing.
//!
//! 1. The batches that the store lacks are applied: now the totals are complete.
//! 2. Users, torrents and rules are loaded from the store.
//! 3. The snapshot puts the sessions back as they were when each was copied, and all batches of the
//!    journal that were drained since the copying began bring each of them to its last flushed
//!    announce: now the sessions' counters are exactly those that the totals add up to. What a
//!    client reported after that comes in again with its next announce.
//!
//! At a first start the sessions of another tracker are taken over from the site's tables.
//!
//! If the store turns out to have a batch that the journal lost (a power cut with
//! `journal_sync` other than `always`, or somebody moved it away), the sessions may be older than
//! the totals: the next announce of each only sets its counters, so that nothing is counted twice.
//!
//! Whenever not all peers of the process before are known, the store is made to forget who is
//! active ([`Store::forget_peers`](mika_store::Store::forget_peers)), and the first batches bring
//! in again those that are known ([`Tracker::write_all_peers`]), with what they announce meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mika_core::{Mode, Tracker};
use mika_store::{Catalog, StoreError};
use thiserror::Error;
use tracing::{info, warn};

use crate::control::{self, LoadReport};
use crate::flush::{Applier, CatchUpError};
use crate::journal::{Journal, JournalError, JournalReader};
use crate::loading::LoadProgress;
use crate::snapshot::{self, SnapshotError};

/// Why there is no start.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The store lacks batches that no journal has any more.
    #[error(
        "the snapshot {path} was taken after batch {snapshot_number}, but batch {checkpoint} is \
         the last one that the store has: it is an older copy than the snapshot, or a new one. Put \
         the right one back. To go on with this one, move the snapshot away: what clients moved in \
         between is not counted then"
    )]
    StoreBehind {
        /// The last batch of the store.
        checkpoint: u64,
        /// The last batch that the snapshot needs.
        snapshot_number: u64,
        /// The snapshot.
        path: PathBuf,
    },
    /// Batches that the store lacks could not be applied.
    #[error("the batches of the journal could not be applied: {0}")]
    CatchUp(#[from] CatchUpError),
}

/// What a recovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// What the store holds.
    pub load: LoadReport,
    /// Sessions, or public peers, that are known again.
    pub peers: u64,
    /// Number of the next batch.
    pub next_number: u64,
    /// The journal ends before the batch that the next one follows, because the store or the
    /// snapshot knows a later one: a new history has to be begun, for a journal has no gaps.
    pub begin_anew: bool,
    /// Not all peers of the process before are known, but the store takes them for active.
    pub peers_missing: bool,
}

/// Under what circumstances a tracker starts.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The snapshot that the last process may have left.
    pub snapshot_path: &'a Path,
    /// Unix time in seconds.
    pub now_seconds: u32,
    /// The hash key is not the one that the last process had.
    pub key_is_new: bool,
    /// Is told how far the load has come.
    pub progress: &'a LoadProgress,
}

/// Brings an empty tracker to where the last process left it. With a hash key that is new, nobody
/// in the journal can be told from a new session: its batches reach the store, and that is all.
///
/// # Errors
///
/// See [`RecoveryError`]; nothing was changed then, but for batches that the store has now.
pub async fn recover(
    tracker: &Tracker,
    catalog: &Arc<dyn Catalog>,
    applier: &mut Applier<dyn Catalog>,
    journal: &Journal,
    circumstances: &Circumstances<'_>,
) -> Result<Recovered, RecoveryError> {
    let Circumstances { snapshot_path, now_seconds, key_is_new, progress } = *circumstances;
    tracker.resume(now_seconds);
    applier.catch_up(journal.last_number()).await?;
    let checkpoint = catalog.checkpoint().await?;
    let load = control::load_watched(catalog.as_ref(), tracker, now_seconds, progress).await?;
    info!(users = load.users, torrents = load.torrents, bad_rows = load.bad_rows, "loaded");

    let snapshot = snapshot::restore(snapshot_path, tracker)?;
    let needs_number = snapshot.map_or(0, |snapshot| snapshot.needs_number);
    if checkpoint < needs_number {
        let (snapshot_number, path) = (needs_number, snapshot_path.to_owned());
        return Err(RecoveryError::StoreBehind { checkpoint, snapshot_number, path });
    }
    // The first start on a site that has torrents: what they say of their peers is another
    // tracker's, and some of those are gone.
    let takes_over = snapshot.is_none()
        && journal.last_number() == 0
        && checkpoint == 0
        && load.torrents > 0
        && tracker.mode() == Mode::Private;
    if takes_over {
        let peers = control::import_peers_watched(catalog.as_ref(), tracker, progress).await?;
        info!(peers, "sessions of another tracker go on here");
    }
    let snapshot_number = snapshot.map_or(0, |snapshot| snapshot.batch_number);
    let has_batches = journal.last_number() > 0;
    let names_lost = key_is_new && has_batches && tracker.mode() == Mode::Private;
    let mut peers_missing = names_lost || takes_over;
    if names_lost {
        warn!(
            "hash.key is new, so no session of the journal can be told from a new one: clients \
             earn nothing for what they uploaded since their last announce"
        );
        replay_withheld(tracker, journal, snapshot_number)?;
    } else {
        peers_missing |= replay(tracker, journal, snapshot_number)?;
    }
    // The last batch that was replayed, or is in the snapshot without being needed. The store has
    // all that the snapshot needs, so if the journal lacks one of these, it is behind the store.
    let last_number = journal.last_number().max(snapshot_number);
    if checkpoint > last_number {
        let sessions = tracker.mark_sessions_stale();
        peers_missing = true;
        warn!(
            checkpoint,
            journal = last_number,
            sessions,
            "the store is ahead of the journal: what clients moved since then is not counted, so \
             that nothing is counted twice"
        );
    }
    let stats = tracker.stats();
    let peers = stats.seeders + stats.leechers;
    let next_number = last_number.max(checkpoint) + 1;
    let begin_anew = names_lost
        || checkpoint > last_number
        || (has_batches && journal.last_number() < last_number);
    Ok(Recovered { load, peers, next_number, begin_anew, peers_missing })
}

/// Brings the sessions from the snapshot to the last batch of the journal; returns whether there
/// are batches between the two that are in neither.
fn replay(
    tracker: &Tracker,
    journal: &Journal,
    snapshot_number: u64,
) -> Result<bool, RecoveryError> {
    let mut reader = JournalReader::all(journal.dir());
    let mut last_replayed = snapshot_number;
    let mut gap = false;
    while let Some(batch) = reader.next_batch()? {
        if batch.number <= snapshot_number {
            continue;
        }
        if batch.number != last_replayed + 1 {
            let sessions = tracker.mark_sessions_stale();
            gap = true;
            warn!(
                snapshot = snapshot_number,
                journal = batch.number,
                sessions,
                "the snapshot is older than the journal: what its clients moved in between was \
                 counted before, so their next announce only sets their counters"
            );
        }
        last_replayed = batch.number;
        tracker.replay(&batch);
    }
    Ok(gap)
}

/// What is withheld from users does not depend on the hash key.
fn replay_withheld(
    tracker: &Tracker,
    journal: &Journal,
    snapshot_number: u64,
) -> Result<(), RecoveryError> {
    let mut reader = JournalReader::all(journal.dir());
    while let Some(batch) = reader.next_batch()? {
        if batch.number > snapshot_number {
            tracker.replay_withheld(&batch);
        }
    }
    Ok(())
}
