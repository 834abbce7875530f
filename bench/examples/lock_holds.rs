//! How long others wait for the lock of one swarm of a million peers while it is drained,
//! snapshotted and expired: `cargo run --release -p mika-bench --example lock_holds [peers]`.
//!
//! One thread scrapes the swarm without pause, which takes the lock each time; its longest waits
//! are shown. On a machine that is busy with other things, the longest of all are the scheduler's.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mika_bench::population::{Population, START_SECONDS, drain};
use mika_core::{Mode, PeerList, Tracker};
use mika_protocol::InfoHash;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PEERS: u32 = 1_000_000;

/// Longest waits shown.
const SHOWN: usize = 8;

fn main() -> Result<()> {
    let peers = std::env::args().nth(1).map_or(Ok(PEERS), |text| text.parse())?;
    let population = Population {
        mode: Mode::Private,
        torrents: 1,
        peers_per_torrent: peers,
        users: peers,
        leecher_every: 5,
        v6: false,
    };
    let tracker = population.registered()?;
    let mut list = PeerList::new(1);
    let request = population.request(population.peer(0, 0), 0, 0)?;
    let hash = request.info_hash;
    watch("everybody joins, nothing is drained", &tracker, hash, || {
        for number in 0..peers {
            let peer = population.peer(number, 0);
            let request = population.request(peer, 0, 0)?;
            population.announce(&tracker, &request, peer, START_SECONDS, &mut list)?;
        }
        Ok(())
    })?;
    watch("the drain of all", &tracker, hash, || {
        drain(&tracker, START_SECONDS);
        Ok(())
    })?;
    watch("a snapshot", &tracker, hash, || {
        let mut items = 0;
        tracker.drain_and_snapshot(START_SECONDS, |item| {
            black_box(item);
            items += 1;
        });
        ensure!(items == peers, "{items} items");
        Ok(())
    })?;
    let later = START_SECONDS + 100_000;
    watch("all expire", &tracker, hash, || {
        let gone: usize = (0..Tracker::PARTS).map(|part| tracker.expire(part, later)).sum();
        ensure!(gone == peers as usize, "{gone} are gone");
        Ok(())
    })?;
    watch("the drain of those that are gone", &tracker, hash, || {
        drain(&tracker, later);
        Ok(())
    })
}

/// Does something while another thread takes the lock again and again.
fn watch(
    what: &str,
    tracker: &Tracker,
    hash: InfoHash,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let is_done = AtomicBool::new(false);
    let (waits, took) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut longest = vec![Duration::ZERO; SHOWN];
            while !is_done.load(Ordering::Relaxed) {
                let started = Instant::now();
                black_box(tracker.scrape(hash));
                let wait = started.elapsed();
                if let Some(shortest) = longest.last_mut().filter(|shortest| **shortest < wait) {
                    *shortest = wait;
                    longest.sort_unstable_by(|a, b| b.cmp(a));
                }
                std::thread::sleep(Duration::from_micros(20));
            }
            longest
        });
        let started = Instant::now();
        let result = work();
        let took = started.elapsed();
        is_done.store(true, Ordering::Relaxed);
        (watcher.join(), result.map(|()| took))
    });
    let waits = waits.map_err(|_| anyhow::anyhow!("the watcher has failed"))?;
    let waits: Vec<String> =
        waits.iter().map(|wait| format!("{:.2}", wait.as_secs_f64() * 1000.0)).collect();
    println!("{what}: {:.0?}; longest waits in ms: {}", took?, waits.join(" "));
    Ok(())
}
