//! Random batches against the model.

use std::future::Future;

use mika_core::batch::{Batch, HistoryRow, TorrentRow, Traffic, UserRow};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Database;
use super::model::Totals;

/// Ids go beyond the records that exist.
const RECORDS: u32 = 8;
const CASES: u32 = 24;

/// Batches of any content, some sent twice, with unknown ids among the rows, add up to what the
/// model says.
pub fn random_batches_add_up<D, F>(make: impl Fn() -> F)
where
    D: Database,
    F: Future<Output = Option<D>>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec((batch(), any::<bool>()), 1..5), |batches| {
            runtime.block_on(async {
                match make().await {
                    Some(database) => check(&database, batches).await,
                    None => Ok(()),
                }
            })
        })
        .unwrap();
}

async fn check(database: &dyn Database, batches: Vec<(Batch, bool)>) -> Result<(), TestCaseError> {
    let store = database.open().await;
    database.seed(RECORDS, RECORDS).await;
    let mut totals = Totals::seeded(RECORDS, RECORDS);
    for (number, (mut batch, twice)) in (1..).zip(batches) {
        batch.number = number;
        let applied = store.apply(&batch).await.unwrap();
        prop_assert!(!applied.repeated);
        prop_assert_eq!(applied.dead_letters.len(), unknown(database, &batch));
        if twice {
            prop_assert!(store.apply(&batch).await.unwrap().repeated);
        }
        totals.add(&batch, database.largest_total());
        prop_assert_eq!(store.checkpoint().await.unwrap(), number);
    }
    store.close().await;
    prop_assert_eq!(database.totals().await, totals);
    Ok(())
}

/// Rows of the batch that have no record.
fn unknown(database: &dyn Database, batch: &Batch) -> usize {
    let users = batch.users.iter().filter(|row| row.user_id > RECORDS).count();
    let torrents = batch.torrents.iter().filter(|row| row.torrent_id > RECORDS).count();
    let history = batch
        .history
        .iter()
        .filter(|row| row.user_id > RECORDS || row.torrent_id > RECORDS)
        .count();
    users + torrents + if database.refuses_history_of_unknown_users() { history } else { 0 }
}

fn batch() -> impl Strategy<Value = Batch> {
    let id = 1..=RECORDS + 1;
    (
        btree_map(id.clone(), row(), 0..6),
        btree_map(id.clone(), row(), 0..6),
        btree_map((id.clone(), id), row(), 0..12),
    )
        .prop_map(|(users, torrents, history)| Batch {
            users: users.into_iter().map(user).collect(),
            torrents: torrents.into_iter().map(torrent).collect(),
            history: history.into_iter().map(history_row).collect(),
            ..Batch::default()
        })
}

/// The figures of a row of any kind.
type Figures = (Traffic, u64, u16, u32, bool);

fn row() -> impl Strategy<Value = Figures> {
    (traffic(), bytes(), any::<u16>(), any::<u32>(), any::<bool>())
}

fn traffic() -> impl Strategy<Value = Traffic> {
    [bytes(), bytes(), bytes(), bytes()].prop_map(
        |[uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited]| Traffic {
            uploaded_raw,
            downloaded_raw,
            uploaded_credited,
            downloaded_credited,
        },
    )
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0..1u64 << 40,
        1 => Just(0),
        1 => (i64::MAX as u64 - 5)..=(i64::MAX as u64 + 5),
        1 => any::<u64>(),
    ]
}

fn user((user_id, figures): (u32, Figures)) -> UserRow {
    let (traffic, seed_seconds, snatches, announced_at_seconds, _) = figures;
    UserRow { user_id, traffic, seed_seconds, snatches: snatches.into(), announced_at_seconds }
}

fn torrent((torrent_id, figures): (u32, Figures)) -> TorrentRow {
    let (traffic, _, snatches, seeders, _) = figures;
    TorrentRow {
        torrent_id,
        traffic,
        snatches: snatches.into(),
        seeders,
        leechers: seeders / 2,
        announced_at_seconds: seeders / 3,
        ..TorrentRow::default()
    }
}

fn history_row(((user_id, torrent_id), figures): ((u32, u32), Figures)) -> HistoryRow {
    let (traffic, seed_seconds, snatches, announced_at_seconds, active) = figures;
    HistoryRow {
        user_id,
        torrent_id,
        traffic,
        seed_seconds,
        snatches: snatches.into(),
        left_bytes: seed_seconds,
        active,
        announced_at_seconds,
        ..HistoryRow::default()
    }
}
