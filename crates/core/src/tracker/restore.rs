//! What a restart needs, item by item: written at a cut, read back before the first announce.

use std::cmp::Reverse;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::sync::atomic::Ordering;

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::address::{endpoint4, endpoint6, is_local, socket4, socket6};
use crate::batch::{Agent, Batch, RegisteredRow, SessionRow};
use crate::packed::{U48, U56};
use crate::shard::departed::Left;
use crate::shard::{Marks, Shard, Torrent};
use crate::swarm::public::{Public, PublicPeer};
use crate::swarm::session::{Flags, Private, Session, SessionId, SessionPeerId, SessionV6};
use crate::swarm::{self, Class, Peer, Row};

/// One item of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotItem {
    /// A live session of a private tracker.
    Session(SessionRow),
    /// A leecher who left a private swarm before finishing.
    Departed {
        /// The torrent.
        info_hash: InfoHash,
        /// The store's id of the user.
        user_id: u32,
        /// Bytes that the user lacked.
        left_bytes: u64,
        /// Unix time of the last announce in seconds.
        at_seconds: u32,
    },
    /// A torrent that no store knows (public mode).
    Torrent {
        /// The torrent.
        info_hash: InfoHash,
        /// Its id in memory.
        id: u32,
        /// Finished downloads.
        snatches: u32,
    },
    /// A peer of a public tracker; one of the addresses is set.
    Peer {
        /// The torrent.
        info_hash: InfoHash,
        /// IPv4 address and port.
        v4: Option<SocketAddrV4>,
        /// IPv6 address and port.
        v6: Option<SocketAddrV6>,
        /// Has the whole torrent.
        seeder: bool,
        /// A partial seed.
        paused: bool,
        /// Unix time of the last announce in seconds, to the minute.
        at_seconds: u32,
    },
}

