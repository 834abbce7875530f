//! T11: counters that go back again and again, while their user gets more of the books than there
//! is. Each reset costs the user credit, so that it is a sign and no gain of its own.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Input, Unit};
use super::weights::Weights;
use super::{Observation, Signs};

const PER_DAY_MAX: u16 = 6;
const DAY: u32 = 86_400;

/// Resets of a day.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Resets {
    day: u32,
    count: u16,
    /// Bytes of `left` that went meanwhile without having been downloaded.
    gained: f32,
}

impl Resets {
    pub(super) fn observe(&mut self, of: &Observation, weights: &Weights) -> Option<Draft> {
        if !of.signs.has(Signs::RESTARTED) {
            return None;
        }
        let day = of.at_seconds / DAY;
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        self.count = self.count.saturating_add(1);
        self.gained += of.progress_bytes().saturating_sub(of.downloaded_bytes) as f32;
        let is_first_too_many = self.count == PER_DAY_MAX + 1;
        is_first_too_many.then(|| Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: Some(of.torrent_id),
            detector: Detector::Resets,
            key: day,
            window_seconds: (day.saturating_mul(DAY), of.at_seconds),
            observed: self.count.into(),
            bound: PER_DAY_MAX.into(),
            unit: Unit::Number,
            formula: "observed = resets of the day > 6; llr = weight if gained > 0, else 0",
            inputs: vec![
                Input::new("gained", self.gained.into(), Unit::Bytes),
                Input::weight(weights.resets),
            ],
            excuses: Vec::new(),
            llr: if self.gained > 0.0 { weights.resets.value() } else { 0.0 },
            rebased: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(at_seconds: u32, before: u64, left: u64) -> Observation {
        Observation {
            at_seconds,
            left_before_bytes: before,
            left_bytes: left,
            signs: Signs::RESTARTED,
            ..Observation::default()
        }
    }

    #[test]
    fn the_seventh_reset_of_a_day_is_found_and_weighs_if_something_was_gained() {
        let mut resets = Resets::default();
        for number in 0..6 {
            assert!(
                resets
                    .observe(&reset(100 * DAY + number, 1000, 900), &Weights::default())
                    .is_none()
            );
        }
        let found = resets.observe(&reset(100 * DAY + 6, 1000, 900), &Weights::default()).unwrap();
        assert_eq!((found.observed, found.llr), (7.0, 0.5));
        assert_eq!(found.inputs[0].value, 700.0);
        assert!(resets.observe(&reset(100 * DAY + 7, 1000, 900), &Weights::default()).is_none());
    }

    #[test]
    fn a_client_that_crashes_without_gain_weighs_nothing() {
        let mut resets = Resets::default();
        let found = (0..7).filter_map(|number| {
            resets.observe(&reset(100 * DAY + number, 9, 9), &Weights::default())
        });
        assert_eq!(found.map(|it| it.llr).collect::<Vec<_>>(), [0.0]);
    }

    #[test]
    fn another_day_begins_anew() {
        let mut resets = Resets::default();
        let found = (0..12).filter_map(|number| {
            resets
                .observe(&reset((100 + number / 6) * DAY + number, 1000, 900), &Weights::default())
        });
        assert_eq!(found.count(), 0);
    }
}
