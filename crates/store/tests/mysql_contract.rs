//! The adapter for MariaDB and MySQL keeps the contract of all adapters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use mika_store::contract::{CatalogDatabase, Database, Totals};
use mika_store::schema::{Dialect, Schema};
use mika_store::{Catalog, MysqlStore, Store};
use mika_test_servers::{Kind, Options, found, shared};
use sqlx::Connection;
use sqlx::mysql::{MySqlConnection, MySqlRow};

struct MysqlDatabase {
    url: String,
    is_mysql: bool,
    /// Dropped by the server when the test is over.
    _database: mika_test_servers::Database,
}

async fn on(options: Options) -> Option<MysqlDatabase> {
    let server = found(shared(&options))?;
    let database = server.create_database();
    let is_mysql = server.kind() == Kind::MySql;
    let database = MysqlDatabase { url: database.url(), is_mysql, _database: database };
    // Makes the tables.
    database.store().await.close().await;
    Some(database)
}

impl MysqlDatabase {
    async fn store(&self) -> MysqlStore {
        let schema = Schema::open("mika", Dialect::Mysql, &BTreeMap::new()).unwrap();
        MysqlStore::open(&self.url, schema).await.unwrap()
    }

    async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url).await.unwrap()
    }
}

#[async_trait]
impl Database for MysqlDatabase {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }

    async fn seed(&self, users: u32, torrents: u32) {
        let mut connection = self.connect().await;
        for statement in [
            "INSERT INTO users (id, name, passkey, role_id)
             SELECT id, CONCAT('user', id), CONCAT('passkey', id), 1
             FROM (WITH RECURSIVE ids (id) AS (
                 SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?) SELECT id FROM ids) AS i",
            "INSERT INTO torrents (id, info_hash)
             SELECT id, LPAD(id, 20, '0')
             FROM (WITH RECURSIVE ids (id) AS (
                 SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?) SELECT id FROM ids) AS i",
        ]
        .into_iter()
        .zip([users, torrents])
        {
            let (statement, count) = statement;
            let deep = match self.is_mysql {
                true => "SET SESSION cte_max_recursion_depth = 4294967295",
                false => "SET SESSION max_recursive_iterations = 4294967295",
            };
            sqlx::query(deep).execute(&mut connection).await.unwrap();
            let query = sqlx::query(statement).bind(i64::from(count));
            query.execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    async fn totals(&self) -> Totals {
        let mut connection = self.connect().await;
        let totals = tables::totals!(&mut connection, MySqlRow);
        connection.close().await.unwrap();
        totals
    }
}

#[async_trait]
impl CatalogDatabase for MysqlDatabase {
    async fn open_catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(self.store().await)
    }
}

mod mariadb {
    use super::*;

    async fn database() -> Option<MysqlDatabase> {
        on(Options::mariadb()).await
    }

    mika_store::contract_tests!(database);
    mika_store::catalog_contract_tests!(database);
}

mod mysql {
    use super::*;

    async fn database() -> Option<MysqlDatabase> {
        on(Options::mysql()).await
    }

    mika_store::contract_tests!(database);
    mika_store::catalog_contract_tests!(database);
}
