//! Which peers an asker is given.
//!
//! Uniform at random here: every eligible peer of a class is as likely as every other. `weighted`
//! has the draw for the strategies of [`strategy`], for which a swarm keeps a `profile` of each
//! peer; [`place`] is how the tracker learns where peers are.
//!
//! Never given: the asker, another session of the same user, seeders to those who want no more
//! data, peers that have timed out, and peers at local addresses to askers who are elsewhere.

pub mod place;
pub(crate) mod profile;
pub(crate) mod speed;
pub mod strategy;
pub(crate) mod weighted;
pub(crate) mod weights;

use crate::settings::Settings;
use crate::swarm::{Dense, Peer};

/// Seeders that a leecher is given at least, while there are any, in percent of its slots.
pub const SEEDER_PERCENT_MIN: usize = 30;

/// Rows looked at beyond those wanted, before the search is given up: it bounds what an announce
/// costs in a swarm full of peers that this asker may not have.
const TRIES_EXTRA: usize = 128;

/// Who asks, as far as it decides what the asker may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    /// The user; `u32::MAX` for nobody in particular.
    pub(crate) user: u32,
    /// Needs leechers only: a seeder, or a partial seed (BEP 21).
    pub(crate) wants_no_data: bool,
    /// At a local address, so peers at local addresses are of use.
    pub(crate) local: bool,
    pub(crate) now_seconds: u32,
    pub(crate) peer_timeout_seconds: u32,
}

impl Asker {
    /// Every question is asked of every peer: nearly all may be given, and one branch that is
    /// always taken costs less than five.
    #[inline(always)]
    fn may_have(&self, peer: &impl Peer) -> bool {
        let own = (peer.user() == self.user) & (self.user != u32::MAX);
        let useless = self.wants_no_data & peer.is_paused();
        let unreachable = peer.is_local() & !self.local;
        let gone = peer.age_seconds(self.now_seconds) > self.peer_timeout_seconds;
        !(own | useless | unreachable | gone) & peer.has_endpoint()
    }
}

/// How many slots each class gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seeders: usize,
    pub(crate) leechers: usize,
}

impl Plan {
    /// Slots in proportion to the classes, so that each peer is as likely as each other, but for
    /// seeders at least [`SEEDER_PERCENT_MIN`]. A fraction of a slot is rounded at random.
    fn uniform(want: usize, seeders: usize, leechers: usize, rng: &mut fastrand::Rng) -> Self {
        let all = seeders + leechers;
        if all <= want {
            return Self { seeders, leechers };
        }
        let share = want * seeders;
        let rounded = share / all + usize::from(rng.usize(..all) < share % all);
        let least = (want * SEEDER_PERCENT_MIN).div_ceil(100);
        let seeder_slots = rounded.max(least).min(seeders).min(want);
        let leecher_slots = (want - seeder_slots).min(leechers);
        Self { seeders: (want - leecher_slots).min(seeders), leechers: leecher_slots }
    }
}

/// Picks at most `want` peers, in random order; `take` is called once for each.
#[inline(never)]
pub(crate) fn select<P: Peer>(
    peers: &Dense<P>,
    asker: &Asker,
    want: usize,
    picker: &mut Picker,
    mut take: impl FnMut(&P),
) -> usize {
    let (leechers, seeders) = (peers.leechers(), peers.seeders());
    let rng = &mut picker.rng;
    let plan = if asker.wants_no_data {
        Plan { seeders: 0, leechers: want.min(leechers) }
    } else {
        Plan::uniform(want, seeders, leechers, rng)
    };
    let mut seeder_walk = picker.seeders.walk(leechers, seeders, want);
    let mut leecher_walk = picker.leechers.walk(0, leechers, want);
    let mut pick = |walk: &mut Walk<'_>, slots: usize| {
        let mut taken = 0;
        while taken < slots {
            let Some(at) = walk.next(rng) else { break };
            if let Some(peer) = peers.get(at).filter(|peer| asker.may_have(*peer)) {
                take(peer);
                taken += 1;
            }
        }
        taken
    };
    let mut taken = pick(&mut seeder_walk, plan.seeders);
    taken += pick(&mut leecher_walk, want.saturating_sub(taken));
    if !asker.wants_no_data {
        taken += pick(&mut seeder_walk, want.saturating_sub(taken));
    }
    taken
}

