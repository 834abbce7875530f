//! Bytes, completion and seed time.

use super::*;
use crate::registry::{GlobalEvent, TokenSpec};

const MB: u64 = 1_000_000;
const UNKNOWN: u64 = mika_protocol::LEFT_UNKNOWN_BYTES;

#[test]
fn what_a_session_moves_between_two_announces_is_counted() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 20));
    site.ok(by(1).moved(110, 250).left(770));
    assert_eq!(site.moved(1), (100, 230));
}

#[test]
fn a4_the_second_announce_of_a_dual_stack_client_adds_nothing_and_no_peer() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).moved(50, 100).left(900));
    let answer = site.announce(by(1).moved(50, 100).left(900).from("2001:db8::1")).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (0, 1));
    assert_eq!(site.moved(1), (50, 100));
    assert_eq!(site.tracker.stats().leechers, 1);

    let seeder = by(2).moved(70, 0).seeding();
    site.ok(by(2).seeding());
    site.ok(seeder);
    let answer = site.announce(seeder.from("2001:db8::2")).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (1, 1));
    assert_eq!(site.moved(2), (70, 0));
    assert_eq!((site.tracker.stats().seeders, site.tracker.stats().leechers), (1, 1));
}

#[test]
fn both_hashes_of_a_hybrid_torrent_share_record_and_session() {
    let mut site = Site::private();
    site.ok(by(1).on(hash(2)));
    site.ok(by(1).on(hash(22)).moved(70, 0));
    site.ok(by(1).on(hash(2)).moved(90, 0));
    assert_eq!(site.moved(1), (90, 0));
    assert_eq!(site.counts(hash(2)), (0, 1, 0));
    assert_eq!(site.counts(hash(22)), (0, 1, 0));
    let batch = &site.written[0];
    assert_eq!(batch.torrents.len(), 1);
    assert_eq!(batch.sessions[0].info_hash, hash(2));
}

#[test]
fn a1_after_a_restart_credit_goes_on_from_the_lower_counter() {
    let mut site = Site::private();
    let mut credited = |uploaded| {
        site.ok(by(1).moved(uploaded, 0));
        let traffic = site.traffic(1);
        assert_eq!(traffic.uploaded_raw, traffic.uploaded_credited);
        traffic.uploaded_credited
    };
    assert_eq!(credited(0), 0);
    assert_eq!(credited(100 * MB), 100 * MB);
    assert_eq!(credited(50 * MB), 100 * MB, "restarted");
    assert_eq!(credited(80 * MB), (100 + 30) * MB);
}

#[test]
fn a2_a_started_with_each_announce_hides_nothing() {
    let mut site = Site::private();
    site.ok(by(1).event(Event::Started));
    site.ok(by(1).event(Event::Started).moved(100 * MB, 7 * MB));
    assert_eq!(site.moved(1), (100 * MB, 7 * MB));
    site.ok(by(1).event(Event::Started).moved(50 * MB, 9 * MB));
    assert_eq!(site.moved(1), (100 * MB, 9 * MB), "restarted");
    site.ok(by(1).event(Event::Started).moved(80 * MB, 20 * MB));
    assert_eq!(site.moved(1), ((100 + 30) * MB, 20 * MB));
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
}

#[test]
fn a3_an_upload_counter_that_falls_by_one_byte_hides_no_download() {
    let mut site = Site::private();
    site.ok(by(1).moved(1000, 20).left(6000 * MB));
    site.ok(by(1).moved(999, 20 + 5000 * MB).left(1000 * MB));
    let traffic = site.traffic(1);
    assert_eq!((traffic.uploaded_raw, traffic.uploaded_credited), (0, 0));
    assert_eq!((traffic.downloaded_raw, traffic.downloaded_credited), (5000 * MB, 5000 * MB));
}

#[test]
fn a6_five_gibibytes_between_two_announces_are_counted_exactly() {
    const BYTES: u64 = 5 << 30;
    const { assert!(BYTES > u32::MAX as u64) };
    let mut site = Site::private();
    site.ok(by(1).moved(7, 3).left(2 * BYTES));
    site.ok(by(1).moved(7 + BYTES, 3 + BYTES + 1).left(BYTES));
    let traffic = site.traffic(1);
    assert_eq!((traffic.uploaded_raw, traffic.uploaded_credited), (BYTES, BYTES));
    assert_eq!((traffic.downloaded_raw, traffic.downloaded_credited), (BYTES + 1, BYTES + 1));
}

