//! What has changed in a shard since the last flush: one entry per session, however often it
//! announced.

use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};

use mika_protocol::{InfoHash, PeerId};

use super::{IntegerMap, Marks};
use crate::address::{Endpoint6, socket4, socket6};
use crate::batch::{Agent, RegisteredRow, SessionRow, Traffic};
use crate::swarm::Row;
use crate::swarm::session::{Flags, Session};

/// Changes that wait for a flush. All of it has a limit, for while the journal cannot be written
/// it waits here, and nothing may be dropped: `sessions` has that of the peers, because a session
/// that ended keeps its place until it is flushed; the others have that of the torrents.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) sessions: Sessions,
    /// Slots of torrents whose counts changed, each once.
    pub(crate) torrents: Vec<u32>,
    /// Downloads finished in public swarms, by torrent id.
    pub(crate) public_snatches: IntegerMap<u32, u32>,
    pub(crate) registered: Vec<RegisteredRow>,
    /// Sessions that are gone, each in the place that it had among the peers.
    pub(crate) gone: u64,
    /// Which of [`Marks::DIRTY`] the torrents are marked with.
    odd: bool,
}

/// One session's changes, and the client of the last announce that named one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) session: PendingSession,
    pub(crate) agent: Agent,
}

/// A torrent's slot and a session's key.
pub(crate) type SessionPlace = (u32, u64);

/// Some sessions that are not moved when there are more.
pub(crate) type SessionChunk = Vec<(SessionPlace, Waiting)>;

/// Sessions by their places, in chunks that are not moved when there are more.
///
/// Where many of them are is kept in parts that grow one by one: the growth of one table would
/// hold everybody up, for a second if it has a million sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    chunks: Vec<SessionChunk>,
    /// One part, or [`PARTS`] of them, with numbers of sessions.
    parts: Vec<IntegerMap<SessionPlace, u32>>,
    len: usize,
}

/// Sessions of a chunk, 2.5 KB. A busy shard has some ten sessions a second: larger chunks would
/// have to grow with them, and to grow is to copy.
const CHUNK: usize = 8;
/// So many sessions are found by one part.
const SPLIT_SESSIONS: usize = if cfg!(test) { 8 } else { 2048 };
const PARTS: usize = 256;

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
    /// Credit for upload that is withheld.
    pub(crate) withheld_bytes: u64,
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
            withheld_bytes: earlier.withheld_bytes.saturating_add(later.withheld_bytes),
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
    /// Begins a new interval and returns what the last one has left.
    ///
    /// The tables begin empty: to hand a shard those of another would in time give all of them the
    /// size of the busiest (measured: 91 bytes per peer).
    pub(crate) fn take(&mut self) -> Self {
        let next = Self { odd: !self.odd, ..Self::default() };
        std::mem::replace(self, next)
    }

    /// What marks the torrents in [`Pending::torrents`].
    pub(crate) fn dirty_mark(&self) -> Marks {
        let [even, odd] = Marks::DIRTY;
        if self.odd { odd } else { even }
    }

    pub(crate) fn rows(&self) -> usize {
        self.sessions.len + self.torrents.len() + self.registered.len()
    }

    /// Whether a session that is gone waits here, in the place that it had among the peers.
    pub(crate) fn has_place(&self, slot: u32, key: u64) -> bool {
        self.sessions.get(&(slot, key)).is_some_and(|waiting| waiting.session.gone)
    }

    /// Adds an announce, of a client that called itself `agent`, or the end of a session.
    pub(crate) fn put(&mut self, slot: u32, session: &PendingSession, agent: &Agent) {
        self.gone += u64::from(session.gone);
        let place = (slot, session.row.id().key);
        match self.sessions.get_mut(&place) {
            Some(known) => {
                self.gone = self.gone.saturating_sub(u64::from(known.session.gone));
                known.session.absorb(session);
                if !agent.is_empty() {
                    known.agent = *agent;
                }
            }
            None => self.sessions.add(place, Waiting { session: *session, agent: *agent }),
        }
    }

    /// Adds a session that has reported nothing, unless it is there already: what it reported says
    /// the same, and more.
    pub(crate) fn put_unchanged(&mut self, slot: u32, session: PendingSession) {
        let place = (slot, session.row.id().key);
        if self.sessions.get_mut(&place).is_none() {
            self.sessions.add(place, Waiting { session, agent: Agent::NONE });
        }
    }
}

impl Sessions {
    pub(crate) fn into_chunks(self) -> Vec<SessionChunk> {
        self.chunks
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (SessionPlace, Waiting)> {
        self.chunks.iter_mut().flatten()
    }

    fn get(&self, place: &SessionPlace) -> Option<&Waiting> {
        let (chunk, at) = self.find(place)?;
        self.chunks.get(chunk)?.get(at).map(|(_, session)| session)
    }

    fn get_mut(&mut self, place: &SessionPlace) -> Option<&mut Waiting> {
        let (chunk, at) = self.find(place)?;
        self.chunks.get_mut(chunk)?.get_mut(at).map(|(_, session)| session)
    }

    /// A session's chunk, and where it is in it.
    fn find(&self, place: &SessionPlace) -> Option<(usize, usize)> {
        let number = *self.parts.get(self.part_of(place))?.get(place)? as usize;
        Some((number / CHUNK, number % CHUNK))
    }

    /// The session's key is a hash already, and a keyed one.
    fn part_of(&self, (_, key): &SessionPlace) -> usize {
        if self.parts.len() <= 1 { 0 } else { (key >> 32) as usize % PARTS }
    }

    /// Adds a session that is not there yet.
    fn add(&mut self, place: SessionPlace, session: Waiting) {
        if self.parts.is_empty() {
            self.parts.push(IntegerMap::default());
        }
        if self.parts.len() == 1 && self.len >= SPLIT_SESSIONS {
            self.split();
        }
        let part = self.part_of(&place);
        let (Some(part), Ok(number)) = (self.parts.get_mut(part), u32::try_from(self.len)) else {
            return;
        };
        part.insert(place, number);
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push((place, session)),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push((place, session));
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
    }

    fn split(&mut self) {
        let few = std::mem::replace(&mut self.parts, vec![IntegerMap::default(); PARTS]);
        for (place, number) in few.into_iter().flatten() {
            let part = self.part_of(&place);
            if let Some(part) = self.parts.get_mut(part) {
                part.insert(place, number);
            }
        }
    }
}
