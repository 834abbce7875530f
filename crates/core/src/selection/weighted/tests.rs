//! How often weights let peers be chosen, and what no weight can do.
//!
//! Seeds are fixed, so that each test has one outcome. Bounds are five or more standard deviations
//! of the count that they bound, for whoever changes a seed.

use super::super::strategy::{RoleWeight, Selection};
use super::super::tests::{ASKER, Crowd, add_ineligible, leecher, seeder};
use super::super::{SEEDER_PERCENT_MIN, TRIES_EXTRA};
use super::*;
use crate::selection::place::{Continent, Place, PlaceId};
use crate::selection::profile::{Deeds, Kept, LogCounter};
use crate::swarm::{Class, Row};

const ALL: Strategies = Strategies::LOCATION;
/// The draw reads places and weights.
const KEPT: Kept = Kept::NoDeeds;

/// A crowd whose peers have weights and places.
struct Weighed {
    crowd: Crowd,
    places: PlaceTable,
    weights: Weights,
    strategies: Strategies,
    asker_place: Place,
    picker: Picker,
}

fn berlin() -> Place {
    Place::of_asn(3320).at(52.52, 13.40).in_country("DE").on_continent(Continent::Europe)
}

fn tokyo() -> Place {
    Place::of_asn(2516).at(35.68, 139.69).in_country("JP").on_continent(Continent::Asia)
}

impl Weighed {
    fn new(strategies: Strategies) -> Self {
        let selection = Selection { strategies, ..Selection::default() };
        Self {
            crowd: Crowd::new(),
            places: PlaceTable::default(),
            weights: Weights::new(&selection),
            strategies,
            asker_place: berlin(),
            picker: Picker::new(7),
        }
    }

    /// Adds so many peers of a weight and a place; returns the numbers of them.
    fn add(&mut self, class: Class, count: u32, weight: i32, place: Place) -> std::ops::Range<u32> {
        let first = self.crowd.next;
        let place = self.places.intern(place);
        for _ in 0..count {
            let number = self.crowd.add(class, |_| ());
            self.learn(number, |profile| {
                profile.set_weight(weight);
                profile.set_place(place);
            });
        }
        first..self.crowd.next
    }

    fn at(&self, number: u32) -> usize {
        let id = crate::swarm::session::SessionId { user: number, key: number.into() };
        self.crowd.dense.find(&id, &self.crowd.key).unwrap()
    }

    fn learn(&mut self, number: u32, change: impl FnOnce(&mut crate::selection::profile::Profile)) {
        let at = self.at(number);
        let Some(profiles) = self.crowd.dense.keep_profiles(KEPT) else { return };
        let mut profile = profiles.get(at);
        change(&mut profile);
        profiles.set(at, profile);
    }

    fn ask(&mut self, asker: &Asker, want: usize) -> Vec<u32> {
        let near = self.strategies.has(Strategies::LOCATION);
        let near = near.then_some((Near::new(self.asker_place), &self.places));
        let choice = Choice { weights: &self.weights, strategies: self.strategies, near };
        let mut taken = Vec::new();
        let (dense, key) = (&self.crowd.dense, &self.crowd.key);
        let count = select_weighted(dense, asker, &choice, want, &mut self.picker, key, |peer| {
            taken.push(peer.user());
        });
        assert_eq!(count, taken.len());
        assert!(count <= want);
        let mut distinct = taken.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), taken.len(), "nobody is given twice");
        taken
    }

    /// How many of all peers given in so many replies are in each range.
    fn shares<const N: usize>(
        &mut self,
        asker: &Asker,
        want: usize,
        replies: usize,
        groups: [&std::ops::Range<u32>; N],
    ) -> [f64; N] {
        let mut counts = [0.0; N];
        let mut all = 0.0;
        for _ in 0..replies {
            for peer in self.ask(asker, want) {
                all += 1.0;
                for (count, group) in counts.iter_mut().zip(groups) {
                    *count += f64::from(u8::from(group.contains(&peer)));
                }
            }
        }
        counts.map(|count| count / all)
    }
}

// ---- C1 to C16, as far as they concern the draw ----

