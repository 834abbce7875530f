//! When requests are to be sent.

/// Evenly spaced moments of one thread, fixed beforehand: the threads take turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    nanoseconds_each: f64,
    thread: u64,
    threads: u64,
}

impl Schedule {
    /// `per_second` is the rate of all threads together.
    pub(super) fn new(per_second: f64, thread: u32, threads: u32) -> Self {
        Self { nanoseconds_each: 1e9 / per_second, thread: thread.into(), threads: threads.into() }
    }

    /// The moment of this thread's request number `count`, in nanoseconds since the start.
    pub(super) fn moment(&self, count: u64) -> u64 {
        ((count * self.threads + self.thread) as f64 * self.nanoseconds_each) as u64
    }

    /// How many moments are not after `now`.
    pub(super) fn due(&self, now: u64) -> u64 {
        let of_all = now as f64 / self.nanoseconds_each;
        let guess = ((of_all - self.thread as f64) / self.threads as f64).max(0.0) as u64;
        // Rounding may be off by one on either side.
        let mut count = guess.saturating_sub(1);
        while self.moment(count) <= now {
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_together_keep_the_rate() {
        let threads = 3;
        let schedules: Vec<_> =
            (0..threads).map(|thread| Schedule::new(10_000.0, thread, threads)).collect();
        let due: u64 = schedules.iter().map(|schedule| schedule.due(1_999_999_999)).sum();
        assert_eq!(due, 20_000);
        let mut moments: Vec<u64> =
            schedules.iter().flat_map(|s| (0..5).map(|count| s.moment(count))).collect();
        moments.sort_unstable();
        assert_eq!(moments, (0..15).map(|count| count * 100_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_due_is_what_has_its_moment_behind_it() {
        let schedule = Schedule::new(333_333.3, 1, 2);
        for count in [0, 1, 2, 77, 1000, 123_456_789] {
            let moment = schedule.moment(count);
            assert_eq!(schedule.due(moment), count + 1);
            assert_eq!(schedule.due(moment - 1), count);
        }
    }
}