impl Tracker {
    /// Puts back what a snapshot held. Items of torrents or users that are gone are left out;
    /// returns whether the item was taken.
    pub fn restore(&self, item: &SnapshotItem) -> bool {
        match (item, &self.swarms) {
            (SnapshotItem::Session(row), Swarms::Private(_)) => self.restore_session(row),
            (
                SnapshotItem::Departed { info_hash, user_id, left_bytes, at_seconds },
                Swarms::Private(shards),
            ) => {
                let left = Left { bytes: *left_bytes, at_seconds: *at_seconds };
                self.restore_departed(shards, *info_hash, *user_id, left)
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
        for row in &batch.registered {
            self.restore_registered(row);
        }
        // In the order of their announces: the last one says what its user lacks.
        let mut rows: Vec<&SessionRow> = batch.sessions.iter().collect();
        rows.sort_by_key(|row| (row.announced_at_seconds, Reverse(row.left_bytes)));
        rows.into_iter().filter(|row| self.restore_session(row)).count()
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
        if row.gone {
            if !row.stale {
                let left = Left { bytes: row.left_bytes, at_seconds: row.announced_at_seconds };
                self.put_departed(&mut shard, slot, user, left);
            }
            return true;
        }
        if !self.reserve_peer(self.rules.load().settings.peers_max) {
            return false;
        }
        shard.departed.forget(slot, user, row.announced_at_seconds);
        let mut session = Session::new(id, row.started_at_seconds);
        session.set_last_seconds(self.not_after_resume(row.announced_at_seconds));
        session.uploaded = U56::new(row.uploaded_bytes);
        session.downloaded = U56::new(row.downloaded_bytes);
        session.left = U48::new(row.left_bytes);
        session.flags.set(Flags::PAUSED, row.paused);
        session.flags.set(Flags::SNATCHED, row.snatched);
        session.flags.set(Flags::STALE, row.stale);
        let hidden = !row.visible && row.left_bytes > 0;
        session.flags.set(Flags::HIDDEN, hidden);
        if let Some(v4) = row.address_v4.filter(|_| !hidden) {
            session.v4 = endpoint4(*v4.ip(), v4.port());
            session.flags.set(Flags::LOCAL_V4, is_local((*v4.ip()).into()));
        }
        let peer_id = row.peer_id.or(known.and_then(|known| known.peer_id));
        let class = Class::of_left(row.left_bytes);
        if class == Class::Leecher {
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
            let v6 = SessionV6 {
                id,
                last_seconds: row.announced_at_seconds,
                endpoint: endpoint6(*v6.ip(), v6.port()),
                local: is_local((*v6.ip()).into()),
                paused: row.paused,
            };
            swarm.extra_mut().v6.insert(v6, class, key);
        }
        if let Some(peer_id) = peer_id.filter(|_| keep_peer_ids) {
            let row = SessionPeerId { id, peer_id };
            swarm.extra_mut().peer_ids.insert(row, Class::Seeder, key);
        }
        shard.count_in(class, was_empty);
        shard.put_corrupt(slot, id.key, row.corrupt_bytes);
        if hidden {
            self.hide(&mut shard, slot, user, true);
        }
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
        let key = &self.hash_key;
        let Some(torrent) = shard.torrents.get_mut(slot) else { return false };
        let swarm = &mut torrent.swarm;
        let was_empty = swarm.is_empty();
        let added = match (v4, v6) {
            (Some(v4), _) => {
                let endpoint = endpoint4(*v4.ip(), v4.port());
                let mut row = PublicPeer::new(endpoint, is_local((*v4.ip()).into()));
                row.announce(*at_seconds, *paused, false);
                swarm::upsert(&mut swarm.main, row, class, key)
            }
            (None, Some(v6)) => {
                let endpoint = endpoint6(*v6.ip(), v6.port());
                let mut row = PublicPeer::new(endpoint, is_local((*v6.ip()).into()));
                row.announce(*at_seconds, *paused, false);
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

    pub(super) fn snapshot_private(
        &self,
        shard: &mut Shard<Private>,
        items: &mut Vec<SnapshotItem>,
    ) {
        for (slot, torrent) in shard.torrents.iter() {
            items.extend(torrent.swarm.main.iter().map(|row| {
                let corrupt_bytes = shard.corrupt.get(&(slot, row.id().key)).copied();
                let row = self.session_row(torrent, row, corrupt_bytes.unwrap_or(0));
                SnapshotItem::Session(row)
            }));
        }
        for (slot, user, left) in shard.departed.iter() {
            let (Some(torrent), Some(user)) = (shard.torrents.get(slot), self.users.by_index(user))
            else {
                continue;
            };
            items.push(SnapshotItem::Departed {
                info_hash: torrent.info_hash,
                user_id: user.id,
                left_bytes: left.bytes,
                at_seconds: left.at_seconds,
            });
        }
    }

    fn session_row(
        &self,
        torrent: &Torrent<Private>,
        row: &Session,
        corrupt_bytes: u64,
    ) -> SessionRow {
        let (id, key) = (row.id(), &self.hash_key);
        let extra = torrent.swarm.extra.as_deref();
        let v6 = extra.and_then(|extra| extra.v6.get(extra.v6.find(&id, key)?));
        let peer_id = extra.and_then(|extra| extra.peer_ids.get(extra.peer_ids.find(&id, key)?));
        SessionRow {
            torrent_id: torrent.id,
            info_hash: torrent.info_hash,
            user_id: self.users.by_index(id.user).map_or(0, |user| user.id),
            key: id.key,
            peer_id: peer_id.map(|row| row.peer_id),
            address_v4: socket4(row.v4),
            address_v6: v6.and_then(|row| socket6(row.endpoint)),
            uploaded_bytes: row.uploaded.get(),
            downloaded_bytes: row.downloaded.get(),
            left_bytes: row.left.get(),
            paused: row.flags.has(Flags::PAUSED),
            snatched: row.flags.has(Flags::SNATCHED),
            stale: row.flags.has(Flags::STALE),
            started_at_seconds: row.started_seconds(),
            announced_at_seconds: row.last_seconds(),
            gone: false,
            agent: Agent::NONE,
            visible: !row.flags.has(Flags::HIDDEN),
            address_hidden: false,
            uploaded_delta_bytes: 0,
            downloaded_delta_bytes: 0,
            corrupt_bytes,
            speed_seconds: 0,
            announces: 0,
        }
    }

    pub(super) fn snapshot_public(
        &self,
        shard: &mut Shard<Public>,
        now_seconds: u32,
        items: &mut Vec<SnapshotItem>,
    ) {
        for (_, torrent) in shard.torrents.iter() {
            let info_hash = torrent.info_hash;
            if torrent.marks.has(Marks::UNSTORED) {
                let snatches = torrent.swarm.main.snatches;
                items.push(SnapshotItem::Torrent { info_hash, id: torrent.id, snatches });
            }
            public_items(&torrent.swarm.main, info_hash, now_seconds, items);
            if let Some(v6) = torrent.swarm.v6() {
                public_items(v6, info_hash, now_seconds, items);
            }
        }
    }
}

fn public_items<const N: usize>(
    table: &swarm::Dense<PublicPeer<N>>,
    info_hash: InfoHash,
    now_seconds: u32,
    items: &mut Vec<SnapshotItem>,
) {
    for at in 0..table.len() {
        let Some(peer) = table.get(at) else { continue };
        items.push(SnapshotItem::Peer {
            info_hash,
            v4: peer.endpoint().try_into().ok().and_then(socket4),
            v6: peer.endpoint().try_into().ok().and_then(socket6),
            seeder: table.class_of(at) == Class::Seeder,
            paused: peer.is_paused(),
            at_seconds: now_seconds.saturating_sub(peer.age_seconds(now_seconds)),
        });
    }
}
