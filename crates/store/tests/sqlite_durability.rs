//! What is left of a batch when something goes wrong in the middle of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/file.rs"]
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mika_core::batch::Batch;
use mika_store::contract::{Totals, model};
use mika_store::{SqliteStore, Store, StoreError};
use sqlx::Connection;
use support::File;

/// Tells a copy of this test binary which file to write to.
const CHILD_FILE: &str = "MIKA_STORE_TEST_CHILD_FILE";

/// Applies batches 1, 2, 3, … until it is killed; does nothing unless a test started it.
#[tokio::test]
async fn the_child_applies_batches_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_FILE) else { return };
    let store = SqliteStore::open(path.as_ref()).await.unwrap();
    for number in store.checkpoint().await.unwrap() + 1.. {
        store.apply(&model::batch(number, 2000, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_leaves_whole_batches() {
    let file = File::new();
    file.open().await.close().await;
    file.seed(2000, 2000).await;
    for round in 0..5 {
        let before = checkpoint(&file).await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_child_applies_batches_until_it_is_killed"])
            .env(CHILD_FILE, file.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // At least one batch, then a moment that differs from round to round.
        let begun = Instant::now();
        while checkpoint(&file).await == before {
            assert!(begun.elapsed() < Duration::from_secs(60), "the child writes nothing");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(3 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();

        let number = checkpoint(&file).await;
        let mut totals = Totals::seeded(2000, 2000);
        for number in 1..=number {
            totals.add(&model::batch(number, 2000, 1), i64::MAX as u64);
        }
        assert!(file.totals().await == totals, "not exactly the batches up to {number}");
    }
}

/// The checkpoint, read past the store.
async fn checkpoint(file: &File) -> u64 {
    let mut connection = file.connect().await;
    let number: i64 = sqlx::query_scalar("SELECT number FROM mika_checkpoint")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    number.try_into().unwrap()
}

#[tokio::test]
async fn a_refusal_that_rolls_everything_back_stops_the_batch() {
    let file = File::new();
    let store = file.open().await;
    file.seed(10, 10).await;
    file.execute(
        "CREATE TRIGGER sabotage BEFORE UPDATE ON users WHEN NEW.id = 5
         BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END",
    )
    .await;
    let batch = model::batch(1, 10, 1);
    let error = store.apply(&batch).await.unwrap_err();
    assert!(matches!(error, StoreError::Broken(_)), "{error}");
    assert_eq!(file.totals().await, Totals::seeded(10, 10));
    assert_eq!(store.checkpoint().await.unwrap(), 0);
    file.execute("DROP TRIGGER sabotage").await;
    assert!(!store.apply(&batch).await.unwrap().repeated);
    store.close().await;
}

#[tokio::test]
async fn a_refusal_by_a_trigger_is_a_dead_letter() {
    let file = File::new();
    let store = file.open().await;
    file.seed(10, 10).await;
    file.execute(
        "CREATE TRIGGER guard BEFORE UPDATE ON users WHEN NEW.id = 5
         BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    )
    .await;
    let applied = store.apply(&model::batch(1, 10, 1)).await.unwrap();
    assert_eq!(applied.dead_letters.len(), 1);
    assert_eq!(applied.dead_letters[0].table, "users");
    assert_eq!(applied.dead_letters[0].reason, "not this one");
    assert!(applied.dead_letters[0].row.starts_with(r#"{"user_id":5,"#));
    store.close().await;
}

#[tokio::test]
async fn a_missing_table_is_named() {
    let file = File::new();
    let store = file.open().await;
    file.seed(1, 1).await;
    file.execute("ALTER TABLE history RENAME TO elsewhere").await;
    let error = store.apply(&model::batch(1, 1, 1)).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Broken(text) if text.contains("no such table: history")),
        "{error}"
    );
    assert_eq!(checkpoint(&file).await, 0);
    store.close().await;
}

#[tokio::test]
async fn a_number_that_the_checkpoint_cannot_hold_is_invalid() {
    let file = File::new();
    let store = file.open().await;
    let batch = Batch { number: u64::MAX, ..Batch::default() };
    assert!(matches!(store.apply(&batch).await, Err(StoreError::Invalid(_))));
    store.close().await;
}