#[test]
fn c1_a_swarm_no_larger_than_wanted_is_given_whole_and_in_random_order_whatever_the_strategy() {
    for strategies in Strategies::NAMES.map(|(strategy, _)| strategy) {
        let mut weighed = Weighed::new(strategies);
        weighed.add(Class::Seeder, 60, -35, tokyo());
        weighed.add(Class::Leecher, 60, 0, berlin());
        add_ineligible(&mut weighed.crowd, Class::Seeder);
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let reply = weighed.ask(&leecher(), 200);
            orders.insert(reply.clone());
            let mut sorted = reply;
            sorted.sort_unstable();
            assert!(sorted.iter().copied().eq(0..120), "neither the asker nor who is gone");
        }
        assert_eq!(orders.len(), 20);
        let mut leechers = weighed.ask(&seeder(), 60);
        leechers.sort_unstable();
        assert!(leechers.into_iter().eq(60..120));
    }
}

#[test]
fn c2_a_seeder_is_given_no_seeder_whatever_the_strategy() {
    for strategies in Strategies::NAMES.map(|(strategy, _)| strategy) {
        let mut weighed = Weighed::new(strategies | Strategies::LOCATION);
        let seeders = weighed.add(Class::Seeder, 400, 80, berlin());
        weighed.add(Class::Leecher, 400, 0, tokyo());
        for _ in 0..200 {
            let reply = weighed.ask(&seeder(), 50);
            assert_eq!(reply.len(), 50);
            assert!(reply.iter().all(|peer| !seeders.contains(peer)));
        }
    }
}

#[test]
fn c3_of_ten_thousand_seeders_and_ten_leechers_a_leecher_is_given_mostly_seeders() {
    let mut weighed = Weighed::new(Strategies::LOCATION | Strategies::COMPLETION);
    weighed.add(Class::Seeder, 10_000, -10, tokyo());
    let leechers = weighed.add(Class::Leecher, 10, 0, berlin());
    for _ in 0..200 {
        let reply = weighed.ask(&leecher(), 50);
        assert_eq!(reply.len(), 50);
        let given = reply.iter().filter(|peer| leechers.contains(peer)).count();
        assert!(given <= 10 && reply.len() - given >= 15, "{given} leechers");
    }
}

#[test]
fn a_leecher_is_given_three_seeders_in_ten_or_all_there_are_whatever_the_strategy() {
    for strategies in Strategies::NAMES.map(|(strategy, _)| strategy) {
        for (seeders, leechers, want) in [(1, 300, 10), (3, 300, 10), (20, 4000, 50), (40, 90, 50)]
        {
            let mut weighed = Weighed::new(strategies);
            weighed.add(Class::Leecher, leechers, 0, berlin());
            let given = weighed.add(Class::Seeder, seeders, -35, tokyo());
            add_ineligible(&mut weighed.crowd, Class::Seeder);
            let least = (want * SEEDER_PERCENT_MIN).div_ceil(100).min(seeders as usize);
            for _ in 0..200 {
                let reply = weighed.ask(&leecher(), want);
                assert_eq!(reply.len(), want);
                let seeders = reply.iter().filter(|peer| given.contains(peer)).count();
                assert!(seeders >= least, "{seeders} of {least}");
            }
        }
    }
}

/// 10 slots, of which 3 stay uniform: where both groups are as large, the 7 others are the two
/// groups' in the ratio of their weights. 60,000 replies hold 420,000 of them, the ratio of which
/// is off by 0.3 % as a rule.
#[test]
fn c5_twice_the_weight_is_drawn_twice_as_often() {
    let mut weighed = Weighed::new(Strategies::COMPLETION);
    let light = weighed.add(Class::Seeder, 5000, 0, Place::UNKNOWN);
    let heavy = weighed.add(Class::Seeder, 5000, 8, Place::UNKNOWN);
    let (want, uniform) = (10.0, 3.0);
    let [light, heavy] = weighed.shares(&leecher(), 10, 60_000, [&light, &heavy]);
    let by_weight = |share: f64| share - uniform / want / 2.0;
    let ratio = by_weight(heavy) / by_weight(light);
    // 7 of 128 candidates are taken, so that the heavy ones are a little scarcer in the end.
    assert!((1.96..2.02).contains(&ratio), "{ratio}");
}

#[test]
fn c6_most_peers_are_near_and_some_are_far_away() {
    let mut weighed = Weighed::new(Strategies::LOCATION);
    let near = weighed.add(Class::Seeder, 500, 0, berlin());
    let far = weighed.add(Class::Seeder, 500, 0, tokyo());
    let [near, far] = weighed.shares(&leecher(), 50, 2000, [&near, &far]);
    assert!(near >= 0.70 && far >= 0.05, "{near} and {far}");
    // A quarter stays uniform, and half of that is near as well.
    assert!((near - 0.87).abs() < 0.02, "{near}");
}

