//! Roles, client rules, tokens and events in JSON.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

/// A class of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Role {
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
    /// Torrents that a member may leech at the same time, with however many clients each; `null`
    /// for no limit.
    pub download_slots: Option<u32>,
    /// Whether hit-and-run rules spare its members.
    pub immune: bool,
    /// Whether its members may announce at all; if not, they are told the role's name.
    pub enabled: bool,
}

/// A role to be added: a name, and what differs from 100 % and everything allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Unique name, 1 to 64 characters.
    pub name: String,
    /// What is given, as in a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Upload multiplier in percent, 0 to 10000; absent for 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000; absent for 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Whether its members may announce as seeders; absent for yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_enabled: Option<bool>,
    /// Whether its members may announce as leechers; absent for yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_enabled: Option<bool>,
    /// Torrents that a member may leech at the same time; absent or `null` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_slots: Option<u32>,
    /// Whether hit-and-run rules spare its members; absent for no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immune: Option<bool>,
    /// Whether its members may announce at all; absent for yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Changes to a role: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RoleChange {
    /// New name, 1 to 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Rank among roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Upload multiplier in percent, 0 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Whether its members may announce as seeders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_enabled: Option<bool>,
    /// Whether its members may announce as leechers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_enabled: Option<bool>,
    /// Torrents that a member may leech at the same time; `null` for no limit.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    pub download_slots: Option<Option<u32>>,
    /// Whether hit-and-run rules spare its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immune: Option<bool>,
    /// Whether its members may announce at all; if not, they are told the role's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Whether clients whose peer id begins with a prefix are welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientRule {
    /// The first characters of a peer id, such as `-TR3` (BEP 20).
    pub prefix: String,
    /// `true` for the whitelist, `false` for the blacklist.
    pub allowed: bool,
    /// A note for people, such as `Transmission 3.x`.
    pub name: String,
}

/// A client rule to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewClientRule {
    /// 1 to 20 characters of printable ASCII.
    pub prefix: String,
    /// `true` for the whitelist (also when absent), `false` for the blacklist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// A note for people, at most 64 characters.
    #[serde(default)]
    pub name: String,
}

/// Changes to a client rule: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ClientRuleChange {
    /// Whitelist or blacklist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// A note for people, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A multiplier for one user on one torrent: a personal freeleech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Id of the user.
    pub user_id: u32,
    /// Name of the user.
    pub user: String,
    /// Id of the torrent.
    pub torrent_id: u32,
    /// Hash of the torrent.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Time from which it counts no more; `null` for never.
    pub ends_at: Option<u32>,
}

/// A token to be given; what is absent means a freeleech without end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewToken {
    /// Upload multiplier in percent, 0 to 10000; absent for 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000; absent for 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Time from which it counts no more, in the future; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u32>,
}

/// A multiplier for everybody on everything, from a start to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Unique name.
    pub name: String,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// Time from which it counts.
    pub starts_at: u32,
    /// Time from which it counts no more.
    pub ends_at: u32,
}

/// An event to be added; without percents it is a freeleech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// Unique name, 1 to 64 characters.
    pub name: String,
    /// Upload multiplier in percent, 0 to 10000; absent for 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000; absent for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Time from which it counts; absent for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<u32>,
    /// Time from which it counts no more, after the start.
    pub ends_at: u32,
}

/// A change of an event; what is absent stays. Its name stays, too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EventChange {
    /// Upload multiplier in percent, 0 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Time from which it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<u32>,
    /// Time from which it counts no more: after the start, and in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u32>,
}
