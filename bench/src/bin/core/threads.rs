//! The same announces by more and more threads.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use mika_bench::population::{START_SECONDS, drain};
use mika_bench::sequence::{Sequence, spread, thread_cpu};
use mika_core::{PeerList, Tracker};
use serde_json::{Value, json};

use crate::Size;

const ANNOUNCES_PER_THREAD: usize = 50_000;

const THREADS: [u32; 3] = [1, 2, 4];

/// What a round has cost.
struct Round {
    announces_per_second: f64,
    cpu_ns_per_announce: f64,
}

/// Rounds by the number of threads. In a round all numbers take turns.
pub(crate) struct Outcome([Vec<Round>; THREADS.len()]);

pub(crate) fn run(size: Size) -> Result<Outcome> {
    let tracker = size.filled()?;
    let mut outcome = Outcome(Default::default());
    for round in 1..=size.rounds {
        for (rounds, threads) in outcome.0.iter_mut().zip(THREADS) {
            rounds.push(measure(&tracker, size, threads, round)?);
        }
    }
    Ok(outcome)
}

impl Outcome {
    fn by_threads(&self) -> impl Iterator<Item = (u32, [Vec<f64>; 2])> {
        THREADS.into_iter().zip(&self.0).map(|(threads, rounds)| {
            let rates = rounds.iter().map(|round| round.announces_per_second).collect();
            let cpu = rounds.iter().map(|round| round.cpu_ns_per_announce).collect();
            (threads, [rates, cpu])
        })
    }
}

impl crate::Outcome for Outcome {
    fn text(&self) -> Result<String> {
        let head = "threads  announces/s (min median max)   x of one   CPU ns/announce  x of one";
        let mut lines = vec![head.to_owned()];
        let mut first = None;
        for (threads, [rates, cpu]) in self.by_threads() {
            let (low, rate, high) = spread(rates).context("no rounds")?;
            let (_, cpu, _) = spread(cpu).context("no rounds")?;
            let (rate_of_one, cpu_of_one) = *first.get_or_insert((rate, cpu));
            lines.push(format!(
                "{threads:>7}  {low:>9.0} {rate:>9.0} {high:>9.0}   {:>8.2}   {cpu:>15.0}  {:>8.2}",
                rate / rate_of_one,
                cpu / cpu_of_one,
            ));
        }
        Ok(lines.join("\n"))
    }

    fn json(&self) -> Value {
        let one = |(threads, [rates, cpu]): (u32, [Vec<f64>; 2])| {
            json!({
                "threads": threads,
                "announces_per_second": rates,
                "cpu_ns_per_announce": cpu,
            })
        };
        json!({ "by_threads": self.by_threads().map(one).collect::<Vec<_>>() })
    }
}

fn measure(tracker: &Tracker, size: Size, threads: u32, round: u32) -> Result<Round> {
    let population = size.population();
    // It grows with every measurement.
    let report = round * 10 + threads;
    let sequences = (0..threads)
        .map(|thread| {
            let seed = u64::from(report) << 8 | u64::from(thread);
            Sequence::random(&population, ANNOUNCES_PER_THREAD, size.numwant, report, seed)
        })
        .collect::<Result<Vec<_>>>()?;
    drain(tracker, START_SECONDS);
    let together = Barrier::new(sequences.len());
    let work = |sequence: &Sequence| -> Result<(f64, f64)> {
        let mut list = PeerList::new(1);
        together.wait();
        let (begun, cpu) = (Instant::now(), thread_cpu()?);
        sequence.run(tracker, &mut list)?;
        let cpu = thread_cpu()?.saturating_sub(cpu);
        Ok((begun.elapsed().as_secs_f64(), cpu.as_secs_f64()))
    };
    let times = thread::scope(|scope| {
        let threads: Vec<_> =
            sequences.iter().map(|sequence| scope.spawn(|| work(sequence))).collect();
        let join = |it: thread::ScopedJoinHandle<'_, _>| it.join().map_err(|_| anyhow!("panic"))?;
        threads.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    let announces = ANNOUNCES_PER_THREAD as f64;
    // Each at its own pace: a thread that waits for a processor does not slow the others.
    let announces_per_second = times.iter().map(|(wall, _)| announces / wall).sum();
    let cpu: f64 = times.iter().map(|(_, cpu)| cpu).sum();
    let cpu_ns_per_announce = cpu * 1e9 / announces / f64::from(threads);
    Ok(Round { announces_per_second, cpu_ns_per_announce })
}
