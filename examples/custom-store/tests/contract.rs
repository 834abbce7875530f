//! The store keeps the contract of all adapters.

use std::sync::Arc;

use async_trait::async_trait;
use custom_store::FileStore;
use mika_core::batch::{TorrentRow, UserRow};
use mika_store::Store;
use mika_store::contract::{Database, Totals};
use tempfile::TempDir;

struct FileDatabase(TempDir);

async fn database() -> Option<FileDatabase> {
    Some(FileDatabase(tempfile::tempdir().unwrap()))
}

impl FileDatabase {
    fn store(&self) -> FileStore {
        FileStore::open(&self.0.path().join("site")).unwrap()
    }
}

#[async_trait]
impl Database for FileDatabase {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store())
    }

    async fn seed(&self, users: u32, torrents: u32) {
        let seed = |tables: &mut custom_store::Tables| {
            for id in 1..=users {
                let totals = UserRow {
                    user_id: id,
                    traffic: Default::default(),
                    seed_seconds: 0,
                    snatches: 0,
                    announced_at_seconds: 0,
                };
                tables.users.insert(id, (format!("user{id}"), format!("passkey{id}"), totals));
            }
            for id in 1..=torrents {
                let mut hash = [0; 20];
                hash[..4].copy_from_slice(&id.to_be_bytes());
                let totals = TorrentRow { torrent_id: id, ..TorrentRow::default() };
                tables.torrents.insert(id, (hash, totals));
            }
        };
        self.store().edit(seed).await.unwrap();
    }

    async fn totals(&self) -> Totals {
        let tables = self.store().read().unwrap();
        Totals {
            users: tables.users.into_iter().map(|(id, (_, _, row))| (id, row)).collect(),
            torrents: tables.torrents.into_iter().map(|(id, (_, row))| (id, row)).collect(),
            history: tables.history,
        }
    }
}

mika_store::contract_tests!(database);
