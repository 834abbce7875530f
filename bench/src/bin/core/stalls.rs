//! The time of each announce, alone and while the tracker does its work in the background.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use mika_bench::population::START_SECONDS;
use mika_bench::sequence::Sequence;
use mika_core::{PeerList, Tracker};
use serde_json::{Value, json};

use crate::Size;

/// Announces per case; as many as a busy tracker has in a second or two.
const ANNOUNCES: usize = 200_000;
/// Between two announces, so that they are spread over the work beside them.
const PACE: Duration = Duration::from_micros(10);

type Work = fn(&Tracker);

const CASES: [(&str, Work); 4] = [
    ("alone", |_| thread::sleep(Duration::from_millis(1))),
    ("expiry", |tracker| {
        for part in 0..Tracker::PARTS {
            tracker.expire(part, START_SECONDS + 60);
        }
    }),
    ("flush", |tracker| drop(tracker.drain(START_SECONDS + 60, 0, usize::MAX))),
    ("flush and snapshot", |tracker| {
        let mut items = 0_u64;
        tracker.drain_and_snapshot(START_SECONDS + 60, |_| items += 1);
        std::hint::black_box(items);
    }),
];

/// Microseconds of an announce at some quantiles, beside each kind of work.
pub(crate) struct Outcome(Vec<Beside>);

struct Beside {
    work: &'static str,
    p50_us: f64,
    p99_us: f64,
    p99_9_us: f64,
    max_us: f64,
    /// How often the work was done.
    done: u32,
}

pub(crate) fn run(size: Size) -> Result<Outcome> {
    let tracker = size.filled()?;
    let mut outcome = Vec::new();
    for (number, (work, function)) in CASES.into_iter().enumerate() {
        let (mut times, done) = beside(&tracker, size, number, function)?;
        times.sort();
        let at = |share: f64| {
            let place = (times.len() as f64 * share) as usize;
            let last = times.len().saturating_sub(1);
            times.get(place.min(last)).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        let (p50_us, p99_us, p99_9_us, max_us) = (at(0.5), at(0.99), at(0.999), at(1.0));
        outcome.push(Beside { work, p50_us, p99_us, p99_9_us, max_us, done });
    }
    Ok(Outcome(outcome))
}

impl crate::Outcome for Outcome {
    fn text(&self) -> Result<String> {
        let head = "microseconds of an announce      p50     p99   p99.9     max   work done";
        let mut lines = vec![head.to_owned()];
        lines.extend(self.0.iter().map(|it| {
            format!(
                "{:<27} {:>8.1}{:>8.1}{:>8.1}{:>8.0}   {} x",
                it.work, it.p50_us, it.p99_us, it.p99_9_us, it.max_us, it.done
            )
        }));
        Ok(lines.join("\n"))
    }

    fn json(&self) -> Value {
        let one = |it: &Beside| {
            json!({
                "work": it.work,
                "p50_us": it.p50_us,
                "p99_us": it.p99_us,
                "p99_9_us": it.p99_9_us,
                "max_us": it.max_us,
                "done": it.done,
            })
        };
        json!({ "beside": self.0.iter().map(one).collect::<Vec<_>>() })
    }
}

/// The times of announces beside work that is done again and again, and how often it was done.
fn beside(
    tracker: &Tracker,
    size: Size,
    number: usize,
    work: Work,
) -> Result<(Vec<Duration>, u32)> {
    let report = 200 + u32::try_from(number)?;
    let sequence =
        Sequence::random(&size.population(), ANNOUNCES, size.numwant, report, u64::from(report))?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut done = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                work(tracker);
                done += 1;
            }
            done
        });
        let times = time_each(tracker, &sequence);
        stop.store(true, Ordering::Relaxed);
        let done = worker.join().map_err(|_| anyhow!("the work panicked"))?;
        Ok((times?, done))
    })
}

fn time_each(tracker: &Tracker, sequence: &Sequence) -> Result<Vec<Duration>> {
    let mut list = PeerList::new(1);
    let mut times = Vec::with_capacity(sequence.announces.len());
    for (request, source) in &sequence.announces {
        let begun = Instant::now();
        tracker
            .announce(request, *source, START_SECONDS + 60, &mut list)
            .map_err(|refusal| anyhow!("refused: {refusal:?}"))?;
        times.push(begun.elapsed());
        while begun.elapsed() < PACE {
            std::hint::spin_loop();
        }
    }
    Ok(times)
}
