//! A draw in which some peers are more likely than others: O(slots), whatever the swarm's size.
//!
//! Of each class a part of the slots stays uniform at random, so that the swarm stays connected
//! and nobody is starved. For the rest, some hundred candidates are drawn in short runs at equal
//! distances around the class, or all of a small class, and those are taken that a race at speeds
//! proportional to their weights brings in first. Only the winners' rows are looked at.
//!
//! Each step goes over all candidates before the next one begins: reads of memory that is in no
//! cache then wait at the same time instead of one after the other.

use super::place::PlaceTable;
use super::profile::Known;
use super::strategy::Strategies;
use super::walk::{Seen, Walk};
use super::weights::{Near, TIME_BITS, Weights};
use super::{Asker, Picker, Plan, select};
use crate::hash::HashKey;
use crate::settings::Settings;
use crate::swarm::{Dense, Peer, Profiles};

/// Candidates for each slot: with more of them the best are better, and a draw costs more.
const CANDIDATES_PER_SLOT: usize = 4;
/// Candidates at least, so that weights count in full when few slots are drawn.
const CANDIDATES_MIN: usize = 128;
/// Candidates at most. A worker makes room for so many once.
const CANDIDATES_MAX: usize = 1024;
const _: () = assert!(CANDIDATES_MAX >= 2 * Settings::NUMWANT_LIMIT as usize);
/// Rows side by side that become candidates together: their profiles are on one or two lines of a
/// cache.
const RUN: usize = 8;
/// A candidate's number is below its time of arrival in its key.
const NUMBER_BITS: u32 = u32::BITS - TIME_BITS;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;
const _: () = assert!(CANDIDATES_MAX <= 1 << NUMBER_BITS);
/// Slots of a class that stay uniform, at least.
const UNIFORM_SLOTS_MIN: usize = 2;
/// Members of marked roles in a reply, at most.
const MARKED_SLOTS: usize = 2;
/// Winners in reserve, for those whom the asker may not have.
const RESERVE: usize = 8;

/// What decides about a reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) strategies: Strategies,
    /// Where the asker is, if that is known and matters.
    pub(crate) near: Option<(Near, &'a PlaceTable)>,
}

/// Scratch memory of a race. Each step goes over all candidates, so that a processor can do it for
/// many of them at once.
#[derive(Debug, Default)]
pub(crate) struct Race {
    /// Where runs of candidates begin in their class; empty if all of it takes part.
    starts: Vec<u32>,
    /// What is known of each candidate.
    known: Vec<Known>,
    /// Their places, in words (see [`super::place::Place::words`]).
    places: [Vec<u32>; 3],
    /// In eighths of a doubling.
    weights: Vec<i32>,
    /// Times of arrival, each with its candidate's number.
    keys: Vec<u32>,
}

impl Race {
    fn begin(&mut self) {
        let Self { starts, known, places, weights, keys } = self;
        starts.clear();
        known.clear();
        if keys.is_empty() {
            starts.reserve_exact(CANDIDATES_MAX / RUN);
            known.reserve_exact(CANDIDATES_MAX);
            places.iter_mut().for_each(|column| column.resize(CANDIDATES_MAX, 0));
            weights.resize(CANDIDATES_MAX, 0);
            keys.resize(CANDIDATES_MAX, 0);
        }
    }

    /// The row of a candidate within its class of so many rows.
    fn row(&self, number: usize, rows: usize) -> usize {
        let Some(start) = self.starts.get(number / RUN) else { return number };
        let row = *start as usize + number % RUN;
        if row < rows { row } else { row - rows }
    }

    /// Draws everybody's time of arrival.
    fn run(&mut self, choice: &Choice<'_>, economy: bool, rng: &mut fastrand::Rng) -> Option<()> {
        let Self { known, places: [xy, z_region, asn], weights, keys, .. } = self;
        let count = known.len();
        let (xy, z_region) = (xy.get_mut(..count)?, z_region.get_mut(..count)?);
        let (asn, weights) = (asn.get_mut(..count)?, weights.get_mut(..count)?);
        let keys = keys.get_mut(..count)?;
        for (sum, known) in weights.iter_mut().zip(&*known) {
            *sum = if economy { known.weight() } else { 0 };
        }
        if let Some((near, table)) = choice.near {
            let to = xy.iter_mut().zip(&mut *z_region).zip(&mut *asn);
            for (((xy, z_region), asn), known) in to.zip(known) {
                [*xy, *z_region, *asn] = table.words(known.place());
            }
            choice.weights.add_locations(&near, [xy, z_region, asn], weights);
        }
        let (pairs, last) = keys.as_chunks_mut::<2>();
        for [one, other] in pairs {
            let bits = rng.u64(..);
            (*one, *other) = (bits as u32, (bits >> 32) as u32);
        }
        last.iter_mut().for_each(|one| *one = rng.u64(..) as u32);
        choice.weights.draw_times(weights, xy, keys);
        for (key, number) in keys.iter_mut().zip(0..) {
            *key = *key << NUMBER_BITS | number;
        }
        Some(())
    }
}

