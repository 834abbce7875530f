//! The steps of a private announce: admission, swarm and answer here, `private/account.rs` and
//! `private/select.rs` for the two between.

mod account;
mod select;

use std::net::IpAddr;

use mika_protocol::{AnnounceRequest, Event, ScrapeCounts};

use super::Tracker;
use super::shards::{Found, Shards};
use crate::accounting::{self, Counters};
use crate::address::{self, Endpoint4, Endpoint6, is_local};
use crate::admission;
use crate::packed::{U48, U56};
use crate::refusal::Refusal;
use crate::registry::RoleSpec;
use crate::reply::{Answer, PeerList, Source};
use crate::rules::Rules;
use crate::shard::departed::Left;
use crate::shard::{Marks, Shard};
use crate::swarm::session::{Flags, Private, Session, SessionId, SessionPeerId, SessionV6};
use crate::swarm::{self, Class, Peer, Row};
use crate::users::User;

/// One announce on its way through the tracker.
pub(super) struct Visit<'a> {
    tracker: &'a Tracker,
    rules: &'a Rules,
    user: User,
    role: RoleSpec,
    request: &'a AnnounceRequest,
    source: Source,
    id: SessionId,
    now_seconds: u32,
    /// What checks 2 and 3 of admission say.
    client: Result<(), Refusal>,
    /// What check 6 says.
    rights: Result<(), Refusal>,
}

/// What an announce did to its session.
#[derive(Debug)]
pub(super) struct Change {
    /// The session as it was; `None` if it was not known.
    before: Option<Session>,
    /// The session as the announce tells it.
    after: Session,
    v6: Option<Endpoint6>,
    /// What the user lacked when last seen on this torrent, if the session was not known.
    last_known_left: Option<u64>,
    /// `left` has come to 0, for the first time in this session.
    finished: bool,
    /// The session has ended.
    gone: bool,
    /// What the client is told instead of peers, once its report is counted.
    refusal: Option<Refusal>,
}

