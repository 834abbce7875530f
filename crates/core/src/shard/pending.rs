//! What has changed in a shard since the last flush: one entry per session, however often it
//! announced.

use mika_protocol::{InfoHash, PeerId};

use super::IntegerMap;
use crate::address::{Endpoint6, socket4, socket6};
use crate::batch::{RegisteredRow, SessionRow, Traffic};
use crate::swarm::Row;
use crate::swarm::session::{Flags, Session};

/// Changes that wait for a flush.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By torrent slot and session key.
    pub(crate) sessions: IntegerMap<(u32, u64), PendingSession>,
    /// Slots of torrents whose counts changed, each once.
    pub(crate) torrents: Vec<u32>,
    /// Torrent ids of downloads finished in a public swarm.
    pub(crate) public_snatches: Vec<u32>,
    pub(crate) registered: Vec<RegisteredRow>,
}

/// One session's changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PendingSession {
    pub(crate) torrent_id: u32,
    pub(crate) info_hash: InfoHash,
    pub(crate) user_id: u32,
    pub(crate) peer_id: Option<PeerId>,
    pub(crate) row: Session,
    pub(crate) v6: Option<Endpoint6>,
    pub(crate) gone: bool,
    /// The user has a live session on the torrent; of one that is gone, known at the cut.
    pub(crate) user_active: bool,
    pub(crate) traffic: Traffic,
    pub(crate) seed_seconds: u64,
    pub(crate) snatches: u32,
}

impl PendingSession {
    /// Adds what a later announce of the same session changed.
    fn absorb(&mut self, later: &PendingSession) {
        let mut traffic = self.traffic;
        traffic.add(later.traffic);
        *self = PendingSession {
            peer_id: later.peer_id.or(self.peer_id),
            traffic,
            seed_seconds: self.seed_seconds.saturating_add(later.seed_seconds),
            snatches: self.snatches.saturating_add(later.snatches),
            ..*later
        };
    }

    /// The session as it is journalled.
    pub(crate) fn session_row(&self) -> SessionRow {
        SessionRow {
            torrent_id: self.torrent_id,
            info_hash: self.info_hash,
            user_id: self.user_id,
            key: self.row.id().key,
            peer_id: self.peer_id,
            address_v4: socket4(self.row.v4),
            address_v6: self.v6.and_then(socket6),
            uploaded_bytes: self.row.uploaded.get(),
            downloaded_bytes: self.row.downloaded.get(),
            left_bytes: self.row.left.get(),
            paused: self.row.flags.has(Flags::PAUSED),
            snatched: self.row.flags.has(Flags::SNATCHED),
            stale: self.row.flags.has(Flags::STALE),
            started_at_seconds: self.row.started_seconds(),
            announced_at_seconds: self.row.last_seconds(),
            gone: self.gone,
        }
    }
}

impl Pending {
    pub(crate) fn rows(&self) -> usize {
        self.sessions.len() + self.torrents.len() + self.registered.len()
    }

    pub(crate) fn put(&mut self, slot: u32, session: PendingSession) {
        match self.sessions.entry((slot, session.row.id().key)) {
            hashbrown::hash_map::Entry::Occupied(mut known) => known.get_mut().absorb(&session),
            hashbrown::hash_map::Entry::Vacant(place) => {
                place.insert(session);
            }
        }
    }
}
