//! Whether a torrent had leechers when a client was told of its counts last.
//!
//! Ratio Ghost and its kin add to an upload only if the last answer told of leechers, so that what
//! is reported after an answer with leechers is one thing, and what is reported after an answer
//! without any is another.

use serde::{Deserialize, Serialize};

use super::{Observation, Signs};

/// What clients were told of a torrent's leechers, as far back as the last change but one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Demand {
    /// There are leechers.
    is_there: bool,
    /// When that changed last, and the time before; Unix seconds.
    changed_seconds: [u32; 2],
}

impl Demand {
    /// Takes note of what a client is told. Idle seeders need not be seen: whoever makes a
    /// difference announces that, but for leechers that vanish, after whom nobody uploads.
    pub(super) fn note(&mut self, of: &Observation) {
        let told_otherwise = [Signs::VANISHED, Signs::REFUSED, Signs::TESTED];
        if told_otherwise.into_iter().any(|sign| of.signs.has(sign)) {
            return;
        }
        let is_there = of.leechers > 0;
        if is_there != self.is_there {
            let [last, _] = self.changed_seconds;
            *self = Self { is_there, changed_seconds: [of.at_seconds, last] };
        }
    }

    /// Whether the answer to an announce at some time told of leechers.
    pub(super) fn was_there(&self, at_seconds: u32) -> bool {
        let [last, before] = self.changed_seconds;
        (at_seconds >= last || at_seconds < before) == self.is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(at_seconds: u32, leechers: u16) -> Observation {
        Observation { at_seconds, leechers, ..Observation::default() }
    }

    #[test]
    fn it_is_known_what_was_told_before_and_between_the_last_two_changes() {
        let mut demand = Demand::default();
        assert!(!demand.was_there(500), "nobody has been told of any");
        for (at_seconds, leechers) in [(1000, 0), (2000, 3), (2500, 1), (3000, 0), (3500, 0)] {
            demand.note(&told(at_seconds, leechers));
        }
        let was_there = [1999, 2000, 2999, 3000, 9000].map(|at| demand.was_there(at));
        assert_eq!(was_there, [false, true, true, false, false]);
        demand.note(&told(9500, 1));
        let was_there = [2999, 3000, 9499, 9500].map(|at| demand.was_there(at));
        assert_eq!(was_there, [true, false, false, true]);
    }

    #[test]
    fn counts_that_were_not_told_or_were_not_so_say_nothing() {
        let mut demand = Demand::default();
        demand.note(&told(1000, 2));
        for sign in [Signs::VANISHED, Signs::REFUSED, Signs::TESTED] {
            demand.note(&Observation { signs: sign, ..told(2000, 0) });
        }
        assert!(demand.was_there(2500));
    }
}
