//! The rows of a private swarm: one session of a user's client on a torrent.

use mika_protocol::PeerId;

use super::{Kind, Peer, Row};
use crate::address::{Endpoint4, Endpoint6};
use crate::hash::{HashKey, spread};
use crate::packed::{U24, U48, U56};

/// 2020-01-01: `started` counts minutes from here, which lasts until 2051.
pub(crate) const STARTED_EPOCH_SECONDS: u32 = 1_577_836_800;

/// A private tracker's swarms.
#[derive(Debug)]
pub(crate) enum Private {}

impl Kind for Private {
    type Main = Session;
    type V6 = SessionV6;
    type PeerId = SessionPeerId;
}

/// What names a session within its torrent; packed, because rows of the side tables hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed)]
pub(crate) struct SessionId {
    /// The user's index in memory.
    pub(crate) user: u32,
    /// [`HashKey::session`] of user id and peer id.
    pub(crate) key: u64,
}

impl SessionId {
    /// The hash is the user's alone, so that one probe finds all sessions of a user.
    fn hash(&self) -> u64 {
        spread(u64::from(self.user))
    }
}

/// Facts about a session, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const LOCAL_V4: Flags = Flags(1);
    pub(crate) const PAUSED: Flags = Flags(2);
    /// Its completion was counted.
    pub(crate) const SNATCHED: Flags = Flags(4);
    /// Restored, and its counters may be older than the totals: the next announce only sets them.
    pub(crate) const STALE: Flags = Flags(8);
    /// Over the download slots: counted and handed out to nobody, until one is free.
    pub(crate) const HIDDEN: Flags = Flags(16);
    /// Its last announce came over IPv6.
    pub(crate) const LAST_V6: Flags = Flags(32);

    pub(crate) fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: Flags, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}

/// One session: 46 bytes, without padding.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Session {
    // What a selection looks at comes first: most rows lie across two cache lines.
    user: [u8; 4],
    last: [u8; 4],
    /// Zeros if the session has no IPv4 endpoint.
    pub(crate) v4: Endpoint4,
    pub(crate) flags: Flags,
    key: [u8; 8],
    pub(crate) uploaded: U56,
    pub(crate) downloaded: U56,
    pub(crate) left: U48,
    started: U24,
}

const _: () = assert!(size_of::<Session>() == 46);

impl Session {
    pub(crate) fn new(id: SessionId, started_at_seconds: u32) -> Self {
        let minutes = started_at_seconds.saturating_sub(STARTED_EPOCH_SECONDS) / 60;
        Self {
            key: id.key.to_le_bytes(),
            user: id.user.to_le_bytes(),
            last: [0; 4],
            v4: [0; 6],
            uploaded: U56::default(),
            downloaded: U56::default(),
            left: U48::default(),
            started: U24::new(u64::from(minutes)),
            flags: Flags::default(),
        }
    }

    pub(crate) fn last_seconds(&self) -> u32 {
        u32::from_le_bytes(self.last)
    }

    pub(crate) fn set_last_seconds(&mut self, seconds: u32) {
        self.last = seconds.to_le_bytes();
    }

    /// To the minute.
    pub(crate) fn started_seconds(&self) -> u32 {
        let minutes = u32::try_from(self.started.get()).unwrap_or(0);
        STARTED_EPOCH_SECONDS.saturating_add(minutes.saturating_mul(60))
    }

    pub(crate) fn has_v4(&self) -> bool {
        self.v4 != [0; 6]
    }

    pub(crate) fn drop_v4(&mut self) {
        self.v4 = [0; 6];
        self.flags.set(Flags::LOCAL_V4, false);
    }
}

impl Row for Session {
    type Id = SessionId;

    fn id(&self) -> SessionId {
        SessionId { user: self.user(), key: u64::from_le_bytes(self.key) }
    }

    fn is(&self, id: &SessionId) -> bool {
        u64::from_le_bytes(self.key) == id.key && self.user() == id.user
    }

    fn hash(id: &SessionId, _: &HashKey) -> u64 {
        id.hash()
    }
}

impl Peer for Session {
    fn user(&self) -> u32 {
        u32::from_le_bytes(self.user)
    }

    fn is_paused(&self) -> bool {
        self.flags.has(Flags::PAUSED)
    }

    fn is_local(&self) -> bool {
        self.flags.has(Flags::LOCAL_V4)
    }

    fn age_seconds(&self, now_seconds: u32) -> u32 {
        now_seconds.saturating_sub(self.last_seconds())
    }

    fn has_endpoint(&self) -> bool {
        self.has_v4()
    }
}

/// The IPv6 endpoint of a session, and what it costs a session to have both: 40 bytes.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed)]
pub(crate) struct SessionV6 {
    key: [u8; 8],
    user: u32,
    pub(crate) last_seconds: u32,
    /// The last announce over IPv4, for the row of the session has one time only; 0 if the
    /// session has no IPv4 endpoint.
    pub(crate) v4_last_seconds: u32,
    pub(crate) endpoint: Endpoint6,
    pub(crate) local: bool,
    pub(crate) paused: bool,
}

const _: () = assert!(size_of::<SessionV6>() == 40);

impl SessionV6 {
    /// An endpoint that was announced at `last_seconds`.
    pub(crate) fn new(id: SessionId, endpoint: Endpoint6, local: bool, last_seconds: u32) -> Self {
        let (key, user) = (id.key.to_le_bytes(), id.user);
        Self { key, user, last_seconds, v4_last_seconds: 0, endpoint, local, paused: false }
    }

    /// Whether the session's IPv4 endpoint was not announced for so long, while this one was.
    pub(crate) fn v4_is_silent(&self, now_seconds: u32, timeout_seconds: u32) -> bool {
        let silent_seconds = now_seconds.saturating_sub(self.v4_last_seconds);
        self.v4_last_seconds != 0 && silent_seconds > timeout_seconds
    }
}

impl Row for SessionV6 {
    type Id = SessionId;

    fn id(&self) -> SessionId {
        SessionId { user: self.user, key: u64::from_le_bytes(self.key) }
    }

    fn is(&self, id: &SessionId) -> bool {
        u64::from_le_bytes(self.key) == id.key && self.user == id.user
    }

    fn hash(id: &SessionId, _: &HashKey) -> u64 {
        id.hash()
    }
}

impl Peer for SessionV6 {
    fn user(&self) -> u32 {
        self.user
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    fn is_local(&self) -> bool {
        self.local
    }

    fn age_seconds(&self, now_seconds: u32) -> u32 {
        now_seconds.saturating_sub(self.last_seconds)
    }

    fn has_endpoint(&self) -> bool {
        true
    }
}

/// The full peer id of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionPeerId {
    pub(crate) id: SessionId,
    pub(crate) peer_id: PeerId,
}

const _: () = assert!(size_of::<SessionPeerId>() == 32);

impl Row for SessionPeerId {
    type Id = SessionId;

    fn id(&self) -> SessionId {
        self.id
    }

    fn is(&self, id: &SessionId) -> bool {
        let own = self.id;
        own == *id
    }

    fn hash(id: &SessionId, _: &HashKey) -> u64 {
        id.hash()
    }
}
