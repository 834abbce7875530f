//! What detection is told of one announce.

use serde::{Deserialize, Serialize};

/// Facts about an observation, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Signs(u16);

impl Signs {
    /// The session was not known: its first report.
    pub const FIRST: Signs = Signs(1);
    /// The client said `started`.
    pub const STARTED: Signs = Signs(1 << 1);
    /// The client said `stopped`.
    pub const STOPPED: Signs = Signs(1 << 2);
    /// The client said `completed`.
    pub const COMPLETED: Signs = Signs(1 << 3);
    /// `left` came to 0, and it was counted.
    pub const FINISHED: Signs = Signs(1 << 4);
    /// The session ended without a word: it timed out, or another one took its endpoint.
    pub const VANISHED: Signs = Signs(1 << 5);
    /// A counter went back: the client was restarted.
    pub const RESTARTED: Signs = Signs(1 << 6);
    /// The session was restored after a restart of the tracker: its deltas are not known.
    pub const RESTORED: Signs = Signs(1 << 7);
    /// The announce came over IPv6.
    pub const V6: Signs = Signs(1 << 8);
    /// The session has endpoints of both families.
    pub const DUAL_STACK: Signs = Signs(1 << 9);
    /// A partial seed (BEP 21), which wants no more data.
    pub const PAUSED: Signs = Signs(1 << 10);
    /// The announce was refused, though its report counts.
    pub const REFUSED: Signs = Signs(1 << 11);
    /// The reply had counts of an experiment instead of the real ones.
    pub const TESTED: Signs = Signs(1 << 12);

    /// Whether all of some signs are there.
    pub fn has(self, signs: Signs) -> bool {
        self.0 & signs.0 == signs.0
    }

    /// The same with some signs more, if `on`.
    #[must_use]
    pub fn with(self, signs: Signs, on: bool) -> Signs {
        if on { Signs(self.0 | signs.0) } else { self }
    }
}

/// One announce, or the silent end of a session, as detection sees it: 96 bytes, so that making
/// one costs an announce about as much as writing two cache lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observation {
    /// Unix time in seconds; of a session that vanished, of its last announce.
    pub at_seconds: u32,
    /// The store's id.
    pub user_id: u32,
    /// The store's id.
    pub torrent_id: u32,
    /// Seconds since the last accepted announce of the session; 0 if there was none.
    pub gap_seconds: u32,
    /// The session within its torrent; the same on all torrents of a client that has one name.
    pub session: u64,
    /// Raw bytes uploaded since the last report.
    pub uploaded_bytes: u64,
    /// Raw bytes downloaded since the last report.
    pub downloaded_bytes: u64,
    /// Bytes that the client has discarded since its session began.
    pub corrupt_bytes: u64,
    /// Bytes lacked as of the last report; [`Observation::LEFT_UNKNOWN`] if there is none.
    pub left_before_bytes: u64,
    /// Bytes lacked now; [`Observation::LEFT_UNKNOWN`] of a client that does not know.
    pub left_bytes: u64,
    /// The first bytes of the peer id, which name client and version.
    pub client: [u8; 8],
    /// Keyed hash of the network: /24 of IPv4, /48 of IPv6.
    pub network: u32,
    /// Where the client is, in a first report; unknown if nobody has told places.
    pub place: u32,
    /// Seeders that the reply told, 65,535 at most.
    pub seeders: u16,
    /// Leechers that the reply told, 65,535 at most.
    pub leechers: u16,
    /// The client's `User-Agent`, see [`agent_id`](super::fingerprint::agent_id); told in first
    /// reports only, 0 if unknown.
    pub agent: u32,
    /// How the request is written, see [`Shape`](mika_protocol::http::Shape); 0 if nobody looked.
    pub shape: u32,
    /// Peers in the reply.
    pub peers_given: u16,
    /// Facts.
    pub signs: Signs,
}

const _: () = assert!(size_of::<Observation>() <= 96);

impl Observation {
    /// `left` that nobody knows.
    pub const LEFT_UNKNOWN: u64 = u64::MAX;

    /// `left` as a row or a request has it, where the largest value means that nobody knows.
    pub(crate) fn known_left(left_bytes: u64) -> u64 {
        let unknown = left_bytes >= crate::packed::U48::MAX;
        if unknown { Self::LEFT_UNKNOWN } else { left_bytes }
    }

    /// Whether the session lacked something during the time that the observation is about.
    pub fn leeched(&self) -> bool {
        self.left_bytes > 0
            || (self.left_before_bytes > 0 && self.left_before_bytes != Self::LEFT_UNKNOWN)
    }

    /// Bytes by which `left` shrank, as far as it is known.
    pub fn progress_bytes(&self) -> u64 {
        let known = |left: u64| (left != Self::LEFT_UNKNOWN).then_some(left);
        match (known(self.left_before_bytes), known(self.left_bytes)) {
            (Some(before), Some(now)) => before.saturating_sub(now),
            _ => 0,
        }
    }

    /// Whether anything was moved.
    pub fn moved(&self) -> bool {
        self.uploaded_bytes > 0 || self.downloaded_bytes > 0
    }
}
