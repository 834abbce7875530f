//! What a restart needs, item by item: written at a cut, read back before the first announce.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;

use mika_protocol::InfoHash;

use super::shards::Shards;
use super::{SnapshotItem, Swarms, Tracker};
use crate::address::{endpoint4, endpoint6, is_local};
use crate::batch::{Batch, RegisteredRow, SessionRow};
use crate::packed::{U48, U56};
use crate::shard::departed::Left;
use crate::shard::{Marks, Torrent};
use crate::swarm::public::{Public, PublicPeer};
use crate::swarm::session::{Flags, Private, Session, SessionId, SessionPeerId, SessionV6};
use crate::swarm::{self, Class};

impl Tracker {
    /// Puts back what a snapshot held. Items of torrents or users that are gone are left out;
    /// returns whether the item was taken.
    pub fn restore(&self, item: &SnapshotItem) -> bool {
        match (item, &self.swarms) {
            (SnapshotItem::Session(row), Swarms::Private(shards)) if row.gone => {
                self.restore_silent(shards, row)
            }
            (SnapshotItem::Session(row), Swarms::Private(_)) => self.restore_session(row),
            (
                SnapshotItem::Departed { info_hash, user_id, left_bytes, at_seconds },
                Swarms::Private(shards),
            ) => {
                let left = Left { bytes: *left_bytes, at_seconds: *at_seconds };
                self.restore_departed(shards, *info_hash, *user_id, left)
            }
            (SnapshotItem::Withheld(row), Swarms::Private(_)) => {
                self.withheld.restore(row);
                true
            }
            (SnapshotItem::Torrent { info_hash, id, snatches }, Swarms::Public(shards)) => {
                self.restore_unstored(shards, *info_hash, *id, *snatches)
            }
            (SnapshotItem::Peer { .. }, Swarms::Public(shards)) => self.restore_peer(shards, item),
            _ => false,
        }
    }

    /// Brings the sessions to where a journalled batch left them; returns how many of its rows
    /// were of known users and torrents.
    pub fn replay(&self, batch: &Batch) -> usize {
        self.replay_withheld(batch);
        for row in &batch.registered {
            self.restore_registered(row);
        }
        // In the order of their announces: the last one says what its user lacks.
        let mut rows: Vec<&SessionRow> = batch.sessions.iter().collect();
        rows.sort_by_key(|row| (row.announced_at_seconds, Reverse(row.left_bytes)));
        rows.into_iter().filter(|row| self.restore_session(row)).count()
    }

    /// Brings what is withheld from users to where a journalled batch left it. That is all that can
    /// be replayed with another hash key.
    pub fn replay_withheld(&self, batch: &Batch) {
        batch.withheld.iter().for_each(|row| self.withheld.restore(row));
    }

    /// Marks every session as possibly older than the totals in the store, so that its next
    /// announce sets its counters and earns nothing: better a second of credit lost than one
    /// counted twice. What users lacked is forgotten: the totals may know of a later state, and
    /// what lies between the two must not be charged again.
    pub fn mark_sessions_stale(&self) -> usize {
        let Swarms::Private(shards) = &self.swarms else { return 0 };
        let mut marked = 0;
        for shard in shards.iter() {
            let mut shard = shard.lock();
            shard.departed.clear();
            shard.silent.clear();
            for slot in 0..shard.torrents.slots() {
                let Some(torrent) = shard.torrents.get_mut(slot) else { continue };
                for at in 0..torrent.swarm.main.len() {
                    if let Some(row) = torrent.swarm.main.get_mut(at) {
                        row.flags.set(Flags::STALE, true);
                        marked += 1;
                    }
                }
            }
        }
        marked
    }

    /// A time of the last process, whose clock may have been ahead of this one's: a session from
    /// the future would not expire until then.
    fn not_after_resume(&self, at_seconds: u32) -> u32 {
        match self.totals.resumed_at_seconds.load(Ordering::Relaxed) {
            0 => at_seconds,
            resumed_at_seconds => at_seconds.min(resumed_at_seconds),
        }
    }

