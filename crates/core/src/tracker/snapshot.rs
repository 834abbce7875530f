//! What a restart needs, item by item, copied while announces go on.
//!
//! # Why nothing is lost or counted twice
//!
//! The items are no picture of one moment: each session is copied as it is when its turn comes,
//! with what it has reported since the last batch. So they count only *together with all batches
//! from the first one that is drained after the copying began to the last one that is drained
//! after it ended*. Call the first N and the last M; what came before N is not needed. To replay
//! N to M over the items brings every session to exactly where batch M left it:
//!
//! * A session that announced, or left, after N - 1 was drained and before M was, is in one of the
//!   batches N to M, since whatever changes its counters puts it on the list for the next batch
//!   while the same lock is held. The last of these rows says its counters as they were when that
//!   batch was cut, so whatever the copy said before is overwritten. If it left, it is removed.
//! * A session that did not is as batch N - 1 left it, from the beginning of the copying to its
//!   end. So its copy says the same, and there is one, because the walk misses no session that is
//!   there during all of it. Copied twice, it is put back once.
//! * What a user lacked who left is in the batch of that session's end, or is as N - 1 left it and
//!   was copied. If somebody came back, the batch has that session, which replaces it.
//! * What is withheld from users changes with batches only, and each says totals.
//!
//! Whoever writes the items to a disk must therefore have M on the disk before they count, must
//! keep the batches from N on with them, and must not use them without these.

use std::cell::RefCell;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::ops::Range;

use mika_protocol::InfoHash;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use super::walk::{ROWS_PER_HOLD, walk};
use super::{Swarms, Tracker};
use crate::address::{socket4, socket6};
use crate::batch::{Agent, Batch, SessionRow, WithheldRow};
use crate::shard::departed::Left;
use crate::shard::{Marks, Shard, Torrent};
use crate::swarm::public::{Public, PublicPeer};
use crate::swarm::session::{Flags, Private, Session};
use crate::swarm::{Class, Dense, Peer, Row};

/// Departed leechers named per lock hold.
const DEPARTED_PER_HOLD: usize = 2048;

/// One item of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotItem {
    /// A session of a private tracker; one that is gone fell silent, and may come back.
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
    /// Credit that is withheld from a user of a private tracker.
    Withheld(WithheldRow),
}

impl Tracker {
    /// Hands over all that a restart needs of one of [`Tracker::PARTS`] parts, to be used with the
    /// batches that are drained from before the first part until after the last one. The lock is
    /// given back after every few rows, and is not held while `write` runs.
    pub fn snapshot(&self, part: usize, now_seconds: u32, mut write: impl FnMut(SnapshotItem)) {
        match &self.swarms {
            Swarms::Private(shards) => {
                let Some(shard) = shards.get(part) else { return };
                if part == 0 {
                    let withheld = self.withheld.all().into_iter();
                    withheld.map(SnapshotItem::Withheld).for_each(&mut write);
                }
                self.snapshot_private(shard, &mut write);
            }
            Swarms::Public(shards) => {
                let Some(shard) = shards.get(part) else { return };
                self.snapshot_public(shard, now_seconds, &mut write);
            }
        }
    }

    /// Takes a snapshot of all parts, then drains: to restore the items and to replay the batch
    /// gives a tracker in which every session is where the batch left it.
    pub fn drain_and_snapshot(
        &self,
        now_seconds: u32,
        mut write: impl FnMut(SnapshotItem),
    ) -> Batch {
        (0..Self::PARTS).for_each(|part| self.snapshot(part, now_seconds, &mut write));
        self.drain(now_seconds, 0, usize::MAX).batch
    }

