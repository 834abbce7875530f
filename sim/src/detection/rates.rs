//! Rates and how far they can be trusted.

use crate::study::statistics::Estimate;

/// Hits out of tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Those that were.
    pub hits: u64,
    /// All.
    pub tries: u64,
}

impl Rate {
    /// Counts those of which something is true.
    pub fn of<T>(all: impl Iterator<Item = T>, mut is_hit: impl FnMut(&T) -> bool) -> Self {
        let mut rate = Self::default();
        for it in all {
            rate.tries += 1;
            rate.hits += u64::from(is_hit(&it));
        }
        rate
    }

    /// The rate with its 95 % confidence interval (Wilson, 1927).
    pub fn wilson(self) -> Estimate {
        if self.tries == 0 {
            return Estimate { mean: 0.0, low: 0.0, high: 1.0 };
        }
        const Z: f64 = 1.959_964;
        let (hits, tries) = (self.hits as f64, self.tries as f64);
        let mean = hits / tries;
        let squared = Z * Z / tries;
        let middle = (mean + squared / 2.0) / (1.0 + squared);
        let half =
            Z / (1.0 + squared) * (mean * (1.0 - mean) / tries + squared / (4.0 * tries)).sqrt();
        Estimate { mean, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }

    /// As in tables.
    pub fn shown(self) -> String {
        if self.tries == 0 {
            return "–".to_owned();
        }
        let Estimate { mean, low, high } = self.wilson();
        format!("{mean:.2} ({low:.2}–{high:.2}), {} of {}", self.hits, self.tries)
    }

    /// As in tables of few.
    pub fn counted(self) -> String {
        match self.tries {
            0 => "–".to_owned(),
            tries => format!("{} of {tries}", self.hits),
        }
    }
}

/// The 95 % upper bound of a rate of events in some months: by the rule of three if there were
/// none, else by the normal approximation of the square root.
pub fn upper_bound(events: u64, months: f64) -> f64 {
    let most = match events {
        0 => 3.0,
        events => ((events as f64 + 1.0).sqrt() + 0.98).powi(2),
    };
    most / months.max(1e-9)
}

/// Which share of those accused is guilty, where so many cheat.
pub fn precision(recall: f64, false_positives: f64, prevalence: f64) -> f64 {
    let (right, wrong) = (recall * prevalence, false_positives * (1.0 - prevalence));
    if right + wrong == 0.0 { 0.0 } else { right / (right + wrong) }
}

/// The value in the middle.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_wilson_is_that_of_tables() {
        let all = Rate { hits: 10, tries: 10 }.wilson();
        assert!((all.low - 0.7225).abs() < 1e-3 && all.high > 0.999_999, "{all:?}");
        let half = Rate { hits: 50, tries: 100 }.wilson();
        assert!((half.low - 0.4038).abs() < 1e-3 && (half.high - 0.5962).abs() < 1e-3, "{half:?}");
    }

    #[test]
    fn no_event_in_thirty_thousand_months_is_one_in_ten_thousand_at_most() {
        assert!((upper_bound(0, 30_000.0) - 1e-4).abs() < 1e-12);
        assert!(upper_bound(3, 30_000.0) > 2.5e-4);
    }

    #[test]
    fn precision_falls_with_the_number_of_cheats() {
        assert!((precision(1.0, 1e-3, 0.001) - 0.5).abs() < 1e-3);
        assert!(precision(1.0, 1e-4, 0.05) > 0.99);
    }
}
