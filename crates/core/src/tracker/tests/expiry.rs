//! Peers that fall silent.

use super::*;

#[test]
fn a_peer_is_gone_after_the_timeout_and_not_before() {
    let mut site = Site::private();
    site.ok(by(1));
    site.wait(4200);
    assert_eq!(site.expire(), 0);
    site.wait(1);
    assert_eq!(site.expire(), 1);
    assert_eq!(site.counts(hash(1)), (0, 0, 0));
    let sessions = site.sessions();
    assert!(sessions[0].gone);
    assert_eq!(sessions[0].announced_at_seconds, START);
}

#[test]
fn one_sweep_removes_all_that_have_timed_out_and_none_else() {
    let mut site = Site::private();
    for id in 10..3000 {
        site.tracker.put_user(user(id)).unwrap();
    }
    let dead = |id: u32| id % 7 < 5;
    for id in (1..3000).filter(|id| dead(*id)) {
        site.ok(by(id).left(u64::from(id % 2)));
        site.ok(by(id).left(u64::from(id % 2)).from("2001:db8::1"));
    }
    site.wait(4000);
    for id in (1..3000).filter(|id| !dead(*id)) {
        site.ok(by(id).left(u64::from(id % 2)));
    }
    site.wait(1000);
    let (old, young) = (1..3000).fold((0, 0), |(old, young), id| match dead(id) {
        true => (old + 1, young),
        false => (old, young + 1),
    });
    assert_eq!(site.expire(), old);
    let stats = site.tracker.stats();
    assert_eq!(stats.seeders + stats.leechers, young);
    assert_eq!(site.expire(), 0);
}

#[test]
fn one_sweep_of_a_public_swarm_removes_all_that_have_timed_out() {
    let mut site = Site::public();
    for id in 0..2000 {
        site.ok(by(id).left(u64::from(id % 2)));
        site.ok(by(id).left(u64::from(id % 2)).from(&format!("2001:db8::{id}")));
    }
    assert_eq!(site.counts(hash(1)), (2000, 2000, 0));
    site.wait(5000);
    assert_eq!(site.expire(), 4000);
    assert_eq!(site.counts(hash(1)), (0, 0, 0));
}

#[test]
fn a_session_whose_v6_side_falls_silent_goes_on_over_v4() {
    let mut site = Site::private();
    site.ok(by(1).from("2001:db8::1"));
    site.wait(4000);
    site.ok(by(1).moved(5, 0));
    assert_eq!(site.ok(by(2).from("2001:db8::2")).len(), 1);
    site.wait(1000);
    assert_eq!(site.expire(), 0);
    assert_eq!(site.ok(by(2).from("2001:db8::2")), []);
    assert_eq!(site.ok(by(3)), [by(1).endpoint()]);
    assert_eq!(site.moved(1), (5, 0));
}

#[test]
fn a_session_whose_v4_side_falls_silent_goes_on_over_v6() {
    let mut site = Site::private();
    site.ok(by(1).moved(0, 0));
    site.wait(4000);
    site.ok(by(1).from("2001:db8::1").moved(5, 0));
    assert_eq!(site.ok(by(2)), [by(1).endpoint()]);
    site.wait(200);
    assert_eq!((site.expire(), site.ok(by(2))), (0, vec![by(1).endpoint()]));
    site.wait(1);
    assert_eq!((site.expire(), site.ok(by(2))), (0, vec![]));
    site.ok(by(1).from("2001:db8::1").moved(6, 0));
    assert_eq!(site.sessions()[0].address_v4, None);
    assert_eq!(site.ok(by(3).from("2001:db8::3")).len(), 1);
    assert_eq!((site.moved(1), site.counts(hash(1))), ((6, 0), (0, 3, 0)));
    // It comes back as soon as it announces.
    site.ok(by(1).moved(9, 0));
    assert_eq!(site.ok(by(2)), [by(1).endpoint()]);
    assert_eq!(site.moved(1), (9, 0));
}

#[test]
fn a_session_that_announces_over_both_families_in_turn_keeps_both_endpoints() {
    let mut site = Site::private();
    for step in 0..9 {
        site.ok(by(1).moved(step, 0));
        site.wait(2000);
        site.ok(by(1).moved(step, 0).from("2001:db8::1"));
        site.wait(2000);
        assert_eq!(site.expire(), 0);
    }
    assert_eq!(site.ok(by(2)), [by(1).endpoint()]);
    assert_eq!(site.ok(by(3).from("2001:db8::3")).len(), 1);
    assert_eq!(site.moved(1), (8, 0));
}

#[test]
fn a_v4_side_that_is_silent_since_before_a_restart_falls_silent_after_it() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).from("2001:db8::1"));
    site.restart();
    for _ in 0..3 {
        site.wait(2000);
        site.ok(by(1).from("2001:db8::1"));
        site.expire();
    }
    assert_eq!(site.ok(by(2)), []);
    assert_eq!(site.ok(by(2).from("2001:db8::2")).len(), 1);
}

#[test]
fn a_busy_swarm_cleans_itself() {
    let mut site = Site::private();
    for user in 1..=8 {
        site.ok(by(user));
    }
    site.wait(5000);
    for _ in 0..300 {
        site.ok(by(9));
    }
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
    let gone = site.sessions().into_iter().filter(|row| row.gone).count();
    assert_eq!(gone, 8);
}

#[test]
fn a_sweep_while_the_clock_of_the_sweeper_lags_removes_nobody() {
    for mut site in [Site::private(), Site::public()] {
        for second in 0..200 {
            site.now = START + second;
            site.ok(by(1).left(second.into()));
            for lag in [1, 5, 60, 600] {
                site.now = START + second - lag;
                assert_eq!(site.expire(), 0, "{lag} seconds behind");
            }
        }
    }
}

#[test]
fn a_peer_is_given_out_while_the_clock_goes_back() {
    for mut site in [Site::private(), Site::public()] {
        site.ok(by(1));
        for back in [1, 64, 300] {
            site.now = START - back;
            assert_eq!(site.ok(by(2)), [by(1).endpoint()], "{back} seconds back");
        }
    }
}

#[test]
fn a_public_torrent_that_no_store_knows_goes_with_its_last_peer() {
    let mut site = Site::public();
    site.ok(by(1).on(hash(99)));
    assert_eq!(site.tracker.stats().torrents, 4);
    site.wait(5000);
    assert_eq!(site.expire(), 1);
    site.expire();
    assert_eq!(site.tracker.stats().torrents, 3);
    assert_eq!(site.counts(hash(99)), (0, 0, 0));
}
