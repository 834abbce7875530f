//! A draw in which some peers are more likely than others: O(slots), whatever the swarm's size.
//!
//! Of each class a part of the slots stays uniform at random, so that the swarm stays connected
//! and nobody is starved. For the rest, some candidates for each slot are drawn at equal distances
//! around the class, and those are taken that a race at speeds proportional to their weights
//! brings in first. Only the winners' rows are looked at.

use super::place::{Place, PlaceTable};
use super::strategy::Strategies;
use super::weights::Weights;
use super::{Asker, Picker, Plan, Scratch, Walk, select};
use crate::hash::HashKey;
use crate::settings::Settings;
use crate::swarm::{Dense, Peer, Profiles};

/// Candidates for each slot: with more of them the best are better, and a draw costs more.
const CANDIDATES_PER_SLOT: usize = 4;
/// Candidates at least, so that weights count in full when few slots are drawn.
const CANDIDATES_MIN: usize = 128;
/// Candidates at most. A worker makes room for so many once.
const CANDIDATES_MAX: usize = CANDIDATES_PER_SLOT * Settings::NUMWANT_LIMIT as usize;
/// Slots of a class that stay uniform, at least.
const UNIFORM_SLOTS_MIN: usize = 2;
/// Members of marked roles in a reply, at most.
const MARKED_SLOTS: usize = 2;
/// Winners in reserve, for those whom the asker may not have.
const RESERVE: usize = 16;

/// What decides about a reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) strategies: Strategies,
    /// Where the asker is, if that is known and matters.
    pub(crate) near: Option<(Place, &'a PlaceTable)>,
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
    let Picker { rng, seeders: seeder_walk, leechers: leecher_walk, taken, candidates } = picker;
    taken.begin();
    let mut seeder_walk = seeder_walk.walk(leechers, seeders, want);
    let mut leecher_walk = leecher_walk.walk(0, leechers, want);
    let mut draw = Draw { peers, profiles, asker, choice, rng, taken, candidates, take };
    let mut count = 0;
    if plan.seeders < seeders {
        let weighted = choice.weighted(plan.seeders);
        count += draw.marked(weighted.min(MARKED_SLOTS), key);
        let weighted = weighted.saturating_sub(count);
        count += draw.by_weight(leechers, seeders, weighted, choice.weighs_seeders());
    }
    count += draw.uniform(&mut seeder_walk, plan.seeders.saturating_sub(count));
    let slots = want.saturating_sub(count);
    let mut leecher_count = 0;
    if slots < leechers && choice.near.is_some() {
        leecher_count += draw.by_weight(0, leechers, choice.weighted(slots), false);
    }
    leecher_count += draw.uniform(&mut leecher_walk, slots.saturating_sub(leecher_count));
    count += leecher_count;
    if !asker.wants_no_data {
        count += draw.uniform(&mut seeder_walk, want.saturating_sub(count));
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
    taken: &'a mut Scratch,
    candidates: &'a mut Vec<u64>,
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

    fn uniform(&mut self, walk: &mut Walk<'_>, slots: usize) -> usize {
        let mut count = 0;
        while count < slots {
            let Some(at) = walk.next(self.rng) else { break };
            count += usize::from(self.give(at));
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
        let entrants = (slots * CANDIDATES_PER_SLOT).max(CANDIDATES_MIN).min(rows);
        self.race(first, rows, entrants, economy);
        let candidates = std::mem::take(self.candidates);
        self.take_first(candidates, slots)
    }

    /// Fills `candidates` with what time each one takes, and its row.
    fn race(&mut self, first: usize, rows: usize, entrants: usize, economy: bool) {
        let Choice { weights, near, .. } = *self.choice;
        self.candidates.clear();
        self.candidates.reserve(CANDIDATES_MAX);
        // Each entrant comes from its own part of the class, and the parts begin anywhere: all rows
        // are as likely to enter, and none enters twice but where two parts meet.
        let turn = self.rng.usize(..rows);
        let part = ((rows as u64) << 32) / entrants as u64;
        let mut start = 0;
        let mut last = usize::MAX;
        for _ in 0..entrants {
            let within = (u128::from(part) * u128::from(self.rng.u32(..))) >> 32;
            let at = (start + within as u64) >> 32;
            start += part;
            if at as usize == last {
                continue;
            }
            last = at as usize;
            let at = last + turn;
            let row = first + if at < rows { at } else { at - rows };
            let profile = self.profiles.get(row);
            let mut weight = if economy { profile.weight() } else { 0 };
            if let Some((place, places)) = &near {
                weight += weights.location(place, &places.get(profile.place()));
            }
            let time = weights.wait(weight, self.rng).to_bits();
            self.candidates.push(u64::from(time) << 32 | row as u64);
        }
    }

    /// Takes those who came in first, and gives the memory back.
    fn take_first(&mut self, mut candidates: Vec<u64>, slots: usize) -> usize {
        let ahead = (slots + RESERVE).min(candidates.len());
        if ahead < candidates.len() {
            candidates.select_nth_unstable(ahead);
        }
        let (front, back) = candidates.split_at_mut(ahead);
        front.sort_unstable();
        let mut count = self.take_in_order(front, slots);
        if count < slots && !back.is_empty() {
            back.sort_unstable();
            count += self.take_in_order(back, slots - count);
        }
        *self.candidates = candidates;
        count
    }

    fn take_in_order(&mut self, candidates: &[u64], slots: usize) -> usize {
        let mut count = 0;
        for candidate in candidates {
            if count >= slots {
                break;
            }
            count += usize::from(self.give((candidate & u64::from(u32::MAX)) as usize));
        }
        count
    }
}

#[cfg(test)]
mod tests;
