//! Hostile values, strange clocks, and what may grow.

use super::*;

#[test]
fn the_largest_and_smallest_values_of_every_field_are_survived() {
    for mut site in [Site::private(), Site::public()] {
        let events = [Event::None, Event::Started, Event::Stopped, Event::Completed];
        let sizes = [0, 1, (1 << 48) - 1, 1 << 48, 1 << 50, (1 << 50) + 1, u64::MAX];
        for (number, event) in (0..8).flat_map(|number| events.map(|event| (number, event))) {
            for left in sizes {
                for moved in sizes {
                    let mut report = by(number).moved(moved, moved).left(left).event(event);
                    report.request.numwant = Some(u32::MAX);
                    report.request.paused = left % 2 == 0;
                    let result = site.announce(report.port(u16::MAX));
                    let refused =
                        moved > 1 << 50 || (site.tracker.mode() == Mode::Private && number == 0);
                    assert_eq!(result.is_err(), refused, "{report:?}");
                    assert!(site.announce(report.port(0)).is_err() || event == Event::Stopped);
                }
            }
        }
        let stats = site.tracker.stats();
        assert!(stats.seeders + stats.leechers <= 16);
    }
}

#[test]
fn sums_never_exceed_what_a_client_can_have_moved() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { upload_percent: u16::MAX, ..ROLE });
    for _ in 0..100 {
        site.ok(by(1));
        site.ok(by(1).moved(1 << 50, 1 << 50));
    }
    let traffic = site.traffic(1);
    assert_eq!(traffic.uploaded_raw, 100 << 50);
    let credited = u128::from(traffic.uploaded_raw) * u128::from(u16::MAX) / 100;
    assert_eq!(u128::from(traffic.uploaded_credited), credited.min(u64::MAX.into()));
}

#[test]
fn time_that_goes_backwards_takes_nothing_from_anybody() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.wait(100);
    site.ok(by(1).seeding().moved(10, 0));
    site.now -= 60;
    site.ok(by(1).seeding().moved(20, 0));
    site.ok(by(2));
    assert_eq!(site.expire(), 0);
    let sums = site.user_sums(1);
    assert_eq!((sums.traffic.uploaded_raw, sums.seed_seconds), (20, 100));
    assert_eq!(site.counts(hash(1)), (1, 1, 0));
}

#[test]
fn the_first_and_the_last_second_of_the_clock_are_like_any_other() {
    for now in [0, 1, u32::MAX - 1, u32::MAX] {
        for mut site in [Site::private(), Site::public()] {
            site.now = now;
            site.ok(by(1));
            assert_eq!(site.ok(by(2)), [by(1).endpoint()]);
            assert_eq!(site.expire(), 0);
            site.restart();
            assert_eq!(site.counts(hash(1)), (0, 2, 0));
            assert_eq!(site.expire(), 0);
        }
    }
    // From 1970 to 2106 in one step.
    let mut site = Site::private();
    site.now = 0;
    site.ok(by(1).seeding());
    site.now = u32::MAX;
    assert_eq!(site.expire(), 1);
    site.ok(by(1).seeding());
    assert_eq!(site.user_sums(1).seed_seconds, 0);
}

#[test]
fn ten_rotations_of_clients_leave_nothing_behind_but_debts_within_their_limit() {
    let mut site = Site::private();
    site.set(|settings| settings.departed_max = 1024 * 4);
    for id in 10..500 {
        site.tracker.put_user(user(id)).unwrap();
    }
    for rotation in 0..10_u8 {
        for id in 1..500_u32 {
            let mut report = by(id).left(u64::from(id % 2) * 500).moved(1, 1);
            report.request.peer_id.0[8..12].copy_from_slice(&[rotation; 4]);
            report.request.port = 7000 + u16::from(rotation);
            site.ok(report);
        }
        let stats = site.tracker.stats();
        assert_eq!(stats.seeders + stats.leechers, 499);
        assert!(stats.departed <= 4, "{} are remembered", stats.departed);
        site.wait(5000);
        assert_eq!(site.expire(), 499);
        let batch = site.drain();
        assert_eq!(batch.sessions.len(), 499);
        let stats = site.tracker.stats();
        assert_eq!((stats.pending_rows, stats.seeders + stats.leechers), (0, 0));
        assert!(stats.departed <= 4);
        assert_eq!(stats.swarms, 0);
    }
    assert!(site.tracker.stats().departed_forgotten > 0);
}

#[test]
fn rotations_of_public_addresses_and_torrents_leave_nothing_behind() {
    let mut site = Site::public();
    for rotation in 0..10_u8 {
        for id in 1..300_u32 {
            site.ok(by(id).port(7000 + u16::from(rotation)).on(hash(50 + rotation)));
            site.ok(by(id).from(&format!("2001:db8::{id}")).on(hash(50 + rotation)).left(0));
        }
        site.wait(5000);
        assert_eq!(site.expire(), 598);
        site.expire();
        let stats = site.tracker.stats();
        assert_eq!((stats.torrents, stats.seeders, stats.leechers), (3, 0, 0));
        assert_eq!((stats.pending_rows, stats.swarms), (0, 0));
    }
}
