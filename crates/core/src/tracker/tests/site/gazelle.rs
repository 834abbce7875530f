//! Gazelle with Ocelot: texts, order, tokens, free and neutral torrents, snatches.

use super::*;
use crate::batch::TokenUseRow;
use crate::registry::{ClientRule, TokenSpec};

fn gazelle() -> Site {
    let site = site_of(Preset::Gazelle);
    // Free and neutral.
    let free = TorrentSpec { download_percent: 0, ..torrent(2) };
    let neutral = TorrentSpec { upload_percent: 0, ..free };
    site.tracker.put_torrent(free).unwrap();
    site.tracker.put_torrent(TorrentSpec { id: 3, info_hash: hash(3), ..neutral }).unwrap();
    site
}

fn token(site: &Site, user_id: u32, torrent: u8) {
    let token =
        TokenSpec { user_id, upload_percent: 100, download_percent: 0, ends_at_seconds: None };
    site.tracker.put_token(hash(torrent), token).unwrap();
}

#[test]
fn every_refusal_is_told_byte_for_byte() {
    let mut site = gazelle();
    let gone = |reason| TorrentSpec { deleted: true, reason, ..torrent(4) };
    let user = UserSpec { passkey: long_passkey(3), download_enabled: false, ..user(3) };
    site.tracker.put_user(user).unwrap();
    site.tracker.set_client_rules(vec![
        ClientRule { prefix: b"-qB4".to_vec(), allowed: true },
        ClientRule { prefix: b"-TR".to_vec(), allowed: true },
    ]);
    let mut unwelcome = visit(1);
    unwelcome.request.peer_id = PeerId(*b"-XX1000-000000000000");
    let mut not_compact = visit(1);
    not_compact.request.compact_given = false;
    let cases = [
        (visit(88), "Passkey not found"),
        (visit(1).on(hash(99)), "Unregistered torrent"),
        (not_compact, "Your client does not support compact announces"),
        (unwelcome, "Your client is not on the whitelist"),
        (visit(3).left(5), "Access denied, leeching forbidden"),
    ];
    for (by, text) in cases {
        let told = site.told(by);
        assert_eq!(told.text, text);
        assert_eq!((told.form, told.interval_seconds), (Form::Failure, Some(5400)));
        assert_eq!(told.retry, None);
    }
    let reasons = Preset::Gazelle.profile().delete_reasons;
    assert_eq!(reasons.len(), 25);
    for (number, text) in
        [(0, "Unregistered torrent: Dupe"), (23, "Unregistered torrent: Extraneous Files")]
    {
        site.tracker.put_torrent(gone(&reasons[&number])).unwrap();
        assert_eq!(site.told_text(visit(1).on(hash(4))), text);
    }
    site.tracker.put_torrent(gone("")).unwrap();
    assert_eq!(site.told_text(visit(1).on(hash(4))), "Unregistered torrent");
    assert!(site.announce(visit(3).seeding()).is_ok());
}

#[test]
fn passkey_and_torrent_are_looked_at_before_the_rest_of_the_query() {
    use mika_protocol::announce::{AnnounceError, Parameter};
    let site = gazelle();
    let told = |error, passkey: Option<Passkey>, info_hash| {
        site.tracker.explain_malformed(error, passkey.as_ref(), info_hash).text
    };
    let missing = AnnounceError::Missing(Parameter::PeerId);
    let known = Some(long_passkey(1));
    assert_eq!(told(missing, known, Some(hash(1))), "No peer ID");
    assert_eq!(told(AnnounceError::PeerIdLength, known, Some(hash(1))), "Invalid peer ID");
    assert_eq!(told(missing, known, Some(hash(99))), "Unregistered torrent");
    assert_eq!(told(missing, Some(long_passkey(88)), Some(hash(1))), "Passkey not found");
    assert_eq!(told(missing, None, None), "Passkey not found");
}

