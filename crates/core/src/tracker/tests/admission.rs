//! Who is refused, why, and in which order the reasons are looked for.

use super::*;
use crate::registry::ClientRule;
use crate::reply::Retry;
use crate::settings::ClientPolicy;

fn rule(prefix: &str, allowed: bool) -> ClientRule {
    ClientRule { prefix: prefix.into(), allowed }
}

#[test]
fn an_announce_needs_the_passkey_of_a_user_who_is_not_deleted() {
    let mut site = Site::private();
    let mut missing = by(1);
    missing.request.passkey = None;
    assert_eq!(site.refused(missing), Refusal::PasskeyMissing);
    assert_eq!(site.refused(by(77)), Refusal::PasskeyUnknown);
    site.tracker.put_user(UserSpec { deleted: true, ..user(1) }).unwrap();
    assert_eq!(site.refused(by(1)), Refusal::UserDeleted);
    assert_eq!(site.refused(by(1).stopped()), Refusal::UserDeleted);
}

#[test]
fn a_scrape_needs_a_passkey_on_a_private_tracker_only() {
    let site = Site::private();
    assert_eq!(site.tracker.admit_scrape(None, None), Err(Refusal::PasskeyMissing));
    assert_eq!(site.tracker.admit_scrape(Some(&passkey(77)), None), Err(Refusal::PasskeyUnknown));
    assert_eq!(site.tracker.admit_scrape(Some(&passkey(1)), None), Ok(()));
    site.tracker.put_user(UserSpec { deleted: true, ..user(1) }).unwrap();
    assert_eq!(site.tracker.admit_scrape(Some(&passkey(1)), None), Err(Refusal::UserDeleted));
    assert_eq!(Site::public().tracker.admit_scrape(None, None), Ok(()));
}

#[test]
fn a_blacklisted_client_is_refused_and_a_whitelist_refuses_all_others() {
    let mut site = Site::private();
    site.tracker.set_client_rules(vec![rule("-TR", false), rule("-TR4", true)]);
    let mut newer = by(2);
    newer.request.peer_id = PeerId(*b"-TR4050-000000000000");
    assert_eq!(site.refused(by(1)), Refusal::ClientNotAllowed);
    site.ok(newer);
    let mut other = by(3);
    other.request.peer_id = PeerId(*b"-qB4500-000000000000");
    site.ok(other);
    site.set(|settings| settings.client_policy = ClientPolicy::Whitelist);
    assert_eq!(site.refused(other), Refusal::ClientNotAllowed);
    site.ok(newer);
}

#[test]
fn a_port_that_is_too_low_is_refused_unless_the_client_is_leaving() {
    let mut site = Site::private();
    for port in [0, 1, 80, 1023] {
        assert_eq!(site.refused(by(1).port(port)), Refusal::PortNotAllowed(port), "{port}");
        site.ok(by(1).port(port).stopped());
    }
    site.ok(by(1).port(1024));
    site.ok(by(1).port(0).moved(9, 0).stopped());
    assert_eq!(site.moved(1), (9, 0));
    site.set(|settings| settings.port_min = 0);
    assert_eq!(site.refused(by(1).port(0)), Refusal::PortNotAllowed(0));
    site.ok(by(1).port(1));
}

#[test]
fn a_counter_above_two_to_the_fifty_is_refused_and_changes_nothing() {
    let mut site = Site::private();
    let most = 1 << 50;
    site.ok(by(1));
    for report in [by(1).moved(most + 1, 0), by(1).moved(0, most + 1), by(1).moved(u64::MAX, 0)] {
        assert_eq!(site.refused(report), Refusal::CounterTooLarge);
        assert_eq!(site.refused(report.stopped()), Refusal::CounterTooLarge);
    }
    site.ok(by(1).moved(most, most));
    assert_eq!(site.moved(1), (most, most));
}

#[test]
fn an_unknown_torrent_is_refused_unless_it_is_registered_on_the_spot() {
    let mut site = Site::private();
    assert_eq!(site.refused(by(1).on(hash(99))), Refusal::TorrentUnknown);
    assert_eq!(site.tracker.scrape(hash(99)), None);
    site.set(|settings| settings.auto_register_torrents = true);
    site.ok(by(1).on(hash(99)));
    site.ok(by(2).on(hash(99)));
    site.ok(by(2).on(hash(98)));
    let batch = site.drain();
    let first = crate::batch::RegisteredRow::FIRST_ID;
    let registered: Vec<_> =
        batch.registered.iter().map(|row| (row.torrent_id, row.info_hash)).collect();
    assert_eq!(registered, [(first, hash(99)), (first + 1, hash(98))]);
    assert_eq!(batch.registered[0].registered_at_seconds, START);
    assert_eq!(site.counts(hash(99)), (0, 2, 0));
    assert_eq!(site.tracker.stats().torrents, 5);
}

