//! Weights, worked out once for a configuration, so that a draw adds small integers.
//!
//! All weights are in eighths of a doubling (9 %): they are added instead of multiplied.

use super::place::{COUNTRY_MASK, Place, km_of_chord_squared};
use super::profile::{Deeds, LogCounter};
use super::strategy::{RoleWeight, Selection, Strategies};

/// No seeder's weight falls below a hundredth for what it gave.
const GIVEN_FLOOR: f64 = 0.01;
/// A seeder who gave a quarter of the torrent's size has an eighth of the weight of a fresh one:
/// all seeders together give what all others download, so that most have given less than that, and
/// a gentler slope would tell only the few who gave many times the size from the rest.
const GIVEN_QUARTERS: f64 = 4.0;
const GIVEN_POWER: i32 = 3;
/// No seeder's weight falls below a twentieth for how long it has seeded.
const SEEDED_FLOOR: f64 = 0.05;
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
const DISTANCES: usize = 33 << DISTANCE_BITS;
const DISTANCE_BITS: u32 = 4;
/// The class for a point that is unknown: more than any distance has.
const UNKNOWN_DISTANCE: usize = DISTANCES - 1;

/// Times of arrival are logarithms, so that a weight is subtracted: in parts of a doubling.
const TIME_PARTS: i32 = 1 << 15;
const TIME_PARTS_PER_EIGHTH: i32 = TIME_PARTS / 8;
/// Bits of a time of arrival: [`TIME_ORIGIN`] and as much again hold the lightest and the luckiest.
pub(crate) const TIME_BITS: u32 = 22;
const TIME_ORIGIN: i32 = 56 * TIME_PARTS;
/// Random numbers are told apart by 5 bits after their highest.
const WAITS: usize = 33 << WAIT_BITS;
const WAIT_BITS: u32 = 5;

/// A configuration's weights.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) strategies: Strategies,
    pub(crate) uniform_percent: usize,
    tiers: [i32; 3],
    /// By the square of the distance.
    distances: [i16; DISTANCES],
    given: [i8; LogCounter::STEPS],
    seeded: [i8; LogCounter::STEPS],
    /// Sorted by id.
    roles: Vec<RoleWeight>,
    /// The logarithms of exponentially distributed waits and [`TIME_ORIGIN`], by the class of a
    /// random number.
    waits: [i32; WAITS],
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
            tiers: TIERS.map(eighths),
            distances: std::array::from_fn(|class| {
                distance(if class == UNKNOWN_DISTANCE { UNKNOWN_KM } else { km_of_class(class) })
            }),
            given: by_class(GIVEN_FLOOR, |class| {
                (1.0 + GIVEN_QUARTERS * given(class)).powi(-GIVEN_POWER)
            }),
            seeded: by_class(SEEDED_FLOOR, |class| 1.0 / (1.0 + seeded_hours(class) / half_hours)),
            roles,
            waits: std::array::from_fn(wait_of_class),
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
            let faster = i32::from(deeds.speed) * 8 - median_speed_eighths;
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

    /// Adds the weights of peers at places for an asker, who is at a known one. First what a
    /// processor can do for many at once, then what is looked up. The columns are of one length.
    #[inline(never)]
    pub(crate) fn add_locations(
        &self,
        asker: &Near,
        [xy, z_region, asn]: [&mut [u32]; 3],
        sums: &mut [i32],
    ) {
        let places = xy.iter_mut().zip(&*z_region).zip(&*asn);
        for (((xy, z_region), asn), sum) in places.zip(&mut *sums) {
            *sum += self.tier(asker, z_region >> 16, *asn);
            *xy = asker.class_of_distance(*xy, *z_region);
        }
        for (sum, class) in sums.iter_mut().zip(xy) {
            *sum += self.distances.get(*class as usize).map_or(0, |it| i32::from(*it));
        }
    }

    /// What is told by an autonomous system, country or continent that is the asker's: each is more
    /// than those after it.
    #[inline(always)]
    fn tier(&self, asker: &Near, region: u32, asn: u32) -> i32 {
        let [same_asn, same_country, same_continent] = self.tiers;
        let country = region & u32::from(COUNTRY_MASK);
        let tier =
            if region & !u32::from(COUNTRY_MASK) == asker.continent { same_continent } else { 0 };
        let tier = if country == asker.country { same_country } else { tier };
        if asn == asker.asn { same_asn } else { tier }
    }

    /// When peers of some weights arrive, if they do so at rates proportional to the weights:
    /// those who arrive first are a sample without replacement (Efraimidis and Spirakis, 2006).
    /// Numbers of [`TIME_BITS`] bits, which grow with the time, in place of random ones. The
    /// columns are of one length; what is in `classes` does not matter.
    #[inline(never)]
    pub(crate) fn draw_times(&self, sums: &[i32], classes: &mut [u32], times: &mut [u32]) {
        for (time, class) in times.iter_mut().zip(&mut *classes) {
            // 31 bits of the random number, for there is no quick way to a float for more: 1 has
            // the class of 2.
            let bits = float_bits(((*time >> 1) | 1).cast_signed() as f32);
            let bits = bits.wrapping_add(1 << MANTISSA_BITS);
            *class = bits >> (MANTISSA_BITS - WAIT_BITS);
            // What is left of the number tells those of a class apart, over about its width.
            *time = (bits & ((1 << (MANTISSA_BITS - WAIT_BITS)) - 1)) >> 8;
        }
        for ((time, class), sum) in times.iter_mut().zip(classes).zip(sums) {
            let wait = self.waits.get(*class as usize).copied().unwrap_or(0);
            let wait = wait.wrapping_sub(sum.wrapping_mul(TIME_PARTS_PER_EIGHTH));
            *time = time.wrapping_add(wait.cast_unsigned());
        }
    }
}

