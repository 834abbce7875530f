//! Why an announce or a scrape is refused: one enum, and for each reason a text, a metric and
//! how long the client should wait.

use serde::{Deserialize, Serialize};

/// Number of an interned text, told to clients of a deleted or disabled torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReasonId(pub(crate) u16);

/// Why a request is refused. The order is that of the checks, see [`crate::admission`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The URL carries no passkey, on a private tracker.
    PasskeyMissing,
    /// No user has this passkey.
    PasskeyUnknown,
    /// The user was deleted.
    UserDeleted,
    /// The client's peer id is blacklisted, or not on the whitelist.
    ClientNotAllowed,
    /// The port is one that no client listens on.
    PortNotAllowed,
    /// A counter is larger than any client can have moved (2^50 bytes).
    CounterTooLarge,
    /// No torrent has this info-hash.
    TorrentUnknown,
    /// The torrent was deleted; the reason is told.
    TorrentDeleted(ReasonId),
    /// The torrent is disabled for now; the reason is told.
    TorrentDisabled(ReasonId),
    /// The user may not download.
    DownloadDisabled,
    /// The user's role may not download.
    RoleDownloadDisabled,
    /// The user's role may not upload.
    RoleUploadDisabled,
    /// The user has as many sessions on this torrent as are allowed.
    TooManySessions,
    /// The user leeches as many torrents as the role allows.
    NoDownloadSlot,
    /// The tracker holds as many torrents as its limit allows.
    TorrentLimit,
    /// The tracker holds as many peers as its limit allows.
    PeerLimit,
}

/// How long a refused client should wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It may work soon: a torrent that may just have been uploaded, a slot that may free up.
    Short,
    /// It works only after somebody changes something.
    Long,
    /// It will never work.
    Never,
}

impl Refusal {
    /// Every reason once, in the order of [`Refusal::index`].
    pub const ALL: [Refusal; 16] = [
        Refusal::PasskeyMissing,
        Refusal::PasskeyUnknown,
        Refusal::UserDeleted,
        Refusal::ClientNotAllowed,
        Refusal::PortNotAllowed,
        Refusal::CounterTooLarge,
        Refusal::TorrentUnknown,
        Refusal::TorrentDeleted(ReasonId(0)),
        Refusal::TorrentDisabled(ReasonId(0)),
        Refusal::DownloadDisabled,
        Refusal::RoleDownloadDisabled,
        Refusal::RoleUploadDisabled,
        Refusal::TooManySessions,
        Refusal::NoDownloadSlot,
        Refusal::TorrentLimit,
        Refusal::PeerLimit,
    ];

    /// Position in [`Refusal::ALL`], for arrays of counters.
    pub fn index(self) -> usize {
        match self {
            Self::PasskeyMissing => 0,
            Self::PasskeyUnknown => 1,
            Self::UserDeleted => 2,
            Self::ClientNotAllowed => 3,
            Self::PortNotAllowed => 4,
            Self::CounterTooLarge => 5,
            Self::TorrentUnknown => 6,
            Self::TorrentDeleted(_) => 7,
            Self::TorrentDisabled(_) => 8,
            Self::DownloadDisabled => 9,
            Self::RoleDownloadDisabled => 10,
            Self::RoleUploadDisabled => 11,
            Self::TooManySessions => 12,
            Self::NoDownloadSlot => 13,
            Self::TorrentLimit => 14,
            Self::PeerLimit => 15,
        }
    }

    /// Name of the metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasskeyMissing => "passkey_missing",
            Self::PasskeyUnknown => "passkey_unknown",
            Self::UserDeleted => "user_deleted",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::PortNotAllowed => "port_not_allowed",
            Self::CounterTooLarge => "counter_too_large",
            Self::TorrentUnknown => "torrent_unknown",
            Self::TorrentDeleted(_) => "torrent_deleted",
            Self::TorrentDisabled(_) => "torrent_disabled",
            Self::DownloadDisabled => "download_disabled",
            Self::RoleDownloadDisabled => "role_download_disabled",
            Self::RoleUploadDisabled => "role_upload_disabled",
            Self::TooManySessions => "too_many_sessions",
            Self::NoDownloadSlot => "no_download_slot",
            Self::TorrentLimit => "torrent_limit",
            Self::PeerLimit => "peer_limit",
        }
    }

    /// What the client's user is told; for a deleted or disabled torrent the reason is appended.
    pub fn text(self) -> &'static str {
        match self {
            Self::PasskeyMissing => "passkey missing: download the torrent from the site again",
            Self::PasskeyUnknown => "passkey unknown: download the torrent from the site again",
            Self::UserDeleted => "this account is closed",
            Self::ClientNotAllowed => "this client is not allowed here: see the site's client list",
            Self::PortNotAllowed => "this port is not allowed: choose a higher one",
            Self::CounterTooLarge => "a counter is above 2^50 bytes: restart the client",
            Self::TorrentUnknown => "torrent not registered: upload it to the site first",
            Self::TorrentDeleted(_) => "torrent deleted",
            Self::TorrentDisabled(_) => "torrent disabled",
            Self::DownloadDisabled => "downloading is disabled for this account",
            Self::RoleDownloadDisabled => "downloading is disabled for this account's class",
            Self::RoleUploadDisabled => "uploading is disabled for this account's class",
            Self::TooManySessions => "too many clients on this torrent: stop one of the others",
            Self::NoDownloadSlot => "all download slots are in use: wait for one to finish",
            Self::TorrentLimit => "the tracker is full: try again later",
            Self::PeerLimit => "the tracker is full: try again later",
        }
    }

    /// How long the client should wait before it asks again.
    pub fn wait(self) -> Wait {
        match self {
            Self::TorrentUnknown
            | Self::TorrentDisabled(_)
            | Self::TooManySessions
            | Self::NoDownloadSlot
            | Self::TorrentLimit
            | Self::PeerLimit => Wait::Short,
            Self::PasskeyUnknown
            | Self::PortNotAllowed
            | Self::DownloadDisabled
            | Self::RoleDownloadDisabled
            | Self::RoleUploadDisabled
            | Self::CounterTooLarge => Wait::Long,
            Self::PasskeyMissing
            | Self::UserDeleted
            | Self::ClientNotAllowed
            | Self::TorrentDeleted(_) => Wait::Never,
        }
    }
}
