//! Single records by name. Whatever a load statement returns can be looked up; only tables of our
//! own are written, by the statements here: portable ones, without what a dialect alone knows.

mod bulk;
mod rules;
mod torrents;
mod users;

use async_trait::async_trait;
use mika_protocol::InfoHash;

use super::SqlStore;
use super::backend::{Arguments, Backend, Columns, Failure, Session};
use super::record::Record;
use crate::catalog::{
    Catalog, NewTorrent, NewUser, Puts, TorrentPatch, TorrentPut, UserKey, UserPatch, UserPut,
};
use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::schema::{Dialect, Statement, Value};
use crate::store::StoreError;

/// A transaction and the words of its dialect.
struct Desk {
    session: Box<dyn Session>,
    dialect: Dialect,
}

impl Desk {
    /// Runs a statement with `?` for each value; how many rows it changed or found unchanged.
    async fn run(&mut self, text: &'static str, values: &[Value]) -> Result<u64, Failure> {
        let statement = Statement::portable(text, self.dialect);
        Ok(self.session.execute(statement.sql(), Arguments::Values(values), true).await?)
    }

    /// Whether a query finds anything.
    async fn finds(&mut self, text: &'static str, values: &[Value]) -> Result<bool, Failure> {
        let statement = Statement::portable(text, self.dialect);
        let mut found = false;
        self.session
            .fetch(statement.sql(), Arguments::Values(values), &mut |_| found = true)
            .await?;
        Ok(found)
    }

    /// A column of the only row of a query.
    async fn number(
        &mut self,
        text: &'static str,
        column: &'static str,
        values: &[Value],
    ) -> Result<i64, Failure> {
        let statement = Statement::portable(text, self.dialect);
        let mut number = 0;
        let mut each = |row: &dyn Columns| {
            let found = row.integer(column).ok().flatten().unwrap_or_default();
            number = i64::try_from(found).unwrap_or(i64::MAX);
        };
        self.session.fetch(statement.sql(), Arguments::Values(values), &mut each).await?;
        Ok(number)
    }

    /// The records among those of a load statement that fit a condition, which has `?` for each
    /// value. A row that is not good is an error: a lookup cannot leave it out.
    async fn records<R: Record>(
        &mut self,
        load: &Statement,
        condition: &'static str,
        values: &[Value],
    ) -> Result<Vec<R>, Failure> {
        let statement = load.narrowed(condition, self.dialect);
        let mut records = Vec::new();
        let mut bad = None;
        let mut each = |row: &dyn Columns| match R::read(row) {
            Ok(record) => records.push(record),
            Err(reason) => bad = Some(reason),
        };
        self.session.fetch(statement.sql(), Arguments::Values(values), &mut each).await?;
        match bad {
            None => Ok(records),
            Some(reason) => Err(StoreError::Broken(format!("{}: {reason}", R::TABLE)).into()),
        }
    }

    async fn one<R: Record>(
        &mut self,
        load: &Statement,
        condition: &'static str,
        values: &[Value],
    ) -> Result<Option<R>, Failure> {
        Ok(self.records(load, condition, values).await?.pop())
    }

    async fn commit(self) -> Result<(), Failure> {
        Ok(self.session.commit().await?)
    }
}

impl<B: Backend> SqlStore<B> {
    async fn reading(&self) -> Result<Desk, Failure> {
        Ok(Desk { session: self.backend.read().await?, dialect: self.schema.dialect })
    }

    /// A transaction that writes single records.
    async fn writing(&self) -> Result<Desk, Failure> {
        if !self.schema.owns_tables {
            return Err(StoreError::Unsupported(
                "its records are the site's to write: change them there",
            )
            .into());
        }
        Ok(Desk { session: self.backend.write().await?, dialect: self.schema.dialect })
    }

    async fn all<R: Record>(&self, load: Option<&Statement>) -> Result<Vec<R>, Failure> {
        let Some(load) = load else { return Ok(Vec::new()) };
        self.reading().await?.records(load, "1 = 1", &[]).await
    }
}

#[async_trait]
impl<B: Backend> Catalog for SqlStore<B> {
    async fn users(&self, after_id: u32, limit: u32) -> Result<Vec<UserRecord>, StoreError> {
        self.named(users::list(self, after_id, limit).await)
    }