#[test]
fn ids_for_registered_torrents_run_out_and_do_not_begin_again() {
    let mut site = Site::private();
    site.set(|settings| settings.auto_register_torrents = true);
    site.tracker.put_torrent(TorrentSpec { id: u32::MAX - 2, ..torrent(4) }).unwrap();
    site.ok(by(1).on(hash(99)));
    for _ in 0..3 {
        assert_eq!(site.refused(by(1).on(hash(98))), Refusal::TorrentLimit);
    }
    assert_eq!(site.tracker.scrape(hash(98)), None);
    assert_eq!(site.tracker.stats().torrents, 5);
    assert_eq!(site.drain().registered[0].torrent_id, u32::MAX - 1);
    site.ok(by(2).on(hash(99)));
}

#[test]
fn a_public_tracker_never_runs_out_of_ids() {
    let mut site = Site::public();
    site.tracker.put_torrent(TorrentSpec { id: u32::MAX, ..torrent(4) }).unwrap();
    site.ok(by(1).on(hash(99)));
    site.restart();
    assert_eq!(site.counts(hash(99)), (0, 1, 0));
}

#[test]
fn a_download_slot_is_a_torrent_and_not_a_client_of_it() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { download_slots: Some(2), ..ROLE });
    site.ok(by(1));
    // A second client, and the first one over both families, on the same torrent.
    site.ok(by(1).client(1));
    site.ok(by(1).from("2001:db8::1"));
    site.ok(by(1).on(hash(3)));
    assert_eq!(site.refused(by(1).on(hash(2))), Refusal::NoDownloadSlot);
    // On a torrent that is being leeched a further client takes no slot.
    site.ok(by(1).client(2));
    // The slot is free once the last client of the torrent has finished or left.
    site.ok(by(1).seeding());
    site.ok(by(1).client(1).stopped());
    assert_eq!(site.refused(by(1).on(hash(2))), Refusal::NoDownloadSlot);
    site.ok(by(1).client(2).seeding());
    site.ok(by(1).on(hash(2)));
    assert_eq!(site.refused(by(1).client(1)), Refusal::NoDownloadSlot);
    // A seeder that lost a part leeches again.
    site.ok(by(1).on(hash(2)).stopped());
    site.ok(by(1));
    site.ok(by(1).client(2));
    assert_eq!(site.refused(by(1).on(hash(2))), Refusal::NoDownloadSlot);
    site.restart();
    site.tracker.put_role(RoleSpec { download_slots: Some(2), ..ROLE });
    assert_eq!(site.refused(by(1).on(hash(2))), Refusal::NoDownloadSlot);
    site.wait(5000);
    site.expire();
    site.ok(by(1).on(hash(2)));
    site.ok(by(1).on(hash(3)).paused());
    assert_eq!(site.refused(by(1)), Refusal::NoDownloadSlot);
}

#[test]
fn what_waits_for_a_flush_takes_the_place_of_a_peer() {
    let mut site = Site::private();
    site.set(|settings| settings.peers_max = 3);
    site.ok(by(1));
    // Clients that come and go while nothing can be flushed.
    for client in 1..=2 {
        site.ok(by(2).client(client).moved(10, 0));
        site.ok(by(2).client(client).moved(30, 0).stopped());
    }
    assert_eq!(site.refused(by(2).client(3)), Refusal::PeerLimit);
    assert_eq!(site.refused(by(3)), Refusal::PeerLimit);
    // One that is known, or that has just gone, is counted as ever.
    site.ok(by(1).moved(7, 0));
    site.ok(by(2).client(1).moved(30, 0).stopped());
    assert_eq!(site.tracker.stats().leechers, 1);
    assert_eq!((site.moved(2), site.moved(1)), ((40, 0), (7, 0)));
    for round in 0..5 {
        site.ok(by(3));
        site.ok(by(4));
        assert_eq!(site.refused(by(5)), Refusal::PeerLimit, "{round}");
        site.ok(by(3).stopped());
        // It comes back before the flush: the place is its own.
        site.drain();
        site.ok(by(3));
        site.ok(by(3).stopped());
        site.ok(by(4).stopped());
        site.drain();
    }
    site.wait(5000);
    assert_eq!(site.expire(), 1);
    site.drain();
    for user in 1..=3 {
        site.ok(by(user));
    }
    assert_eq!(site.refused(by(4)), Refusal::PeerLimit);
}

