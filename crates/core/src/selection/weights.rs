//! Weights, worked out once for a configuration, so that a draw adds small integers.
//!
//! All weights are in eighths of a doubling (9 %): they are added instead of multiplied.

use super::place::{Place, km_of_chord_squared};
use super::profile::{Deeds, LogCounter};
use super::strategy::{RoleWeight, Selection, Strategies};

/// No seeder's weight falls below a twentieth for what it gave or how long it has seeded.
const FLOOR: f64 = 0.05;
/// How much more likely peers of the same autonomous system, country and continent are.
const TIERS: [f64; 3] = [8.0, 3.0, 1.5];
/// A peer whose point is unknown counts as one so far away.
const UNKNOWN_KM: f64 = 4000.0;
/// The weights by speed are within a sixteenth and sixteen.
const SPEED_EIGHTHS_MAX: i32 = 32;

/// The first step of what a seeder gave, as a part of the torrent's size.
pub(crate) const GIVEN_STEP: f32 = 0.01;
/// The first step of how long it has seeded.
pub(crate) const SEEDED_STEP_SECONDS: f32 = 900.0;

/// Squares of distances are told apart by 4 bits after their highest.
const DISTANCES: usize = 32 << DISTANCE_BITS;
const DISTANCE_BITS: u32 = 4;
/// Parts of the distribution that waiting times are drawn from.
const WAITS: usize = 256;

/// A configuration's weights.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) strategies: Strategies,
    pub(crate) uniform_percent: usize,
    tiers: [i16; 3],
    /// By the square of the distance.
    distances: [i16; DISTANCES],
    unknown_distance: i16,
    given: [i8; LogCounter::STEPS],
    seeded: [i8; LogCounter::STEPS],
    /// Sorted by id.
    roles: Vec<RoleWeight>,
    /// What a waiting time is multiplied by, by weight plus 128.
    slowness: [f32; 256],
    /// -ln(1 - n/256).
    waits: [f32; WAITS],
}

impl Default for Weights {
    fn default() -> Self {
        Self::new(&Selection::default())
    }
}

impl Weights {
    pub(crate) fn new(selection: &Selection) -> Self {
        let half_km = f64::from(selection.half_weight_km.max(1));
        let half_hours = f64::from(selection.half_weight_seed_hours.max(1));
        let distance = |km: f64| narrow(eighths(1.0 / (1.0 + (km / half_km).powi(2))));
        let given = |class| LogCounter::value_of(class) * f64::from(GIVEN_STEP);
        let seeded_hours =
            |class| LogCounter::value_of(class) * f64::from(SEEDED_STEP_SECONDS) / 3600.0;
        let mut roles = selection.roles.clone();
        roles.sort_by_key(|role| role.role_id);
        Self {
            strategies: selection.strategies,
            uniform_percent: usize::from(selection.uniform_percent.clamp(10, 100)),
            tiers: TIERS.map(|tier| narrow(eighths(tier))),
            distances: std::array::from_fn(|class| distance(km_of_class(class))),
            unknown_distance: distance(UNKNOWN_KM),
            given: by_class(|class| 1.0 / (1.0 + given(class))),
            seeded: by_class(|class| 1.0 / (1.0 + seeded_hours(class) / half_hours)),
            roles,
            slowness: std::array::from_fn(|at| (-(at as f32 - 128.0) / 8.0).exp2()),
            waits: std::array::from_fn(|at| -(1.0 - at as f32 / WAITS as f32).ln()),
        }
    }

    /// The weight of a seeder for what it is and did.
    pub(crate) fn economy(
        &self,
        strategies: Strategies,
        deeds: Deeds,
        role_id: u16,
        median_speed_eighths: i32,
    ) -> i32 {
        let mut weight = 0;
        if strategies.has(Strategies::COMPLETION) {
            weight += self.given.get(deeds.given.class()).map_or(0, |it| i32::from(*it));
        }
        if strategies.has(Strategies::SEED_TIME) {
            weight += self.seeded.get(deeds.seeded.class()).map_or(0, |it| i32::from(*it));
        }
        if deeds.speed > 0 && strategies.has_any(Strategies::FAST | Strategies::SLOW) {
            // Half a doubling for each doubling.
            let faster = (i32::from(deeds.speed) * 8 - median_speed_eighths) / 2;
            let faster = faster.clamp(-SPEED_EIGHTHS_MAX, SPEED_EIGHTHS_MAX);
            weight += if strategies.has(Strategies::FAST) { faster } else { 0 };
            weight -= if strategies.has(Strategies::SLOW) { faster } else { 0 };
        }
        if strategies.has(Strategies::USER_CLASS)
            && let Some(role) = self.role(role_id)
        {
            weight += eighths(f64::from(role.weight_percent.clamp(10, 1000)) / 100.0);
        }
        weight
    }

