//! How programs look in an announce: names, order of parameters, events.

use mika_core::batch::Agent;
use mika_core::detection::fingerprint::shape_of;
use mika_protocol::{Event, PeerId};

use crate::rng::Rng;
use crate::world::Access;

/// A program, or what another one says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// qBittorrent.
    QBittorrent,
    /// Deluge.
    Deluge,
    /// Transmission.
    Transmission,
    /// rTorrent.
    Rtorrent,
    /// uTorrent 3.5, and what pretends to be.
    Utorrent,
    /// What pretends to be qBittorrent, with parameters in the order of uTorrent.
    FalseQBittorrent,
}

const LIBTORRENT: &str =
    "info_hash peer_id port uploaded downloaded left corrupt key numwant compact no_peer_id";
const TRANSMISSION: &str =
    "info_hash peer_id port uploaded downloaded left numwant key compact supportcrypto";
const TRANSMISSION_CORRUPT: &str =
    "info_hash peer_id port uploaded downloaded left numwant key compact supportcrypto corrupt";
const RTORRENT: &str = "info_hash peer_id key compact port uploaded downloaded left";
const UTORRENT: &str =
    "info_hash peer_id port uploaded downloaded left corrupt key numwant compact no_peer_id";
const FALSE_ORDER: &str =
    "info_hash peer_id port uploaded downloaded left key numwant compact no_peer_id";

impl Look {
    /// What an honest user of some access runs.
    pub fn draw(access: Access, rng: &mut Rng) -> Self {
        let share = rng.unit();
        match access {
            Access::Seedbox if share < 0.40 => Self::QBittorrent,
            Access::Seedbox if share < 0.75 => Self::Rtorrent,
            Access::Seedbox if share < 0.90 => Self::Deluge,
            _ if share < 0.60 => Self::QBittorrent,
            _ if share < 0.85 => Self::Transmission,
            _ if share < 0.92 => Self::Utorrent,
            _ => Self::Deluge,
        }
    }

    fn prefix(self) -> &'static [u8; 8] {
        match self {
            Self::QBittorrent | Self::FalseQBittorrent => b"-qB4520-",
            Self::Deluge => b"-DE2110-",
            Self::Transmission => b"-TR4050-",
            Self::Rtorrent => b"-lt0D80-",
            Self::Utorrent => b"-UT3550-",
        }
    }

    /// Its `User-Agent`.
    pub fn agent(self) -> Agent {
        let name: &[u8] = match self {
            Self::QBittorrent | Self::FalseQBittorrent => b"qBittorrent/4.5.2",
            Self::Deluge => b"Deluge/2.1.1 libtorrent/2.0.9.0",
            Self::Transmission => b"Transmission/4.0.5",
            Self::Rtorrent => b"rtorrent/0.9.8/0.13.8",
            Self::Utorrent => b"uTorrent/355(111850280)(46020)",
        };
        Agent::new(name)
    }

    /// Its parameters in their order; some only say so if anything was `corrupt`.
    pub fn order(self, corrupt: bool) -> &'static str {
        match self {
            Self::QBittorrent | Self::Deluge => LIBTORRENT,
            Self::Transmission if corrupt => TRANSMISSION_CORRUPT,
            Self::Transmission => TRANSMISSION,
            Self::Rtorrent => RTORRENT,
            Self::Utorrent => UTORRENT,
            Self::FalseQBittorrent => FALSE_ORDER,
        }
    }

    /// The number of that order.
    pub fn shape(self, corrupt: bool) -> u32 {
        shape_of(self.order(corrupt).split(' '))
    }

    /// Whether it tells what it has discarded.
    pub fn tells_corrupt(self) -> bool {
        !matches!(self, Self::Rtorrent | Self::FalseQBittorrent)
    }

    /// Whether it counts bytes that failed their check in `corrupt` and nowhere else.
    pub fn tells_corrupt_apart(self) -> bool {
        matches!(self, Self::QBittorrent | Self::Deluge | Self::Utorrent)
    }

    /// Whether it says `paused` once it has all that it wants of a torrent (BEP 21).
    pub fn says_paused(self) -> bool {
        self == Self::Transmission
    }

    /// Whether a new session begins with a farewell to the last one.
    pub fn begins_with_stopped(self) -> bool {
        self == Self::Transmission
    }

    /// Peers that it asks for.
    pub fn numwant(self, event: Event) -> Option<u32> {
        match (self, event) {
            (Self::Rtorrent, _) => None,
            (_, Event::Stopped) => Some(0),
            (Self::Transmission, _) => Some(80),
            _ => Some(200),
        }
    }

    /// A new name.
    pub fn peer_id(self, rng: &mut Rng) -> PeerId {
        let mut name = [0; 20];
        for (at, byte) in name.iter_mut().enumerate() {
            let known = self.prefix().get(at);
            *byte = known.copied().unwrap_or_else(|| b'a' + rng.below(26) as u8);
        }
        PeerId(name)
    }
}
