//! Durations in log-linear buckets: at most 0.8 % off, whatever their size.

/// Sub-buckets per power of two, as a power of two.
const SUB_BITS: u32 = 7;
const SUB_BUCKETS: u64 = 1 << SUB_BITS;

/// Buckets per power of two of a histogram to be looked at.
const COARSE_PER_POWER: usize = 4;

/// Counts of durations in nanoseconds.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum: u128,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (u64::BITS - SUB_BITS + 1) as usize * SUB_BUCKETS as usize;
        Self { counts: vec![0; buckets], total: 0, sum: 0, max: 0 }
    }
}

impl Histogram {
    pub(super) fn record(&mut self, nanoseconds: u64) {
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
        }
        self.total += 1;
        self.sum += u128::from(nanoseconds);
        self.max = self.max.max(nanoseconds);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(to, from)| *to += from);
        self.total += other.total;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    pub(super) fn max(&self) -> u64 {
        self.max
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum as f64 / self.total.max(1) as f64
    }

    /// Counts in wider buckets, four per power of two, and the largest value of each; only those
    /// with a count.
    pub(super) fn coarse(&self) -> Vec<(u64, u64)> {
        let width = SUB_BUCKETS as usize / COARSE_PER_POWER;
        let chunks = self.counts.chunks(width).enumerate();
        chunks
            .map(|(index, counts)| (upper_bound((index + 1) * width - 1), counts.iter().sum()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The duration that a share of all is not above.
    pub(super) fn quantile(&self, share: f64) -> u64 {
        let rank = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_bound(index).min(self.max);
            }
        }
        self.max
    }
}

/// Below `SUB_BUCKETS` each value is a bucket; above, each power of two has `SUB_BUCKETS`.
fn bucket(value: u64) -> usize {
    let exponent = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let index = u64::from(exponent) * SUB_BUCKETS + (value >> exponent);
    index as usize
}

/// The largest value of a bucket.
fn upper_bound(index: usize) -> u64 {
    let index = index as u64;
    let exponent = (index / SUB_BUCKETS).saturating_sub(1);
    let mantissa = index - exponent * SUB_BUCKETS;
    (mantissa << exponent) + ((1 << exponent) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_bucket() {
        let mut last = 0;
        for value in (0..3000).chain((0..57).map(|shift| (177 << shift) + 3)).chain([u64::MAX]) {
            let index = bucket(value);
            assert!(index >= last || value < 3000, "{value}");
            last = index;
            let upper = upper_bound(index);
            assert!(upper >= value, "{value} {upper}");
            assert!(upper - value <= value / 127, "{value} {upper}");
            assert!(index < Histogram::default().counts.len());
            assert!(index == 0 || upper_bound(index - 1) < value);
        }
    }

    #[test]
    fn coarse_buckets_have_all_values_four_per_power_of_two() {
        let mut histogram = Histogram::default();
        for value in [1, 1024, 1279, 1280, 2047, 2048, 5_000_000] {
            histogram.record(value);
        }
        let expected = [(31, 1), (1279, 2), (1535, 1), (2047, 1), (2559, 1), (5_242_879, 1)];
        assert_eq!(histogram.coarse(), expected);
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        let mut other = Histogram::default();
        for value in 1..=100_000u64 {
            let into = if value % 3 == 0 { &mut other } else { &mut histogram };
            into.record(value * 1000);
        }
        histogram.add(&other);
        for (share, exact) in [(0.5, 5e7), (0.9, 9e7), (0.99, 9.9e7), (0.999, 9.99e7)] {
            let got = histogram.quantile(share) as f64;
            assert!(got >= exact && got <= exact * 1.008, "{share}: {got}");
        }
        assert_eq!(histogram.quantile(1.0), 100_000_000);
        assert_eq!(histogram.max(), 100_000_000);
        assert!((histogram.mean() - 50_000_500.0).abs() < 1.0);
    }

    #[test]
    fn nothing_recorded_is_zero() {
        assert_eq!(Histogram::default().quantile(0.99), 0);
    }
}
