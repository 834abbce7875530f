//! Many records in one call.

use reqwest::Method;

use super::Client;
use crate::error::Error;
use crate::types::{
    Bulk, BulkReport, BulkToken, BulkTorrent, BulkUser, NameKey, NewClientRule, NewEvent, NewRole,
    PrefixKey, TokenKey, TorrentKey, UserKey,
};

impl Client {
    /// Adds, changes and deletes up to 10000 torrents.
    pub async fn bulk_torrents(
        &self,
        bulk: &Bulk<BulkTorrent, TorrentKey>,
    ) -> Result<BulkReport, Error> {
        self.call(Method::POST, &["api", "v1", "bulk", "torrents"], Some(bulk)).await
    }

    /// Adds, changes and closes the accounts of up to 10000 users.
    pub async fn bulk_users(&self, bulk: &Bulk<BulkUser, UserKey>) -> Result<BulkReport, Error> {
        self.call(Method::POST, &["api", "v1", "bulk", "users"], Some(bulk)).await
    }

    /// Gives and takes up to 10000 tokens.
    pub async fn bulk_tokens(&self, bulk: &Bulk<BulkToken, TokenKey>) -> Result<BulkReport, Error> {
        self.call(Method::POST, &["api", "v1", "bulk", "tokens"], Some(bulk)).await
    }

    /// Adds, changes and deletes up to 1000 roles.
    pub async fn bulk_roles(&self, bulk: &Bulk<NewRole, NameKey>) -> Result<BulkReport, Error> {
        self.call(Method::POST, &["api", "v1", "bulk", "roles"], Some(bulk)).await
    }

    /// Adds, changes and deletes up to 1000 client rules.
    pub async fn bulk_client_rules(
        &self,
        bulk: &Bulk<NewClientRule, PrefixKey>,
    ) -> Result<BulkReport, Error> {
        self.call(Method::POST, &["api", "v1", "bulk", "client-rules"], Some(bulk)).await
    }

    /// Adds, changes and deletes up to 1000 global events.
    pub async fn bulk_events(&self, bulk: &Bulk<NewEvent, NameKey>) -> Result<BulkReport, Error> {
        self.call(Method::POST, &["api", "v1", "bulk", "events"], Some(bulk)).await
    }
}
