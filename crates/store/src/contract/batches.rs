//! Promises about batches: each is a function that panics if it is not kept.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use mika_core::batch::{Batch, HistoryRow, RegisteredRow, TorrentRow, Traffic};
use mika_protocol::InfoHash;

use super::Database;
use super::model::{self, Totals};
use crate::{Applied, DeadLetter, StoreError};

const APPLIED: Applied = Applied { repeated: false, dead_letters: Vec::new() };
const REPEATED: Applied = Applied { repeated: true, dead_letters: Vec::new() };

/// The totals of a seeded database after some batches.
fn expected(database: &dyn Database, users: u32, batches: &[Batch]) -> Totals {
    let mut totals = Totals::seeded(users, users);
    for batch in batches {
        totals.add(batch, database.largest_total());
    }
    totals
}

/// The checkpoint begins at 0.
pub async fn a_new_store_has_applied_no_batch(database: &dyn Database) {
    let store = database.open().await;
    assert_eq!(store.checkpoint().await.unwrap(), 0);
    store.close().await;
}

/// Every figure of a batch arrives in its own column.
pub async fn a_batch_is_added_exactly(database: &dyn Database) {
    let store = database.open().await;
    database.seed(3, 3).await;
    let batch = model::batch(1, 2, 1000);
    assert_eq!(store.apply(&batch).await.unwrap(), APPLIED);
    assert_eq!(database.totals().await, expected(database, 3, &[batch]));
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    store.close().await;
}

/// Deltas are summed, absolutes overwritten.
pub async fn two_batches_add_up(database: &dyn Database) {
    let store = database.open().await;
    database.seed(3, 3).await;
    let batches = [model::batch(1, 3, 1000), model::batch(2, 2, 10)];
    for batch in &batches {
        assert_eq!(store.apply(batch).await.unwrap(), APPLIED);
    }
    assert_eq!(database.totals().await, expected(database, 3, &batches));
    assert_eq!(store.checkpoint().await.unwrap(), 2);
    store.close().await;
}

/// The same number again changes nothing.
pub async fn a_batch_is_applied_once(database: &dyn Database) {
    let store = database.open().await;
    database.seed(2, 2).await;
    let batch = model::batch(1, 2, 5);
    assert_eq!(store.apply(&batch).await.unwrap(), APPLIED);
    assert_eq!(store.apply(&batch).await.unwrap(), REPEATED);
    assert_eq!(database.totals().await, expected(database, 2, &[batch]));
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    store.close().await;
}

/// A number below the checkpoint changes nothing; a gap in the numbers is no error.
pub async fn an_older_batch_is_not_applied(database: &dyn Database) {
    let store = database.open().await;
    database.seed(2, 2).await;
    let batch = model::batch(7, 2, 5);
    assert_eq!(store.apply(&batch).await.unwrap(), APPLIED);
    assert_eq!(store.apply(&model::batch(6, 2, 5)).await.unwrap(), REPEATED);
    assert_eq!(database.totals().await, expected(database, 2, &[batch]));
    assert_eq!(store.checkpoint().await.unwrap(), 7);
    store.close().await;
}

/// A batch without rows is applied too.
pub async fn an_empty_batch_moves_the_checkpoint(database: &dyn Database) {
    let store = database.open().await;
    let batch = Batch { number: 3, ..Batch::default() };
    assert_eq!(store.apply(&batch).await.unwrap(), APPLIED);
    assert_eq!(store.checkpoint().await.unwrap(), 3);
    assert_eq!(store.apply(&batch).await.unwrap(), REPEATED);
    store.close().await;
}

/// What has been applied is there after closing and opening.
pub async fn the_checkpoint_and_the_totals_survive_reopening(database: &dyn Database) {
    let store = database.open().await;
    database.seed(2, 2).await;
    let batch = model::batch(1, 2, 5);
    store.apply(&batch).await.unwrap();
    store.close().await;

    let store = database.open().await;
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    assert_eq!(store.apply(&batch).await.unwrap(), REPEATED);
    assert_eq!(database.totals().await, expected(database, 2, &[batch]));
    store.close().await;
}

/// Rows beyond what goes into one statement, with an odd remainder.
pub async fn a_large_batch_is_added_exactly(database: &dyn Database) {
    let store = database.open().await;
    database.seed(2345, 2345).await;
    let batches = [model::batch(1, 2345, 5), model::batch(2, 2345, 6)];
    for batch in &batches {
        assert_eq!(store.apply(batch).await.unwrap(), APPLIED);
    }
    assert!(database.totals().await == expected(database, 2345, &batches), "totals differ");
    store.close().await;
}

