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
mod walk;
pub(crate) mod weighted;
pub(crate) mod weights;

use crate::swarm::{Dense, Peer};
use walk::{Seen, Walk};

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
    let Picker { rng, seeders: seeder_walk, leechers: leecher_walk, .. } = picker;
    let plan = if asker.wants_no_data {
        Plan { seeders: 0, leechers: want.min(leechers) }
    } else {
        Plan::uniform(want, seeders, leechers, rng)
    };
    // The rows lie anywhere in memory: a processor waits for many of them at once if they are all
    // asked for before the first is looked at.
    let fetch = |rows: &[u32]| {
        if peers.is_scattered() {
            rows.iter().for_each(|at| peers.prefetch(*at as usize));
        }
    };
    seeder_walk.begin(leechers, seeders, want);
    fetch(seeder_walk.draw(plan.seeders, rng));
    leecher_walk.begin(0, leechers, want);
    fetch(leecher_walk.draw(plan.leechers, rng));
    let mut pick = |walk: &mut Walk, slots: usize| {
        let mut taken = 0;
        while taken < slots {
            let rows = walk.next(slots - taken, rng);
            if rows.is_empty() {
                break;
            }
            for at in rows {
                if let Some(peer) = peers.get(*at as usize).filter(|peer| asker.may_have(*peer)) {
                    take(peer);
                    taken += 1;
                }
            }
        }
        taken
    };
    let mut taken = pick(seeder_walk, plan.seeders);
    taken += pick(leecher_walk, want.saturating_sub(taken));
    if !asker.wants_no_data {
        taken += pick(seeder_walk, want.saturating_sub(taken));
    }
    taken
}

/// A worker's random source and the scratch memory of its walks, so that a selection allocates
/// nothing.
#[derive(Debug)]
pub(crate) struct Picker {
    pub(crate) rng: fastrand::Rng,
    seeders: Walk,
    leechers: Walk,
    /// Rows given, while some are drawn by weight.
    taken: Seen,
    /// Those who take part in such a draw.
    race: weighted::Race,
}

impl Picker {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            seeders: Walk::new(),
            leechers: Walk::new(),
            taken: Seen::new(),
            race: weighted::Race::default(),
        }
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
            seeders.seen.slots.capacity(),
            leechers.order.capacity(),
            leechers.seen.slots.capacity(),
            taken.slots.capacity(),
            starts,
            known,
            keys,
        ]
    }
}

#[cfg(test)]
mod tests;
