//! D4: upload that follows a formula of the counts that we told.
//!
//! JOAL and its kin share one speed among torrents by `w = L³/(S + L)²`, with the counts of the
//! last answer, the client itself not counted. What an honest client uploads depends on who is
//! there, too, but not as exactly. Only suspects are looked at, and clients that have one peer id
//! where there should be one for each torrent.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::weights::Weights;
use super::{Observation, Signs};

/// Pairs of a torrent and an interval before anything is said.
const PAIRS_MIN: u32 = 30;
const CORRELATION_MIN: f64 = 0.9;
/// Of the logarithms of the weights: of what hardly differs nothing can be said.
const SPREAD_MIN: f64 = 0.5;
/// The speed grows as the weight does, not as its square or its root.
const SLOPES: std::ops::RangeInclusive<f64> = 0.7..=1.3;
/// Torrents whose last counts are remembered.
const TOLD: usize = 32;
/// Seconds after which what a client was told is of no use any more.
const STALE_SECONDS: u32 = 3 * 3600;

/// What a client was told last.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Told {
    torrent_id: u32,
    at_seconds: u32,
    session: u64,
    seeders: u16,
    leechers: u16,
}

/// Sums over pairs of ln(weight), `x`, and ln(bytes per second), `y`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Model {
    told: [Told; TOLD],
    begun_seconds: u32,
    pairs: u32,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Model {
    /// Looks at a report of a suspect.
    pub(super) fn observe(&mut self, of: &Observation, weights: &Weights) -> Option<Draft> {
        if of.signs.has(Signs::VANISHED) || of.left_bytes > 0 {
            return None;
        }
        let told = self.exchange(of);
        let since_seconds = of.at_seconds.checked_sub(of.gap_seconds)?;
        let told = told.filter(|told| told.at_seconds == since_seconds && of.gap_seconds > 0)?;
        let leechers = f64::from(told.leechers);
        let all = leechers + f64::from(told.seeders.saturating_sub(1));
        let weight = leechers.powi(3) / (all * all);
        if of.uploaded_bytes == 0 || weight.is_nan() || weight <= 0.0 {
            return None;
        }
        if self.pairs == 0 {
            self.begun_seconds = since_seconds;
        }
        let speed = of.uploaded_bytes as f64 / f64::from(of.gap_seconds);
        self.add(weight.ln(), speed.ln());
        self.judge(of, weights)
    }

    /// Remembers what is told now; returns what was told last.
    fn exchange(&mut self, of: &Observation) -> Option<Told> {
        let now = Told {
            torrent_id: of.torrent_id,
            at_seconds: of.at_seconds,
            session: of.session,
            seeders: of.seeders,
            leechers: of.leechers,
        };
        let place = (of.torrent_id, of.session);
        match self.told.iter_mut().find(|told| (told.torrent_id, told.session) == place) {
            Some(told) => Some(std::mem::replace(told, now)),
            None => {
                // Who has more torrents than there is room for would push out each before its next
                // report.
                let oldest = self.told.iter_mut().min_by_key(|told| told.at_seconds)?;
                let is_stale = of.at_seconds.saturating_sub(oldest.at_seconds) > STALE_SECONDS;
                if is_stale && of.leechers > 0 {
                    *oldest = now;
                }
                None
            }
        }
    }

    fn add(&mut self, x: f64, y: f64) {
        self.pairs += 1;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
        self.yy += y * y;
    }

    fn judge(&mut self, of: &Observation, weights: &Weights) -> Option<Draft> {
        if self.pairs < PAIRS_MIN {
            return None;
        }
        let n = f64::from(self.pairs);
        let (xx, yy) = (self.xx - self.x * self.x / n, self.yy - self.y * self.y / n);
        let xy = self.xy - self.x * self.y / n;
        let correlation = xy / (xx * yy).sqrt();
        let (spread, slope) = ((xx / n).sqrt(), xy / xx);
        let is_model =
            correlation >= CORRELATION_MIN && spread >= SPREAD_MIN && SLOPES.contains(&slope);
        let begun_seconds = self.begun_seconds;
        *self = Self { told: self.told, ..Self::default() };
        let number = |name, value| Input::new(name, value, Unit::Number);
        is_model.then(|| Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: None,
            detector: Detector::Model,
            // The next intervals are much like these: once a day.
            key: of.at_seconds / 86_400,
            window_seconds: (begun_seconds, of.at_seconds),
            observed: correlation,
            bound: CORRELATION_MIN,
            unit: Unit::Number,
            formula: "x = ln(L³/(S − 1 + L)²) of the seeders S and leechers L told last, \
                      y = ln(uploaded/seconds); observed = correlation of x and y ≥ bound; \
                      spread = deviation of x ≥ 0.5; slope of y over x from 0.7 to 1.3; \
                      llr = weight",
            inputs: vec![
                number("pairs", n),
                number("spread", spread),
                number("slope", slope),
                Input::weight(weights.model),
            ],
            excuses: vec![Excuse::new("upload follows demand", true, correlation)],
            llr: weights.model.value(),
            rebased: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 1_800_000_000;

    /// Reports of 12 torrents in `rounds` intervals; `speed` of seeders, leechers and a random
    /// number in 0..1.
    fn found(rounds: u32, speed: impl Fn(f64, f64, f64) -> f64) -> Vec<Draft> {
        found_of::<12>(rounds, speed)
    }

    fn found_of<const TORRENTS: usize>(
        rounds: u32,
        speed: impl Fn(f64, f64, f64) -> f64,
    ) -> Vec<Draft> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut model = Model::default();
        let mut found = Vec::new();
        let mut counts = [(0_u16, 0_u16); TORRENTS];
        for round in 0..rounds {
            for (torrent, told) in (1..).zip(counts.iter_mut()) {
                let (seeders, leechers) = (f64::from(told.0), f64::from(told.1));
                let uploaded = speed(seeders, leechers, random.f64()) * 1800.0;
                let now = (random.u16(1..40), random.u16(0..30));
                *told = now;
                let report = Observation {
                    at_seconds: START + round * 1800,
                    gap_seconds: if round == 0 { 0 } else { 1800 },
                    user_id: 7,
                    torrent_id: torrent,
                    session: 9,
                    uploaded_bytes: if round == 0 { 0 } else { uploaded as u64 },
                    seeders: now.0,
                    leechers: now.1,
                    ..Observation::default()
                };
                found.extend(model.observe(&report, &Weights::default()));
            }
        }
        found
    }

    #[test]
    fn speeds_that_follow_the_formula_of_joal_are_found() {
        let joal = |seeders: f64, leechers: f64, random: f64| {
            let all = (leechers + seeders - 1.0).max(1.0);
            (30e3 + 140e3 * random) * leechers.powi(3) / (all * all)
        };
        let found = found(10, joal);
        assert!((2..=4).contains(&found.len()), "{}", found.len());
        let first = &found[0];
        assert_eq!((first.detector, first.bound), (Detector::Model, 0.9));
        assert!(first.observed > 0.9 && first.window_seconds.0 == START, "{first:?}");
    }

    #[test]
    fn more_torrents_than_there_is_room_for_do_not_push_each_other_out() {
        let joal = |seeders: f64, leechers: f64, random: f64| {
            let all = (leechers + seeders - 1.0).max(1.0);
            (30e3 + 140e3 * random) * leechers.powi(3) / (all * all)
        };
        assert!(found_of::<60>(10, joal).len() >= 5);
    }

    #[test]
    fn speeds_that_follow_demand_with_the_chance_of_real_swarms_are_not_found() {
        let honest = |seeders: f64, leechers: f64, random: f64| {
            // Two decades of what one leecher takes.
            leechers / seeders.max(1.0) * 1e6 * 100_f64.powf(random - 0.5)
        };
        assert!(found(60, honest).is_empty());
        assert!(found(60, |_, _, random| 1e6 * (0.9 + 0.2 * random)).is_empty());
    }

    #[test]
    fn counts_that_were_not_the_last_ones_told_say_nothing() {
        let mut model = Model::default();
        for round in 0..200 {
            let report = Observation {
                at_seconds: START + round * 3600,
                // An announce between two reports was not seen.
                gap_seconds: 1800,
                torrent_id: 1,
                uploaded_bytes: 1_000_000,
                seeders: 2,
                leechers: (round % 30) as u16,
                ..Observation::default()
            };
            assert!(model.observe(&report, &Weights::default()).is_none());
        }
        assert_eq!(model.pairs, 0);
    }
}