#[cfg(test)]
impl Race {
    pub(crate) fn capacities(&self) -> [usize; 3] {
        let places = self.places.iter().map(Vec::capacity).sum::<usize>();
        [
            self.starts.capacity() + self.weights.capacity() + places,
            self.known.capacity(),
            self.keys.capacity(),
        ]
    }
}

impl Choice<'_> {
    fn weighs_seeders(&self) -> bool {
        self.strategies.has_any(Strategies::ECONOMY)
    }

    /// Whether anything is different from uniform for an asker who wants seeders, or does not.
    fn is_any(&self, wants_seeders: bool) -> bool {
        self.near.is_some() || (wants_seeders && self.weighs_seeders())
    }

    /// Slots that are drawn by weight.
    fn weighted(&self, slots: usize) -> usize {
        let uniform = (slots * self.weights.uniform_percent).div_ceil(100).max(UNIFORM_SLOTS_MIN);
        slots.saturating_sub(uniform)
    }
}

/// Picks at most `want` peers; `take` is called once for each.
#[inline(never)]
pub(crate) fn select_weighted<P: Peer>(
    peers: &Dense<P>,
    asker: &Asker,
    choice: &Choice<'_>,
    want: usize,
    picker: &mut Picker,
    key: &HashKey,
    take: impl FnMut(&P),
) -> usize {
    let (leechers, seeders) = (peers.leechers(), peers.seeders());
    let all = if asker.wants_no_data { leechers } else { leechers + seeders };
    let matters = all > want && choice.is_any(!asker.wants_no_data);
    let Some(profiles) = peers.profiles().filter(|_| matters) else {
        return select(peers, asker, want, picker, take);
    };
    let plan = if asker.wants_no_data {
        Plan { seeders: 0, leechers: want.min(leechers) }
    } else {
        Plan::uniform(want, seeders, leechers, &mut picker.rng)
    };
    let Picker { rng, seeders: seeder_walk, leechers: leecher_walk, taken, race, .. } = picker;
    taken.begin();
    seeder_walk.begin(leechers, seeders, want);
    leecher_walk.begin(0, leechers, want);
    let mut draw = Draw { peers, profiles, asker, choice, rng, taken, race, take };
    let mut count = 0;
    if plan.seeders < seeders {
        let weighted = choice.weighted(plan.seeders);
        count += draw.marked(weighted.min(MARKED_SLOTS), key);
        let weighted = weighted.saturating_sub(count);
        count += draw.by_weight(leechers, seeders, weighted, choice.weighs_seeders());
    }
    count += draw.uniform(seeder_walk, plan.seeders.saturating_sub(count));
    let slots = want.saturating_sub(count);
    let mut leecher_count = 0;
    if slots < leechers && choice.near.is_some() {
        leecher_count += draw.by_weight(0, leechers, choice.weighted(slots), false);
    }
    leecher_count += draw.uniform(leecher_walk, slots.saturating_sub(leecher_count));
    count += leecher_count;
    if !asker.wants_no_data {
        count += draw.uniform(seeder_walk, want.saturating_sub(count));
    }
    count
}

/// A reply in the making.
struct Draw<'a, P: Peer, T> {
    peers: &'a Dense<P>,
    profiles: &'a Profiles<P::Id>,
    asker: &'a Asker,
    choice: &'a Choice<'a>,
    rng: &'a mut fastrand::Rng,
    taken: &'a mut Seen,
    race: &'a mut Race,
    take: T,
}

