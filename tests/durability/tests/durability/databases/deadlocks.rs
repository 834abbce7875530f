//! Another program that changes the same rows in the opposite order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use mika_durability::tables::Tables;
use mika_test_servers::{Database, Kind, Options, Server, need};

use super::SMALL;
use crate::support::{Stage, is_long};

#[test]
fn deadlocks_with_a_program_on_postgresql_are_tried_again_until_every_row_is_written() {
    let options = Options::postgresql().set("deadlock_timeout", "20ms");
    prove(15, &need!(Server::start(&options)), Tables::Mika);
}

#[test]
fn deadlocks_with_a_program_on_mariadb_are_tried_again_until_every_row_is_written() {
    prove(16, &need!(Server::start(&Options::mariadb())), Tables::Mika);
}

#[test]
fn deadlocks_with_the_jobs_of_unit3d_are_tried_again_until_every_row_is_written() {
    prove(17, &need!(Server::start(&Options::mariadb())), Tables::Unit3d);
}

/// A transaction that goes through the tables the other way round. It has changed so much that
/// the server rather gives up the other one.
fn rival(kind: Kind, tables: Tables) -> String {
    let ids = |first: u32| (first..first + 40).rev();
    let mut sql = match kind {
        // Whoever waits longer than its own timeout looks for a deadlock, and gives up itself.
        Kind::PostgreSql => "SET deadlock_timeout = '500ms'; BEGIN;".to_owned(),
        _ => "START TRANSACTION; UPDATE ballast SET number = number + 1;".to_owned(),
    };
    let statements: &[&str] = match tables {
        Tables::Unit3d => &[
            "UPDATE peers SET connectable = 1 - connectable WHERE user_id = ",
            "UPDATE history SET hitrun = 1 - hitrun WHERE user_id = ",
            "UPDATE torrents SET name = IF(name = 't', 'u', 't') WHERE id = ",
            "UPDATE users SET hitandruns = hitandruns + 1 WHERE id = ",
        ],
        _ => &[
            "UPDATE history SET seed_seconds = seed_seconds + 1 WHERE user_id = ",
            "UPDATE torrents SET title = 't' WHERE id = ",
            "UPDATE users SET site_id = COALESCE(site_id, 0) + 1 WHERE id = ",
        ],
    };
    let first = if tables == Tables::Unit3d { 1000 } else { 1 };
    for statement in statements {
        for id in ids(first) {
            sql += &format!("{statement}{id};");
        }
    }
    sql + "COMMIT;"
}

/// Ends the rival when the scene ends, also by a panic.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

fn prove(number: u16, server: &Server, tables: Tables) {
    let seconds = if is_long() { 30 } else { 3 };
    let (stage, machines) = Stage::on_server(number, server, tables, SMALL, Database::url);
    let database = stage.database();
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    stage.announce_for(&mut fleet, Duration::from_millis(500));
    let numbers: Vec<_> = (0..2000).map(|number| format!("({number})")).collect();
    let ballast = format!(
        "CREATE TABLE ballast (number BIGINT); INSERT INTO ballast VALUES {}",
        numbers.join(",")
    );
    database.query(&ballast).unwrap();
    let (stopped, committed, victims) =
        (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let script = rival(server.kind(), tables);
    stage.announce_while(&mut fleet, || {
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stopped.load(SeqCst) {
                    match database.query(&script) {
                        Ok(_) => committed.fetch_add(1, SeqCst),
                        Err(error) if error.message.to_lowercase().contains("deadlock") => {
                            victims.fetch_add(1, SeqCst)
                        }
                        Err(error) => panic!("the rival: {error}"),
                    };
                }
            });
            let _stop = Stop(&stopped);
            thread::sleep(Duration::from_secs(seconds));
            stage.site.admin().wait_for("a deadlock", |admin| {
                admin.stats().flush.failures > 0 && committed.load(SeqCst) > 0
            });
        });
    });
    let flush = stage.site.admin().stats().flush;
    println!(
        "{}, {}: {} retries of the tracker, {} of the rival, which committed {} times; {} batches",
        server.kind(),
        tables.schema(),
        flush.failures,
        victims.load(SeqCst),
        committed.load(SeqCst),
        flush.applied_batch_number
    );
    stage.assert_exact(&mut fleet, "after deadlocks");
    assert!(committed.load(SeqCst) > 0, "the rival has done nothing");
    assert!(flush.failures > 0, "the tracker was in no deadlock");
    assert!(stage.site.log().to_lowercase().contains("deadlock"), "{}", stage.site.log());
    assert_eq!(flush.dead_letters, 0);
    stage.terminate(tracker);
}
