//! Expiry: a cursor that does a bounded piece of work per lock hold.

use std::ops::Range;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, MutexGuard};

use super::shards::{SHARDS, Shards};
use super::{Swarms, Tracker, public};
use crate::shard::{Marks, Shard, Torrent};
use crate::swarm::public::{Public, PublicPeer};
use crate::swarm::session::{Private, SessionId};
use crate::swarm::{self, Dense, Kind, Peer, Row, Swarm};

/// Rows looked at per lock hold: a microsecond, or some dozens if all of them are gone.
const ROWS_PER_HOLD: usize = 64;

/// Torrents looked at per lock hold, of which nearly none has anything to give back.
const TORRENTS_PER_HOLD: u32 = 1024;

impl Tracker {
    /// Number of parts that [`Tracker::expire`] is called for in turn.
    pub const PARTS: usize = SHARDS;

    /// Removes the peers of one part that have timed out; returns how many. The lock is given
    /// back after every few rows, so that no announce waits for long.
    pub fn expire(&self, part: usize, now_seconds: u32) -> usize {
        if let Swarms::Private(shards) = &self.swarms {
            expire_tokens(shards, part, now_seconds);
        }
        let rules = self.rules.load();
        if rules.selected && !rules.selects {
            match &self.swarms {
                Swarms::Private(shards) => drop_profiles(shards, part),
                Swarms::Public(shards) => drop_profiles(shards, part),
            }
        }
        let timeout_seconds = rules.settings.peer_timeout_seconds;
        if !self.long_enough_up(now_seconds, timeout_seconds) {
            return 0;
        }
        match &self.swarms {
            Swarms::Private(shards) => sweep(shards, part, |shard| {
                self.expire_private(shard, now_seconds, timeout_seconds)
            }),
            Swarms::Public(shards) => {
                let timeout_seconds = public::timeout(timeout_seconds);
                sweep(shards, part, |shard| self.expire_public(shard, now_seconds, timeout_seconds))
            }
        }
    }

    /// Says when clients could announce again, after a restart or an outage of the tracker's own.
    pub fn resume(&self, now_seconds: u32) {
        self.totals.resumed_at_seconds.store(now_seconds, Ordering::Relaxed);
    }

    /// Whether a peer that has been silent for the timeout had the chance to announce. While the
    /// tracker was away nobody could: to forget them at its return would cost them what they
    /// uploaded meanwhile.
    pub(super) fn long_enough_up(&self, now_seconds: u32, timeout_seconds: u32) -> bool {
        let resumed_at_seconds = self.totals.resumed_at_seconds.load(Ordering::Relaxed);
        now_seconds.saturating_sub(resumed_at_seconds) > timeout_seconds
    }

    fn expire_private(
        &self,
        shard: &mut Shard<Private>,
        now_seconds: u32,
        timeout_seconds: u32,
    ) -> Step {
        let mut sessions: Vec<(u32, u32, SessionId)> = Vec::new();
        let mut endpoints: Vec<(u32, SessionId)> = Vec::new();
        let mut v4_endpoints: Vec<(u32, SessionId)> = Vec::new();
        let from = shard.expiry_cursor;
        let more = advance(shard, |slot, torrent, rows| {
            let old = expired(&torrent.swarm.main, &rows, now_seconds, timeout_seconds);
            sessions.extend(old.map(|row| (row.last_seconds(), slot, row.id())));
            if let Some(v6) = torrent.swarm.v6() {
                let old = expired(v6, &rows, now_seconds, timeout_seconds);
                endpoints.extend(old.map(|row| (slot, row.id())));
                let silent = rows.filter_map(|at| v6.get(at));
                let silent = silent.filter(|row| row.v4_is_silent(now_seconds, timeout_seconds));
                v4_endpoints.extend(silent.map(|row| (slot, row.id())));
            }
        });
        let removed = sessions.len();
        let moved = removed + endpoints.len() > 0;
        // Oldest first: of a user's sessions the last one says what the user lacks.
        sessions.sort_unstable_by_key(|(last_seconds, ..)| *last_seconds);
        sessions.iter().for_each(|(_, slot, id)| self.depart(shard, *slot, id));
        // A session whose IPv6 side fell silent goes on over IPv4.
        for (slot, id) in endpoints {
            if let Some(torrent) = shard.torrents.get_mut(slot) {
                swarm::remove(torrent.swarm.v6_mut(), &id, &self.hash_key);
                torrent.swarm.drop_empty_extra();
            }
        }
        for (slot, id) in v4_endpoints {
            self.drop_v4(shard, slot, &id);
        }
        Step { removed, more: shard.look_again(from, moved) || more }
    }

    /// A session whose IPv4 side fell silent goes on over IPv6.
    fn drop_v4(&self, shard: &mut Shard<Private>, slot: u32, id: &SessionId) {
        let Some(torrent) = shard.torrents.get_mut(slot) else { return };
        let Swarm { main, extra } = &mut torrent.swarm;
        let v6 = extra.as_mut().map(|extra| &mut extra.v6);
        let Some((at, v6)) = v6.and_then(|v6| Some((v6.find(id, &self.hash_key)?, v6))) else {
            return;
        };
        if let Some(row) = v6.get_mut(at) {
            row.v4_last_seconds = 0;
        }
        if let Some(row) = main.find(id, &self.hash_key).and_then(|at| main.get_mut(at)) {
            row.drop_v4();
        }
    }

