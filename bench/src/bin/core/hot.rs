//! One torrent that everybody wants, beside all the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use mika_bench::population::{START_SECONDS, drain};
use mika_bench::sequence::{Sequence, spread, thread_cpu};
use mika_core::{PeerList, Tracker};

use crate::Size;

const ANNOUNCES: usize = 50_000;
/// Threads that announce for the hot torrent.
const HOT_THREADS: u64 = 2;

pub(crate) fn run(size: Size) -> Result<()> {
    let tracker = size.filled()?;
    let alone = measure(&tracker, size, None)?;
    // A user has one session in a torrent.
    let hot_peers = size.population().users;
    let hot = Size { torrents: 1, peers_per_torrent: hot_peers, ..size };
    // Its torrent is the first of the many, too: the same tracker holds it.
    let mut list = PeerList::new(1);
    hot.population().join(&tracker, 0..hot_peers, 10_000, &mut list)?;
    let beside = measure(&tracker, size, Some(hot))?;
    println!("CPU ns per announce for other torrents (min median max)");
    for (name, (low, middle, high)) in [("alone", alone), ("beside a hot torrent", beside)] {
        println!("{name:<22} {low:>7.0} {middle:>7.0} {high:>7.0}");
    }
    println!("ratio of the medians   {:>7.2}", beside.1 / alone.1);
    Ok(())
}

fn measure(tracker: &Tracker, size: Size, hot: Option<Size>) -> Result<(f64, f64, f64)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let heaters: Vec<_> = (0..hot.map_or(0, |_| HOT_THREADS))
            .map(|thread| {
                scope.spawn({
                    let done = &done;
                    move || hot.map_or(Ok(()), |hot| heat(tracker, hot, thread, done))
                })
            })
            .collect();
        let figures = (1..=size.rounds).map(|round| one(tracker, size, round)).collect();
        done.store(true, Ordering::Relaxed);
        for heater in heaters {
            heater.join().map_err(|_| anyhow!("panic"))??;
        }
        spread(Result::<Vec<f64>>::from_iter::<Vec<_>>(figures)?).context("no rounds")
    })
}

fn one(tracker: &Tracker, size: Size, round: u32) -> Result<f64> {
    let seed = u64::from(round);
    let sequence =
        Sequence::random(&size.population(), ANNOUNCES, size.numwant, 100 + round, seed)?;
    drain(tracker, START_SECONDS);
    let mut list = PeerList::new(1);
    let before = thread_cpu()?;
    sequence.run(tracker, &mut list)?;
    Ok(thread_cpu()?.saturating_sub(before).as_secs_f64() * 1e9 / ANNOUNCES as f64)
}

/// Announces for the hot torrent until told to end.
fn heat(tracker: &Tracker, hot: Size, thread: u64, done: &AtomicBool) -> Result<()> {
    let mut list = PeerList::new(1);
    for report in 1.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let seed = thread << 32 | u64::from(report);
        Sequence::random(&hot.population(), 10_000, hot.numwant, report, seed)?
            .run(tracker, &mut list)?;
    }
    Ok(())
}
