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
    /// Whether hit-and-run rules spare its members.
    pub immune: bool,
    /// Whether its members may announce at all.
    pub enabled: bool,
}

impl RoleSpec {
    /// A role that changes nothing: every byte counts once (100 percent), nothing is forbidden.
    pub const fn new(id: u16) -> Self {
        Self {
            id,
            upload_percent: 100,
            download_percent: 100,
            upload_enabled: true,
            download_enabled: true,
            download_slots: None,
            immune: false,
            enabled: true,
        }
    }
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
    /// What is different for this user.
    pub terms: UserTerms,
}

impl UserSpec {
    /// A user who may do what the role may, with nothing different for this one.
    pub fn new(id: u32, passkey: Passkey, role_id: u16) -> Self {
        Self {
            id,
            passkey,
            role_id,
            download_enabled: true,
            deleted: false,
            terms: UserTerms::default(),
        }
    }
}

/// What is different for a single user; the default is nothing, and costs no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserTerms {
    /// Upload multiplier in percent, beside that of the role: a donor's.
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, beside that of the role: a donor's, or 0 for a personal
    /// freeleech.
    pub download_percent: Option<u16>,
    /// Whether hit-and-run rules spare the user; `None`: as the role says.
    pub immune: Option<bool>,
    /// Whether the user's addresses are not to be written to the store.
    pub address_hidden: bool,
    /// Seconds from a torrent's creation for which the user may not leech it; 0 for none. In
    /// force if the site has [`wait_times`](crate::SiteProfile::wait_times).
    pub wait_seconds: u32,
    /// Sessions that the user may leech one torrent with; `None` for no limit but the tracker's.
    pub peers_max: Option<u32>,
    /// The version with which passes of the user are derived; one with another is void. In force
    /// if the site has a [`pass_secret`](crate::SiteProfile::pass_secret).
    pub pass_version: u32,
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
    /// What is different for this torrent.
    pub terms: TorrentTerms,
}

impl TorrentSpec<'_> {
    /// A torrent with one hash that may be announced, of which every byte counts once (100
    /// percent), and that nobody has finished yet.
    pub fn new(id: u32, info_hash: InfoHash) -> Self {
        Self {
            id,
            info_hash,
            info_hash_v2: None,
            upload_percent: 100,
            download_percent: 100,
            enabled: true,
            deleted: false,
            reason: "",
            snatches: 0,
            terms: TorrentTerms::default(),
        }
    }
}

/// What is different for a single torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TorrentTerms {
    /// What the site's moderators say.
    pub status: TorrentStatus,
    /// Downloads do not count, uploads count by the site's multiplier for it.
    pub featured: bool,
    /// Unix time of its creation in seconds; kept only if the site has wait times.
    pub created_at_seconds: u32,
}

/// What a site's moderators say of a torrent. All but the first refuse announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

impl TorrentStatus {
    /// From the number that UNIT3D keeps: 0 pending, 1 approved, 2 rejected, 3 postponed.
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Pending,
            1 => Self::Approved,
            2 => Self::Rejected,
            3 => Self::Postponed,
            _ => Self::Other,
        }
    }

    /// The number that UNIT3D keeps; 4 for what it does not know.
    pub fn number(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Approved => 1,
            Self::Rejected => 2,
            Self::Postponed => 3,
            Self::Other => 4,
        }
    }
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
