//! The state of the server in JSON.

use serde::{Deserialize, Serialize};

/// The process runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// Version of the server.
    pub version: String,
}

/// Whether the server does all of its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// Whether all checks pass.
    pub ready: bool,
    /// The checks, passed or not.
    pub checks: Vec<Check>,
}

/// One thing that the server needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// `store`, `journal` or `registry`.
    pub name: String,
    /// Whether it is there.
    pub ok: bool,
    /// What is wrong and what follows from it; empty when nothing is.
    pub reason: String,
}

/// What the server holds and has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stats {
    /// Version of the server.
    pub version: String,
    /// `private` or `public`.
    pub mode: String,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Announce URLs; `{passkey}` stands for a user's passkey.
    pub announce_urls: Vec<String>,
    /// Torrents registered, deleted ones included.
    pub torrents: u64,
    /// Torrents with at least one peer.
    pub swarms: u64,
    /// Users registered, deleted ones included.
    pub users: u64,
    /// Peers that have their whole torrent.
    pub seeders: u64,
    /// Peers that lack some of it.
    pub leechers: u64,
    /// Announces answered with peers since the start.
    pub announces: u64,
    /// Scrapes answered since the start.
    pub scrapes: u64,
    /// Announces and scrapes refused since the start.
    pub refused: u64,
    /// Resident memory in bytes; 0 where the system does not tell.
    pub memory_resident_bytes: u64,
    /// Processor time used since the start in milliseconds, of all threads together.
    pub cpu_milliseconds: u64,
    /// What was asked of the server since the start.
    pub requests: RequestStats,
    /// What is on its way to the store.
    pub flush: FlushStats,
}

/// What was asked of the server since the start, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestStats {
    /// What each protocol carried: `http`, `https`, `udp`.
    pub protocols: Vec<ProtocolStats>,
    /// Announces answered with peers, by event: `none`, `started`, `stopped`, `completed`.
    pub events: Vec<NamedCount>,
    /// Announces and scrapes refused, by reason; only reasons that have occurred.
    pub refused: Vec<NamedCount>,
    /// Requests that could not be read, by what was wrong; only what has occurred.
    pub malformed: Vec<NamedCount>,
}

/// What one protocol carried since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolStats {
    /// `http`, `https` or `udp`.
    pub name: String,
    /// Announces answered with peers.
    pub announces: u64,
    /// Those of them that came from an IPv6 address.
    pub announces_v6: u64,
    /// Scrapes answered.
    pub scrapes: u64,
    /// Bytes received; TLS as plain text.
    pub received_bytes: u64,
    /// Bytes sent; TLS as plain text.
    pub sent_bytes: u64,
}

/// How often something has happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedCount {
    /// What, as in the labels of the metrics.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// What is on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlushStats {
    /// Whether the store took the last batch.
    pub store_available: bool,
    /// Whether the journal took the last batch.
    pub journal_writable: bool,
    /// Rows that wait for the next batch.
    pub pending_rows: u64,
    /// Number of the last batch written to the journal.
    pub last_batch_number: u64,
    /// Number of the last batch that the store has.
    pub applied_batch_number: u64,
    /// Seconds since the oldest batch that the store lacks; 0 if it has all.
    pub lag_seconds: u64,
    /// Size of the journal in bytes.
    pub journal_bytes: u64,
    /// Rows that the store refused for good.
    pub dead_letters: u64,
    /// Attempts to apply a batch that failed.
    pub failures: u64,
    /// Time of the last snapshot of the peers, `null` if there is none.
    pub snapshot_at: Option<u64>,
    /// Size of that snapshot in bytes.
    pub snapshot_bytes: u64,
}

/// A key of the configuration that has another value than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyChange {
    /// The whole name, such as `tracker.interval_seconds`.
    pub key: String,
    /// The value before, as TOML; redacted if it is a secret.
    pub from: String,
    /// The value now, as TOML; redacted if it is a secret.
    pub to: String,
}

/// What a reload of the configuration did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigChange {
    /// Keys that changed and are in force.
    pub applied: Vec<KeyChange>,
    /// Keys that changed and count after a restart.
    pub needs_restart: Vec<KeyChange>,
}

/// What a flush at once did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Flushed {
    /// Number of the last batch that the store has.
    pub applied_batch_number: u64,
}
