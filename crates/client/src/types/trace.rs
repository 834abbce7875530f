//! The flight recorder in JSON.

use std::net::IpAddr;

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

/// What the announces that are recorded have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TraceSubject {
    /// A user: id, name or passkey.
    User,
    /// A torrent: an info-hash.
    Torrent,
    /// An address that announces come from.
    Address,
}

impl TraceSubject {
    /// Its name in JSON and in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Torrent => "torrent",
            Self::Address => "address",
        }
    }
}

/// A subject whose announces are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trace {
    /// What they have in common.
    pub subject: TraceSubject,
    /// The user's id, the torrent's primary hash, or the address.
    pub key: String,
    /// Announces that are kept; older ones are forgotten.
    pub keep: u32,
    /// Number of the last announce.
    pub last_number: u64,
}

/// How to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewTrace {
    /// Announces that are kept, 1 to 10000; absent: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10000))]
    pub keep: Option<u32>,
}

/// Which part of a recording is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct TraceQuery {
    /// Only announces with a higher number. For a stream, absent: those that are kept, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many, 1 to 1000. Not for a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Announces of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TracePage {
    /// In the order in which they were made.
    pub items: Vec<TracedAnnounce>,
    /// What to give as `after` for the next part.
    pub next_after: u64,
    /// How many before this part are kept no more.
    pub lost: u64,
}

/// An announce and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TracedAnnounce {
    /// Its number among those of its subject.
    pub number: u64,
    /// When.
    pub at: u32,
    /// The user; `null` if no user has the passkey, or on a public tracker.
    pub user_id: Option<u32>,
    /// The hash that was announced.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
    /// Where it came from; `null` of a user who hides it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
    /// The port that the client says it listens on; 0 of a user who hides the address.
    pub port: u16,
    /// The client's name for itself; bytes other than printable ASCII as `%` and two hex digits.
    pub peer_id: String,
    /// `none`, `started`, `stopped` or `completed`.
    pub event: String,
    /// The client's own counter in bytes.
    pub uploaded: u64,
    /// The client's own counter in bytes.
    pub downloaded: u64,
    /// Bytes that the client lacks.
    pub left: u64,
    /// Peers that the client wants; `null` if it does not say.
    pub numwant: Option<u32>,
    /// Bytes of upload that it adds to the user's total, as credited.
    pub uploaded_counted: u64,
    /// Bytes of download that it adds to the user's total, as credited.
    pub downloaded_counted: u64,
    /// The same as reported.
    pub uploaded_raw: u64,
    /// The same as reported.
    pub downloaded_raw: u64,
    /// `answered`, or the name of the refusal.
    pub verdict: String,
    /// What the client was told with a refusal or a warning; empty for neither.
    pub told: String,
    /// Peers in the answer.
    pub peers: u32,
    /// Seeders in the answer.
    pub seeders: u32,
    /// Leechers in the answer.
    pub leechers: u32,
    /// Seconds until the next announce, as the answer says.
    pub interval_seconds: u32,
}
