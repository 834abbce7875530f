//! What a batch tells beside the totals: times, clients, snatches, tokens, announces of nothing.

use super::*;
use crate::batch::{SnatchRow, TokenUseRow, UnregisteredRow};
use crate::registry::TokenSpec;
use crate::site::SiteProfile;

fn with_agent(by: By, agent: &str) -> By {
    By { agent: Agent::from(agent), ..by }
}

fn asking(change: impl FnOnce(&mut SiteProfile)) -> Site {
    let site = Site::private();
    let mut profile = SiteProfile::default();
    change(&mut profile);
    site.set(|settings| settings.site = std::sync::Arc::new(profile));
    site
}

#[test]
fn a_history_row_tells_its_first_and_last_announce_and_the_latest_report() {
    let mut site = Site::private();
    site.ok(with_agent(by(1).moved(10, 20).left(500), "qBittorrent/4.6.5"));
    site.wait(30);
    site.ok(with_agent(by(1).moved(40, 70).left(0), "qBittorrent/4.6.5"));
    let row = site.history(1, 1);
    assert_eq!(row.first_announced_at_seconds, START);
    assert_eq!(row.announced_at_seconds, START + 30);
    assert_eq!((row.uploaded_client_bytes, row.downloaded_client_bytes), (40, 70));
    assert_eq!((row.seeder, row.announces), (true, 2));
    assert_eq!(row.completed_at_seconds, Some(START + 30));
    assert_eq!(row.agent.as_str(), "qBittorrent/4.6.5");
    assert!(!row.immune);
}

#[test]
fn a_completion_followed_by_another_announce_in_the_same_batch_keeps_its_time() {
    let mut site = Site::private();
    site.ok(by(1).left(500));
    site.drain();
    site.wait(10);
    site.ok(by(1).left(0).event(Event::Completed));
    site.wait(10);
    site.ok(by(1).left(0));
    assert_eq!(site.history(1, 1).completed_at_seconds, Some(START + 10));
    site.wait(10);
    site.ok(by(1).left(0));
    assert_eq!(site.history(1, 1).completed_at_seconds, None);
}

#[test]
fn a_session_row_tells_what_the_batch_adds_and_how_long_it_took() {
    let mut site = Site::private();
    site.ok(by(1).moved(100, 0).left(500));
    let [row] = site.sessions()[..] else { panic!() };
    assert_eq!((row.uploaded_delta_bytes, row.speed_seconds, row.announces), (0, 0, 1));
    assert!(row.visible);
    for (seconds, moved) in [(20, 150), (40, 270)] {
        site.now = START + seconds;
        site.ok(by(1).moved(moved, moved).left(500));
    }
    let [row] = site.sessions()[..] else { panic!() };
    assert_eq!((row.uploaded_delta_bytes, row.downloaded_delta_bytes), (170, 270));
    assert_eq!((row.speed_seconds, row.announces), (40, 2));
}

#[test]
fn a_session_that_expires_has_announced_nothing() {
    let mut site = Site::private();
    site.ok(with_agent(by(1).left(500), "rtorrent/0.9.8"));
    site.drain();
    site.wait(5000);
    assert_eq!(site.expire(), 1);
    let batch = site.drain();
    let row = batch.history[0];
    assert_eq!((row.announces, row.active, row.agent), (0, false, Agent::NONE));
    assert_eq!((row.first_announced_at_seconds, row.announced_at_seconds), (START, START));
    assert_eq!((batch.sessions[0].gone, batch.sessions[0].announces), (true, 0));
}

#[test]
fn a_snatch_is_a_row_with_the_address_it_was_told_from() {
    let mut site = Site::private();
    site.ok(by(1).left(500));
    site.wait(7);
    site.ok(by(1).left(0).from("20.9.9.9"));
    let expected = SnatchRow {
        user_id: 1,
        torrent_id: 1,
        snatched_at_seconds: START + 7,
        address: Some("20.9.9.9".parse().unwrap()),
    };
    assert_eq!(site.drain().snatches, [expected]);
    site.ok(by(1).left(0));
    assert_eq!(site.drain().snatches, []);
}

#[test]
fn a_token_tells_what_it_covered_and_when_the_download_has_finished() {
    let mut site = Site::private();
    let token =
        TokenSpec { user_id: 1, upload_percent: 100, download_percent: 0, ends_at_seconds: None };
    site.tracker.put_token(hash(1), token).unwrap();
    site.ok(by(1).left(1000));
    site.ok(by(2).left(1000));
    site.ok(by(1).moved(9, 600).left(400));
    site.ok(by(2).moved(9, 600).left(400));
    let used = |downloaded_raw, finished| TokenUseRow {
        user_id: 1,
        torrent_id: 1,
        downloaded_raw,
        finished,
    };
    assert_eq!(site.drain().token_uses, [used(600, false)]);
    site.ok(by(1).moved(9, 1000).left(0));
    assert_eq!(site.drain().token_uses, [used(400, true)]);
    let traffic = site.traffic(1);
    assert_eq!((traffic.downloaded_raw, traffic.downloaded_credited), (1000, 0));
}

#[test]
fn discarded_bytes_are_counted_if_the_site_asks_and_survive_a_restart() {
    let corrupt = |by: By, corrupt| {
        let request = AnnounceRequest { corrupt, ..by.request };
        By { request, ..by }
    };
    let mut site = asking(|profile| profile.record_corrupt = true);
    site.ok(corrupt(by(1).left(900), 5));
    site.ok(corrupt(by(1).left(800), 12));
    let batch = site.drain();
    assert_eq!(batch.torrents[0].corrupt_bytes, 7);
    assert_eq!(batch.history[0].corrupt_bytes, 7);
    assert_eq!(batch.sessions[0].corrupt_bytes, 12);
    site.restart();
    site.ok(corrupt(by(1).left(700), 50));
    assert_eq!(site.drain().torrents[0].corrupt_bytes, 38);
    site.ok(corrupt(by(1).left(700).stopped(), 51));
    let batch = site.drain();
    assert_eq!((batch.torrents[0].corrupt_bytes, batch.sessions[0].corrupt_bytes), (1, 51));

    let mut site = Site::private();
    site.ok(corrupt(by(1).left(900), 5));
    site.ok(corrupt(by(1).left(800), 12));
    assert_eq!(site.drain().torrents[0].corrupt_bytes, 0);
}

#[test]
fn announces_of_unknown_and_deleted_torrents_are_told_once_per_user_if_the_site_asks() {
    let mut site = asking(|profile| profile.record_unregistered = true);
    site.tracker.put_torrent(TorrentSpec { deleted: true, ..torrent(3) }).unwrap();
    site.refused(by(1).on(hash(77)));
    site.refused(by(1).on(hash(3)));
    site.wait(4);
    site.refused(by(1).on(hash(77)));
    site.refused(by(500).on(hash(77)));
    let row = |number, announced_at_seconds| UnregisteredRow {
        user_id: 1,
        info_hash: hash(number),
        announced_at_seconds,
    };
    assert_eq!(site.drain().unregistered, [row(3, START), row(77, START + 4)]);
    assert_eq!(site.drain().unregistered, []);

    let mut site = Site::private();
    site.refused(by(1).on(hash(77)));
    assert!(site.drain().is_empty());
}

#[test]
fn a_role_can_make_its_members_immune() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { immune: true, ..ROLE });
    site.ok(by(1));
    assert!(site.history(1, 1).immune);
}
