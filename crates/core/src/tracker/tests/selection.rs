//! What strategies make of whole announces: what is learned, when, and who comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::selection::place::{Continent, Place, PlaceId, PlaceTable, Places};
use crate::selection::profile::Profile;
use crate::selection::strategy::{RoleWeight, Selection, Strategies};

/// Addresses of 20.0.0.0/8 are in Berlin, those of 30.0.0.0/8 in Tokyo, and so are 2001:db8:20::
/// and 2001:db8:30::. Counts what it is asked.
#[derive(Debug, Default)]
struct World {
    table: PlaceTable,
    asked: AtomicU32,
}

impl Places for World {
    fn place_of(&self, address: IpAddr) -> PlaceId {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let network = match address {
            IpAddr::V4(ip) => u16::from(ip.octets()[0]),
            IpAddr::V6(ip) => ip.segments()[2],
        };
        self.table.intern(match network {
            20 | 0x20 => Place::of_asn(1).at(52.5, 13.4).on_continent(Continent::Europe),
            30 | 0x30 => Place::of_asn(2).at(35.7, 139.7).on_continent(Continent::Asia),
            _ => Place::UNKNOWN,
        })
    }

    fn table(&self) -> &PlaceTable {
        &self.table
    }
}

/// A site with many users, and places.
struct Chosen {
    site: Site,
    world: Arc<World>,
}

impl Chosen {
    fn new(strategies: Strategies) -> Self {
        Self::with(Site::private(), strategies)
    }

    fn with(site: Site, strategies: Strategies) -> Self {
        let world = Arc::new(World::default());
        site.tracker.set_places(Arc::clone(&world) as Arc<dyn Places>);
        for id in 10..3000 {
            site.tracker.put_user(user(id)).unwrap();
        }
        let chosen = Self { site, world };
        chosen.choose(|selection| selection.strategies = strategies);
        chosen
    }

    fn choose(&self, change: impl FnOnce(&mut Selection)) {
        self.site.set(|settings| change(Arc::make_mut(&mut settings.selection)));
    }

    fn asked(&self) -> u32 {
        self.world.asked.load(Ordering::Relaxed)
    }

    /// How often each of some users is given to a leecher who asks so many times.
    fn given(&mut self, asker: By, replies: u32) -> impl Fn(std::ops::Range<u32>) -> f64 + use<> {
        let mut counts = std::collections::HashMap::new();
        for _ in 0..replies {
            for socket in self.site.ok(asker) {
                *counts.entry(socket.ip()).or_insert(0_u32) += 1;
            }
        }
        move |users| {
            let count = |id| {
                [by(id).ip, tokyo(id).ip, v6(id, 0x20).ip, v6(id, 0x30).ip]
                    .map(|ip| counts.get(&ip).copied().unwrap_or(0))
            };
            users.flat_map(count).map(f64::from).sum()
        }
    }

    fn profile(&self, user: u32) -> Option<Profile> {
        let Swarms::Private(shards) = &self.site.tracker.swarms else { return None };
        let (shard, slot) = shards.find(hash(1)).ok()?;
        let main = &shard.torrents.get(slot)?.swarm.main;
        let index = self.site.tracker.users.index_of(user)?;
        let at = (0..main.len())
            .find(|at| main.get(*at).is_some_and(|row| crate::swarm::Peer::user(row) == index))?;
        main.profiles().map(|profiles| profiles.get(at))
    }
}

fn tokyo(user: u32) -> By {
    let [_, _, high, low] = user.to_be_bytes();
    By { ip: IpAddr::from([30, 0, high, low]), ..by(user) }
}

fn v6(user: u32, network: u16) -> By {
    let ip = std::net::Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, user as u16);
    By { ip: ip.into(), ..by(user) }
}

const ALL: [Strategies; 7] = [
    Strategies::UNIFORM,
    Strategies::LOCATION,
    Strategies::COMPLETION,
    Strategies::FAST,
    Strategies::SLOW,
    Strategies::USER_CLASS,
    Strategies::SEED_TIME,
];

