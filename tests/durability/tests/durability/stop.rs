//! Orderly stops, and two trackers that want the same things.

use std::thread;
use std::time::Duration;

use mika_durability::server::{Site, Tuning};
use mika_durability::totals::compare;

use crate::support::Stage;

#[test]
fn a_stop_by_sigterm_flushes_everything_and_a_restart_knows_every_peer() {
    // Nothing is flushed or snapshot but by the stop.
    let tuning =
        Tuning { flush_milliseconds: 60_000, snapshot_seconds: 86_400, ..Tuning::default() };
    let (stage, machines) = Stage::new(1, &tuning, None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(2));
    fleet.announce_all();
    stage.terminate(server);
    compare(&stage.expected(&fleet), &stage.found()).assert_none("after SIGTERM");

    let server = stage.start();
    stage.assert_peers(&fleet);
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.assert_exact(&mut fleet, "after the restart");
    let totals = stage.site.client(&["user", "list"]).unwrap();
    assert!(totals.contains("user0000") && totals.contains("user0039"), "{totals}");
    stage.terminate(server);
}

#[test]
fn a_second_tracker_on_the_same_directory_or_ports_says_so_and_harms_nobody() {
    let (stage, machines) = Stage::new(2, &Tuning::default(), None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_while(&mut fleet, || {
        let (status, words) = stage.site.start_that_fails();
        assert_eq!(status.code(), Some(1), "{words}");
        assert!(words.contains("in use by another mika"), "{words}");

        // The same configuration with another directory.
        let dir = tempfile::tempdir().unwrap();
        let config = std::fs::read_to_string(stage.site.config()).unwrap();
        let other = Site::new(dir.path(), &dir.path().join("data"), 3, &Tuning::default());
        let data = format!("{:?}", stage.site.data());
        let store = format!("{:?}", stage.site.store());
        let config = config
            .replace(&store, &format!("{:?}", other.store()))
            .replace(&data, &format!("{:?}", other.data()));
        let admin = config.find("[admin]").expect("a section");
        let (listens, rest) = config.split_at(admin);
        // First with an admin port of its own, so that the announce port is what is taken.
        let own = std::fs::read_to_string(other.config()).unwrap();
        let own_admin = own.split_at(own.find("[admin]").expect("a section")).1.to_owned();
        for (text, port) in [
            (format!("{listens}{own_admin}"), stage.site.announce_v4().port()),
            (format!("{listens}{rest}"), stage.site.admin_port()),
        ] {
            std::fs::write(other.config(), text).unwrap();
            let (status, words) = other.start_that_fails();
            assert_eq!(status.code(), Some(1), "{words}");
            assert!(words.contains(&port.to_string()), "{words}");
            assert!(words.contains("in use"), "{words}");
        }
        thread::sleep(Duration::from_secs(1));
    });
    stage.assert_exact(&mut fleet, "with guests");
    stage.terminate(server);
}