impl<P: Peer, T: FnMut(&P)> Draw<'_, P, T> {
    /// Takes a peer that the asker may have and does not have yet.
    fn give(&mut self, at: usize) -> bool {
        let Ok(row) = u32::try_from(at) else { return false };
        let peer = self.peers.get(at).filter(|peer| self.asker.may_have(*peer));
        let Some(peer) = peer.filter(|_| self.taken.see(row)) else { return false };
        (self.take)(peer);
        true
    }

    fn uniform(&mut self, walk: &mut Walk, slots: usize) -> usize {
        let mut count = 0;
        while count < slots {
            let [at] = walk.next(1, self.rng) else { break };
            count += usize::from(self.give(*at as usize));
        }
        count
    }

    /// Seeders of marked roles, which are few and known by name.
    fn marked(&mut self, slots: usize, key: &HashKey) -> usize {
        let marked = self.profiles.marked();
        if marked.is_empty() || !self.choice.strategies.has(Strategies::USER_CLASS) {
            return 0;
        }
        let from = self.rng.usize(..marked.len());
        let mut count = 0;
        for id in marked.iter().cycle().skip(from).take(marked.len()) {
            if count >= slots {
                break;
            }
            let at = self.peers.find(id, key).filter(|at| *at >= self.peers.leechers());
            count += usize::from(at.is_some_and(|at| self.give(at)));
        }
        count
    }

    /// Draws by weight from `rows` rows from `first` on.
    fn by_weight(&mut self, first: usize, rows: usize, slots: usize, economy: bool) -> usize {
        if slots == 0 || rows == 0 {
            return 0;
        }
        let entrants = slots * CANDIDATES_PER_SLOT;
        let entrants = entrants.clamp(CANDIDATES_MIN, CANDIDATES_MAX).min(rows);
        self.race.begin();
        self.enter(first, rows, entrants);
        // There is room for all of them.
        let _ = self.race.run(self.choice, economy, self.rng);
        let mut keys = std::mem::take(&mut self.race.keys);
        let drawn = keys.get_mut(..self.race.known.len()).unwrap_or_default();
        let count = self.take_first(drawn, slots, (first, rows));
        self.race.keys = keys;
        count
    }

    /// Chooses who takes part: everybody, or runs of rows.
    fn enter(&mut self, first: usize, rows: usize, entrants: usize) {
        let Race { starts, known, .. } = &mut *self.race;
        if entrants == rows {
            return self.profiles.tell(first, rows, known);
        }
        // Each run is within its own part of the class, and the parts begin anywhere: all rows are
        // as likely to enter, and none enters twice.
        let runs = entrants / RUN;
        let turn = self.rng.usize(..rows);
        let part = (rows as u64) << 32;
        let part = part / runs as u64;
        let slack = part.saturating_sub((RUN as u64) << 32);
        let mut start = 0;
        for _ in 0..runs {
            let within = (slack >> 32) * u64::from(self.rng.u32(..));
            let at = turn + ((start + within) >> 32) as usize;
            start += part;
            let at = if at < rows { at } else { at - rows };
            // A swarm has at most 2^32 rows, for they are numbered so.
            starts.push(at as u32);
            let before_end = RUN.min(rows - at);
            self.profiles.tell(first + at, before_end, known);
            if before_end < RUN {
                self.profiles.tell(first, RUN - before_end, known);
            }
        }
    }

    /// Takes those who came in first, of a class given by its first row and the number of rows.
    fn take_first(&mut self, keys: &mut [u32], slots: usize, class: (usize, usize)) -> usize {
        let mut count = 0;
        let mut rest = keys;
        // Nearly always the first ones are enough, or one more for an asker who is among them. If
        // not, a few more come next, and then all.
        for ahead in [slots, RESERVE, 4 * RESERVE, usize::MAX] {
            if count == slots || rest.is_empty() {
                break;
            }
            let mut front = ahead.min(rest.len());
            if front < rest.len() {
                rest.select_nth_unstable(front);
                front += 1;
            }
            let (front, back) = rest.split_at_mut(front);
            let ordered = front.len().min(ahead);
            // The last of them is in its place already.
            front.split_at_mut(ordered).0.sort_unstable();
            count += self.take_in_order(front, slots - count, class);
            rest = back;
        }
        count
    }

    fn take_in_order(
        &mut self,
        keys: &[u32],
        slots: usize,
        (first, rows): (usize, usize),
    ) -> usize {
        let mut count = 0;
        for key in keys {
            if count >= slots {
                break;
            }
            let row = self.race.row((key & NUMBER_MASK) as usize, rows);
            count += usize::from(self.give(first + row));
        }
        count
    }
}

#[cfg(test)]
mod tests;
