//! The whole state as JSON lines.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

use super::{BulkTorrent, BulkUser, ClientRule, Event, Role};

/// One line of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateLine {
    /// The first line.
    Meta(StateMeta),
    /// A role.
    Role(Role),
    /// A client rule.
    ClientRule(ClientRule),
    /// A global event.
    Event(Event),
    /// A user.
    User(StateUser),
    /// A torrent.
    Torrent(StateTorrent),
    /// A user×torrent token.
    Token(StateToken),
    /// The last line: an export without it was cut short.
    End(StateEnd),
}

/// What an export ends with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateEnd {
    /// Lines before this one.
    pub lines: u64,
}

/// What an export begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMeta {
    /// Version of the format: 1.
    pub version: u32,
    /// Time of the export.
    pub exported_at: u32,
    /// Version of the server.
    pub mika: String,
}

/// A user, and what the store knows of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateUser {
    /// What can be set.
    #[serde(flatten)]
    pub user: StateUserSettings,
    /// Bytes uploaded as reported.
    pub uploaded_raw: u64,
    /// Bytes downloaded as reported.
    pub downloaded_raw: u64,
    /// Seconds of seeding, summed over torrents.
    pub seed_seconds: u64,
    /// Downloads finished.
    pub snatches: u64,
    /// Time of the last announce, 0 if there was none.
    pub announced_at: u32,
    /// Time of creation.
    pub created_at: u32,
}

/// As in a bulk call.
pub type StateUserSettings = BulkUser;

/// A torrent, and what the store knows of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTorrent {
    /// Id in the store.
    pub id: u32,
    /// What can be set.
    #[serde(flatten)]
    pub torrent: BulkTorrent,
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
    /// Time of the last announce, 0 if there was none.
    pub announced_at: u32,
    /// Time of creation.
    pub created_at: u32,
}

/// A token, by the name of its user and the hash of its torrent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateToken {
    /// Name of the user.
    pub user: String,
    /// Hash of the torrent.
    #[serde(with = "super::hash")]
    pub info_hash: InfoHash,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Time from which it counts no more; `null` for never.
    pub ends_at: Option<u32>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    /// Lines read.
    pub lines: u64,
    /// Records added.
    pub created: u64,
    /// Records changed.
    pub updated: u64,
    /// Lines that were not brought in.
    pub failed: u64,
    /// The first thousand of them, with the reason.
    pub errors: Vec<ImportError>,
}

/// A line that was not brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportError {
    /// Its number, from 1.
    pub line: u64,
    /// Stable word for programs.
    pub code: String,
    /// For people: what is wrong.
    pub detail: String,
}
