//! What has changed in a shard since the last flush: one entry per session, however often it
//! announced.

use mika_protocol::{InfoHash, PeerId};

use super::{IntegerMap, Marks};
use crate::address::{Endpoint6, socket4, socket6};
use crate::batch::{RegisteredRow, SessionRow, Traffic};
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

/// A torrent's slot and a session's key.
pub(crate) type SessionPlace = (u32, u64);

/// Sessions by their places, in chunks that are not moved when there are more.
///
/// Where many of them are is kept in parts that grow one by one: the growth of one table would
/// hold everybody up, for a second if it has a million sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    chunks: Vec<Vec<(SessionPlace, PendingSession)>>,
    /// One part, or [`PARTS`] of them, with numbers of sessions.
    parts: Vec<IntegerMap<SessionPlace, u32>>,
    len: usize,
}

/// The first chunk grows to this size, the others begin with it.
const CHUNK: usize = 64;
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
        self.sessions.get(&(slot, key)).is_some_and(|session| session.gone)
    }

    pub(crate) fn put(&mut self, slot: u32, session: PendingSession) {
        self.gone += u64::from(session.gone);
        let place = (slot, session.row.id().key);
        match self.sessions.get_mut(&place) {
            Some(known) => {
                self.gone = self.gone.saturating_sub(u64::from(known.gone));
                known.absorb(&session);
            }
            None => self.sessions.add(place, session),
        }
    }

    /// Adds a session that has reported nothing, unless it is there already: what it reported says
    /// the same, and more.
    pub(crate) fn put_unchanged(&mut self, slot: u32, session: PendingSession) {
        let place = (slot, session.row.id().key);
        if self.sessions.get_mut(&place).is_none() {
            self.sessions.add(place, session);
        }
    }
}

impl Sessions {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(SessionPlace, PendingSession)> {
        self.chunks.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (SessionPlace, PendingSession)> {
        self.chunks.iter_mut().flatten()
    }

    fn get(&self, place: &SessionPlace) -> Option<&PendingSession> {
        let (chunk, at) = self.find(place)?;
        self.chunks.get(chunk)?.get(at).map(|(_, session)| session)
    }

    fn get_mut(&mut self, place: &SessionPlace) -> Option<&mut PendingSession> {
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
    fn add(&mut self, place: SessionPlace, session: PendingSession) {
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
            last => {
                let room = if last.is_none() { 1 } else { CHUNK };
                let mut chunk = Vec::with_capacity(room);
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
