//! D13: more than any line carries, over all torrents of a user.
//!
//! What a session reports is spread evenly over the time since its last accepted announce, so that
//! a report after an outage is not taken for speed. Time is cut into five minutes.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Input, Unit};
use super::settings::DetectionSettings;
use super::{Observation, Signs};

const BUCKET_SECONDS: u32 = 300;
const BUCKETS: usize = 16;
/// Shorter gaps are taken for this long: the second announce of a client that has two families.
const GAP_SECONDS_MIN: u32 = 30;

/// What a user has uploaded in the last 80 minutes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Speed {
    /// Bytes, of buckets in turn.
    buckets: [f32; BUCKETS],
    /// Number of the newest bucket.
    newest: u32,
    found_seconds: u32,
}

impl Speed {
    pub(super) fn observe(
        &mut self,
        of: &Observation,
        settings: &DetectionSettings,
    ) -> Option<Draft> {
        if of.uploaded_bytes == 0 || of.signs.has(Signs::FIRST) {
            return None;
        }
        let gap_seconds = of.gap_seconds.max(GAP_SECONDS_MIN);
        let rate = of.uploaded_bytes as f64 / f64::from(gap_seconds);
        let cap = settings.speed_bytes_per_second_max as f64 * f64::from(BUCKET_SECONDS);
        let most = self.add(of.at_seconds.saturating_sub(gap_seconds), of.at_seconds, rate);
        if f64::from(most) <= cap {
            return None;
        }
        let above: f64 =
            self.buckets.iter().map(|bytes| f64::from(*bytes)).filter(|it| *it > cap).sum();
        let again =
            self.found_seconds != 0 && of.at_seconds.saturating_sub(self.found_seconds) < 3600;
        if above < settings.speed_bytes_min as f64 || again {
            return None;
        }
        self.found_seconds = of.at_seconds;
        let fastest = self.buckets.iter().copied().fold(0.0, f32::max);
        let seconds = f64::from(BUCKET_SECONDS);
        let span = BUCKET_SECONDS * BUCKETS as u32;
        Some(Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: None,
            detector: Detector::Speed,
            key: of.at_seconds / 3600,
            window_seconds: (of.at_seconds.saturating_sub(span), of.at_seconds),
            observed: f64::from(fastest) / seconds,
            bound: settings.speed_bytes_per_second_max as f64,
            unit: Unit::BytesPerSecond,
            formula: "observed = fastest / 300 s > bound, and above ≥ least; llr = weight",
            inputs: vec![
                Input::new("fastest", f64::from(fastest), Unit::Bytes),
                Input::new("above", above, Unit::Bytes),
                Input::bytes("least", settings.speed_bytes_min),
                Input::weight(settings.weights.speed),
                Input::bytes("last report", of.uploaded_bytes),
                Input::new("last gap", f64::from(of.gap_seconds), Unit::Seconds),
            ],
            excuses: Vec::new(),
            llr: settings.weights.speed.value(),
            rebased: false,
        })
    }

    /// Returns the bytes of the fullest bucket that it added to.
    fn add(&mut self, from_seconds: u32, to_seconds: u32, rate: f64) -> f32 {
        let newest = to_seconds / BUCKET_SECONDS;
        if newest > self.newest {
            let passed = (newest - self.newest).min(BUCKETS as u32);
            for number in 0..passed {
                self.change(newest - number, |bytes| *bytes = 0.0);
            }
            self.newest = newest;
        }
        let oldest = self.newest.saturating_sub(BUCKETS as u32 - 1);
        let first = (from_seconds / BUCKET_SECONDS).max(oldest);
        let mut most: f32 = 0.0;
        for number in first..=newest {
            let begin = number.saturating_mul(BUCKET_SECONDS).max(from_seconds);
            let end = number.saturating_add(1).saturating_mul(BUCKET_SECONDS).min(to_seconds);
            let seconds = end.saturating_sub(begin);
            self.change(number, |bytes| {
                *bytes += (rate * f64::from(seconds)) as f32;
                most = most.max(*bytes);
            });
        }
        most
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut f32)) {
        if let Some(bucket) = self.buckets.get_mut(number as usize % BUCKETS) {
            change(bucket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn report(at_seconds: u32, gap_seconds: u32, uploaded_bytes: u64) -> Observation {
        Observation { at_seconds, gap_seconds, uploaded_bytes, user_id: 7, ..Default::default() }
    }

    #[test]
    fn a_terabyte_in_half_an_hour_over_two_torrents_is_more_than_a_line_carries() {
        let settings = DetectionSettings::default();
        let mut speed = Speed::default();
        assert!(speed.observe(&report(1_800_000, 1800, 1500 * GB), &settings).is_none());
        let found = speed.observe(&report(1_800_060, 1800, 1500 * GB), &settings).unwrap();
        assert!((found.observed - 1.666e9).abs() < 0.01e9, "{}", found.observed);
        assert_eq!((found.detector, found.llr), (Detector::Speed, 3.0));
        assert!(speed.observe(&report(1_800_120, 60, 500 * GB), &settings).is_none(), "again");
    }

    #[test]
    fn what_came_late_after_an_outage_is_spread_over_the_time_since_the_last_accepted_announce() {
        let settings = DetectionSettings::default();
        let mut speed = Speed::default();
        assert!(speed.observe(&report(1_800_000, 86_400, 3000 * GB), &settings).is_none());
    }

    #[test]
    fn a_burst_of_less_than_ten_gigabytes_is_not_looked_at() {
        let settings = DetectionSettings::default();
        let mut speed = Speed::default();
        assert!(speed.observe(&report(1_800_000, 3, 9 * GB), &settings).is_none());
    }
}
