//! What the choice of peers knows of one peer: 4 to 6 bytes, kept while a strategy is in
//! force.

use std::net::IpAddr;

use super::place::{PlaceId, Places};
use super::strategy::Strategies;

/// What is known of a peer.
///
/// The weight is that of its last announce. What it is made of changes only with announces, but
/// for the seed time, which is off by the announce interval at most; so the draw adds one byte and
/// looks nothing up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Profile {
    known: Known,
    deeds: Deeds,
    is_learned: bool,
}

/// What is kept of profiles: the deeds that weights are made of, besides place and weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Where peers are, or a weight that is told by the user's role.
    NoDeeds,
    Speed,
    Given,
    Seeded,
    /// For strategies that work against each other.
    AllDeeds,
}

impl Kept {
    pub(crate) fn of(strategies: Strategies) -> Self {
        let speed = strategies.has_any(Strategies::FAST | Strategies::SLOW);
        let (given, seeded) = (Strategies::COMPLETION, Strategies::SEED_TIME);
        match (speed, strategies.has(given), strategies.has(seeded)) {
            (false, false, false) => Self::NoDeeds,
            (true, false, false) => Self::Speed,
            (false, true, false) => Self::Given,
            (false, false, true) => Self::Seeded,
            _ => Self::AllDeeds,
        }
    }

    /// Bytes of a stored profile.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::NoDeeds => 4,
            Self::Speed | Self::Given | Self::Seeded => 5,
            Self::AllDeeds => 6,
        }
    }
}

/// What a draw reads of a profile, in one word: the place in the lowest 24 bits (0: nobody has
/// asked for it yet; otherwise its number plus one), and above them the weight as a seeder in
/// eighths of a doubling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Known(u32);

const PLACE_MASK: u32 = (1 << 24) - 1;

impl Known {
    /// What is known of a peer without a profile.
    pub(crate) const NOTHING: Known = Known(0);

    #[inline]
    pub(crate) fn load(stored: Option<&[u8; 4]>) -> Self {
        stored.map_or(Self::NOTHING, |stored| Self(u32::from_le_bytes(*stored)))
    }

    /// The number of the place; one that no table has if nobody has asked for it.
    #[inline]
    pub(crate) fn place(self) -> PlaceId {
        PlaceId((self.0 & PLACE_MASK).wrapping_sub(1))
    }