#[test]
fn c1_neither_the_asker_nor_the_same_user_is_ever_given_whatever_the_strategy() {
    for strategies in ALL {
        let mut chosen = Chosen::new(strategies);
        for id in 10..210 {
            let by = if id % 2 == 0 { by(id) } else { by(id).seeding() };
            chosen.site.ok(by);
        }
        chosen.site.ok(by(9));
        chosen.site.ok(by(9).client(1).seeding());
        for _ in 0..200 {
            let given = chosen.site.ok(by(9).numwant(50));
            assert_eq!(given.len(), 50);
            assert!(given.iter().all(|socket| socket.ip() != by(9).ip));
        }
        // No more peers than wanted: everybody else.
        assert_eq!(chosen.site.ok(by(9).numwant(200)).len(), 200);
    }
}

#[test]
fn c2_a_seeder_asks_and_is_given_no_seeder_whatever_the_strategy() {
    for strategies in ALL {
        let mut chosen = Chosen::new(strategies);
        for id in 10..400 {
            chosen.site.ok(if id % 3 == 0 { by(id) } else { by(id).seeding() });
        }
        for _ in 0..50 {
            let given = chosen.site.ok(by(9).seeding());
            assert_eq!(given.len(), 50);
            for socket in given {
                let IpAddr::V4(ip) = socket.ip() else { panic!("{socket}") };
                assert_eq!(ip.to_bits() % 65_536 % 3, 0, "a leecher");
            }
        }
    }
}

#[test]
fn c16_those_who_stop_or_want_nobody_are_given_nobody_whatever_the_strategy() {
    for strategies in ALL {
        let mut chosen = Chosen::new(strategies);
        (10..200).for_each(|id| _ = chosen.site.ok(by(id)));
        assert_eq!(chosen.site.ok(by(9).numwant(0)), []);
        assert_eq!(chosen.site.ok(by(9).stopped()), []);
        assert_eq!(chosen.site.ok(by(9)).len(), 50);
    }
}

#[test]
fn c15_an_asker_over_ipv6_is_given_ipv6_peers_and_one_over_ipv4_none_whatever_the_strategy() {
    for strategies in ALL {
        let mut chosen = Chosen::new(strategies);
        for id in 10..200 {
            chosen.site.ok(by(id));
            chosen.site.ok(v6(id + 500, 0x30));
        }
        assert!(chosen.site.ok(by(8)).iter().all(SocketAddr::is_ipv4));
        let given = chosen.site.ok(v6(9, 0x20));
        assert_eq!(given.len(), 50);
        assert!(given.iter().all(SocketAddr::is_ipv6));
        chosen.site.ok(by(9));
        let both = chosen.site.ok(v6(9, 0x20));
        assert_eq!(both.iter().filter(|socket| socket.is_ipv6()).count(), 25);
        assert_eq!(both.len(), 50);
    }
}

#[test]
fn peers_near_the_asker_come_first_over_both_address_families() {
    let mut chosen = Chosen::new(Strategies::LOCATION);
    for id in 10..310 {
        chosen.site.ok(by(id));
        chosen.site.ok(tokyo(id + 300));
        chosen.site.ok(v6(id + 600, 0x20));
        chosen.site.ok(v6(id + 900, 0x30));
    }
    // Those who came before the swarm was large are known from their next announce on.
    (10..310).for_each(|id| _ = chosen.site.ok(by(id)));
    let given = chosen.given(by(9), 200);
    let (near, far) = (given(10..310), given(310..610));
    assert!(near > 0.8 * 10_000.0 && far > 0.05 * 10_000.0, "{near} and {far}");
    let given = chosen.given(tokyo(8), 200);
    assert!(given(310..610) > 0.8 * 10_000.0);
    let given = chosen.given(v6(7, 0x30), 200);
    let (near, far) = (given(910..1210), given(610..910));
    assert!(near > 0.8 * 10_000.0 && far > 0.05 * 10_000.0, "{near} and {far}");
}

