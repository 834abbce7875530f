//! What was put lately.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// Entries that live for a while, at most so many: the oldest go first.
pub(super) struct Recent<K, V> {
    // The keyed hash of std: the keys are chosen by strangers.
    entries: HashMap<K, (Instant, V)>,
    /// In the order of their ends. An entry that was put again is here twice; only its later end
    /// counts.
    ends: VecDeque<(Instant, K)>,
    life: Duration,
    entries_max: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    /// With no life or no room, nothing is kept.
    pub(super) fn new(life: Duration, entries_max: usize) -> Self {
        Self { entries: HashMap::new(), ends: VecDeque::new(), life, entries_max }
    }

    pub(super) fn put(&mut self, key: K, value: V, now: Instant) {
        if self.life.is_zero() || self.entries_max == 0 {
            return;
        }
        let end = now + self.life;
        self.entries.insert(key.clone(), (end, value));
        self.ends.push_back((end, key));
        while self.ends.len() > self.entries_max {
            self.remove_first();
        }
    }

    pub(super) fn contains(&self, key: &K, now: Instant) -> bool {
        self.entries.get(key).is_some_and(|(end, _)| now < *end)
    }

    /// Takes out what has come to its end, at most so many.
    pub(super) fn take_expired(&mut self, now: Instant, most: usize) -> Vec<(K, V)> {
        let mut taken = Vec::new();
        while taken.len() < most && self.ends.front().is_some_and(|(end, _)| *end <= now) {
            taken.extend(self.remove_first());
        }
        taken
    }

    fn remove_first(&mut self) -> Option<(K, V)> {
        let (end, key) = self.ends.pop_front()?;
        let is_current = self.entries.get(&key).is_some_and(|(current, _)| *current == end);
        if !is_current {
            return None;
        }
        self.entries.remove_entry(&key).map(|(key, (_, value))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(10);

    #[test]
    fn an_entry_lives_for_its_time_and_the_oldest_goes_first() {
        let (mut recent, start) = (Recent::new(LIFE, 2), Instant::now());
        recent.put("a", 1, start);
        recent.put("b", 2, start + LIFE / 2);
        assert!(recent.contains(&"a", start + LIFE - Duration::from_nanos(1)));
        assert!(!recent.contains(&"a", start + LIFE));
        recent.put("c", 3, start + LIFE);
        assert!(!recent.contains(&"a", start) && recent.contains(&"b", start));
        assert_eq!(recent.take_expired(start + 2 * LIFE, 1), [("b", 2)]);
        assert_eq!(recent.take_expired(start + 2 * LIFE, 9), [("c", 3)]);
        assert_eq!(recent.take_expired(start + 9 * LIFE, 9), []);
        assert!(recent.entries.is_empty() && recent.ends.is_empty());
    }

    #[test]
    fn an_entry_that_is_put_again_lives_anew() {
        let (mut recent, start) = (Recent::new(LIFE, 5), Instant::now());
        recent.put("a", 1, start);
        recent.put("a", 2, start + LIFE / 2);
        assert_eq!(recent.take_expired(start + LIFE, 9), []);
        assert_eq!(recent.take_expired(start + 2 * LIFE, 9), [("a", 2)]);
    }

    #[test]
    fn without_life_or_room_nothing_is_kept() {
        let now = Instant::now();
        for mut recent in [Recent::new(Duration::ZERO, 5), Recent::new(LIFE, 0)] {
            recent.put("a", 1, now);
            assert!(!recent.contains(&"a", now));
        }
    }
}
