//! Restarts, orderly and not.

use super::*;

#[test]
fn every_peer_is_written_again_once_and_counts_for_nothing() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 0));
    site.ok(by(2).seeding());
    site.ok(by(2).seeding().from("2001:db8::2"));
    site.ok(by(2).on(hash(3)).client(1).left(5));
    site.ok(by(3));
    site.ok(by(4));
    site.drain();
    let mut items = Vec::new();
    site.tracker.drain_and_snapshot(site.now, |item| items.push(item));
    site.wait(10);

    site.tracker.write_all_peers();
    assert_eq!(site.tracker.stats().pending_rows, 0);
    // One reports meanwhile, and one leaves.
    site.ok(by(1).moved(15, 0));
    site.ok(by(4).stopped());
    let batch = site.drain();
    let history: Vec<_> = batch
        .history
        .iter()
        .map(|row| (row.user_id, row.torrent_id, row.active, row.left_bytes, row.traffic))
        .collect();
    let five = Traffic { uploaded_raw: 5, uploaded_credited: 5, ..Traffic::default() };
    let none = Traffic::default();
    let expected = [
        (1, 1, true, 1000, five),
        (2, 1, true, 0, none),
        (2, 3, true, 5, none),
        (3, 1, true, 1000, none),
        (4, 1, false, 1000, none),
    ];
    assert_eq!(history, expected);
    assert!(batch.history.iter().all(|row| (row.seed_seconds, row.snatches) == (0, 0)));
    let torrents: Vec<_> =
        batch.torrents.iter().map(|row| (row.torrent_id, row.seeders, row.leechers)).collect();
    assert_eq!(torrents, [(1, 1, 2), (3, 0, 1)]);
    // A restart from these rows knows what it knew from the snapshot.
    let restored: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            SnapshotItem::Session(row) if matches!(row.user_id, 2 | 3) => Some(*row),
            _ => None,
        })
        .collect();
    let of_two_and_three = |row: &&SessionRow| matches!(row.user_id, 2 | 3);
    let mut written: Vec<_> = batch.sessions.iter().filter(of_two_and_three).copied().collect();
    written.sort_by_key(|row| restored.iter().position(|other| other.key == row.key));
    assert_eq!(written, restored);
    assert!(site.drain().is_empty());
}

#[test]
fn the_counts_of_a_public_tracker_are_written_again_for_torrents_of_the_store() {
    let mut site = Site::public();
    site.ok(by(1).seeding());
    site.ok(by(1).from("2001:db8::1"));
    site.ok(by(2).on(hash(99)));
    site.drain();
    site.tracker.write_all_peers();
    let batch = site.drain();
    let torrents: Vec<_> =
        batch.torrents.iter().map(|row| (row.torrent_id, row.seeders, row.leechers)).collect();
    assert_eq!(torrents, [(1, 1, 1)]);
    assert!(site.drain().is_empty());
}
use crate::batch::RegisteredRow;

#[test]
fn an_orderly_restart_changes_nothing_for_its_clients() {
    let mut site = Site::private();
    site.ok(by(1).moved(100, 200).left(800));
    site.ok(by(1).moved(100, 200).left(800).from("2001:db8::1"));
    site.ok(by(2).left(3).paused());
    site.ok(by(3).left(10).stopped());
    site.ok(by(4).left(10));
    site.ok(by(4).left(10).stopped());
    let before = site.tracker.stats();
    site.restart();
    let after = site.tracker.stats();
    assert_eq!(after, Stats { pending_rows: 0, ..before });
    site.wait(30);
    assert_eq!(site.ok(by(1).moved(150, 300).left(700)), [by(2).endpoint()]);
    assert_eq!(site.moved(1), (50, 100));
    site.ok(by(4).client(1).moved(0, 10).left(0));
    assert_eq!(site.moved(4), (0, 10), "what it lacked is known still");
    assert_eq!(site.tracker.scrape(hash(1)).unwrap().downloaders, 1);
}

#[test]
fn a_completion_counted_before_a_restart_is_not_counted_again() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).left(0));
    site.ok(by(1).left(4));
    site.restart();
    site.ok(by(1).left(0));
    assert_eq!(site.user_sums(1).snatches, 1);
}

#[test]
fn what_was_not_written_before_a_crash_comes_in_with_the_next_announce() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 10).left(990));
    site.ok(by(1).moved(20, 30).left(970));
    site.drain();
    site.ok(by(1).moved(70, 130).left(870));
    site.crash();
    assert_eq!(site.moved(1), (10, 20));
    site.ok(by(1).moved(75, 140).left(860));
    assert_eq!(site.moved(1), (65, 130));
}

