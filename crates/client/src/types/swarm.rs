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

/// What swarms are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SwarmRank {
    /// Seeders and leechers together.
    #[default]
    Peers,
    /// Peers that have the whole torrent.
    Seeders,
    /// Peers that lack some of it.
    Leechers,
    /// Downloads finished.
    Snatches,
    /// Announces of late.
    Announces,
    /// Bytes uploaded of late.
    Uploaded,
    /// Bytes downloaded of late.
    Downloaded,
}

/// Which swarms come first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct SwarmRankQuery {
    /// What they are ranked by.
    #[cfg_attr(feature = "openapi", param(inline))]
    pub by: SwarmRank,
    /// The smallest first instead of the largest.
    pub ascending: bool,
    /// At most this many, 1 to 1000; absent for 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The first swarms of all that have peers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SwarmRanking {
    /// The swarms in order; those that are equal by their hash.
    pub items: Vec<RankedSwarm>,
    /// The seconds that `activity` is about. It is noted while somebody asks for this list, in
    /// private mode: 0 the first time, then up to 60.
    pub activity_seconds: u32,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RankedSwarm {
    /// Its counts.
    pub swarm: Swarm,
    /// What happened in it of late.
    pub activity: SwarmActivity,
}

/// What was announced in a swarm within some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SwarmActivity {
    /// Announces.
    pub announces: u64,
    /// Bytes uploaded, as clients reported them.
    pub uploaded_bytes: u64,
    /// Bytes downloaded, as clients reported them.
    pub downloaded_bytes: u64,
}