    async fn user(&self, key: &UserKey) -> Result<Option<UserRecord>, StoreError> {
        self.named(users::find(self, key).await)
    }

    async fn add_user(&self, user: &NewUser) -> Result<UserRecord, StoreError> {
        self.named(users::add(self, user).await)
    }

    async fn update_user(
        &self,
        id: u32,
        patch: &UserPatch,
    ) -> Result<Option<UserRecord>, StoreError> {
        self.named(users::update(self, id, patch).await)
    }

    async fn torrents(&self, after_id: u32, limit: u32) -> Result<Vec<TorrentRecord>, StoreError> {
        self.named(torrents::list(self, after_id, limit).await)
    }

    async fn torrent(&self, info_hash: InfoHash) -> Result<Option<TorrentRecord>, StoreError> {
        self.named(torrents::find(self, info_hash).await)
    }

    async fn add_torrent(&self, torrent: &NewTorrent) -> Result<TorrentRecord, StoreError> {
        self.named(torrents::add(self, torrent).await)
    }

    async fn update_torrent(
        &self,
        id: u32,
        patch: &TorrentPatch,
    ) -> Result<Option<TorrentRecord>, StoreError> {
        self.named(torrents::update(self, id, patch).await)
    }

    async fn find_users(&self, keys: &[UserKey]) -> Result<Vec<UserRecord>, StoreError> {
        self.named(bulk::find_users(self, keys).await)
    }

    async fn find_torrents(&self, hashes: &[InfoHash]) -> Result<Vec<TorrentRecord>, StoreError> {
        self.named(bulk::find_torrents(self, hashes).await)
    }

    async fn put_users(&self, puts: &[UserPut]) -> Result<Puts<UserRecord>, StoreError> {
        self.named(bulk::put_users(self, puts).await)
    }

    async fn put_torrents(&self, puts: &[TorrentPut]) -> Result<Puts<TorrentRecord>, StoreError> {
        self.named(bulk::put_torrents(self, puts).await)
    }

    async fn put_tokens(&self, tokens: &[TokenRecord]) -> Result<Puts<()>, StoreError> {
        self.named(bulk::put_tokens(self, tokens).await)
    }

    async fn delete_tokens(&self, keys: &[(u32, u32)]) -> Result<Vec<bool>, StoreError> {
        self.named(bulk::delete_tokens(self, keys).await)
    }

    async fn tokens_after(
        &self,
        user_id: Option<u32>,
        after: (u32, u32),
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.named(rules::tokens_after(self, user_id, after, limit).await)
    }

    async fn roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        self.named(rules::roles(self).await)
    }

    async fn put_role(&self, role: &RoleRecord) -> Result<RoleRecord, StoreError> {
        self.named(rules::put_role(self, role).await)
    }

    async fn delete_role(&self, id: u16) -> Result<bool, StoreError> {
        self.named(rules::delete_role(self, id).await)
    }

    async fn client_rules(&self) -> Result<Vec<ClientRuleRecord>, StoreError> {
        self.named(self.all(self.schema.loads.client_rules.as_ref()).await)
    }

    async fn put_client_rule(&self, rule: &ClientRuleRecord) -> Result<(), StoreError> {
        self.named(rules::put_client_rule(self, rule).await)
    }

    async fn delete_client_rule(&self, prefix: &str) -> Result<bool, StoreError> {
        self.named(rules::delete_client_rule(self, prefix).await)
    }

    async fn tokens(
        &self,
        user_id: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.named(rules::tokens(self, user_id, limit).await)
    }

    async fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        self.named(rules::put_token(self, token).await)
    }

    async fn delete_token(&self, user_id: u32, torrent_id: u32) -> Result<bool, StoreError> {
        self.named(rules::delete_token(self, user_id, torrent_id).await)
    }

    async fn events(&self) -> Result<Vec<EventRecord>, StoreError> {
        self.named(self.all(self.schema.loads.events.as_ref()).await)
    }

    async fn put_event(&self, event: &EventRecord) -> Result<(), StoreError> {
        self.named(rules::put_event(self, event).await)
    }

    async fn delete_event(&self, name: &str) -> Result<bool, StoreError> {
        self.named(rules::delete_event(self, name).await)
    }
}
