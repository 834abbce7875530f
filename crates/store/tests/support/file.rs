//! A disposable SQLite file, and a connection that goes past the store.
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "tables.rs"]
mod tables;

use std::path::PathBuf;

use mika_store::SqliteStore;
use mika_store::contract::Totals;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection};
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
        let totals = tables::totals!(&mut connection, SqliteRow);
        connection.close().await.unwrap();
        totals
    }
}
