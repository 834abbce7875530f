//! Many records in one call, in JSON.

use std::fmt;

use mika_protocol::InfoHash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TorrentStatus;

/// Records to be added or changed, and records to be deleted: at most [`Bulk::ITEMS_MAX`] together.
///
/// What is wrong with one of them is told of that one, and keeps none of the others from being
/// done. No two may be of the same record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, bound(serialize = "U: Serialize, D: Serialize"))]
#[serde(bound(deserialize = "U: DeserializeOwned, D: DeserializeOwned"))]
pub struct Bulk<U, D> {
    /// To be added if they are not there, or changed: what is absent stays, or has its default.
    #[serde(default = "Vec::new")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<U>, max_items = 10_000))]
    pub upsert: Vec<Lenient<U>>,
    /// To be deleted.
    #[serde(default = "Vec::new")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<D>, max_items = 10_000))]
    pub delete: Vec<Lenient<D>>,
}

impl<U, D> Bulk<U, D> {
    /// Items of both lists together.
    pub const ITEMS_MAX: usize = 10_000;

    /// From good items.
    pub fn new(upsert: impl IntoIterator<Item = U>, delete: impl IntoIterator<Item = D>) -> Self {
        let upsert = upsert.into_iter().map(|item| Lenient(Ok(item))).collect();
        let delete = delete.into_iter().map(|item| Lenient(Ok(item))).collect();
        Self { upsert, delete }
    }

    /// Items of both lists together.
    pub fn len(&self) -> usize {
        self.upsert.len().saturating_add(self.delete.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.upsert.is_empty() && self.delete.is_empty()
    }
}

/// An item, or what is wrong with it: one that cannot be read does not spoil its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lenient<T>(pub Result<T, String>);

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().ok().serialize(to)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        Ok(Self(serde_json::from_value(value).map_err(|error| error.to_string())))
    }
}

/// Which list of a [`Bulk`] an item is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkList {
    /// `upsert`.
    Upsert,
    /// `delete`.
    Delete,
}

/// What became of many records. All that is not in `errors` is done, durable and in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkReport {
    /// Records added.
    pub created: u32,
    /// Records changed.
    pub updated: u32,
    /// Records deleted.
    pub deleted: u32,
    /// Ids of the items of `upsert`, in their order; `null` for those in `errors`, and of records
    /// that have no ids.
    pub ids: Vec<Option<u32>>,
    /// What was not done.
    pub errors: Vec<BulkError>,
}

/// An item that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkError {
    /// The list that it is in.
    pub list: BulkList,
    /// Its place there, from 0.
    pub index: u32,
    /// The status that it would have had by itself.
    pub status: u16,
    /// Stable word for programs, such as `info_hash_taken`.
    pub code: String,
    /// For people: what is wrong, and what to do.
    pub detail: String,
}

/// A torrent to be added, or changed if there is one with the hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BulkTorrent {
    /// 40 hex digits (v1), or 64 (v2).
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// The v2 hash of a hybrid torrent; one that is there keeps its own.
    #[serde(default, with = "super::hash::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::hash::Hex>))]
    pub info_hash_v2: Option<InfoHash>,
    /// Title for people, at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Upload multiplier in percent, 0 to 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Whether announces are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Deletes the torrent, or restores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Why it is deleted or disabled, at most 200 characters; told to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the moderators say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TorrentStatus>,
    /// Downloads do not count, uploads count by the site's multiplier for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub featured: Option<bool>,
}

impl BulkTorrent {
    /// A torrent with one hash, and the defaults for all else.
    pub fn new(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            info_hash_v2: None,
            title: None,
            upload_percent: None,
            download_percent: None,
            enabled: None,
            deleted: None,
            reason: None,
            status: None,
            featured: None,
        }
    }
}

/// A torrent to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TorrentKey {
    /// Either of its hashes.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// Why, at most 200 characters; told to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A user to be added, or changed if there is one: the one with the `id` if that is given, which
/// has to be there, else the one with the `name`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BulkUser {
    /// Id of a user who is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Unique name, 1 to 64 characters; beside an `id` the new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1 to 64 of `A-Z a-z 0-9 _ -`; absent for 32 random hex digits, or no change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passkey: Option<String>,
    /// Name of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The site's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_id: Option<i64>,
    /// Whether the user may announce as a leecher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_enabled: Option<bool>,
    /// Closes the account, or opens it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Credited upload in bytes, set absolutely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<u64>,
    /// Credited download in bytes, set absolutely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloaded: Option<u64>,
    /// Bytes of credited upload to give, or if negative to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_add: Option<i64>,
    /// Bytes of credited download to add, or if negative to forgive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloaded_add: Option<i64>,
    /// Upload multiplier in percent, beside the role's; `null` for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u16>))]
    pub upload_percent: Option<Option<u16>>,
    /// Download multiplier in percent, beside the role's; `null` for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u16>))]
    pub download_percent: Option<Option<u16>>,
    /// Whether hit-and-run rules spare the user; `null`: as the role says.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub immune: Option<Option<bool>>,
    /// Whether the user's addresses are neither written to the store nor told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_hidden: Option<bool>,
    /// Seconds from a torrent's creation for which the user may not leech it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
    /// Sessions that the user may leech one torrent with; `null` for no limit of its own.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub peers_max: Option<Option<u32>>,
}

impl fmt::Debug for BulkUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkUser")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A user whose account is to be closed: `id` or `name`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UserKey {
    /// Id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A token to be given, in place of one that is there; without percents a freeleech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BulkToken {
    /// Id of the user.
    pub user_id: u32,
    /// Either hash of the torrent.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// Upload multiplier in percent, 0 to 10000; absent for 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000; absent for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Time from which it counts no more, in the future; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u32>,
}

/// A token to be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// Id of the user.
    pub user_id: u32,
    /// Either hash of the torrent.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
}

/// A role or an event to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NameKey {
    /// Its name.
    pub name: String,
}

/// A client rule to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PrefixKey {
    /// Its prefix.
    pub prefix: String,
}
