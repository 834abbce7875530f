use mika_core::batch::{Batch, HistoryRow, Traffic};
use sqlx::{AssertSqlSafe, Row};

use super::*;
use crate::catalog::{Catalog, NewTorrent, NewUser, UserKey};
use crate::store::{Applied, Store};
use mika_protocol::InfoHash;

async fn store() -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("mika.db")).await.unwrap();
    (directory, store)
}

async fn pragma(pool: &SqlitePool, name: &str) -> i64 {
    sqlx::query(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(pool).await.unwrap().get(0)
}

async fn pages_at_most(store: &SqliteStore, pages: i64) {
    let statement = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(statement).execute(&store.backend.writer).await.unwrap();
}

async fn count(store: &SqliteStore, table: &str) -> i64 {
    let statement = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query(statement).fetch_one(&store.backend.readers).await.unwrap().get(0)
}

#[tokio::test]
async fn a_commit_is_synced_and_references_are_checked() {
    let (_directory, store) = store().await;
    assert_eq!(pragma(&store.backend.writer, "synchronous").await, 2);
    assert_eq!(pragma(&store.backend.writer, "foreign_keys").await, 1);
    assert_eq!(pragma(&store.backend.writer, "busy_timeout").await, 5000);
    assert_eq!(pragma(&store.backend.readers, "busy_timeout").await, 5000);
    let mode = sqlx::query("PRAGMA journal_mode").fetch_one(&store.backend.writer).await.unwrap();
    assert_eq!(mode.get::<String, _>(0), "wal");
    store.close().await;
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_directory, store) = store().await;
    let error = sqlx::query("DELETE FROM roles").execute(&store.backend.readers).await.unwrap_err();
    assert!(error.to_string().contains("readonly"), "{error}");
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_loses_nothing() {
    let (_directory, store) = store().await;
    let user =
        NewUser { name: "bob".into(), passkey: "k".into(), role_id: 1, ..NewUser::default() };
    let user_id = store.add_user(&user).await.unwrap().id;
    for number in 0..2000u32 {
        let mut hash = [0; 20];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        sqlx::query("INSERT INTO torrents (info_hash) VALUES (?)")
            .bind(&hash[..])
            .execute(&store.backend.writer)
            .await
            .unwrap();
    }
    let row = |torrent_id| HistoryRow {
        user_id,
        torrent_id,
        traffic: Traffic { uploaded_raw: 1, ..Traffic::default() },
        seed_seconds: 1,
        snatches: 1,
        left_bytes: 0,
        active: true,
        announced_at_seconds: 1,
        ..HistoryRow::default()
    };
    let batch = Batch { number: 1, history: (1..=2000).map(row).collect(), ..Batch::default() };

    pages_at_most(&store, pragma(&store.backend.writer, "page_count").await + 2).await;
    for _ in 0..2 {
        let error = store.apply(&batch).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Unavailable(text)
                if text.contains("mika.db") && text.contains("full")),
            "{error}"
        );
        assert_eq!(count(&store, "history").await, 0);
        assert_eq!(store.checkpoint().await.unwrap(), 0);
    }

    pages_at_most(&store, 1_000_000).await;
    assert_eq!(store.apply(&batch).await.unwrap(), Applied::default());
    assert_eq!(count(&store, "history").await, 2000);
    assert_eq!(store.checkpoint().await.unwrap(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_record_on_a_full_disk_is_unavailable() {
    let (_directory, store) = store().await;
    pages_at_most(&store, pragma(&store.backend.writer, "page_count").await).await;
    let torrent = |byte: u8| NewTorrent {
        info_hash: InfoHash([byte; 20]),
        info_hash_v2: None,
        title: "t".repeat(1000),
        upload_percent: 100,
        download_percent: 100,
        created_at_seconds: 0,
        ..NewTorrent::new(InfoHash([byte; 20]))
    };
    let mut added = 0;
    let error = loop {
        match store.add_torrent(&torrent(added)).await {
            Ok(_) => added += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(count(&store, "torrents").await, i64::from(added));
    store.close().await;
}

#[tokio::test]
async fn the_database_itself_keeps_a_hash_in_one_place() {
    let (_directory, store) = store().await;
    let insert = "INSERT INTO torrents (info_hash, info_hash_v2) VALUES (?, ?)";
    let (one, two, three) = ([1u8; 20], [2u8; 20], [3u8; 20]);
    let both = sqlx::query(insert).bind(&one[..]).bind(&two[..]);
    both.execute(&store.backend.writer).await.unwrap();
    for (first, second) in [(one, None), (two, None), (three, Some(one)), (three, Some(two))] {
        let query = sqlx::query(insert).bind(first.to_vec()).bind(second.map(|hash| hash.to_vec()));
        let error = query.execute(&store.backend.writer).await.unwrap_err();
        assert!(error::refusal(&error).is_some(), "{error}");
    }
    let update = "UPDATE torrents SET info_hash_v2 = info_hash, info_hash = info_hash_v2";
    sqlx::query(update).execute(&store.backend.writer).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn each_error_of_sqlite_has_its_meaning() {
    let (_directory, store) = store().await;
    let meaning = |error: sqlx::Error| store.backend.error(error);
    let syntax = sqlx::query("SELEKT").execute(&store.backend.writer).await.unwrap_err();
    assert!(matches!(meaning(syntax), StoreError::Broken(_)));
    let constraint = sqlx::query("INSERT INTO roles (id, name) VALUES (0, 'x')");
    let constraint = constraint.execute(&store.backend.writer).await.unwrap_err();
    assert!(matches!(meaning(constraint), StoreError::Invalid(text) if text.contains("CHECK")));
    assert!(matches!(meaning(sqlx::Error::PoolTimedOut), StoreError::Unavailable(_)));
    store.close().await;
    let closed = store.user(&UserKey::Id(1)).await.unwrap_err();
    assert!(matches!(closed, StoreError::Broken(text) if text.contains("has been closed")));
}