#[test]
fn a_session_that_comes_back_before_the_flush_takes_one_place() {
    let mut site = Site::private();
    site.set(|settings| settings.peers_max = 2);
    for round in 0..5 {
        site.ok(by(1).moved(round, 0));
        site.ok(by(1).moved(round, 0).stopped());
    }
    site.ok(by(2));
    assert_eq!(site.refused(by(3)), Refusal::PeerLimit);
    site.drain();
    site.ok(by(3));
    assert_eq!(site.refused(by(4)), Refusal::PeerLimit);
}

#[test]
fn a_deleted_or_disabled_torrent_tells_the_reason() {
    let mut site = Site::private();
    site.ok(by(2));
    let gone = TorrentSpec { deleted: true, reason: "Trumped by a better rip", ..torrent(1) };
    site.tracker.put_torrent(gone).unwrap();
    let refusal = site.refused(by(1));
    assert!(matches!(refusal, Refusal::TorrentDeleted(_)));
    let told = site.tracker.explain(refusal);
    assert_eq!(told.text, "torrent deleted: Trumped by a better rip");
    assert_eq!((told.interval_seconds, told.retry), (Some(3600), Some(Retry::Never)));
    assert_eq!(site.tracker.scrape(hash(1)), None);

    site.tracker.put_torrent(TorrentSpec { enabled: false, reason: "", ..torrent(1) }).unwrap();
    let refusal = site.refused(by(1));
    assert!(matches!(refusal, Refusal::TorrentDisabled(_)));
    let told = site.tracker.explain(refusal);
    assert_eq!((told.text.as_str(), told.retry), ("torrent disabled", Some(Retry::Minutes(1))));
    site.tracker.put_torrent(torrent(1)).unwrap();
    assert_eq!(site.ok(by(1)), [by(2).endpoint()], "its swarm is still there");
}

#[test]
fn a_deleted_hybrid_torrent_is_refused_by_either_hash_and_not_registered_anew() {
    let mut site = Site::private();
    site.set(|settings| settings.auto_register_torrents = true);
    let hybrid = TorrentSpec { info_hash_v2: Some(hash(22)), ..torrent(2) };
    site.tracker.put_torrent(TorrentSpec { deleted: true, reason: "Dupe", ..hybrid }).unwrap();
    for hash in [hash(2), hash(22)] {
        let refusal = site.refused(by(1).on(hash));
        assert_eq!(site.tracker.explain(refusal).text, "torrent deleted: Dupe");
    }
    assert_eq!(site.tracker.stats().torrents, 3);
}

#[test]
fn rights_to_up_and_download_are_those_of_user_and_role() {
    let mut site = Site::private();
    site.tracker.put_user(UserSpec { download_enabled: false, ..user(1) }).unwrap();
    assert_eq!(site.refused(by(1)), Refusal::DownloadDisabled);
    site.ok(by(1).seeding());
    site.tracker.put_role(RoleSpec { download_enabled: false, ..ROLE });
    assert_eq!(site.refused(by(1)), Refusal::DownloadDisabled);
    assert_eq!(site.refused(by(2)), Refusal::RoleDownloadDisabled);
    site.ok(by(2).seeding());
    site.tracker.put_role(RoleSpec { upload_enabled: false, ..ROLE });
    assert_eq!(site.refused(by(2).seeding()), Refusal::RoleUploadDisabled);
    site.ok(by(3));
}

#[test]
fn a_stopped_is_never_refused_for_rights_limits_or_its_port() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(2).seeding());
    site.tracker.put_role(RoleSpec {
        download_enabled: false,
        upload_enabled: false,
        download_slots: Some(0),
        ..ROLE
    });
    site.set(|settings| {
        settings.sessions_per_user_and_torrent_max = 0;
        settings.peers_max = 0;
    });
    site.ok(by(1).moved(10, 20).left(980).port(0).stopped());
    site.ok(by(2).moved(30, 0).seeding().port(0).stopped());
    site.ok(by(3).stopped());
    site.ok(by(3).seeding().stopped());
    assert_eq!(site.moved(1), (10, 20));
    assert_eq!(site.moved(2), (30, 0));
}