#[test]
fn a_public_swarm_is_chosen_from_by_place_and_by_nothing_else() {
    let mut chosen = Chosen::with(Site::public(), Strategies::LOCATION | Strategies::COMPLETION);
    for id in 10..310 {
        chosen.site.ok(by(id));
        chosen.site.ok(tokyo(id + 300));
    }
    (10..310).for_each(|id| _ = chosen.site.ok(by(id)));
    let given = chosen.given(by(9), 200);
    assert!(given(10..310) > 0.8 * 10_000.0);
    chosen.choose(|selection| selection.strategies = Strategies::COMPLETION);
    let given = chosen.given(by(9), 200);
    assert!((given(10..310) - 5000.0).abs() < 500.0, "{}", given(10..310));
}

#[test]
fn a_place_is_asked_for_once_and_again_when_a_peer_has_moved() {
    let mut chosen = Chosen::new(Strategies::LOCATION);
    (10..100).for_each(|id| _ = chosen.site.ok(by(id)));
    (10..100).for_each(|id| _ = chosen.site.ok(by(id)));
    assert_eq!(chosen.asked(), 90);
    for _ in 0..10 {
        chosen.site.ok(by(50));
        chosen.site.ok(by(50).seeding());
    }
    assert_eq!(chosen.asked(), 90);
    let berlin = chosen.profile(50).unwrap().place();
    chosen.site.ok(tokyo(50));
    assert_eq!(chosen.asked(), 91);
    assert_ne!(chosen.profile(50).unwrap().place(), berlin);
    chosen.site.ok(tokyo(50));
    // Each family has its own place.
    for _ in 0..5 {
        chosen.site.ok(v6(50, 0x20));
        chosen.site.ok(tokyo(50));
    }
    assert!(chosen.asked() <= 92, "{}", chosen.asked());
}

#[test]
fn c14_without_anybody_who_knows_places_the_strategy_is_without_effect() {
    let mut site = Site::private();
    (10..300).for_each(|id| site.tracker.put_user(user(id)).unwrap());
    let strategies = Strategies::LOCATION;
    site.set(|settings| {
        settings.selection = Arc::new(Selection { strategies, ..Selection::default() });
    });
    (10..300).for_each(|id| _ = site.ok(by(id)));
    assert_eq!(site.ok(by(9)).len(), 50);
    let chosen = Chosen { site, world: Arc::default() };
    assert_eq!(chosen.profile(50), None, "and costs no memory");
}

/// Half of the seeders have given ten times the size. A quarter of the slots stays uniform: of the
/// 50 slots 6.25 + 37.5 / 12 are theirs, or more where fresh ones run out.
#[test]
fn seeders_who_gave_much_since_they_completed_are_given_less() {
    let mut chosen = Chosen::new(Strategies::COMPLETION);
    (100..500).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    // A leecher tells the size of the torrent.
    chosen.site.ok(by(9));
    chosen.site.wait(1800);
    for id in 100..500 {
        let uploaded = if id < 300 { 10_000 } else { 0 };
        chosen.site.ok(by(id).seeding().moved(uploaded, 0));
    }
    let given = chosen.given(by(9), 400);
    let (worn, fresh) = (given(100..300), given(300..500));
    let share = worn / (worn + fresh);
    assert!((0.15..0.27).contains(&share), "{share}");
}

#[test]
fn what_a_leecher_gave_before_it_completed_does_not_count_against_it() {
    let mut chosen = Chosen::new(Strategies::COMPLETION);
    (10..100).for_each(|id| _ = chosen.site.ok(by(id).left(1000)));
    chosen.site.wait(1800);
    chosen.site.ok(by(50).left(100).moved(10_000, 900));
    chosen.site.wait(1800);
    chosen.site.ok(by(50).seeding().moved(20_000, 1000));
    let weight = |chosen: &Chosen| chosen.profile(50).unwrap().weight();
    assert_eq!(weight(&chosen), 0);
    chosen.site.wait(1800);
    chosen.site.ok(by(50).seeding().moved(30_000, 1000));
    assert_eq!(weight(&chosen), -53, "ten times the size is at the floor");
}

