//! Whom a client of a private tracker is given.

use super::*;

#[test]
fn nobody_is_given_themselves_or_another_session_of_their_own() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).client(1));
    assert_eq!(site.ok(by(1).client(2)), []);
    assert_eq!(site.ok(by(2)).len(), 3);
}

#[test]
fn a_seeder_is_given_leechers_only_and_a_leecher_everybody() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.ok(by(2).seeding());
    site.ok(by(3));
    assert_eq!(site.ok(by(1).seeding()), [by(3).endpoint()]);
    assert_eq!(site.ok(by(3)), [by(1).endpoint(), by(2).endpoint()]);
    assert_eq!(site.ok(by(4)), [by(1).endpoint(), by(2).endpoint(), by(3).endpoint()]);
}

#[test]
fn a_partial_seed_and_a_seeder_are_of_no_use_to_each_other() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.ok(by(2).paused());
    site.ok(by(3));
    assert_eq!(site.ok(by(1).seeding()), [by(3).endpoint()]);
    assert_eq!(site.ok(by(2).paused()), [by(3).endpoint()]);
    assert_eq!(site.ok(by(3)), [by(1).endpoint(), by(2).endpoint()]);
    let counts = site.tracker.scrape(hash(1)).unwrap();
    assert_eq!((counts.seeders, counts.leechers, counts.downloaders), (1, 2, 1));
}

#[test]
fn a_client_is_given_addresses_of_the_families_it_has_announced_over() {
    let mut site = Site::private();
    let v6 = |by: By| by.from(&format!("2001:db8::{}", by.ip.to_string().replace('.', ":")));
    site.ok(by(1));
    site.ok(v6(by(2)));
    assert_eq!(site.ok(by(3)), [by(1).endpoint()]);
    assert_eq!(site.ok(v6(by(4))), [v6(by(2)).endpoint()]);
    let both = site.ok(v6(by(3)));
    assert_eq!(both, [by(1).endpoint(), v6(by(2)).endpoint(), v6(by(4)).endpoint()]);
    let udp = By { one_family: true, ..v6(by(3)) };
    assert_eq!(site.ok(udp), [v6(by(2)).endpoint(), v6(by(4)).endpoint()]);
    let udp = By { one_family: true, ..by(3) };
    assert_eq!(site.ok(udp), [by(1).endpoint()]);
}

#[test]
fn a_client_of_two_families_is_given_all_of_one_when_the_other_has_too_few() {
    let mut site = Site::private();
    site.set(|settings| settings.numwant_default = 8);
    for user in 1..=7 {
        site.ok(by(user).from(&format!("2001:db8::{user}")));
    }
    site.ok(by(8).from("2001:db8::8"));
    assert_eq!(site.ok(by(8)).len(), 7);
    for user in 1..=4 {
        site.ok(by(user));
    }
    let given = site.ok(by(8));
    assert_eq!(given.len(), 8);
    assert_eq!(given.iter().filter(|peer| peer.is_ipv4()).count(), 4);
}

#[test]
fn a_peer_at_a_local_address_is_given_to_local_askers_only() {
    let mut site = Site::private();
    site.ok(by(1).from("192.168.1.5"));
    assert_eq!(site.ok(by(2)), []);
    assert_eq!(site.ok(by(3).from("192.168.1.9")).len(), 2);
    site.ok(by(1));
    assert_eq!(site.ok(by(2)), [by(1).endpoint()], "it has moved");
}

#[test]
fn a_peer_that_timed_out_is_not_given_even_before_it_is_removed() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(2));
    site.wait(4200);
    assert_eq!(site.ok(by(3)).len(), 2);
    site.wait(1);
    assert_eq!(site.ok(by(4)), [by(3).endpoint()]);
}

#[test]
fn numwant_bounds_the_list_and_a_stopping_client_gets_none() {
    let mut site = Site::private();
    for user in 1..=8 {
        site.ok(by(user));
    }
    assert_eq!(site.ok(by(9).numwant(0)), []);
    assert_eq!(site.ok(by(9).numwant(3)).len(), 3);
    assert_eq!(site.ok(by(9).numwant(u32::MAX)).len(), 8);
    assert_eq!(site.ok(by(9)).len(), 8);
    site.set(|settings| settings.numwant_max = 2);
    assert_eq!(site.ok(by(9)).len(), 2);
    assert_eq!(site.ok(by(9).stopped()), []);
    assert!(site.list.v4_ids.is_empty());
}

#[test]
fn claimed_addresses_count_only_if_the_operator_believes_them() {
    let mut site = Site::private();
    let mut claim = by(1);
    claim.request.claimed_v4 = Some([44, 1, 2, 3].into());
    claim.request.claimed_v6 = Some("2001:db8::44".parse().unwrap());
    site.ok(claim);
    assert_eq!(site.ok(by(2)), [by(1).endpoint()]);
    site.set(|settings| settings.use_claimed_addresses = true);
    site.ok(claim);
    assert_eq!(site.ok(by(2)), ["44.1.2.3:6881".parse().unwrap()]);
    let v6 = site.ok(by(3).from("2001:db8::3"));
    assert_eq!(v6, ["[2001:db8::44]:6881".parse().unwrap()]);
}

#[test]
fn peer_ids_are_given_to_those_who_ask_if_they_are_kept() {
    let mut site = Site::private();
    site.set(|settings| settings.keep_peer_ids = true);
    for user in 1..=8 {
        site.ok(by(user).client(user as u8));
    }
    assert_eq!(site.ok(by(9)).len(), 8);
    assert!(site.list.v4_ids.is_empty(), "a compact list has none");
    let mut full = by(9);
    full.request.compact = false;
    site.ok(full);
    let rows = site.list.v4.chunks(6).map(|row| v4_of(row).port() - 6881);
    let ids = site.list.v4_ids.iter().map(|id| u16::from(id.0[19] - b'0'));
    assert!(rows.eq(ids), "rows and ids are in one order");
    assert_eq!(site.list.v4_ids.len(), 8);
}

#[test]
fn the_peers_of_a_large_swarm_are_all_found_and_all_leave() {
    let mut site = Site::private();
    site.set(|settings| settings.users_max = 2000);
    for id in 10..1000 {
        site.tracker.put_user(user(id)).unwrap();
    }
    for round in 0..3 {
        for id in 1..1000 {
            site.ok(by(id).left(u64::from(id % 3)).moved(round * 10, 0));
            site.ok(by(id).left(u64::from(id % 3)).moved(round * 10 + 5, 0).from("2001:db8::1"));
        }
    }
    assert_eq!(site.counts(hash(1)), (333, 666, 0));
    let batch = site.drain();
    assert_eq!(batch.users.len(), 999);
    assert!(batch.users.iter().all(|row| row.traffic.uploaded_raw == 25));
    for id in 1..1000 {
        site.ok(by(id).left(u64::from(id % 3)).moved(25, 0).stopped());
    }
    assert_eq!(site.counts(hash(1)), (0, 0, 0));
    let stats = site.tracker.stats();
    assert_eq!((stats.seeders, stats.leechers, stats.swarms), (0, 0, 0));
}
