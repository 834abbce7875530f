//! How exactly honest books balance on this site, as its books say themselves.
//!
//! Uploaders count bytes that are received twice, or on the way, and downloaders do not: books that
//! closed in calm have a little too much, usually the same part of what was moved. Cheats only ever
//! add to that, so that their share of the books moves the median little, and what is below the
//! median not at all.

use super::closed::ClosedEpoch;

/// What honest books leave over, as parts of what was moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// What is usually too much.
    pub(super) usual: f64,
    /// One standard deviation of that.
    pub(super) sigma: f64,
}

/// More than that nobody receives twice.
const USUAL_MAX: f64 = 0.002;
/// No site is taken to be more exact than that.
const SIGMA_MIN: f64 = 0.001;
/// Of a site that has not said yet how exact it is, or is worse.
const SIGMA_MAX: f64 = 0.005;
/// Books below which nothing is said.
const BOOKS_MIN: usize = 500;
/// Books that moved less are about whole pieces.
const MOVED_MIN: f64 = 1e9;
/// Of a normal distribution, what is below minus one standard deviation.
const BELOW_ONE_SIGMA: f64 = 0.1587;
/// Users differ from each other, and what cheats add does not show below the median.
const SAFETY: f64 = 2.0;

impl Noise {
    /// Of a site whose books say nothing.
    pub(super) const UNKNOWN: Noise = Noise { usual: 0.0, sigma: SIGMA_MAX };

    /// As a site's books say.
    pub(super) fn of(epochs: &[&ClosedEpoch]) -> Self {
        let mut parts: Vec<f64> = epochs.iter().filter_map(|it| part_of(it)).collect();
        if parts.len() < BOOKS_MIN {
            return Self::UNKNOWN;
        }
        let mut quantile = |of: f64| {
            let at = (parts.len() as f64 * of) as usize;
            *parts.select_nth_unstable_by(at, f64::total_cmp).1
        };
        let (median, low) = (quantile(0.5), quantile(BELOW_ONE_SIGMA));
        Self {
            usual: median.clamp(0.0, USUAL_MAX),
            sigma: (SAFETY * (median - low)).clamp(SIGMA_MIN, SIGMA_MAX),
        }
    }
}

/// Of what was moved, the part that is too much; `None` of books that say nothing of it, for
/// somebody may not have reported.
fn part_of(epoch: &ClosedEpoch) -> Option<f64> {
    let moved = epoch.moved();
    let is_calm = epoch.pending == 0 && epoch.soft_bytes == 0.0;
    (is_calm && moved >= MOVED_MIN).then(|| epoch.residual() / moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Books of 2 GB with what is too much.
    fn epoch(too_much: i64) -> ClosedEpoch {
        ClosedEpoch {
            torrent_id: 1,
            opened_seconds: 1000,
            closed_seconds: 2000,
            uploaded: 1_000_000_000_u64.saturating_add_signed(too_much),
            downloaded: 1_000_000_000,
            corrupt: 0,
            pending: 0,
            size: 0,
            soft_bytes: 0.0,
            shares: Vec::new(),
        }
    }

    fn noise(count: u64, too_much: impl Fn(u64) -> i64) -> Noise {
        let epochs: Vec<ClosedEpoch> = (0..count).map(|number| epoch(too_much(number))).collect();
        Noise::of(&epochs.iter().collect::<Vec<_>>())
    }

    /// From 0 to 8 MB, evenly.
    fn even(number: u64) -> i64 {
        (number % 801) as i64 * 10_000
    }

    #[test]
    fn noise_is_what_the_books_have_too_much_and_how_much_less_the_lower_ones_have() {
        let Noise { usual, sigma } = noise(8010, |number| even(number) / 2);
        // 2 MB of 2 GB; 16 % have less than 0.63 MB: twice the difference.
        assert!((usual - 0.001).abs() < 5e-6, "{usual}");
        assert!((sigma - 0.001_364).abs() < 1e-5, "{sigma}");
    }

    #[test]
    fn no_site_is_taken_to_be_better_or_worse_than_bounds() {
        let exact = noise(800, |_| 0);
        assert_eq!(exact, Noise { usual: 0.0, sigma: SIGMA_MIN });
        let bad = noise(800, |number| even(number) * 10);
        assert_eq!(bad, Noise { usual: USUAL_MAX, sigma: SIGMA_MAX });
        let lacking = noise(800, |number| -even(number));
        assert_eq!(lacking.usual, 0.0);
        assert_eq!(noise(499, |_| 0), Noise::UNKNOWN, "too few to tell");
    }

    #[test]
    fn what_a_third_of_the_books_has_too_much_for_cheats_changes_little() {
        let third = |number: u64| if number.is_multiple_of(3) { 300_000_000 } else { 0 };
        let clean = noise(8010, |number| even(number) / 2);
        let cheated = noise(8010, |number| even(number) / 2 + third(number));
        assert!((cheated.usual - clean.usual).abs() < 0.000_6, "{cheated:?}");
        assert!((clean.sigma..2.0 * clean.sigma).contains(&cheated.sigma), "{cheated:?}");
    }

    #[test]
    fn books_of_which_something_may_not_have_been_reported_say_nothing() {
        let known = epoch(4_000_000);
        assert!(part_of(&known).is_some_and(|part| (part - 0.002).abs() < 1e-5));
        assert_eq!(part_of(&ClosedEpoch { pending: 1, ..known.clone() }), None);
        assert_eq!(part_of(&ClosedEpoch { soft_bytes: 1.0, ..known.clone() }), None);
        assert_eq!(part_of(&ClosedEpoch { downloaded: 1000, uploaded: 2000, ..known }), None);
    }
}