#[test]
fn seeders_who_came_last_are_given_more_and_a_restart_forgets_neither() {
    let mut chosen = Chosen::new(Strategies::SEED_TIME);
    (100..300).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    for _ in 0..200 {
        chosen.site.wait(3600);
        (100..300).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    }
    (300..500).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    let given = chosen.given(by(9), 200);
    let (old, young) = (given(100..300), given(300..500));
    assert!(young > 2.5 * old, "{young} and {old}");

    let mut items = Vec::new();
    chosen.site.tracker.drain_and_snapshot(chosen.site.now, |item| items.push(item));
    let mut next = Chosen::new(Strategies::SEED_TIME);
    items.iter().for_each(|item| assert!(next.site.tracker.restore(item)));
    next.site.now = chosen.site.now + 60;
    chosen = next;
    (100..500).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    (100..500).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    let given = chosen.given(by(9), 200);
    let (old, young) = (given(100..300), given(300..500));
    assert!(young > 2.5 * old, "{young} and {old}");
}

#[test]
fn fast_seeders_are_given_more_or_less_as_the_site_wants() {
    for (strategies, more) in [(Strategies::FAST, 300..500), (Strategies::SLOW, 100..300)] {
        let mut chosen = Chosen::new(strategies);
        (100..500).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
        for round in 1..=20 {
            chosen.site.wait(1800);
            for id in 100..500 {
                let bytes_per_second: u64 = if id < 300 { 100_000 } else { 10_000_000 };
                let uploaded = bytes_per_second * 1800 * round;
                chosen.site.ok(by(id).seeding().moved(uploaded, 0));
            }
        }
        let given = chosen.given(by(9), 200);
        assert!(given(more.clone()) > 0.65 * 10_000.0, "{} of {more:?}", given(more.clone()));
    }
}

#[test]
fn roles_are_given_by_their_weight_and_uploaders_always() {
    let mut chosen = Chosen::new(Strategies::USER_CLASS);
    for id in 2..=4 {
        chosen.site.tracker.put_role(RoleSpec { id, ..ROLE });
    }
    for id in 100..600 {
        let role_id = if id < 300 {
            2
        } else if id < 595 {
            3
        } else {
            4
        };
        chosen.site.tracker.put_user(UserSpec { role_id, ..user(id) }).unwrap();
    }
    let role = |role_id, weight_percent| RoleWeight {
        role_id,
        weight_percent,
        always_include: role_id == 4,
    };
    chosen.choose(|selection| selection.roles = vec![role(2, 400), role(3, 100), role(4, 100)]);
    (100..600).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    (100..600).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    let uploaders: BTreeSet<IpAddr> = (595..600).map(|id| by(id).ip).collect();
    for _ in 0..300 {
        let given = chosen.site.ok(by(9));
        let included = given.iter().filter(|socket| uploaders.contains(&socket.ip())).count();
        assert!(included >= 2, "{included}");
    }
    let given = chosen.given(by(9), 200);
    let (liked, others) = (given(100..300), given(300..595));
    // Four to one by weight, but a third of the candidates are taken, and a quarter of the slots is
    // uniform.
    assert!(liked > 1.4 * others, "{liked} and {others}");

    // An uploader who stops is given no more, nor one who was demoted.
    (595..599).for_each(|id| _ = chosen.site.ok(by(id).seeding().stopped()));
    chosen.site.tracker.put_user(user(599)).unwrap();
    chosen.site.ok(by(599).seeding());
    let given = chosen.given(by(9), 100);
    assert_eq!(given(595..599), 0.0);
    assert!(given(599..600) < 60.0, "{}", given(599..600));
}

