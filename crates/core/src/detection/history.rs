//! D14: far faster than ever before on the same network. A question, for the usual answer is a new
//! seedbox or a new line.
//!
//! Of each network the logarithm of speed has a mean and a spread, both moving averages that an
//! outlier moves by no more than an ordinary value does. Another network begins its own profile.

use serde::{Deserialize, Serialize};

use super::Observation;
use super::finding::{Detector, Draft, Input, Unit};
use super::weights::Weights;

const PROFILES: usize = 4;
const ALPHA: f32 = 0.02;
/// Values before a profile says anything.
const KNOWN_FROM: u16 = 200;
const Z_MIN: f32 = 6.0;
/// So many of the last eight values.
const HITS_MIN: u32 = 5;
/// Speeds of one client differ by this much at least, whatever the past says.
const SPREAD_MIN: f32 = 0.35;

/// The speeds of a user on one network.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Profile {
    network: u32,
    seen_seconds: u32,
    mean: f32,
    variance: f32,
    values: u16,
    /// Which of the last eight values were far off.
    hits: u8,
}

/// The profiles of the last networks of a user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Profiles {
    profiles: [Profile; PROFILES],
}

impl Profiles {
    pub(super) fn observe(&mut self, of: &Observation, weights: &Weights) -> Option<Draft> {
        if of.uploaded_bytes == 0 || of.gap_seconds == 0 {
            return None;
        }
        let rate = of.uploaded_bytes as f64 / f64::from(of.gap_seconds.max(30));
        let value = rate.ln_1p() as f32;
        let known = |it: &Profile| it.values > 0 && it.network == of.network;
        let profile = match self.profiles.iter().position(known) {
            Some(at) => self.profiles.get_mut(at)?,
            None => {
                let oldest = self.profiles.iter_mut().min_by_key(|it| it.seen_seconds)?;
                *oldest = Profile { network: of.network, mean: value, ..Profile::default() };
                oldest
            }
        };
        profile.seen_seconds = of.at_seconds;
        profile.judge(value, rate, of, weights)
    }
}

impl Profile {
    fn judge(
        &mut self,
        value: f32,
        rate: f64,
        of: &Observation,
        weights: &Weights,
    ) -> Option<Draft> {
        let spread = self.variance.sqrt().max(SPREAD_MIN);
        let z = (value - self.mean) / spread;
        let is_hit = self.values >= KNOWN_FROM && z > Z_MIN;
        self.hits = self.hits << 1 | u8::from(is_hit);
        if self.hits.count_ones() >= HITS_MIN {
            let draft = self.draft((z, spread), rate, of, weights);
            // Asked once: from now on this is what the user is like.
            let (network, seen_seconds) = (self.network, self.seen_seconds);
            *self = Profile { network, seen_seconds, mean: value, values: 1, ..Self::default() };
            return Some(draft);
        }
        if !is_hit {
            let alpha = ALPHA.max(1.0 / (f32::from(self.values) + 1.0));
            let off = (value - self.mean).clamp(-3.0 * spread, 3.0 * spread);
            self.mean += alpha * off;
            self.variance += alpha * (off * off - self.variance);
            self.values = self.values.saturating_add(1);
        }
        None
    }

    fn draft(
        &self,
        (z, spread): (f32, f32),
        rate: f64,
        of: &Observation,
        weights: &Weights,
    ) -> Draft {
        let usual = f64::from(self.mean).exp();
        Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: None,
            detector: Detector::History,
            key: of.at_seconds / 86_400,
            window_seconds: (of.at_seconds.saturating_sub(of.gap_seconds), of.at_seconds),
            observed: rate,
            bound: (f64::from(self.mean) + f64::from(Z_MIN * spread)).exp(),
            unit: Unit::BytesPerSecond,
            formula: "z = (ln(1 + observed) − mean) / spread > 6 in ≥ 5 of the last 8 reports, \
                      bound = exp(mean + 6·spread); llr = weight",
            inputs: vec![
                Input::weight(weights.history),
                Input::new("mean", self.mean.into(), Unit::Number),
                Input::new("spread", spread.into(), Unit::Number),
                Input::new("z", z.into(), Unit::Number),
                Input::new("usual", usual, Unit::BytesPerSecond),
                Input::new("reports", self.values.into(), Unit::Number),
                Input::new("hits", self.hits.count_ones().into(), Unit::Number),
            ],
            excuses: Vec::new(),
            llr: weights.history.value(),
            rebased: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(number: u32, network: u32, rate: u64) -> Observation {
        Observation {
            at_seconds: 1_800_000 + number * 1800,
            gap_seconds: 1800,
            uploaded_bytes: rate * 1800,
            network,
            user_id: 7,
            ..Observation::default()
        }
    }

    /// Within a factor of two around the rate.
    fn about(number: u32, rate: u64) -> u64 {
        rate + rate * u64::from(number * 7919 % 100) / 100
    }

    #[test]
    fn fifty_times_faster_on_the_same_network_is_asked_about_once() {
        let mut profiles = Profiles::default();
        for number in 0..300 {
            let report = report(number, 1, about(number, 1_000_000));
            assert!(profiles.observe(&report, &Weights::default()).is_none());
        }
        let fast = |number| report(number, 1, about(number, 50_000_000));
        let asked: Vec<Draft> = (300..600)
            .filter_map(|number| profiles.observe(&fast(number), &Weights::default()))
            .collect();
        assert_eq!(asked.len(), 1);
        assert_eq!((asked[0].detector, asked[0].llr), (Detector::History, 1.0));
        assert_eq!(asked[0].at_seconds, 1_800_000 + 304 * 1800, "the fifth of them");
    }

    #[test]
    fn another_network_has_a_profile_of_its_own() {
        let mut profiles = Profiles::default();
        let slow = (0..300).filter_map(|it| {
            profiles.observe(&report(it, 1, about(it, 1_000_000)), &Weights::default())
        });
        assert_eq!(slow.count(), 0);
        let fast = (300..700).filter_map(|it| {
            profiles.observe(&report(it, 2, about(it, 50_000_000)), &Weights::default())
        });
        assert_eq!(fast.count(), 0);
    }

    #[test]
    fn a_new_user_is_not_asked_about() {
        let mut profiles = Profiles::default();
        let some =
            (0..150).filter_map(|it| profiles.observe(&report(it, 1, 1000), &Weights::default()));
        assert_eq!(some.count(), 0);
        let fast = (150..190)
            .filter_map(|it| profiles.observe(&report(it, 1, 900_000_000), &Weights::default()));
        assert_eq!(fast.count(), 0);
    }
}
