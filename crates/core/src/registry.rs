//! Who and what the tracker knows: the forms in which the control plane hands it over.
//!
//! Titles and names stay in the store; memory holds what an announce needs.

use mika_protocol::{InfoHash, Passkey};
use thiserror::Error;

/// A class of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleSpec {
    /// Id in the store.
    pub id: u16,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Whether its members may announce as seeders.
    pub upload_enabled: bool,
    /// Whether its members may announce as leechers.
    pub download_enabled: bool,
    /// Torrents that a member may leech at the same time, with however many clients each; `None`
    /// for no limit. A partial seed (BEP 21) counts, for it lacks something.
    pub download_slots: Option<u32>,
}

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSpec {
    /// Id in the store.
    pub id: u32,
    /// The secret of the user's announce URLs.
    pub passkey: Passkey,
    /// Role id.
    pub role_id: u16,
    /// Whether the user may announce as a leecher.
    pub download_enabled: bool,
    /// Whether the user's announces are refused for good.
    pub deleted: bool,
}

/// A torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TorrentSpec<'a> {
    /// Id in the store.
    pub id: u32,
    /// The hash by which announces name it.
    pub info_hash: InfoHash,
    /// The second hash of a hybrid torrent, an alias of the first.
    pub info_hash_v2: Option<InfoHash>,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// A disabled torrent refuses announces for now.
    pub enabled: bool,
    /// A deleted torrent refuses announces for good.
    pub deleted: bool,
    /// Why it was deleted or disabled; empty for no reason given.
    pub reason: &'a str,
    /// Finished downloads.
    pub snatches: u32,
}

/// Whether clients whose peer id begins with a prefix are welcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRule {
    /// First bytes of a peer id.
    pub prefix: Vec<u8>,
    /// Whitelist or blacklist.
    pub allowed: bool,
}

/// A multiplier for one user on one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSpec {
    /// The store's id of the user.
    pub user_id: u32,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Unix time in seconds from which it counts no more; `None` for never.
    pub ends_at_seconds: Option<u32>,
}

/// A multiplier for everybody on everything, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalEvent {
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Unix time in seconds from which it counts.
    pub starts_at_seconds: u32,
    /// Unix time in seconds from which it counts no more.
    pub ends_at_seconds: u32,
}

/// Why the registry did not take a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// `limits.users` is reached.
    #[error("the limit of users is reached: raise limits.users")]
    UserLimit,
    /// `limits.torrents` is reached.
    #[error("the limit of torrents is reached: raise limits.torrents")]
    TorrentLimit,
    /// No user has this id.
    #[error("no such user")]
    UserUnknown,
    /// No torrent has this info-hash.
    #[error("no such torrent")]
    TorrentUnknown,
    /// The passkey belongs to another user.
    #[error("the passkey belongs to another user")]
    PasskeyTaken,
    /// The info-hash belongs to another torrent.
    #[error("the info-hash belongs to another torrent")]
    InfoHashTaken,
    /// No role has this id.
    #[error("no such role")]
    RoleUnknown,
}
