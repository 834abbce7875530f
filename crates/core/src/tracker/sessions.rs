//! The sessions of a torrent, a user or an address, page by page, while announces go on.
//!
//! Sessions have no order of their own: rows move when others come and go. So a page is made of
//! those with the lowest names beyond the last page's, whatever their rows. All rows are looked at
//! for each page, in pieces, and no lock is held for longer than for a piece of a snapshot.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;

use mika_protocol::{InfoHash, PeerId};
use parking_lot::{Mutex, MutexGuard};

use super::shards::Shards;
use super::walk::{Walked, walk_slots};
use super::{Swarms, Tracker};
use crate::address::{socket4, socket6};
use crate::shard::{Shard, Torrent};
use crate::swarm::public::{Public, PublicPeer};
use crate::swarm::session::{Private, Session, SessionId};
use crate::swarm::{Class, Dense, Peer, Row};

/// Torrents asked for a user per lock hold.
const LOOKS_PER_HOLD: u32 = if cfg!(test) { 4 } else { 1024 };

/// Whose sessions are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsOf {
    /// Those of a torrent, by either of its hashes.
    Torrent(InfoHash),
    /// Those of a user, by the store's id; a public tracker has none.
    User(u32),
    /// Those at an address, whatever their port. Users whose addresses are not to be written are
    /// not found by them either.
    Address(IpAddr),
}

/// The name of a session among all, by which pages are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionPlace {
    /// The part.
    pub part: u32,
    /// The torrent.
    pub info_hash: InfoHash,
    /// User and session, or address and port.
    pub name: [u8; 18],
}

/// A live session, or an address of a public swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionView {
    /// The store's id of the torrent; 0 if no store knows it.
    pub torrent_id: u32,
    /// The torrent's primary info-hash.
    pub info_hash: InfoHash,
    /// The store's id of the user; `None` in a public swarm.
    pub user_id: Option<u32>,
    /// The client's name for itself, if it is kept.
    pub peer_id: Option<PeerId>,
    /// The IPv4 endpoint, if there is one that may be told.
    pub address_v4: Option<SocketAddrV4>,
    /// The IPv6 endpoint, if there is one that may be told.
    pub address_v6: Option<SocketAddrV6>,
    /// The client's own counter; 0 in a public swarm.
    pub uploaded_bytes: u64,
    /// The client's own counter; 0 in a public swarm.
    pub downloaded_bytes: u64,
    /// Bytes that the client lacks; `None` in a public swarm.
    pub left_bytes: Option<u64>,
    /// Has the whole torrent.
    pub seeder: bool,
    /// A partial seed (BEP 21).
    pub paused: bool,
    /// Whether it is counted and handed out.
    pub visible: bool,
    /// Unix time of the first announce in seconds, to the minute; 0 in a public swarm.
    pub started_at_seconds: u32,
    /// Unix time of the last announce in seconds; to the minute in a public swarm.
    pub announced_at_seconds: u32,
}

/// A part of the sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionPage {
    /// The sessions, by their names.
    pub sessions: Vec<SessionView>,
    /// The last one's, if there are more.
    pub next: Option<SessionPlace>,
}

/// The sessions with the lowest names beyond one.
struct Lowest {
    after: Option<SessionPlace>,
    limit: usize,
    kept: BTreeMap<SessionPlace, SessionView>,
    /// There were more than the limit.
    more: bool,
}

impl Lowest {
    fn wants(&self, place: &SessionPlace) -> bool {
        if self.after.is_some_and(|after| *place <= after) {
            return false;
        }
        // One more than the limit tells that there are more.
        !self.more || self.kept.last_key_value().is_some_and(|(last, _)| place <= last)
    }

    fn put(&mut self, place: SessionPlace, session: SessionView) {
        if self.wants(&place) {
            self.kept.insert(place, session);
        }
        while self.kept.len() > self.limit {
            self.kept.pop_last();
            self.more = true;
        }
    }

    fn is_full(&self) -> bool {
        self.kept.len() >= self.limit && self.more
    }

    fn page(self) -> SessionPage {
        let next = self.kept.last_key_value().map(|(place, _)| *place).filter(|_| self.more);
        SessionPage { sessions: self.kept.into_values().collect(), next }
    }
}

/// What a look at rows found: names and sessions.
type Found = RefCell<Vec<(SessionPlace, SessionView)>>;

/// A mode whose sessions can be listed.
trait Listed: Walked {
    /// The sessions of a torrent in some rows that `at` accepts.
    fn look(
        tracker: &Tracker,
        torrent: &Torrent<Self>,
        rows: Range<usize>,
        wanted: &Wanted<'_>,
        found: &mut Vec<(SessionPlace, SessionView)>,
    );
}

/// Which sessions a look is for.
struct Wanted<'a> {
    part: u32,
    at: Option<IpAddr>,
    now_seconds: u32,
    lowest: &'a RefCell<Lowest>,
}