#[test]
fn without_a_whitelist_every_client_is_welcome() {
    let mut site = gazelle();
    let mut odd = visit(1);
    odd.request.peer_id = PeerId(*b"-XX1000-000000000000");
    site.ok(odd);
    let rules = vec![ClientRule { prefix: b"-qB4".to_vec(), allowed: true }];
    site.tracker.set_client_rules(rules);
    assert_eq!(site.refused(odd), Refusal::ClientNotAllowed);
}

#[test]
fn a_leecher_without_the_right_to_leech_is_never_stored() {
    let mut site = gazelle();
    let user = UserSpec { passkey: long_passkey(3), download_enabled: false, ..user(3) };
    site.tracker.put_user(user).unwrap();
    site.refused(visit(3).left(5));
    assert_eq!(site.counts(hash(1)), (0, 0, 0));
    assert!(site.drain().is_empty());
    assert_eq!(site.ok(visit(1)), []);
}

#[test]
fn the_interval_is_30_to_34_minutes() {
    let mut site = gazelle();
    let mut intervals: Vec<u32> = Vec::new();
    for _ in 0..500 {
        let answer = site.announce(visit(1).seeding()).unwrap();
        assert_eq!(answer.min_interval_seconds, 1800);
        intervals.push(answer.interval_seconds);
    }
    assert!(intervals.iter().all(|interval| (1800..=2040).contains(interval)));
    assert!(intervals.iter().max().unwrap() - intervals.iter().min().unwrap() > 200);
}

#[test]
fn deltas_speeds_and_what_was_discarded_are_told() {
    let mut site = gazelle();
    let corrupt = |by: By, corrupt| {
        let request = AnnounceRequest { corrupt, ..by.request };
        By { request, ..by }
    };
    site.ok(visit(2).left(1_000_000).event(Event::Started));
    site.wait(2);
    site.ok(visit(2).left(600_000).moved(1000, 400_000));
    let batch = site.drain();
    assert_eq!(batch.users[0].traffic.uploaded_credited, 1000);
    assert_eq!(batch.users[0].traffic.downloaded_credited, 400_000);
    let row = batch.sessions[0];
    assert_eq!((row.announces, row.left_bytes), (2, 600_000));
    assert_eq!((row.uploaded_delta_bytes, row.downloaded_delta_bytes), (1000, 400_000));
    assert_eq!(row.speed_seconds, 2);
    site.ok(visit(2).left(600_000).moved(1000, 400_000));
    let row = site.sessions()[0];
    assert_eq!((row.announces, row.uploaded_delta_bytes, row.downloaded_delta_bytes), (1, 0, 0));
    // Lower counters are a restart, which earns and costs nothing.
    site.ok(visit(2).left(600_000).moved(100, 5));
    assert_eq!(site.credited(2), (0, 0));
    site.ok(corrupt(visit(2).left(500_000).moved(100, 100_005), 50));
    let batch = site.drain();
    assert_eq!(batch.users[0].traffic.downloaded_credited, 100_000);
    assert_eq!((batch.torrents[0].corrupt_bytes, batch.sessions[0].corrupt_bytes), (50, 50));
}

#[test]
fn a_snatch_takes_the_event_and_comes_once() {
    let mut site = gazelle();
    site.ok(visit(2).left(1000));
    site.drain();
    site.wait(5);
    let done = visit(2).left(0).moved(0, 1000).event(Event::Completed);
    site.ok(done);
    let batch = site.drain();
    assert_eq!((batch.snatches.len(), batch.torrents[0].snatches), (1, 1));
    assert_eq!(batch.snatches[0].address, Some(done.ip));
    assert_eq!((batch.torrents[0].seeders, batch.torrents[0].leechers), (1, 0));
    site.ok(done);
    assert_eq!(site.drain().snatches, []);
    site.ok(visit(2).left(0).moved(105, 1000).stopped());
    let batch = site.drain();
    assert_eq!(batch.users[0].traffic.uploaded_credited, 105);
    assert_eq!(batch.torrents[0].seeders, 0);
    assert!(batch.sessions[0].gone);

    // Without the event there is none, and a restart does not make a second one.
    site.ok(visit(1).left(1000));
    site.ok(visit(1).left(0).moved(0, 1000));
    assert_eq!(site.drain().snatches, []);
    assert_eq!(site.counts(hash(1)).2, 1);
}

