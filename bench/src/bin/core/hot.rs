//! One torrent that everybody wants, beside all the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use mika_bench::population::{START_SECONDS, drain};
use mika_bench::sequence::{Sequence, spread, thread_cpu};
use mika_core::{PeerList, Tracker};
use serde_json::{Value, json};

use crate::Size;

const ANNOUNCES: usize = 50_000;
/// Threads that announce for the hot torrent, or for the others.
const HEATERS: u64 = 2;

/// Processor time of an announce for other torrents in nanoseconds, in each round. In a round all
/// take turns.
#[derive(Default)]
pub(crate) struct Outcome {
    alone: Vec<f64>,
    /// As many threads announce as beside the hot torrent: what the machine itself does to them.
    beside_others: Vec<f64>,
    beside_hot: Vec<f64>,
}

pub(crate) fn run(size: Size) -> Result<Outcome> {
    let tracker = size.filled()?;
    // A user has one session in a torrent.
    let hot_peers = size.population().users;
    let hot = Size { torrents: 1, peers_per_torrent: hot_peers, ..size };
    // Its torrent is the first of the many, too: the same tracker holds it.
    let mut list = PeerList::new(1);
    hot.population().join(&tracker, 0..hot_peers, 10_000, &mut list)?;
    let mut outcome = Outcome::default();
    for round in 1..=size.rounds {
        let mut report = round * 10;
        for (figures, heat) in [
            (&mut outcome.alone, None),
            (&mut outcome.beside_others, Some(size)),
            (&mut outcome.beside_hot, Some(hot)),
        ] {
            report += 1;
            figures.push(measure(&tracker, size, heat, report)?);
        }
    }
    Ok(outcome)
}

impl crate::Outcome for Outcome {
    fn text(&self) -> Result<String> {
        let mut lines =
            vec!["CPU ns per announce for other torrents (min median max)  x alone".to_owned()];
        let mut first = None;
        for (name, figures) in [
            ("alone", &self.alone),
            ("beside the other torrents", &self.beside_others),
            ("beside a hot torrent", &self.beside_hot),
        ] {
            let (low, middle, high) = spread(figures.clone()).context("no rounds")?;
            let ratio = middle / *first.get_or_insert(middle);
            lines.push(format!("{name:<28} {low:>8.0} {middle:>8.0} {high:>8.0} {ratio:>8.2}"));
        }
        Ok(lines.join("\n"))
    }

    fn json(&self) -> Value {
        json!({
            "alone_ns": self.alone,
            "beside_others_ns": self.beside_others,
            "beside_hot_ns": self.beside_hot,
        })
    }
}

fn measure(tracker: &Tracker, size: Size, hot: Option<Size>, report: u32) -> Result<f64> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let heaters: Vec<_> = (0..hot.map_or(0, |_| HEATERS))
            .map(|thread| {
                scope.spawn({
                    let done = &done;
                    move || hot.map_or(Ok(()), |hot| heat(tracker, hot, thread, done))
                })
            })
            .collect();
        let figure = one(tracker, size, report);
        done.store(true, Ordering::Relaxed);
        for heater in heaters {
            heater.join().map_err(|_| anyhow!("panic"))??;
        }
        figure
    })
}

fn one(tracker: &Tracker, size: Size, report: u32) -> Result<f64> {
    let seed = u64::from(report);
    let sequence = Sequence::random(&size.population(), ANNOUNCES, size.numwant, report, seed)?;
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
