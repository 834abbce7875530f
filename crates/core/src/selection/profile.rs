//! What the choice of peers knows of one peer: 6 bytes, kept only while a strategy is in force.

use std::net::IpAddr;

use super::place::{PlaceId, Places};

/// What is known of a peer.
///
/// The weight is that of its last announce. What it is made of changes only with announces, but
/// for the seed time, which is off by the announce interval at most; so the draw adds one byte and
/// looks nothing up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profile {
    /// 3 bytes of place (0: nobody has asked for it yet; otherwise its number plus one), and the
    /// weight as a seeder in eighths of a doubling ([`NOT_LEARNED`] before its first announce).
    known: [u8; 4],
    /// 4 bits of upload speed, 6 of bytes given, 6 of seed time.
    deeds: [u8; 2],
}

const _: () = assert!(size_of::<Profile>() == 6);

const NOT_LEARNED: i8 = i8::MIN;

impl Default for Profile {
    fn default() -> Self {
        Self { known: Known::NOTHING.0.to_le_bytes(), deeds: [0; 2] }
    }
}

/// What a draw reads of a profile, in one word: the place in the lowest 24 bits, the weight above.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known(u32);

const PLACE_MASK: u32 = (1 << 24) - 1;

impl Known {
    /// What is known of a peer without a profile.
    pub(crate) const NOTHING: Known = Known((NOT_LEARNED as u8 as u32) << 24);

    #[inline]
    pub(crate) fn place(self) -> PlaceId {
        PlaceId((self.0 & PLACE_MASK).saturating_sub(1))
    }

    /// Weight as a seeder in eighths of a doubling; 0 while nothing is known.
    #[inline]
    pub(crate) fn weight(self) -> i32 {
        let weight = self.0.cast_signed() >> 24;
        if weight == NOT_LEARNED.into() { 0 } else { weight }
    }
}

/// What a peer has done, in classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Deeds {
    /// The fastest that it was seen to upload: 0 for never, then one class for each doubling.
    pub(crate) speed: u8,
    /// What it gave since it completed the torrent, in classes of a [`LogCounter`].
    pub(crate) given: LogCounter,
    /// How long it has seeded.
    pub(crate) seeded: LogCounter,
}

impl Profile {
    #[inline]
    pub(crate) fn known(&self) -> Known {
        Known(u32::from_le_bytes(self.known))
    }

    pub(crate) fn is_place_asked(&self) -> bool {
        self.known().0 & PLACE_MASK != 0
    }

    pub(crate) fn place(&self) -> PlaceId {
        self.known().place()
    }

    pub(crate) fn set_place(&mut self, place: PlaceId) {
        let place = if place > PlaceId::MAX { PlaceId::UNKNOWN } else { place };
        self.put_place(place.0 + 1);
    }

    fn put_place(&mut self, bits: u32) {
        self.known = (self.known().0 & !PLACE_MASK | bits & PLACE_MASK).to_le_bytes();
    }

    /// Asks for the place of a peer, if nobody has yet or if it has moved.
    pub(crate) fn learn_place(&mut self, places: &dyn Places, ip: Option<IpAddr>, moved: bool) {
        if let Some(ip) = ip
            && (moved || !self.is_place_asked())
        {
            self.set_place(places.place_of(ip));
        }
    }

    pub(crate) fn take_place_of(&mut self, other: &Profile) {
        self.put_place(other.known().0);
    }

    pub(crate) fn is_learned(&self) -> bool {
        let [_, _, _, weight] = self.known;
        weight.cast_signed() != NOT_LEARNED
    }

    #[cfg(test)]
    pub(crate) fn weight(&self) -> i32 {
        self.known().weight()
    }

    pub(crate) fn set_weight(&mut self, eighths: i32) {
        let weight = i8::try_from(eighths.clamp(-127, 127)).unwrap_or(0);
        let [a, b, c, _] = self.known;
        self.known = [a, b, c, weight.cast_unsigned()];
    }

    pub(crate) fn deeds(&self) -> Deeds {
        let bits = u16::from_le_bytes(self.deeds);
        let six = |shift: u32| LogCounter(u8::try_from(bits >> shift & 63).unwrap_or(0));
        Deeds { speed: u8::try_from(bits & 15).unwrap_or(0), given: six(4), seeded: six(10) }
    }