    /// The time of a public peer's last announce, whose row tells the ages of some hours only: one
    /// that was away for longer would look young. Since nobody expires before the timeout after the
    /// resumption, everybody may as well have announced then.
    fn resumed_or(&self, at_seconds: u32) -> u32 {
        match self.totals.resumed_at_seconds.load(Ordering::Relaxed) {
            0 => at_seconds,
            resumed_at_seconds => resumed_at_seconds,
        }
    }

    fn restore_registered(&self, row: &RegisteredRow) {
        let Swarms::Private(shards) = &self.swarms else { return };
        self.totals
            .next_registered_id
            .fetch_max(row.torrent_id.saturating_add(1), Ordering::Relaxed);
        if let Err(Some(mut shard)) = shards.find(row.info_hash)
            && self.reserve_torrent(self.rules.load().settings.torrents_max)
        {
            shard.insert(Torrent::new(row.info_hash, row.torrent_id), &self.hash_key);
        }
    }

    fn restore_session(&self, row: &SessionRow) -> bool {
        let Swarms::Private(shards) = &self.swarms else { return false };
        let Some(user) = self.users.index_of(row.user_id) else { return false };
        let Ok((mut shard, slot)) = shards.find(row.info_hash) else { return false };
        let id = SessionId { user, key: row.key };
        let known = self.take_out(&mut shard, slot, &id);
        if known.is_some() {
            self.release_peer();
        }
        shard.silent.take(slot, &id);
        if row.gone {
            if !row.stale {
                let left = Left { bytes: row.left_bytes, at_seconds: row.announced_at_seconds };
                self.put_departed(&mut shard, slot, user, left);
                // One that stopped has announced that.
                if row.announces == 0 {
                    self.put_silent(&mut shard, slot, self.session_of(id, row));
                }
            }
            return true;
        }
        // Limits are for newcomers. And a snapshot may contain more sessions than there ever were
        // at one time: some that left while it was taken, and those that came in their places.
        self.reserve_peer(u64::MAX);
        shard.departed.forget(slot, user, row.announced_at_seconds);
        let mut session = self.session_of(id, row);
        let hidden = !row.visible && row.left_bytes > 0;
        session.flags.set(Flags::HIDDEN, hidden);
        if let Some(v4) = row.address_v4.filter(|_| !hidden) {
            session.v4 = endpoint4(*v4.ip(), v4.port());
            session.flags.set(Flags::LOCAL_V4, is_local((*v4.ip()).into()));
        }
        let peer_id = row.peer_id.or(known.and_then(|known| known.peer_id));
        let class = Class::of_left(row.left_bytes);
        if class == Class::Leecher && !hidden && !self.leeches(&shard, slot, user) {
            self.users.add_leeching(user);
        }
        let key = &self.hash_key;
        let keep_peer_ids = self.rules.load().settings.keep_peer_ids;
        let Some(torrent) = shard.torrents.get_mut(slot) else { return false };
        let swarm = &mut torrent.swarm;
        let was_empty = swarm.main.len() == 0;
        swarm.main.insert(session, class, key);
        swarm.count_paused(false, row.paused);
        if let Some(v6) = row.address_v6.filter(|_| !hidden) {
            let (endpoint, local) = (endpoint6(*v6.ip(), v6.port()), is_local((*v6.ip()).into()));
            let mut v6 = SessionV6::new(id, endpoint, local, session.last_seconds());
            // When each was announced is not written: both begin anew.
            v6.v4_last_seconds = if session.has_v4() { session.last_seconds() } else { 0 };
            v6.paused = row.paused;
            swarm.extra_mut().v6.insert(v6, class, key);
        }
        if let Some(peer_id) = peer_id.filter(|_| keep_peer_ids) {
            let row = SessionPeerId { id, peer_id };
            swarm.extra_mut().peer_ids.insert(row, Class::Seeder, key);
        }
        shard.count_in(class, was_empty);
        shard.put_corrupt(slot, id.key, row.corrupt_bytes);
        if hidden {
            self.hide(&mut shard, slot, true);
        }
        true
    }

