//! Redis keeps the contract of all adapters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/redis.rs"]
mod support;

use std::sync::Arc;

use async_trait::async_trait;
use mika_store::contract::{CatalogDatabase, Database, Totals};
use mika_store::{Catalog, Store};
use support::Redis;

async fn database() -> Option<Redis> {
    Redis::new()
}

#[async_trait]
impl Database for Redis {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(Redis::open(self).await)
    }

    async fn seed(&self, users: u32, torrents: u32) {
        Redis::seed(self, users, torrents).await;
    }

    async fn totals(&self) -> Totals {
        Redis::totals(self).await
    }
}

#[async_trait]
impl CatalogDatabase for Redis {
    async fn open_catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(Redis::open(self).await)
    }
}

mika_store::contract_tests!(database);
mika_store::catalog_contract_tests!(database);
