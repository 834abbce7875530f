//! Who may be given, and how often each one is.

use super::*;
use crate::hash::HashKey;
use crate::swarm::Class;
use crate::swarm::session::{Flags, Session, SessionId};

pub(super) const NOW: u32 = 1_800_000_000;
pub(super) const TIMEOUT: u32 = 4200;
pub(super) const ASKER: u32 = 9_000_000;

/// A swarm of sessions, each with its own endpoint, which is its number.
pub(super) struct Crowd {
    pub(super) dense: Dense<Session>,
    pub(super) key: HashKey,
    pub(super) next: u32,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self { dense: Dense::default(), key: HashKey::new([5; 16]), next: 0 }
    }

    /// Adds a session and returns its number.
    pub(super) fn add(&mut self, class: Class, change: impl FnOnce(&mut Session)) -> u32 {
        let number = self.next;
        self.add_of(number, class, change)
    }

    pub(super) fn add_of(
        &mut self,
        user: u32,
        class: Class,
        change: impl FnOnce(&mut Session),
    ) -> u32 {
        let number = self.next;
        self.next += 1;
        let [a, b, c, d] = number.to_be_bytes();
        let mut row = Session::new(SessionId { user, key: number.into() }, NOW);
        row.set_last_seconds(NOW);
        row.v4 = [a, b, c, d, 1, 1];
        change(&mut row);
        self.dense.insert(row, class, &self.key);
        number
    }

    pub(super) fn add_many(&mut self, class: Class, count: usize) {
        (0..count).for_each(|_| _ = self.add(class, |_| ()));
    }

    fn ask(&self, asker: &Asker, want: usize, picker: &mut Picker) -> Vec<u32> {
        let mut taken = Vec::new();
        let count = select(&self.dense, asker, want, picker, |peer| {
            let [a, b, c, d, _, _] = peer.v4;
            taken.push(u32::from_be_bytes([a, b, c, d]));
        });
        assert_eq!(count, taken.len());
        assert!(count <= want);
        let mut distinct = taken.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), taken.len(), "nobody is given twice");
        taken
    }
}

pub(super) fn leecher() -> Asker {
    Asker {
        user: ASKER,
        wants_no_data: false,
        local: false,
        now_seconds: NOW,
        peer_timeout_seconds: TIMEOUT,
    }
}

pub(super) fn seeder() -> Asker {
    Asker { wants_no_data: true, ..leecher() }
}

/// Adds one of each kind that a public asker may not have.
pub(super) fn add_ineligible(crowd: &mut Crowd, class: Class) {
    crowd.add_of(ASKER, class, |_| ());
    crowd.add(class, |row| row.flags.set(Flags::LOCAL_V4, true));
    crowd.add(class, |row| row.set_last_seconds(NOW - TIMEOUT - 1));
    crowd.add(class, |row| row.v4 = [0; 6]);
}

/// Quantiles of the normal distribution: what one in ten million exceeds, and one in a hundred.
const RARE: f64 = 5.2;
const ONE_PERCENT: f64 = 2.33;

/// The quantile of chi-square that belongs to one of the normal distribution (Wilson and Hilferty's
/// formula).
fn chi_square_limit(degrees: f64, z: f64) -> f64 {
    let spread = 2.0 / (9.0 * degrees);
    degrees * (1.0 - spread + z * spread.sqrt()).powi(3)
}

/// Draws some 10^6 peers and compares how often each one of `eligible` came.
///
/// Draws within one reply are without replacement, which makes the statistic smaller than that of
/// independent ones by `1 - want / eligible`; it is scaled back.
fn assert_uniform(crowd: &Crowd, asker: &Asker, want: usize, eligible: &[u32], seed: u64, z: f64) {
    let mut picker = Picker::new(seed);
    let mut seen = vec![0_u64; crowd.next as usize];
    let (mut draws, mut replies) = (0_u64, 0_u64);
    while draws < 1_000_000 {
        for peer in crowd.ask(asker, want, &mut picker) {
            seen[peer as usize] += 1;
            draws += 1;
        }
        replies += 1;
    }
    let outsiders = (0..crowd.next).filter(|peer| !eligible.contains(peer));
    assert_eq!(outsiders.map(|peer| seen[peer as usize]).sum::<u64>(), 0);
    let expected = draws as f64 / eligible.len() as f64;
    let per_reply = draws as f64 / replies as f64;
    let sum: f64 = eligible
        .iter()
        .map(|peer| (seen[*peer as usize] as f64 - expected).powi(2) / expected)
        .sum();
    if per_reply >= eligible.len() as f64 {
        assert_eq!(sum, 0.0, "everybody, every time");
        return;
    }
    let scaled = sum * (eligible.len() - 1) as f64 / (eligible.len() as f64 - per_reply);
    let limit = chi_square_limit((eligible.len() - 1) as f64, z);
    assert!(scaled < limit, "{scaled} of {limit} for {} peers, want {want}", eligible.len());
    // Too regular is not random either.
    let floor = (eligible.len() - 1) as f64 - 5.5 * (2.0 * (eligible.len() - 1) as f64).sqrt();
    assert!(scaled > floor, "{scaled} of at least {floor}");
}