#[test]
fn leecher_slots_follow_the_location_as_well() {
    let mut weighed = Weighed::new(Strategies::LOCATION);
    let near = weighed.add(Class::Leecher, 500, 0, berlin());
    let far = weighed.add(Class::Leecher, 500, 0, tokyo());
    for asker in [leecher(), seeder()] {
        let [near, far] = weighed.shares(&asker, 50, 1000, [&near, &far]);
        assert!(near >= 0.70 && far >= 0.05, "{near} and {far}");
    }
}

#[test]
fn c7_peers_whose_place_is_unknown_have_a_share() {
    let mut weighed = Weighed::new(Strategies::LOCATION);
    let near = weighed.add(Class::Seeder, 400, 0, berlin());
    let far = weighed.add(Class::Seeder, 400, 0, tokyo());
    let unknown = weighed.add(Class::Seeder, 400, 0, Place::UNKNOWN);
    let groups = [&near, &far, &unknown];
    let [near, far, unknown] = weighed.shares(&leecher(), 50, 2000, groups);
    assert!(near > 0.5 && unknown > 0.07 && far > 0.07, "{near}, {far}, {unknown}");
}

/// A seeder who gave a quarter of the torrent's size weighs an eighth, one who gave ten times its
/// size a hundredth, which is the floor. A quarter of a leecher's seeders is not drawn by weight.
#[test]
fn c8_a_seeder_who_gave_ten_times_the_size_is_given_a_fifth_as_often_as_a_fresh_one() {
    let weights = Weights::default();
    let mut rng = fastrand::Rng::with_seed(1);
    let worn = Deeds { given: LogCounter::default().add(1000.0, &mut rng), ..Deeds::default() };
    let worn = weights.economy(Strategies::COMPLETION, worn, 0, 0);
    let fresh = weights.economy(Strategies::COMPLETION, Deeds::default(), 0, 0);
    assert_eq!((fresh, worn), (0, -53));
    let quarter = Deeds { given: LogCounter::default().add(25.0, &mut rng), ..Deeds::default() };
    let quarter = weights.economy(Strategies::COMPLETION, quarter, 0, 0);
    assert!((-32..=-16).contains(&quarter), "about an eighth: {quarter}");

    let mut weighed = Weighed::new(Strategies::COMPLETION);
    let worn = weighed.add(Class::Seeder, 4500, -53, Place::UNKNOWN);
    let fresh = weighed.add(Class::Seeder, 500, 0, Place::UNKNOWN);
    let [worn, fresh] = weighed.shares(&leecher(), 20, 20_000, [&worn, &fresh]);
    let ratio = worn / 4500.0 / (fresh / 500.0);
    assert!(ratio <= 0.20, "{ratio}");
}

/// Which leechers are given, and how often, does not depend on what anybody gave.
#[test]
fn c8_leechers_are_given_alike_whatever_they_gave() {
    for strategies in [
        Strategies::COMPLETION,
        Strategies::FAST,
        Strategies::SLOW,
        Strategies::SEED_TIME,
        Strategies::USER_CLASS,
    ] {
        let mut weighed = Weighed::new(strategies);
        weighed.add(Class::Seeder, 300, 0, Place::UNKNOWN);
        let light = weighed.add(Class::Leecher, 300, -35, Place::UNKNOWN);
        let heavy = weighed.add(Class::Leecher, 300, 80, Place::UNKNOWN);
        let [light, heavy] = weighed.shares(&leecher(), 50, 4000, [&light, &heavy]);
        // 200,000 peers, so that a share is off by 0.1 % as a rule.
        assert!((light - 1.0 / 3.0).abs() < 0.005, "{light}");
        assert!((heavy - 1.0 / 3.0).abs() < 0.005, "{heavy}");
    }
}

