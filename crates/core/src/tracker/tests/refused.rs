//! A refusal stops what comes next, and never takes away what was moved before.

use super::*;
use crate::registry::ClientRule;

fn uploaded(batch: &Batch) -> u64 {
    batch.users.iter().map(|row| row.traffic.uploaded_credited).sum()
}

#[test]
fn what_a_known_session_reports_counts_though_it_is_refused_now() {
    let mut site = Site::private();
    site.ok(by(1));
    site.tracker.put_user(UserSpec { download_enabled: false, ..user(1) }).unwrap();
    site.now += 1800;
    assert_eq!(site.refused(by(1).moved(500, 700)), Refusal::DownloadDisabled);
    let batch = site.drain();
    assert_eq!(uploaded(&batch), 500);
    assert_eq!(batch.users[0].traffic.downloaded_credited, 700);
    assert_eq!(site.ok(by(2)), [], "nobody is sent to a refused client");
    site.now += 1800;
    site.ok(by(1).moved(900, 700).stopped());
    assert_eq!(uploaded(&site.drain()), 400);
}

#[test]
fn the_last_upload_to_a_deleted_torrent_counts_and_its_reason_is_told() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.tracker.put_torrent(TorrentSpec { deleted: true, ..torrent(1) }).unwrap();
    site.now += 1800;
    let refusal = site.refused(by(1).seeding().moved(300, 0));
    assert!(matches!(refusal, Refusal::TorrentDeleted(_)));
    assert_eq!(uploaded(&site.drain()), 300);
    site.ok(by(1).seeding().moved(450, 0).stopped());
    assert_eq!(uploaded(&site.drain()), 150);
    assert!(matches!(site.refused(by(2).stopped()), Refusal::TorrentDeleted(_)));
}

#[test]
fn a_client_that_was_blacklisted_meanwhile_is_credited_when_it_leaves() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.tracker.set_client_rules(vec![ClientRule { prefix: b"-TR".to_vec(), allowed: false }]);
    assert_eq!(site.refused(by(1).seeding().moved(10, 0)), Refusal::ClientNotAllowed);
    site.ok(by(1).seeding().moved(30, 0).stopped());
    assert_eq!(uploaded(&site.drain()), 30);
}

#[test]
fn a_tracker_that_was_away_waits_a_timeout_before_it_forgets_anybody() {
    let mut site = Site::private();
    let timeout = Settings::default().peer_timeout_seconds;
    site.ok(by(1).seeding());
    site.now += 10 * timeout;
    site.tracker.resume(site.now);
    for part in 0..Tracker::PARTS {
        assert_eq!(site.tracker.expire(part, site.now), 0);
    }
    site.ok(by(1).seeding().moved(5000, 0));
    assert_eq!(uploaded(&site.drain()), 5000);
    site.now += timeout + 1;
    let expired: usize = (0..Tracker::PARTS).map(|it| site.tracker.expire(it, site.now)).sum();
    assert_eq!(expired, 1);
}

#[test]
fn a_client_that_was_restarted_takes_its_old_place_over_ipv6_too() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { download_slots: Some(1), ..ROLE });
    for number in 1..=5 {
        let mut restarted = by(1).from("2001:db8::7");
        restarted.request.peer_id.0[19] = b'0' + number;
        site.ok(restarted);
    }
    assert_eq!(site.tracker.stats().leechers, 1);
}

#[test]
fn only_an_announce_that_is_welcome_registers_a_torrent() {
    let mut site = Site::private();
    site.set(|settings| settings.auto_register_torrents = true);
    let unknown = hash(99);
    let before = site.tracker.stats().torrents;
    site.ok(by(1).on(unknown).stopped().port(0));
    assert_eq!(site.refused(by(1).on(unknown).port(80)), Refusal::PortNotAllowed(80));
    site.tracker.put_user(UserSpec { download_enabled: false, ..user(1) }).unwrap();
    assert_eq!(site.refused(by(1).on(unknown)), Refusal::DownloadDisabled);
    assert_eq!(site.tracker.stats().torrents, before);
    site.ok(by(2).on(unknown));
    assert_eq!(site.tracker.stats().torrents, before + 1);
}

#[test]
fn a_torrent_that_the_site_adds_after_its_first_announce_is_counted_under_the_sites_id() {
    let mut site = Site::private();
    site.set(|settings| settings.auto_register_torrents = true);
    site.ok(by(1).on(hash(99)).seeding());
    site.tracker.put_torrent(TorrentSpec { id: 44, ..torrent(99) }).unwrap();
    site.now += 60;
    site.ok(by(1).on(hash(99)).seeding().moved(70, 0));
    let batch = site.drain();
    assert_eq!(batch.registered, []);
    let ids: Vec<u32> = batch.torrents.iter().map(|row| row.torrent_id).collect();
    assert_eq!((ids, batch.history[0].torrent_id), (vec![44], 44));
    assert_eq!(batch.torrents[0].traffic.uploaded_raw, 70);
}
