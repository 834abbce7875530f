//! What has changed in a shard since the last flush: one entry per session, however often it
//! announced.

use std::net::{IpAddr, SocketAddr};

use mika_protocol::{InfoHash, PeerId};

use super::IntegerMap;
use crate::address::{Endpoint6, socket4, socket6};
use crate::batch::{Agent, RegisteredRow, SessionRow, Traffic};
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
    /// What the last announce told beside that; as of none for a session that expired.
    pub(crate) report: Report,
}

/// What an announce tells that no row in memory keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// How many there were: 0 for a session that expired.
    pub(crate) announces: u32,
    pub(crate) first_at_seconds: u32,
    pub(crate) completed_at_seconds: Option<u32>,
    /// Seconds that the traffic took, if there was any.
    pub(crate) speed_seconds: u32,
    pub(crate) agent: Agent,
    /// Where it came from, and the port that the client listens on.
    pub(crate) from: Option<SocketAddr>,
    /// Is not to be written.
    pub(crate) address_hidden: bool,
    pub(crate) immune: bool,
    /// Bytes discarded, to add, and since the session began.
    pub(crate) corrupt_delta: u64,
    pub(crate) corrupt_bytes: u64,
    pub(crate) token: TokenUse,
}

/// What a token covered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokenUse {
    pub(crate) downloaded_raw: u64,
    pub(crate) finished: bool,
}

impl TokenUse {
    pub(crate) fn is_none(&self) -> bool {
        self.downloaded_raw == 0 && !self.finished
    }
}

impl Report {
    /// Of a session that ends without a word.
    pub(crate) fn none(row: &Session, immune: bool, address_hidden: bool) -> Self {
        Self {
            announces: 0,
            first_at_seconds: row.last_seconds(),
            completed_at_seconds: None,
            speed_seconds: 0,
            agent: Agent::NONE,
            from: None,
            address_hidden,
            immune,
            corrupt_delta: 0,
            corrupt_bytes: 0,
            token: TokenUse::default(),
        }
    }

    /// Where the announces came from, if that may be written.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.from.filter(|_| !self.address_hidden).map(|from| from.ip())
    }

    /// Adds a later one of the same session.
    fn absorb(&mut self, later: &Report) {
        let earlier = *self;
        *self = Report {
            announces: earlier.announces.saturating_add(later.announces),
            first_at_seconds: earlier.first_at_seconds.min(later.first_at_seconds),
            completed_at_seconds: earlier.completed_at_seconds.or(later.completed_at_seconds),
            speed_seconds: earlier.speed_seconds.saturating_add(later.speed_seconds),
            agent: if later.agent.is_empty() { earlier.agent } else { later.agent },
            from: later.from.or(earlier.from),
            corrupt_delta: earlier.corrupt_delta.saturating_add(later.corrupt_delta),
            token: TokenUse {
                downloaded_raw: earlier
                    .token
                    .downloaded_raw
                    .saturating_add(later.token.downloaded_raw),
                finished: earlier.token.finished || later.token.finished,
            },
            ..*later
        };
    }
}

impl PendingSession {
    /// Adds what a later announce of the same session changed.
    fn absorb(&mut self, later: &PendingSession) {
        let (mut traffic, mut report) = (self.traffic, self.report);
        traffic.add(later.traffic);
        report.absorb(&later.report);
        *self = PendingSession {
            peer_id: later.peer_id.or(self.peer_id),
            traffic,
            seed_seconds: self.seed_seconds.saturating_add(later.seed_seconds),
            snatches: self.snatches.saturating_add(later.snatches),
            report,
            ..*later
        };
    }

    /// The session as it is journalled.
    pub(crate) fn session_row(&self) -> SessionRow {
        // A hidden session has no endpoint in memory, so that nobody is sent to it.
        let visible = !self.row.flags.has(Flags::HIDDEN);
        let from = self.report.from.filter(|_| !visible);
        let (from_v4, from_v6) = match from {
            Some(SocketAddr::V4(v4)) => (Some(v4), None),
            Some(SocketAddr::V6(v6)) => (None, Some(v6)),
            None => (None, None),
        };
        SessionRow {
            torrent_id: self.torrent_id,
            info_hash: self.info_hash,
            user_id: self.user_id,
            key: self.row.id().key,
            peer_id: self.peer_id,
            address_v4: socket4(self.row.v4).or(from_v4),
            address_v6: self.v6.and_then(socket6).or(from_v6),
            uploaded_bytes: self.row.uploaded.get(),
            downloaded_bytes: self.row.downloaded.get(),
            left_bytes: self.row.left.get(),
            paused: self.row.flags.has(Flags::PAUSED),
            snatched: self.row.flags.has(Flags::SNATCHED),
            stale: self.row.flags.has(Flags::STALE),
            started_at_seconds: self.row.started_seconds(),
            announced_at_seconds: self.row.last_seconds(),
            gone: self.gone,
            agent: self.report.agent,
            visible,
            address_hidden: self.report.address_hidden,
            uploaded_delta_bytes: self.traffic.uploaded_raw,
            downloaded_delta_bytes: self.traffic.downloaded_raw,
            corrupt_bytes: self.report.corrupt_bytes,
            speed_seconds: self.report.speed_seconds,
            announces: self.report.announces,
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
