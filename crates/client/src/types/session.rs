//! Sessions, which are the peers of a torrent, in JSON.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

/// A part of a list that has a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CursorPage<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to give as `cursor` for the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct CursorQuery {
    /// The `next_cursor` of the part before; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many entries, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Whose sessions are wanted, and which part of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct AddressQuery {
    /// An IPv4 or IPv6 address, without a port.
    pub address: String,
    /// The `next_cursor` of the part before; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many entries, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A client of a user on a torrent, or an address of a public swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Id of the torrent in the store; 0 if no store knows it.
    pub torrent_id: u32,
    /// Hash of the torrent.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// Id of the user; `null` on a public tracker.
    pub user_id: Option<u32>,
    /// The client's name for itself as 40 hex digits; `null` if the tracker does not keep it.
    pub peer_id: Option<String>,
    /// Its IPv4 address and port, `null` if there is none, or if it is not to be told.
    pub address_v4: Option<String>,
    /// Its IPv6 address and port, `null` if there is none, or if it is not to be told.
    pub address_v6: Option<String>,
    /// Bytes uploaded as the client counts them; 0 on a public tracker.
    pub uploaded: u64,
    /// Bytes downloaded as the client counts them; 0 on a public tracker.
    pub downloaded: u64,
    /// Bytes that it lacks; `null` on a public tracker.
    pub left: Option<u64>,
    /// Whether it has the whole torrent.
    pub seeder: bool,
    /// Whether it is a partial seed (BEP 21).
    pub paused: bool,
    /// Whether it is counted, and told to others.
    pub visible: bool,
    /// Time of its first announce, to the minute; `null` on a public tracker.
    pub started_at: Option<u32>,
    /// Time of its last announce.
    pub announced_at: u32,
}
