//! T10: clients that stay at 99 % and upload. Some sites care, for such a client is no seeder and
//! has finished nothing; it proves nothing by itself.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::pairs;
use super::{Observation, Signs};
use crate::shard::IntegerMap;

const ENTRIES_MAX: usize = 65_536;
/// Bytes that they take at most.
pub(super) const BYTES_MAX: u64 = ENTRIES_MAX as u64 * 25 * 16 / 7;
const STUCK_SECONDS: u32 = 86_400;

/// Sessions that lack less than one percent, by user and torrent: since when, and whether that was
/// found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct AlmostDone {
    #[serde(with = "pairs")]
    since: IntegerMap<(u32, u32), (u32, bool)>,
}

impl AlmostDone {
    pub(super) fn observe(&mut self, of: &Observation, size: u64) -> Option<Draft> {
        let place = (of.user_id, of.torrent_id);
        let left = of.left_bytes;
        let gone = of.signs.has(Signs::VANISHED) || of.signs.has(Signs::STOPPED);
        if gone || left == 0 || left >= size / 100 {
            if !self.since.is_empty() {
                self.since.remove(&place);
            }
            return None;
        }
        if of.uploaded_bytes == 0 {
            return None;
        }
        if !self.since.contains_key(&place) && self.since.len() >= ENTRIES_MAX {
            return None;
        }
        let (since_seconds, found) = self.since.entry(place).or_insert((of.at_seconds, false));
        let seconds = of.at_seconds.saturating_sub(*since_seconds);
        if *found || seconds <= STUCK_SECONDS {
            return None;
        }
        *found = true;
        Some(Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: Some(of.torrent_id),
            detector: Detector::AlmostDone,
            key: 0,
            window_seconds: (*since_seconds, of.at_seconds),
            observed: seconds.into(),
            bound: STUCK_SECONDS.into(),
            unit: Unit::Seconds,
            formula: "0 < left < size / 100 for observed > bound, and uploads; llr = 0",
            inputs: vec![Input::bytes("left", left), Input::bytes("size", size)],
            excuses: vec![Excuse::new(
                "partial seed (BEP 21)",
                of.signs.has(Signs::PAUSED),
                left as f64,
            )],
            llr: 0.0,
            rebased: false,
        })
    }

    /// Forgets who has not been heard of.
    pub(super) fn forget(&mut self, before_seconds: u32) {
        self.since.retain(|_, (since_seconds, _)| *since_seconds >= before_seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 1_000_000;

    fn report(hour: u32, left_bytes: u64) -> Observation {
        Observation {
            at_seconds: 1_800_000_000 + hour * 3600,
            user_id: 7,
            torrent_id: 1,
            left_bytes,
            uploaded_bytes: 100,
            ..Observation::default()
        }
    }

    #[test]
    fn who_stays_at_99_percent_for_longer_than_a_day_is_found_once() {
        let mut almost = AlmostDone::default();
        let found: Vec<Draft> =
            (0..60).filter_map(|hour| almost.observe(&report(hour, 500), SIZE)).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].observed, found[0].llr), (25.0 * 3600.0, 0.0));
    }

    #[test]
    fn who_finishes_or_lacks_more_is_not() {
        let mut almost = AlmostDone::default();
        let left = |hour| if hour % 20 == 0 { 0 } else { 500 };
        let finishing = (0..60).filter_map(|hour| almost.observe(&report(hour, left(hour)), SIZE));
        assert_eq!(finishing.count(), 0);
        let half = (0..60).filter_map(|hour| almost.observe(&report(hour, SIZE / 2), SIZE));
        assert_eq!(half.count(), 0);
    }
}
