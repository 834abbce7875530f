//! Requests and announces a second, as the reports of other trackers tell them: averages over
//! several windows, in which what is older weighs less.

use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::Mutex;

use super::Shared;
use crate::control::now_seconds;
use crate::counters::CountersSnapshot;

/// Seconds of each window.
pub(super) const WINDOWS: [f64; 5] = [1.0, 10.0, 60.0, 900.0, 7200.0];

/// What is counted on once a second.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<Option<State>>);

#[derive(Debug)]
struct State {
    at: Instant,
    began_at_seconds: u32,
    requests: Rate,
    announces: Rate,
    connections: Rate,
}

/// One number that grows.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    total: u64,
    decayed: [f64; WINDOWS.len()],
    changed_at_seconds: u32,
}

/// A number, and how fast it grows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rated {
    /// Since the start.
    pub(super) total: u64,
    /// A second, over each of [`WINDOWS`].
    pub(super) per_second: [f64; WINDOWS.len()],
    /// Unix time of the last second in which it grew, 0 if never.
    pub(super) changed_at_seconds: u32,
}

/// All that is rated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rateds {
    /// Unix time of the start in seconds.
    pub(super) began_at_seconds: u32,
    pub(super) requests: Rated,
    /// Announces that were answered with success.
    pub(super) announces: Rated,
    pub(super) connections: Rated,
}

impl Rate {
    fn add(&mut self, total: u64, elapsed_seconds: f64, now_seconds: u32) {
        let more = total.saturating_sub(self.total);
        if more > 0 {
            self.changed_at_seconds = now_seconds;
        }
        self.total = total;
        for (decayed, window) in self.decayed.iter_mut().zip(WINDOWS) {
            *decayed = *decayed * (-elapsed_seconds / window).exp() + more as f64;
        }
    }

    fn rated(&self) -> Rated {
        let mut per_second = self.decayed;
        for (rate, window) in per_second.iter_mut().zip(WINDOWS) {
            *rate /= window;
        }
        Rated { total: self.total, per_second, changed_at_seconds: self.changed_at_seconds }
    }
}

impl Shared {
    /// Counts on; to be called now and then.
    pub(super) fn tick(&self) -> Rateds {
        let counted = self.metrics.counters().snapshot();
        let own = self.counts.requests.load(Ordering::Relaxed);
        let requests = http_requests(&counted).saturating_add(own);
        let announces: u64 = counted.announces.iter().flatten().sum();
        let opened = self.counts.connections.load(Ordering::Relaxed);
        let connections = counted.connections_accepted.saturating_add(opened);
        let (now, seconds) = (Instant::now(), now_seconds());
        let mut state = self.rates.0.lock();
        let state = state.get_or_insert_with(|| State {
            at: now,
            began_at_seconds: seconds,
            requests: Rate::default(),
            announces: Rate::default(),
            connections: Rate::default(),
        });
        let elapsed_seconds = now.saturating_duration_since(state.at).as_secs_f64();
        state.at = now;
        state.requests.add(requests, elapsed_seconds, seconds);
        state.announces.add(announces, elapsed_seconds, seconds);
        state.connections.add(connections, elapsed_seconds, seconds);
        Rateds {
            began_at_seconds: state.began_at_seconds,
            requests: state.requests.rated(),
            announces: state.announces.rated(),
            connections: state.connections.rated(),
        }
    }
}

/// Requests of clients that got an answer, whatever it was.
fn http_requests(counted: &CountersSnapshot) -> u64 {
    let sums = [
        counted.announces.iter().flatten().sum::<u64>(),
        counted.refused.iter().flatten().sum(),
        counted.scrapes.iter().sum(),
        counted.parse_failures.iter().sum(),
    ];
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_falls_by_e_in_its_window_and_remembers_its_last_second() {
        let mut rate = Rate::default();
        rate.add(100, 0.0, 50);
        assert_eq!(rate.rated().per_second, [100.0, 10.0, 100.0 / 60.0, 1.0 / 9.0, 1.0 / 72.0]);
        rate.add(100, 10.0, 60);
        let rated = rate.rated();
        assert_eq!((rated.total, rated.changed_at_seconds), (100, 50));
        assert!((rated.per_second[1] - 10.0 / std::f64::consts::E).abs() < 1e-9);
    }
}