impl Wanted<'_> {
    fn place(&self, info_hash: InfoHash, name: [u8; 18]) -> Option<SessionPlace> {
        let place = SessionPlace { part: self.part, info_hash, name };
        self.lowest.borrow().wants(&place).then_some(place)
    }
}

impl Tracker {
    /// Sessions after one of them, at most `limit`; `None` if there is no such torrent. A session
    /// that is there all the time is in exactly one page.
    pub fn sessions(
        &self,
        of: SessionsOf,
        after: Option<SessionPlace>,
        limit: usize,
        now_seconds: u32,
    ) -> Option<SessionPage> {
        let lowest =
            RefCell::new(Lowest { after, limit: limit.max(1), kept: BTreeMap::new(), more: false });
        match (&self.swarms, of) {
            (Swarms::Private(shards), SessionsOf::Torrent(info_hash)) => {
                self.of_torrent(shards, info_hash, now_seconds, &lowest)?;
            }
            (Swarms::Public(shards), SessionsOf::Torrent(info_hash)) => {
                self.of_torrent(shards, info_hash, now_seconds, &lowest)?;
            }
            (Swarms::Private(shards), SessionsOf::Address(ip)) => {
                self.of_address(shards, ip, now_seconds, &lowest);
            }
            (Swarms::Public(shards), SessionsOf::Address(ip)) => {
                self.of_address(shards, ip, now_seconds, &lowest);
            }
            (Swarms::Private(shards), SessionsOf::User(id)) => self.of_user(shards, id, &lowest),
            (Swarms::Public(_), SessionsOf::User(_)) => {}
        }
        Some(lowest.into_inner().page())
    }

    fn of_torrent<K: Listed>(
        &self,
        shards: &Shards<K>,
        info_hash: InfoHash,
        now_seconds: u32,
        lowest: &RefCell<Lowest>,
    ) -> Option<()> {
        let (shard, slot) = shards.find(info_hash).ok()?;
        let first_hash = shard.torrents.get(slot)?.info_hash;
        drop(shard);
        let (part, shard) = shards.shard_of(first_hash)?;
        let wanted = Wanted { part, at: None, now_seconds, lowest };
        self.look(shard, slot..slot.saturating_add(1), Some(first_hash), &wanted);
        Some(())
    }

    fn of_address<K: Listed>(
        &self,
        shards: &Shards<K>,
        ip: IpAddr,
        now_seconds: u32,
        lowest: &RefCell<Lowest>,
    ) {
        let first = lowest.borrow().after.map_or(0, |after| after.part);
        for (part, shard) in (0..).zip(shards.iter()).skip(first as usize) {
            let wanted = Wanted { part, at: Some(ip), now_seconds, lowest };
            self.look(shard, 0..u32::MAX, None, &wanted);
            if lowest.borrow().is_full() {
                return;
            }
        }
    }

    /// Looks at the rows of some slots, of one torrent only if it is given.
    fn look<K: Listed>(
        &self,
        shard: &Mutex<Shard<K>>,
        slots: Range<u32>,
        only: Option<InfoHash>,
        wanted: &Wanted<'_>,
    ) {
        let found: Found = RefCell::default();
        let visit = |shard: &mut Shard<K>, slot: u32, rows: Range<usize>| {
            let torrent = shard.torrents.get(slot);
            // A slot may be another torrent's by now.
            if let Some(torrent) =
                torrent.filter(|it| only.is_none_or(|it_is| it.info_hash == it_is))
            {
                K::look(self, torrent, rows, wanted, &mut found.borrow_mut());
            }
        };
        let between = || keep(&found, wanted.lowest);
        walk_slots(shard, &self.hash_key, slots, visit, between);
    }

    fn of_user(&self, shards: &Shards<Private>, user_id: u32, lowest: &RefCell<Lowest>) {
        let Some(user) = self.users.index_of(user_id) else { return };
        let first = lowest.borrow().after.map_or(0, |after| after.part);
        for (part, shard) in (0..).zip(shards.iter()).skip(first as usize) {
            let mut slot = 0;
            loop {
                let found: Found = RefCell::default();
                let held = shard.lock();
                let slots = held.torrents.slots();
                let end = slots.min(slot + LOOKS_PER_HOLD);
                for torrent in (slot..end).filter_map(|slot| held.torrents.get(slot)) {
                    let wanted = Wanted { part, at: None, now_seconds: 0, lowest };
                    self.look_for_user(torrent, user, &wanted, &mut found.borrow_mut());
                }
                MutexGuard::unlock_fair(held);
                keep(&found, lowest);
                slot = end;
                if slot >= slots {
                    break;
                }
            }
            if lowest.borrow().is_full() {
                return;
            }
        }
    }

    fn look_for_user(
        &self,
        torrent: &Torrent<Private>,
        user: u32,
        wanted: &Wanted<'_>,
        found: &mut Vec<(SessionPlace, SessionView)>,
    ) {
        if torrent.swarm.is_empty() {
            return;
        }
        let id = SessionId { user, key: 0 };
        let rows = torrent.swarm.main.with_hash_of(&id, &self.hash_key);
        for row in rows.filter(|row| row.user() == user) {
            self.find_session(torrent, row, wanted, found);
        }
    }

