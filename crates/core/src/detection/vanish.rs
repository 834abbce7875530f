//! D7: leechers that are gone before they report, far more often than those of others, and whose
//! torrents' books lack what they lacked.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Input, Unit};
use super::settings::DetectionSettings;

/// How often sessions of leechers end, and how often without a word. Halved now and then, so that
/// the past fades.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Vanishing {
    sessions: u16,
    vanished: u16,
    /// Bytes that the books of such sessions lack.
    bytes: f32,
    found_seconds: u32,
}

const SESSIONS_MAX: u16 = 1000;
/// Nobody is found before so many.
const VANISHED_MIN: u16 = 8;
const P_MAX: f64 = 1e-6;

impl Vanishing {
    pub(super) fn ended(&mut self, vanished: bool) {
        if self.sessions >= SESSIONS_MAX {
            self.sessions /= 2;
            self.vanished /= 2;
            self.bytes /= 2.0;
        }
        self.sessions = self.sessions.saturating_add(1);
        self.vanished = self.vanished.saturating_add(vanished.into());
    }

    pub(super) fn missed(&mut self, bytes: f64) {
        self.bytes += bytes as f32;
    }

    /// Whether it is too often, by what the site's sessions do.
    pub(super) fn judge(
        &mut self,
        user_id: u32,
        site: &SiteRate,
        now_seconds: u32,
        settings: &DetectionSettings,
    ) -> Option<Draft> {
        let again =
            self.found_seconds != 0 && now_seconds.saturating_sub(self.found_seconds) < 86_400;
        let little = f64::from(self.bytes) < settings.vanished_bytes_min as f64;
        if again || little || self.vanished < VANISHED_MIN {
            return None;
        }
        let expected = site.probability();
        let p = binomial_tail(self.vanished.into(), self.sessions.into(), expected);
        if p >= P_MAX {
            return None;
        }
        self.found_seconds = now_seconds;
        let missing = f64::from(self.bytes);
        // The same bytes do not count again: the next finding needs some more of them.
        self.bytes = (0.75 * settings.vanished_bytes_min as f64) as f32;
        Some(Draft {
            at_seconds: now_seconds,
            user_id,
            torrent_id: None,
            detector: Detector::Vanish,
            key: now_seconds / 86_400,
            window_seconds: (now_seconds.saturating_sub(settings.window_seconds), now_seconds),
            observed: f64::from(self.vanished),
            bound: expected * f64::from(self.sessions),
            unit: Unit::Number,
            formula: "p = Σ_{k ≥ vanished} C(sessions, k)·rate^k·(1 − rate)^(sessions − k) < 1e-6, \
                      and missing ≥ least, of which 3/4 stay for the next finding; \
                      bound = rate·sessions; llr = weight",
            inputs: vec![
                Input::weight(settings.weights.vanish),
                Input::new("vanished", self.vanished.into(), Unit::Number),
                Input::new("sessions", self.sessions.into(), Unit::Number),
                Input::new("rate", expected, Unit::Number),
                Input::new("p", p, Unit::Number),
                Input::new("missing", missing, Unit::Bytes),
                Input::bytes("least", settings.vanished_bytes_min),
            ],
            excuses: Vec::new(),
            llr: settings.weights.vanish.value(),
            rebased: false,
        })
    }
}

/// How often leechers of the whole site vanish.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SiteRate {
    sessions: f64,
    vanished: f64,
}

impl SiteRate {
    pub(super) fn ended(&mut self, vanished: bool) {
        // About a month of a large site: the past fades.
        const FADING: f64 = 1.0 - 1e-6;
        self.sessions = self.sessions * FADING + 1.0;
        self.vanished = self.vanished * FADING + f64::from(u8::from(vanished));
    }

    /// One in twenty until something is known, and never less than one in fifty.
    pub(super) fn probability(&self) -> f64 {
        ((self.vanished + 50.0) / (self.sessions + 1000.0)).clamp(0.02, 0.98)
    }
}

/// The probability of at least `hits` out of `tries`, each with some probability.
pub(super) fn binomial_tail(hits: u32, tries: u32, probability: f64) -> f64 {
    let (ln_hit, ln_miss) = (probability.ln(), (1.0 - probability).ln());
    let mut ln_choose = 0.0;
    let mut sum = 0.0;
    for k in 0..=tries {
        if k > 0 {
            ln_choose += f64::from(tries - k + 1).ln() - f64::from(k).ln();
        }
        if k >= hits {
            sum += (ln_choose + f64::from(k) * ln_hit + f64::from(tries - k) * ln_miss).exp();
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_binomial_distribution_is_what_tables_say() {
        let near = |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 1e-9, "{got}");
        near(binomial_tail(0, 10, 0.3), 1.0);
        near(binomial_tail(10, 10, 0.5), 1.0 / 1024.0);
        near(binomial_tail(9, 10, 0.5), 11.0 / 1024.0);
        near(binomial_tail(1, 2, 0.1), 0.19);
    }

    #[test]
    fn who_nearly_always_vanishes_with_what_the_books_lack_is_found_once_a_day() {
        let settings = DetectionSettings::default();
        let site = SiteRate::default();
        let mut user = Vanishing::default();
        for _ in 0..12 {
            user.ended(true);
            user.missed(3e9);
        }
        let found = user.judge(7, &site, 1_800_000_000, &settings).unwrap();
        assert_eq!((found.observed, found.llr), (12.0, 3.0));
        assert!((found.bound - 0.6).abs() < 1e-12);
        assert!(user.judge(7, &site, 1_800_000_060, &settings).is_none());
        let days_later = 1_800_000_000 + 3 * 86_400;
        assert!(user.judge(7, &site, days_later, &settings).is_none(), "the same bytes");
        (0..2).for_each(|_| user.missed(3e9));
        assert!(user.judge(7, &site, days_later, &settings).is_some());
    }

    #[test]
    fn who_has_a_bad_line_but_whose_books_balance_is_left_alone() {
        let settings = DetectionSettings::default();
        let mut user = Vanishing::default();
        (0..50).for_each(|_| user.ended(true));
        assert!(user.judge(7, &SiteRate::default(), 1_800_000_000, &settings).is_none());
    }

    #[test]
    fn where_every_other_leecher_vanishes_that_proves_nothing() {
        let settings = DetectionSettings::default();
        let mut site = SiteRate::default();
        (0..100_000).for_each(|number| site.ended(number % 2 == 0));
        let mut user = Vanishing::default();
        for number in 0..40 {
            user.ended(number % 2 == 0);
            user.missed(3e9);
        }
        assert!(user.judge(7, &site, 1_800_000_000, &settings).is_none());
    }
}