#[test]
fn c4_each_peer_of_a_class_is_as_likely_as_each_other_among_those_who_may_not_be_given() {
    for (number, size) in [5, 18, 100, 400, 5000].into_iter().enumerate() {
        for want in [5, 50] {
            for class in [Class::Leecher, Class::Seeder] {
                let mut crowd = Crowd::new();
                let mut eligible = Vec::new();
                for row in 0..size {
                    eligible.push(crowd.add(class, |_| ()));
                    // Up to half as many more, spread over the swarm.
                    if row % 8 == 0 {
                        add_ineligible(&mut crowd, class);
                    }
                }
                assert_uniform(&crowd, &leecher(), want, &eligible, number as u64, RARE);
                if class == Class::Leecher {
                    assert_uniform(&crowd, &seeder(), want, &eligible, number as u64, RARE);
                }
            }
        }
    }
}

#[test]
fn c4_a_million_draws_without_a_strategy_are_uniform_at_one_percent() {
    let mut crowd = Crowd::new();
    let eligible: Vec<u32> = (0..1000).map(|_| crowd.add(Class::Leecher, |_| ())).collect();
    assert_uniform(&crowd, &leecher(), 50, &eligible, 4, ONE_PERCENT);
}

#[test]
fn both_classes_share_a_reply_in_proportion_when_there_are_seeders_enough() {
    for size in [20, 100, 1000] {
        for want in [5, 7, 50] {
            let mut crowd = Crowd::new();
            crowd.add_many(Class::Seeder, size);
            crowd.add_many(Class::Leecher, size);
            let eligible: Vec<u32> = (0..crowd.next).collect();
            let mut picker = Picker::new(3);
            let (mut seeders, mut all) = (0_u64, 0_u64);
            for _ in 0..20_000 {
                let reply = crowd.ask(&leecher(), want, &mut picker);
                assert_eq!(reply.len(), want.min(eligible.len()));
                seeders += reply.iter().filter(|peer| (**peer as usize) < size).count() as u64;
                all += reply.len() as u64;
            }
            let share = seeders as f64 / all as f64;
            assert!((share - 0.5).abs() < 0.005, "{share} for {size} and {want}");
        }
    }
}

#[test]
fn a_leecher_is_given_three_seeders_in_ten_while_there_are_any() {
    for (seeders, leechers, want) in [(1, 99, 10), (3, 97, 10), (20, 4000, 50), (9, 1000, 7)] {
        let mut crowd = Crowd::new();
        crowd.add_many(Class::Seeder, seeders);
        add_ineligible(&mut crowd, Class::Seeder);
        let first_leecher = crowd.next;
        crowd.add_many(Class::Leecher, leechers);
        let mut picker = Picker::new(9);
        let least = (want * SEEDER_PERCENT_MIN).div_ceil(100).min(seeders);
        for _ in 0..1000 {
            let reply = crowd.ask(&leecher(), want, &mut picker);
            assert_eq!(reply.len(), want);
            let given = reply.iter().filter(|peer| **peer < first_leecher).count();
            assert!(given >= least, "{given} of {least} for {seeders}, {leechers}, {want}");
        }
    }
}

#[test]
fn slots_that_one_class_cannot_fill_go_to_the_other() {
    for (seeders, leechers) in [(100, 0), (0, 100), (95, 5), (5, 95)] {
        let mut crowd = Crowd::new();
        crowd.add_many(Class::Seeder, seeders);
        crowd.add_many(Class::Leecher, leechers);
        // Many of whom none may be given.
        for _ in 0..15 {
            add_ineligible(&mut crowd, Class::Seeder);
            add_ineligible(&mut crowd, Class::Leecher);
        }
        let mut picker = Picker::new(1);
        for want in [1, 50, 99, 100, 101, 500] {
            assert_eq!(crowd.ask(&leecher(), want, &mut picker).len(), want.min(100));
            assert_eq!(crowd.ask(&seeder(), want, &mut picker).len(), want.min(leechers));
        }
    }
}

#[test]
fn every_pair_of_peers_comes_together_equally_often() {
    // One swarm that is shuffled, one whose rows are drawn and remembered.
    for (size, want) in [(20, 5), (400, 30)] {
        let mut crowd = Crowd::new();
        crowd.add_many(Class::Leecher, size);
        let mut picker = Picker::new(77);
        let mut pairs = vec![0_u64; size * size];
        let replies = 400_000 * 20 / (want * want);
        for _ in 0..replies {
            let reply = crowd.ask(&leecher(), want, &mut picker);
            for a in &reply {
                for b in &reply {
                    pairs[*a as usize * size + *b as usize] += 1;
                }
            }
        }
        let chance = (want * (want - 1)) as f64 / (size * (size - 1)) as f64;
        let expected = replies as f64 * chance;
        for a in 0..size {
            for b in 0..size {
                let seen = pairs[a * size + b] as f64;
                let off = (seen - expected) / (expected * (1.0 - chance)).sqrt();
                assert!(a == b || off.abs() < 6.0, "{a} and {b} came {seen}, not {expected}");
            }
        }
    }
}