#[test]
fn a_restart_resets_the_baseline_of_each_counter_on_its_own() {
    let mut site = Site::private();
    site.ok(by(1).moved(1000, 500));
    site.ok(by(1).moved(30, 600));
    assert_eq!(site.moved(1), (0, 100));
    site.ok(by(1).moved(50, 0));
    assert_eq!(site.moved(1), (20, 100));
    site.ok(by(1).moved(50, 5));
    assert_eq!(site.moved(1), (20, 105));
}

#[test]
fn a_session_never_seen_before_earns_no_upload() {
    let mut site = Site::private();
    site.ok(by(1).moved(1 << 40, 0).seeding());
    assert_eq!(site.moved(1), (0, 0));
}

#[test]
fn a_session_never_seen_before_is_charged_what_its_user_lacked_when_last_seen() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.ok(by(1).left(900).moved(5, 100).stopped());
    assert_eq!(site.moved(1), (5, 100));
    site.wait(60);
    site.ok(by(1).client(1).moved(77, 800).left(200));
    assert_eq!(site.moved(1), (5, 100 + 700));
}

#[test]
fn a_session_of_a_user_never_seen_on_the_torrent_is_charged_nothing() {
    let mut site = Site::private();
    site.ok(by(1).moved(0, 800).left(200));
    assert_eq!(site.moved(1), (0, 0));
}

#[test]
fn a_first_report_is_charged_no_more_than_the_client_says_it_downloaded() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.ok(by(1).left(1000).stopped());
    site.wait(60);
    site.ok(by(1).client(1).moved(0, 50).left(0));
    assert_eq!(site.moved(1), (0, 50));
}

#[test]
fn what_a_superseded_session_lacked_is_charged_to_the_one_that_follows() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.wait(60);
    site.ok(by(1).client(1).port(6881).moved(0, 400).left(600));
    assert_eq!(site.moved(1), (0, 400));
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
}

#[test]
fn the_debt_of_an_expired_leecher_is_charged_when_it_comes_back() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.wait(5000);
    assert_eq!(site.expire(), 1);
    assert_eq!(site.tracker.stats().departed, 1);
    site.ok(by(1).client(1).moved(9, 1000).left(0));
    assert_eq!(site.moved(1), (0, 1000));
    assert_eq!(site.tracker.stats().departed, 0);
}

#[test]
fn a_stop_that_is_sent_twice_is_charged_once() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.ok(by(1).moved(0, 800).left(200).stopped());
    site.ok(by(1).moved(0, 800).left(200).stopped());
    assert_eq!(site.moved(1), (0, 800));
}

#[test]
fn a_stop_that_is_sent_twice_is_charged_once_even_if_the_user_has_another_client() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.ok(by(1).client(1).left(1000));
    site.wait(60);
    site.ok(by(1).client(1).moved(0, 800).left(200).stopped());
    site.wait(1);
    site.ok(by(1).client(1).moved(0, 800).left(200).stopped().from("2001:db8::1"));
    assert_eq!(site.moved(1), (0, 800));
}

#[test]
fn a_client_that_stops_and_goes_on_with_its_counters_is_charged_once() {
    for (restart, left) in [(false, 0), (true, 0), (false, 200), (true, 200)] {
        let mut site = Site::private();
        site.ok(by(1).left(1000));
        site.ok(by(1).client(1).left(1000));
        site.wait(60);
        site.ok(by(1).client(1).moved(0, 1000 - left).left(left).stopped());
        site.wait(1);
        if restart {
            site.restart();
        }
        site.ok(by(1).client(1).moved(0, 1000 - left).left(left));
        assert_eq!(site.moved(1), (0, 1000 - left));
    }
}

#[test]
fn the_most_recent_report_decides_what_a_user_lacked_when_two_clients_expire_together() {
    let mut site = Site::private();
    // Whatever the order in which a sweep finds them.
    for torrent in [1, 3] {
        site.ok(by(1).on(hash(torrent)).client(0).left(500));
        site.ok(by(1).on(hash(torrent)).client(1).left(500));
        site.wait(1);
        site.ok(by(1).on(hash(torrent)).client(u8::from(torrent == 1)).left(300));
    }
    site.wait(5000);
    assert_eq!(site.expire(), 4);
    site.ok(by(1).on(hash(1)).client(3).moved(0, 1000).left(0));
    site.ok(by(1).on(hash(3)).client(3).moved(0, 1000).left(0));
    assert_eq!(site.moved(1), (0, 300 + 300));
}