impl Change {
    /// Why the client gets no peers although its report counts.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        tracker: &'a Tracker,
        rules: &'a Rules,
        user: User,
        request: &'a AnnounceRequest,
        source: Source,
        now_seconds: u32,
    ) -> Self {
        let key = tracker.hash_key.session(user.id, &request.peer_id);
        let id = SessionId { user: user.index, key };
        let role = rules.role(user.role_id);
        let client = admission::client(rules, request);
        let rights = admission::rights(&user, &role, request);
        Self { tracker, rules, user, role, request, source, id, now_seconds, client, rights }
    }

    // ---- Step 1: admission ----

    pub(super) fn enter<'s>(
        &self,
        shards: &'s Shards<Private>,
    ) -> Result<Option<Found<'s, Private>>, Refusal> {
        if let Err(too_large) = admission::counters(self.request) {
            return self.client.and(Err(too_large));
        }
        let (rules, request, now) = (self.rules, self.request, self.now_seconds);
        self.tracker.enter(shards, rules, request, self.client, self.rights, now)
    }

    /// The answer to a client that leaves a torrent which nobody knows.
    pub(super) fn farewell(&self) -> Answer {
        Answer::new(&self.rules.settings, ScrapeCounts::default())
    }

    // ---- Step 2: swarm ----

    pub(super) fn change_swarm(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
    ) -> Result<Change, Refusal> {
        let torrent = shard.torrents.get(slot).ok_or(Refusal::TorrentUnknown)?;
        let at = torrent.swarm.main.find(&self.id, &self.tracker.hash_key);
        let before = at.and_then(|at| torrent.swarm.main.get(at).copied());
        let standing = admission::torrent(torrent);
        match (before, self.request.event == Event::Stopped) {
            (Some(before), true) => Ok(self.leave(shard, slot, before)),
            (None, true) => {
                self.client.and(standing)?;
                self.pass_by(shard, slot)
            }
            (Some(before), false) => {
                let refusal = self.client.and(standing).and(self.rights).err();
                Ok(self.stay(shard, slot, before, refusal))
            }
            (None, false) => {
                self.client.and(standing).and(self.rights)?;
                self.join(shard, slot)
            }
        }
    }

    /// A session that was not known joins the swarm.
    fn join(&self, shard: &mut Shard<Private>, slot: u32) -> Result<Change, Refusal> {
        let last_known_left = self.last_known_left(shard, slot);
        self.supersede(shard, slot);
        let leeches = self.tracker.leeches(shard, slot, self.user.index);
        let slots_used = self.tracker.users.leeching(self.user.index);
        let sessions = self.sessions_of_user(shard, slot).count();
        // Of the clients of one torrent the first takes the slot.
        let wants_slot = self.request.left > 0 && !leeches;
        admission::new_session(self.rules, &self.role, sessions, slots_used, wants_slot)?;
        self.take_place(shard, slot)?;
        shard.departed.take(slot, self.user.index);

        let after = self.reported(Session::new(self.id, self.now_seconds), true);
        let class = Class::of_left(self.request.left);
        if wants_slot {
            self.tracker.users.add_leeching(self.user.index);
        }
        let key = &self.tracker.hash_key;
        let torrent = shard.torrents.get_mut(slot).ok_or(Refusal::TorrentUnknown)?;
        let swarm = &mut torrent.swarm;
        let was_empty = swarm.main.len() == 0;
        swarm.main.insert(after, class, key);
        swarm.count_paused(false, after.flags.has(Flags::PAUSED));
        if self.rules.settings.keep_peer_ids {
            let row = SessionPeerId { id: self.id, peer_id: self.request.peer_id };
            swarm.extra_mut().peer_ids.insert(row, Class::Seeder, key);
        }
        let v6 = self.put_v6(shard, slot, class, None);
        shard.count_in(class, was_empty);
        let (finished, gone, refusal) = (false, false, None);
        Ok(Change { before: None, after, v6, last_known_left, finished, gone, refusal })
    }

    /// Takes the place of one peer. What a session reported before it went waits for a flush in the
    /// place that it had, so that what waits is never more than `limits.sessions`: a session that
    /// comes back before the flush has its place still.
    fn take_place(&self, shard: &Shard<Private>, slot: u32) -> Result<(), Refusal> {
        let has_place = shard.pending.has_place(slot, self.id.key);
        if has_place || self.tracker.reserve_peer(self.rules.settings.peers_max) {
            return Ok(());
        }
        Err(Refusal::PeerLimit)
    }

    /// A known session reports. If it is refused its report counts, and it loses its endpoints,
    /// so that nobody is sent to it.
    fn stay(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        before: Session,
        refusal: Option<Refusal>,
    ) -> Change {
        let key = &self.tracker.hash_key;
        let mut after = self.reported(before, refusal.is_none());
        let (from, to) = (Class::of_left(before.left.get()), Class::of_left(self.request.left));
        if refusal.is_some() {
            after.drop_v4();
        }
        let finished = self.finishes(&before);
        after.flags.set(Flags::SNATCHED, finished || before.flags.has(Flags::SNATCHED));
        let leeched = from != to && self.tracker.leeches(shard, slot, self.user.index);
        if from != to {
            shard.before_rows_move(slot);
        }
        if let Some(torrent) = shard.torrents.get_mut(slot) {
            swarm::upsert(&mut torrent.swarm.main, after, to, key);
            torrent
                .swarm
                .count_paused(before.flags.has(Flags::PAUSED), after.flags.has(Flags::PAUSED));
        }
        if from != to {
            shard.count_moved(from, to);
            match (leeched, self.tracker.leeches(shard, slot, self.user.index)) {
                (true, false) => self.tracker.users.drop_leeching(self.user.index),
                (false, true) => self.tracker.users.add_leeching(self.user.index),
                _ => {}
            }
        }
        let v6 = match refusal {
            None => self.put_v6(shard, slot, to, Some(&before)),
            Some(_) => self.drop_v6(shard, slot),
        };
        let (last_known_left, gone) = (None, false);
        Change { before: Some(before), after, v6, last_known_left, finished, gone, refusal }
    }

    /// A known session ends.
    fn leave(&self, shard: &mut Shard<Private>, slot: u32, before: Session) -> Change {
        let mut after = self.reported(before, false);
        let finished = self.finishes(&before);
        after.flags.set(Flags::SNATCHED, finished || before.flags.has(Flags::SNATCHED));
        let taken = self.tracker.take_out(shard, slot, &self.id);
        self.remember_left(shard, slot);
        let v6 = taken.and_then(|taken| taken.v6);
        let (last_known_left, gone, refusal) = (None, true, None);
        Change { before: Some(before), after, v6, last_known_left, finished, gone, refusal }
    }

    /// A session that was not known ends: a fresh Transmission begins with exactly that.
    ///
    /// It is measured against departed sessions only, one of which it probably is, and only if
    /// no other client of the user has reported since: those say nothing about it, and a
    /// `stopped` that is sent twice must not be charged twice.
    fn pass_by(&self, shard: &mut Shard<Private>, slot: u32) -> Result<Change, Refusal> {
        let last_known_left = self
            .departed_left(shard, slot)
            .filter(|left| {
                self.sessions_of_user(shard, slot).all(|row| row.last_seconds() < left.at_seconds)
            })
            .and_then(Left::known);
        // What is not journalled is not remembered either, or a restart would change it.
        if !accounting::first_report(last_known_left, self.counters()).is_zero() {
            self.take_place(shard, slot)?;
            self.remember_left(shard, slot);
        }
        let after = self.reported(Session::new(self.id, self.now_seconds), false);
        let (finished, gone, refusal) = (false, true, None);
        Ok(Change { before: None, after, v6: None, last_known_left, finished, gone, refusal })
    }

    /// The row with what the announce reports; `reachable` if its endpoint is one to hand out.
    fn reported(&self, mut row: Session, reachable: bool) -> Session {
        row.set_last_seconds(self.now_seconds);
        row.uploaded = U56::new(self.request.uploaded);
        row.downloaded = U56::new(self.request.downloaded);
        row.left = U48::new(self.request.left);
        row.set_client(&self.request.peer_id);
        row.flags.set(Flags::STALE, false);
        row.flags.set(Flags::PAUSED, self.request.paused && self.request.left > 0);
        if let Some((endpoint, local)) = self.endpoint4()
            && reachable
        {
            row.v4 = endpoint;
            row.flags.set(Flags::LOCAL_V4, local);
        }
        row
    }

    fn counters(&self) -> Counters {
        let AnnounceRequest { uploaded, downloaded, left, .. } = *self.request;
        Counters { uploaded, downloaded, left }
    }

    fn endpoint4(&self) -> Option<(Endpoint4, bool)> {
        let claimed = self.request.claimed_v4.filter(|_| self.rules.settings.use_claimed_addresses);
        let ip = match (claimed, self.source.ip) {
            (Some(ip), _) | (None, IpAddr::V4(ip)) => ip,
            (None, IpAddr::V6(_)) => return None,
        };
        Some((address::endpoint4(ip, self.request.port), is_local(ip.into())))
    }

    fn endpoint6(&self) -> Option<(Endpoint6, bool)> {
        let claimed = self.request.claimed_v6.filter(|_| self.rules.settings.use_claimed_addresses);
        let ip = match (claimed, self.source.ip) {
            (Some(ip), _) | (None, IpAddr::V6(ip)) => ip,
            (None, IpAddr::V4(_)) => return None,
        };
        Some((address::endpoint6(ip, self.request.port), is_local(ip.into())))
    }

    /// Keeps the IPv6 side of a session in step; returns its endpoint.
    fn put_v6(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        class: Class,
        before: Option<&Session>,
    ) -> Option<Endpoint6> {
        let key = &self.tracker.hash_key;
        let swarm = &mut shard.torrents.get_mut(slot)?.swarm;
        let v6 = swarm.v6();
        let known = v6.and_then(|v6| v6.get(v6.find(&self.id, key)?)).copied();
        let mut row = match (self.endpoint6(), known) {
            (Some((endpoint, local)), _) => {
                SessionV6::new(self.id, endpoint, local, self.now_seconds)
            }
            (None, Some(known)) => known,
            (None, None) => return None,
        };
        row.paused = self.request.paused && class == Class::Leecher;
        row.v4_last_seconds = match (self.endpoint4(), known, before) {
            (Some(_), ..) => self.now_seconds,
            (None, Some(known), _) => known.v4_last_seconds,
            // Until now it announced over IPv4 only.
            (None, None, Some(before)) if before.has_v4() => before.last_seconds(),
            (None, None, _) => 0,
        };
        swarm::upsert(swarm.v6_mut(), row, class, key);
        Some(row.endpoint)
    }

    fn drop_v6(&self, shard: &mut Shard<Private>, slot: u32) -> Option<Endpoint6> {
        let swarm = &mut shard.torrents.get_mut(slot)?.swarm;
        let v6 = &mut swarm.extra.as_mut()?.v6;
        swarm::remove(v6, &self.id, &self.tracker.hash_key);
        swarm.drop_empty_extra();
        None
    }

    fn finishes(&self, before: &Session) -> bool {
        before.left.get() > 0 && self.request.left == 0 && !before.flags.has(Flags::SNATCHED)
    }

    fn sessions_of_user<'s>(
        &self,
        shard: &'s Shard<Private>,
        slot: u32,
    ) -> impl Iterator<Item = &'s Session> + use<'s> {
        let (user, id, key) = (self.user.index, self.id, self.tracker.hash_key);
        let torrent = shard.torrents.get(slot).into_iter();
        torrent
            .flat_map(move |torrent| torrent.swarm.main.with_hash_of(&id, &key))
            .filter(move |row| row.user() == user)
    }

    /// What the user lacked when last seen on this torrent, under whatever client name.
    fn last_known_left(&self, shard: &Shard<Private>, slot: u32) -> Option<u64> {
        let live = self.sessions_of_user(shard, slot).filter(|row| !row.flags.has(Flags::STALE));
        let live = live.map(|row| Left { bytes: row.left.get(), at_seconds: row.last_seconds() });
        let latest = live.chain(self.departed_left(shard, slot)).max_by_key(Left::recency);
        latest.and_then(Left::known)
    }

    fn departed_left(&self, shard: &Shard<Private>, slot: u32) -> Option<Left> {
        let torrent = shard.torrents.get(slot)?;
        let departed = torrent.marks.has(Marks::DEPARTED);
        departed.then(|| shard.departed.get(slot, self.user.index)).flatten()
    }

    /// A client that was restarted has a new name at the endpoint of the old one, which is gone.
    fn supersede(&self, shard: &mut Shard<Private>, slot: u32) {
        let at_v4 = self.endpoint4().and_then(|(endpoint, _)| {
            self.sessions_of_user(shard, slot).find(|row| row.v4 == endpoint).map(Row::id)
        });
        let at_v6 = || {
            let (endpoint, _) = self.endpoint6()?;
            let v6 = shard.torrents.get(slot)?.swarm.v6()?;
            let mut same_user = v6.with_hash_of(&self.id, &self.tracker.hash_key);
            same_user
                .find(|row| row.user() == self.user.index && row.endpoint == endpoint)
                .map(Row::id)
        };
        if let Some(old) = at_v4.or_else(at_v6) {
            self.tracker.depart(shard, slot, &old);
        }
    }

    fn remember_left(&self, shard: &mut Shard<Private>, slot: u32) {
        let left = Left { bytes: self.request.left, at_seconds: self.now_seconds };
        self.tracker.put_departed(shard, slot, self.user.index, left);
    }

    // ---- Step 5: answer ----

    pub(super) fn answer(&self, shard: &Shard<Private>, slot: u32) -> Answer {
        let torrent = shard.torrents.get(slot);
        let counts = torrent.map(|torrent| torrent.counts(false)).unwrap_or_default();
        Answer::new(&self.rules.settings, counts)
    }

    /// Looks at one random row and removes it if it has expired, so that a busy swarm keeps
    /// itself clean.
    pub(super) fn clean_one(&self, shard: &mut Shard<Private>, slot: u32, list: &mut PeerList) {
        let Some(torrent) = shard.torrents.get(slot) else { return };
        let rows = torrent.swarm.main.len();
        if rows == 0 {
            return;
        }
        let timeout_seconds = self.rules.settings.peer_timeout_seconds;
        let row = torrent.swarm.main.get(list.picker.rng.usize(..rows));
        let is_old = |row: &&Session| row.age_seconds(self.now_seconds) > timeout_seconds;
        let had_its_chance = self.tracker.long_enough_up(self.now_seconds, timeout_seconds);
        let expired = row.filter(|row| had_its_chance && is_old(row));
        if let Some(id) = expired.map(Row::id) {
            self.tracker.depart(shard, slot, &id);
        }
    }
}
