//! What each strategy is to achieve, against uniform.

use super::figures::{Figure, Part};
use super::selection::Study;
use super::statistics::Estimate;
use crate::tracker::Strategy;

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The figure by that of uniform is at most this.
    RatioAtMost(f64),
    /// The figure by that of uniform is at least this.
    RatioAtLeast(f64),
    /// The figure is below that of uniform by at least this.
    LowerBy(f64),
}

/// A target of a strategy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Whose.
    pub strategy: Strategy,
    /// Of what.
    pub figure: Figure,
    /// Which.
    pub bound: Bound,
}

/// Whether a target is met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// What was found.
    pub found: Estimate,
    /// Whether the mean is within the bound.
    pub met: bool,
    /// Whether the whole confidence interval is on the same side of the bound.
    pub certain: bool,
}

impl Verdict {
    /// As in tables.
    pub fn shown(&self) -> &'static str {
        match (self.met, self.certain) {
            (true, true) => "met",
            (true, false) => "met by the mean",
            (false, false) => "**missed** by the mean",
            (false, true) => "**missed**",
        }
    }
}

/// All targets.
pub const TARGETS: [Target; 11] = [
    at_most(Strategy::Location, Figure::InterRegion, 0.60),
    at_most(Strategy::Location, Figure::InterNetwork, 0.80),
    at_most(Strategy::Location, Figure::Median, 0.95),
    at_most(Strategy::Location, Figure::P95, 1.05),
    at_least(Strategy::Completion, Figure::SlowHalf, 2.0),
    Target { strategy: Strategy::Completion, figure: Figure::Gini, bound: Bound::LowerBy(0.10) },
    at_most(Strategy::Completion, Figure::P95, 1.15),
    at_most(Strategy::Fast, Figure::Median, 0.90),
    at_least(Strategy::Slow, Figure::SlowHalf, 2.0),
    at_most(Strategy::Slow, Figure::P95, 1.15),
    at_least(Strategy::SeedTime, Figure::Young, 1.5),
];

const fn at_most(strategy: Strategy, figure: Figure, ratio: f64) -> Target {
    Target { strategy, figure, bound: Bound::RatioAtMost(ratio) }
}

const fn at_least(strategy: Strategy, figure: Figure, ratio: f64) -> Target {
    Target { strategy, figure, bound: Bound::RatioAtLeast(ratio) }
}

impl Target {
    /// The bound in words.
    pub fn bound_shown(&self) -> String {
        match self.bound {
            Bound::RatioAtMost(bound) => format!("≤ {:.0} % of uniform", 100.0 * bound),
            Bound::RatioAtLeast(bound) => format!("≥ {bound} × uniform"),
            Bound::LowerBy(bound) => format!("lower by ≥ {bound:.2}"),
        }
    }

    /// What was found, in the same words.
    pub fn found_shown(&self, found: &Estimate) -> String {
        let Estimate { mean, low, high } = *found;
        match self.bound {
            Bound::RatioAtMost(_) => {
                format!("{:.0} % ({:.0}–{:.0})", 100.0 * mean, 100.0 * low, 100.0 * high)
            }
            Bound::RatioAtLeast(_) => format!("{mean:.2} × ({low:.2}–{high:.2})"),
            Bound::LowerBy(_) => format!("{mean:.2} ({low:.2}–{high:.2})"),
        }
    }

    /// What an oracle reaches, if one was asked.
    pub fn bound_found(&self, study: &Study) -> Option<Estimate> {
        match self.bound {
            Bound::RatioAtMost(_) | Bound::RatioAtLeast(_) => {
                study.bound_ratio(self.strategy, self.figure)
            }
            Bound::LowerBy(_) => study.bound_lower_by(self.strategy, self.figure),
        }
    }

    /// Whether it is met; `None` if the study has not run its strategy.
    pub fn judge(&self, study: &Study) -> Option<Verdict> {
        let found = match self.bound {
            Bound::RatioAtMost(_) | Bound::RatioAtLeast(_) => {
                study.ratio(self.strategy, Part::All, self.figure)?
            }
            Bound::LowerBy(_) => study.lower_by(self.strategy, Part::All, self.figure)?,
        };
        let within = |value: f64| match self.bound {
            Bound::RatioAtMost(bound) => value <= bound,
            Bound::RatioAtLeast(bound) | Bound::LowerBy(bound) => value >= bound,
        };
        let met = within(found.mean);
        let certain = within(found.low) == met && within(found.high) == met;
        Some(Verdict { found, met, certain })
    }
}
