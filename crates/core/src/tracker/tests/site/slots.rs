//! Download slots where a leecher above them is hidden.

use super::*;

/// Users have one slot.
fn one_slot() -> Site {
    let site = site_of(Preset::Unit3d);
    change(&site, |profile| profile.announce_min_enforced_seconds = 0);
    site.tracker.put_named_role(RoleSpec { download_slots: Some(1), ..ROLE }, "leech");
    site.tracker.put_named_role(RoleSpec { id: 2, ..ROLE }, "seeder");
    let seeder = UserSpec { passkey: long_passkey(9), role_id: 2, ..user(9) };
    site.tracker.put_user(seeder).unwrap();
    site
}

const WARNING: &str = "Download slot limit reached";

#[test]
fn a_leecher_above_the_slots_is_warned_and_seen_by_nobody() {
    let mut site = one_slot();
    for torrent in 1..=3 {
        site.ok(visit(9).on(hash(torrent)).seeding());
    }
    let (seeders, leechers, _, peers, warning) = site.seen(visit(1).on(hash(1)));
    assert_eq!((seeders, leechers, peers.len(), warning), (1, 1, 1, None));
    let over = visit(1).on(hash(2));
    assert_eq!(site.seen(over), (0, 0, 0, vec![], Some(WARNING.to_owned())));
    assert_eq!(site.counts(hash(2)), (1, 0, 0));
    assert_eq!(site.tracker.stats().leechers, 1);
    assert_eq!(site.ok(visit(9).on(hash(2)).seeding()), []);
    let batch = site.drain();
    let row = batch.sessions.iter().find(|row| (row.user_id, row.torrent_id) == (1, 2)).unwrap();
    assert!(!row.visible && !row.gone);
    assert_eq!(row.address_v4.map(SocketAddr::V4), Some(over.endpoint()));
    assert_eq!(batch.torrents.iter().find(|row| row.torrent_id == 2).unwrap().leechers, 0);
    // Seeding takes no slot.
    assert_eq!(site.seen(visit(1).on(hash(3)).seeding()).4, None);

    // What it reports counts.
    site.ok(over.moved(5, 70).left(930));
    assert_eq!(site.history(1, 2).traffic.downloaded_raw, 70);

    // A slot is free: it is there.
    site.ok(visit(1).on(hash(1)).stopped());
    let (seeders, leechers, _, peers, warning) = site.seen(over.moved(5, 70).left(930));
    assert_eq!((seeders, leechers, peers.len(), warning), (1, 1, 1, None));
    assert_eq!(site.ok(visit(9).on(hash(2)).seeding()), [over.endpoint()]);
    let rows = site.sessions();
    let row = rows.iter().find(|row| (row.user_id, row.torrent_id) == (1, 2)).unwrap();
    assert!(row.visible);
    assert_eq!(site.seen(visit(1).on(hash(1))).4.as_deref(), Some(WARNING));
}

#[test]
fn a_hidden_leecher_that_finishes_is_a_seeder_like_any_other() {
    let mut site = one_slot();
    site.ok(visit(1).on(hash(1)));
    site.ok(visit(1).on(hash(2)));
    assert_eq!(site.seen(visit(1).on(hash(2)).seeding()).4, None);
    assert_eq!(site.counts(hash(2)), (1, 0, 1));
    let stats = site.tracker.stats();
    assert_eq!((stats.seeders, stats.leechers), (1, 1));
    // Its slot was never taken, so the other one still is.
    assert_eq!(site.seen(visit(1).on(hash(3))).4.as_deref(), Some(WARNING));
    site.ok(visit(1).on(hash(1)).stopped());
    assert_eq!(site.seen(visit(1).on(hash(3))).4, None);
}

#[test]
fn a_hidden_leecher_stays_hidden_over_a_restart_and_leaves_no_trace_when_it_goes() {
    for crash in [false, true] {
        let mut site = one_slot();
        site.ok(visit(1).on(hash(1)));
        site.ok(visit(1).on(hash(2)));
        restart(&mut site, crash);
        assert_eq!(site.counts(hash(2)), (0, 0, 0));
        assert_eq!(site.tracker.stats().leechers, 1);
        assert_eq!(site.seen(visit(9).on(hash(2)).seeding()).3, []);
        assert_eq!(site.seen(visit(1).on(hash(2))).4.as_deref(), Some(WARNING));
        site.ok(visit(1).on(hash(2)).stopped());
        site.wait(20_000);
        site.expire();
        assert_eq!(site.tracker.stats().leechers, 0);
        assert_eq!(site.seen(visit(1).on(hash(2))).4, None);
    }
}

fn restart(site: &mut Site, crash: bool) {
    let mut items = Vec::new();
    let batch = site.tracker.drain_and_snapshot(site.now, |item| items.push(item));
    let site_now = one_slot();
    if crash {
        assert_eq!(site_now.tracker.replay(&batch), batch.sessions.len());
    } else {
        for item in &items {
            assert!(site_now.tracker.restore(item));
        }
    }
    site.tracker = site_now.tracker;
}

#[test]
fn a_seeder_that_loses_a_part_while_the_slots_are_taken_is_hidden() {
    let mut site = one_slot();
    site.ok(visit(1).on(hash(1)));
    site.ok(visit(1).on(hash(2)).seeding());
    assert_eq!(site.seen(visit(1).on(hash(2)).left(7)).4.as_deref(), Some(WARNING));
    assert_eq!(site.counts(hash(2)), (0, 0, 0));
    let stats = site.tracker.stats();
    assert_eq!((stats.seeders, stats.leechers), (0, 1));
    // Whoever has the slot keeps it.
    assert_eq!(site.seen(visit(1).on(hash(1)).left(900)).4, None);
}

#[test]
fn where_slots_refuse_nothing_is_stored() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { download_slots: Some(1), ..ROLE });
    site.ok(by(1).on(hash(1)));
    assert_eq!(site.refused(by(1).on(hash(2))), Refusal::NoDownloadSlot);
    assert_eq!(site.tracker.stats().leechers, 1);
}
