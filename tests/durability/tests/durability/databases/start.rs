//! Starts on databases that are not ready for it.

use std::time::{Duration, Instant};

use mika_durability::server::{Site, Tuning};
use mika_durability::tables::Tables;
use mika_test_servers::{Database, Kind, Options, Server, need, shared};

use super::SMALL;
use crate::support::Stage;

#[test]
fn a_start_while_the_server_is_down_names_the_place_and_one_after_it_works() {
    for options in [Options::postgresql(), Options::mariadb()] {
        start_while_down(need!(Server::start(&options)));
    }
}

fn start_while_down(mut server: Server) {
    let (stage, machines) = Stage::on_server(24, &server, Tables::Mika, SMALL, Database::url);
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    stage.announce_for(&mut fleet, Duration::from_millis(300));
    server.stop();
    stage.announce_unflushed_for(&mut fleet, Duration::from_millis(300));
    stage.kill(tracker);
    let (status, words) = stage.site.start_that_fails();
    println!("{status}: {words}");
    assert_eq!(status.code(), Some(1), "{words}");
    for part in [&server.address().to_string(), "refused", "is the server running"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("pass-of-the-test-servers"), "a password is in the log");
    server.restart();
    let tracker = stage.start();
    stage.assert_peers(&fleet);
    stage.assert_exact(&mut fleet, "after a start that failed");
    stage.terminate(tracker);
}

#[test]
fn a_first_start_that_is_killed_is_taken_up_by_the_next_one() {
    for options in [Options::postgresql(), Options::mariadb()] {
        let server = need!(shared(&options));
        for round in 0..8 {
            let database = server.create_database();
            let dir = tempfile::tempdir().unwrap();
            let store = Some(Tables::Mika.config(server.kind(), &database.url()));
            let tuning = Tuning { store, ..Tuning::default() };
            let site = Site::new(dir.path(), &dir.path().join("data"), 24, &tuning);
            let tracker = site.spawn();
            let tables = || database.query(tables_of(server.kind())).unwrap();
            let begin = Instant::now();
            // Now and then as soon as the first table is there, which MariaDB does not take back.
            let at = Duration::from_millis(50 + 50 * round);
            let limit = if round % 2 == 0 { at } else { Duration::from_secs(10) };
            while begin.elapsed() < limit && (round % 2 == 0 || tables() == "0") {}
            tracker.kill();
            println!("{}: killed with {} tables", server.kind(), tables());
            let tracker = site.start();
            assert!(tracker.terminate().success());
        }
    }
}

fn tables_of(kind: Kind) -> &'static str {
    match kind {
        Kind::PostgreSql => "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        _ => "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
    }
}
