//! What people need of a store: single records, by name.

use async_trait::async_trait;
use mika_protocol::InfoHash;

use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::store::{Store, StoreError};

/// How a person names a user.
#[derive(Clone, PartialEq, Eq)]
pub enum UserKey {
    /// By the store's id.
    Id(u32),
    /// By name.
    Name(String),
    /// By passkey.
    Passkey(String),
}

/// A user to be added; its id and counters are the store's to set.
#[derive(Clone, Default)]
pub struct NewUser {
    /// Unique name, 1 to 64 characters.
    pub name: String,
    /// Unique passkey.
    pub passkey: String,
    /// The site's own id.
    pub site_id: Option<i64>,
    /// Role id.
    pub role_id: u16,
    /// Whether the user may leech.
    pub download_enabled: bool,
    /// Unix time in seconds.
    pub created_at_seconds: u32,
}

/// Changes to a user: `None` leaves a field as it is.
#[derive(Clone, Default)]
pub struct UserPatch {
    /// New name.
    pub name: Option<String>,
    /// New passkey.
    pub passkey: Option<String>,
    /// New site id.
    pub site_id: Option<Option<i64>>,
    /// New role id.
    pub role_id: Option<u16>,
    /// Leeching allowed or not.
    pub download_enabled: Option<bool>,
    /// Deleted or restored.
    pub deleted: Option<bool>,
    /// Credited upload in bytes, set absolutely: whatever a flush adds meanwhile is overwritten.
    pub uploaded: Option<u64>,
    /// Credited download in bytes, set absolutely.
    pub downloaded: Option<u64>,
    /// Bytes of credited upload to give, or if negative to take; not below 0 in all. It is the
    /// store that adds, so nothing that a flush adds meanwhile is lost.
    pub uploaded_add: i64,
    /// Bytes of credited download to add, or if negative to forgive; not below 0 in all.
    pub downloaded_add: i64,
}

/// A torrent to be added.
#[derive(Debug, Clone)]
pub struct NewTorrent {
    /// Primary hash.
    pub info_hash: InfoHash,
    /// Second hash of a hybrid torrent.
    pub info_hash_v2: Option<InfoHash>,
    /// Title for people.
    pub title: String,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Unix time in seconds.
    pub created_at_seconds: u32,
}

/// Changes to a torrent: `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct TorrentPatch {
    /// New title.
    pub title: Option<String>,
    /// Upload multiplier in percent.
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent.
    pub download_percent: Option<u16>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// Deleted or restored.
    pub deleted: Option<bool>,
    /// Why; told to clients.
    pub reason: Option<String>,
}

/// A store that the tracker owns, or may write single records of.
///
/// Every write is durable when it returns. Names that are taken are [`StoreError::Conflict`].
#[async_trait]
pub trait Catalog: Store {
    /// Users with an id above `after_id`, by id, at most `limit`.
    async fn users(&self, after_id: u32, limit: u32) -> Result<Vec<UserRecord>, StoreError>;
    /// One user, deleted or not.
    async fn user(&self, key: &UserKey) -> Result<Option<UserRecord>, StoreError>;
    /// Adds a user.
    async fn add_user(&self, user: &NewUser) -> Result<UserRecord, StoreError>;
    /// Changes a user; `None` if there is none with that id.
    async fn update_user(
        &self,
        id: u32,
        patch: &UserPatch,
    ) -> Result<Option<UserRecord>, StoreError>;

    /// Torrents with an id above `after_id`, by id, at most `limit`.
    async fn torrents(&self, after_id: u32, limit: u32) -> Result<Vec<TorrentRecord>, StoreError>;
    /// One torrent by either of its hashes, deleted or not.
    async fn torrent(&self, info_hash: InfoHash) -> Result<Option<TorrentRecord>, StoreError>;
    /// Adds a torrent.
    async fn add_torrent(&self, torrent: &NewTorrent) -> Result<TorrentRecord, StoreError>;
    /// Changes a torrent; `None` if there is none with that id.
    async fn update_torrent(
        &self,
        id: u32,
        patch: &TorrentPatch,
    ) -> Result<Option<TorrentRecord>, StoreError>;

    /// All roles by id.
    async fn roles(&self) -> Result<Vec<RoleRecord>, StoreError>;
    /// Adds a role (`id` 0: the store chooses) or overwrites the one with that id.
    async fn put_role(&self, role: &RoleRecord) -> Result<RoleRecord, StoreError>;
    /// Deletes a role that no user has; false if there is none.
    async fn delete_role(&self, id: u16) -> Result<bool, StoreError>;

    /// All client rules by prefix.
    async fn client_rules(&self) -> Result<Vec<ClientRuleRecord>, StoreError>;
    /// Adds or overwrites the rule for a prefix.
    async fn put_client_rule(&self, rule: &ClientRuleRecord) -> Result<(), StoreError>;
    /// Deletes the rule for a prefix; false if there is none.
    async fn delete_client_rule(&self, prefix: &str) -> Result<bool, StoreError>;

    /// Tokens of one user, or of all, at most `limit`.
    async fn tokens(
        &self,
        user_id: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError>;
    /// Adds or overwrites a token.
    async fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError>;
    /// Deletes a token; false if there is none.
    async fn delete_token(&self, user_id: u32, torrent_id: u32) -> Result<bool, StoreError>;

    /// All global events by name.
    async fn events(&self) -> Result<Vec<EventRecord>, StoreError>;
    /// Adds or overwrites an event.
    async fn put_event(&self, event: &EventRecord) -> Result<(), StoreError>;
    /// Deletes an event; false if there is none.
    async fn delete_event(&self, name: &str) -> Result<bool, StoreError>;
}
