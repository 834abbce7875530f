//! Means over seeds, and how far they can be trusted.

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Of the mean of values.
    pub fn of_mean(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        if values.len() < 2 {
            return Self { mean, low: mean, high: mean };
        }
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        // Student's t at 97.5 %, to 1 % for 8 seeds or more.
        let wide = (1.96 + 2.5 / (count - 1.0)) * error;
        Self { mean, low: mean - wide, high: mean + wide }
    }

    /// Of the geometric mean of ratios: `above` by `below`, pair by pair. A pair of which one is 0
    /// counts nothing.
    pub fn of_ratio(above: &[f64], below: &[f64]) -> Self {
        let pairs = above.iter().zip(below).filter(|(above, below)| **above > 0.0 && **below > 0.0);
        let logarithms: Vec<_> = pairs.map(|(above, below)| (above / below).ln()).collect();
        let Self { mean, low, high } = Self::of_mean(&logarithms);
        Self { mean: mean.exp(), low: low.exp(), high: high.exp() }
    }

    /// Of the mean of differences, pair by pair.
    pub fn of_difference(from: &[f64], minus: &[f64]) -> Self {
        let differences: Vec<_> =
            from.iter().zip(minus).map(|(from, minus)| from - minus).collect();
        Self::of_mean(&differences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_twenty_values_is_that_of_student() {
        let values: Vec<_> = (0..20).map(f64::from).collect();
        let Estimate { mean, low, high } = Estimate::of_mean(&values);
        assert_eq!(mean, 9.5);
        // The spread is 5.916, the quantile 2.093.
        let wide = 2.093 * 5.916 / 20_f64.sqrt();
        assert!((mean - low - wide).abs() < 0.01 * wide);
        assert!((high - mean - wide).abs() < 0.01 * wide);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let ratio = Estimate::of_ratio(&[2.0, 40.0], &[1.0, 20.0]);
        assert!((ratio.mean - 2.0).abs() < 1e-12 && (ratio.high - 2.0).abs() < 1e-12);
        let difference = Estimate::of_difference(&[2.0, 4.0], &[1.0, 1.0]);
        assert_eq!(difference.mean, 2.0);
    }
}