/// Torrents that the tracker registered are there before the other rows of their batch.
pub async fn a_registered_torrent_is_added_first(database: &dyn Database) {
    let store = database.open().await;
    database.seed(1, 1).await;
    let mut batch = Batch { number: 1, ..Batch::default() };
    for torrent_id in [RegisteredRow::FIRST_ID, RegisteredRow::FIRST_ID + 1] {
        batch.registered.push(RegisteredRow {
            torrent_id,
            info_hash: InfoHash([torrent_id as u8 + 1; 20]),
            registered_at_seconds: 1_700_000_003,
        });
        batch.torrents.push(model::torrent(torrent_id, 5));
        batch.history.push(model::history(1, torrent_id, 6));
    }
    assert_eq!(store.apply(&batch).await.unwrap(), APPLIED);
    assert_eq!(database.totals().await, expected(database, 1, &[batch]));
    store.close().await;
}

/// A user row without a user is handed back, in JSON, and the others are written.
pub async fn an_unknown_user_becomes_a_dead_letter(database: &dyn Database) {
    let store = database.open().await;
    database.seed(999, 1).await;
    let mut batch = Batch { number: 1, ..Batch::default() };
    batch.users = (1..=999).map(|id| model::user(id, id)).collect();
    let unknown = model::user(5000, 17);
    batch.users.insert(500, unknown);
    let applied = store.apply(&batch).await.unwrap();
    assert_dead(&applied, "users", &[serde_json::to_string(&unknown).unwrap()]);
    let mut totals = Totals::seeded(999, 1);
    totals.add(&batch, database.largest_total());
    assert!(database.totals().await == totals, "the other 999 should be there, once");
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    store.close().await;
}

/// The same for torrents, with several unknown ones, the first and the last row among them.
pub async fn an_unknown_torrent_becomes_a_dead_letter(database: &dyn Database) {
    let store = database.open().await;
    database.seed(1, 1200).await;
    let mut batch = Batch { number: 1, ..Batch::default() };
    batch.torrents = (1..=1200).map(|id| model::torrent(id, id)).collect();
    let unknown = [model::torrent(5000, 1), model::torrent(5001, 2), model::torrent(5002, 3)];
    batch.torrents.insert(0, unknown[0]);
    batch.torrents.insert(1000, unknown[1]);
    batch.torrents.push(unknown[2]);
    let applied = store.apply(&batch).await.unwrap();
    let letters = unknown.map(|row| serde_json::to_string(&row).unwrap());
    assert_dead(&applied, "torrents", &letters);
    let mut totals = Totals::seeded(1, 1200);
    totals.add(&batch, database.largest_total());
    assert!(database.totals().await == totals, "the other 1200 should be there, once");
    store.close().await;
}

/// Dead letters that cannot be kept take the whole batch back; kept ones are kept before the
/// batch is there.
pub async fn a_batch_waits_until_its_dead_letters_are_kept(database: &dyn Database) {
    let store = database.open().await;
    database.seed(1, 1).await;
    let users = vec![model::user(1, 9), model::user(5000, 17)];
    let batch = Batch { number: 1, users, ..Batch::default() };
    let mut full = |_: &[DeadLetter]| Err(std::io::Error::other("no space left"));
    let error = store.apply_with(&batch, &mut full).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(store.checkpoint().await.unwrap(), 0);
    assert!(database.totals().await == Totals::seeded(1, 1), "nothing should be written");

    let mut kept = Vec::new();
    let mut keep = |letters: &[DeadLetter]| {
        kept.extend_from_slice(letters);
        Ok(())
    };
    let applied = store.apply_with(&batch, &mut keep).await.unwrap();
    assert_eq!((applied.dead_letters.len(), &applied.dead_letters), (1, &kept));
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    store.close().await;
}

/// A row in the middle of 1000 that a constraint forbids is handed back; 999 are written.
pub async fn a_refused_history_row_becomes_a_dead_letter(database: &dyn Database) {
    if !database.refuses_history_of_unknown_users() {
        return;
    }
    let store = database.open().await;
    database.seed(999, 2).await;
    let mut batch = Batch { number: 1, ..Batch::default() };
    batch.history = (1..=999).map(|id| model::history(id, 2, id)).collect();
    let poison = model::history(5000, 2, 17);
    batch.history.insert(499, poison);
    let applied = store.apply(&batch).await.unwrap();
    assert_dead(&applied, "history", &[serde_json::to_string(&poison).unwrap()]);
    let totals = database.totals().await;
    assert_eq!(totals.history.len(), 999);
    let mut wanted = Totals::seeded(999, 2);
    wanted.add(&batch, database.largest_total());
    assert!(totals == wanted, "the other 999 should be there, once");
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    store.close().await;
}