/// Where an asker is, ready for comparing: what is unknown of it is like nobody's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    x: f32,
    y: f32,
    z: f32,
    /// All bits, or none if the point is unknown.
    point_mask: u32,
    asn: u32,
    country: u32,
    continent: u32,
}

impl Near {
    pub(crate) fn new(place: Place) -> Self {
        let known = |part: u32| if part == 0 { u32::MAX } else { part };
        let [xy, z_region, asn] = place.words();
        let region = z_region >> 16;
        let [x, y, z] = coordinates(xy, z_region);
        let country_mask = u32::from(COUNTRY_MASK);
        Self {
            x,
            y,
            z,
            point_mask: if place.has_point() { u32::MAX } else { 0 },
            asn: known(asn),
            country: known(region & country_mask),
            continent: known(region & !country_mask),
        }
    }

    /// The class of the distance to a place.
    #[inline(always)]
    fn class_of_distance(&self, xy: u32, z_region: u32) -> u32 {
        let [x, y, z] = coordinates(xy, z_region);
        let (x, y, z) = (x - self.x, y - self.y, z - self.z);
        let class = class_of_chord_squared(x * x + y * y + z * z);
        let has_point = (xy | z_region << 16) & self.point_mask != 0;
        if has_point { class } else { UNKNOWN_DISTANCE as u32 }
    }
}

/// The coordinates of a place from the words that have them.
#[inline(always)]
fn coordinates(xy: u32, z_region: u32) -> [f32; 3] {
    let low = |word: u32| ((word << 16).cast_signed() >> 16) as f32;
    [low(xy), (xy.cast_signed() >> 16) as f32, low(z_region)]
}

fn by_class(floor: f64, weight: impl Fn(u8) -> f64) -> [i8; LogCounter::STEPS] {
    std::array::from_fn(|class| {
        let class = u8::try_from(class).unwrap_or(u8::MAX);
        i8::try_from(eighths(weight(class).max(floor))).unwrap_or(0)
    })
}

/// A weight in eighths of a doubling.
fn eighths(weight: f64) -> i32 {
    (weight.log2() * 8.0).round() as i32
}

fn narrow(eighths: i32) -> i16 {
    i16::try_from(eighths).unwrap_or(i16::MIN)
}

const MANTISSA_BITS: u32 = 23;

/// The bits of a number of 1 or more as a float, 0 being those of 1: the place of its highest bit
/// above the bits that follow.
#[inline(always)]
fn float_bits(value: f32) -> u32 {
    value.to_bits().wrapping_sub(1.0_f32.to_bits())
}

/// The class of the square of a distance: its highest bit, and the [`DISTANCE_BITS`] below that.
#[inline(always)]
fn class_of_chord_squared(chord_squared: f32) -> u32 {
    let chord_squared = if chord_squared > 1.0 { chord_squared } else { 1.0 };
    float_bits(chord_squared) >> (MANTISSA_BITS - DISTANCE_BITS)
}

/// The logarithm of the wait at the beginning of a class of random numbers, and [`TIME_ORIGIN`].
fn wait_of_class(class: usize) -> i32 {
    let (top, below) = ((class >> WAIT_BITS) as i32, class & ((1 << WAIT_BITS) - 1));
    let parts = f64::from(1_u32 << WAIT_BITS);
    let number = (1.0 + below as f64 / parts) * 2.0_f64.powi(top);
    let share = (number / 2.0_f64.powi(32)).min(1.0 - 2.0_f64.powi(-33));
    TIME_ORIGIN + ((-(-share).ln_1p()).log2() * f64::from(TIME_PARTS)).round() as i32
}

/// A distance in the middle of a class.
fn km_of_class(class: usize) -> f64 {
    let top = (class >> DISTANCE_BITS) as i32;
    let below = (class & ((1 << DISTANCE_BITS) - 1)) as f64;
    let parts = f64::from(1_u32 << DISTANCE_BITS);
    km_of_chord_squared((1.0 + (below + 0.5) / parts) * 2.0_f64.powi(top))
}
