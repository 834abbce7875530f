//! Files that are damaged while nobody runs.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mika_durability::model::Totals;
use mika_durability::server::Tuning;

use crate::store_outage::Lock;
use crate::support::Stage;

/// Everything in one segment, and no snapshot after the first.
const ONE_SEGMENT: Tuning =
    Tuning { flush_milliseconds: 50, snapshot_seconds: 86_400, store_path: None, store: None };

/// What happens to the end of a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Cut,
    Garbage,
    Zeros,
}

const DAMAGES: [Damage; 3] = [Damage::Cut, Damage::Garbage, Damage::Zeros];

/// Damages the last bytes of a file, of which at least `keep` stay as they are.
fn damage(path: &Path, damage: Damage, keep: u64) {
    let bytes = fs::metadata(path).unwrap().len();
    let at = fastrand::u64(keep.min(bytes - 1)..bytes);
    match damage {
        Damage::Cut => File::options().write(true).open(path).unwrap().set_len(at).unwrap(),
        Damage::Garbage => {
            let mut garbage = vec![0; fastrand::usize(1..5000)];
            garbage.fill_with(|| fastrand::u8(..));
            File::options().append(true).open(path).unwrap().write_all(&garbage).unwrap();
        }
        Damage::Zeros => {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(at).unwrap();
            file.set_len(bytes + 4096).unwrap();
        }
    }
}

#[test]
fn a_torn_tail_that_the_store_has_already_is_never_counted_twice() {
    let (stage, machines) = Stage::new(6, &ONE_SEGMENT, None);
    let mut fleet = stage.fleet(machines);
    for kind in DAMAGES {
        let server = stage.start();
        stage.announce_for(&mut fleet, Duration::from_millis(1500));
        stage.kill(server);
        // All of it may be in the store: then sessions are put back as they were before, and
        // their next announces must not count again what the store has.
        damage(&stage.last_segment(), kind, 8);
        let server = stage.start();
        stage.announce_for(&mut fleet, Duration::from_millis(700));
        stage.assert_nothing_twice(&mut fleet, &format!("{kind:?}"));
        stage.kill(server);
    }
    let server = stage.start();
    stage.assert_nothing_twice(&mut fleet, "after all");
    stage.terminate(server);
}

#[test]
fn a_torn_tail_that_the_store_lacks_is_reported_again_and_counted_once() {
    let (stage, machines) = Stage::new(7, &ONE_SEGMENT, None);
    let mut fleet = stage.fleet(machines);
    for kind in DAMAGES {
        let server = stage.start();
        stage.announce_for(&mut fleet, Duration::from_secs(1));
        let lock = Lock::take(&stage);
        let segment = stage.last_segment();
        // What was written until now may be in the store.
        let keep = fs::metadata(&segment).unwrap().len();
        // No flush reaches the store, so nothing is proved: sessions go on or rest.
        stage.announce_unflushed_for(&mut fleet, Duration::from_secs(2));
        stage.kill(server);
        lock.release();
        assert_eq!(segment, stage.last_segment());
        damage(&segment, kind, keep);
        let server = stage.start();
        stage.assert_peers(&fleet);
        stage.assert_exact(&mut fleet, &format!("{kind:?}"));
        stage.kill(server);
    }
}

#[test]
fn a_journal_that_ends_before_the_snapshot_does_not_stop_a_later_start() {
    let (stage, machines) = Stage::new(8, &ONE_SEGMENT, None);
    let mut fleet = stage.fleet(machines);
    for _ in 0..2 {
        let server = stage.start();
        stage.announce_for(&mut fleet, Duration::from_secs(1));
        stage.terminate(server);
        // The snapshot of the stop has all of it, and so has the store.
        damage(&stage.last_segment(), Damage::Cut, 8);
        let server = stage.start();
        stage.assert_peers(&fleet);
        stage.announce_for(&mut fleet, Duration::from_millis(300));
        stage.kill(server);
        let server = stage.start();
        stage.assert_exact(&mut fleet, "after a cut before the snapshot");
        stage.kill(server);
    }
}

#[test]
fn damage_in_the_midst_ends_the_start_with_advice_and_with_it_nothing_counts_twice() {
    let (stage, machines) = Stage::new(11, &ONE_SEGMENT, None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_millis(1500));
    stage.kill(server);
    let segment = stage.last_segment();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let (status, words) = stage.site.start_that_fails();
    assert_eq!(status.code(), Some(1), "{words}");
    assert!(words.contains("behind it are whole, so nothing was cut"), "{words}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);

    let (_, advice) = words.split_once("`truncate").unwrap();
    let (arguments, _) = advice.split_once('`').unwrap();
    let done = Command::new("truncate").args(arguments.split_whitespace()).status().unwrap();
    assert!(done.success(), "truncate {arguments}");
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_millis(700));
    stage.assert_nothing_twice(&mut fleet, "without the batches behind the damage");
    stage.terminate(server);
}

#[test]
fn a_truncated_snapshot_ends_the_start_with_advice_and_without_it_nothing_counts_twice() {
    let (stage, machines) = Stage::new(9, &Tuning::default(), None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(2));
    stage.terminate(server);
    let snapshot = stage.site.data().join("snapshot");
    damage(&snapshot, Damage::Cut, 0);
    let (status, words) = stage.site.start_that_fails();
    assert_eq!(status.code(), Some(1), "{words}");
    assert!(words.contains(&snapshot.display().to_string()), "{words}");
    assert!(words.contains("is damaged") && words.contains("Move it away"), "{words}");

    fs::rename(&snapshot, stage.dir.path().join("damaged")).unwrap();
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.assert_nothing_twice(&mut fleet, "without the snapshot");
    stage.terminate(server);
}

#[test]
fn an_older_store_is_refused_and_with_what_the_advice_says_it_goes_on() {
    let (stage, machines) = Stage::new(10, &Tuning::default(), None);
    let mut fleet = stage.fleet(machines);
    let backup = stage.dir.path().join("backup.sqlite");
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.terminate(server);
    fs::copy(stage.site.store(), &backup).unwrap();
    let server = stage.start();
    // Two snapshots, so that the journal no longer has what the backup lacks.
    stage.announce_for(&mut fleet, Duration::from_millis(2500));
    stage.terminate(server);

    fs::copy(&backup, stage.site.store()).unwrap();
    let (status, words) = stage.site.start_that_fails();
    assert_eq!(status.code(), Some(1), "{words}");
    assert!(words.contains("older copy") && words.contains("and the snapshot away"), "{words}");
    for name in ["journal", "snapshot"] {
        fs::rename(stage.site.data().join(name), stage.dir.path().join(name)).unwrap();
    }
    let server = stage.start();
    let before = uploaded(&stage.found());
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.assert_nothing_twice(&mut fleet, "with the backup");
    assert!(uploaded(&stage.found()) > before, "the store has to take batches again");
    assert!(stage.site.admin().ready().ready);
    stage.kill(server);
    let server = stage.start();
    stage.assert_nothing_twice(&mut fleet, "after one more kill");
    stage.terminate(server);
}

fn uploaded(totals: &Totals) -> u64 {
    totals.users.values().map(|user| user.uploaded_raw).sum()
}
