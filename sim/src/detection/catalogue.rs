//! Torrents, and who wants which when. Nothing of it depends on the tracker.

use super::people::Person;
use super::plan::SitePlan;
use crate::rng::{Rng, Weights};

const DAY: f64 = 86_400.0;

/// A torrent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Torrent {
    /// Bytes.
    pub size: u64,
    /// Second of its release; 0 of those of old.
    pub released_seconds: u32,
    /// Share of its bytes that fail their check.
    pub corrupt: f64,
    /// A server gives it away as well.
    pub web_seed: bool,
    /// Downloads that are expected.
    pub popularity: f64,
    /// Days in which the interest in a release falls to a third; 0 of those of old.
    pub decay_days: f64,
}

/// A user begins to download a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Second of the simulation.
    pub at_seconds: u32,
    /// Who.
    pub user: u32,
    /// What.
    pub torrent: u32,
}

impl Torrent {
    /// How many want it in a day, at a second of the simulation of so many days.
    pub fn interest(&self, at_seconds: u32, days: u32) -> f64 {
        if at_seconds < self.released_seconds {
            return 0.0;
        }
        if self.decay_days == 0.0 {
            return self.popularity / f64::from(days);
        }
        let age_days = f64::from(at_seconds - self.released_seconds) / DAY;
        self.popularity / self.decay_days * (-age_days / self.decay_days).exp()
    }
}

/// Draws the torrents: four of ten are released meanwhile.
pub fn torrents(plan: &SitePlan, rng: &mut Rng) -> Vec<Torrent> {
    let total = plan.users as f64 * plan.downloads_per_day * f64::from(plan.days);
    let mut ranks: Vec<f64> = (1..=plan.torrents).map(|rank| (rank as f64).powf(-0.9)).collect();
    let sum: f64 = ranks.iter().sum();
    rng.shuffle(&mut ranks);
    let torrent = |rank: f64| {
        let fresh = rng.chance(0.4);
        let released = rng.unit() * f64::from(plan.days) * DAY * 0.95;
        // Nobody wants it twice: not more than a third of all users.
        let popularity = (total * rank / sum).min(plan.users as f64 / 3.0);
        let bad = rng.chance(0.1);
        Torrent {
            size: rng.log_normal(2e9, 1.0).clamp(5e7, 1e11) as u64,
            released_seconds: if fresh { 1 + released as u32 } else { 0 },
            corrupt: if bad { plan.noise.corrupt * rng.unit() } else { 0.0 },
            web_seed: rng.chance(plan.noise.web_seeds),
            popularity,
            decay_days: if fresh { 1.0 + 6.0 * rng.unit() } else { 0.0 },
        }
    };
    ranks.into_iter().map(torrent).collect()
}

/// Draws who wants what when, in order of time.
pub fn arrivals(
    plan: &SitePlan,
    people: &[Person],
    torrents: &[Torrent],
    rng: &mut Rng,
) -> Vec<Arrival> {
    let by_activity = Weights::new(people.iter().map(|person| person.activity));
    let end = f64::from(plan.days) * DAY;
    let mut all = Vec::new();
    for (number, torrent) in torrents.iter().enumerate() {
        for _ in 0..poisson(torrent.popularity, rng) {
            let at = match torrent.decay_days {
                0.0 => rng.unit() * end,
                days => f64::from(torrent.released_seconds) + rng.exponential(days * DAY) + 60.0,
            };
            // Half as many at four in the morning as in the afternoon.
            let hour = (at / 3600.0) % 24.0;
            let awake = 0.75 + 0.25 * ((hour - 16.0) / 24.0 * std::f64::consts::TAU).cos();
            if at >= end || !rng.chance(awake) {
                continue;
            }
            let user = rng.weighted(&by_activity) as u32;
            all.push(Arrival { at_seconds: at as u32, user, torrent: number as u32 });
        }
    }
    all.sort_by_key(|it| (it.at_seconds, it.torrent, it.user));
    all
}

/// A number with a Poisson distribution; of a large mean, the mean with its spread.
pub fn poisson(mean: f64, rng: &mut Rng) -> usize {
    if mean > 50.0 {
        return (mean + mean.sqrt() * rng.normal()).round().max(0.0) as usize;
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.unit(), 0);
    while product > limit {
        product *= rng.unit();
        count += 1;
    }
    count
}
