//! The example site keeps the contract of all adapters, in JSON and in MessagePack.
#![cfg(all(feature = "http", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "support/site.rs"]
mod site;
#[path = "support/file.rs"]
mod support;

use std::sync::Arc;

use async_trait::async_trait;
use mika_store::Store;
use mika_store::contract::{Database, Totals};
use site::Site;

#[async_trait]
impl Database for Site {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store())
    }

    async fn seed(&self, users: u32, torrents: u32) {
        self.file.seed(users, torrents).await;
    }

    async fn totals(&self) -> Totals {
        self.file.totals().await
    }
}

mod json {
    use super::site::Site;

    async fn site() -> Option<Site> {
        Some(Site::start())
    }

    mika_store::contract_tests!(site);
}

mod message_pack {
    use super::site::Site;

    async fn site() -> Option<Site> {
        Some(Site::with_message_pack())
    }

    mika_store::contract_tests!(site);
}
