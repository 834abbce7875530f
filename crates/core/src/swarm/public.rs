//! The rows of a public swarm: a peer is its source address and port, so that nobody can speak
//! for another.

use super::{Kind, Peer, Row};
use crate::hash::HashKey;

/// A public tracker's swarms.
#[derive(Debug)]
pub(crate) enum Public {}

impl Kind for Public {
    type Main = PublicPeer<6>;
    type V6 = PublicPeer<18>;
    type PeerId = NoPeerId;
}

/// The unit of a public peer's age. A byte of it lasts for 4.5 hours, which is why a public
/// tracker's peer timeout is at most [`PUBLIC_TIMEOUT_SECONDS_MAX`].
const AGE_UNIT_SECONDS: u32 = 64;

/// A public peer that is older than this cannot be told from a younger one.
pub(crate) const PUBLIC_TIMEOUT_SECONDS_MAX: u32 = 200 * AGE_UNIT_SECONDS;

/// A peer that announced up to so many units after now is new, not very old: clocks are read
/// before locks are taken, and are set back.
const LAG_UNITS_MAX: u8 = 16;

const LOCAL: u8 = 1;
const PAUSED: u8 = 2;
const SNATCHED: u8 = 4;

/// One address: 8 bytes for IPv4, 20 for IPv6.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublicPeer<const N: usize> {
    pub(crate) endpoint: [u8; N],
    last: u8,
    flags: u8,
}

const _: () = assert!(size_of::<PublicPeer<6>>() == 8);
const _: () = assert!(size_of::<PublicPeer<18>>() == 20);

impl<const N: usize> PublicPeer<N> {
    pub(crate) fn new(endpoint: [u8; N], local: bool) -> Self {
        Self { endpoint, last: 0, flags: if local { LOCAL } else { 0 } }
    }

    /// Takes what an announce says; returns whether the peer was paused, and whether it has
    /// finished just now.
    pub(crate) fn announce(
        &mut self,
        now_seconds: u32,
        paused: bool,
        finished: bool,
    ) -> (bool, bool) {
        let was_paused = self.flags & PAUSED != 0;
        let snatched = finished && self.flags & SNATCHED == 0;
        self.last = unit(now_seconds);
        self.flags = (self.flags & !PAUSED)
            | if paused { PAUSED } else { 0 }
            | if snatched { SNATCHED } else { 0 };
        (was_paused, snatched)
    }
}

/// The low byte of the time in units; the cut is what makes it wrap.
fn unit(now_seconds: u32) -> u8 {
    (now_seconds / AGE_UNIT_SECONDS).to_le_bytes().first().copied().unwrap_or(0)
}

impl<const N: usize> Row for PublicPeer<N> {
    type Id = [u8; N];

    fn id(&self) -> [u8; N] {
        self.endpoint
    }

    fn is(&self, id: &[u8; N]) -> bool {
        self.endpoint == *id
    }

    fn hash(id: &[u8; N], key: &HashKey) -> u64 {
        key.bytes(id)
    }
}

impl<const N: usize> Peer for PublicPeer<N> {
    fn user(&self) -> u32 {
        u32::MAX
    }

    fn is_paused(&self) -> bool {
        self.flags & PAUSED != 0
    }

    fn is_local(&self) -> bool {
        self.flags & LOCAL != 0
    }

    fn age_seconds(&self, now_seconds: u32) -> u32 {
        let units = unit(now_seconds).wrapping_sub(self.last);
        if units > u8::MAX - LAG_UNITS_MAX { 0 } else { u32::from(units) * AGE_UNIT_SECONDS }
    }

    fn has_endpoint(&self) -> bool {
        true
    }
}

/// Public swarms keep no peer ids.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoPeerId {}

impl Row for NoPeerId {
    type Id = ();

    fn id(&self) {}

    fn is(&self, (): &()) -> bool {
        false
    }

    fn hash((): &(), _: &HashKey) -> u64 {
        0
    }
}