#[test]
fn a_torrent_may_have_strategies_of_its_own() {
    let mut chosen = Chosen::new(Strategies::UNIFORM);
    let tracker = &chosen.site.tracker;
    tracker.set_torrent_strategies(hash(1), Some(Strategies::LOCATION));
    assert_eq!(tracker.torrent_strategies(hash(1)), Some(Strategies::LOCATION));
    assert_eq!(tracker.torrent_strategies(hash(3)), None);
    // It stays when the torrent's record is put again, as a look at the store does.
    tracker.put_torrent(torrent(1)).unwrap();
    for _ in 0..2 {
        for id in 10..210 {
            chosen.site.ok(by(id));
            chosen.site.ok(tokyo(id + 200));
            chosen.site.ok(by(id).on(hash(3)));
            chosen.site.ok(tokyo(id + 200).on(hash(3)));
        }
    }
    let near = |chosen: &mut Chosen, by: By| chosen.given(by, 200)(10..210) / 10_000.0;
    assert!(near(&mut chosen, by(9)) > 0.8);
    assert!((near(&mut chosen, by(9).on(hash(3))) - 0.5).abs() < 0.05);

    chosen.choose(|selection| selection.strategies = Strategies::LOCATION);
    let tracker = &chosen.site.tracker;
    tracker.set_torrent_strategies(hash(1), Some(Strategies::UNIFORM));
    (10..410).for_each(|id| _ = chosen.site.ok(by(id).on(hash(3))));
    assert!((near(&mut chosen, by(9)) - 0.5).abs() < 0.05);
    chosen.site.tracker.set_torrent_strategies(hash(1), None);
    assert_eq!(chosen.site.tracker.torrent_strategies(hash(1)), None);
}

#[test]
fn strategies_wait_for_a_torrent_that_is_not_known_yet_and_either_hash_names_it() {
    let chosen = Chosen::new(Strategies::UNIFORM);
    let tracker = &chosen.site.tracker;
    tracker.set_torrent_strategies(hash(9), Some(Strategies::FAST));
    assert_eq!(tracker.torrent_strategies(hash(9)), None);
    tracker.put_torrent(torrent(9)).unwrap();
    assert_eq!(tracker.torrent_strategies(hash(9)), Some(Strategies::FAST));
    tracker.set_torrent_strategies(hash(22), Some(Strategies::SLOW));
    assert_eq!(tracker.torrent_strategies(hash(2)), Some(Strategies::SLOW));
    tracker.set_torrent_strategies(hash(2), None);
    assert_eq!(tracker.torrent_strategies(hash(22)), None);
}

#[test]
fn memory_for_strategies_is_given_back_when_they_are_turned_off() {
    let mut chosen = Chosen::new(Strategies::COMPLETION);
    (10..200).for_each(|id| _ = chosen.site.ok(by(id).seeding()));
    assert!(chosen.profile(50).is_some_and(|profile| profile.is_learned()));
    chosen.choose(|selection| selection.strategies = Strategies::UNIFORM);
    chosen.site.ok(by(50).seeding());
    assert_eq!(chosen.site.ok(by(9)).len(), 50);
    chosen.site.expire();
    assert_eq!(chosen.profile(50), None);
    chosen.choose(|selection| selection.strategies = Strategies::LOCATION);
    chosen.site.tracker.set_torrent_strategies(hash(1), Some(Strategies::UNIFORM));
    chosen.site.ok(by(50).seeding());
    assert_eq!(chosen.profile(50), None);
}

#[test]
fn the_buffers_of_a_choice_grow_no_more_once_they_have_been_used() {
    let strategies = Strategies::LOCATION | Strategies::COMPLETION;
    let mut chosen = Chosen::new(strategies);
    (10..2000)
        .for_each(|id| _ = chosen.site.ok(if id % 2 == 0 { by(id).seeding() } else { by(id) }));
    chosen.site.ok(by(9).numwant(200));
    let before = chosen.site.list.picker.capacities();
    for id in 10..500 {
        chosen.site.ok(by(id).numwant(200));
        chosen.site.ok(by(id).seeding().numwant(200));
    }
    assert_eq!(chosen.site.list.picker.capacities(), before);
}
