//! The tracker stops and starts, and the database goes away and comes back.

use std::thread;
use std::time::{Duration, Instant};

use mika_test_servers::{Database, Endpoint, Server, SqlMode, fixtures, need, shared};

use super::whole::{Said, Whole, hash, passkey, wait_for};
use crate::site::server as server_options;

/// What u12 reports of torrent 101.
fn u12(tracker: &Whole, uploaded: u64, left: u64) -> String {
    let (uploaded, left, hash) = (uploaded.to_string(), left.to_string(), hash(101));
    let passkey = passkey(12);
    let changes = [("info_hash", hash.as_str()), ("uploaded", &uploaded), ("left", &left)];
    tracker.announce(&Said { ip: "10.0.0.2", ..Said::by(&passkey, &changes) })
}

fn tables(server: &Endpoint) -> Database {
    let database = server.create_database();
    fixtures::UNIT3D.load(&database).unwrap();
    database
}

#[test]
fn check_23_a_restart_goes_on_where_it_stopped() {
    let server = need!(shared(&server_options(SqlMode::Strict)));
    let (database, data) = (tables(&server), tempfile::tempdir().unwrap());
    let tracker = Whole::start(&database, data.path());
    u12(&tracker, 1000, 0);
    u12(&tracker, 1200, 0);
    tracker.stop();
    let users = "SELECT uploaded FROM users WHERE id = 12";
    assert_eq!(database.query(users).unwrap().trim_end(), "1200");

    let seed_time = "SELECT seedtime, TIMESTAMPDIFF(SECOND, created_at, updated_at), active
                     FROM history WHERE user_id = 12";
    let began = Instant::now();
    thread::sleep(Duration::from_millis(1500));
    let tracker = Whole::start(&database, data.path());
    let counts = "SELECT seeders, leechers FROM torrents WHERE id = 101";
    wait_for(&server, &database, counts, "3\t0");
    let told = u12(&tracker, 1700, 0);
    assert!(!told.contains("failure"), "{told}");
    wait_for(&server, &database, users, "1700");
    let history = database.query(seed_time).unwrap();
    let figures: Vec<u64> =
        history.trim_end().split('\t').map(|figure| figure.parse().unwrap()).collect();
    // Once, and the restart within.
    assert_eq!((figures[0], figures[2]), (figures[1], 1), "{history}");
    assert!((1..=began.elapsed().as_secs() + 3).contains(&figures[0]), "{history}");
    let peers = database.query("SELECT COUNT(*) FROM peers WHERE user_id = 12").unwrap();
    assert_eq!(peers.trim_end(), "1");
    tracker.stop();
    let history = database.query(seed_time).unwrap();
    assert!(history.starts_with(&format!("{}\t", figures[0])), "{history}");
    assert_eq!(database.query(users).unwrap().trim_end(), "1700");
}

#[test]
fn check_24_announces_go_on_while_the_database_is_away_and_count_once_when_it_is_back() {
    let mut server = need!(Server::start(&server_options(SqlMode::Strict).durable()));
    let (database, data) = (tables(&server), tempfile::tempdir().unwrap());
    let tracker = Whole::start(&database, data.path());
    u12(&tracker, 0, 1_000_000);
    u12(&tracker, 100, 1_000_000);
    wait_for(&server, &database, "SELECT uploaded FROM users WHERE id = 12", "1100");
    server.stop();
    let away = Duration::from_secs(if std::env::var_os("MIKA_LONG").is_some() { 60 } else { 4 });
    let begin = Instant::now();
    let mut uploaded = 100;
    while begin.elapsed() < away {
        uploaded += 10;
        assert!(!u12(&tracker, uploaded, 500_000).contains("failure"));
        thread::sleep(Duration::from_millis(20));
    }
    // The last word is what the tables have to say in the end.
    assert!(!u12(&tracker, uploaded + 7, 0).contains("failure"));
    server.restart();
    uploaded += 7;
    let users = "SELECT uploaded FROM users WHERE id = 12";
    wait_for(&server, &database, users, &(1000 + uploaded).to_string());
    let history = "SELECT actual_uploaded, client_uploaded, seeder, active,
                       completed_at IS NOT NULL FROM history WHERE user_id = 12";
    wait_for(&server, &database, history, &format!("{uploaded}\t{uploaded}\t1\t1\t1"));
    let peers = "SELECT uploaded, `left`, seeder, active FROM peers WHERE user_id = 12";
    assert_eq!(database.query(peers).unwrap().trim_end(), format!("{uploaded}\t0\t1\t1"));
    let torrents =
        "SELECT seeders, leechers, times_completed, balance FROM torrents WHERE id = 101";
    assert_eq!(database.query(torrents).unwrap().trim_end(), format!("3\t0\t4\t{uploaded}"));
    tracker.stop();
    assert_eq!(database.query(users).unwrap().trim_end(), (1000 + uploaded).to_string());
    println!("away for {away:?}: {uploaded} bytes, each counted once");
}