    pub(crate) fn set_deeds(&mut self, deeds: Deeds) {
        let bits = u16::from(deeds.speed.min(15))
            | u16::from(deeds.given.0.min(63)) << 4
            | u16::from(deeds.seeded.0.min(63)) << 10;
        self.deeds = bits.to_le_bytes();
    }
}

/// A count in 6 bits (Morris, 1978): each of its steps stands for 2^(1/8) times as much as the one
/// before, and a part of a step counts as a whole one with that chance. It is right on average, and
/// off by a fifth as a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct LogCounter(u8);

impl LogCounter {
    pub(crate) const STEPS: usize = 64;
    const LAST: u8 = 63;

    /// What a class stands for, in widths of the first step.
    pub(crate) fn value_of(class: u8) -> f64 {
        let growth = 0.125_f64.exp2();
        (growth.powi(class.into()) - 1.0) / (growth - 1.0)
    }

    pub(crate) fn class(self) -> usize {
        self.0.into()
    }

    /// Counts `amount`, in widths of the first step.
    pub(crate) fn add(self, mut amount: f32, rng: &mut fastrand::Rng) -> Self {
        let mut class = self.0;
        while amount > 0.0 && class < Self::LAST {
            let width = (f32::from(class) * 0.125).exp2();
            class += u8::from(amount >= width || rng.f32() * width < amount);
            amount -= width;
        }
        Self(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_profile_comes_out_of_it() {
        let mut profile = Profile::default();
        assert!(!profile.is_place_asked() && !profile.is_learned());
        assert_eq!((profile.place(), profile.weight()), (PlaceId::UNKNOWN, 0));
        for id in [0, 1, 70_000, PlaceId::MAX.0] {
            profile.set_place(PlaceId(id));
            assert!(profile.is_place_asked());
            assert_eq!(profile.place(), PlaceId(id));
        }
        profile.set_place(PlaceId(PlaceId::MAX.0 + 1));
        assert_eq!(profile.place(), PlaceId::UNKNOWN);
        for (eighths, kept) in [(0, 0), (-35, -35), (80, 80), (-500, -127), (500, 127)] {
            profile.set_weight(eighths);
            assert_eq!(profile.weight(), kept);
            assert!(profile.is_learned());
        }
        let deeds = Deeds { speed: 15, given: LogCounter(63), seeded: LogCounter(1) };
        profile.set_deeds(deeds);
        assert_eq!(profile.deeds(), deeds);
        let deeds = Deeds { speed: 0, given: LogCounter(0), seeded: LogCounter(42) };
        profile.set_deeds(deeds);
        assert_eq!(profile.deeds(), deeds);
        assert_eq!(profile.place(), PlaceId::UNKNOWN);
    }

    /// 400 counters of equal parts: the mean of them is off by 22 % / √400 = 1.1 % as a rule.
    #[test]
    fn a_counter_is_right_on_average_whatever_the_parts_it_is_fed() {
        let mut rng = fastrand::Rng::with_seed(3);
        for parts in [1, 10, 1000, 20_000] {
            for total in [3.0_f32, 40.0, 500.0] {
                let sum: f64 = (0..400)
                    .map(|_| {
                        let part = total / parts as f32;
                        let add = |it: LogCounter, _| it.add(part, &mut rng);
                        LogCounter::value_of((0..parts).fold(LogCounter::default(), add).0)
                    })
                    .sum();
                let mean = sum / 400.0;
                assert!((mean / f64::from(total) - 1.0).abs() < 0.07, "{mean} of {total}, {parts}");
            }
        }
    }

    #[test]
    fn a_counter_ends_at_its_last_step() {
        let mut rng = fastrand::Rng::with_seed(3);
        let full = LogCounter::default().add(1e12, &mut rng);
        assert_eq!(full.class(), LogCounter::STEPS - 1);
        assert_eq!(full.add(1e12, &mut rng), full);
        assert_eq!(LogCounter::default().add(-1.0, &mut rng), LogCounter::default());
        assert_eq!(LogCounter::value_of(0), 0.0);
        assert!(LogCounter::value_of(63) > 2500.0);
    }
}
