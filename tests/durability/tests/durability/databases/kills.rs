//! The kill proof on database servers: tracker and server are killed in random order while
//! everybody announces, and in the end every total is exact and every peer is handed out.
//!
//! `MIKA_LONG=1` makes it 25 kills of the tracker and 10 of the server, instead of 2 and 1.

use std::thread;
use std::time::Duration;

use mika_durability::tables::Tables;
use mika_test_servers::{Options, Server, need};

use super::SMALL;
use crate::support::{Stage, is_long};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Tracker,
    Server,
}

#[test]
fn no_kill_of_tracker_or_postgresql_loses_or_doubles_a_byte() {
    prove(13, need!(Server::start(&Options::postgresql().durable())), Tables::Mika);
}

#[test]
fn no_kill_of_tracker_or_mariadb_loses_or_doubles_a_byte() {
    prove(14, need!(Server::start(&Options::mariadb().durable())), Tables::Mika);
}

#[test]
fn no_kill_of_tracker_or_mysql_loses_or_doubles_a_byte() {
    prove(15, need!(Server::start(&Options::mysql().durable())), Tables::Mika);
}

#[test]
fn no_kill_loses_or_doubles_a_byte_in_the_tables_of_unit3d() {
    prove(16, need!(Server::start(&Options::mariadb().durable())), Tables::Unit3d);
}

#[test]
fn no_kill_loses_or_doubles_a_byte_in_the_tables_of_gazelle() {
    prove(17, need!(Server::start(&Options::mariadb().durable())), Tables::Gazelle);
}

fn prove(number: u16, mut server: Server, tables: Tables) {
    let (of_tracker, of_server) = if is_long() { (25, 10) } else { (2, 1) };
    let sizes = if is_long() { [300, 400, 3000] } else { SMALL };
    let mut order = vec![Victim::Tracker; of_tracker];
    order.extend(vec![Victim::Server; of_server]);
    fastrand::shuffle(&mut order);
    let (stage, machines) =
        Stage::on_server(number, &server, tables, sizes, mika_test_servers::Database::url);
    let mut fleet = stage.fleet(machines);
    let mut tracker = stage.start();
    let (tracker, more_kills) = stage.announce_while(&mut fleet, || {
        let mut more_kills = 0;
        for victim in &order {
            thread::sleep(Duration::from_millis(fastrand::u64(50..1500)));
            match victim {
                Victim::Tracker => tracker = kill_tracker(&stage, tracker),
                Victim::Server => {
                    server.kill_9();
                    thread::sleep(Duration::from_millis(fastrand::u64(0..1000)));
                    // Now and then the tracker does not live to see the server come back.
                    let is_both = fastrand::u8(..3) == 0;
                    if is_both {
                        stage.kill(tracker);
                        more_kills += 1;
                        server.restart();
                        tracker = stage.start();
                    } else {
                        server.restart();
                    }
                }
            }
        }
        thread::sleep(Duration::from_millis(500));
        (tracker, more_kills)
    });
    stage.kill(tracker);
    let tracker = stage.start();
    stage.assert_peers(&fleet);
    fleet.announce_all();
    stage.flush();
    let difference = stage.difference(&fleet);
    println!(
        "{} with the tables {}: {} kills of the tracker, {of_server} of the server; {} users, {} \
         announces, {} without an answer, {} bytes; {} rows differ",
        server.kind(),
        tables.schema(),
        of_tracker + more_kills + 1,
        stage.population.users.len(),
        stage.clock.answered(),
        stage.clock.lost(),
        stage.bytes(&fleet),
        difference.count,
    );
    difference.assert_none("after the kills");
    stage.assert_exact(&mut fleet, "after the kills");
    stage.terminate(tracker);
    let tracker = stage.start();
    stage.assert_peers(&fleet);
    stage.terminate(tracker);
    stage.difference(&fleet).assert_none("after one more start");
}

/// Kills at any moment, or in a flush.
fn kill_tracker(
    stage: &Stage,
    tracker: mika_durability::server::Server,
) -> mika_durability::server::Server {
    thread::scope(|scope| {
        if fastrand::bool() {
            // It is killed while it answers, so the answer says nothing.
            scope.spawn(|| stage.clock.flush(&stage.site));
            thread::sleep(Duration::from_micros(fastrand::u64(0..20_000)));
        }
        stage.kill(tracker);
    });
    stage.start()
}
