//! A public tracker: a peer is its address and port.

use super::*;

#[test]
fn nobody_can_speak_for_another_address() {
    let mut site = Site::public();
    site.ok(by(1));
    // The same peer id, port and counters from elsewhere.
    site.ok(by(1).from("30.0.0.1").stopped());
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
    site.ok(by(1).from("30.0.0.1"));
    assert_eq!(site.counts(hash(1)), (0, 2, 0));
    site.ok(by(1).port(7000).stopped());
    assert_eq!(site.counts(hash(1)), (0, 2, 0));
    site.ok(by(1).stopped());
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
}

#[test]
fn a_claimed_address_is_ignored_unless_the_operator_believes_it() {
    let mut site = Site::public();
    site.ok(by(1));
    let mut forged = by(2).stopped();
    forged.request.claimed_v4 = Some([20, 0, 0, 1].into());
    site.ok(forged);
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
    site.set(|settings| settings.use_claimed_addresses = true);
    site.ok(forged);
    assert_eq!(site.counts(hash(1)), (0, 0, 0));
}

#[test]
fn no_passkey_is_needed_and_unknown_torrents_are_served_without_a_store() {
    let mut site = Site::public();
    let mut anonymous = by(1).on(hash(200));
    anonymous.request.passkey = None;
    site.ok(anonymous);
    assert_eq!(site.counts(hash(200)), (0, 1, 0));
    assert!(site.drain().is_empty(), "no store knows this torrent");
    site.set(|settings| settings.auto_register_torrents = false);
    assert_eq!(site.refused(anonymous.on(hash(201))), Refusal::TorrentUnknown);
    site.ok(anonymous);
}

#[test]
fn many_snatches_of_one_torrent_wait_as_one_number() {
    let mut site = Site::public();
    for user in 1..=200 {
        site.ok(by(user));
        site.ok(by(user).seeding());
        site.ok(by(user).stopped());
    }
    let Swarms::Public(shards) = &site.tracker.swarms else { unreachable!() };
    let waiting: usize =
        shards.iter().map(|shard| shard.lock().pending.public_snatches.len()).sum();
    assert_eq!((waiting, site.tracker.stats().pending_rows), (1, 1));
    assert_eq!(site.drain().torrents[0].snatches, 200);
    assert_eq!(site.drain().torrents.len(), 0);
}

#[test]
fn a_snatch_is_counted_once_and_written_for_torrents_of_the_store() {
    let mut site = Site::public();
    site.ok(by(1));
    site.ok(by(1).left(0).event(Event::Completed));
    site.ok(by(1).left(0).event(Event::Completed));
    site.ok(by(1).left(5));
    site.ok(by(1).left(0));
    site.ok(by(2).left(0).event(Event::Completed));
    assert_eq!(site.counts(hash(1)), (2, 0, 1));
    let batch = site.drain();
    assert_eq!((batch.torrents.len(), batch.sessions.len(), batch.users.len()), (1, 0, 0));
    let row = batch.torrents[0];
    assert_eq!((row.snatches, row.seeders, row.leechers), (1, 2, 0));
}

#[test]
fn each_family_is_given_its_own_and_nobody_themselves() {
    let mut site = Site::public();
    for user in 1..=3 {
        site.ok(by(user));
        site.ok(by(user).from(&format!("2001:db8::{user}")));
    }
    assert_eq!(site.counts(hash(1)), (0, 6, 0));
    assert_eq!(site.ok(by(1)), [by(2).endpoint(), by(3).endpoint()]);
    let v6 = site.ok(by(1).from("2001:db8::1"));
    let expected = ["[2001:db8::2]:6881", "[2001:db8::3]:6881"];
    assert_eq!(v6, expected.map(|peer| peer.parse().unwrap()));
}

#[test]
fn a_public_asker_gets_as_many_as_wanted_and_never_itself() {
    let mut site = Site::public();
    for user in 1..=60 {
        site.ok(by(user).left(u64::from(user % 2)));
    }
    for wanted in [0, 1, 10, 59, 60, 500] {
        let given = site.ok(by(1).numwant(wanted));
        assert_eq!(given.len(), wanted.min(59) as usize);
        assert!(!given.contains(&by(1).endpoint()));
    }
    assert_eq!(site.ok(by(2).left(0).numwant(100)).len(), 30, "a seeder gets leechers only");
    assert_eq!(site.ok(by(2).left(0).stopped().numwant(100)), []);
}

#[test]
fn a_public_partial_seed_is_counted_as_one_and_given_no_seeders() {
    let mut site = Site::public();
    site.ok(by(1).left(0));
    site.ok(by(2));
    assert_eq!(site.ok(by(3).paused()), [by(2).endpoint()]);
    let counts = site.tracker.scrape(hash(1)).unwrap();
    assert_eq!((counts.leechers, counts.downloaders), (2, 1));
    site.ok(by(3).paused().stopped());
    assert_eq!(site.tracker.scrape(hash(1)).unwrap().downloaders, 1);
}

#[test]
fn a_public_tracker_has_its_limits_too() {
    let mut site = Site::public();
    site.set(|settings| (settings.peers_max, settings.torrents_max) = (2, 4));
    site.ok(by(1));
    site.ok(by(2).from("2001:db8::2"));
    assert_eq!(site.refused(by(3)), Refusal::PeerLimit);
    assert_eq!(site.refused(by(3).from("2001:db8::3")), Refusal::PeerLimit);
    site.ok(by(3).stopped());
    site.ok(by(1).stopped());
    site.ok(by(3).on(hash(99)));
    assert_eq!(site.refused(by(4).on(hash(98))), Refusal::TorrentLimit);
    assert_eq!(site.refused(by(4).port(22)), Refusal::PortNotAllowed(22));
    assert_eq!(site.refused(by(4).moved(u64::MAX, 0)), Refusal::CounterTooLarge);
}

#[test]
fn a_public_tracker_knows_its_peers_after_a_restart() {
    let mut site = Site::public();
    site.ok(by(1).left(0));
    site.ok(by(2).paused());
    site.ok(by(3).from("2001:db8::3"));
    site.ok(by(3).on(hash(99)));
    site.ok(by(3).on(hash(99)).left(0));
    let (before, counts) = (site.tracker.stats(), site.tracker.scrape(hash(1)));
    site.restart();
    let after = site.tracker.stats();
    assert_eq!((after.seeders, after.leechers), (before.seeders, before.leechers));
    assert_eq!((after.torrents, after.swarms), (before.torrents, before.swarms));
    assert_eq!(site.tracker.scrape(hash(1)), counts);
    assert_eq!(site.counts(hash(99)), (1, 0, 1));
    assert_eq!(site.ok(by(4)), [by(1).endpoint(), by(2).endpoint()]);
}
