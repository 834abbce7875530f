//! Leaves a site alone that fails: no request waits for a time-out that is sure to come.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Counts failures in a row. When they are too many it is open: requests fail at once. After a
/// pause one request goes through as a probe; if it succeeds all do, if not the pause begins anew.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_max: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Probing,
}

/// A request that may be made. Dropped without a report (its caller has gone), it leaves the
/// place of a probe to the next one.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    reported: bool,
}

impl Breaker {
    pub(super) fn new(failures_max: u32, pause: Duration) -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { failures_max: failures_max.max(1), pause, state }
    }

    /// A permit, or how long it will be until there may be one.
    pub(super) fn permit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut state = self.state.lock();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now < until => return Err(until - now),
            State::Open { .. } => {
                *state = State::Probing;
                true
            }
            State::Probing => return Err(self.pause),
        };
        Ok(Permit { breaker: self, is_probe, reported: false })
    }

    /// Whether requests fail at once, but for a probe now and then.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), State::Closed { .. })
    }
}

impl Permit<'_> {
    /// The site has answered, whatever it said.
    pub(super) fn answered(mut self) {
        self.reported = true;
        *self.breaker.state.lock() = State::Closed { failures: 0 };
    }

    /// The site could not be reached, or failed.
    pub(super) fn failed(mut self, now: Instant) {
        self.reported = true;
        let breaker = self.breaker;
        let mut state = breaker.state.lock();
        let open = State::Open { until: now.checked_add(breaker.pause).unwrap_or(now) };
        *state = match *state {
            State::Closed { failures } if failures.saturating_add(1) < breaker.failures_max => {
                State::Closed { failures: failures.saturating_add(1) }
            }
            State::Closed { .. } => open,
            State::Probing if self.is_probe => open,
            other => other,
        };
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.reported {
            *self.breaker.state.lock() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn fail(breaker: &Breaker, now: Instant) {
        breaker.permit(now).unwrap().failed(now);
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_probe_through_after_the_pause() {
        let (breaker, start) = (Breaker::new(3, PAUSE), Instant::now());
        fail(&breaker, start);
        fail(&breaker, start);
        breaker.permit(start).unwrap().answered();
        fail(&breaker, start);
        fail(&breaker, start);
        fail(&breaker, start);
        assert_eq!((breaker.permit(start).err(), breaker.is_open()), (Some(PAUSE), true));
        let later = start + PAUSE;
        let probe = breaker.permit(later).unwrap();
        assert!(breaker.permit(later).is_err(), "one probe is enough");
        probe.failed(later);
        assert_eq!(breaker.permit(later).err(), Some(PAUSE));
        breaker.permit(later + PAUSE).unwrap().answered();
        assert!(!breaker.is_open());
        fail(&breaker, later + PAUSE);
        assert!(breaker.permit(later + PAUSE).is_ok());
    }

    #[test]
    fn a_probe_whose_caller_has_gone_leaves_its_place_to_the_next() {
        let (breaker, start) = (Breaker::new(1, Duration::ZERO), Instant::now());
        fail(&breaker, start);
        drop(breaker.permit(start).unwrap());
        breaker.permit(Instant::now()).unwrap().answered();
        assert_eq!(*breaker.state.lock(), State::Closed { failures: 0 });
    }
}
