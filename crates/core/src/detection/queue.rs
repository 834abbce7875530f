//! Observations on their way from the announces of a shard to detection.
//!
//! The queue lies behind the shard's lock, which an announce holds anyway: to add one costs no
//! synchronisation, and observations of one torrent stay in order. Whoever takes them swaps the
//! whole vector for one of its own, with the room that the part before has needed: what a burst
//! has filled is given back within two rounds. A full queue drops what comes, and counts it.

use super::Observation;

/// Room that a queue keeps, whether it is needed or not.
const KEPT: usize = 16;

/// Empties a vector that is to be swapped for another queue's: queues are alike, so that the room
/// needed is about what it held. To be done before the lock is taken.
pub(crate) fn empty(taken: &mut Vec<Observation>) {
    let held = taken.len();
    taken.clear();
    if taken.capacity() > held.saturating_mul(4).max(KEPT) {
        taken.shrink_to(held.saturating_mul(2));
    }
}

/// The queue of one shard.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Vec<Observation>,
    dropped: u64,
}

impl Queue {
    #[inline]
    pub(crate) fn push(&mut self, observation: Observation, queued_max: u32) {
        if self.waiting.len() < queued_max as usize {
            self.waiting.push(observation);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Hands over what waits, for a vector that was [emptied](empty); returns how many were dropped
    /// meanwhile.
    pub(crate) fn swap(&mut self, taken: &mut Vec<Observation>) -> u64 {
        std::mem::swap(&mut self.waiting, taken);
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_what_comes_and_counts_it() {
        let mut queue = Queue::default();
        for user_id in 1..=5 {
            queue.push(Observation { user_id, ..Observation::default() }, 3);
        }
        let mut taken = Vec::new();
        assert_eq!(queue.swap(&mut taken), 2);
        assert_eq!(taken.iter().map(|it| it.user_id).collect::<Vec<_>>(), [1, 2, 3]);
        empty(&mut taken);
        assert_eq!(queue.swap(&mut taken), 0);
        assert!(taken.is_empty());
    }

    /// Fills each queue, and takes them all; returns the room that all of them then have.
    fn round(queues: &mut [Queue], taken: &mut Vec<Observation>, each: usize) -> usize {
        for queue in queues.iter_mut() {
            (0..each).for_each(|_| queue.push(Observation::default(), 256));
        }
        for queue in queues.iter_mut() {
            empty(taken);
            assert_eq!(queue.swap(taken), 0);
            assert_eq!(taken.len(), each);
        }
        queues.iter().map(|it| it.waiting.capacity()).sum()
    }

    #[test]
    fn what_a_burst_has_filled_is_given_back_and_what_is_needed_each_time_is_kept() {
        let mut queues: Vec<Queue> = std::iter::repeat_with(Queue::default).take(64).collect();
        let mut taken = Vec::new();
        round(&mut queues, &mut taken, 256);
        assert!(round(&mut queues, &mut taken, 256) >= 63 * 256);
        round(&mut queues, &mut taken, 0);
        assert!(round(&mut queues, &mut taken, 0) <= 64 * KEPT);
        for _ in 0..3 {
            round(&mut queues, &mut taken, 100);
        }
        assert!(round(&mut queues, &mut taken, 100) >= 63 * 100);
    }
}