#[test]
fn a_replay_knows_who_left_when() {
    let mut site = Site::private();
    for torrent in [1, 3] {
        let mut clients = [0, 1];
        if torrent == 3 {
            clients.reverse();
        }
        site.ok(by(1).on(hash(torrent)).client(clients[0]).left(900));
        site.ok(by(1).on(hash(torrent)).client(clients[1]).left(900));
        site.wait(5);
        site.ok(by(1).on(hash(torrent)).client(clients[0]).left(700).stopped());
        site.wait(5);
        site.ok(by(1).on(hash(torrent)).client(clients[1]).left(400).stopped());
    }
    site.drain();
    site.crash();
    assert_eq!(site.tracker.stats().departed, 2);
    site.wait(5);
    for torrent in [1, 3] {
        site.ok(by(1).on(hash(torrent)).client(2).moved(0, 1000).left(0));
    }
    assert_eq!(site.moved(1), (0, 400 + 400));
}

#[test]
fn a_session_that_may_be_older_than_the_totals_earns_nothing_once() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 10).left(5));
    site.ok(by(2).seeding());
    assert_eq!(site.tracker.mark_sessions_stale(), 2);
    site.wait(100);
    site.ok(by(1).moved(500, 900).left(0));
    site.ok(by(2).moved(500, 0).seeding());
    assert_eq!(site.moved(1), (0, 0));
    assert_eq!(site.moved(2), (0, 0));
    assert_eq!(site.user_sums(1).snatches, 1, "that is no credit");
    assert_eq!(site.user_sums(2).seed_seconds, 0);
    site.wait(100);
    site.ok(by(1).moved(600, 900).left(0));
    site.ok(by(2).moved(600, 0).seeding());
    assert_eq!(site.moved(1), (100, 0));
    assert_eq!(site.moved(2), (100, 0));
    assert_eq!(site.user_sums(2).seed_seconds, 100);
}

#[test]
fn a_lack_that_may_be_older_than_the_totals_is_charged_to_nobody() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.ok(by(1).left(1000).stopped());
    site.ok(by(2).left(1000));
    site.ok(by(3).left(1000));
    site.tracker.mark_sessions_stale();
    assert_eq!(site.tracker.stats().departed, 0);
    // A resumed download, a client that crashed, and one that fell silent: the 400 bytes may be
    // in the totals, by a report that the tracker no longer knows.
    site.ok(by(1).client(1).moved(0, 400).left(600));
    site.ok(By { ip: by(2).ip, ..by(2).client(1) }.port(6881).moved(0, 400).left(600));
    site.wait(5000);
    site.expire();
    site.drain();
    site.crash();
    site.ok(by(3).client(1).moved(0, 400).left(600));
    for user in 1..=3 {
        assert_eq!(site.moved(user), (0, 0), "user {user}");
    }
    // From there on everything is known.
    site.ok(by(3).client(1).moved(0, 500).left(500));
    site.ok(by(3).client(1).moved(0, 500).left(500).stopped());
    site.ok(by(3).client(2).moved(0, 50).left(450));
    assert_eq!(site.moved(3), (0, 150));
}

#[test]
fn items_of_users_and_torrents_that_are_gone_are_left_out() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(2));
    site.ok(by(2).stopped());
    let mut items = Vec::new();
    site.tracker.drain_and_snapshot(START, |item| items.push(item));
    assert_eq!(items.len(), 2);
    let empty = Tracker::new(Mode::Private, Settings::default(), KEY);
    let public = Tracker::new(Mode::Public, Settings::default(), KEY);
    for item in &items {
        assert!(!empty.restore(item));
        assert!(!public.restore(item));
    }
    assert_eq!(empty.stats(), Stats::default());
    assert_eq!(public.stats(), Stats::default());
}

#[test]
fn torrents_registered_by_an_announce_are_there_after_a_replay_and_ids_go_on() {
    let mut site = Site::private();
    site.set(|settings| settings.auto_register_torrents = true);
    site.ok(by(1).on(hash(99)).moved(5, 5));
    site.drain();
    site.crash();
    site.ok(by(1).on(hash(99)).moved(8, 9));
    site.ok(by(1).on(hash(98)));
    assert_eq!(site.moved(1), (3, 4));
    let registered = &site.written[1].registered;
    assert_eq!(registered[0].torrent_id, RegisteredRow::FIRST_ID + 1);
}