fn assert_dead(applied: &Applied, table: &str, rows: &[String]) {
    assert!(!applied.repeated);
    let found: Vec<_> = applied.dead_letters.iter().map(|letter| &letter.row).collect();
    assert_eq!(found, rows.iter().collect::<Vec<_>>());
    for letter in &applied.dead_letters {
        assert_eq!(letter.table, table);
        assert_ne!(letter.reason, "");
    }
}

/// Sums and single values beyond the column's type end there: no wrap, no error, no rounding.
pub async fn totals_end_at_the_largest_value(database: &dyn Database) {
    let store = database.open().await;
    database.seed(1, 1).await;
    let largest = database.largest_total();
    let mut batches = Vec::new();
    // Almost full, then one byte to the brim, then over it by one and by a lot.
    for (number, bytes) in [(1, largest - 1), (2, 1), (3, 1), (4, u64::MAX)] {
        let mut batch = model::batch(number, 1, 1);
        let full = Traffic {
            uploaded_raw: bytes,
            downloaded_raw: bytes,
            uploaded_credited: bytes,
            downloaded_credited: bytes,
        };
        for row in &mut batch.users {
            row.traffic = full;
            row.seed_seconds = bytes;
        }
        for row in &mut batch.torrents {
            row.traffic = full;
            row.snatches = u32::MAX / 2;
        }
        for row in &mut batch.history {
            row.traffic = full;
            row.seed_seconds = bytes;
            row.left_bytes = bytes;
        }
        assert_eq!(store.apply(&batch).await.unwrap(), APPLIED);
        batches.push(batch);
        assert_eq!(database.totals().await, expected(database, 1, &batches), "batch {number}");
    }
    store.close().await;
}

/// A writer that goes away at any point of a batch leaves all of it or nothing: the same batch
/// again completes it.
pub async fn a_cancelled_batch_leaves_everything_or_nothing(database: &dyn Database) {
    let store = database.open().await;
    database.seed(3, 3).await;
    let mut totals = Totals::seeded(3, 3);
    let mut cancelled = 0;
    // Each round lets the writer get one step further than the round before.
    for (steps, number) in (1..500).zip(1..) {
        let batch = model::batch(number, 3, 1);
        let completed = polled(store.apply(&batch), steps).await;
        if completed.is_none() {
            cancelled += 1;
            store.apply(&batch).await.unwrap();
        }
        totals.add(&batch, database.largest_total());
        assert_eq!(database.totals().await, totals, "cancelled after {steps} steps");
        assert_eq!(store.checkpoint().await.unwrap(), number);
        if completed.is_some() {
            break;
        }
    }
    assert!(cancelled > 0, "no step of the batch could be cancelled");
    store.close().await;
}

/// Peers that are not known any more leave the swarms and the histories, and nothing else; those
/// who are known come in again with the next batch.
pub async fn peers_are_forgotten_and_totals_stay(database: &dyn Database) {
    let store = database.open().await;
    database.seed(3, 3).await;
    let first = model::batch(1, 3, 1000);
    store.apply(&first).await.unwrap();
    store.forget_peers().await.unwrap();
    let mut wanted = expected(database, 3, &[first]);
    for row in wanted.torrents.values_mut() {
        (row.seeders, row.leechers) = (0, 0);
    }
    wanted.history.values_mut().for_each(|row| row.active = false);
    assert_eq!(database.totals().await, wanted);
    assert_eq!(store.checkpoint().await.unwrap(), 1);

    // Those who are known report nothing new.
    let mut again = model::batch(2, 2, 2);
    again.users.clear();
    for row in &mut again.torrents {
        *row = TorrentRow { traffic: Traffic::default(), snatches: 0, ..*row };
    }
    for row in &mut again.history {
        let nothing = HistoryRow { traffic: Traffic::default(), seed_seconds: 0, ..*row };
        *row = HistoryRow { snatches: 0, active: true, ..nothing };
    }
    assert_eq!(store.apply(&again).await.unwrap(), APPLIED);
    wanted.add(&again, database.largest_total());
    assert_eq!(wanted.history.values().filter(|row| row.active).count(), 2);
    assert_eq!(database.totals().await, wanted);
    store.close().await;
}

/// Polls a future so many times, then drops it.
async fn polled<F: Future>(future: F, times: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left <= 1 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