    fn snapshot_private(
        &self,
        shard: &Mutex<Shard<Private>>,
        write: &mut impl FnMut(SnapshotItem),
    ) {
        let items = RefCell::new(Vec::with_capacity(ROWS_PER_HOLD));
        let visit = |shard: &mut Shard<Private>, slot: u32, rows: Range<usize>| {
            let Some(torrent) = shard.torrents.get(slot) else { return };
            let rows = rows.filter_map(|at| torrent.swarm.main.get(at));
            let corrupt_of = |row: &Session| shard.corrupt.get(&(slot, row.id().key)).copied();
            let rows = rows.map(|row| {
                let corrupt_bytes = corrupt_of(row).unwrap_or(0);
                SnapshotItem::Session(self.session_row(torrent, row, corrupt_bytes))
            });
            items.borrow_mut().extend(rows);
        };
        walk(shard, &self.hash_key, visit, || items.borrow_mut().drain(..).for_each(&mut *write));
        self.snapshot_departed(shard, write);
        self.snapshot_silent(shard, write);
    }

    fn snapshot_departed(
        &self,
        shard: &Mutex<Shard<Private>>,
        write: &mut impl FnMut(SnapshotItem),
    ) {
        let departed: Vec<(u32, u32, Left)> = shard.lock().departed.iter().collect();
        for some in departed.chunks(DEPARTED_PER_HOLD) {
            let held = shard.lock();
            let item = |(slot, user, left): &(u32, u32, Left)| {
                Some(SnapshotItem::Departed {
                    info_hash: held.torrents.get(*slot)?.info_hash,
                    user_id: self.users.by_index(*user)?.id,
                    left_bytes: left.bytes,
                    at_seconds: left.at_seconds,
                })
            };
            let items: Vec<SnapshotItem> = some.iter().filter_map(item).collect();
            MutexGuard::unlock_fair(held);
            items.into_iter().for_each(&mut *write);
        }
    }

    fn snapshot_silent(&self, shard: &Mutex<Shard<Private>>, write: &mut impl FnMut(SnapshotItem)) {
        let silent: Vec<(u32, Session)> = shard.lock().silent.iter().collect();
        for some in silent.chunks(DEPARTED_PER_HOLD) {
            let held = shard.lock();
            let item = |(slot, row): &(u32, Session)| {
                // One that has come back is copied with the others.
                held.silent.get(*slot, &row.id())?;
                let row = self.session_row(held.torrents.get(*slot)?, row, 0);
                Some(SnapshotItem::Session(SessionRow { gone: true, ..row }))
            };
            let items: Vec<SnapshotItem> = some.iter().filter_map(item).collect();
            MutexGuard::unlock_fair(held);
            items.into_iter().for_each(&mut *write);
        }
    }

    pub(super) fn session_row(
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

    fn snapshot_public(
        &self,
        shard: &Mutex<Shard<Public>>,
        now_seconds: u32,
        write: &mut impl FnMut(SnapshotItem),
    ) {
        let items = RefCell::new(Vec::with_capacity(ROWS_PER_HOLD));
        let visit = |shard: &mut Shard<Public>, slot: u32, rows: Range<usize>| {
            let Some(torrent) = shard.torrents.get(slot) else { return };
            let mut items = items.borrow_mut();
            let info_hash = torrent.info_hash;
            if torrent.marks.has(Marks::UNSTORED) && rows.start == 0 {
                let snatches = torrent.swarm.main.snatches;
                items.push(SnapshotItem::Torrent { info_hash, id: torrent.id, snatches });
            }
            public_items(&torrent.swarm.main, rows.clone(), info_hash, now_seconds, &mut items);
            if let Some(v6) = torrent.swarm.v6() {
                public_items(v6, rows, info_hash, now_seconds, &mut items);
            }
        };
        walk(shard, &self.hash_key, visit, || items.borrow_mut().drain(..).for_each(&mut *write));
    }
}

fn public_items<const N: usize>(
    table: &Dense<PublicPeer<N>>,
    rows: Range<usize>,
    info_hash: InfoHash,
    now_seconds: u32,
    items: &mut Vec<SnapshotItem>,
) {
    for at in rows {
        let Some(peer) = table.get(at) else { continue };
        items.push(SnapshotItem::Peer {
            info_hash,
            v4: peer.endpoint.as_slice().try_into().ok().and_then(socket4),
            v6: peer.endpoint.as_slice().try_into().ok().and_then(socket6),
            seeder: table.class_of(at) == Class::Seeder,
            paused: peer.is_paused(),
            at_seconds: now_seconds.saturating_sub(peer.age_seconds(now_seconds)),
        });
    }
}
