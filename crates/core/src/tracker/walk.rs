//! Visiting all rows of a shard in pieces, with announces in between.

use std::ops::Range;

use parking_lot::{Mutex, MutexGuard};

use crate::hash::HashKey;
use crate::shard::Shard;
use crate::shard::scan::Scan;
use crate::swarm::public::Public;
use crate::swarm::session::{Private, SessionId};
use crate::swarm::{Dense, Kind};

/// Rows visited per lock hold: some hundred microseconds.
#[cfg(not(test))]
pub(super) const ROWS_PER_HOLD: usize = 2048;
#[cfg(test)]
pub(super) const ROWS_PER_HOLD: usize = 4;

/// A mode whose shards can be walked.
pub(super) trait Walked: Kind + Sized {
    /// Where a session is that may have moved.
    fn locate(shard: &Shard<Self>, slot: u32, id: &SessionId, key: &HashKey) -> Option<usize>;
}

impl Walked for Private {
    fn locate(shard: &Shard<Self>, slot: u32, id: &SessionId, key: &HashKey) -> Option<usize> {
        shard.torrents.get(slot)?.swarm.main.find(id, key)
    }
}

impl Walked for Public {
    /// Nobody notes the moves of addresses: no credit hangs on them.
    fn locate(_: &Shard<Self>, _: u32, _: &SessionId, _: &HashKey) -> Option<usize> {
        None
    }
}

/// Visits the rows of all torrents of a shard: `visit` is given a slot and places of its rows,
/// none of a swarm that is empty. After each hold of the lock `between` is called.
///
/// Each session that is there during the whole walk is visited at least once. In a public swarm
/// an address may be missed, if it takes the place of one that left during the walk.
pub(super) fn walk<K: Walked>(
    shard: &Mutex<Shard<K>>,
    key: &HashKey,
    visit: impl FnMut(&mut Shard<K>, u32, Range<usize>),
    between: impl FnMut(),
) {
    walk_slots(shard, key, 0..u32::MAX, visit, between);
}

/// The same for the torrents in some slots.
pub(super) fn walk_slots<K: Walked>(
    shard: &Mutex<Shard<K>>,
    key: &HashKey,
    slots: Range<u32>,
    mut visit: impl FnMut(&mut Shard<K>, u32, Range<usize>),
    mut between: impl FnMut(),
) {
    let number = shard.lock().begin_scan(slots);
    loop {
        let mut held = shard.lock();
        let Some(mut scan) = held.take_scan(number) else { return };
        let more = step(&mut held, &mut scan, key, &mut visit);
        if more {
            held.keep_scan(scan);
        }
        // Those who wait come first: otherwise the walk would have the lock again before they wake.
        MutexGuard::unlock_fair(held);
        between();
        if !more {
            return;
        }
    }
}

/// One hold of the lock; returns whether there is more to visit.
fn step<K: Walked>(
    shard: &mut Shard<K>,
    scan: &mut Scan,
    key: &HashKey,
    visit: &mut impl FnMut(&mut Shard<K>, u32, Range<usize>),
) -> bool {
    let mut budget = ROWS_PER_HOLD;
    if scan.has_moved() {
        for id in scan.take_moved(budget) {
            budget -= 1;
            // One that is not there any more has left, which its batch says.
            if let Some(at) = K::locate(shard, scan.slot, &id, key) {
                visit(shard, scan.slot, at..at + 1);
            }
        }
    }
    // The moved ones are of the torrent at which the walk is, so it goes on only without any.
    let end_slot = scan.end_slot.min(shard.torrents.slots());
    while budget > 0 && scan.slot < end_slot {
        let rows = shard
            .torrents
            .get(scan.slot)
            .map(|torrent| torrent.swarm.main.len().max(torrent.swarm.v6().map_or(0, Dense::len)));
        let rows_max = rows.unwrap_or(0);
        let end = rows_max.min(scan.row + budget);
        let begin = scan.row.min(end);
        if rows.is_some() {
            visit(shard, scan.slot, begin..end);
        }
        // A torrent without peers costs a look, too.
        budget = budget.saturating_sub((end - begin).max(1));
        if end < rows_max {
            scan.row = end;
        } else {
            (scan.slot, scan.row) = (scan.slot + 1, 0);
        }
    }
    scan.has_moved() || scan.slot < scan.end_slot.min(shard.torrents.slots())
}