#[test]
fn c10_a_seeder_of_a_marked_role_is_in_every_leechers_reply_and_of_many_two_are() {
    let mut weighed = Weighed::new(Strategies::USER_CLASS);
    weighed.add(Class::Seeder, 20_000, 0, Place::UNKNOWN);
    weighed.add(Class::Leecher, 500, 0, Place::UNKNOWN);
    let one = 1234;
    let mark = |weighed: &mut Weighed, number: u32| {
        let id = weighed.crowd.dense.get(weighed.at(number)).unwrap().id();
        weighed.crowd.dense.keep_profiles(KEPT).unwrap().mark(id, true);
    };
    mark(&mut weighed, one);
    for _ in 0..1000 {
        assert!(weighed.ask(&leecher(), 50).contains(&one));
        assert!(!weighed.ask(&seeder(), 50).contains(&one));
    }
    let marked = 2000..2030;
    marked.clone().for_each(|number| mark(&mut weighed, number));
    let [share] = weighed.shares(&leecher(), 50, 1000, [&marked]);
    assert!((0.035..0.05).contains(&share), "about two of fifty: {share}");
    // One that is gone is remembered no more.
    let at = weighed.at(one);
    weighed.crowd.dense.remove(at, &weighed.crowd.key);
    assert_eq!(weighed.crowd.dense.profiles().unwrap().marked().len(), 30);
}

#[test]
fn everybody_is_drawn_however_light() {
    let mut weighed = Weighed::new(Strategies::LOCATION | Strategies::COMPLETION);
    weighed.add(Class::Seeder, 900, 127, berlin());
    let light = weighed.add(Class::Seeder, 100, -127, tokyo());
    let mut seen = std::collections::BTreeSet::new();
    // Ten times as many replies as a uniform draw would need to give each one once.
    for _ in 0..20 * 1000 / 50 * 4 {
        let reply = weighed.ask(&leecher(), 50);
        seen.extend(reply.into_iter().filter(|peer| light.contains(peer)));
    }
    assert_eq!(seen.len(), 100);
}

#[test]
fn the_same_asker_is_given_others_the_next_time() {
    let mut weighed = Weighed::new(Strategies::LOCATION);
    weighed.add(Class::Seeder, 2000, 0, berlin());
    let replies: Vec<Vec<u32>> = (0..10).map(|_| weighed.ask(&leecher(), 50)).collect();
    for (number, reply) in replies.iter().enumerate() {
        for other in &replies[number + 1..] {
            let common = reply.iter().filter(|peer| other.contains(peer)).count();
            assert!(common < 12, "{common} of 50, where 1.25 are expected");
        }
    }
}

// ---- What the draw is made of ----

/// Candidates are drawn around the class, and each one is as likely as each other.
#[test]
fn equal_weights_are_a_uniform_draw() {
    for rows in [60, 130, 400, 3001] {
        let mut weighed = Weighed::new(Strategies::SEED_TIME);
        weighed.add(Class::Seeder, rows, 0, Place::UNKNOWN);
        let mut seen = vec![0_u32; rows as usize];
        let replies = 400_000 / 40;
        for _ in 0..replies {
            weighed.ask(&leecher(), 40).into_iter().for_each(|peer| seen[peer as usize] += 1);
        }
        let chance = 40.0 / f64::from(rows);
        let expected = f64::from(replies) * chance;
        for count in seen {
            let off = (f64::from(count) - expected) / (expected * (1.0 - chance)).sqrt();
            assert!(off.abs() < 5.5, "{count}, not {expected}, of {rows}");
        }
    }
}

#[test]
fn peers_that_may_not_be_given_are_passed_over_and_the_reply_is_full_all_the_same() {
    let mut weighed = Weighed::new(Strategies::LOCATION | Strategies::COMPLETION);
    weighed.add(Class::Seeder, 300, 0, tokyo());
    // The best ones are the asker's own, or gone.
    let place = weighed.places.intern(berlin());
    for number in 0..200_u32 {
        let user = if number % 2 == 0 { ASKER } else { 500_000 + number };
        weighed.crowd.add_of(user, Class::Seeder, |row| {
            if number % 2 == 1 {
                row.set_last_seconds(0);
            }
        });
        let at = weighed.crowd.dense.len() - 1;
        let profiles = weighed.crowd.dense.keep_profiles(KEPT).unwrap();
        let mut profile = profiles.get(at);
        profile.set_weight(80);
        profile.set_place(place);
        profiles.set(at, profile);
    }
    for _ in 0..300 {
        assert_eq!(weighed.ask(&leecher(), 50).len(), 50);
    }
}

