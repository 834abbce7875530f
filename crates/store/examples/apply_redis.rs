//! Times batches against a Redis server, and how long another client waits meanwhile.
//!
//! `cargo run --release -p mika-store --example apply_redis -- URL [ROWS]`: an empty database;
//! ROWS is the size of a batch, a third each of users, torrents and history.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mika_store::catalog::{NewTorrent, NewUser};
use mika_store::contract::model;
use mika_store::contract::records::Loaded;
use mika_store::redis::RedisOptions;
use mika_store::{Catalog, RedisStore, Store};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "redis://127.0.0.1:6379/0".into());
    let rows: u32 = arguments.next().map_or(200_000, |text| text.parse().unwrap());
    let options = RedisOptions { url: url.clone(), prefix: "apply-example:".into() };
    let store = RedisStore::open(&options).await.unwrap();
    let (records, begun) = (rows / 3, Instant::now());
    for number in 1..=records {
        add(&store, number).await;
    }
    println!("{records} users and torrents added in {:.1?}", begun.elapsed());
    for number in 1..=4 {
        let batch = model::batch(number, records, 5);
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = tokio::spawn(longest_wait(url.clone(), Arc::clone(&stop)));
        let (begun, before) = (Instant::now(), server_seconds(&url).await);
        let applied = store.apply(&batch).await.unwrap();
        let (took, used) = (begun.elapsed(), server_seconds(&url).await - before);
        stop.store(true, Ordering::Relaxed);
        let waited = watcher.await.unwrap();
        println!(
            "batch {number}: {} rows in {took:.1?}, {used:.2} s of the server's CPU, {} refused, \
             others waited {waited:.1?} at most",
            batch.rows(),
            applied.dead_letters.len()
        );
    }
    let begun = Instant::now();
    let mut loaded = Loaded::default();
    store.load(&mut loaded).await.unwrap();
    let rows = loaded.users.len() + loaded.torrents.len();
    println!("load: {rows} rows in {:.1?}", begun.elapsed());
    store.close().await;
}

async fn add(store: &RedisStore, number: u32) {
    let user = NewUser {
        name: format!("user{number}"),
        passkey: format!("passkey{number}"),
        role_id: 1,
        download_enabled: true,
        ..NewUser::default()
    };
    store.add_user(&user).await.unwrap();
    let mut info_hash = [0; 20];
    info_hash[..4].copy_from_slice(&number.to_be_bytes());
    let title = format!("torrent {number}");
    let torrent = NewTorrent { title, ..NewTorrent::new(mika_protocol::InfoHash(info_hash)) };
    store.add_torrent(&torrent).await.unwrap();
}

/// Seconds of CPU that the server has used.
async fn server_seconds(url: &str) -> f64 {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let info: redis::InfoDict =
        redis::cmd("INFO").arg("cpu").query_async(&mut connection).await.unwrap();
    info.get::<f64>("used_cpu_user").unwrap() + info.get::<f64>("used_cpu_sys").unwrap()
}

/// The longest that a PING takes until it is told to stop.
async fn longest_wait(url: String, stop: Arc<AtomicBool>) -> Duration {
    let client = redis::Client::open(url).unwrap();
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        redis::cmd("PING").exec_async(&mut connection).await.unwrap();
        longest = longest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    longest
}
