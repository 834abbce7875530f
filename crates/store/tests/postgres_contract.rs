//! The adapter for PostgreSQL keeps the contract of all adapters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use mika_store::contract::{CatalogDatabase, Database, Totals};
use mika_store::schema::{Dialect, Schema};
use mika_store::{Catalog, PostgresStore, Store};
use mika_test_servers::{Options, found, shared};
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgRow};

struct PostgresDatabase {
    url: String,
    /// Dropped by the server when the test is over.
    _database: mika_test_servers::Database,
}

async fn database() -> Option<PostgresDatabase> {
    let server = found(shared(&Options::postgresql()))?;
    let database = server.create_database();
    let database = PostgresDatabase { url: database.url(), _database: database };
    // Makes the tables.
    database.store().await.close().await;
    Some(database)
}

impl PostgresDatabase {
    async fn store(&self) -> PostgresStore {
        let schema = Schema::open("mika", Dialect::Postgres, &BTreeMap::new()).unwrap();
        PostgresStore::open(&self.url, schema).await.unwrap()
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }

    async fn seed(&self, users: u32, torrents: u32) {
        let mut connection = self.connect().await;
        for statement in [
            "INSERT INTO users (id, name, passkey, role_id)
             SELECT id, 'user' || id, 'passkey' || id, 1 FROM generate_series(1, $1) AS id",
            "INSERT INTO torrents (id, info_hash)
             SELECT id, convert_to(lpad(id::text, 20, '0'), 'UTF8')
             FROM generate_series(1, $1) AS id",
        ]
        .into_iter()
        .zip([users, torrents])
        {
            let (statement, count) = statement;
            let query = sqlx::query(statement).bind(i64::from(count));
            query.execute(&mut connection).await.unwrap();
        }
        // The ids above were not drawn from the sequence.
        sqlx::query("SELECT setval(pg_get_serial_sequence('users', 'id'), 1000000)")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }

    async fn totals(&self) -> Totals {
        let mut connection = self.connect().await;
        let totals = tables::totals!(&mut connection, PgRow);
        connection.close().await.unwrap();
        totals
    }
}

#[async_trait]
impl CatalogDatabase for PostgresDatabase {
    async fn open_catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(self.store().await)
    }
}

mika_store::contract_tests!(database);
mika_store::catalog_contract_tests!(database);