#[test]
fn a_user_has_so_many_sessions_on_a_torrent_and_no_more() {
    let mut site = Site::private();
    for client in 0..3 {
        site.ok(by(1).client(client));
    }
    assert_eq!(site.refused(by(1).client(3)), Refusal::TooManySessions);
    site.ok(by(1).client(3).on(hash(3)));
    site.ok(by(1).client(0).moved(1, 0));
    site.ok(by(1).client(3).port(6881));
    assert_eq!(site.counts(hash(1)), (0, 3, 0), "at the address of the first, it follows it");
    site.ok(by(1).client(1).stopped());
    site.ok(by(1).client(4));
}

#[test]
fn a_user_leeches_as_many_torrents_as_there_are_slots_and_seeds_any_number() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { download_slots: Some(1), ..ROLE });
    site.ok(by(1));
    assert_eq!(site.refused(by(1).on(hash(2))), Refusal::NoDownloadSlot);
    site.ok(by(1).on(hash(2)).seeding());
    site.ok(by(1).left(500));
    site.ok(by(1).left(0));
    site.ok(by(1).on(hash(3)));
    assert_eq!(site.refused(by(1).on(hash(1)).client(1)), Refusal::NoDownloadSlot);
    site.ok(by(1).on(hash(3)).stopped());
    site.ok(by(1).on(hash(1)).client(1));
    site.wait(5000);
    site.expire();
    site.ok(by(1).on(hash(3)));
}

#[test]
fn the_limits_of_peers_torrents_and_users_hold() {
    let mut site = Site::private();
    site.set(|settings| {
        settings.peers_max = 2;
        settings.torrents_max = 4;
        settings.users_max = 10;
        settings.auto_register_torrents = true;
    });
    site.ok(by(1));
    site.ok(by(2));
    assert_eq!(site.refused(by(3)), Refusal::PeerLimit);
    site.ok(by(1).stopped());
    site.drain();
    site.ok(by(3).on(hash(50)));
    assert_eq!(site.refused(by(3).on(hash(51))), Refusal::TorrentLimit);
    let full = site.tracker.put_torrent(torrent(60));
    assert_eq!(full, Err(crate::registry::RegistryError::TorrentLimit));
    site.tracker.put_user(user(10)).unwrap();
    let full = site.tracker.put_user(user(11));
    assert_eq!(full, Err(crate::registry::RegistryError::UserLimit));
    site.tracker.put_user(user(10)).unwrap();
}

#[test]
fn of_several_reasons_the_first_in_the_documented_order_is_told() {
    let mut site = Site::private();
    site.tracker.set_client_rules(vec![rule("-TR", false)]);
    let all_wrong = by(77).port(1).moved(u64::MAX, 0).on(hash(99));
    assert_eq!(site.refused(all_wrong), Refusal::PasskeyUnknown);
    let mut known = all_wrong;
    known.request.passkey = Some(passkey(1));
    assert_eq!(site.refused(known), Refusal::ClientNotAllowed);
    site.tracker.set_client_rules(Vec::new());
    assert_eq!(site.refused(known), Refusal::PortNotAllowed(1));
    assert_eq!(site.refused(known.port(6881)), Refusal::CounterTooLarge);
    assert_eq!(site.refused(known.port(6881).moved(0, 0)), Refusal::TorrentUnknown);
}

#[test]
fn a_refused_announce_changes_nothing() {
    let mut site = Site::private();
    site.ok(by(1).moved(5, 5));
    site.ok(by(1).left(900).stopped());
    site.drain();
    let before = site.tracker.stats();
    site.tracker.put_user(UserSpec { download_enabled: false, ..user(1) }).unwrap();
    assert_eq!(site.refused(by(1).moved(0, 100).left(800)), Refusal::DownloadDisabled);
    assert!(site.drain().is_empty());
    assert_eq!(site.tracker.stats(), before);
    site.tracker.put_user(user(1)).unwrap();
    site.ok(by(1).moved(0, 100).left(800));
    assert_eq!(site.moved(1).1, 100, "the debt was not forgotten");
}
