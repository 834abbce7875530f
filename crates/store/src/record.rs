//! The records of a tracker's store, as people and the loader see them.
//!
//! Multipliers are whole percents: 100 counts every byte once, 0 is freeleech (or neutral), 200
//! counts double.

use std::net::SocketAddr;

use mika_core::registry::{TorrentTerms, UserTerms};
use mika_protocol::{InfoHash, PeerId};
use serde::{Deserialize, Serialize};

/// A class of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    /// Id in the store.
    pub id: u16,
    /// Unique name.
    pub name: String,
    /// Rank among roles; higher is more privileged.
    pub priority: i32,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Whether its members may announce as seeders.
    pub upload_enabled: bool,
    /// Whether its members may announce as leechers.
    pub download_enabled: bool,
    /// Torrents that a member may leech at the same time; `None` for no limit.
    pub download_slots: Option<u32>,
    /// Whether hit-and-run rules spare its members.
    pub immune: bool,
    /// Whether its members may announce at all; if not, they are told the role's name.
    pub enabled: bool,
}

impl RoleRecord {
    /// Id of the only role of a site that has none.
    pub const ONLY_ID: u16 = 1;

    /// The role of every user of a site that has none: nothing is multiplied, nothing forbidden.
    pub fn only() -> Self {
        Self {
            id: Self::ONLY_ID,
            name: "user".to_owned(),
            priority: 0,
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

/// A user of the site.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Id in the store.
    pub id: u32,
    /// The site's own id, when it differs.
    pub site_id: Option<i64>,
    /// Unique name.
    pub name: String,
    /// The secret in the user's announce URLs.
    pub passkey: String,
    /// Role id.
    pub role_id: u16,
    /// Whether the user may announce as a leecher.
    pub download_enabled: bool,
    /// A deleted user keeps its row, and its announces are refused.
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
    /// Unix time of creation in seconds.
    pub created_at_seconds: u32,
    /// What is different for this user.
    pub terms: UserTerms,
}

/// A torrent of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrentRecord {
    /// Id in the store.
    pub id: u32,
    /// The hash by which announces name it: v1, or v2 truncated for a v2-only torrent.
    pub info_hash: InfoHash,
    /// The second hash of a hybrid torrent: v2 truncated (BEP 52).
    pub info_hash_v2: Option<InfoHash>,
    /// Title for people.
    pub title: String,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// A disabled torrent refuses announces for the time being.
    pub enabled: bool,
    /// A deleted torrent refuses announces for good and tells `reason`.
    pub deleted: bool,
    /// Why it was deleted or disabled; told to clients.
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
    /// Seeders at the last flush.
    pub seeders: u32,
    /// Leechers at the last flush.
    pub leechers: u32,
    /// Unix time of the last announce in seconds, 0 if never.
    pub announced_at_seconds: u32,
    /// Unix time of creation in seconds.
    pub created_at_seconds: u32,
    /// What is different for this torrent.
    pub terms: TorrentTerms,
}

/// A session that another tracker left behind in the site's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerRecord {
    /// The user.
    pub user_id: u32,
    /// The torrent.
    pub torrent_id: u32,
    /// The client's name for itself.
    pub peer_id: PeerId,
    /// Where it can be reached, if the site's table says.
    pub address: Option<SocketAddr>,
    /// The client's own counter since its session began.
    pub uploaded_bytes: u64,
    /// The client's own counter since its session began.
    pub downloaded_bytes: u64,
    /// Bytes that the client lacks.
    pub left_bytes: u64,
    /// Whether it was there at last; one that was not keeps its counters.
    pub active: bool,
    /// Unix time of its first announce, in seconds.
    pub started_at_seconds: u32,
    /// Unix time of its last announce, in seconds.
    pub announced_at_seconds: u32,
}

/// Whether clients whose peer id begins with a prefix are welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRuleRecord {
    /// The first bytes of a peer id, for example `-TR3`; 1 to 20 bytes of printable ASCII.
    pub prefix: String,
    /// `true` for the whitelist, `false` for the blacklist.
    pub allowed: bool,
    /// A note for people, for example `Transmission 3.x`.
    pub name: String,
}

/// A multiplier for one user on one torrent: a token, a personal freeleech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The user.
    pub user_id: u32,
    /// The torrent.
    pub torrent_id: u32,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Unix time in seconds after which it counts no more; `None` for never.
    pub ends_at_seconds: Option<u32>,
}

/// A multiplier for everybody on everything, from a start to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Unique name.
    pub name: String,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Unix time in seconds from which it counts.
    pub starts_at_seconds: u32,
    /// Unix time in seconds from which it no longer counts.
    pub ends_at_seconds: u32,
}

/// A setting that a site keeps in a table. Its value may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingRecord {
    /// What the site calls it.
    pub name: String,
    /// As text.
    pub value: String,
}

impl std::fmt::Debug for SettingRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SettingRecord").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRecord").field("id", &self.id).field("name", &self.name).finish()
    }
}
