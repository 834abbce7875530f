//! The steps of a private announce: admission, swarm and answer here, `private/account.rs` and
//! `private/select.rs` for the two between.

mod account;
mod learn;
mod observe;
mod restrain;
mod select;

use std::net::IpAddr;

use mika_protocol::{AnnounceRequest, Event, ScrapeCounts};

use super::Tracker;
use super::explain::refuse_torrent_of;
use super::shards::{Found, Shards};
use crate::accounting::{self, Counters};
use crate::address::{self, Endpoint4, Endpoint6, is_local};
use crate::admission::{self, Newcomer};
use crate::packed::{U48, U56};
use crate::refusal::Refusal;
use crate::registry::UserTerms;
use crate::reply::{Answer, PeerList, Source};
use crate::rules::{Role, Rules};
use crate::shard::departed::Left;
use crate::shard::{Marks, Shard};
use crate::site::{Completion, SlotRule};
use crate::swarm::session::{Flags, Private, Session, SessionId, SessionPeerId, SessionV6};
use crate::swarm::{self, Class, Peer, Row};
use crate::users::User;

/// One announce on its way through the tracker.
pub(super) struct Visit<'a> {
    tracker: &'a Tracker,
    rules: &'a Rules,
    user: User,
    role: &'a Role,
    terms: Option<UserTerms>,
    request: &'a AnnounceRequest,
    source: &'a Source,
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
    /// The session as it was when it fell silent, if it has come back.
    silent: Option<Session>,
    /// What the user lacked when last seen on this torrent, if the session was not known.
    last_known_left: Option<u64>,
    /// `left` has come to 0, for the first time in this session.
    finished: bool,
    /// The session has ended.
    gone: bool,
    /// Why the answer has neither peers nor counts.
    withheld: Option<Refusal>,
    /// What the client is told instead of an answer, once its report is counted.
    refusal: Option<Refusal>,
}

/// Clients announce over both address families at once: so many seconds apart at most.
const TWIN_SECONDS_MAX: u32 = 60;

