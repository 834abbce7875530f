//! What the announces of one flush interval add up to: the unit that is journalled and stored.
//!
//! Rows carry *deltas* for everything that is summed (the store adds them) and *absolutes* for
//! everything that has one current value (the store overwrites). All rows of one key are folded
//! into one, so that N announces of a session between two flushes make one row. Rows are sorted
//! by their key: two writers that lock rows in one order cannot deadlock.

mod agent;

use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};

use mika_protocol::{InfoHash, PeerId};
use serde::{Deserialize, Serialize};

pub use agent::Agent;

/// Bytes moved, as reported (`raw`) and as counted for the ratio (`credited`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes uploaded as the client reported them.
    pub uploaded_raw: u64,
    /// Bytes downloaded as the client reported them.
    pub downloaded_raw: u64,
    /// Bytes uploaded after all multipliers.
    pub uploaded_credited: u64,
    /// Bytes downloaded after all multipliers.
    pub downloaded_credited: u64,
}

impl Traffic {
    /// Adds another delta, saturating.
    pub fn add(&mut self, other: Traffic) {
        self.uploaded_raw = self.uploaded_raw.saturating_add(other.uploaded_raw);
        self.downloaded_raw = self.downloaded_raw.saturating_add(other.downloaded_raw);
        self.uploaded_credited = self.uploaded_credited.saturating_add(other.uploaded_credited);
        self.downloaded_credited =
            self.downloaded_credited.saturating_add(other.downloaded_credited);
    }

    /// Whether nothing moved.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// What one user's announces add to the user's totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// The store's id of the user.
    pub user_id: u32,
    /// Deltas to add.
    pub traffic: Traffic,
    /// Seconds of seeding to add, summed over the user's torrents.
    pub seed_seconds: u64,
    /// Downloads finished, to add.
    pub snatches: u32,
    /// Unix time of the last announce, in seconds.
    pub announced_at_seconds: u32,
}

/// What all announces of one torrent add to its totals, and its swarm as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TorrentRow {
    /// The store's id of the torrent.
    pub torrent_id: u32,
    /// Deltas to add.
    pub traffic: Traffic,
    /// Bytes that clients discarded (`corrupt`), to add.
    pub corrupt_bytes: u64,
    /// Downloads finished, to add.
    pub snatches: u32,
    /// Seeders now (absolute).
    pub seeders: u32,
    /// Leechers now, partial seeds included (absolute).
    pub leechers: u32,
    /// Unix time of the last announce, in seconds.
    pub announced_at_seconds: u32,
}

/// What one user's announces on one torrent add to their common history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The store's id of the user.
    pub user_id: u32,
    /// The store's id of the torrent.
    pub torrent_id: u32,
    /// Deltas to add.
    pub traffic: Traffic,
    /// Seconds of seeding to add.
    pub seed_seconds: u64,
    /// Downloads finished, to add.
    pub snatches: u32,
    /// Bytes that the user still lacks (absolute, from the last announce).
    pub left_bytes: u64,
    /// Whether the user has a live session on the torrent (absolute).
    pub active: bool,
    /// Unix time of the last announce, in seconds.
    pub announced_at_seconds: u32,
    /// Unix time of the first announce within this batch, in seconds.
    pub first_announced_at_seconds: u32,
    /// The client's own counter in the user's latest report (absolute).
    pub uploaded_client_bytes: u64,
    /// The client's own counter in the user's latest report (absolute).
    pub downloaded_client_bytes: u64,
    /// Whether nothing was left in the user's latest report.
    pub seeder: bool,
    /// Unix time of the first completion within this batch, in seconds.
    pub completed_at_seconds: Option<u32>,
    /// Whether hit-and-run rules spare the user.
    pub immune: bool,
    /// Bytes that the clients discarded (`corrupt`), to add.
    pub corrupt_bytes: u64,
    /// Announces, to add.
    pub announces: u32,
    /// The client of the user's latest report; empty if it did not say, or none reported.
    pub agent: Agent,
}

/// One session as of its last announce: everything needed to restore it, absolutes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The store's id of the torrent.
    pub torrent_id: u32,
    /// The torrent's primary info-hash.
    pub info_hash: InfoHash,
    /// The store's id of the user.
    pub user_id: u32,
    /// Keyed hash of user and peer id: the session's identity in memory.
    pub key: u64,
    /// The client's name for itself; not known of a session that expired, unless peer ids are
    /// kept.
    pub peer_id: Option<PeerId>,
    /// The IPv4 endpoint, if the session has announced over IPv4.
    pub address_v4: Option<SocketAddrV4>,
    /// The IPv6 endpoint, if the session has announced over IPv6.
    pub address_v6: Option<SocketAddrV6>,
    /// The client's own counters since its session began.
    pub uploaded_bytes: u64,
    /// The client's own counters since its session began.
    pub downloaded_bytes: u64,
    /// Bytes that the client lacks.
    pub left_bytes: u64,
    /// A partial seed (BEP 21).
    pub paused: bool,
    /// Its completion was counted.
    pub snatched: bool,
    /// Its counters may be older than the totals in the store.
    pub stale: bool,
    /// Unix time of the first announce, in seconds.
    pub started_at_seconds: u32,
    /// Unix time of the last announce, in seconds.
    pub announced_at_seconds: u32,
    /// The session has ended: stopped or expired.
    pub gone: bool,
    /// The client's program; empty if it did not say, and of a session that did not announce
    /// since the last batch.
    pub agent: Agent,
    /// Handed out to others, and counted.
    pub visible: bool,
    /// The two addresses are for a restart only: see [`SessionRow::written_addresses`].
    pub address_hidden: bool,
    /// Bytes uploaded that this batch adds, as the client reported them.
    pub uploaded_delta_bytes: u64,
    /// Bytes downloaded that this batch adds, as the client reported them.
    pub downloaded_delta_bytes: u64,
    /// Bytes that the client discarded since its session began; 0 unless the site asks for it.
    pub corrupt_bytes: u64,
    /// Seconds in which the two deltas came about, for speeds; 0 if that is not known.
    pub speed_seconds: u32,
    /// Announces that this batch adds.
    pub announces: u32,
}