#[test]
fn a_repeated_started_is_a_continuation() {
    let mut site = Site::private();
    site.ok(by(1).event(Event::Started));
    site.ok(by(1).event(Event::Started).moved(40, 50).left(950));
    assert_eq!(site.moved(1), (40, 50));
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
}

#[test]
fn a5_a_completion_is_counted_once_per_session_whatever_the_event() {
    let mut site = Site::private();
    site.ok(by(1).left(10));
    site.ok(by(1).left(0));
    site.ok(by(1).left(0).event(Event::Completed));
    site.ok(by(1).left(7));
    site.ok(by(1).left(0).event(Event::Completed));
    assert_eq!(site.user_sums(1).snatches, 1);
    assert_eq!(site.counts(hash(1)), (1, 0, 1));
    assert_eq!(site.written[0].torrents[0].snatches, 1);
    assert_eq!(site.written[0].history[0].snatches, 1);
}

#[test]
fn the_completed_event_alone_proves_nothing() {
    let mut site = Site::private();
    site.ok(by(1).left(10));
    site.ok(by(1).left(10).event(Event::Completed));
    site.ok(by(2).left(0).event(Event::Completed));
    assert_eq!(site.user_sums(1).snatches, 0);
    assert_eq!(site.user_sums(2).snatches, 0);
    assert_eq!(site.counts(hash(1)), (1, 1, 0));
}

#[test]
fn a_completion_told_by_the_last_announce_of_a_session_is_counted() {
    let mut site = Site::private();
    site.ok(by(1).left(10));
    site.ok(by(1).left(0).moved(0, 10).stopped());
    assert_eq!(site.user_sums(1).snatches, 1);
    assert_eq!(site.moved(1), (0, 10));
}

#[test]
fn a_new_session_that_completes_is_another_snatch() {
    let mut site = Site::private();
    for client in 0..2 {
        site.ok(by(1).client(client).left(10));
        site.ok(by(1).client(client).left(0));
        site.ok(by(1).client(client).left(0).stopped());
    }
    assert_eq!(site.user_sums(1).snatches, 2);
}

#[test]
fn a_stopped_of_an_unknown_session_succeeds_with_an_empty_list_and_leaves_no_trace() {
    let mut site = Site::private();
    site.ok(by(2).seeding());
    site.drain();
    let answer = site.announce(by(1).stopped().moved(99, 99).numwant(50)).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (1, 0));
    assert!(site.list.is_empty());
    assert!(site.drain().is_empty());
    assert_eq!(site.tracker.stats().departed, 0);
}

#[test]
fn a_stopped_of_an_unknown_session_is_charged_what_its_user_lacked() {
    let mut site = Site::private();
    site.ok(by(1).left(1000));
    site.ok(by(1).left(1000).stopped());
    site.wait(10);
    site.ok(by(1).client(1).moved(50, 300).left(700).stopped());
    assert_eq!(site.moved(1), (0, 300));
    site.wait(10);
    site.ok(by(1).client(2).moved(50, 300).left(600).stopped());
    assert_eq!(site.moved(1), (0, 400));
}

#[test]
fn the_last_counters_of_a_session_are_counted_when_it_stops() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.wait(100);
    site.ok(by(1).seeding().moved(500, 0).stopped());
    let sums = site.user_sums(1);
    assert_eq!((sums.traffic.uploaded_raw, sums.seed_seconds), (500, 100));
    assert_eq!(site.counts(hash(1)), (0, 0, 0));
    assert!(site.written[0].sessions[0].gone);
}

#[test]
fn a_client_that_does_not_know_its_size_is_a_leecher_who_owes_nothing() {
    let mut site = Site::private();
    site.ok(by(1).left(UNKNOWN));
    assert_eq!(site.counts(hash(1)), (0, 1, 0));
    site.ok(by(1).left(UNKNOWN).stopped());
    assert_eq!(site.tracker.stats().departed, 0);
    site.ok(by(1).client(1).moved(0, 700).left(300));
    assert_eq!(site.moved(1), (0, 0));
}