#[test]
fn a_swarm_of_peers_that_may_not_be_given_costs_a_bounded_search() {
    let mut weighed = Weighed::new(Strategies::COMPLETION);
    for _ in 0..20_000 {
        weighed.crowd.add(Class::Seeder, |row| row.set_last_seconds(0));
    }
    weighed.crowd.dense.keep_profiles(KEPT);
    assert_eq!(weighed.ask(&leecher(), 50), []);
    assert!(weighed.picker.race.known.len() <= CANDIDATES_MIN.max(50 * CANDIDATES_PER_SLOT));
    let seen = weighed.picker.seeders.seen.slots.iter().filter(|(turn, _)| *turn != 0).count();
    assert_eq!(seen, 50 + TRIES_EXTRA);
}

#[test]
fn without_profiles_or_with_a_strategy_that_says_nothing_the_draw_is_the_uniform_one() {
    let mut weighed = Weighed::new(ALL);
    (0..500).for_each(|_| _ = weighed.crowd.add(Class::Leecher, |_| ()));
    let mut uniform = Picker::new(7);
    let mut expected = Vec::new();
    select(&weighed.crowd.dense, &leecher(), 50, &mut uniform, |peer| expected.push(peer.user()));
    assert_eq!(weighed.ask(&leecher(), 50), expected);

    weighed.crowd.dense.keep_profiles(KEPT);
    weighed.strategies = Strategies::COMPLETION;
    weighed.picker = Picker::new(7);
    let expected: Vec<u32> = {
        let mut uniform = Picker::new(7);
        let mut taken = Vec::new();
        select(&weighed.crowd.dense, &seeder(), 50, &mut uniform, |peer| taken.push(peer.user()));
        taken
    };
    assert_eq!(weighed.ask(&seeder(), 50), expected, "leechers are nobody's economy");
}

#[test]
fn roles_weigh_what_the_configuration_says() {
    let role = |role_id, weight_percent| RoleWeight {
        role_id,
        weight_percent,
        always_include: role_id == 3,
    };
    let selection =
        Selection { roles: vec![role(9, 200), role(3, 1000), role(5, 25)], ..Selection::default() };
    let weights = Weights::new(&selection);
    let weight = |role| weights.economy(Strategies::USER_CLASS, Deeds::default(), role, 0);
    assert_eq!([1, 3, 5, 9].map(weight), [0, 27, -16, 8]);
    assert!(weights.always_includes(Strategies::USER_CLASS, 3));
    assert!(!weights.always_includes(Strategies::USER_CLASS, 9));
    assert!(!weights.always_includes(Strategies::SEED_TIME, 3));
}

#[test]
fn twice_the_speed_is_twice_the_weight_or_half_of_it_and_unmeasured_peers_are_in_the_middle() {
    let weights = Weights::default();
    let weight = |strategies, speed| {
        weights.economy(strategies, Deeds { speed, ..Deeds::default() }, 0, 6 * 8)
    };
    assert_eq!(
        [0, 1, 4, 6, 8, 15].map(|it| weight(Strategies::FAST, it)),
        [0, -32, -16, 0, 16, 32]
    );
    assert_eq!(
        [0, 1, 4, 6, 8, 15].map(|it| weight(Strategies::SLOW, it)),
        [0, 32, 16, 0, -16, -32]
    );
}

#[test]
fn a_day_of_seeding_halves_the_weight_and_a_month_leaves_a_twentieth() {
    let weights = Weights::default();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut weight = |hours: f32| {
        let sum: i32 = (0..100)
            .map(|_| {
                let seeded = LogCounter::default().add(hours * 4.0, &mut rng);
                weights.economy(Strategies::SEED_TIME, Deeds { seeded, ..Deeds::default() }, 0, 0)
            })
            .sum();
        f64::from(sum) / 100.0
    };
    assert_eq!(weight(0.0), 0.0);
    assert!((weight(24.0) + 8.0).abs() < 1.0);
    assert!((weight(720.0) + 34.6).abs() < 1.0);
}

fn weight_of(weights: &Weights, asker: Place, peer: Place) -> i32 {
    // Some are weighed at once, and the rest one by one.
    let mut columns = peer.words().map(|word| [word; 7]);
    let mut sums = [5; 7];
    weights.add_locations(&Near::new(asker), columns.each_mut().map(|it| &mut it[..]), &mut sums);
    assert!(sums.iter().all(|sum| *sum == sums[0]));
    sums[0] - 5
}