/// A worker's random source and the scratch memory of its walks, so that a selection allocates
/// nothing.
#[derive(Debug)]
pub(crate) struct Picker {
    pub(crate) rng: fastrand::Rng,
    seeders: Scratch,
    leechers: Scratch,
    /// Rows given, while some are drawn by weight.
    taken: Scratch,
    /// Those who take part in such a draw.
    race: weighted::Race,
}

impl Picker {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let [seeders, leechers, taken] = [const { Scratch::new() }; 3];
        Self { rng, seeders, leechers, taken, race: weighted::Race::default() }
    }
}

#[cfg(test)]
impl Picker {
    /// What there is memory for, in each of the buffers.
    pub(crate) fn capacities(&self) -> [usize; 8] {
        let Self { seeders, leechers, taken, race, .. } = self;
        let [starts, known, keys] = race.capacities();
        [
            seeders.order.capacity(),
            seeders.seen.capacity(),
            leechers.order.capacity(),
            leechers.seen.capacity(),
            taken.seen.capacity(),
            starts,
            known,
            keys,
        ]
    }
}

/// Slots of the table of rows seen: twice what a walk looks at, at most.
const SEEN_SLOTS: usize = 2048;
const _: () = assert!(SEEN_SLOTS >= 2 * (Settings::NUMWANT_LIMIT as usize + TRIES_EXTRA));

/// What one walk remembers.
#[derive(Debug)]
struct Scratch {
    /// A class that is small for what is wanted: all its rows, shuffled as far as walked.
    order: Vec<u32>,
    /// A large class: open addressing, an entry being its walk's number and the row.
    seen: Vec<(u32, u32)>,
    walk_number: u32,
}

impl Scratch {
    const fn new() -> Self {
        Self { order: Vec::new(), seen: Vec::new(), walk_number: 0 }
    }

    #[inline(always)]
    fn walk(&mut self, first: usize, count: usize, want: usize) -> Walk<'_> {
        // Otherwise at most half of the rows are ever seen, so a fresh one is soon found.
        let shuffled = count <= 2 * (want + TRIES_EXTRA);
        let tries = count.min(want + TRIES_EXTRA);
        // A swarm has at most 2^32 rows, for they are numbered so.
        let [count, tries] = [count, tries].map(|rows| u32::try_from(rows).unwrap_or(u32::MAX));
        if shuffled {
            self.order.clear();
            // A plain range: its length is known, so that this is a copy instead of a loop.
            self.order.extend(0..count);
        } else {
            self.begin();
        }
        Walk { scratch: self, first, count, shuffled, walked: 0, tries }
    }

    /// Forgets the rows seen.
    #[inline(always)]
    fn begin(&mut self) {
        self.walk_number = self.walk_number.wrapping_add(1);
        if self.seen.is_empty() || self.walk_number == 0 {
            self.seen.clear();
            self.seen.resize(SEEN_SLOTS, (0, 0));
            self.walk_number = 1;
        }
    }

    /// Marks a row as seen; false if it was already.
    fn see(&mut self, row: u32) -> bool {
        let mut slot = row.wrapping_mul(0x9e37_79b9) as usize >> 21;
        loop {
            match self.seen.get_mut(slot % SEEN_SLOTS) {
                Some(entry) if entry.0 != self.walk_number => {
                    *entry = (self.walk_number, row);
                    return true;
                }
                Some(entry) if entry.1 == row => return false,
                Some(_) => slot += 1,
                None => return false,
            }
        }
    }
}

/// Visits rows of one class, each equally likely at every step and none twice.
#[derive(Debug)]
struct Walk<'a> {
    scratch: &'a mut Scratch,
    first: usize,
    count: u32,
    shuffled: bool,
    walked: u32,
    tries: u32,
}

impl Walk<'_> {
    #[inline(always)]
    fn next(&mut self, rng: &mut fastrand::Rng) -> Option<usize> {
        if self.walked >= self.tries {
            return None;
        }
        let step = self.walked;
        self.walked += 1;
        if self.shuffled {
            // What is behind `step` is not looked at again, so that half of a swap is enough.
            let order = self.scratch.order.get_mut(step as usize..)?;
            let other = rng.u32(..u32::try_from(order.len()).ok()?) as usize;
            let here = *order.first()?;
            let row = std::mem::replace(order.get_mut(other)?, here);
            return Some(self.first + row as usize);
        }
        loop {
            let row = rng.u32(..self.count);
            if self.scratch.see(row) {
                return Some(self.first + row as usize);
            }
        }
    }
}

#[cfg(test)]
mod tests;
