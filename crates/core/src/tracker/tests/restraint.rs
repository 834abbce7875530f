//! Users from whom something is held back.

use super::*;
use crate::batch::WithheldRow;
use crate::restraint::{Restrained, Restraint};

const QUARANTINE: Restraint = Restraint { warning: None, quarantine: true };

fn warning(text: &str) -> Restraint {
    Restraint { warning: Some(text.into()), quarantine: false }
}

fn row(user_id: u32, uploaded_bytes: u64) -> WithheldRow {
    WithheldRow { user_id, uploaded_bytes }
}

/// Raw and credited upload that has been written of a user.
fn written(site: &mut Site, user: u32) -> (u64, u64) {
    let traffic = site.traffic(user);
    (traffic.uploaded_raw, traffic.uploaded_credited)
}

#[test]
fn a_quarantined_user_s_upload_is_counted_and_its_credit_withheld() {
    let mut site = Site::private();
    site.ok(by(1).moved(0, 0));
    assert!(site.tracker.set_restraint(1, QUARANTINE));
    assert!(!site.tracker.set_restraint(99, QUARANTINE), "there is no such user");
    site.ok(by(1).moved(300, 40).left(960));
    site.ok(by(2).moved(0, 0));
    site.ok(by(2).moved(7, 0));
    let batch = site.drain();
    let expected = Traffic {
        uploaded_raw: 300,
        downloaded_raw: 40,
        uploaded_credited: 0,
        downloaded_credited: 40,
    };
    assert_eq!(batch.users[0].traffic, expected);
    assert_eq!(batch.users[1].traffic.uploaded_credited, 7);
    assert_eq!(batch.history[0].traffic, expected);
    assert_eq!(batch.withheld, [row(1, 300)]);
    assert_eq!(site.tracker.withheld(1), 300);

    // Totals, not what each batch adds.
    site.ok(by(1).moved(350, 40).left(960));
    assert_eq!(site.drain().withheld, [row(1, 350)]);
    site.ok(by(2).moved(9, 0));
    assert_eq!(site.drain().withheld, []);
}

#[test]
fn what_is_released_is_credited_once_in_the_batch_that_says_that_nothing_is_withheld() {
    let mut site = Site::private();
    site.ok(by(1));
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(300, 0));
    site.drain();
    // Announced before the decision, and flushed after it.
    site.ok(by(1).moved(400, 0));
    site.tracker.set_restraint(1, Restraint::default());
    assert_eq!(site.tracker.release_withheld(1), 300);
    assert_eq!(site.tracker.withheld(1), 300, "nothing has happened yet");
    site.ok(by(1).moved(410, 0));
    let batch = site.drain();
    assert_eq!(batch.withheld, [row(1, 0)]);
    assert_eq!(batch.users[0].traffic.uploaded_credited, 410);
    assert_eq!(site.tracker.withheld(1), 0);
    assert_eq!(written(&mut site, 1), (410, 410));
    assert!(site.drain().is_empty());
}

#[test]
fn a_release_to_a_user_who_is_silent_is_a_batch_of_its_own() {
    let mut site = Site::private();
    site.ok(by(3));
    site.tracker.set_restraint(3, QUARANTINE);
    site.ok(by(3).moved(300, 0));
    site.drain();
    site.tracker.release_withheld(3);
    let batch = site.drain();
    assert_eq!((batch.rows(), batch.users[0].user_id), (2, 3));
    assert_eq!(batch.users[0].traffic.uploaded_credited, 300);
    assert_eq!(batch.users[0].traffic.uploaded_raw, 0);
    site.tracker.release_withheld(3);
    assert!(site.drain().is_empty(), "nothing is given twice");
}

#[test]
fn what_is_discarded_is_never_credited() {
    let mut site = Site::private();
    site.ok(by(1));
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(300, 0));
    site.drain();
    assert_eq!(site.tracker.drop_withheld(1), 300);
    assert_eq!(site.tracker.drop_withheld(99), 0);
    let batch = site.drain();
    assert_eq!((batch.withheld, batch.users.len()), (vec![row(1, 0)], 0));
    site.tracker.release_withheld(1);
    assert_eq!(written(&mut site, 1), (300, 0));
}

