//! Times batches of 10 000 user rows and 10 000 history rows against a SQLite file.
//!
//! `cargo run --release -p mika-store --example apply -- DIRECTORY [USERS]`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::path::PathBuf;
use std::time::Instant;

use mika_core::batch::Batch;
use mika_store::contract::model;
use mika_store::contract::records::Loaded;
use mika_store::{SqliteStore, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

const ROWS: u32 = 10_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "mika-data".into()));
    let users = arguments.next().map_or(100_000, |text| text.parse().unwrap());
    let path = directory.join("apply-example.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let first = store.checkpoint().await.unwrap() + 1;
    if first == 1 {
        seed(&path, users).await;
    }
    for number in first..first + 8 {
        // Ids spread over the table; every second batch meets rows that exist already.
        let step = users / ROWS;
        let offset = u32::try_from(number / 2).unwrap() % step;
        let ids = || (0..ROWS).map(move |index| index * step + offset + 1);
        let batch = Batch {
            number,
            users: ids().map(|id| model::user(id, 5)).collect(),
            history: ids().map(|id| model::history(id, users - id + 1, 5)).collect(),
            ..Batch::default()
        };
        let begun = Instant::now();
        let applied = store.apply(&batch).await.unwrap();
        println!("batch {number}: {:.1?}, {} refused", begun.elapsed(), applied.dead_letters.len());
    }
    let begun = Instant::now();
    let mut loaded = Loaded::default();
    store.load(&mut loaded).await.unwrap();
    let rows = loaded.users.len() + loaded.torrents.len();
    println!("load: {rows} rows in {:.1?}", begun.elapsed());
    store.close().await;
}

async fn seed(path: &PathBuf, rows: u32) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    for statement in [
        "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
         INSERT INTO users (id, name, passkey, role_id)
         SELECT id, 'user' || id, 'passkey' || id, 1 FROM ids",
        "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
         INSERT INTO torrents (id, info_hash)
         SELECT id, CAST(printf('%020d', id) AS BLOB) FROM ids",
    ] {
        sqlx::query(statement).bind(rows).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}
