//! UNIT3D: texts, order, intervals, credit, seed time, limits.

use super::*;

fn unit3d() -> Site {
    site_of(Preset::Unit3d)
}

fn headers(by: By, agent: &str, forbidden: bool) -> (By, Headers) {
    let agent_bytes = (!agent.is_empty()).then(|| u16::try_from(agent.len()).unwrap());
    (By { agent: Agent::from(agent), ..by }, Headers { agent_bytes, forbidden })
}

fn told_with_headers(site: &mut Site, (by, headers): (By, Headers)) -> Option<String> {
    let source = Source { agent: by.agent, headers: Some(headers), ..Source::new(by.ip) };
    let result = site.tracker.announce(&by.request, source, site.now, &mut site.list);
    result.err().map(|refusal| site.tracker.explain(refusal).text)
}

#[test]
fn every_refusal_is_told_byte_for_byte() {
    let mut site = unit3d();
    let status = |id: u8, status| {
        let terms = TorrentTerms { status, ..TorrentTerms::default() };
        TorrentSpec { terms, ..torrent(id) }
    };
    site.tracker.put_torrent(status(2, TorrentStatus::Pending)).unwrap();
    site.tracker.put_torrent(status(3, TorrentStatus::Rejected)).unwrap();
    site.tracker.put_torrent(status(4, TorrentStatus::Postponed)).unwrap();
    site.tracker.put_torrent(status(5, TorrentStatus::Other)).unwrap();
    let gone = TorrentSpec { deleted: true, reason: "not told", ..torrent(6) };
    site.tracker.put_torrent(gone).unwrap();
    site.tracker.put_named_role(RoleSpec { id: 5, enabled: false, ..ROLE }, "banned");
    let with = |id, role_id, download_enabled| UserSpec {
        passkey: long_passkey(id),
        role_id,
        download_enabled,
        ..user(id)
    };
    site.tracker.put_user(with(2, 5, true)).unwrap();
    site.tracker.put_user(with(3, 77, true)).unwrap();
    site.tracker.put_user(with(4, 1, false)).unwrap();
    site.tracker.set_client_rules(vec![crate::registry::ClientRule {
        prefix: b"-BC".to_vec(),
        allowed: false,
    }]);
    let mut blacklisted = visit(1);
    blacklisted.request.peer_id = PeerId(*b"-BC1000-000000000000");
    let mut short = visit(1);
    short.request.passkey = Some(Passkey::new(b"short").unwrap());
    let mut not_compact = visit(1);
    (not_compact.request.compact, not_compact.request.compact_given) = (false, true);
    let mut bot = visit(1);
    bot.agent = Agent::from("GoogleBot/2.1");
    let cases = [
        (visit(1).on(hash(99)), "InfoHash not found."),
        (visit(1).on(hash(2)), "Torrent is pending moderation."),
        (visit(1).on(hash(3)), "Torrent has been rejected."),
        (visit(1).on(hash(4)), "Torrent has been postponed."),
        (visit(1).on(hash(5)), "Torrent not approved."),
        (visit(1).on(hash(6)), "Torrent has been deleted."),
        (visit(88), "Passkey does not exist. Please re-download the .torrent file."),
        (visit(4).left(5), "Your downloading privileges have been disabled."),
        (visit(2), "Your account is not enabled. (Current: banned)."),
        (visit(3), "Group not found."),
        (visit(1).stopped(), "Stopped peer doesn't exist."),
        (blacklisted, "Client is not acceptable. Please check our blacklist."),
        (short, "Invalid passkey."),
        (not_compact, "Your client does not support compact announces."),
        (bot, "Browser, crawler or cheater is not allowed."),
    ];
    for (by, text) in cases {
        assert_eq!(site.told_text(by), text);
    }
    assert!(site.announce(visit(4).seeding()).is_ok());
}

