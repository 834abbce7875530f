//! Which of several reasons is told: one order per preset.

use super::*;
use crate::refusal::RefusalKind;
use crate::registry::ClientRule;

/// An announce with which everything is wrong that can be wrong at the same time, and the ways to
/// put it right, one by one. What is told at each step is the preset's order of checks.
fn told_in_order(preset: Preset) -> Vec<&'static str> {
    let mut site = site_of(preset);
    site.set(|settings| settings.port_min = 1024);
    site.tracker.put_named_role(RoleSpec { enabled: false, ..ROLE }, "banned");
    let barred = UserSpec { passkey: long_passkey(1), download_enabled: false, ..user(1) };
    site.tracker.put_user(barred).unwrap();
    site.tracker.set_client_rules(vec![
        ClientRule { prefix: b"-BC".to_vec(), allowed: false },
        ClientRule { prefix: b"-TR".to_vec(), allowed: true },
    ]);
    site.tracker.put_torrent(TorrentSpec { deleted: true, ..torrent(1) }).unwrap();
    let mut by = visit(88).on(hash(99)).port(1).moved(u64::MAX, 0);
    by.request.peer_id = PeerId(*b"-BC1000-000000000000");
    by.request.compact = false;
    by.agent = Agent::from("mozilla");
    let mut told = Vec::new();
    loop {
        let Err(refusal) = site.announce(by) else { return told };
        assert!(told.len() < 20, "{told:?}");
        told.push(refusal.name());
        match refusal {
            Refusal::PasskeyUnknown => by.request.passkey = Some(long_passkey(1)),
            Refusal::TorrentUnknown => by = by.on(hash(1)),
            Refusal::TorrentDeleted(_) => site.tracker.put_torrent(torrent(1)).unwrap(),
            Refusal::PortNotAllowed(_) => by = by.port(6881),
            Refusal::CounterTooLarge => by = by.moved(0, 0),
            Refusal::ClientNotAllowed => by.request.peer_id.0[1..3].copy_from_slice(b"TR"),
            Refusal::CompactRequired => by.request.compact = true,
            Refusal::AgentForbidden => by.agent = Agent::from("qBittorrent/4.6.5"),
            Refusal::RoleDisabled(_) => site.tracker.put_named_role(ROLE, "user"),
            Refusal::DownloadDisabled => by = by.seeding(),
            other => panic!("{other:?} after {told:?}"),
        }
    }
}

#[test]
fn the_checks_of_each_preset_come_in_its_order() {
    assert_eq!(
        told_in_order(Preset::Mika),
        [
            "passkey_unknown",
            "client_not_allowed",
            "port_not_allowed",
            "counter_too_large",
            "torrent_unknown",
            "torrent_deleted",
            "role_disabled",
            "download_disabled",
        ]
    );
    assert_eq!(
        told_in_order(Preset::Unit3d),
        [
            "compact_required",
            "client_not_allowed",
            "agent_forbidden",
            "port_not_allowed",
            "counter_too_large",
            "torrent_unknown",
            "torrent_deleted",
            "passkey_unknown",
            "download_disabled",
            "role_disabled",
        ]
    );
    for preset in [Preset::Gazelle, Preset::GazelleWcd] {
        assert_eq!(
            told_in_order(preset),
            [
                "passkey_unknown",
                "role_disabled",
                "torrent_unknown",
                "torrent_deleted",
                "compact_required",
                "client_not_allowed",
                "port_not_allowed",
                "counter_too_large",
                "download_disabled",
            ]
        );
    }
    assert_eq!(
        told_in_order(Preset::Xbt),
        [
            "passkey_unknown",
            "torrent_unknown",
            "torrent_deleted",
            "download_disabled",
            "client_not_allowed",
            "port_not_allowed",
            "counter_too_large",
            "role_disabled",
        ]
    );
}

#[test]
fn forms_and_texts_can_be_other_ones() {
    let mut site = site_of(Preset::Unit3d);
    change(&site, |profile| {
        profile.told.set_text(RefusalKind::TorrentUnknown, "not here");
        profile.told.set_form(RefusalKind::TorrentUnknown, Form::Silent);
        profile.told.set_text(RefusalKind::RateLimited, "too early");
    });
    let told = site.told(visit(1).on(hash(99)));
    assert_eq!((told.text.as_str(), told.form), ("not here", Form::Silent));
    site.ok(visit(1));
    assert_eq!(site.seen(visit(1)).4.as_deref(), Some("too early"));
}
