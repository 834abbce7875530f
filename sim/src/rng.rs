//! Random numbers that are the same in every run of a seed, whatever else is built in.
//!
//! Each part of a simulation has a stream of its own, so that one part's drawing more often does
//! not change what another draws: two strategies meet the same users at the same times.

/// A xoshiro256++ generator with the distributions that a world needs.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The stream with a name of a seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut weyl = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.rotate_left(32);
        let state = std::array::from_fn(|_| {
            weyl = weyl.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed(weyl)
        });
        Self { state }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c2, d2) = (c ^ a, d ^ b);
        self.state = [a ^ d2, b ^ c2, c2 ^ (b << 17), d2.rotate_left(45)];
        result
    }

    /// A number from 0 to below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        // The bias of not rejecting is below 2^-32 for all limits here.
        ((u128::from(self.bits()) * limit as u128) >> 64) as usize
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with a probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponentially distributed.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Normally distributed around 0 with a spread of 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normally distributed; `sigma` is the spread of the natural logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// An index, each as likely as its weight.
    pub fn weighted(&mut self, weights: &Weights) -> usize {
        let target = self.unit() * weights.sums.last().copied().unwrap_or_default();
        weights.sums.partition_point(|sum| *sum <= target).min(weights.sums.len().max(1) - 1)
    }

    /// Puts items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// The finaliser of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Weights to draw indices by.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    sums: Vec<f64>,
}

impl Weights {
    /// Weights in the order of their indices.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let sums = weights.into_iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// Weights after Zipf: the n-th of `count` has n^-`exponent`.
    pub fn zipf(count: usize, exponent: f64) -> Self {
        Self::new((1..=count).map(|rank| (rank as f64).powf(-exponent)))
    }
}

/// A digest of numbers: equal runs have equal digests (FNV-1a over 64-bit words, mixed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Adds a number.
    pub fn add(&mut self, number: u64) {
        self.0 = mixed((self.0 ^ number).wrapping_mul(0x0000_0100_0000_01b3));
    }

    /// The digest as a number.
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_each_time_and_differs_from_the_others() {
        let draw = |seed, stream| {
            let mut rng = Rng::new(seed, stream);
            [rng.bits(), rng.bits(), rng.bits()]
        };
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }

    #[test]
    fn distributions_have_the_means_that_they_are_asked_for() {
        let mut rng = Rng::new(7, 7);
        let count = 100_000;
        let mut mean = |draw: fn(&mut Rng) -> f64| {
            (0..count).map(|_| draw(&mut rng)).sum::<f64>() / f64::from(count)
        };
        // The bounds are over five standard errors.
        assert!((mean(Rng::unit) - 0.5).abs() < 0.006);
        assert!((mean(|rng| rng.exponential(3.0)) - 3.0).abs() < 0.06);
        assert!(mean(Rng::normal).abs() < 0.02);
        assert!((mean(|rng| rng.log_normal(2.0, 0.5).ln()) - 2_f64.ln()).abs() < 0.01);
        assert!((mean(|rng| rng.below(10) as f64) - 4.5).abs() < 0.06);
    }

    #[test]
    fn weights_are_drawn_in_their_proportion() {
        let weights = Weights::new([1.0, 0.0, 3.0]);
        let mut rng = Rng::new(3, 3);
        let mut counts = [0; 3];
        (0..10_000).for_each(|_| counts[rng.weighted(&weights)] += 1);
        assert_eq!(counts[1], 0);
        assert!((counts[2] - 7500_i32).abs() < 250, "{counts:?}");
    }
}