#[test]
fn what_cannot_be_decoded_is_told_byte_for_byte() {
    use mika_protocol::announce::{AnnounceError, Parameter};
    let site = unit3d();
    let told = |error| site.tracker.explain_malformed(error, None, None).text;
    let number = |name: &str| format!("Invalid '{name}' (must be greater than or equal to 0).");
    assert_eq!(told(AnnounceError::InfoHashLength), "Invalid 'info_hash'.");
    assert_eq!(told(AnnounceError::PeerIdLength), "Invalid 'peer_id'.");
    assert_eq!(told(AnnounceError::Port), number("port"));
    assert_eq!(told(AnnounceError::Counter(Parameter::Uploaded)), number("uploaded"));
    assert_eq!(told(AnnounceError::Counter(Parameter::Left)), number("left"));
    for (parameter, name) in [
        (Parameter::InfoHash, "info_hash"),
        (Parameter::PeerId, "peer_id"),
        (Parameter::Port, "port"),
        (Parameter::Uploaded, "uploaded"),
        (Parameter::Downloaded, "downloaded"),
        (Parameter::Left, "left"),
    ] {
        let text = format!("Query parameter '{name}' is missing.");
        assert_eq!(told(AnnounceError::Missing(parameter)), text);
    }
    assert_eq!(told(AnnounceError::Passkey), "Invalid passkey.");
}

#[test]
fn ports_of_other_services_are_refused_with_their_number() {
    let mut site = unit3d();
    for port in [0, 80, 1023, 1214, 3389, 4662, 6346, 6347, 6699, 8080, 8081] {
        let text = format!("Illegal port: {port}. Port should be between 6881-64999.");
        assert_eq!(site.told_text(visit(1).port(port)), text);
    }
    for port in [1024, 65535] {
        site.ok(visit(1).port(port));
    }
    site.ok(visit(1).port(0).stopped());
}

#[test]
fn headers_and_the_name_of_the_program_are_looked_at() {
    let mut site = unit3d();
    let agent = |length| "a".repeat(length);
    let mut told =
        |agent: &str, forbidden| told_with_headers(&mut site, headers(visit(1), agent, forbidden));
    assert_eq!(told("x/1", true).unwrap(), "Abnormal access blocked.");
    assert_eq!(told("", false).unwrap(), "Invalid user agent.");
    assert_eq!(told(&agent(65), false).unwrap(), "The user agent of this client is too long.");
    assert_eq!(told(&agent(64), false), None);
    let text = "Browser, crawler or cheater is not allowed.";
    assert_eq!(told("Mozilla/5.0", false).unwrap(), text);
}

#[test]
fn failures_say_90_minutes_and_moderation_30_seconds_as_a_warning_even_to_strangers() {
    let mut site = unit3d();
    let terms = TorrentTerms { status: TorrentStatus::Pending, ..TorrentTerms::default() };
    site.tracker.put_torrent(TorrentSpec { terms, ..torrent(2) }).unwrap();
    let told = site.told(visit(1).on(hash(99)));
    assert_eq!((told.form, told.interval_seconds, told.retry), (Form::Failure, Some(5400), None));
    let told = site.told(visit(88).on(hash(2)));
    assert_eq!((told.form, told.interval_seconds), (Form::Warning, Some(30)));
    assert_eq!(told.text, "Torrent is pending moderation.");
    let told = site.told(visit(1).stopped());
    assert_eq!((told.form, told.interval_seconds), (Form::Warning, Some(5400)));
}

#[test]
fn intervals_are_spread_evenly_from_30_to_60_minutes() {
    let mut site = unit3d();
    change(&site, |profile| profile.announce_min_enforced_seconds = 0);
    let mut intervals: Vec<u32> = Vec::new();
    for _ in 0..2000 {
        let answer = site.announce(visit(1)).unwrap();
        assert_eq!(answer.min_interval_seconds, 1800);
        intervals.push(answer.interval_seconds);
    }
    let (least, most) = (intervals.iter().min().unwrap(), intervals.iter().max().unwrap());
    assert!((1800..1820).contains(least) && (3580..=3600).contains(most), "{least} {most}");
    let mean = intervals.iter().sum::<u32>() / 2000;
    assert!((2650..2750).contains(&mean), "{mean}");
}

/// The first announce and the second one, after which 1001 bytes have gone each way.
fn credit(site: &mut Site, user: u32, torrent: u8) -> (u64, u64) {
    site.ok(visit(user).on(hash(torrent)).left(1000));
    site.ok(visit(user).on(hash(torrent)).moved(1001, 1001).left(10));
    let batch = site.drain();
    let row = batch.history.iter().find(|row| row.user_id == user).unwrap();
    assert_eq!((row.traffic.uploaded_raw, row.traffic.downloaded_raw), (1001, 1001));
    let user_row = batch.users.iter().find(|row| row.user_id == user).unwrap();
    assert_eq!(user_row.traffic, row.traffic);
    (row.traffic.uploaded_credited, row.traffic.downloaded_credited)
}

