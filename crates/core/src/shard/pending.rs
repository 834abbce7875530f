//! What has changed in a shard since the last flush: one entry per session, however often it
//! announced.

use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};

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
    pub(crate) sessions: IntegerMap<(u32, u64), Waiting>,
    /// Slots of torrents whose counts changed, each once.
    pub(crate) torrents: Vec<u32>,
    /// Torrent ids of downloads finished in a public swarm.
    pub(crate) public_snatches: Vec<u32>,
    pub(crate) registered: Vec<RegisteredRow>,
}

/// One session's changes, and the client of the last announce that named one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) session: PendingSession,
    pub(crate) agent: Agent,
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
    /// Seconds that the traffic took, if there was any.
    pub(crate) speed_seconds: u32,
    /// Is not to be written.
    pub(crate) address_hidden: bool,
    pub(crate) immune: bool,
    pub(crate) special: Option<Special>,
}

/// What few announces tell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Special {
    pub(crate) completed_at_seconds: Option<u32>,
    /// Where it came from, and the port that the client listens on; only told of a snatch, and of
    /// a session that is hidden.
    pub(crate) from: Option<(IpAddr, u16)>,
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
            speed_seconds: 0,
            address_hidden,
            immune,
            special: None,
        }
    }

    pub(crate) fn special(&self) -> Special {
        self.special.unwrap_or_default()
    }

    /// Where the announces came from, if that may be written.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.special().from.filter(|_| !self.address_hidden).map(|(ip, _)| ip)
    }

    /// Adds a later one of the same session.
    fn absorb(&mut self, later: &Report) {
        self.announces = self.announces.saturating_add(later.announces);
        self.speed_seconds = self.speed_seconds.saturating_add(later.speed_seconds);
        self.address_hidden = later.address_hidden;
        self.immune = later.immune;
        if self.special.is_some() || later.special.is_some() {
            self.absorb_special(later.special());
        }
    }

    #[cold]
    fn absorb_special(&mut self, later: Special) {
        let earlier = self.special();
        let downloaded_raw = earlier.token.downloaded_raw;
        self.special = Some(Special {
            completed_at_seconds: earlier.completed_at_seconds.or(later.completed_at_seconds),
            from: later.from.or(earlier.from),
            corrupt_delta: earlier.corrupt_delta.saturating_add(later.corrupt_delta),
            corrupt_bytes: later.corrupt_bytes,
            token: TokenUse {
                downloaded_raw: downloaded_raw.saturating_add(later.token.downloaded_raw),
                finished: earlier.token.finished || later.token.finished,
            },
        });
    }
}

impl PendingSession {
    /// Adds what a later announce of the same session changed. Field by field: to build a new
    /// one would copy all of it twice.
    fn absorb(&mut self, later: &PendingSession) {
        self.torrent_id = later.torrent_id;
        if later.peer_id.is_some() {
            self.peer_id = later.peer_id;
        }
        self.row = later.row;
        self.v6 = later.v6;
        self.gone = later.gone;
        self.user_active = later.user_active;
        self.traffic.add(later.traffic);
        self.seed_seconds = self.seed_seconds.saturating_add(later.seed_seconds);
        self.snatches = self.snatches.saturating_add(later.snatches);
        self.report.absorb(&later.report);
    }
}

impl Waiting {
    /// The session as it is journalled.
    pub(crate) fn session_row(&self) -> SessionRow {
        // A hidden session has no endpoint in memory, so that nobody is sent to it.
        let visible = !self.session.row.flags.has(Flags::HIDDEN);
        let special = self.session.report.special();
        let (from_v4, from_v6) = match special.from.filter(|_| !visible) {
            Some((IpAddr::V4(ip), port)) => (Some(SocketAddrV4::new(ip, port)), None),
            Some((IpAddr::V6(ip), port)) => (None, Some(SocketAddrV6::new(ip, port, 0, 0))),
            None => (None, None),
        };
        SessionRow {
            torrent_id: self.session.torrent_id,
            info_hash: self.session.info_hash,
            user_id: self.session.user_id,
            key: self.session.row.id().key,
            peer_id: self.session.peer_id,
            address_v4: socket4(self.session.row.v4).or(from_v4),
            address_v6: self.session.v6.and_then(socket6).or(from_v6),
            uploaded_bytes: self.session.row.uploaded.get(),
            downloaded_bytes: self.session.row.downloaded.get(),
            left_bytes: self.session.row.left.get(),
            paused: self.session.row.flags.has(Flags::PAUSED),
            snatched: self.session.row.flags.has(Flags::SNATCHED),
            stale: self.session.row.flags.has(Flags::STALE),
            started_at_seconds: self.session.row.started_seconds(),
            announced_at_seconds: self.session.row.last_seconds(),
            gone: self.session.gone,
            agent: self.agent,
            visible,
            address_hidden: self.session.report.address_hidden,
            uploaded_delta_bytes: self.session.traffic.uploaded_raw,
            downloaded_delta_bytes: self.session.traffic.downloaded_raw,
            corrupt_bytes: special.corrupt_bytes,
            speed_seconds: self.session.report.speed_seconds,
            announces: self.session.report.announces,
        }
    }
}

impl Pending {
    pub(crate) fn rows(&self) -> usize {
        self.sessions.len() + self.torrents.len() + self.registered.len()
    }

    /// Adds an announce, of a client that called itself `agent`, or the end of a session.
    pub(crate) fn put(&mut self, slot: u32, session: &PendingSession, agent: &Agent) {
        match self.sessions.entry((slot, session.row.id().key)) {
            hashbrown::hash_map::Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.session.absorb(session);
                if !agent.is_empty() {
                    known.agent = *agent;
                }
            }
            hashbrown::hash_map::Entry::Vacant(place) => {
                place.insert(Waiting { session: *session, agent: *agent });
            }
        }
    }
}