    fn expire_public(
        &self,
        shard: &mut Shard<Public>,
        now_seconds: u32,
        timeout_seconds: u32,
    ) -> Step {
        let mut v4: Vec<(u32, [u8; 6])> = Vec::new();
        let mut v6: Vec<(u32, [u8; 18])> = Vec::new();
        let mut empty: Vec<u32> = Vec::new();
        let from = shard.expiry_cursor;
        let more = advance(shard, |slot, torrent, rows| {
            let old = expired(&torrent.swarm.main, &rows, now_seconds, timeout_seconds);
            v4.extend(old.map(|row| (slot, row.id())));
            if let Some(table) = torrent.swarm.v6() {
                let old = expired(table, &rows, now_seconds, timeout_seconds);
                v6.extend(old.map(|row| (slot, row.id())));
            }
            if torrent.swarm.is_empty() && torrent.marks.has(Marks::UNSTORED) {
                empty.push(slot);
            }
        });
        for (slot, id) in &v4 {
            self.drop_public(shard, *slot, id, Swarm::main);
        }
        for (slot, id) in &v6 {
            self.drop_public(shard, *slot, id, Swarm::v6_mut);
        }
        // Nobody but its peers knew of such a torrent.
        for slot in empty {
            if shard.remove(slot, &self.hash_key).is_some() {
                self.totals.torrents.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let removed = v4.len() + v6.len();
        Step { removed, more: shard.look_again(from, removed > 0) || more }
    }

    fn drop_public<const N: usize>(
        &self,
        shard: &mut Shard<Public>,
        slot: u32,
        id: &[u8; N],
        table: impl FnOnce(&mut Swarm<Public>) -> &mut Dense<PublicPeer<N>>,
    ) {
        let Some(torrent) = shard.torrents.get_mut(slot) else { return };
        let swarm = &mut torrent.swarm;
        let table = table(swarm);
        let Some(at) = table.find(id, &self.hash_key) else { return };
        let class = table.class_of(at);
        let Some(row) = table.remove(at, &self.hash_key) else { return };
        swarm.count_paused(row.is_paused(), false);
        swarm.drop_empty_extra();
        let is_empty = swarm.is_empty();
        shard.count_out(class, is_empty);
        self.release_peer();
        self.count_public(shard, slot, false);
    }
}

impl<K: Kind> Shard<K> {
    /// Puts the cursor back if rows were removed, for others have moved into their places, which
    /// this sweep would miss. Each time there are fewer rows, so the sweep ends.
    fn look_again(&mut self, from: (u32, usize), moved: bool) -> bool {
        if moved {
            self.expiry_cursor = from;
        }
        moved
    }
}

/// Forgets the tokens of a part that have ended.
/// Gives back the memory of strategies that were turned off.
fn drop_profiles<K: Kind>(shards: &Shards<K>, part: usize) {
    let Some(shard) = shards.get(part) else { return };
    let mut next = 0_u32;
    loop {
        let mut shard = shard.lock();
        let slots = shard.torrents.slots();
        let end = slots.min(next.saturating_add(TORRENTS_PER_HOLD));
        for slot in next..end {
            if let Some(torrent) = shard.torrents.get_mut(slot) {
                torrent.swarm.drop_profiles();
            }
        }
        if end >= slots {
            return;
        }
        next = end;
        MutexGuard::unlock_fair(shard);
    }
}

fn expire_tokens(shards: &Shards<Private>, part: usize, now_seconds: u32) {
    let Some(mut shard) = shards.get(part).map(Mutex::lock) else { return };
    if !shard.tokens.may_have_ended(now_seconds) {
        return;
    }
    for slot in shard.tokens.remove_ended(now_seconds) {
        if let Some(torrent) = shard.torrents.get_mut(slot) {
            torrent.marks.set(Marks::TOKENS, false);
        }
    }
}

/// What one lock hold did.
struct Step {
    removed: usize,
    more: bool,
}

fn sweep<K: Kind>(
    shards: &Shards<K>,
    part: usize,
    mut step: impl FnMut(&mut Shard<K>) -> Step,
) -> usize {
    let Some(shard) = shards.get(part) else { return 0 };
    shard.lock().expiry_cursor = (0, 0);
    let mut removed = 0;
    loop {
        let mut held = shard.lock();
        let step = step(&mut held);
        // Those who wait come first: otherwise the sweep would have the lock again before they
        // wake.
        MutexGuard::unlock_fair(held);
        removed += step.removed;
        if !step.more {
            return removed;
        }
    }
}

/// Visits the next rows of a shard and moves its cursor; false at its end.
fn advance<K: Kind>(
    shard: &mut Shard<K>,
    mut visit: impl FnMut(u32, &Torrent<K>, Range<usize>),
) -> bool {
    let (mut slot, mut row) = shard.expiry_cursor;
    let slots = shard.torrents.slots();
    let mut budget = ROWS_PER_HOLD;
    while slot < slots && budget > 0 {
        let rows = shard.torrents.get(slot).map_or(0, |torrent| {
            let rows = torrent.swarm.main.len().max(torrent.swarm.v6().map_or(0, Dense::len));
            visit(slot, torrent, row..rows.min(row + budget));
            rows
        });
        // An empty torrent costs a look, too.
        let seen = rows.saturating_sub(row).min(budget);
        budget = budget.saturating_sub(seen.max(1));
        if row + seen < rows {
            row += seen;
        } else {
            (slot, row) = (slot + 1, 0);
        }
    }
    shard.expiry_cursor = (slot, row);
    slot < slots
}

fn expired<'a, P: Peer>(
    table: &'a Dense<P>,
    rows: &Range<usize>,
    now_seconds: u32,
    timeout_seconds: u32,
) -> impl Iterator<Item = &'a P> {
    rows.clone()
        .filter_map(|at| table.get(at))
        .filter(move |row| row.age_seconds(now_seconds) > timeout_seconds)
}