    fn find_session(
        &self,
        torrent: &Torrent<Private>,
        row: &Session,
        wanted: &Wanted<'_>,
        found: &mut Vec<(SessionPlace, SessionView)>,
    ) {
        let id = row.id();
        let Some(user) = self.users.by_index(id.user) else { return };
        let mut name = [0; 18];
        let bytes = user.id.to_be_bytes().into_iter().chain(id.key.to_be_bytes());
        name.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        let Some(place) = wanted.place(torrent.info_hash, name) else { return };
        let written = self.session_row(torrent, row, 0);
        let hides = self.terms.of(&user).is_some_and(|terms| terms.address_hidden);
        let (v4, v6) = match hides {
            true => (None, None),
            false => (written.address_v4, written.address_v6),
        };
        let is_at =
            |ip: IpAddr| v4.is_some_and(|v4| *v4.ip() == ip) || v6.is_some_and(|v6| *v6.ip() == ip);
        if wanted.at.is_some_and(|ip| !is_at(ip)) {
            return;
        }
        let session = SessionView {
            torrent_id: torrent.id,
            info_hash: torrent.info_hash,
            user_id: Some(user.id),
            peer_id: written.peer_id,
            address_v4: v4,
            address_v6: v6,
            uploaded_bytes: written.uploaded_bytes,
            downloaded_bytes: written.downloaded_bytes,
            left_bytes: Some(written.left_bytes),
            seeder: written.left_bytes == 0,
            paused: written.paused,
            visible: written.visible,
            started_at_seconds: written.started_at_seconds,
            announced_at_seconds: written.announced_at_seconds,
        };
        found.push((place, session));
    }
}

fn keep(found: &Found, lowest: &RefCell<Lowest>) {
    let mut lowest = lowest.borrow_mut();
    for (place, session) in found.borrow_mut().drain(..) {
        lowest.put(place, session);
    }
}

impl Listed for Private {
    fn look(
        tracker: &Tracker,
        torrent: &Torrent<Self>,
        rows: Range<usize>,
        wanted: &Wanted<'_>,
        found: &mut Vec<(SessionPlace, SessionView)>,
    ) {
        let has_v6 = torrent.swarm.v6().is_some_and(|v6| v6.len() > 0);
        for row in rows.filter_map(|at| torrent.swarm.main.get(at)) {
            // Most rows are not at the address, and cost no more than this look.
            let may_be = match wanted.at {
                Some(IpAddr::V4(ip)) => socket4(row.v4).is_some_and(|v4| *v4.ip() == ip),
                Some(IpAddr::V6(_)) => has_v6,
                None => true,
            };
            if may_be {
                tracker.find_session(torrent, row, wanted, found);
            }
        }
    }
}

impl Listed for Public {
    fn look(
        _: &Tracker,
        torrent: &Torrent<Self>,
        rows: Range<usize>,
        wanted: &Wanted<'_>,
        found: &mut Vec<(SessionPlace, SessionView)>,
    ) {
        find_peers(torrent, &torrent.swarm.main, rows.clone(), wanted, found);
        if let Some(v6) = torrent.swarm.v6() {
            find_peers(torrent, v6, rows, wanted, found);
        }
    }
}

fn find_peers<const N: usize>(
    torrent: &Torrent<Public>,
    table: &Dense<PublicPeer<N>>,
    rows: Range<usize>,
    wanted: &Wanted<'_>,
    found: &mut Vec<(SessionPlace, SessionView)>,
) {
    for at in rows {
        let Some(peer) = table.get(at) else { continue };
        let v4 = peer.endpoint.as_slice().try_into().ok().and_then(socket4);
        let v6 = peer.endpoint.as_slice().try_into().ok().and_then(socket6);
        let ip = v4.map(|v4| IpAddr::V4(*v4.ip())).or(v6.map(|v6| IpAddr::V6(*v6.ip())));
        if wanted.at.is_some_and(|at| ip != Some(at)) {
            continue;
        }
        let mut name = [0; 18];
        name.iter_mut().rev().zip(peer.endpoint.iter().rev()).for_each(|(to, from)| *to = *from);
        let Some(place) = wanted.place(torrent.info_hash, name) else { continue };
        let session = SessionView {
            torrent_id: torrent.id,
            info_hash: torrent.info_hash,
            user_id: None,
            peer_id: None,
            address_v4: v4,
            address_v6: v6,
            uploaded_bytes: 0,
            downloaded_bytes: 0,
            left_bytes: None,
            seeder: table.class_of(at) == Class::Seeder,
            paused: peer.is_paused(),
            visible: true,
            started_at_seconds: 0,
            announced_at_seconds: wanted
                .now_seconds
                .saturating_sub(peer.age_seconds(wanted.now_seconds)),
        };
        found.push((place, session));
    }
}
