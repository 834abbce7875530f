//! The flight recorder: what became of single announces.

use super::*;
use crate::registry::UserTerms;
use crate::trace::{KEEP_MAX, Record, SUBJECTS_MAX, Subject, TooMany, Verdict};

fn records(site: &Site, subject: Subject) -> Vec<Record> {
    site.tracker.trace(&subject, 0, 1000).unwrap().records
}

#[test]
fn nothing_is_recorded_of_whom_nobody_asked_for() {
    let mut site = Site::private();
    site.ok(by(1));
    assert_eq!(site.tracker.trace(&Subject::User(1), 0, 10), None);
    site.tracker.start_trace(Subject::User(1), None, 10).unwrap();
    site.ok(by(2));
    assert_eq!(records(&site, Subject::User(1)), []);
    assert!(site.tracker.stop_trace(&Subject::User(1)));
    assert!(!site.tracker.stop_trace(&Subject::User(1)));
    assert_eq!(site.tracker.traces(), []);
}

#[test]
fn a_record_says_what_was_announced_what_was_counted_and_what_was_told() {
    let mut site = Site::private();
    site.tracker.start_trace(Subject::User(1), None, 10).unwrap();
    site.ok(by(1));
    site.now += 1800;
    site.ok(by(1).moved(500, 700));
    site.tracker.put_user(UserSpec { download_enabled: false, ..user(1) }).unwrap();
    site.now += 1800;
    site.refused(by(1).moved(600, 700));
    let records = records(&site, Subject::User(1));
    let numbers: Vec<_> = records.iter().map(|record| record.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!((records[1].uploaded, records[1].user_id), (500, Some(1)));
    assert_eq!(records[1].at_seconds, START + 1800);
    assert_eq!(records[1].ip, Some(by(1).ip));
    let counted =
        |record: &Record| (record.counted.uploaded_credited, record.counted.downloaded_credited);
    assert_eq!(counted(&records[0]), (0, 0));
    assert_eq!(counted(&records[1]), (500, 700));
    assert_eq!(counted(&records[2]), (100, 0), "a refused report counts");
    assert!(matches!(records[1].verdict, Verdict::Answered { peers: 0, .. }));
    assert_eq!(records[2].verdict, Verdict::Refused(Refusal::DownloadDisabled));
}

#[test]
fn torrents_and_addresses_are_recorded_whoever_announces() {
    let mut site = Site::private();
    let address = Subject::Address(by(2).ip);
    site.tracker.start_trace(Subject::Torrent(hash(1)), Some(hash(7)), 10).unwrap();
    site.tracker.start_trace(address, None, 10).unwrap();
    site.ok(by(1));
    site.ok(by(2));
    let mut stranger = by(2);
    stranger.request.passkey = Some(passkey(99));
    site.refused(stranger);
    let mut second_hash = by(1);
    second_hash.request.info_hash = hash(7);
    site.refused(second_hash);
    let of_torrent = records(&site, Subject::Torrent(hash(1)));
    let users: Vec<_> = of_torrent.iter().map(|record| record.user_id).collect();
    assert_eq!(users, [Some(1), Some(2), None, Some(1)]);
    assert_eq!(of_torrent[2].verdict, Verdict::Refused(Refusal::PasskeyUnknown));
    assert_eq!(records(&site, address).len(), 2);
}

#[test]
fn whose_address_is_hidden_is_not_found_by_it() {
    let mut site = Site::private();
    let terms = UserTerms { address_hidden: true, ..UserTerms::default() };
    site.tracker.put_user(UserSpec { terms, ..user(1) }).unwrap();
    let address = Subject::Address(by(1).ip);
    site.tracker.start_trace(address, None, 10).unwrap();
    site.tracker.start_trace(Subject::User(1), None, 10).unwrap();
    site.ok(by(1));
    assert_eq!(records(&site, address), []);
    let of_user = records(&site, Subject::User(1));
    assert_eq!((of_user[0].ip, of_user[0].port), (None, 0));
}

#[test]
fn the_oldest_are_forgotten_and_a_late_reader_is_told_how_many() {
    let mut site = Site::private();
    site.tracker.start_trace(Subject::User(1), None, 3).unwrap();
    for _ in 0..10 {
        site.now += 1800;
        site.ok(by(1));
    }
    let traced = site.tracker.trace(&Subject::User(1), 2, 2).unwrap();
    let numbers: Vec<_> = traced.records.iter().map(|record| record.number).collect();
    assert_eq!((numbers, traced.lost), (vec![8, 9], 5));
    let traced = site.tracker.trace(&Subject::User(1), 9, 2).unwrap();
    assert_eq!((traced.records.len(), traced.lost), (1, 0));
    assert_eq!(site.tracker.traces(), [(Subject::User(1), 3, 10)]);
    // Asked for again, it goes on with another length.
    site.tracker.start_trace(Subject::User(1), None, 1).unwrap();
    assert_eq!(site.tracker.trace(&Subject::User(1), 0, 9).unwrap().records.len(), 1);
}

#[test]
fn subjects_are_limited() {
    let site = Site::private();
    for id in 0..SUBJECTS_MAX as u32 {
        site.tracker.start_trace(Subject::User(id), None, u32::MAX).unwrap();
    }
    assert_eq!(site.tracker.start_trace(Subject::User(9999), None, 1), Err(TooMany));
    assert!(site.tracker.traces().iter().all(|(_, keep, _)| *keep == KEEP_MAX));
}

#[test]
fn a_public_tracker_s_announces_are_recorded_without_a_user() {
    let mut site = Site::public();
    site.tracker.start_trace(Subject::Torrent(hash(1)), None, 3).unwrap();
    site.ok(by(1));
    let of_torrent = records(&site, Subject::Torrent(hash(1)));
    assert_eq!((of_torrent.len(), of_torrent[0].user_id), (1, None));
}

#[test]
fn torrents_with_a_seeder_are_told() {
    let mut site = Site::private();
    site.ok(by(1));
    let seeded = |site: &Site| {
        let mut ids = Vec::new();
        (0..Tracker::PARTS).for_each(|part| site.tracker.seeded(part, |id| ids.push(id)));
        ids
    };
    assert_eq!(seeded(&site), []);
    site.ok(by(2).seeding());
    assert_eq!(seeded(&site), [1]);
}
