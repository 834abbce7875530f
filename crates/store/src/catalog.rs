//! What people need of a store: single records, by name.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mika_core::registry::{TorrentTerms, UserTerms};
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
    /// What is different for this user.
    pub terms: UserTerms,
    /// What another store knew of the user; the default for one that is new everywhere.
    pub past: UserPast,
}

/// What another store knew of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserPast {
    /// The id that the user had, and is to have again; 0: the store chooses.
    pub id: u32,
    /// Whether the account is closed.
    pub deleted: bool,
    /// Bytes uploaded, credited.
    pub uploaded: u64,
    /// Bytes downloaded, credited.
    pub downloaded: u64,
    /// Bytes uploaded as reported.
    pub uploaded_raw: u64,
    /// Bytes downloaded as reported.
    pub downloaded_raw: u64,
    /// Seconds of seeding, summed over torrents.
    pub seed_seconds: u64,
    /// Downloads finished.
    pub snatches: u64,
    /// Unix time of the last announce in seconds, 0 if never.
    pub announced_at_seconds: u32,
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
    /// What is different for this user, as a whole.
    pub terms: Option<UserTerms>,
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
    /// What is different for this torrent, but for the time of its creation.
    pub terms: TorrentTerms,
    /// What another store knew of the torrent; the default for one that is new everywhere.
    pub past: TorrentPast,
}

impl NewTorrent {
    /// A torrent with one hash and the defaults for all else.
    pub fn new(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            info_hash_v2: None,
            title: String::new(),
            upload_percent: 100,
            download_percent: 100,
            created_at_seconds: 0,
            terms: TorrentTerms::default(),
            past: TorrentPast::default(),
        }
    }
}

/// What another store knew of a torrent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TorrentPast {
    /// The id that the torrent had, and is to have again; 0: the store chooses.
    pub id: u32,
    /// Whether announces are refused for the time being.
    pub disabled: bool,
    /// Whether announces are refused for good.
    pub deleted: bool,
    /// Why; told to clients.
    pub reason: String,
    /// Downloads finished.
    pub snatches: u32,
    /// Bytes uploaded, credited.
    pub uploaded: u64,
    /// Bytes downloaded, credited.
    pub downloaded: u64,
    /// Bytes uploaded as reported.
    pub uploaded_raw: u64,
    /// Bytes downloaded as reported.
    pub downloaded_raw: u64,
    /// Unix time of the last announce in seconds, 0 if never.
    pub announced_at_seconds: u32,
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
    /// What is different for this torrent, as a whole but for the time of its creation.
    pub terms: Option<TorrentTerms>,
}

/// One of many users to be written.
#[derive(Clone)]
pub enum UserPut {
    /// Adds a user.
    Add(NewUser),
    /// Changes the user with an id.
    Change(u32, UserPatch),
}

/// One of many torrents to be written.
#[derive(Debug, Clone)]
pub enum TorrentPut {
    /// Adds a torrent.
    Add(NewTorrent),
    /// Changes the torrent with an id.
    Change(u32, TorrentPatch),
}

/// What became of each of many records, in their order.
pub type Puts<T> = Vec<Result<T, StoreError>>;

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

    /// The users, deleted or not, that one of these keys names; each once.
    async fn find_users(&self, keys: &[UserKey]) -> Result<Vec<UserRecord>, StoreError> {
        let mut found = BTreeMap::new();
        for key in keys {
            found.extend(self.user(key).await?.map(|user| (user.id, user)));
        }
        Ok(found.into_values().collect())
    }
    /// The torrents, deleted or not, that have one of these hashes, as first or second; each once.
    async fn find_torrents(&self, hashes: &[InfoHash]) -> Result<Vec<TorrentRecord>, StoreError> {
        let mut found = BTreeMap::new();
        for hash in hashes {
            found.extend(self.torrent(*hash).await?.map(|torrent| (torrent.id, torrent)));
        }
        Ok(found.into_values().collect())
    }
    /// Writes many users; what is wrong with one of them does not keep the others from it. No two
    /// may be of the same user. An error of the whole says nothing of what was written.
    async fn put_users(&self, puts: &[UserPut]) -> Result<Puts<UserRecord>, StoreError> {
        let mut results = Vec::with_capacity(puts.len());
        for put in puts {
            let result = match put {
                UserPut::Add(user) => self.add_user(user).await.map(Some),
                UserPut::Change(id, patch) => self.update_user(*id, patch).await,
            };
            results.push(one_of_many(result, "there is no such user")?);
        }
        Ok(results)
    }
    /// Writes many torrents, as [`Catalog::put_users`].
    async fn put_torrents(&self, puts: &[TorrentPut]) -> Result<Puts<TorrentRecord>, StoreError> {
        let mut results = Vec::with_capacity(puts.len());
        for put in puts {
            let result = match put {
                TorrentPut::Add(torrent) => self.add_torrent(torrent).await.map(Some),
                TorrentPut::Change(id, patch) => self.update_torrent(*id, patch).await,
            };
            results.push(one_of_many(result, "there is no such torrent")?);
        }
        Ok(results)
    }

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
    /// Tokens of one user, or of all, by user and torrent, beyond one of them, at most `limit`.
    async fn tokens_after(
        &self,
        user_id: Option<u32>,
        after: (u32, u32),
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        let mut tokens = self.tokens(user_id, u32::MAX).await?;
        tokens.retain(|token| (token.user_id, token.torrent_id) > after);
        tokens.sort_unstable_by_key(|token| (token.user_id, token.torrent_id));
        tokens.truncate(limit as usize);
        Ok(tokens)
    }
    /// Writes many tokens, as [`Catalog::put_users`].
    async fn put_tokens(&self, tokens: &[TokenRecord]) -> Result<Puts<()>, StoreError> {
        let mut results = Vec::with_capacity(tokens.len());
        for token in tokens {
            let result = self.put_token(token).await.map(Some);
            results.push(one_of_many(result, "there is no such token")?);
        }
        Ok(results)
    }
    /// Deletes many tokens, by user and torrent; says of each whether it was there.
    async fn delete_tokens(&self, keys: &[(u32, u32)]) -> Result<Vec<bool>, StoreError> {
        let mut were_there = Vec::with_capacity(keys.len());
        for (user_id, torrent_id) in keys {
            were_there.push(self.delete_token(*user_id, *torrent_id).await?);
        }
        Ok(were_there)
    }
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

/// What became of one record: what is wrong with it is its own, any other error is that of all.
pub(crate) fn one_of_many<T>(
    result: Result<Option<T>, StoreError>,
    unknown: &str,
) -> Result<Result<T, StoreError>, StoreError> {
    match result {
        Ok(Some(record)) => Ok(Ok(record)),
        Ok(None) => Ok(Err(StoreError::Invalid(unknown.to_owned()))),
        Err(error @ (StoreError::Conflict(_) | StoreError::Invalid(_))) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}