#[test]
fn places_that_are_known_in_part_weigh_by_that_part() {
    let weights = Weights::default();
    let asker = berlin();
    let weight = |place: Place| weight_of(&weights, asker, place);
    let unknown = weight(Place::UNKNOWN);
    assert_eq!(weight(berlin()), 24);
    assert_eq!(weight(Place::of_asn(3320)) - unknown, 24);
    assert_eq!(weight(Place::UNKNOWN.in_country("DE")) - unknown, 13);
    assert_eq!(weight(Place::UNKNOWN.on_continent(Continent::Europe)) - unknown, 5);
    assert_eq!(weight(Place::UNKNOWN.on_continent(Continent::Africa)) - unknown, 0);
    // Half as much at 500 km: Munich is 504 km away.
    let munich = Place::UNKNOWN.at(48.14, 11.58);
    assert_eq!(weight(munich), -8);
    assert!(weight(tokyo()) < unknown);
    assert_eq!(weight_of(&weights, Place::UNKNOWN, asker), unknown);
}

/// What a choice costs is what it looks at: candidates, and the rows of those who come in first. A
/// build that is not for release makes do with a hundred thousand.
/// `scripts/check-instructions` counts it, and `cargo bench -p mika-bench --bench wall` times it.
#[test]
fn c13_a_choice_from_a_million_looks_at_no_more_than_one_from_ten_thousand() {
    let many = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let looked_at = |peers: u32| {
        let mut weighed = Weighed::new(Strategies::LOCATION | Strategies::COMPLETION);
        let place = weighed.places.intern(tokyo());
        for number in 0..peers {
            let class = if number % 2 == 0 { Class::Seeder } else { Class::Leecher };
            weighed.crowd.add(class, |_| ());
        }
        // As announces do, some hundred rows each.
        for _ in 0..=peers / 512 {
            weighed.crowd.dense.keep_profiles(KEPT);
        }
        (0..100).for_each(|number| weighed.learn(number, |profile| profile.set_place(place)));
        (0..20)
            .map(|_| {
                assert_eq!(weighed.ask(&leecher(), 50).len(), 50);
                let Picker { race, seeders, leechers, taken, .. } = &weighed.picker;
                let now =
                    |seen: &Seen| seen.slots.iter().filter(|(turn, _)| *turn == seen.turn).count();
                let [uniform, taken] = [now(&seeders.seen) + now(&leechers.seen), now(taken)];
                assert!(uniform <= 50 && taken == 50, "{uniform} and {taken}");
                race.known.len()
            })
            .collect::<Vec<usize>>()
    };
    assert_eq!(looked_at(10_000), [CANDIDATES_MIN; 20]);
    assert_eq!(looked_at(many), [CANDIDATES_MIN; 20]);
}

/// The graph of who was given whom holds together: each peer knows a quarter of its peers by
/// chance, however strongly the rest is bound to a place. A thousand worlds take minutes in a
/// release build, and are for `scripts/test --long`.
#[test]
fn c12_five_thousand_peers_in_sixty_places_stay_connected() {
    let long = std::env::var_os("MIKA_LONG").is_some() && !cfg!(debug_assertions);
    for seed in 0..if long { 1000 } else { 2 } {
        let mut weighed = Weighed::new(Strategies::LOCATION);
        weighed.picker = Picker::new(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let places: Vec<Place> = (0..60)
            .map(|asn| Place::of_asn(asn + 1).at(rng.f64() * 140.0 - 70.0, rng.f64() * 360.0))
            .collect();
        let homes: Vec<PlaceId> = (0..5000)
            .map(|_| {
                // Some places have many peers, most have few.
                let at = (60.0_f64.powf(rng.f64()) - 1.0) as usize;
                weighed.places.intern(places[at])
            })
            .collect();
        for home in &homes {
            let number = weighed.crowd.add(Class::Leecher, |_| ());
            weighed.learn(number, |profile| profile.set_place(*home));
        }
        let mut parent: Vec<usize> = (0..5000).collect();
        fn root(parent: &mut [usize], mut at: usize) -> usize {
            while parent[at] != at {
                parent[at] = parent[parent[at]];
                at = parent[at];
            }
            at
        }
        let mut parts = 5000;
        for (number, home) in homes.iter().enumerate() {
            weighed.asker_place = weighed.places.get(*home);
            let asker = Asker { user: number as u32, ..leecher() };
            for peer in weighed.ask(&asker, 30) {
                let (a, b) = (root(&mut parent, number), root(&mut parent, peer as usize));
                parts -= usize::from(a != b);
                parent[a] = b;
            }
        }
        assert_eq!(parts, 1, "seed {seed}");
    }
}
