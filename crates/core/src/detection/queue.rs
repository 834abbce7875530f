//! Observations on their way from the announces of a shard to detection.
//!
//! The queue lies behind the shard's lock, which an announce holds anyway: to add one costs no
//! synchronisation, and observations of one torrent stay in order. Whoever takes them swaps the
//! whole vector for one of its own. A full queue drops what comes, and counts it.

use super::Observation;

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

    /// Hands over what waits, for an empty vector; returns how many were dropped meanwhile.
    pub(crate) fn swap(&mut self, taken: &mut Vec<Observation>) -> u64 {
        taken.clear();
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
        let mut taken = vec![Observation::default()];
        assert_eq!(queue.swap(&mut taken), 2);
        assert_eq!(taken.iter().map(|it| it.user_id).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(queue.swap(&mut taken), 0);
        assert!(taken.is_empty());
    }
}
