//! Servers that are down, hang, or cannot be reached for a while.

use std::thread;
use std::time::{Duration, Instant};

use mika_durability::server::PATIENCE;
use mika_durability::tables::Tables;
use mika_test_servers::{Database, Options, Proxy, Server, Traffic, need};

use super::SMALL;
use crate::support::{Stage, is_long};

#[test]
fn announces_go_on_while_postgresql_is_away_and_every_delta_is_there_once_afterwards() {
    prove(13, need!(Server::start(&Options::postgresql())));
}

#[test]
fn announces_go_on_while_mariadb_is_away_and_every_delta_is_there_once_afterwards() {
    prove(14, need!(Server::start(&Options::mariadb())));
}

fn prove(number: u16, mut server: Server) {
    let seconds = if is_long() { 60 } else { 2 };
    let proxy = Proxy::start(server.address());
    let url = |database: &Database| database.url_at(proxy.address());
    let (stage, machines) = Stage::on_server(number, &server, Tables::Mika, SMALL, url);
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    stage.announce_while(&mut fleet, || {
        thread::sleep(Duration::from_millis(500));
        server.stop();
        away(&stage, "stopped", seconds);
        server.restart();
        back(&stage);
        server.pause();
        away(&stage, "paused", seconds);
        server.resume();
        back(&stage);
        proxy.disconnect();
        away(&stage, "cut off", seconds);
        proxy.set(Traffic::Passes);
        back(&stage);
        // Many short ones, at any point of a batch.
        for _ in 0..if is_long() { 100 } else { 10 } {
            thread::sleep(Duration::from_millis(fastrand::u64(20..120)));
            proxy.cut();
        }
        back(&stage);
    });
    assert_eq!(stage.clock.lost(), 0, "no announce may fail");
    stage.assert_exact(&mut fleet, "after the outages");
    let log = stage.site.log();
    assert!(log.contains("is the server running, and is that its place in store.url?"), "{log}");
    assert!(log.contains("the store takes batches again"), "{log}");
    assert!(!log.contains("pass-of-the-test-servers"), "a password is in the log");
    println!("{}: {} announces, none lost", server.kind(), stage.clock.answered());
    stage.terminate(tracker);
}

/// The store takes nothing, and announces go on.
fn away(stage: &Stage, what: &str, seconds: u64) {
    let answered = stage.clock.answered();
    let before = stage.site.admin().stats().flush;
    thread::sleep(Duration::from_secs(seconds));
    let during = stage.site.admin().stats().flush;
    println!(
        "{what} for {seconds} s: {} announces, {} batches in the journal, lag {} s, {} failures",
        stage.clock.answered() - answered,
        during.last_batch_number - during.applied_batch_number,
        during.lag_seconds,
        during.failures - before.failures
    );
    assert!(stage.clock.answered() > answered + 200, "{what}: announces have to go on");
    assert!(during.applied_batch_number <= before.applied_batch_number + 1, "{during:?}");
    assert!(during.last_batch_number > before.last_batch_number, "{during:?}");
    assert!(during.lag_seconds > 0, "{during:?}");
}

/// Waits until the store has taken what was waiting.
fn back(stage: &Stage) {
    let waiting = stage.site.admin().stats().flush.last_batch_number;
    stage.site.admin().wait_for("a store that has everything", |admin| {
        admin.ready().ready && admin.stats().flush.applied_batch_number >= waiting
    });
}

#[test]
fn a_stop_while_the_server_hangs_keeps_everything_in_the_journal() {
    let server = need!(Server::start(&Options::mariadb()));
    let (stage, machines) = Stage::on_server(22, &server, Tables::Mika, SMALL, Database::url);
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    stage.announce_for(&mut fleet, Duration::from_millis(500));
    server.pause();
    stage.announce_unflushed_for(&mut fleet, Duration::from_millis(500));
    let begin = Instant::now();
    stage.terminate(tracker);
    println!("a stop while the server hangs takes {:?}", begin.elapsed());
    assert!(begin.elapsed() < PATIENCE);
    assert!(stage.site.log().contains("they wait in the journal"), "{}", stage.site.log());
    server.resume();
    let tracker = stage.start();
    stage.assert_peers(&fleet);
    stage.assert_exact(&mut fleet, "after a stop while the server hung");
    stage.terminate(tracker);
}
