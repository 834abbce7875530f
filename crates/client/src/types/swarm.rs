//! Swarm counts in JSON.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

/// The counts of a torrent's swarm, as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Swarm {
    /// Id of the torrent in the store; 0 if no store knows it.
    pub torrent_id: u32,
    /// Hash of the torrent.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// Peers that have the whole torrent.
    pub seeders: u32,
    /// Peers that lack some of it, partial seeds included.
    pub leechers: u32,
    /// Those of them that want more.
    pub downloaders: u32,
    /// Downloads finished.
    pub snatches: u32,
}

/// Which swarms are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct SwarmQuery {
    /// The `next_cursor` of the part before; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many entries, 1 to 10000; absent for 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Whether torrents without peers are wanted, too.
    pub empty: bool,
}

/// A part of the swarms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SwarmList {
    /// The swarms, in no order that means anything.
    pub items: Vec<Swarm>,
    /// What to give as `cursor` for the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// With the first part: what to give as `since` of `/swarms/changes` once all parts are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_cursor: Option<String>,
}

/// Which changes are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct SwarmChangesQuery {
    /// The `changes_cursor` of a list of all swarms, or the `next_cursor` of the changes before.
    pub since: String,
    /// At most this many entries, 1 to 10000; absent for 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Swarms that have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SwarmChanges {
    /// Swarms whose counts may have changed, each once, with the counts that they have now.
    pub items: Vec<Swarm>,
    /// What to give as `since` the next time.
    pub next_cursor: String,
    /// Whether there are more already.
    pub more: bool,
}