#[test]
fn a_reply_is_that_of_its_seed() {
    let mut crowd = Crowd::new();
    crowd.add_many(Class::Leecher, 2000);
    crowd.add_many(Class::Seeder, 50);
    let replies = |seed| {
        let mut picker = Picker::new(seed);
        (0..20).map(|_| crowd.ask(&leecher(), 50, &mut picker)).collect::<Vec<_>>()
    };
    assert_eq!(replies(1), replies(1));
    assert_ne!(replies(1), replies(2));
    // What a worker answered before changes only its random source.
    let mut picker = Picker::new(1);
    let mut small = Crowd::new();
    small.add_many(Class::Leecher, 30);
    small.ask(&leecher(), 10, &mut picker);
    picker.rng = fastrand::Rng::with_seed(1);
    assert_eq!(crowd.ask(&leecher(), 50, &mut picker), replies(1)[0]);
}

#[test]
fn nobody_is_given_to_one_who_wants_none_and_all_to_one_who_wants_more_than_there_are() {
    for size in [0, 1, 5, 16, 17, 300] {
        let mut crowd = Crowd::new();
        let others: Vec<u32> = (0..size).map(|_| crowd.add(Class::Leecher, |_| ())).collect();
        add_ineligible(&mut crowd, Class::Leecher);
        let mut picker = Picker::new(4);
        for asker in [leecher(), seeder()] {
            assert_eq!(crowd.ask(&asker, 0, &mut picker), []);
            let mut all = crowd.ask(&asker, 500, &mut picker);
            all.sort_unstable();
            assert_eq!(all, others);
        }
    }
}

#[test]
fn those_who_want_no_data_are_given_nobody_who_wants_none() {
    let mut crowd = Crowd::new();
    crowd.add_many(Class::Seeder, 30);
    let paused = |row: &mut Session| row.flags.set(Flags::PAUSED, true);
    let partial = crowd.add(Class::Leecher, paused);
    let downloading = crowd.add(Class::Leecher, |_| ());
    let mut picker = Picker::new(2);
    assert_eq!(crowd.ask(&seeder(), 50, &mut picker), [downloading]);
    assert_eq!(crowd.ask(&leecher(), 50, &mut picker).len(), 32);
    assert!(crowd.ask(&leecher(), 50, &mut picker).contains(&partial));
}

#[test]
fn local_peers_are_for_local_askers_and_a_peer_is_old_only_after_the_timeout() {
    let mut crowd = Crowd::new();
    let local = crowd.add(Class::Leecher, |row| row.flags.set(Flags::LOCAL_V4, true));
    let aging = crowd.add(Class::Leecher, |row| row.set_last_seconds(NOW - TIMEOUT));
    let ahead = crowd.add(Class::Leecher, |row| row.set_last_seconds(NOW + 50));
    crowd.add(Class::Leecher, |row| row.set_last_seconds(NOW - TIMEOUT - 1));
    let mut picker = Picker::new(2);
    let mut given = crowd.ask(&leecher(), 9, &mut picker);
    given.sort_unstable();
    assert_eq!(given, [aging, ahead]);
    let mut given = crowd.ask(&Asker { local: true, ..leecher() }, 9, &mut picker);
    given.sort_unstable();
    assert_eq!(given, [local, aging, ahead]);
}

#[test]
fn a_swarm_full_of_peers_that_may_not_be_given_costs_a_bounded_search() {
    let mut crowd = Crowd::new();
    for _ in 0..20_000 {
        crowd.add(Class::Leecher, |row| row.set_last_seconds(NOW - TIMEOUT - 1));
    }
    let mut picker = Picker::new(2);
    assert_eq!(crowd.ask(&leecher(), 50, &mut picker), []);
    let seen = picker.leechers.seen.slots.iter().filter(|(turn, _)| *turn != 0).count();
    assert_eq!(seen, 50 + TRIES_EXTRA);
}

#[test]
fn walks_go_on_when_the_number_of_their_turn_has_wrapped() {
    let mut crowd = Crowd::new();
    crowd.add_many(Class::Leecher, 2000);
    let mut picker = Picker::new(2);
    crowd.ask(&leecher(), 50, &mut picker);
    picker.leechers.seen.turn = u32::MAX - 1;
    for _ in 0..4 {
        assert_eq!(crowd.ask(&leecher(), 50, &mut picker).len(), 50);
    }
    assert_eq!(picker.leechers.seen.turn, 3);
}