#[test]
fn the_best_multiplier_of_each_direction_counts() {
    let mut site = unit3d();
    let put = |id: u8, upload_percent, download_percent, featured| {
        let terms = TorrentTerms { featured, ..TorrentTerms::default() };
        TorrentSpec { upload_percent, download_percent, terms, ..torrent(id) }
    };
    site.tracker.put_torrent(put(2, 100, 50, false)).unwrap();
    site.tracker.put_torrent(put(3, 200, 100, false)).unwrap();
    site.tracker.put_torrent(put(4, 100, 100, true)).unwrap();
    let internal =
        RoleSpec { id: 19, upload_percent: 200, download_percent: 0, immune: true, ..ROLE };
    site.tracker.put_named_role(internal, "internal");
    let terms =
        |id, role_id, terms| UserSpec { passkey: long_passkey(id), role_id, terms, ..user(id) };
    let personal = UserTerms { download_percent: Some(0), ..UserTerms::default() };
    site.tracker.put_user(terms(5, 19, UserTerms::default())).unwrap();
    site.tracker.put_user(terms(6, 1, personal)).unwrap();
    assert_eq!(credit(&mut site, 1, 2), (1001, 500));
    assert_eq!(credit(&mut site, 1, 3), (2002, 1001));
    assert_eq!(credit(&mut site, 1, 4), (2002, 0));
    assert_eq!(credit(&mut site, 5, 1), (2002, 0));
    assert_eq!(credit(&mut site, 6, 2), (1001, 0));
    // A donor, first without and then with what the site gives donors.
    assert_eq!(credit(&mut site, 7, 2), (1001, 500));
    let donor = UserTerms { download_percent: Some(0), immune: Some(true), ..UserTerms::default() };
    site.tracker.put_user(terms(8, 1, donor)).unwrap();
    site.ok(visit(8).on(hash(2)).left(1000));
    assert!(site.history(8, 2).immune);
    assert_eq!(credit(&mut site, 8, 3), (2002, 0));
    // A role's double upload does not add to a featured torrent's.
    assert_eq!(credit(&mut site, 5, 4), (2002, 0));
    site.ok(visit(5).on(hash(3)));
    assert!(site.history(5, 3).immune);
}

#[test]
fn a_featured_upload_counts_exactly_twice_even_during_a_larger_event() {
    let mut site = unit3d();
    let terms = TorrentTerms { featured: true, ..TorrentTerms::default() };
    site.tracker.put_torrent(TorrentSpec { terms, ..torrent(4) }).unwrap();
    site.tracker.set_events(vec![crate::registry::GlobalEvent {
        upload_percent: 250,
        download_percent: 100,
        starts_at_seconds: 0,
        ends_at_seconds: u32::MAX,
    }]);
    assert_eq!(credit(&mut site, 1, 4), (2002, 0));
    assert_eq!(credit(&mut site, 1, 1), (2502, 1001));
}

#[test]
fn a_token_makes_downloads_free_and_the_real_bytes_are_told() {
    let mut site = unit3d();
    let token = crate::registry::TokenSpec {
        user_id: 1,
        upload_percent: 100,
        download_percent: 0,
        ends_at_seconds: None,
    };
    site.tracker.put_token(hash(1), token).unwrap();
    site.ok(visit(1).left(1_000_000));
    site.ok(visit(1).moved(100, 500_000).left(500_000));
    let batch = site.drain();
    let traffic = batch.history[0].traffic;
    assert_eq!((traffic.uploaded_raw, traffic.uploaded_credited), (100, 100));
    assert_eq!((traffic.downloaded_raw, traffic.downloaded_credited), (500_000, 0));
    assert_eq!(batch.torrents[0].traffic, traffic);
}

