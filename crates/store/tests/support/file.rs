//! A disposable SQLite file, and a connection that goes past the store.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;

use mika_core::batch::{HistoryRow, TorrentRow, Traffic, UserRow};
use mika_store::SqliteStore;
use mika_store::contract::Totals;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row};
use tempfile::TempDir;

pub struct File {
    directory: TempDir,
}

impl File {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("mika.db")
    }

    pub async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).await.unwrap()
    }

    /// A connection of its own, as another program would have.
    pub async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    pub async fn seed(&self, users: u32, torrents: u32) {
        let mut connection = self.connect().await;
        sqlx::query(
            "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
             INSERT INTO users (id, name, passkey, role_id)
             SELECT id, 'user' || id, 'passkey' || id, 1 FROM ids",
        )
        .bind(users)
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::query(
            "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
             INSERT INTO torrents (id, info_hash)
             SELECT id, CAST(printf('%020d', id) AS BLOB) FROM ids",
        )
        .bind(torrents)
        .execute(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
    }

    pub async fn totals(&self) -> Totals {
        let mut connection = self.connect().await;
        let users = sqlx::query("SELECT * FROM users").fetch_all(&mut connection).await.unwrap();
        let torrents =
            sqlx::query("SELECT * FROM torrents").fetch_all(&mut connection).await.unwrap();
        let history =
            sqlx::query("SELECT * FROM history").fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Totals {
            users: users.iter().map(|row| (number(row, "id"), user(row))).collect(),
            torrents: torrents.iter().map(|row| (number(row, "id"), torrent(row))).collect(),
            history: history
                .iter()
                .map(|row| ((number(row, "user_id"), number(row, "torrent_id")), history_row(row)))
                .collect(),
        }
    }
}

/// Reads a column that must be an INTEGER in the range of the type.
fn number<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> T {
    let value: i64 = row.get(column);
    T::try_from(value).unwrap_or_else(|_| panic!("{column} is {value}"))
}

fn traffic(row: &SqliteRow) -> Traffic {
    Traffic {
        uploaded_raw: number(row, "uploaded_raw"),
        downloaded_raw: number(row, "downloaded_raw"),
        uploaded_credited: number(row, "uploaded"),
        downloaded_credited: number(row, "downloaded"),
    }
}

fn user(row: &SqliteRow) -> UserRow {
    UserRow {
        user_id: number(row, "id"),
        traffic: traffic(row),
        seed_seconds: number(row, "seed_seconds"),
        snatches: number(row, "snatches"),
        announced_at_seconds: number(row, "announced_at_seconds"),
    }
}

fn torrent(row: &SqliteRow) -> TorrentRow {
    TorrentRow {
        torrent_id: number(row, "id"),
        traffic: traffic(row),
        snatches: number(row, "snatches"),
        seeders: number(row, "seeders"),
        leechers: number(row, "leechers"),
        announced_at_seconds: number(row, "announced_at_seconds"),
        ..TorrentRow::default()
    }
}

fn history_row(row: &SqliteRow) -> HistoryRow {
    HistoryRow {
        user_id: number(row, "user_id"),
        torrent_id: number(row, "torrent_id"),
        traffic: traffic(row),
        seed_seconds: number(row, "seed_seconds"),
        snatches: number(row, "snatches"),
        left_bytes: number(row, "left_bytes"),
        active: number::<u8>(row, "active") == 1,
        announced_at_seconds: number(row, "announced_at_seconds"),
        ..HistoryRow::default()
    }
}
