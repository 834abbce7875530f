//! How a session leaves a private swarm, and what is remembered of it.

use mika_protocol::PeerId;

use super::Tracker;
use crate::address::Endpoint6;
use crate::batch::{Agent, Traffic};
use crate::shard::departed::Left;
use crate::shard::pending::{PendingSession, Report, Special};
use crate::shard::{Marks, Shard};
use crate::swarm::session::{Flags, Private, Session, SessionId};
use crate::swarm::{self, Class, Peer};
use crate::users::User;

/// A session that was taken out of its swarm.
pub(super) struct Taken {
    pub(super) row: Session,
    pub(super) v6: Option<Endpoint6>,
    pub(super) peer_id: Option<PeerId>,
    /// Bytes that it had discarded, if they are counted.
    pub(super) corrupt_bytes: u64,
}

impl Tracker {
    /// Takes a session out of its swarm and all counts but that of peers: what it reported keeps
    /// its place until it is flushed, so that what waits for a disk that is full has a limit.
    pub(super) fn take_out(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        id: &SessionId,
    ) -> Option<Taken> {
        let key = &self.hash_key;
        shard.before_rows_move(slot);
        let swarm = &mut shard.torrents.get_mut(slot)?.swarm;
        let row = swarm::remove(&mut swarm.main, id, key)?;
        swarm.count_paused(row.flags.has(Flags::PAUSED), false);
        let extra = swarm.extra.as_deref_mut();
        let (v6, peer_id) = extra.map_or((None, None), |extra| {
            let v6 = swarm::remove(&mut extra.v6, id, key).map(|row| row.endpoint);
            (v6, swarm::remove(&mut extra.peer_ids, id, key).map(|row| row.peer_id))
        });
        let hidden = row.flags.has(Flags::HIDDEN);
        if hidden {
            swarm.count_hidden(false);
        }
        swarm.drop_empty_extra();
        let is_empty = swarm.main.len() == 0;
        let class = Class::of_left(row.left.get());
        if hidden {
            shard.count_hidden(false);
        }
        shard.count_out(class, is_empty);
        let corrupt_bytes = shard.forget_corrupt(slot, id.key);
        if class == Class::Leecher && !hidden && !self.leeches(shard, slot, id.user) {
            self.users.drop_leeching(id.user);
        }
        Some(Taken { row, v6, peer_id, corrupt_bytes })
    }

    /// Takes a leecher out of all counts, or puts it back into them.
    pub(super) fn hide(&self, shard: &mut Shard<Private>, slot: u32, hidden: bool) {
        if let Some(torrent) = shard.torrents.get_mut(slot) {
            torrent.swarm.count_hidden(hidden);
            torrent.swarm.drop_empty_extra();
        }
        shard.count_hidden(hidden);
    }

    /// Whether a user leeches a torrent, with any client that is not hidden: whether it takes a
    /// download slot.
    pub(super) fn leeches(&self, shard: &Shard<Private>, slot: u32, user: u32) -> bool {
        let Some(torrent) = shard.torrents.get(slot) else { return false };
        let id = SessionId { user, key: 0 };
        let mut same_hash = torrent.swarm.main.with_hash_of(&id, &self.hash_key);
        same_hash
            .any(|row| row.user() == user && row.left.get() > 0 && !row.flags.has(Flags::HIDDEN))
    }

    /// Whether a user has any session on a torrent.
    pub(super) fn has_session(&self, shard: &Shard<Private>, slot: u32, user: u32) -> bool {
        let Some(torrent) = shard.torrents.get(slot) else { return false };
        let id = SessionId { user, key: 0 };
        torrent.swarm.main.with_hash_of(&id, &self.hash_key).any(|row| row.user() == user)
    }

    /// What is known of a session that did not announce.
    pub(super) fn report_of_nobody(&self, row: &Session, user: Option<&User>) -> Report {
        let rules = self.rules.load();
        let terms = user.and_then(|user| self.terms.of(user)).unwrap_or_default();
        let of_role = || user.is_some_and(|user| rules.role(user.role_id).spec.immune);
        Report::none(row, terms.immune.unwrap_or_else(of_role), terms.address_hidden)
    }

    /// Removes a session that ended without saying so.
    pub(super) fn depart(&self, shard: &mut Shard<Private>, slot: u32, id: &SessionId) {
        let Some(taken) = self.take_out(shard, slot, id) else { return };
        if !taken.row.flags.has(Flags::STALE) {
            let left = Left { bytes: taken.row.left.get(), at_seconds: taken.row.last_seconds() };
            self.put_departed(shard, slot, id.user, left);
            self.put_silent(shard, slot, taken.row);
        }
        let Some(torrent) = shard.torrents.get(slot) else { return };
        let user = self.users.by_index(id.user);
        let torrent_id = torrent.id;
        self.observe_departure(shard, torrent_id, &taken.row, user.as_ref());
        let Some(torrent) = shard.torrents.get(slot) else { return };
        let mut report = self.report_of_nobody(&taken.row, user.as_ref());
        if taken.corrupt_bytes > 0 {
            let corrupt_bytes = taken.corrupt_bytes;
            report.special = Some(Special { corrupt_bytes, ..Special::default() });
        }
        let session = PendingSession {
            torrent_id: torrent.id,
            info_hash: torrent.info_hash,
            user_id: user.map_or(0, |user| user.id),
            peer_id: taken.peer_id,
            row: taken.row,
            v6: taken.v6,
            gone: true,
            user_active: false,
            traffic: Traffic::default(),
            seed_seconds: 0,
            snatches: 0,
            report,
        };
        shard.pending.put(slot, &session, &Agent::NONE);
        shard.mark_dirty(slot);
    }

    /// Remembers what a user lacked, or forgets it if that is nothing, or unknown: but for users
    /// with another session, whose older report would be taken for the last one.
    pub(super) fn put_departed(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        user: u32,
        left: Left,
    ) {
        let is_debt = left.known().is_some_and(|bytes| bytes > 0);
        if !is_debt && !self.has_session(shard, slot, user) {
            shard.departed.forget(slot, user, left.at_seconds);
            return;
        }
        let entries_max = self.departed_max_of_shard();
        if shard.departed.put(slot, user, left, entries_max) {
            if let Some(torrent) = shard.torrents.get_mut(slot) {
                torrent.marks.set(Marks::DEPARTED, true);
            }
        } else {
            self.totals.departed_forgotten.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Keeps the counters of a session that ended without saying so, where sites want it to go on
    /// with them when it comes back.
    pub(super) fn put_silent(&self, shard: &mut Shard<Private>, slot: u32, row: Session) {
        let kept_seconds = self.rules.load().settings.site.silent_kept_seconds;
        if kept_seconds == 0 {
            return;
        }
        let since_seconds = row.last_seconds().saturating_sub(kept_seconds);
        if !shard.silent.put(slot, row, since_seconds, self.departed_max_of_shard()) {
            self.totals.departed_forgotten.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn departed_max_of_shard(&self) -> usize {
        (self.rules.load().settings.departed_max as usize / super::shards::SHARDS).max(1)
    }
}
