//! SQLite keeps the contract of all adapters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/file.rs"]
mod support;

use std::sync::Arc;

use async_trait::async_trait;
use mika_store::contract::{CatalogDatabase, Database, Totals};
use mika_store::{Catalog, Store};
use support::File;

struct SqliteDatabase(File);

async fn database() -> Option<SqliteDatabase> {
    Some(SqliteDatabase(File::new()))
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.open().await)
    }

    async fn seed(&self, users: u32, torrents: u32) {
        self.0.seed(users, torrents).await;
    }

    async fn totals(&self) -> Totals {
        self.0.totals().await
    }
}

#[async_trait]
impl CatalogDatabase for SqliteDatabase {
    async fn open_catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(self.0.open().await)
    }
}

mika_store::contract_tests!(database);
mika_store::catalog_contract_tests!(database);
