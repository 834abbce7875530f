//! What is left of a batch when the server, the connection or the writer goes away in the middle.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/redis.rs"]
mod support;

use std::future::Future;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use mika_core::batch::{Batch, RegisteredRow};
use mika_store::contract::{Totals, model};
use mika_store::redis::RedisOptions;
use mika_store::{Applied, Catalog, DeadLetter, RedisStore, Store, StoreError};
use mika_test_servers::{Server, need};
use support::{Redis, durable_server};

/// Rows of each kind in a batch: more than one chunk.
const ROWS: u32 = 1500;
/// Tells a copy of this test binary where to write to.
const CHILD_URL: &str = "MIKA_STORE_TEST_CHILD_URL";

fn totals_up_to(number: u64) -> Totals {
    let mut totals = Totals::seeded(ROWS, ROWS);
    for number in 1..=number {
        totals.add(&model::batch(number, ROWS, 1), i64::MAX as u64);
    }
    totals
}

/// A writer that sends each batch again until it is taken, as the tracker does.
struct Applier {
    applied: Arc<AtomicU64>,
    failures: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Applier {
    fn start(store: Arc<RedisStore>) -> Self {
        let (applied, failures) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let stop = Arc::<AtomicBool>::default();
        let shared = (Arc::clone(&applied), Arc::clone(&failures), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let (applied, failures, stop) = shared;
            for number in 1.. {
                let batch = model::batch(number, ROWS, 1);
                while let Err(error) = store.apply(&batch).await {
                    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
                    failures.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                applied.store(number, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Self { applied, failures, stop, task }
    }

    /// Waits until it is past a batch.
    async fn wait_for(&self, number: u64) {
        // The test runner's time limit ends it if that never comes.
        while self.applied.load(Ordering::SeqCst) < number {
            assert!(!self.task.is_finished(), "the applier has ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How many batches were applied, and how many attempts failed.
    async fn stop(self) -> (u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        (self.applied.load(Ordering::SeqCst), self.failures.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_whole_batches() {
    let Some(mut server) = durable_server() else { return };
    let redis = Redis::on(&server);
    let store = Arc::new(redis.open().await);
    redis.seed(ROWS, ROWS).await;
    let applier = Applier::start(Arc::clone(&store));
    for kill in 0..10_u64 {
        let before = applier.applied.load(Ordering::SeqCst);
        applier.wait_for(before + 1).await;
        // Into the middle of a batch, at a moment that differs from kill to kill.
        tokio::time::sleep(Duration::from_millis(7 * kill)).await;
        server.kill_9();
        server.restart();
    }
    let (applied, failures) = applier.stop().await;
    assert!(failures > 0, "no batch was hit");
    assert!(redis.totals().await == totals_up_to(applied), "not exactly {applied} batches");
    assert_eq!(store.checkpoint().await.unwrap(), applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_in_a_batch_is_unavailable_and_the_batch_again_completes_it() {
    // Of its own: whoever kills connections kills everybody's.
    let Some(server) = durable_server() else { return };
    let redis = Redis::on(&server);
    let store = Arc::new(redis.open().await);
    redis.seed(ROWS, ROWS).await;
    let applier = Applier::start(Arc::clone(&store));
    let mut connection = redis.connect().await;
    for number in 0..100 {
        redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .exec_async(&mut connection)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(number % 40)).await;
    }
    let (applied, failures) = applier.stop().await;
    assert!(failures > 0, "no batch was hit");
    assert!(redis.totals().await == totals_up_to(applied), "not exactly {applied} batches");
}

/// Applies batches 1, 2, 3, … until it is killed; does nothing unless a test started it.
#[tokio::test]
async fn the_child_applies_batches_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD_URL) else { return };
    let options = RedisOptions { url, prefix: support::PREFIX.into() };
    let store = RedisStore::open(&options).await.unwrap();
    for number in store.checkpoint().await.unwrap() + 1.. {
        store.apply(&model::batch(number, ROWS, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_batches_once_another_one_opens() {
    let Some(redis) = Redis::new() else { return };
    redis.open().await.close().await;
    redis.seed(ROWS, ROWS).await;
    let mut cut_short = 0;
    for round in 0..8 {
        let before = checkpoint(&redis).await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_child_applies_batches_until_it_is_killed"])
            .env(CHILD_URL, redis.0.url())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while checkpoint(&redis).await == before {
            assert!(child.try_wait().unwrap().is_none(), "the child has ended");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(5 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let number = checkpoint(&redis).await;
        if redis.totals().await != totals_up_to(number) {
            cut_short += 1;
        }
        redis.open().await.close().await;
        let number = checkpoint(&redis).await;
        assert!(redis.totals().await == totals_up_to(number), "not exactly {number} batches");
    }
    println!("{cut_short} of 8 kills hit a batch between commit and fold");
}

/// The checkpoint, read past the store.
async fn checkpoint(redis: &Redis) -> u64 {
    let mut connection = redis.connect().await;
    let key = format!("{}checkpoint", support::PREFIX);
    redis::cmd("GET").arg(key).query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_server_that_has_been_emptied_gets_nothing() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(2, 2).await;
    store.apply(&model::batch(1, 2, 1)).await.unwrap();
    redis.command("FLUSHDB").await;
    let mut kept = Vec::new();
    let mut keep = |letters: &[DeadLetter]| {
        kept.extend_from_slice(letters);
        Ok(())
    };
    let error = store.apply_with(&model::batch(2, 2, 1), &mut keep).await.unwrap_err();
    assert!(matches!(&error, StoreError::Broken(text) if text.contains("it is empty")), "{error}");
    assert_eq!(kept, []);
    assert_eq!(redis.totals().await, Totals::default());
}

#[tokio::test]
async fn a_server_that_lost_what_it_had_acknowledged_gets_nothing_more() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(2, 2).await;
    for number in 1..=3 {
        store.apply(&model::batch(number, 2, 1)).await.unwrap();
    }
    let before = redis.totals().await;
    redis.command("SET mika:checkpoint 2").await;
    let error = store.apply(&model::batch(4, 2, 1)).await.unwrap_err();
    let wanted = "it had batch 3 and is back at batch 2";
    assert!(matches!(&error, StoreError::Broken(text) if text.contains(wanted)), "{error}");
    assert_eq!(redis.totals().await, before);
    // A store that is opened anew, as at a start, goes on from there.
    let store = redis.open().await;
    assert_eq!(store.checkpoint().await.unwrap(), 2);
    assert!(!store.apply(&model::batch(3, 2, 1)).await.unwrap().repeated);
}

#[tokio::test]
async fn a_total_that_is_no_number_is_a_dead_letter() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(4, 4).await;
    redis.command("HSET mika:user:2 uploaded_raw many").await;
    redis.command("HSET mika:torrent:3 snatches -1").await;
    redis.command("SET mika:history:4:4 text").await;
    let applied = store.apply(&model::batch(1, 4, 1)).await.unwrap();
    let letters: Vec<_> = applied
        .dead_letters
        .iter()
        .map(|letter| (letter.table, letter.row.as_str(), letter.reason.as_str()))
        .collect();
    let number = "is not a whole number from 0 to 9223372036854775807";
    assert_eq!(letters.len(), 3, "{letters:?}");
    assert_eq!(letters[0].0, "users");
    assert!(letters[0].1.starts_with(r#"{"user_id":2,"#), "{letters:?}");
    assert_eq!(letters[0].2, format!("uploaded_raw {number}"));
    assert_eq!((letters[1].0, letters[1].2), ("torrents", &*format!("snatches {number}")));
    assert_eq!(letters[2].0, "history");
    assert!(letters[2].2.starts_with("WRONGTYPE"), "{letters:?}");
    redis.command("HSET mika:user:2 uploaded_raw 0").await;
    redis.command("HDEL mika:torrent:3 snatches").await;
    redis.command("DEL mika:history:4:4").await;
    let totals = redis.totals().await;
    assert_eq!((totals.users[&2], totals.torrents[&3]), (model::user(2, 0), model::torrent(3, 0)));
    assert_eq!(totals.users[&4], model::user(4, 5));
    assert_eq!(totals.history.len(), 3);
}

#[tokio::test]
async fn a_row_that_became_impossible_after_the_commit_is_kept_with_the_next_batch() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(2, 2).await;
    // As if the writer had died after the commit, and user 9 had been there when it checked.
    let chunk = concat!(
        r#"{"table":"users","key":"user:","ids":1,"requires":"role_id","unknown":"gone","#,
        r#""sums":["uploaded"],"sets":[],"newer":[],"#,
        r#""rows":[[9,"9223372036854775807",5],[1,7,5]]}"#
    );
    redis.command(&format!("RPUSH mika:batch:committed {chunk}")).await;
    let mut kept = Vec::new();
    let mut keep = |letters: &[DeadLetter]| {
        kept.extend_from_slice(letters);
        Ok(())
    };
    let applied = store.apply_with(&model::batch(1, 2, 0), &mut keep).await.unwrap();
    let letter = DeadLetter {
        table: "users",
        row: r#"[9,"9223372036854775807",5]"#.into(),
        reason: "gone".into(),
    };
    assert_eq!((&applied.dead_letters, &kept), (&vec![letter.clone()], &vec![letter]));
    let user = redis.totals().await.users[&1];
    assert_eq!(user.traffic.uploaded_credited, 7 + 3);
    assert_eq!(store.apply(&model::batch(1, 2, 0)).await.unwrap().dead_letters, []);
}

#[tokio::test]
async fn a_number_that_a_script_cannot_compare_is_invalid() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    let batch = Batch { number: 1 << 53, ..Batch::default() };
    assert!(matches!(store.apply(&batch).await, Err(StoreError::Invalid(_))));
}

#[tokio::test]
async fn a_batch_is_acknowledged_once_it_is_synced_where_the_server_can_tell() {
    let everysec = support::options().durable().set("appendfsync", "everysec");
    let server = need!(Server::start(&everysec));
    let redis = Redis::on(&server);
    let found = RedisStore::examine(&redis.options()).await.unwrap();
    if found.strengths.iter().any(|text| text.contains("WAITAOF")) {
        let store = redis.open().await;
        redis.seed(2, 2).await;
        assert!(!store.apply(&model::batch(1, 2, 1)).await.unwrap().repeated);
        return;
    }
    // Before Redis 7.2 there is no WAITAOF: ZRANGE stands in for it. `WAITAOF 1 0 …` then answers
    // with the members of the sorted set `1`.
    let server = need!(Server::start(&everysec.set("rename-command", "ZRANGE WAITAOF")));
    let redis = Redis::on(&server);
    redis.command("ZADD 1 0 1 5 0").await;
    let store = redis.open().await;
    redis.seed(2, 2).await;
    assert!(!store.apply(&model::batch(1, 2, 1)).await.unwrap().repeated);
    assert!(store.delete_role(9).await.is_ok());

    redis.command("ZADD 1 9 1").await;
    let batch = model::batch(2, 2, 1);
    for error in [store.apply(&batch).await.unwrap_err(), store.delete_role(9).await.unwrap_err()] {
        let wanted = "append-only file is not synced";
        assert!(
            matches!(&error, StoreError::Unavailable(text) if text.contains(wanted)),
            "{error}"
        );
    }
    redis.command("ZADD 1 0 1").await;
    assert!(store.apply(&batch).await.unwrap().repeated);
    let mut totals = Totals::seeded(2, 2);
    totals.add(&model::batch(1, 2, 1), i64::MAX as u64);
    totals.add(&batch, i64::MAX as u64);
    assert_eq!(redis.totals().await, totals);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_program_adds_during_batches_is_not_lost() {
    const TIMES: u64 = 300;
    let Some(redis) = Redis::new() else { return };
    let store = Arc::new(redis.open().await);
    redis.seed(ROWS, ROWS).await;
    let applier = Applier::start(Arc::clone(&store));
    let mut connection = redis.connect().await;
    for _ in 0..TIMES {
        let mut command = redis::cmd("HINCRBY");
        let command = command.arg("mika:user:7").arg("uploaded").arg(3);
        command.exec_async(&mut connection).await.unwrap();
    }
    applier.wait_for(2).await;
    let (applied, failures) = applier.stop().await;
    assert_eq!(failures, 0);
    let mut totals = totals_up_to(applied);
    totals.users.get_mut(&7).unwrap().traffic.uploaded_credited += 3 * TIMES;
    assert!(redis.totals().await == totals, "not exactly {applied} batches and the other's bytes");
}

/// Nobody is in a swarm, and all else is as it was.
fn forgotten(mut totals: Totals) -> Totals {
    for row in totals.torrents.values_mut() {
        (row.seeders, row.leechers) = (0, 0);
    }
    totals.history.values_mut().for_each(|row| row.active = false);
    totals
}

#[tokio::test]
async fn forgetting_that_is_cut_short_is_completed_by_the_next_start() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(ROWS, ROWS).await;
    let mut cancelled = 0;
    for number in 1.. {
        store.apply(&model::batch(number, ROWS, 1)).await.unwrap();
        let wanted = forgotten(redis.totals().await);
        let mut forgetting = Box::pin(store.forget_peers());
        // Each round lets it get a few answers of the server further than the round before.
        let mut left = 3 * cancelled;
        let is_complete = std::future::poll_fn(|context| match forgetting.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => {
                left -= 1;
                Poll::Pending
            }
        });
        let is_complete = is_complete.await.map(Result::unwrap).is_some();
        drop(forgetting);
        if !is_complete {
            cancelled += 1;
            redis.open().await.forget_peers().await.unwrap();
        }
        assert!(redis.totals().await == wanted, "cancelled {cancelled} times");
        assert_eq!(checkpoint(&redis).await, number);
        if is_complete {
            break;
        }
    }
    assert!(cancelled > 3, "cancelled {cancelled} times only");
}

#[tokio::test]
async fn a_prefix_that_is_a_pattern_forgets_no_peers_of_others() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(2, 2).await;
    store.apply(&model::batch(1, 2, 1)).await.unwrap();
    let before = redis.totals().await;
    for prefix in ["mik?:", "*", "mik[a-z]:", ""] {
        let options = RedisOptions { prefix: prefix.into(), ..redis.options() };
        let other = RedisStore::open(&options).await.unwrap();
        redis.command(&format!("HSET {prefix}history:7:8 active 1")).await;
        other.forget_peers().await.unwrap();
        let active = redis.command(&format!("HGET {prefix}history:7:8 active")).await;
        assert_eq!(active, redis::Value::BulkString(b"0".into()), "{prefix:?}");
        assert_eq!(redis.totals().await, before, "{prefix:?}");
    }
}

#[tokio::test]
async fn what_is_no_record_does_not_keep_others_from_being_forgotten() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(2, 2).await;
    store.apply(&model::batch(1, 2, 1)).await.unwrap();
    let wanted = forgotten(redis.totals().await);
    for command in [
        "SET mika:history:1:9x text",
        "SET mika:torrent:1001 text",
        "ZADD mika:torrents 1001 1001 1002 1002",
    ] {
        redis.command(command).await;
    }
    store.forget_peers().await.unwrap();
    for key in ["mika:history:1:9x", "mika:torrent:1001"] {
        let text = redis.command(&format!("GETDEL {key}")).await;
        assert_eq!(text, redis::Value::BulkString(b"text".into()), "{key}");
    }
    assert_eq!(redis.totals().await, wanted);
}

#[tokio::test]
async fn an_info_hash_with_an_id_that_is_none_stops_the_batch_that_names_it() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    let row = RegisteredRow {
        torrent_id: RegisteredRow::FIRST_ID,
        info_hash: mika_store::InfoHash([0xab; 20]),
        registered_at_seconds: 9,
    };
    let batch = Batch { number: 1, registered: vec![row], ..Batch::default() };
    let index = format!("mika:torrents:info_hash {}", row.info_hash);
    redis.command(&format!("HSET {index} many")).await;
    let error = store.apply(&batch).await.unwrap_err();
    let wanted = format!("torrents:info_hash: {}: no id of a torrent", row.info_hash);
    assert!(matches!(&error, StoreError::Broken(text) if text.contains(&wanted)), "{error}");
    assert_eq!(store.checkpoint().await.unwrap(), 0);
    redis.command(&format!("HDEL {index}")).await;
    assert_eq!(store.apply(&batch).await.unwrap(), Applied::default());
    assert_eq!(redis.totals().await.torrents.len(), 1);
}
