//! A walk over the rows of a shard that lets its lock go after every few of them, and misses none.
//!
//! Rows are visited from the front of each swarm to its end. Between two visits sessions come, go
//! and finish, and then other rows move into their places: but a row that is not itself the
//! subject of the announce moves towards the front only from two places, that of the last leecher
//! and that of the last row (see [`Dense`](crate::swarm::Dense)). So whoever is about to take a
//! row out, or to move it to another class, says so with [`Shard::before_rows_move`], and a row
//! that might jump from what lies ahead to what lies behind is noted, to be visited by its name.

use std::ops::Range;

use hashbrown::HashSet;

use super::Shard;
use crate::swarm::session::{Private, SessionId};
use crate::swarm::{Kind, Row};

/// Where a walk is.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Distinguishes the walks of a shard.
    number: u32,
    /// The torrent that is walked.
    pub(crate) slot: u32,
    /// The first torrent that is not.
    pub(crate) end_slot: u32,
    /// How many of its rows were visited.
    pub(crate) row: usize,
    /// User and key of sessions of this torrent that may have moved from the rows ahead to those
    /// behind. No more than the rows of the swarm.
    moved: HashSet<(u32, u64), foldhash::fast::RandomState>,
}

impl Scan {
    /// Takes out some of those that may have moved.
    pub(crate) fn take_moved(&mut self, count_max: usize) -> Vec<SessionId> {
        let some = self.moved.extract_if(|_| true).take(count_max);
        some.map(|(user, key)| SessionId { user, key }).collect()
    }

    pub(crate) fn has_moved(&self) -> bool {
        !self.moved.is_empty()
    }
}

impl<K: Kind> Shard<K> {
    /// Begins a walk over the torrents in these slots; returns its number.
    pub(crate) fn begin_scan(&mut self, slots: Range<u32>) -> u32 {
        let number = self.scans.iter().map(|scan| scan.number).max().unwrap_or(0).wrapping_add(1);
        let moved = HashSet::default();
        self.scans.push(Scan { number, slot: slots.start, end_slot: slots.end, row: 0, moved });
        number
    }

    /// Takes a walk out, for as long as the lock is held; `None` if it has ended.
    pub(crate) fn take_scan(&mut self, number: u32) -> Option<Scan> {
        let at = self.scans.iter().position(|scan| scan.number == number)?;
        Some(self.scans.swap_remove(at))
    }

    /// Lets a walk go on after the lock was given back.
    pub(crate) fn keep_scan(&mut self, scan: Scan) {
        self.scans.push(scan);
    }
}

impl Shard<Private> {
    /// To be called before a row of a swarm is removed or changes its class.
    pub(crate) fn before_rows_move(&mut self, slot: u32) {
        if self.scans.is_empty() {
            return;
        }
        let Some(torrent) = self.torrents.get(slot) else { return };
        let main = &torrent.swarm.main;
        for scan in self.scans.iter_mut().filter(|scan| scan.slot == slot && scan.row > 0) {
            let movable = [main.leechers().checked_sub(1), main.len().checked_sub(1)];
            let ahead = movable.into_iter().flatten().filter(|at| *at >= scan.row);
            let ids = ahead.filter_map(|at| main.get(at)).map(Row::id);
            scan.moved.extend(ids.map(|id| (id.user, id.key)));
        }
    }
}
