//! The XBT tracker: texts, wait times, limits, completions.

use super::*;
use crate::site::{Completion, PassSecret};

const CREATED: u32 = START - 7200;

/// User 2 may not leech, 3 waits an hour, 4 leeches with one client. Torrent 1 is new.
fn xbt() -> Site {
    let site = site_of(Preset::Xbt);
    let put = |id, download_enabled, terms| UserSpec {
        passkey: long_passkey(id),
        download_enabled,
        terms,
        ..user(id)
    };
    let waits = UserTerms { wait_seconds: 3600, ..UserTerms::default() };
    let limited = UserTerms { peers_max: Some(1), ..UserTerms::default() };
    site.tracker.put_user(put(2, false, UserTerms::default())).unwrap();
    site.tracker.put_user(put(3, true, waits)).unwrap();
    site.tracker.put_user(put(4, true, limited)).unwrap();
    for (id, created_at_seconds) in [(1, START), (2, CREATED)] {
        let terms = TorrentTerms { created_at_seconds, ..TorrentTerms::default() };
        site.tracker.put_torrent(TorrentSpec { terms, ..torrent(id) }).unwrap();
    }
    site
}

#[test]
fn every_refusal_is_told_byte_for_byte_without_intervals() {
    let mut site = xbt();
    site.ok(visit(4));
    let mut nobody = visit(1);
    nobody.request.passkey = None;
    let cases = [
        (nobody, "unregistered torrent pass"),
        (visit(88), "unregistered torrent pass"),
        (visit(1).on(hash(99)), "unregistered torrent"),
        (visit(2), "access denied, leeching forbidden, you are only allowed to seed"),
        (visit(3), "access denied, wait time in effect"),
        (visit(4).client(1), "access denied, peers limit reached"),
    ];
    for (by, text) in cases {
        let told = site.told(by);
        assert_eq!(told.text, text);
        assert_eq!((told.form, told.interval_seconds, told.retry), (Form::Failure, None, None));
    }
    assert!(site.announce(visit(2).seeding()).is_ok());
    assert!(site.announce(visit(4).client(1).seeding()).is_ok());
    change(&site, |profile| profile.offline_text = "back at noon".to_owned());
    assert_eq!(site.told_text(visit(88)), "back at noon");
}

#[test]
fn the_wait_ends_with_the_torrents_age() {
    let mut site = xbt();
    site.ok(visit(3).on(hash(2)));
    site.ok(visit(3).seeding().client(1));
    site.wait(3599);
    assert_eq!(site.refused(visit(3)), Refusal::WaitTime);
    site.wait(1);
    site.ok(visit(3));
}

#[test]
fn bytes_are_bytes_and_a_restart_of_the_client_earns_nothing() {
    let mut site = xbt();
    site.tracker.put_role(RoleSpec { upload_percent: 200, download_percent: 0, ..ROLE });
    site.ok(visit(4).left(600));
    site.ok(visit(4).moved(50, 100).left(500));
    site.ok(visit(4).moved(70, 400).left(0).event(Event::Completed));
    let batch = site.drain();
    assert_eq!(batch.users[0].traffic.uploaded_credited, 70);
    assert_eq!(batch.users[0].traffic.downloaded_credited, 400);
    assert_eq!(batch.torrents[0].snatches, 1);
    site.ok(visit(4).moved(10, 20).left(0));
    assert_eq!(site.credited(4), (0, 0));
    site.ok(visit(4).moved(40, 20).left(0).stopped());
    let batch = site.drain();
    assert_eq!(batch.users[0].traffic.uploaded_credited, 30);
    assert_eq!((batch.history[0].active, batch.history[0].left_bytes), (false, 0));
}

#[test]
fn a_repeated_completion_counts_once_or_each_time_as_the_site_likes() {
    for (completion, snatches) in [(Completion::Event, 1), (Completion::EveryEvent, 2)] {
        let mut site = xbt();
        change(&site, |profile| profile.completion = completion);
        site.ok(visit(4).left(600));
        for _ in 0..2 {
            site.ok(visit(4).moved(70, 400).left(0).event(Event::Completed));
        }
        assert_eq!(site.drain().torrents[0].snatches, snatches);
    }
}

#[test]
fn a_derived_pass_is_good_for_one_user_one_torrent_and_one_version() {
    let mut site = xbt();
    let with = |pass: &str| {
        let mut by = visit(4).seeding();
        by.request.passkey = Passkey::new(pass.as_bytes());
        by
    };
    let pass = "000000042dcd42051ecccd49762beb3a";
    assert_eq!(site.refused(with(pass)), Refusal::PasskeyUnknown);
    change(&site, |profile| profile.pass_secret = PassSecret::new("a secret"));
    site.ok(with(pass));
    site.ok(with(&pass.to_uppercase()).client(1));
    site.ok(visit(4).seeding().client(2));
    assert_eq!(site.credited(4), (0, 0));
    site.ok(with(pass).moved(70, 0));
    assert_eq!(site.credited(4), (70, 0));
    assert_eq!(site.refused(with(pass).on(hash(2))), Refusal::PasskeyUnknown);
    for wrong in [
        "000000052dcd42051ecccd49762beb3a",
        "000000042dcd42051ecccd49762beb30",
        "00000004",
        "0000000428c9cda6d74733f14d21ddaf",
    ] {
        assert_eq!(site.refused(with(wrong)), Refusal::PasskeyUnknown, "{wrong}");
    }
    let scrape = |pass: &str, number| {
        let pass = Passkey::new(pass.as_bytes());
        site.tracker.admit_scrape(pass.as_ref(), Some(hash(number)))
    };
    assert_eq!((scrape(pass, 1), scrape(pass, 2)), (Ok(()), Err(Refusal::PasskeyUnknown)));

    let terms = UserTerms { pass_version: 2, ..UserTerms::default() };
    assert!(site.tracker.put_user_terms(4, terms));
    assert_eq!(site.refused(with(pass)), Refusal::PasskeyUnknown);
    site.ok(with("0000000428c9cda6d74733f14d21ddaf").moved(80, 0));
    assert!(site.tracker.retire_user(4));
    let refused = site.refused(with("0000000428c9cda6d74733f14d21ddaf"));
    assert_eq!(refused, Refusal::UserDeleted);
    assert_eq!(site.tracker.explain(refused).text, "unregistered torrent pass");
    assert!(!format!("{:?}", site.tracker.settings()).contains("a secret"));
}