#[test]
fn bytes_count_by_role_torrent_token_and_event_together() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { upload_percent: 150, download_percent: 50, ..ROLE });
    site.tracker
        .put_torrent(TorrentSpec { upload_percent: 200, download_percent: 50, ..torrent(1) })
        .unwrap();
    let token = TokenSpec {
        user_id: 1,
        upload_percent: 300,
        download_percent: 0,
        ends_at_seconds: Some(START + 100),
    };
    site.tracker.put_token(hash(1), token).unwrap();
    site.tracker.set_events(vec![GlobalEvent {
        upload_percent: 200,
        download_percent: 20,
        starts_at_seconds: START + 50,
        ends_at_seconds: START + 150,
    }]);
    let mut credited = |seconds, moved| {
        site.now = START + seconds;
        site.ok(by(1).moved(moved, moved).left(1000));
        let traffic = site.traffic(1);
        assert_eq!((traffic.uploaded_raw, traffic.downloaded_raw), (moved, moved));
        (traffic.uploaded_credited, traffic.downloaded_credited)
    };
    assert_eq!(credited(0, 0), (0, 0));
    // role × torrent × token
    assert_eq!(credited(49, 100), (900, 0));
    // and the event, from its start
    assert_eq!(credited(50, 200), (900 + 1800, 0));
    // the token ended
    assert_eq!(credited(100, 300), (2700 + 600, 5));
    // the event ended
    assert_eq!(credited(150, 400), (3300 + 300, 5 + 25));
    assert!(site.tracker.remove_token(hash(1), 1));
    assert!(!site.tracker.remove_token(hash(1), 1));
}

#[test]
fn a_token_is_its_user_s_alone_and_works_by_either_hash() {
    let mut site = Site::private();
    let token =
        TokenSpec { user_id: 1, upload_percent: 200, download_percent: 0, ends_at_seconds: None };
    site.tracker.put_token(hash(22), token).unwrap();
    for user in [1, 2] {
        site.ok(by(user).on(hash(2)));
        site.ok(by(user).on(hash(2)).moved(10, 10));
    }
    let credited = |traffic: Traffic| (traffic.uploaded_credited, traffic.downloaded_credited);
    assert_eq!(credited(site.traffic(1)), (20, 0));
    assert_eq!(credited(site.traffic(2)), (10, 10));
}

#[test]
fn seed_time_is_the_time_between_announces_of_a_seeder_up_to_the_timeout() {
    let mut site = Site::private();
    site.ok(by(1).left(5));
    site.wait(1000);
    site.ok(by(1).left(0));
    assert_eq!(site.user_sums(1).seed_seconds, 0);
    site.wait(1800);
    site.ok(by(1).left(0));
    site.ok(by(1).left(0).from("2001:db8::1"));
    assert_eq!(site.user_sums(1).seed_seconds, 1800);
    site.wait(10_000);
    site.ok(by(1).left(0));
    assert_eq!(site.user_sums(1).seed_seconds, 1800 + 4200);
    site.wait(7);
    site.ok(by(1).left(5));
    site.wait(7);
    site.ok(by(1).left(5));
    assert_eq!(site.user_sums(1).seed_seconds, 1800 + 4200 + 7);
}

#[test]
fn many_announces_between_two_flushes_make_one_row_of_each_kind() {
    let mut site = Site::private();
    for step in 0..10 {
        site.ok(by(1).moved(step * 3, step * 5).left(1000 - step));
        site.wait(1);
    }
    let batch = site.drain();
    let rows = (batch.users.len(), batch.torrents.len(), batch.history.len(), batch.sessions.len());
    assert_eq!(rows, (1, 1, 1, 1));
    assert_eq!(batch.history[0].traffic.uploaded_raw, 27);
    assert_eq!(batch.history[0].left_bytes, 991);
    assert_eq!(batch.sessions[0].downloaded_bytes, 45);
    assert_eq!(batch.sessions[0].started_at_seconds, START);
    assert_eq!(batch.sessions[0].announced_at_seconds, START + 9);
}

#[test]
fn a_history_is_inactive_once_the_last_of_a_user_s_clients_has_left() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).client(1));
    site.ok(by(1).stopped());
    assert!(site.history(1, 1).active);
    site.ok(by(1).client(1).stopped());
    assert!(!site.history(1, 1).active);
}

#[test]
fn a_history_is_inactive_when_all_of_a_user_s_clients_leave_within_one_flush() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).client(1));
    site.drain();
    site.ok(by(1).stopped());
    site.ok(by(1).client(1).stopped());
    assert!(!site.history(1, 1).active);
}

#[test]
fn a_history_is_inactive_after_its_clients_expired() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).client(1));
    site.drain();
    site.wait(4201);
    assert_eq!(site.expire(), 2);
    assert!(!site.history(1, 1).active);
}
