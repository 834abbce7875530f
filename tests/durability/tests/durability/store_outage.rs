//! A store that takes nothing for a while.

use std::thread;
use std::time::Duration;

use mika_durability::server::Tuning;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use tokio::runtime::{Builder, Runtime};

use crate::support::Stage;

/// Another program with a transaction open on the SQLite file.
pub struct Lock {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Lock {
    /// Takes the lock, or waits for it.
    pub fn take(stage: &Stage) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(stage.site.store())
            .busy_timeout(Duration::from_secs(30));
        let connection = runtime.block_on(async {
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            connection.execute("BEGIN EXCLUSIVE").await.unwrap();
            connection
        });
        Self { runtime, connection }
    }

    /// Gives it back.
    pub fn release(mut self) {
        self.runtime.block_on(async {
            self.connection.execute("ROLLBACK").await.unwrap();
            self.connection.close().await.unwrap();
        });
    }
}

#[test]
fn announces_go_on_while_the_store_is_locked_and_every_delta_is_there_once_afterwards() {
    let (stage, machines) = Stage::new(4, &Tuning::default(), None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.announce_while(&mut fleet, || {
        let lock = Lock::take(&stage);
        let (before, answered) = (stage.site.admin().stats().flush, stage.clock.answered());
        // SQLite waits 5 s for the lock before it says that it is locked.
        stage.site.admin().wait_for("a store that takes nothing", |admin| {
            let ready = admin.ready();
            let store = ready.checks.iter().find(|check| check.name == "store").unwrap();
            !ready.ready && !store.ok && store.reason.contains("announces go on")
        });
        thread::sleep(Duration::from_secs(9));
        let during = stage.site.admin().stats().flush;
        assert!(stage.clock.answered() > answered + 1000, "announces have to go on");
        assert!(during.journal_bytes > before.journal_bytes, "{before:?} {during:?}");
        assert!(during.last_batch_number > before.last_batch_number + 20, "{during:?}");
        assert!(during.applied_batch_number <= before.applied_batch_number + 1, "{during:?}");
        assert!(during.lag_seconds > 0, "{during:?}");
        lock.release();
        stage.site.admin().wait_for("a store that has everything", |admin| {
            let flush = admin.stats().flush;
            admin.ready().ready && flush.applied_batch_number >= during.last_batch_number
        });
    });
    assert_eq!(stage.clock.lost(), 0, "no announce may fail");
    stage.assert_exact(&mut fleet, "after the outage");
    assert!(stage.site.log().contains("does another program hold a transaction open on it?"));
    stage.terminate(server);
}

#[test]
fn a_kill_during_an_outage_loses_nothing_that_waits_in_the_journal() {
    let (stage, machines) = Stage::new(5, &Tuning::default(), None);
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    let lock = Lock::take(&stage);
    let before = stage.site.admin().stats().flush.applied_batch_number;
    stage.announce_unflushed_for(&mut fleet, Duration::from_secs(3));
    let waiting = stage.site.admin().stats().flush.last_batch_number;
    assert!(waiting > before + 10, "{waiting} {before}");
    stage.kill(server);

    // The store is locked still: the start says so.
    let (status, words) = stage.site.start_that_fails();
    assert_eq!(status.code(), Some(1), "{words}");
    assert!(words.contains("does another program hold a transaction open on it?"), "{words}");
    lock.release();

    let server = stage.start();
    assert!(stage.site.admin().stats().flush.applied_batch_number >= waiting);
    stage.assert_peers(&fleet);
    stage.assert_exact(&mut fleet, "after outage and kill");
    stage.terminate(server);
}
