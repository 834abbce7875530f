//! Single records by name. The statements are here and not in `schemas/`: only tables of our own
//! are written this way.

mod rules;
mod torrents;
mod users;

use async_trait::async_trait;
use mika_protocol::InfoHash;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{SqlStr, Transaction};

use super::SqliteStore;
use super::error::Failure;
use super::row::Record;
use crate::catalog::{Catalog, NewTorrent, NewUser, TorrentPatch, UserKey, UserPatch};
use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::store::StoreError;

/// Begins a write: waits for the lock now rather than failing to get it later.
async fn begin(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    writer.begin_with("BEGIN IMMEDIATE").await
}

/// A record of a row that has to be good: a lookup cannot leave it out.
fn record<R: Record>(row: &SqliteRow) -> Result<R, Failure> {
    R::read(row).map_err(|reason| StoreError::Broken(format!("{}: {reason}", R::TABLE)).into())
}

fn records<R: Record>(rows: &[SqliteRow]) -> Result<Vec<R>, Failure> {
    rows.iter().map(record).collect()
}

#[async_trait]
impl Catalog for SqliteStore {
    async fn users(&self, after_id: u32, limit: u32) -> Result<Vec<UserRecord>, StoreError> {
        self.named(users::list(&self.readers, after_id, limit).await)
    }

    async fn user(&self, key: &UserKey) -> Result<Option<UserRecord>, StoreError> {
        self.named(users::find(&self.readers, key).await)
    }

    async fn add_user(&self, user: &NewUser) -> Result<UserRecord, StoreError> {
        self.named(users::add(&self.writer, user).await)
    }

    async fn update_user(
        &self,
        id: u32,
        patch: &UserPatch,
    ) -> Result<Option<UserRecord>, StoreError> {
        self.named(users::update(&self.writer, id, patch).await)
    }

    async fn torrents(&self, after_id: u32, limit: u32) -> Result<Vec<TorrentRecord>, StoreError> {
        self.named(torrents::list(&self.readers, after_id, limit).await)
    }

    async fn torrent(&self, info_hash: InfoHash) -> Result<Option<TorrentRecord>, StoreError> {
        self.named(torrents::find(&self.readers, info_hash).await)
    }

    async fn add_torrent(&self, torrent: &NewTorrent) -> Result<TorrentRecord, StoreError> {
        self.named(torrents::add(&self.writer, torrent).await)
    }

    async fn update_torrent(
        &self,
        id: u32,
        patch: &TorrentPatch,
    ) -> Result<Option<TorrentRecord>, StoreError> {
        self.named(torrents::update(&self.writer, id, patch).await)
    }

    async fn roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        self.named(self.all(self.schema.roles_load.sql()).await)
    }

    async fn put_role(&self, role: &RoleRecord) -> Result<RoleRecord, StoreError> {
        self.named(rules::put_role(&self.writer, role).await)
    }

    async fn delete_role(&self, id: u16) -> Result<bool, StoreError> {
        self.named(rules::delete_role(&self.writer, id).await)
    }

    async fn client_rules(&self) -> Result<Vec<ClientRuleRecord>, StoreError> {
        self.named(self.all(self.schema.client_rules_load.sql()).await)
    }

    async fn put_client_rule(&self, rule: &ClientRuleRecord) -> Result<(), StoreError> {
        self.named(rules::put_client_rule(&self.writer, rule).await)
    }

    async fn delete_client_rule(&self, prefix: &str) -> Result<bool, StoreError> {
        self.named(rules::delete_client_rule(&self.writer, prefix).await)
    }

    async fn tokens(
        &self,
        user_id: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.named(rules::tokens(&self.readers, user_id, limit).await)
    }

    async fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        self.named(rules::put_token(&self.writer, token).await)
    }

    async fn delete_token(&self, user_id: u32, torrent_id: u32) -> Result<bool, StoreError> {
        self.named(rules::delete_token(&self.writer, user_id, torrent_id).await)
    }

    async fn events(&self) -> Result<Vec<EventRecord>, StoreError> {
        self.named(self.all(self.schema.events_load.sql()).await)
    }

    async fn put_event(&self, event: &EventRecord) -> Result<(), StoreError> {
        self.named(rules::put_event(&self.writer, event).await)
    }

    async fn delete_event(&self, name: &str) -> Result<bool, StoreError> {
        self.named(rules::delete_event(&self.writer, name).await)
    }
}

impl SqliteStore {
    fn named<T>(&self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| self.context().error(failure))
    }

    /// Everything that a load statement returns, for the small tables.
    async fn all<R: Record>(&self, statement: SqlStr) -> Result<Vec<R>, Failure> {
        records(&sqlx::query(statement).fetch_all(&self.readers).await?)
    }
}

/// Whether the statement, which asks for a row with this id, finds one.
async fn exists(
    connection: &mut SqliteConnection,
    statement: &'static str,
    id: i64,
) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query(statement).bind(id).fetch_optional(connection).await?.is_some())
}
