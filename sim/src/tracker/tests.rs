use std::collections::BTreeSet;

use super::*;
use crate::client::{Client, Counters};
use crate::world::{TorrentPlan, WorldPlan};

fn world(users: usize) -> World {
    let plan = WorldPlan {
        users,
        torrents: vec![TorrentPlan::LongTail { seeders: 0, downloads_per_hour: 1.0 }],
        hours: 1,
        warm_up_hours: 0,
        first_address: Ipv4Addr::new(20, 0, 0, 0),
        stopped_lost: 0.0,
    };
    World::new(plan, 5)
}

#[test]
fn each_strategy_is_what_the_core_calls_by_its_name() {
    for strategy in Strategy::ALL {
        let names: Vec<_> = settings(strategy).selection.strategies.names().collect();
        let expected: Vec<_> = strategy.name().split('+').filter(|it| *it != "uniform").collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn the_places_told_to_the_core_are_those_of_the_users() {
    let world = world(300);
    let places = WorldPlaces::new(&world);
    for (number, user) in world.users.iter().enumerate() {
        let place = places.table.get(places.place_of(IpAddr::V4(world.address(number))));
        let city = world.earth.cities[user.city];
        assert_eq!(place.asn() as usize, user.network + 1);
        assert_eq!(place.continent(), CONTINENTS[city.region]);
        let (latitude, longitude) = place.point().unwrap();
        assert!((latitude - city.latitude).abs() < 0.01, "user {number}");
        assert!((longitude - city.longitude).abs() < 0.01, "user {number}");
    }
    let other = world.address(300);
    assert_eq!(places.place_of(IpAddr::V4(other)), PlaceId::UNKNOWN);
    let countries: BTreeSet<_> = world.earth.cities.iter().map(|city| city.country).collect();
    let codes: BTreeSet<_> = world.earth.cities.iter().map(|city| country_code(*city)).collect();
    assert_eq!(codes.len(), countries.len());
}

/// A swarm of seeders, and the users that a leecher is given in so many replies, with repetitions.
fn given(world: &World, strategy: Strategy, replies: usize) -> Vec<usize> {
    let mut tracker = Direct::new(world, strategy).unwrap();
    let mut reply = Reply::default();
    let announce = |user: usize, left| {
        let client = Client::new(world.users[user].program, user, 0, 1);
        let mut announce = client.again(Counters { left, ..Counters::default() });
        announce.numwant = None;
        announce
    };
    for user in 1..world.users.len() {
        tracker.announce(&announce(user, 0), START_SECONDS, &mut reply).unwrap();
    }
    let mut given = Vec::new();
    for _ in 0..replies {
        tracker.announce(&announce(0, 1000), START_SECONDS, &mut reply).unwrap();
        assert_eq!(reply.peers.len(), NUMWANT_MAX as usize);
        given.extend(reply.peers.iter().map(|peer| world.user_at(*peer.ip()).unwrap()));
    }
    given
}

#[test]
fn location_gives_more_peers_of_the_own_region_than_uniform_does() {
    let world = world(1000);
    let near = |strategy| {
        let given = given(&world, strategy, 20);
        let is_near = |user: &&usize| world.tier(0, **user) != crate::world::Tier::World;
        given.iter().filter(is_near).count()
    };
    let (uniform, location) = (near(Strategy::Uniform), near(Strategy::Location));
    assert!(location > uniform * 3 / 2, "{location} instead of {uniform}");
}

#[test]
fn user_class_gives_uploaders_in_every_reply_and_donors_more_often() {
    let world = world(1000);
    let count = |strategy, role| {
        let given = given(&world, strategy, 20);
        given.iter().filter(|user| world.users[**user].role == role).count()
    };
    assert!(count(Strategy::UserClass, Role::Uploader) >= 40);
    let uniform = count(Strategy::Uniform, Role::Donor);
    let favoured = count(Strategy::UserClass, Role::Donor);
    // Four times as likely; but a part is uniform, and some of the candidates run out.
    assert!(2 * favoured > 3 * uniform, "{favoured} instead of {uniform}");
}