    /// What a row says of a session, but for its endpoints.
    fn session_of(&self, id: SessionId, row: &SessionRow) -> Session {
        let mut session = Session::new(id, row.started_at_seconds);
        session.set_last_seconds(self.not_after_resume(row.announced_at_seconds));
        session.uploaded = U56::new(row.uploaded_bytes);
        session.downloaded = U56::new(row.downloaded_bytes);
        session.left = U48::new(row.left_bytes);
        session.flags.set(Flags::PAUSED, row.paused);
        session.flags.set(Flags::SNATCHED, row.snatched);
        session.flags.set(Flags::STALE, row.stale);
        session
    }

    /// A session that fell silent. What its user lacked is an item of its own.
    fn restore_silent(&self, shards: &Shards<Private>, row: &SessionRow) -> bool {
        let (Some(user), Ok((mut shard, slot))) =
            (self.users.index_of(row.user_id), shards.find(row.info_hash))
        else {
            return false;
        };
        let id = SessionId { user, key: row.key };
        self.put_silent(&mut shard, slot, self.session_of(id, row));
        true
    }

    fn restore_departed(
        &self,
        shards: &Shards<Private>,
        info_hash: InfoHash,
        user_id: u32,
        left: Left,
    ) -> bool {
        let (Some(user), Ok((mut shard, slot))) =
            (self.users.index_of(user_id), shards.find(info_hash))
        else {
            return false;
        };
        self.put_departed(&mut shard, slot, user, left);
        true
    }

    fn restore_unstored(
        &self,
        shards: &Shards<Public>,
        info_hash: InfoHash,
        id: u32,
        snatches: u32,
    ) -> bool {
        self.totals.next_registered_id.fetch_max(id.saturating_add(1), Ordering::Relaxed);
        let Err(Some(mut shard)) = shards.find(info_hash) else { return false };
        if !self.reserve_torrent(self.rules.load().settings.torrents_max) {
            return false;
        }
        let mut torrent = Torrent::new(info_hash, id);
        torrent.marks.set(Marks::UNSTORED, true);
        torrent.swarm.main.snatches = snatches;
        shard.insert(torrent, &self.hash_key);
        true
    }

    fn restore_peer(&self, shards: &Shards<Public>, item: &SnapshotItem) -> bool {
        let SnapshotItem::Peer { info_hash, v4, v6, seeder, paused, at_seconds } = item else {
            return false;
        };
        let Ok((mut shard, slot)) = shards.find(*info_hash) else { return false };
        let class = if *seeder { Class::Seeder } else { Class::Leecher };
        let at_seconds = self.resumed_or(*at_seconds);
        let key = &self.hash_key;
        let Some(torrent) = shard.torrents.get_mut(slot) else { return false };
        let swarm = &mut torrent.swarm;
        let was_empty = swarm.is_empty();
        let added = match (v4, v6) {
            (Some(v4), _) => {
                let endpoint = endpoint4(*v4.ip(), v4.port());
                let mut row = PublicPeer::new(endpoint, is_local((*v4.ip()).into()));
                row.announce(at_seconds, *paused, false);
                swarm::upsert(&mut swarm.main, row, class, key)
            }
            (None, Some(v6)) => {
                let endpoint = endpoint6(*v6.ip(), v6.port());
                let mut row = PublicPeer::new(endpoint, is_local((*v6.ip()).into()));
                row.announce(at_seconds, *paused, false);
                swarm::upsert(swarm.v6_mut(), row, class, key)
            }
            (None, None) => false,
        };
        if !added || !self.reserve_peer(u64::MAX) {
            return false;
        }
        swarm.count_paused(false, *paused);
        shard.count_in(class, was_empty);
        true
    }
}