impl SessionRow {
    /// A session that others are sent to, which lacks nothing, and which nothing more is known of:
    /// no name of its client, no endpoint, all counters and times 0.
    pub const fn new(torrent_id: u32, info_hash: InfoHash, user_id: u32, key: u64) -> Self {
        Self {
            torrent_id,
            info_hash,
            user_id,
            key,
            peer_id: None,
            address_v4: None,
            address_v6: None,
            uploaded_bytes: 0,
            downloaded_bytes: 0,
            left_bytes: 0,
            paused: false,
            snatched: false,
            stale: false,
            started_at_seconds: 0,
            announced_at_seconds: 0,
            gone: false,
            agent: Agent::NONE,
            visible: true,
            address_hidden: false,
            uploaded_delta_bytes: 0,
            downloaded_delta_bytes: 0,
            corrupt_bytes: 0,
            speed_seconds: 0,
            announces: 0,
        }
    }

    /// The addresses that a store may write: none of a user who hides them.
    pub fn written_addresses(&self) -> (Option<SocketAddrV4>, Option<SocketAddrV6>) {
        if self.address_hidden { (None, None) } else { (self.address_v4, self.address_v6) }
    }
}

/// A torrent that was added because somebody announced it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredRow {
    /// Id chosen by the tracker, from [`RegisteredRow::FIRST_ID`] up.
    pub torrent_id: u32,
    /// The hash of its first announce.
    pub info_hash: InfoHash,
    /// Unix time of its first announce, in seconds.
    pub registered_at_seconds: u32,
}

impl RegisteredRow {
    /// Ids below are the store's to choose, so that the two never meet.
    pub const FIRST_ID: u32 = 1 << 31;
}

/// A download that finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnatchRow {
    /// The store's id of the user.
    pub user_id: u32,
    /// The store's id of the torrent.
    pub torrent_id: u32,
    /// Unix time of the announce that told it, in seconds.
    pub snatched_at_seconds: u32,
    /// Where that announce came from; `None` of a user whose address is not to be written.
    pub address: Option<IpAddr>,
}

/// What a user's token on a torrent covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUseRow {
    /// The store's id of the user.
    pub user_id: u32,
    /// The store's id of the torrent.
    pub torrent_id: u32,
    /// Bytes downloaded while the token held, as reported, to add.
    pub downloaded_raw: u64,
    /// The download has finished: the token has done its work.
    pub finished: bool,
}

/// An announce of a known user for a torrent that is unknown, or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnregisteredRow {
    /// The store's id of the user.
    pub user_id: u32,
    /// What was announced.
    pub info_hash: InfoHash,
    /// Unix time of the last such announce, in seconds.
    pub announced_at_seconds: u32,
}

impl UnregisteredRow {
    /// Rows of one batch at most; further ones are counted, and dropped.
    pub const ROWS_MAX: usize = 10_000;
}

/// Credit for upload that is withheld from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithheldRow {
    /// The store's id of the user.
    pub user_id: u32,
    /// Bytes withheld after the batch (absolute); 0 once they are given or discarded.
    pub uploaded_bytes: u64,
}

/// Everything that one flush interval changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Batch {
    /// Position in the sequence of batches, from 1; a store applies each number once.
    pub number: u64,
    /// Unix time at which the batch was drained, in seconds.
    pub drained_at_seconds: u32,
    /// One row per user, sorted by `user_id`.
    pub users: Vec<UserRow>,
    /// One row per torrent, sorted by `torrent_id`.
    pub torrents: Vec<TorrentRow>,
    /// One row per user and torrent, sorted by `(user_id, torrent_id)`.
    pub history: Vec<HistoryRow>,
    /// One row per session, sorted by `(torrent_id, user_id, key)`.
    pub sessions: Vec<SessionRow>,
    /// Torrents that the tracker registered itself, sorted by `torrent_id`; the store adds them
    /// before anything else of the batch.
    pub registered: Vec<RegisteredRow>,
    /// One row per download that finished, sorted by `(user_id, torrent_id)` and time.
    pub snatches: Vec<SnatchRow>,
    /// One row per user and torrent, sorted by `(user_id, torrent_id)`.
    pub token_uses: Vec<TokenUseRow>,
    /// One row per user and info-hash, sorted so; empty unless the site asks for them.
    pub unregistered: Vec<UnregisteredRow>,
    /// One row per user from whom more is withheld than before, or nothing any more, sorted by
    /// `user_id`. It is for a restart: stores need not write it. Comes last, for batches of older
    /// versions end before it.
    #[serde(default)]
    pub withheld: Vec<WithheldRow>,
}

impl Batch {
    /// Whether the batch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Rows of all kinds.
    pub fn rows(&self) -> usize {
        self.users.len()
            + self.torrents.len()
            + self.history.len()
            + self.sessions.len()
            + self.registered.len()
            + self.snatches.len()
            + self.token_uses.len()
            + self.unregistered.len()
            + self.withheld.len()
    }
}