    /// Whether members of a role who seed are always given.
    pub(crate) fn always_includes(&self, strategies: Strategies, role_id: u16) -> bool {
        strategies.has(Strategies::USER_CLASS)
            && self.role(role_id).is_some_and(|role| role.always_include)
    }

    fn role(&self, id: u16) -> Option<&RoleWeight> {
        let at = self.roles.binary_search_by_key(&id, |role| role.role_id).ok()?;
        self.roles.get(at)
    }

    /// The weight of a peer at one place for an asker at another, which is known.
    #[inline]
    pub(crate) fn location(&self, asker: &Place, peer: &Place) -> i32 {
        let [same_asn, same_country, same_continent] = self.tiers;
        let tier = if peer.asn() != 0 && peer.asn() == asker.asn() {
            same_asn
        } else if peer.country_number() != 0 && peer.country_number() == asker.country_number() {
            same_country
        } else if peer.has_continent() && peer.continent_bits() == asker.continent_bits() {
            same_continent
        } else {
            0
        };
        let distance = if peer.has_point() && asker.has_point() {
            let class = class_of_distance(peer.chord_squared(asker));
            self.distances.get(class).copied().unwrap_or(self.unknown_distance)
        } else {
            self.unknown_distance
        };
        i32::from(tier) + i32::from(distance)
    }

    /// How long a peer of a weight waits until it is drawn, if it is drawn at a rate proportional
    /// to that weight: those who are drawn first are a sample without replacement (Efraimidis and
    /// Spirakis, 2006).
    #[inline]
    pub(crate) fn wait(&self, weight: i32, rng: &mut fastrand::Rng) -> f32 {
        let at = usize::try_from(weight.clamp(-128, 127) + 128).unwrap_or(0);
        self.slowness.get(at).copied().unwrap_or(1.0) * self.unit_wait(rng)
    }

    /// Exponentially distributed with mean 1: straight between 256 points, which is off by less
    /// than a hundredth where waits are short enough to matter.
    #[inline]
    fn unit_wait(&self, rng: &mut fastrand::Rng) -> f32 {
        let mut rounds = 0.0;
        loop {
            let bits = rng.u32(..);
            let part = (bits & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0);
            let mut points = self.waits.iter().skip((bits >> 24) as usize);
            match (points.next(), points.next()) {
                (Some(from), Some(to)) => return rounds + from + (to - from) * part,
                // The last part has no end: what is left of a wait is like a whole one.
                (Some(from), None) if rounds < 64.0 => rounds += from,
                _ => return rounds,
            }
        }
    }
}

fn by_class(weight: impl Fn(u8) -> f64) -> [i8; LogCounter::STEPS] {
    std::array::from_fn(|class| {
        let class = u8::try_from(class).unwrap_or(u8::MAX);
        i8::try_from(eighths(weight(class).max(FLOOR))).unwrap_or(0)
    })
}

/// A weight in eighths of a doubling.
fn eighths(weight: f64) -> i32 {
    (weight.log2() * 8.0).round() as i32
}

fn narrow(eighths: i32) -> i16 {
    i16::try_from(eighths).unwrap_or(i16::MIN)
}

/// The class of the square of a distance: its highest bit, and the [`DISTANCE_BITS`] below that.
#[inline]
fn class_of_distance(chord_squared: u32) -> usize {
    let value = chord_squared.max(1);
    let top = value.ilog2();
    let below = (u64::from(value) << DISTANCE_BITS >> top) & ((1 << DISTANCE_BITS) - 1);
    (top << DISTANCE_BITS) as usize | below as usize
}

/// A distance in the middle of a class.
fn km_of_class(class: usize) -> f64 {
    let top = (class >> DISTANCE_BITS) as i32;
    let below = (class & ((1 << DISTANCE_BITS) - 1)) as f64;
    let parts = f64::from(1_u32 << DISTANCE_BITS);
    km_of_chord_squared((1.0 + (below + 0.5) / parts) * 2.0_f64.powi(top))
}