#[test]
fn a_restored_item_that_is_put_back_twice_is_there_once() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(2).seeding());
    let mut items = Vec::new();
    site.tracker.drain_and_snapshot(START, |item| items.push(item));
    let before = site.tracker.stats();
    for item in &items {
        assert!(site.tracker.restore(item));
    }
    assert_eq!(site.tracker.stats(), before);
    site.tracker.put_role(RoleSpec { download_slots: Some(1), ..ROLE });
    site.ok(by(1).stopped());
    site.ok(by(1).on(hash(3)));
}

#[test]
fn what_an_unknown_session_s_stop_says_is_remembered_only_if_it_is_written() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.drain();
    site.wait(5);
    site.ok(by(1).client(1).left(5000).stopped());
    assert!(site.drain().is_empty());
    let before = site.tracker.stats().departed;
    site.crash();
    assert_eq!(site.tracker.stats().departed, before);
    site.ok(by(1).client(2).moved(0, 9000).left(0));
    assert_eq!(site.moved(1), (0, 1000));
}

#[test]
fn a_replay_knows_who_had_everything_last() {
    let mut site = Site::private();
    for torrent in [1, 3] {
        let mut clients = [0, 1];
        if torrent == 3 {
            clients.reverse();
        }
        site.ok(by(1).on(hash(torrent)).client(clients[0]).left(900));
        site.wait(5);
        site.ok(by(1).on(hash(torrent)).client(clients[1]).left(0));
    }
    site.wait(5000);
    assert_eq!(site.expire(), 4);
    assert_eq!(site.tracker.stats().departed, 0);
    site.drain();
    site.crash();
    assert_eq!(site.tracker.stats().departed, 0);
}

#[test]
fn one_who_came_back_is_not_among_the_departed_after_a_replay() {
    let mut site = Site::private();
    site.ok(by(1).left(900));
    site.ok(by(1).left(900).stopped());
    site.drain();
    site.wait(5);
    site.ok(by(1).client(1).left(900));
    site.drain();
    assert_eq!(site.tracker.stats().departed, 0);
    site.crash();
    assert_eq!(site.tracker.stats().departed, 0);
}

#[test]
fn an_endpoint_whose_last_announce_lies_in_the_future_expires_like_any_other() {
    let mut site = Site::private();
    site.wait(50_000);
    site.ok(by(1).seeding());
    site.ok(by(1).seeding().from("2001:db8::1"));
    let mut items = Vec::new();
    site.tracker.drain_and_snapshot(site.now, |item| items.push(item));
    // The clock of the next process is behind.
    let mut site = Site::private();
    site.tracker.resume(site.now);
    assert!(items.iter().all(|item| site.tracker.restore(item)));
    let v6 = by(1).from("2001:db8::1").endpoint();
    assert_eq!(site.ok(by(2).from("2001:db8::2")), [v6]);
    // From here on it announces over IPv4 only.
    let timeout_seconds = site.tracker.rules.load().settings.peer_timeout_seconds;
    site.wait(timeout_seconds - 10);
    site.ok(by(1).seeding());
    site.ok(by(2).from("2001:db8::2"));
    site.wait(20);
    assert_eq!(site.expire(), 0);
    assert_eq!(site.ok(by(2).from("2001:db8::2")), []);
    assert_eq!(site.ok(by(2)), [by(1).endpoint()]);
}

#[test]
fn sessions_above_a_limit_that_was_lowered_are_known_again() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 0));
    site.ok(by(2).moved(10, 0));
    site.set(|settings| settings.peers_max = 1);
    site.restart();
    site.ok(by(1).moved(20, 0));
    site.ok(by(2).moved(20, 0));
    assert_eq!((site.moved(1), site.moved(2)), ((10, 0), (10, 0)));
    assert_eq!(site.refused(by(3)), Refusal::PeerLimit);
}

#[test]
fn public_peers_that_were_away_for_hours_expire_after_the_timeout_like_others() {
    let ages = [0, 3, 4, 5, 30].map(|hours| hours * 3600);
    for away_seconds in ages {
        let mut site = Site::public();
        site.ok(by(1).seeding());
        site.ok(by(1).from("2001:db8::1"));
        let mut items = Vec::new();
        site.tracker.drain_and_snapshot(site.now, |item| items.push(item));
        let mut site = Site::public();
        site.wait(away_seconds);
        site.tracker.resume(site.now);
        assert!(items.iter().all(|item| site.tracker.restore(item)));
        let timeout_seconds = site.tracker.rules.load().settings.peer_timeout_seconds;
        site.wait(timeout_seconds - 100);
        assert_eq!(site.expire(), 0, "after {away_seconds} s");
        site.wait(200);
        assert_eq!(site.expire(), 2, "after {away_seconds} s");
    }
}
