//! One client on one torrent, as it really is.

use mika_protocol::PeerId;

use super::looks::Look;
use crate::cheats::mask::{Counters, Mask, Told};

/// Number of a session.
pub type SessionId = u32;

/// One client on one torrent.
#[derive(Debug, Clone)]
pub struct Session {
    /// Number of the user.
    pub user: u32,
    /// Number of the torrent.
    pub torrent: u32,
    /// Number of the user's network; the current one if the user moves.
    pub network: u8,
    /// The program.
    pub look: Look,
    /// Its name.
    pub peer_id: PeerId,
    /// Where it listens.
    pub port: u16,
    /// What it has really moved, and lacks.
    pub real: Counters,
    /// Bytes that failed their check.
    pub corrupt: u64,
    /// Bytes that it still wants.
    pub wants: u64,
    /// Of the torrent.
    pub size: u64,
    /// Share of received bytes that are thrown away: bad ones, and those received twice.
    pub waste: (f64, f64),
    /// It runs.
    pub alive: bool,
    /// The tracker knows it.
    pub known: bool,
    /// When it announces next.
    pub next_seconds: u32,
    /// When it leaves; of one that has what it wants.
    pub seeds_until_seconds: u32,
    /// Whom it may download from.
    pub sources: Vec<SessionId>,
    /// What the tracker said last.
    pub told: Told,
    /// When it said so.
    pub told_seconds: u32,
    /// What it said last.
    pub shown: Counters,
    /// Its true counters at that time.
    pub was: Counters,
    /// It does not know the size yet.
    pub is_magnet: bool,
    /// A proxy's memory, if there is one.
    pub mask: Option<Mask>,
    /// Its number in its user's program that makes it up.
    pub fake: Option<usize>,
    /// It leeches in vain and is in the list of leechers.
    pub leeching: bool,
}

impl Session {
    /// Of a torrent, the share that it has.
    pub fn has(&self) -> f64 {
        1.0 - self.real.left as f64 / self.size.max(1) as f64
    }

    /// What it keeps over a restart.
    pub fn kept(&self) -> Kept {
        Kept {
            torrent: self.torrent,
            left: self.real.left,
            wants: self.wants,
            seeds_until_seconds: self.seeds_until_seconds,
            waste: self.waste,
            network: self.network,
            look: self.look,
        }
    }
}

/// What a client knows of a torrent when it is started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// Number of the torrent.
    pub torrent: u32,
    /// Bytes that it lacks.
    pub left: u64,
    /// Bytes that it wants.
    pub wants: u64,
    /// When it leaves; 0 if it does not know yet.
    pub seeds_until_seconds: u32,
    /// Share of received bytes that are thrown away: bad ones, and those received twice.
    pub waste: (f64, f64),
    /// Number of the user's network.
    pub network: u8,
    /// The program.
    pub look: Look,
}