#[test]
fn a_decision_is_carried_out_with_the_last_batch_of_the_next_whole_flush() {
    let mut site = Site::private();
    for torrent in 1..=3 {
        site.ok(by(1).on(hash(torrent)));
        site.ok(by(2).on(hash(torrent)));
    }
    site.tracker.set_restraint(1, QUARANTINE);
    for torrent in 1..=3 {
        site.ok(by(1).on(hash(torrent)).moved(100, 0));
    }
    let mut batches = Vec::new();
    let mut first_shard = Some(0);
    while let Some(first) = first_shard {
        let drained = site.tracker.drain(site.now, first, 1);
        first_shard = drained.next_shard;
        if batches.is_empty() {
            // The flush has begun: it is for the next one.
            site.tracker.release_withheld(1);
        }
        batches.push(drained.batch);
    }
    let totals: Vec<_> = batches.iter().flat_map(|batch| batch.withheld.clone()).collect();
    assert_eq!(totals, [row(1, 100), row(1, 200), row(1, 300)]);
    let batch = site.drain();
    assert_eq!(batch.withheld, [row(1, 0)]);
    assert_eq!(batch.users[0].traffic.uploaded_credited, 300);
}

#[test]
fn multipliers_count_as_they_were_when_it_was_withheld() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { upload_percent: 200, ..ROLE });
    site.ok(by(1));
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(300, 0));
    site.drain();
    site.tracker.put_role(ROLE);
    site.tracker.release_withheld(1);
    assert_eq!(written(&mut site, 1), (300, 600));
}

#[test]
fn what_is_withheld_survives_a_restart_and_a_crash() {
    let mut site = Site::private();
    site.ok(by(1));
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(300, 0));
    site.drain();
    site.restart();
    assert_eq!(site.tracker.withheld(1), 300);
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(500, 0));
    site.drain();
    site.ok(by(1).moved(600, 0));
    // Neither the last report nor the decision has reached a batch.
    site.tracker.release_withheld(1);
    site.crash();
    assert_eq!(site.tracker.withheld(1), 500);
    site.ok(by(1).moved(600, 0));
    site.tracker.release_withheld(1);
    assert_eq!(written(&mut site, 1), (600, 600));
}

#[test]
fn what_is_withheld_survives_the_loss_of_the_hash_key() {
    let mut site = Site::private();
    site.ok(by(1));
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(300, 0));
    site.drain();
    let other = Tracker::new(Mode::Private, Settings::default(), [8; 16]);
    register(&other);
    site.written.iter().for_each(|batch| other.replay_withheld(batch));
    assert_eq!(other.withheld(1), 300);
    assert_eq!(other.stats().leechers, 0);
}

#[test]
fn a_restrained_user_is_told_and_others_are_not() {
    let mut site = Site::private();
    site.tracker.set_restraint(1, warning("Your upload is being looked at."));
    site.ok(by(1));
    assert_eq!(site.list.warning.as_deref(), Some("Your upload is being looked at."));
    site.ok(by(2));
    assert_eq!(site.list.warning, None);
    site.tracker.set_restraint(1, Restraint::default());
    site.ok(by(1));
    assert_eq!(site.list.warning, None);
    assert_eq!(site.tracker.restraint(1), None);
}

#[test]
fn a_warning_is_cut_to_what_a_reply_has_room_for() {
    let site = Site::private();
    site.tracker.set_restraint(1, warning(&"ö".repeat(251)));
    let kept = site.tracker.restraint(1).unwrap().warning.unwrap();
    assert_eq!(&*kept, "ö".repeat(250));
    site.tracker.set_restraint(1, warning(&format!("x{}", "ö".repeat(250))));
    assert_eq!(site.tracker.restraint(1).unwrap().warning.unwrap().len(), 499);
    site.tracker.set_restraint(1, warning(""));
    assert_eq!(site.tracker.restraint(1), None);
}

#[test]
fn a_restraint_stays_when_the_store_changes_the_user() {
    let mut site = Site::private();
    site.tracker.set_restraint(1, QUARANTINE);
    let role_id = 7;
    site.tracker.put_user(UserSpec { role_id, ..user(1) }).unwrap();
    site.ok(by(1));
    site.ok(by(1).moved(300, 0));
    site.drain();
    assert_eq!(site.tracker.withheld(1), 300);
}

#[test]
fn all_who_are_restrained_or_were_are_listed() {
    let mut site = Site::private();
    site.ok(by(3));
    site.tracker.set_restraint(3, QUARANTINE);
    site.ok(by(3).moved(300, 0));
    site.drain();
    site.tracker.set_restraint(3, Restraint::default());
    site.tracker.set_restraint(2, warning("x"));
    let expected = [
        Restrained { user_id: 2, restraint: warning("x"), withheld_bytes: 0 },
        Restrained { user_id: 3, restraint: Restraint::default(), withheld_bytes: 300 },
    ];
    assert_eq!(site.tracker.restraints(), expected);
}

#[test]
fn a_quarantined_leaver_s_last_report_is_withheld_too() {
    let mut site = Site::private();
    site.ok(by(1));
    site.tracker.set_restraint(1, QUARANTINE);
    site.ok(by(1).moved(300, 0).stopped());
    assert_eq!(site.drain().withheld, [row(1, 300)]);
}
