//! Single records by name.

mod rules;
mod torrents;
mod users;

use async_trait::async_trait;
use mika_protocol::InfoHash;
use redis::aio::ConnectionManager;

use super::error::Failure;
use super::record::Record;
use super::server::Server;
use super::{RedisStore, load};
use crate::catalog::{Catalog, NewTorrent, NewUser, TorrentPatch, UserKey, UserPatch};
use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::store::StoreError;

/// Records with an id above one, by id. Ids that are listed without a record are left out.
async fn page<R: Record>(server: &Server, after_id: u32, limit: u32) -> Result<Vec<R>, Failure> {
    let mut reader = server.reader().await?;
    let ids = load::ids(server, &mut reader, R::TABLE, after_id, limit).await?;
    let records = load::records(server, &mut reader, &ids).await?;
    good(server, R::TABLE, records.into_iter().flatten())
}

/// The record of an id.
async fn one<R: Record>(
    server: &Server,
    connection: &mut ConnectionManager,
    id: u32,
) -> Result<Option<R>, Failure> {
    let records = load::records(server, connection, &[id]).await?;
    Ok(good(server, R::TABLE, records.into_iter().flatten())?.pop())
}

/// Records that have to be good: a lookup cannot leave them out.
fn good<R>(
    server: &Server,
    table: &str,
    records: impl IntoIterator<Item = Result<R, String>>,
) -> Result<Vec<R>, Failure> {
    let wrong = |reason: String| Failure::from(server.broken(&format!("{table}: {reason}")));
    records.into_iter().map(|record| record.map_err(wrong)).collect()
}

/// What a script answers that it should not.
fn unexpected(server: &Server, answer: &str) -> Failure {
    server.broken(&format!("a script answers {answer:?}")).into()
}

/// What scripts are given of a record: the names of fields, each before its value. One without a
/// value is left out.
fn pairs<V: Into<Option<String>>>(
    fields: impl IntoIterator<Item = (&'static str, V)>,
) -> impl Iterator<Item = String> {
    let pair = |(field, value): (&str, V)| Some([field.to_owned(), value.into()?]);
    fields.into_iter().filter_map(pair).flatten()
}

/// The record that a script has added, which answers its id.
async fn added<R: Record>(
    server: &Server,
    writer: &mut ConnectionManager,
    answer: &str,
) -> Result<R, Failure> {
    let id = answer.parse().map_err(|_| unexpected(server, answer))?;
    server.settle(writer).await?;
    one(server, writer, id).await?.ok_or_else(|| unexpected(server, answer))
}

/// The record that a script has changed, if it answers that there is one.
async fn changed<R: Record>(
    server: &Server,
    writer: &mut ConnectionManager,
    id: u32,
    answer: &str,
) -> Result<Option<R>, Failure> {
    match answer {
        "done" => {}
        "unknown" => return Ok(None),
        other => return Err(unexpected(server, other)),
    }
    server.settle(writer).await?;
    one(server, writer, id).await
}

#[async_trait]
impl Catalog for RedisStore {
    async fn users(&self, after_id: u32, limit: u32) -> Result<Vec<UserRecord>, StoreError> {
        self.named(page(&self.server, after_id, limit).await)
    }

    async fn user(&self, key: &UserKey) -> Result<Option<UserRecord>, StoreError> {
        self.named(users::find(&self.server, key).await)
    }

    async fn add_user(&self, user: &NewUser) -> Result<UserRecord, StoreError> {
        self.named(users::add(&self.server, user).await)
    }

    async fn update_user(
        &self,
        id: u32,
        patch: &UserPatch,
    ) -> Result<Option<UserRecord>, StoreError> {
        self.named(users::update(&self.server, id, patch).await)
    }

    async fn torrents(&self, after_id: u32, limit: u32) -> Result<Vec<TorrentRecord>, StoreError> {
        self.named(page(&self.server, after_id, limit).await)
    }

    async fn torrent(&self, info_hash: InfoHash) -> Result<Option<TorrentRecord>, StoreError> {
        self.named(torrents::find(&self.server, info_hash).await)
    }

    async fn add_torrent(&self, torrent: &NewTorrent) -> Result<TorrentRecord, StoreError> {
        self.named(torrents::add(&self.server, torrent).await)
    }

    async fn update_torrent(
        &self,
        id: u32,
        patch: &TorrentPatch,
    ) -> Result<Option<TorrentRecord>, StoreError> {
        self.named(torrents::update(&self.server, id, patch).await)
    }

    async fn roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        self.named(rules::roles(&self.server).await)
    }

    async fn put_role(&self, role: &RoleRecord) -> Result<RoleRecord, StoreError> {
        self.named(rules::put_role(&self.server, role).await)
    }

    async fn delete_role(&self, id: u16) -> Result<bool, StoreError> {
        self.named(rules::delete_role(&self.server, id).await)
    }

    async fn client_rules(&self) -> Result<Vec<ClientRuleRecord>, StoreError> {
        self.named(rules::client_rules(&self.server).await)
    }

    async fn put_client_rule(&self, rule: &ClientRuleRecord) -> Result<(), StoreError> {
        self.named(rules::put_client_rule(&self.server, rule).await)
    }

    async fn delete_client_rule(&self, prefix: &str) -> Result<bool, StoreError> {
        self.named(rules::delete_field(&self.server, "client_rules", prefix).await)
    }

    async fn tokens(
        &self,
        user_id: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.named(rules::tokens(&self.server, user_id, limit).await)
    }

    async fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        self.named(rules::put_token(&self.server, token).await)
    }

    async fn delete_token(&self, user_id: u32, torrent_id: u32) -> Result<bool, StoreError> {
        self.named(rules::delete_token(&self.server, user_id, torrent_id).await)
    }

    async fn events(&self) -> Result<Vec<EventRecord>, StoreError> {
        self.named(rules::events(&self.server).await)
    }

    async fn put_event(&self, event: &EventRecord) -> Result<(), StoreError> {
        self.named(rules::put_event(&self.server, event).await)
    }

    async fn delete_event(&self, name: &str) -> Result<bool, StoreError> {
        self.named(rules::delete_field(&self.server, "events", name).await)
    }
}