#[test]
fn a_client_that_was_restarted_earns_nothing_once() {
    let mut site = unit3d();
    site.ok(visit(1).left(0).moved(300, 1_000_000));
    site.drain();
    site.ok(visit(1).left(0).moved(5000, 0));
    assert_eq!(site.credited(1), (0, 0));
    site.ok(visit(1).left(0).moved(5600, 0));
    let row = site.history(1, 1);
    assert_eq!((row.traffic.uploaded_raw, row.traffic.downloaded_raw), (600, 0));
    assert_eq!((row.uploaded_client_bytes, row.downloaded_client_bytes), (5600, 0));
}

#[test]
fn a_gap_adds_seed_time_unless_it_is_9000_seconds() {
    for (gap, added) in [(8999, 8999), (9000, 0), (20_000, 0), (2004, 2004)] {
        let mut site = unit3d();
        site.ok(visit(1).seeding());
        site.drain();
        site.wait(gap);
        site.ok(visit(1).seeding());
        assert_eq!(site.history(1, 1).seed_seconds, added, "{gap}");
    }
}

#[test]
fn an_early_announce_counts_and_is_answered_with_nothing() {
    let mut site = unit3d();
    site.ok(visit(2).seeding());
    let (seeders, leechers, _, peers, _) = site.seen(visit(1).left(1_000_000));
    assert_eq!((seeders, leechers, peers.len()), (1, 1, 1));
    let early = visit(1).moved(100, 500_000).left(500_000);
    assert_eq!(site.seen(early), (0, 0, 0, vec![], None));
    let row = site.history(1, 1);
    assert_eq!((row.traffic.uploaded_raw, row.traffic.downloaded_raw), (100, 500_000));
    // The first word of a completion is welcome, the second is not.
    let done = visit(1).moved(100, 1_000_000).left(0).event(Event::Completed);
    assert_eq!(site.seen(done), (2, 0, 1, vec![], None));
    let row = site.history(1, 1);
    assert_eq!((row.completed_at_seconds, row.snatches), (Some(START), 1));
    assert_eq!(site.seen(done), (0, 0, 1, vec![], None));
    assert_eq!(site.history(1, 1).completed_at_seconds, None);
    site.wait(1739);
    assert_eq!(site.seen(visit(1).left(0).moved(100, 1_000_000)).0, 0);
    site.wait(1740);
    assert_eq!(site.seen(visit(1).left(0).moved(100, 1_000_000)).0, 2);
}

#[test]
fn a_client_with_two_address_families_is_not_early() {
    let mut site = unit3d();
    site.ok(visit(2).seeding());
    for _ in 0..2 {
        assert_eq!(site.seen(visit(1).left(10)).0, 1, "IPv4");
        assert_eq!(site.seen(visit(1).left(10).from("2001:470::5")).0, 1, "IPv6");
        site.wait(1);
        assert_eq!(site.seen(visit(1).left(10).from("2001:470::5")).0, 0, "IPv6 again");
        site.wait(1800);
    }
}

#[test]
fn three_clients_of_a_user_are_enough_and_the_text_has_the_number() {
    let mut site = unit3d();
    for number in 0..3 {
        let (seeders, ..) = site.seen(visit(1).client(number).seeding());
        assert_eq!(seeders, u32::from(number) + 1);
    }
    for number in 3..5 {
        let text = "You already have 3 peers on this torrent. Ignoring.";
        assert_eq!(site.told_text(visit(1).client(number).seeding()), text);
    }
    site.drain();
    site.ok(visit(1).client(0).seeding().stopped());
    assert_eq!(site.counts(hash(1)).0, 2);
    assert!(site.history(1, 1).active);
    site.ok(visit(1).client(3).seeding());
    for number in 1..4 {
        site.ok(visit(1).client(number).seeding().stopped());
    }
    assert!(!site.history(1, 1).active);
    assert_eq!(site.counts(hash(1)).0, 0);
}

#[test]
fn stopping_counts_what_was_moved_and_stopping_twice_is_told() {
    let mut site = unit3d();
    site.ok(visit(1).seeding());
    site.drain();
    site.ok(visit(1).seeding().moved(777, 0).stopped());
    let batch = site.drain();
    assert_eq!(batch.history[0].traffic.uploaded_credited, 777);
    assert!(!batch.history[0].active && batch.sessions[0].gone);
    let told = site.told(visit(1).seeding().moved(777, 0).stopped());
    assert_eq!(told.text, "Stopped peer doesn't exist.");
    assert_eq!((told.form, told.interval_seconds), (Form::Warning, Some(5400)));
    assert!(site.drain().is_empty());
}

