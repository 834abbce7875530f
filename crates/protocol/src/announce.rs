//! What a client asks in an announce, whatever carried it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::ids::{InfoHash, Passkey, PeerId};

/// The largest `uploaded`, `downloaded` or `left` that is believed: 2^50 bytes (1 PiB).
pub const COUNTER_MAX_BYTES: u64 = 1 << 50;

/// The `left` of a client that does not know the torrent's size yet (a magnet link).
///
/// Clients say so with `-1`, `2^63 - 1` or `2^64 - 1`; all three become this value. It equals
/// [`COUNTER_MAX_BYTES`], so that `left` never exceeds the limit whatever the client sent, and a
/// client that does not know its size counts as a leecher.
pub const LEFT_UNKNOWN_BYTES: u64 = COUNTER_MAX_BYTES;

/// The `event` of an announce (BEP 3).
///
/// `completed` is a hint at best: completion is judged by `left` reaching 0. Unknown values, and
/// `paused` (BEP 21), are [`Event::None`]; `paused` also sets [`AnnounceRequest::paused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Event {
    /// A regular announce.
    #[default]
    None,
    /// The first announce of a client's session on this torrent.
    Started,
    /// The client has stopped transferring this torrent.
    Stopped,
    /// The client says that its download has just finished.
    Completed,
}

/// One announce, decoded from HTTP (BEP 3) or UDP (BEP 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnounceRequest {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The client's name for itself.
    pub peer_id: PeerId,
    /// The passkey of the URL, if it carries one.
    pub passkey: Option<Passkey>,
    /// TCP/UDP port that the client listens on; 0 only makes sense with [`Event::Stopped`], which
    /// is for the admission of the announce to judge.
    pub port: u16,
    /// Bytes uploaded since the client's session began.
    pub uploaded: u64,
    /// Bytes downloaded since the client's session began.
    pub downloaded: u64,
    /// Bytes that the client still lacks; 0 for a seeder, [`LEFT_UNKNOWN_BYTES`] when the client
    /// does not know.
    pub left: u64,
    /// Bytes that the client received and discarded since its session began; 0 if it does not say
    /// (over UDP it cannot).
    pub corrupt: u64,
    /// What happened, as far as the client tells.
    pub event: Event,
    /// `event=paused`: a partial seed, which wants no more data (BEP 21).
    pub paused: bool,
    /// How many peers the client wants; `None` when absent or negative (the tracker's default).
    pub numwant: Option<u32>,
    /// Compact peer lists (BEP 23); only `compact=0` asks for dictionaries.
    pub compact: bool,
    /// The client says which of the two it wants; always over UDP, which has one only.
    pub compact_given: bool,
    /// Dictionaries may leave out the peer id.
    pub no_peer_id: bool,
    /// The address in `ip=` or `ipv4=`, or BEP 15's IP field: used only if the operator allows.
    pub claimed_v4: Option<Ipv4Addr>,
    /// The address in `ip=` or `ipv6=`: used only if the operator allows it.
    pub claimed_v6: Option<Ipv6Addr>,
}

/// A parameter that every announce must carry (BEP 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `info_hash`
    InfoHash,
    /// `peer_id`
    PeerId,
    /// `port`
    Port,
    /// `uploaded`
    Uploaded,
    /// `downloaded`
    Downloaded,
    /// `left`
    Left,
}

impl Parameter {
    /// The parameter's name in a query.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InfoHash => "info_hash",
            Self::PeerId => "peer_id",
            Self::Port => "port",
            Self::Uploaded => "uploaded",
            Self::Downloaded => "downloaded",
            Self::Left => "left",
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an announce could not be decoded; the text is meant for the client's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnnounceError {
    /// A required parameter is absent.
    #[error("{0} is missing: add this address to a BitTorrent client as a tracker")]
    Missing(Parameter),
    /// `info_hash` is not 20 bytes.
    #[error("info_hash is not 20 bytes: remove the torrent and add it again")]
    InfoHashLength,
    /// `info_hash` is in hex digits.
    #[error("info_hash is in hex digits: send its 20 bytes, percent-encoded")]
    InfoHashHex,
    /// `peer_id` is not 20 bytes.
    #[error("peer_id is not 20 bytes: update the client")]
    PeerIdLength,
    /// `port` is not a number from 0 to 65535.
    #[error("port is not a number from 1 to 65535: set the client's listening port")]
    Port,
    /// A byte counter is not a decimal number.
    #[error("{0} is not a decimal number of bytes: update the client")]
    Counter(Parameter),
    /// A byte counter is over [`COUNTER_MAX_BYTES`].
    #[error("{0} is over 2^50 bytes: restart the client to reset its counters")]
    CounterTooLarge(Parameter),
    /// The URL's passkey is not 1 to 64 bytes of `A-Z a-z 0-9 _ -`.
    #[error("invalid passkey: download the torrent file again")]
    Passkey,
}
