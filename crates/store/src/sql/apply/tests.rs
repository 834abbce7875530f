use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use mika_core::batch::{Batch, Traffic, UserRow};
use mika_test_servers::{Database, Kind, Options, found, shared};

use crate::schema::{Dialect, Schema};
use crate::{MysqlStore, PostgresStore, Store, StoreError};

/// The first batch, with something for a user.
fn batch() -> Batch {
    let traffic = Traffic { uploaded_credited: 100, ..Traffic::default() };
    let user =
        UserRow { user_id: 7, traffic, seed_seconds: 0, snatches: 0, announced_at_seconds: 1 };
    Batch { number: 1, users: vec![user], ..Batch::default() }
}

async fn open(database: &Database) -> Result<Box<dyn Store>, StoreError> {
    let schema = |dialect| {
        Schema::open("mika", dialect, &BTreeMap::new())
            .map_err(|error| StoreError::Broken(error.to_string()))
    };
    Ok(match database.endpoint().kind() {
        Kind::PostgreSql => {
            Box::new(PostgresStore::open(&database.url(), schema(Dialect::Postgres)?).await?)
        }
        _ => Box::new(MysqlStore::open(&database.url(), schema(Dialect::Mysql)?).await?),
    })
}

const USER: &str = "INSERT INTO users (id, name, passkey, role_id) VALUES (7, 'u', 'p', 1)";

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_under_way_is_waited_for_and_its_batch_is_not_applied_again() {
    for options in [Options::postgresql(), Options::mariadb()] {
        let Some(server) = found(shared(&options)) else { continue };
        let database = server.create_database();
        let store = open(&database).await.unwrap();
        database.query(USER).unwrap();
        // What a process that was killed, or a connection that was lost, has left behind.
        let (begin, sleep) = match server.kind() {
            Kind::PostgreSql => ("BEGIN", "SELECT pg_sleep(1.5)"),
            _ => ("START TRANSACTION", "DO SLEEP(1.5)"),
        };
        let script = format!(
            "{begin}; UPDATE users SET uploaded = uploaded + 100 WHERE id = 7;
             UPDATE mika_checkpoint SET number = 1; {sleep}; COMMIT"
        );
        let applied = thread::scope(|scope| {
            let other = scope.spawn(|| database.query(&script).unwrap());
            let sleeping = match server.kind() {
                Kind::PostgreSql => {
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE wait_event = 'PgSleep' AND datname = current_database()"
                }
                _ => {
                    "SELECT COUNT(*) FROM information_schema.PROCESSLIST
                     WHERE STATE = 'User sleep' AND DB = DATABASE()"
                }
            };
            let begin = Instant::now();
            while database.query(sleeping).unwrap() == "0" {
                assert!(begin.elapsed() < Duration::from_secs(60), "it does not sleep");
            }
            let runtime = tokio::runtime::Handle::current();
            let batch = batch();
            let applied =
                tokio::task::block_in_place(|| runtime.block_on(store.apply(&batch))).unwrap();
            other.join().unwrap();
            applied
        });
        assert!(applied.repeated, "{}", server.kind());
        assert_eq!(database.query("SELECT uploaded FROM users WHERE id = 7").unwrap(), "100");
        store.close().await;
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_written_is_told_when_the_store_is_opened() {
    for options in [Options::postgresql(), Options::mariadb()] {
        let Some(server) = found(shared(&options)) else { continue };
        let database = server.create_database();
        open(&database).await.unwrap().close().await;
        database.query("ALTER TABLE history RENAME TO historia").unwrap();
        let Err(error) = open(&database).await else { panic!("it opens") };
        assert!(matches!(error, StoreError::Broken(_)), "{error:?}");
        let words = error.to_string();
        assert!(words.contains("history") && words.contains(database.name()), "{words}");
        database.query("ALTER TABLE historia RENAME TO history").unwrap();
        let store = open(&database).await.unwrap();
        assert_eq!(store.checkpoint().await.unwrap(), 0);
        store.close().await;
    }
}
