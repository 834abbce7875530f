//! Who has announced with a passkey lately.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Addresses and ports that have announced with a valid passkey in the last `life_seconds`.
///
/// Two generations, of which the older is dropped as a whole: nothing is ever searched for old
/// entries, and at most twice `generation_max` entries of about 40 bytes are held.
#[derive(Debug)]
pub(super) struct Identified {
    // The keyed hash of std: the keys are chosen by strangers.
    young: HashMap<(IpAddr, u16), u32>,
    old: HashMap<(IpAddr, u16), u32>,
    young_since_seconds: u32,
    life_seconds: u32,
    generation_max: usize,
}

impl Identified {
    pub(super) fn new(life_seconds: u32, generation_max: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            young_since_seconds: 0,
            life_seconds,
            generation_max: generation_max.max(1),
        }
    }

    /// Remembers a source; how many others had to be forgotten early for it.
    pub(super) fn remember(&mut self, source: SocketAddr, now_seconds: u32) -> usize {
        let mut evicted = 0;
        if now_seconds.saturating_sub(self.young_since_seconds) > self.life_seconds {
            self.rotate(now_seconds);
        }
        let key = (source.ip(), source.port());
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            evicted = self.old.values().filter(|at| self.is_fresh(**at, now_seconds)).count();
            self.rotate(now_seconds);
        }
        self.young.insert(key, now_seconds);
        evicted
    }

    /// Whether a source has announced lately.
    pub(super) fn contains(&self, source: SocketAddr, now_seconds: u32) -> bool {
        let key = (source.ip(), source.port());
        let at = self.young.get(&key).or_else(|| self.old.get(&key));
        at.is_some_and(|at| self.is_fresh(*at, now_seconds))
    }

    fn is_fresh(&self, at_seconds: u32, now_seconds: u32) -> bool {
        now_seconds.saturating_sub(at_seconds) <= self.life_seconds
    }

    fn rotate(&mut self, now_seconds: u32) {
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
        self.young_since_seconds = now_seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::from([192, 0, 2, 1]), number)
    }

    #[test]
    fn a_source_is_known_for_its_life_and_not_longer() {
        let mut identified = Identified::new(120, 10);
        assert!(!identified.contains(source(1), 1000));
        assert_eq!(identified.remember(source(1), 1000), 0);
        assert!(identified.contains(source(1), 1120));
        assert!(!identified.contains(source(1), 1121));
        assert!(!identified.contains(source(2), 1000));
        identified.remember(source(2), 1100);
        identified.remember(source(3), 1125);
        assert!(identified.contains(source(2), 1220));
        assert!(!identified.contains(source(1), 1125));
    }

    #[test]
    fn too_many_sources_evict_the_oldest_and_are_counted() {
        let mut identified = Identified::new(120, 2);
        let evicted: Vec<usize> =
            (1..=5).map(|number| identified.remember(source(number), 1000)).collect();
        assert_eq!(evicted, [0, 0, 0, 0, 2]);
        let known: Vec<u16> =
            (1..=5).filter(|number| identified.contains(source(*number), 1000)).collect();
        assert_eq!(known, [3, 4, 5]);
        assert_eq!(identified.remember(source(5), 1001), 0);
    }
}
