//! A store in a Redis server: tracker and server are killed in turn, and in random order while
//! everybody announces.
//!
//! `MIKA_LONG=1` makes the latter 25 kills of the tracker and 10 of the server, instead of 2 and 1.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use mika_durability::driver::Fleet;
use mika_durability::server::Tuning;
use mika_durability::totals::{compare, from_api};
use mika_test_servers::{Options, Server, need};

use crate::support::{Stage, is_long};

const ROUNDS: u64 = 6;

fn store_lines(url: &str) -> String {
    format!("kind = \"redis\"\nurl = {url:?}")
}

#[test]
fn kills_of_the_tracker_and_of_redis_in_turn_lose_and_double_nothing() {
    let mut redis = need!(Server::start(&Options::redis().durable()));
    let database = redis.create_database();
    let tuning = Tuning { store: Some(store_lines(&database.url())), ..Tuning::default() };
    let (stage, machines) = Stage::new(21, &tuning, None);
    let mut fleet = stage.fleet(machines);
    let mut server = stage.start();
    for round in 0..ROUNDS {
        stage.announce_for(&mut fleet, Duration::from_millis(600 + 37 * round));
        if round % 2 == 0 {
            stage.kill(server);
            server = stage.start();
            stage.assert_peers(&fleet);
            continue;
        }
        let before = stage.site.admin().stats().flush.applied_batch_number;
        redis.kill_9();
        stage.announce_unflushed_for(&mut fleet, Duration::from_millis(500));
        redis.restart();
        stage.site.admin().wait_for("a store that takes batches", |admin| {
            let flush = admin.stats().flush;
            admin.ready().ready && flush.applied_batch_number > before + 5
        });
    }
    // Both at once.
    redis.kill_9();
    stage.announce_unflushed_for(&mut fleet, Duration::from_millis(300));
    stage.kill(server);
    redis.restart();
    let server = stage.start();
    stage.assert_peers(&fleet);
    conclude(&stage, &mut fleet, "after all kills");
    let log = stage.site.log();
    assert!(!log.contains(redis.password()), "the password is in the log:\n{log}");
    stage.terminate(server);
}

#[test]
fn no_kill_of_tracker_or_redis_loses_or_doubles_a_byte() {
    let mut redis = need!(Server::start(&Options::redis().durable()));
    let database = redis.create_database();
    let store = Some(store_lines(&database.url()));
    let tuning = Tuning { store, flush_milliseconds: 150, ..Tuning::default() };
    let (stage, machines) = Stage::new(28, &tuning, None);
    let (of_tracker, of_redis) = if is_long() { (25, 10) } else { (2, 1) };
    let mut is_of_redis = [vec![false; of_tracker], vec![true; of_redis]].concat();
    fastrand::shuffle(&mut is_of_redis);
    let mut fleet = stage.fleet(machines);
    let mut tracker = stage.start();
    let (tracker, more_kills) = stage.announce_while(&mut fleet, || {
        let mut more_kills = 0;
        for is_of_redis in is_of_redis {
            thread::sleep(Duration::from_millis(fastrand::u64(50..1500)));
            let mut is_of_tracker = !is_of_redis;
            if is_of_redis {
                redis.kill_9();
                thread::sleep(Duration::from_millis(fastrand::u64(0..1000)));
                // Now and then the tracker does not live to see it come back.
                is_of_tracker = fastrand::u8(..3) == 0;
                more_kills += usize::from(is_of_tracker);
            }
            match (is_of_tracker, is_of_redis) {
                (false, _) => redis.restart(),
                (true, false) => {
                    stage.kill(tracker);
                    tracker = stage.start();
                }
                (true, true) => {
                    stage.kill(tracker);
                    redis.restart();
                    tracker = stage.start();
                }
            }
        }
        thread::sleep(Duration::from_millis(500));
        (tracker, more_kills)
    });
    stage.kill(tracker);
    let tracker = stage.start();
    stage.assert_peers(&fleet);
    conclude(&stage, &mut fleet, "after the kills");
    println!(
        "redis: {} kills of the tracker, {of_redis} of the server, {} announces without an answer",
        of_tracker + more_kills + 1,
        stage.clock.lost()
    );
    stage.terminate(tracker);
}

#[test]
fn batches_that_redis_acknowledged_and_lost_come_back_from_the_journal() {
    let mut redis = need!(Server::start(&Options::redis().durable()));
    let database = redis.create_database();
    let store = Some(store_lines(&database.url()));
    let tuning = Tuning { snapshot_seconds: 86_400, store, ..Tuning::default() };
    let (stage, machines) = Stage::new(22, &tuning, None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_millis(800));
    // What is on its disk now is what a power cut leaves a second later, without appendfsync.
    let (file, copy) = (redis.directory().join("data/appendonlydir"), stage.dir.path().join("aof"));
    copy_directory(&file, &copy);
    stage.announce_for(&mut fleet, Duration::from_millis(1000));
    redis.kill_9();
    std::fs::remove_dir_all(&file).unwrap();
    copy_directory(&copy, &file);
    redis.restart();
    while !stage.site.log().contains("it lost what it had acknowledged") {
        stage.announce_unflushed_for(&mut fleet, Duration::from_millis(100));
    }
    assert!(!stage.site.admin().ready().ready);
    stage.kill(server);

    let server = stage.start();
    stage.assert_peers(&fleet);
    conclude(&stage, &mut fleet, "after the loss");
    stage.terminate(server);
}

/// With owners and permissions: the server may run as another account.
fn copy_directory(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success(), "{from:?} {to:?}");
}

/// Every total is exact once all sessions have announced again.
fn conclude(stage: &Stage, fleet: &mut Fleet<'_>, what: &str) {
    fleet.announce_all();
    assert!(stage.clock.flush(&stage.site), "the last flush");
    let (expected, api) = (stage.expected(fleet), stage.site.admin());
    // The last batch is journalled before it is applied.
    while api.stats().flush.applied_batch_number < api.stats().flush.last_batch_number {
        thread::sleep(Duration::from_millis(5));
    }
    compare(&expected, &from_api(&api)).assert_none(what);
    let bytes: u64 = expected.users.values().map(|user| user.uploaded_raw).sum();
    assert!(bytes > 0 && stage.clock.answered() > 500, "hardly anything was announced");
    println!("{} announces, {bytes} bytes uploaded", stage.clock.answered());
    assert!(!stage.site.data().join("dead-letters.jsonl").exists(), "rows were refused");
}
