//! Torrents in JSON.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

/// A torrent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Torrent {
    /// Id in the store.
    pub id: u32,
    /// The hash by which announces name it: v1, or v2 truncated for a v2-only torrent.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// The second hash of a hybrid torrent: v2 truncated (BEP 52).
    #[serde(with = "super::hash::optional")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::hash::Hex>))]
    pub info_hash_v2: Option<InfoHash>,
    /// Title for people.
    pub title: String,
    /// Peers that have the whole torrent, now.
    pub seeders: u32,
    /// Peers that lack some of it, now.
    pub leechers: u32,
    /// Downloads finished, up to now.
    pub snatches: u32,
    /// Bytes uploaded, credited.
    pub uploaded: u64,
    /// Bytes downloaded, credited.
    pub downloaded: u64,
    /// Bytes uploaded as reported.
    pub uploaded_raw: u64,
    /// Bytes downloaded as reported.
    pub downloaded_raw: u64,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// A disabled torrent refuses announces for now.
    pub enabled: bool,
    /// A deleted torrent refuses announces for good.
    pub deleted: bool,
    /// Why it was deleted or disabled; told to clients.
    pub reason: String,
    /// What the moderators say.
    pub status: TorrentStatus,
    /// Downloads do not count, uploads count by the site's multiplier for it.
    pub featured: bool,
    /// Strategies by which its peers are chosen, instead of those of the configuration: none of
    /// them for uniformly at random; `null` if it has none of its own.
    #[serde(default)]
    pub strategies: Option<Vec<String>>,
    /// Time of the last announce, `null` if there was none.
    pub announced_at: Option<u32>,
    /// Time of creation.
    pub created_at: u32,
}

/// A torrent to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTorrent {
    /// 40 hex digits (v1), or 64 (v2).
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// The v2 hash of a hybrid torrent, 64 hex digits or the first 40 of them.
    #[serde(default, with = "super::hash::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::hash::Hex>))]
    pub info_hash_v2: Option<InfoHash>,
    /// Title for people, at most 255 characters.
    #[serde(default)]
    pub title: String,
    /// Upload multiplier in percent, 0 to 10000; absent for 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000; absent for 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// What the moderators say; absent for `approved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TorrentStatus>,
    /// Downloads do not count, uploads count by the site's multiplier; absent for no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub featured: Option<bool>,
}

/// What a site's moderators say of a torrent: all but the first refuse announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TorrentStatus {
    /// It may be announced.
    #[default]
    Approved,
    /// Nobody has looked at it yet.
    Pending,
    /// It was rejected.
    Rejected,
    /// It was sent back.
    Postponed,
    /// Something else.
    Other,
}

/// Which of the torrents are wanted. A page may be short, or empty, and not be the last: the last
/// one has no `next_after_id`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct TorrentQuery {
    /// Only entries with a higher id.
    pub after_id: u32,
    /// At most this many entries, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those that are deleted, or that are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Only those that are enabled, or that are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Only those that are featured, or that are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub featured: Option<bool>,
    /// Only those of which the moderators say this.
    #[cfg_attr(feature = "openapi", param(inline))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TorrentStatus>,
    /// Only those whose title has this in it, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl NewTorrent {
    /// A torrent with one hash and the defaults for all else.
    pub fn new(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            info_hash_v2: None,
            title: String::new(),
            upload_percent: None,
            download_percent: None,
            status: None,
            featured: None,
        }
    }
}

/// Changes to a torrent: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TorrentChange {
    /// New title, at most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Upload multiplier in percent, 0 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Whether announces are answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Deletes the torrent, or restores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Why it is deleted or disabled, at most 200 characters; told to clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the moderators say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TorrentStatus>,
    /// Downloads do not count, uploads count by the site's multiplier for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub featured: Option<bool>,
    /// Strategies by which its peers are chosen: `location` and one of `completion`, `fast`,
    /// `slow`, `user_class` and `seed_time`; `[]` for uniformly at random, `null` for those of the
    /// configuration.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>))]
    pub strategies: Option<Option<Vec<String>>>,
}