    /// Weight as a seeder in eighths of a doubling; 0 while nothing is known.
    #[inline]
    pub(crate) fn weight(self) -> i32 {
        self.0.cast_signed() >> 24
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

/// The bit of a stored deed that says that there was an announce.
const LEARNED: u8 = 0x80;

impl Profile {
    /// Reads what was stored.
    pub(crate) fn load(kept: Kept, stored: &[u8]) -> Self {
        let known = Known::load(stored.first_chunk());
        let (deeds, learned) = match *stored.get(4..).unwrap_or_default() {
            [deed] => (Deeds::of_one(kept, deed & !LEARNED), deed),
            [low, high] => {
                let given = LogCounter(low >> 6 | (high & 7) << 2);
                let deeds = Deeds { speed: high >> 3 & 15, given, seeded: LogCounter(low & 63) };
                (deeds, high)
            }
            _ => (Deeds::default(), 0),
        };
        Self { known, deeds, is_learned: learned & LEARNED != 0 }
    }

    /// Stores what is to be kept.
    pub(crate) fn store(&self, kept: Kept, stored: &mut [u8]) {
        let Deeds { speed, given, seeded } = self.deeds;
        let learned = if self.is_learned { LEARNED } else { 0 };
        if let Some(known) = stored.first_chunk_mut() {
            *known = self.known.0.to_le_bytes();
        }
        match stored.get_mut(4..).unwrap_or_default() {
            [deed] => {
                *deed = learned
                    | match kept {
                        Kept::Speed => speed.min(15),
                        Kept::Seeded => seeded.0,
                        _ => given.0,
                    };
            }
            [low, high] => {
                let given = given.0.min(Deeds::GIVEN_LAST);
                *low = seeded.0 | given << 6;
                *high = learned | speed.min(15) << 3 | given >> 2;
            }
            _ => {}
        }
    }

    pub(crate) fn is_place_asked(&self) -> bool {
        self.known.0 & PLACE_MASK != 0
    }

    pub(crate) fn place(&self) -> PlaceId {
        if self.is_place_asked() { self.known.place() } else { PlaceId::UNKNOWN }
    }

    pub(crate) fn set_place(&mut self, place: PlaceId) {
        let place = if place > PlaceId::MAX { PlaceId::UNKNOWN } else { place };
        self.put_place(place.0 + 1);
    }

    fn put_place(&mut self, bits: u32) {
        self.known = Known(self.known.0 & !PLACE_MASK | bits & PLACE_MASK);
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
        self.put_place(other.known.0);
    }

    /// Whether it has been weighed, as far as deeds are kept.
    pub(crate) fn is_learned(&self) -> bool {
        self.is_learned
    }

    #[cfg(test)]
    pub(crate) fn weight(&self) -> i32 {
        self.known.weight()
    }

    pub(crate) fn set_weight(&mut self, eighths: i32) {
        let weight = eighths.clamp(-127, 127) << 24;
        self.known = Known(self.known.0 & PLACE_MASK | weight.cast_unsigned());
        self.is_learned = true;
    }

    pub(crate) fn deeds(&self) -> Deeds {
        self.deeds
    }

    pub(crate) fn set_deeds(&mut self, deeds: Deeds) {
        self.deeds = deeds;
    }
}

impl Deeds {
    /// The class of what was given that is told from others, if all deeds are kept: no weight falls
    /// any further long before it.
    pub(crate) const GIVEN_LAST: u8 = 31;

    fn of_one(kept: Kept, class: u8) -> Self {
        let nothing = Self::default();
        match kept {
            Kept::Speed => Self { speed: class.min(15), ..nothing },
            Kept::Seeded => Self { seeded: LogCounter(class.min(LogCounter::LAST)), ..nothing },
            _ => Self { given: LogCounter(class.min(LogCounter::LAST)), ..nothing },
        }
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
    }

    fn stored(profile: Profile, strategies: Strategies) -> Profile {
        let kept = Kept::of(strategies);
        let mut bytes = vec![0xff; kept.bytes()];
        profile.store(kept, &mut bytes);
        Profile::load(kept, &bytes)
    }

    #[test]
    fn a_stored_profile_has_place_weight_and_the_deeds_of_its_strategies() {
        let (given, seeded) = (LogCounter(29), LogCounter(63));
        let mut profile = Profile::default();
        for strategies in Strategies::NAMES.map(|(strategy, _)| strategy) {
            assert_eq!(stored(profile, strategies), profile, "nothing is known");
        }
        profile.set_place(PlaceId(70_000));
        profile.set_weight(-53);
        profile.set_deeds(Deeds { speed: 15, given, seeded });
        let [location, completion, fast, slow, user_class, seed_time] =
            Strategies::NAMES.map(|(strategy, _)| strategy);
        let nothing = Deeds::default();
        for (strategies, bytes, deeds) in [
            (location, 4, nothing),
            (user_class | location, 4, nothing),
            (completion | location, 5, Deeds { given, ..nothing }),
            (seed_time, 5, Deeds { seeded, ..nothing }),
            (fast, 5, Deeds { speed: 15, ..nothing }),
            (slow | user_class, 5, Deeds { speed: 15, ..nothing }),
            (fast | seed_time, 6, profile.deeds()),
            (completion | seed_time | slow, 6, profile.deeds()),
        ] {
            assert_eq!(Kept::of(strategies).bytes(), bytes);
            let back = stored(profile, strategies);
            assert_eq!((back.place(), back.weight()), (PlaceId(70_000), -53));
            assert_eq!(back.deeds(), deeds, "{strategies:?}");
            assert_eq!(back.is_learned(), bytes > 4);
        }
    }

    /// The last class of what was given that is told from others weighs no less than those above.
    #[test]
    fn what_is_cut_off_what_was_given_has_no_weight() {
        let weights = crate::selection::weights::Weights::default();
        let weight = |class| {
            let deeds = Deeds { given: LogCounter(class), ..Deeds::default() };
            weights.economy(Strategies::COMPLETION, deeds, 0, 0)
        };
        assert!((Deeds::GIVEN_LAST..=LogCounter::LAST).all(|class| weight(class) == weight(63)));
        assert!(weight(20) > weight(63));
        let deeds = Deeds { given: LogCounter(63), ..Deeds::default() };
        let mut profile = Profile::default();
        profile.set_deeds(deeds);
        let back = stored(profile, Strategies::COMPLETION | Strategies::SEED_TIME).deeds();
        assert_eq!(back.given, LogCounter(Deeds::GIVEN_LAST));
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