impl Change {
    /// A session that was not known and is now.
    #[inline(always)]
    fn to(after: Session) -> Self {
        Self {
            before: None,
            after,
            v6: None,
            silent: None,
            last_known_left: None,
            finished: false,
            gone: false,
            withheld: None,
            refusal: None,
        }
    }

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
        source: &'a Source,
        now_seconds: u32,
    ) -> Self {
        let key = tracker.hash_key.session(user.id, &request.peer_id);
        let id = SessionId { user: user.index, key };
        let role = rules.role(user.role_id);
        let terms = tracker.terms.of(&user);
        let client = admission::client(rules, request, source);
        let rights = admission::rights(&rules.settings.site, &user, role, request);
        Self { tracker, rules, user, role, terms, request, source, id, now_seconds, client, rights }
    }

    // ---- Step 1: admission ----

    #[inline]
    pub(super) fn enter<'s>(
        &self,
        shards: &'s Shards<Private>,
    ) -> Result<Option<Found<'s, Private>>, Refusal> {
        if let Err(too_large) = admission::counters(self.request) {
            return Err(self.refuse_counters(shards, too_large));
        }
        let (rules, request, now) = (self.rules, self.request, self.now_seconds);
        let entered = self.tracker.enter(shards, rules, request, self.client, self.rights, now);
        entered.inspect_err(|refusal| self.note(*refusal))
    }

    #[cold]
    fn refuse_counters(&self, shards: &Shards<Private>, too_large: Refusal) -> Refusal {
        let torrent = refuse_torrent_of(shards, self.rules, self.request.info_hash);
        let also = [self.client.err(), torrent, self.rights.err()].into_iter().flatten();
        let refusals = also.chain([too_large]);
        self.rules.settings.site.first(refusals).unwrap_or(too_large)
    }

    /// Notes an announce of a torrent that is not to be announced, if the site asks for it.
    #[cold]
    pub(super) fn note(&self, refusal: Refusal) {
        let concerned = match refusal {
            Refusal::TorrentUnknown => !self.tracker.unregistered.is_deferred(),
            Refusal::TorrentDeleted(_) => true,
            _ => false,
        };
        if concerned && self.rules.settings.site.record_unregistered {
            let info_hash = self.request.info_hash;
            self.tracker.unregistered.note(self.user.id, info_hash, self.now_seconds);
        }
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
        torrent.swarm.main.prefetch_few();
        let at = torrent.swarm.main.find(&self.id, &self.tracker.hash_key);
        let before = at.and_then(|at| torrent.swarm.main.get(at).copied());
        let standing = admission::torrent(torrent);
        match (before, self.request.event == Event::Stopped) {
            (Some(before), true) => Ok(self.leave(shard, slot, before)),
            (None, true) => {
                self.all_of(self.client, standing, self.rights)?;
                self.pass_by(shard, slot)
            }
            (Some(before), false) => {
                let refusal = self.all_of(self.client, standing, self.rights).err();
                Ok(self.stay(shard, slot, at.unwrap_or_default(), before, refusal))
            }
            (None, false) => {
                self.all_of(self.client, standing, self.rights)?;
                self.join(shard, slot)
            }
        }
    }

    /// Of several verdicts the one that the site tells first.
    #[inline]
    fn all_of(
        &self,
        one: Result<(), Refusal>,
        two: Result<(), Refusal>,
        three: Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if one.is_ok() && two.is_ok() && three.is_ok() {
            return Ok(());
        }
        self.first_of([one.err(), two.err(), three.err()])
    }

    #[cold]
    fn first_of(&self, refusals: [Option<Refusal>; 3]) -> Result<(), Refusal> {
        let refusals = refusals.into_iter().flatten();
        self.rules.settings.site.first(refusals).map_or(Ok(()), Err)
    }

    /// A session that was not known joins the swarm.
    fn join(&self, shard: &mut Shard<Private>, slot: u32) -> Result<Change, Refusal> {
        let last_known_left = self.last_known_left(shard, slot);
        self.supersede(shard, slot);
        let newcomer = self.newcomer(shard, slot);
        let leeches_already = newcomer.leeches_already;
        let hidden = admission::new_session(self.rules, self.role, &newcomer)?;
        self.take_place(shard, slot)?;
        shard.departed.take(slot, self.user.index);
        let silent = self.take_silent(shard, slot);

        let began = silent.unwrap_or_else(|| Session::new(self.id, self.now_seconds));
        let mut after = self.reported(began, !hidden);
        let finished = self.finishes(silent.as_ref());
        after.flags.set(Flags::SNATCHED, finished || began.flags.has(Flags::SNATCHED));
        after.flags.set(Flags::HIDDEN, hidden);
        let class = Class::of_left(self.request.left);
        if class == Class::Leecher && !hidden && !leeches_already {
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
        shard.count_in(class, was_empty);
        let v6 = if hidden { None } else { self.put_v6(shard, slot, class, None) };
        let mut withheld = None;
        if hidden {
            self.tracker.hide(shard, slot, true);
            withheld = Some(Refusal::NoDownloadSlot);
        }
        Ok(Change { v6, silent, last_known_left, finished, withheld, ..Change::to(after) })
    }

    fn newcomer(&self, shard: &Shard<Private>, slot: u32) -> Newcomer {
        let sessions = || self.sessions_of_user(shard, slot);
        let terms = self.terms.unwrap_or_default();
        Newcomer {
            terms,
            created_at_seconds: match terms.wait_seconds {
                0 => None,
                _ => shard.created_seconds(slot),
            },
            now_seconds: self.now_seconds,
            sessions: sessions().count(),
            leeching_sessions: match terms.peers_max {
                None => 0,
                Some(_) => sessions().filter(|row| row.left.get() > 0).count(),
            },
            leeches_already: self.tracker.leeches(shard, slot, self.user.index),
            leeching: self.tracker.users.leeching(self.user.index),
            left_bytes: self.request.left,
        }
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
        at: usize,
        before: Session,
        refusal: Option<Refusal>,
    ) -> Change {
        let key = &self.tracker.hash_key;
        let limits = self.rules.limits_known_sessions;
        let was_hidden = before.flags.has(Flags::HIDDEN);
        let hidden = limits && self.is_over_slots(&before);
        let reachable = refusal.is_none() && !hidden;
        let withheld = match hidden {
            true => Some(Refusal::NoDownloadSlot),
            false if limits && self.is_early(shard, slot, &before) => Some(Refusal::RateLimited),
            false => None,
        };
        let mut after = self.reported(before, reachable);
        let (from, to) = (Class::of_left(before.left.get()), Class::of_left(self.request.left));
        if !reachable {
            after.drop_v4();
        }
        let finished = self.finishes(Some(&before));
        after.flags.set(Flags::SNATCHED, finished || before.flags.has(Flags::SNATCHED));
        after.flags.set(Flags::HIDDEN, hidden);
        let moves = from != to || hidden != was_hidden;
        let leeched = moves && self.tracker.leeches(shard, slot, self.user.index);
        if was_hidden && !hidden {
            self.tracker.hide(shard, slot, false);
        }
        if from != to {
            shard.before_rows_move(slot);
        }
        if let Some(torrent) = shard.torrents.get_mut(slot) {
            swarm::replace(&mut torrent.swarm.main, at, after, to, key);
            torrent
                .swarm
                .count_paused(before.flags.has(Flags::PAUSED), after.flags.has(Flags::PAUSED));
        }
        if from != to {
            shard.count_moved(from, to);
        }
        if moves {
            match (leeched, self.tracker.leeches(shard, slot, self.user.index)) {
                (true, false) => self.tracker.users.drop_leeching(self.user.index),
                (false, true) => self.tracker.users.add_leeching(self.user.index),
                _ => {}
            }
        }
        if hidden && !was_hidden {
            self.tracker.hide(shard, slot, true);
        }
        let v6 = match reachable {
            true => self.put_v6(shard, slot, to, Some(&before)),
            false => self.drop_v6(shard, slot),
        };
        let before = Some(before);
        Change { before, v6, finished, withheld, refusal, ..Change::to(after) }
    }

    /// A known session ends.
    fn leave(&self, shard: &mut Shard<Private>, slot: u32, before: Session) -> Change {
        let mut after = self.reported(before, false);
        let finished = self.finishes(Some(&before));
        after.flags.set(Flags::SNATCHED, finished || before.flags.has(Flags::SNATCHED));
        let taken = self.tracker.take_out(shard, slot, &self.id);
        self.remember_left(shard, slot);
        let mut v6 = None;
        if let Some(taken) = taken {
            v6 = taken.v6;
            // The account forgets it.
            shard.put_corrupt(slot, self.id.key, taken.corrupt_bytes);
        }
        let (before, gone) = (Some(before), true);
        Change { before, v6, finished, gone, ..Change::to(after) }
    }

    /// A session that was not known ends: a fresh Transmission begins with exactly that.
    ///
    /// It is measured against departed sessions only, one of which it probably is, and only if
    /// no other client of the user has reported since: those say nothing about it, and a
    /// `stopped` that is sent twice must not be charged twice.
    fn pass_by(&self, shard: &mut Shard<Private>, slot: u32) -> Result<Change, Refusal> {
        if self.is_silent(shard, slot) {
            return self.leave_silent(shard, slot);
        }
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
        let told = self.rules.settings.site.session_unknown_told;
        let refusal = told.then_some(Refusal::SessionUnknown);
        Ok(Change { last_known_left, gone: true, refusal, ..Change::to(after) })
    }

    /// A session that fell silent comes back to say that it ends.
    #[cold]
    fn leave_silent(&self, shard: &mut Shard<Private>, slot: u32) -> Result<Change, Refusal> {
        self.take_place(shard, slot)?;
        let silent = self.take_silent(shard, slot);
        let began = silent.unwrap_or_else(|| Session::new(self.id, self.now_seconds));
        self.remember_left(shard, slot);
        let finished = self.finishes(silent.as_ref());
        let mut after = self.reported(began, false);
        after.flags.set(Flags::SNATCHED, finished || began.flags.has(Flags::SNATCHED));
        Ok(Change { silent, finished, gone: true, ..Change::to(after) })
    }

    fn is_silent(&self, shard: &Shard<Private>, slot: u32) -> bool {
        shard.silent.get(slot, &self.id).is_some_and(|row| self.may_go_on(row))
    }

    /// The session as it was when it fell silent, if that is not too long ago.
    fn take_silent(&self, shard: &mut Shard<Private>, slot: u32) -> Option<Session> {
        shard.silent.take(slot, &self.id).filter(|row| self.may_go_on(row))
    }

    fn may_go_on(&self, row: &Session) -> bool {
        row.age_seconds(self.now_seconds) <= self.rules.settings.site.silent_kept_seconds
    }

    /// The row with what the announce reports; `reachable` if its endpoint is one to hand out.
    fn reported(&self, mut row: Session, reachable: bool) -> Session {
        row.set_last_seconds(self.now_seconds);
        row.uploaded = U56::new(self.request.uploaded);
        row.downloaded = U56::new(self.request.downloaded);
        row.left = U48::new(self.request.left);
        row.flags.set(Flags::STALE, false);
        if self.rules.limits_known_sessions {
            row.flags.set(Flags::LAST_V6, self.source.ip.is_ipv6());
        }
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
        let table = swarm.v6_mut();
        swarm::upsert(table, row, class, key);
        if known.is_some_and(|known| known.endpoint != row.endpoint)
            && let Some(at) = table.find(&self.id, key)
        {
            // Its place is another now.
            table.forget_profile(at);
        }
        Some(row.endpoint)
    }

    fn drop_v6(&self, shard: &mut Shard<Private>, slot: u32) -> Option<Endpoint6> {
        let swarm = &mut shard.torrents.get_mut(slot)?.swarm;
        let v6 = &mut swarm.extra.as_mut()?.v6;
        swarm::remove(v6, &self.id, &self.tracker.hash_key);
        swarm.drop_empty_extra();
        None
    }

    fn finishes(&self, before: Option<&Session>) -> bool {
        if self.request.left > 0 {
            return false;
        }
        let snatched = before.is_some_and(|before| before.flags.has(Flags::SNATCHED));
        let left = before.map(|before| before.left.get());
        let completed = self.request.event == Event::Completed;
        match self.rules.settings.site.completion {
            Completion::Transition => left.is_some_and(|left| left > 0) && !snatched,
            Completion::Event => completed && left != Some(0) && !snatched,
            Completion::EveryEvent => completed,
        }
    }

    /// Whether a known session has to stay, or go, out of sight for want of a download slot.
    fn is_over_slots(&self, before: &Session) -> bool {
        let hides = self.rules.settings.site.slots == SlotRule::Hide;
        let keeps_slot = before.left.get() > 0 && !before.flags.has(Flags::HIDDEN);
        hides
            && self.request.left > 0
            && !keeps_slot
            && admission::over_slots(self.role, self.tracker.users.leeching(self.user.index))
    }

    /// Whether a known session announces before its time, where that is enforced. Each address
    /// family has a time of its own, and the first word of a completion is always welcome.
    fn is_early(&self, shard: &Shard<Private>, slot: u32, before: &Session) -> bool {
        let least_seconds = self.rules.settings.site.announce_min_enforced_seconds;
        let completes =
            self.request.event == Event::Completed && !before.flags.has(Flags::SNATCHED);
        if least_seconds == 0 || completes {
            return false;
        }
        let seconds_since = |at_seconds: u32| self.now_seconds.saturating_sub(at_seconds);
        let gap_seconds = seconds_since(before.last_seconds());
        match (before.flags.has(Flags::LAST_V6), self.source.ip.is_ipv6()) {
            (false, true) => {
                let v6 = shard.torrents.get(slot).and_then(|torrent| torrent.swarm.v6());
                let row = v6.and_then(|v6| v6.get(v6.find(&self.id, &self.tracker.hash_key)?));
                row.is_some_and(|row| seconds_since(row.last_seconds) < least_seconds)
            }
            (true, false) => gap_seconds < least_seconds && gap_seconds > TWIN_SECONDS_MAX,
            _ => gap_seconds < least_seconds,
        }
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

    pub(super) fn answer(
        &self,
        shard: &Shard<Private>,
        slot: u32,
        change: &Change,
        list: &mut PeerList,
    ) -> Answer {
        let torrent = shard.torrents.get(slot);
        let counts = torrent.map(|torrent| torrent.counts(false)).unwrap_or_default();
        let settings = &self.rules.settings;
        let mut answer = Answer::new(settings, counts);
        if settings.site.jitter_seconds > 0 || change.withheld.is_some() {
            self.suit_site(&mut answer, change.withheld, list);
        }
        if self.user.restrained {
            self.warn(list);
        }
        answer
    }

    #[inline(never)]
    fn suit_site(&self, answer: &mut Answer, withheld: Option<Refusal>, list: &mut PeerList) {
        let site = &self.rules.settings.site;
        let more_seconds = list.picker.rng.u32(0..=site.jitter_seconds);
        answer.interval_seconds = answer.interval_seconds.saturating_add(more_seconds);
        if let Some(reason) = withheld {
            (answer.seeders, answer.leechers) = (0, 0);
            let has_words = !site.told.text(reason.kind()).is_empty();
            answer.warning = has_words.then_some(reason);
        }
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