#[test]
fn a_free_torrent_charges_nothing_and_a_neutral_one_credits_nothing_either() {
    let mut site = gazelle();
    for (torrent, credited) in [(2, (7, 0)), (3, (0, 0))] {
        site.ok(visit(2).on(hash(torrent)).left(1_000_000));
        site.drain();
        site.ok(visit(2).on(hash(torrent)).left(0).moved(7, 1_000_000));
        let batch = site.drain();
        let traffic = batch.users[0].traffic;
        assert_eq!((traffic.uploaded_credited, traffic.downloaded_credited), credited);
        assert_eq!((traffic.uploaded_raw, traffic.downloaded_raw), (7, 1_000_000));
        assert_eq!(batch.torrents[0].traffic, traffic);
        assert!(batch.snatches.is_empty() && batch.token_uses.is_empty());
    }
}

#[test]
fn a_token_is_charged_with_the_real_bytes_and_ends_with_the_download() {
    let mut site = gazelle();
    token(&site, 2, 1);
    site.ok(visit(2).left(1_000_000));
    site.ok(visit(2).left(500_000).moved(9, 500_000));
    let used = |downloaded_raw, finished| TokenUseRow {
        user_id: 2,
        torrent_id: 1,
        downloaded_raw,
        finished,
    };
    let batch = site.drain();
    assert_eq!(batch.token_uses, [used(500_000, false)]);
    assert_eq!(batch.users[0].traffic.uploaded_credited, 9);
    assert_eq!(batch.users[0].traffic.downloaded_credited, 0);
    site.ok(visit(2).left(0).moved(9, 1_000_000).event(Event::Completed));
    let batch = site.drain();
    assert_eq!(batch.token_uses, [used(500_000, true)]);
    assert_eq!(batch.users[0].traffic.downloaded_credited, 0);
}

#[test]
fn a_neutral_torrent_spares_tokens_and_a_free_one_does_not() {
    let mut site = gazelle();
    for (torrent, uses) in [(3, 0), (2, 1)] {
        token(&site, 2, torrent);
        site.ok(visit(2).on(hash(torrent)).left(1000));
        site.ok(visit(2).on(hash(torrent)).left(500).moved(9, 500));
        let batch = site.drain();
        assert_eq!(batch.token_uses.len(), uses);
        assert_eq!(batch.users[0].traffic.downloaded_credited, 0);
    }
}

#[test]
fn a_user_who_hides_the_address_is_handed_out_and_not_written() {
    let mut site = gazelle();
    let terms = UserTerms { address_hidden: true, ..UserTerms::default() };
    site.tracker.put_user(UserSpec { passkey: long_passkey(5), terms, ..user(5) }).unwrap();
    site.ok(visit(5).left(10));
    site.ok(visit(5).left(0).event(Event::Completed));
    assert_eq!(site.ok(visit(1)), [visit(5).endpoint()]);
    let batch = site.drain();
    let row = batch.sessions.iter().find(|row| row.user_id == 5).unwrap();
    assert_eq!(row.written_addresses(), (None, None));
    assert!(row.address_v4.is_some(), "a restart needs it");
    assert_eq!(batch.snatches[0].address, None);
    let row = batch.sessions.iter().find(|row| row.user_id == 1).unwrap();
    assert!(row.written_addresses().0.is_some());
    site.wait(8000);
    site.expire();
    assert!(site.sessions().iter().all(|row| row.address_hidden == (row.user_id == 5)));
}