#[test]
fn a_banned_user_who_stops_is_counted() {
    let mut site = unit3d();
    site.ok(visit(1).seeding());
    site.drain();
    site.tracker.put_named_role(RoleSpec { enabled: false, ..ROLE }, "banned");
    site.ok(visit(1).seeding().moved(5, 0).stopped());
    assert_eq!(site.credited(1), (5, 0));
}

#[test]
fn announces_of_nothing_are_told_to_the_site() {
    let mut site = unit3d();
    site.tracker.put_torrent(TorrentSpec { deleted: true, ..torrent(7) }).unwrap();
    site.refused(visit(1).on(hash(99)));
    site.refused(visit(1).on(hash(7)));
    site.refused(visit(88).on(hash(99)));
    assert_eq!(site.drain().unregistered.len(), 2);
}

#[test]
fn a_client_that_was_silent_for_long_goes_on_with_its_counters() {
    let back = visit(1).left(600).moved(150, 400);
    for announce in [back, back.left(0).event(Event::Completed), back.stopped()] {
        for restart in [None, Some(Site::crash as fn(&mut Site)), Some(Site::restart)] {
            let mut site = unit3d();
            site.ok(visit(1).left(900).moved(100, 100));
            site.drain();
            site.wait(9001);
            assert_eq!(site.expire(), 1);
            site.drain();
            if let Some(restart) = restart {
                restart_as(&mut site, restart);
            }
            assert_eq!(site.tracker.stats().leechers, 0);
            site.wait(1_000_000);
            site.ok(announce);
            let row = site.history(1, 1);
            assert_eq!((row.traffic.uploaded_raw, row.traffic.downloaded_raw), (50, 300));
            assert_eq!(row.snatches, u32::from(announce.request.left == 0));
            assert_eq!(
                (row.seed_seconds, row.active),
                (0, announce.request.event != Event::Stopped)
            );
            // What was counted is counted.
            if let Some(restart) = restart {
                restart_as(&mut site, restart);
            }
            site.wait(1800);
            let again = visit(1).left(announce.request.left).moved(150, 400);
            let _ = site.announce(again);
            assert_eq!(site.credited(1), (0, 0));
        }
    }
}

/// The site's own restart gives it mika's users and rules again: it is made in the likeness of the
/// preset.
fn restart_as(site: &mut Site, restart: fn(&mut Site)) {
    restart(site);
    let like = unit3d();
    let mut items = Vec::new();
    let batch = site.tracker.drain_and_snapshot(site.now, |item| items.push(item));
    assert!(batch.is_empty());
    items.iter().for_each(|item| assert!(like.tracker.restore(item)));
    site.tracker = like.tracker;
}

#[test]
fn a_client_that_was_silent_for_too_long_or_where_nobody_asks_for_it_begins_anew() {
    for (kept_seconds, silent_seconds, uploaded) in
        [(1_814_400, 1_814_400, 50), (1_814_400, 1_814_401, 0), (0, 9001, 0)]
    {
        let mut site = unit3d();
        change(&site, |profile| profile.silent_kept_seconds = kept_seconds);
        site.ok(visit(1).seeding().moved(100, 0));
        site.wait(silent_seconds);
        site.expire();
        site.drain();
        site.ok(visit(1).seeding().moved(150, 0));
        assert_eq!(site.credited(1), (uploaded, 0), "{kept_seconds} {silent_seconds}");
    }
}

#[test]
fn a_client_that_stopped_does_not_go_on_and_one_that_is_stale_earns_nothing() {
    let mut site = unit3d();
    site.ok(visit(1).seeding().moved(100, 0));
    site.ok(visit(1).seeding().moved(100, 0).stopped());
    site.ok(visit(1).seeding().moved(150, 0));
    assert_eq!(site.credited(1), (0, 0));
    site.wait(9001);
    site.expire();
    site.drain();
    site.tracker.mark_sessions_stale();
    site.ok(visit(1).seeding().moved(250, 0));
    assert_eq!(site.credited(1), (0, 0));
}
