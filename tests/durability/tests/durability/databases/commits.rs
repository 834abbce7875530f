//! Commits whose end the tracker does not see.

use std::thread;
use std::time::{Duration, Instant};

use mika_durability::server::PATIENCE;
use mika_durability::tables::Tables;
use mika_test_servers::{Database, Kind, Options, Proxy, Server, Traffic, need};

use super::SMALL;
use crate::support::{Stage, is_long};

/// How long a commit takes at least.
const COMMIT_MILLISECONDS: u64 = 150;

/// Lets every commit of a batch take a while in the server, and the server go on with it whatever
/// becomes of its client.
fn slow_commits(database: &Database) {
    let statements = match database.endpoint().kind() {
        Kind::PostgreSql => format!(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN PERFORM pg_sleep({COMMIT_MILLISECONDS} / 1000.0); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON mika_checkpoint
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();"
        ),
        // There is nothing that could run in a commit: it is held up from outside.
        _ => return,
    };
    database.query(&statements).unwrap();
}

/// Runs `scene` while a batch is being committed.
fn in_a_commit<T>(database: &Database, scene: impl FnOnce() -> T) -> T {
    if database.endpoint().kind() == Kind::PostgreSql {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mika'
                     AND query = 'COMMIT' AND state = 'active'";
        wait_until(|| database.query(query).unwrap() != "0");
        return scene();
    }
    // No more than one is held up, for there is one writer.
    let query = "SELECT COUNT(*) FROM information_schema.PROCESSLIST
                 WHERE STATE = 'Waiting for backup lock' AND INFO LIKE 'COMMIT%'";
    let hold = "BACKUP STAGE START; BACKUP STAGE FLUSH; BACKUP STAGE BLOCK_DDL;
                BACKUP STAGE BLOCK_COMMIT; DO SLEEP(1); BACKUP STAGE END";
    let mut scene = Some(scene);
    let begin = Instant::now();
    loop {
        let result = thread::scope(|scope| {
            let hold = scope.spawn(move || database.query(hold).unwrap());
            let mut is_held = false;
            while !is_held && !hold.is_finished() {
                is_held = database.query(query).unwrap() != "0";
            }
            is_held.then(|| scene.take().unwrap()())
        });
        if let Some(result) = result {
            return result;
        }
        assert!(begin.elapsed() < PATIENCE, "there is no commit");
    }
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "there is no commit");
    }
}

fn checkpoint(stage: &Stage) -> u64 {
    stage.database().query("SELECT number FROM mika_checkpoint").unwrap().parse().unwrap()
}

#[test]
fn a_batch_whose_commit_postgresql_confirmed_to_nobody_is_not_applied_again() {
    lose_answers(18, &need!(Server::start(&Options::postgresql())));
}

#[test]
fn a_batch_whose_commit_mariadb_confirmed_to_nobody_is_not_applied_again() {
    lose_answers(19, &need!(Server::start(&Options::mariadb())));
}

fn lose_answers(number: u16, server: &Server) {
    let rounds = if is_long() { 30 } else { 3 };
    let proxy = Proxy::start(server.address());
    let url = |database: &Database| database.url_at(proxy.address());
    let (stage, machines) = Stage::on_server(number, server, Tables::Mika, SMALL, url);
    slow_commits(stage.database());
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    let lost = stage.announce_while(&mut fleet, || {
        stage.wait_for_traffic();
        let mut lost = 0;
        for _ in 0..rounds {
            in_a_commit(stage.database(), || {
                proxy.set(Traffic::AnswersLost);
            });
            // Everything else is idle: what the tracker knows and what the server has done.
            let known = stage.site.admin().stats().flush.applied_batch_number;
            thread::sleep(Duration::from_millis(COMMIT_MILLISECONDS * 3));
            lost += u32::from(checkpoint(&stage) > known);
            proxy.cut();
            proxy.set(Traffic::Passes);
            thread::sleep(Duration::from_millis(fastrand::u64(100..400)));
        }
        lost
    });
    assert_eq!(stage.clock.lost(), 0, "no announce may fail");
    println!("{}: {lost} commits in {rounds} rounds were confirmed to nobody", server.kind());
    assert!(lost >= rounds / 2, "hardly any answer was lost: {lost}");
    stage.assert_exact(&mut fleet, "after lost answers");
    stage.terminate(tracker);
}

#[test]
fn a_commit_in_postgresql_that_outlives_its_tracker_is_not_applied_again() {
    outlive(20, &need!(Server::start(&Options::postgresql())));
}

#[test]
fn a_commit_in_mariadb_that_outlives_its_tracker_is_not_applied_again() {
    outlive(21, &need!(Server::start(&Options::mariadb())));
}

fn outlive(number: u16, server: &Server) {
    let rounds = if is_long() { 20 } else { 2 };
    let (stage, machines) = Stage::on_server(number, server, Tables::Mika, SMALL, Database::url);
    slow_commits(stage.database());
    let mut fleet = stage.fleet(machines);
    let mut tracker = stage.start();
    let tracker = stage.announce_while(&mut fleet, || {
        stage.wait_for_traffic();
        for _ in 0..rounds {
            in_a_commit(stage.database(), || stage.kill(tracker));
            tracker = stage.start();
            thread::sleep(Duration::from_millis(fastrand::u64(100..400)));
        }
        tracker
    });
    stage.assert_exact(&mut fleet, "after commits that outlived their tracker");
    stage.terminate(tracker);
}

#[test]
fn an_answer_of_postgresql_that_never_comes_is_not_waited_for_for_ever() {
    forget(22, Options::postgresql());
}

#[test]
fn an_answer_of_mariadb_that_never_comes_is_not_waited_for_for_ever() {
    forget(23, Options::mariadb());
}

/// The connection stays, but the server has forgotten it, as after a power cut.
fn forget(number: u16, options: Options) {
    if !is_long() {
        println!("SKIPPED: it waits for a minute; MIKA_LONG=1 runs it");
        return;
    }
    let server = need!(Server::start(&options));
    let proxy = Proxy::start(server.address());
    let url = |database: &Database| database.url_at(proxy.address());
    let (stage, machines) = Stage::on_server(number, &server, Tables::Mika, SMALL, url);
    slow_commits(stage.database());
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.announce_while(&mut fleet, || {
        in_a_commit(stage.database(), || proxy.set(Traffic::AnswersLost));
        thread::sleep(Duration::from_millis(COMMIT_MILLISECONDS * 3));
        proxy.set(Traffic::Passes);
        if server.kind() == Kind::PostgreSql {
            stage.database().query("DROP TRIGGER slow ON mika_checkpoint").unwrap();
        }
        thread::sleep(Duration::from_secs(30));
        let flush = stage.site.admin().stats().flush;
        assert!(flush.lag_seconds > 20 && flush.failures == 0, "{flush:?}");
        stage.site.admin().wait_for("an end of the waiting", |admin| {
            let flush = admin.stats().flush;
            flush.failures > 0 && admin.ready().ready
        });
    });
    assert_eq!(stage.clock.lost(), 0, "no announce may fail");
    assert!(stage.site.log().contains("no answer within 60 s"), "{}", stage.site.log());
    stage.assert_exact(&mut fleet, "after an answer that never came");
    stage.terminate(tracker);
}
