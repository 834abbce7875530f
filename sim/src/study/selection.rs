//! The comparison of strategies of peer selection.

use anyhow::Result;

use super::figures::{Figure, Figures, Part};
use super::parallel::in_parallel;
use super::plan::Seeds;
use super::statistics::Estimate;
use crate::simulation::simulate;
use crate::tracker::{Direct, Strategy};
use crate::world::{World, WorldPlan};

/// What is compared.
#[derive(Debug, Clone)]
pub struct StudyPlan {
    /// The world that each seed draws.
    pub world: WorldPlan,
    /// Strategies beside uniform.
    pub strategies: Vec<Strategy>,
    /// Which seeds.
    pub seeds: Seeds,
    /// How many.
    pub seed_count: u64,
    /// Threads.
    pub threads: usize,
}

/// The figures of every strategy and seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Uniform first.
    pub strategies: Vec<Strategy>,
    /// By strategy, then seed.
    runs: Vec<Vec<Figures>>,
}

impl Study {
    /// Runs everything; `done` is called as runs end, with their number and that of all.
    ///
    /// # Errors
    ///
    /// A tracker refused something.
    pub fn run(plan: &StudyPlan, mut done: impl FnMut(usize, usize)) -> Result<Self> {
        let mut strategies = vec![Strategy::Uniform];
        strategies.extend(plan.strategies.iter().filter(|it| **it != Strategy::Uniform));
        let seed_count = usize::try_from(plan.seed_count)?.max(1);
        let count = strategies.len() * seed_count;
        let job = |number: usize| {
            // A seed's strategies one after the other, so that an early end has whole seeds.
            let (seed, strategy) = (number / strategies.len(), number % strategies.len());
            let world = World::new(plan.world.clone(), plan.seeds.seed(seed as u64));
            let tracker = Direct::new(&world, strategies[strategy])?;
            Ok(Figures::new(&world, &simulate(&world, tracker)?))
        };
        let all = in_parallel(plan.threads, count, job, |ended| done(ended, count))?;
        let mut runs = vec![Vec::new(); strategies.len()];
        let width = strategies.len();
        all.into_iter().enumerate().for_each(|(at, figures)| runs[at % width].push(figures));
        Ok(Self { strategies, runs })
    }

    /// The figures of a strategy, by seed.
    pub fn runs_of(&self, strategy: Strategy) -> Option<&[Figures]> {
        let at = self.strategies.iter().position(|other| *other == strategy)?;
        self.runs.get(at).map(Vec::as_slice)
    }

    fn values(&self, strategy: Strategy, part: Part, figure: Figure) -> Option<Vec<f64>> {
        Some(self.runs_of(strategy)?.iter().map(|run| run.of(part, figure)).collect())
    }

    /// A figure's mean over the seeds.
    pub fn mean(&self, strategy: Strategy, part: Part, figure: Figure) -> Option<Estimate> {
        Some(Estimate::of_mean(&self.values(strategy, part, figure)?))
    }

    /// A figure by that of uniform, seed by seed.
    pub fn ratio(&self, strategy: Strategy, part: Part, figure: Figure) -> Option<Estimate> {
        let uniform = self.values(Strategy::Uniform, part, figure)?;
        Some(Estimate::of_ratio(&self.values(strategy, part, figure)?, &uniform))
    }

    /// By how much a figure is below that of uniform, seed by seed.
    pub fn lower_by(&self, strategy: Strategy, part: Part, figure: Figure) -> Option<Estimate> {
        let uniform = self.values(Strategy::Uniform, part, figure)?;
        Some(Estimate::of_difference(&uniform, &self.values(strategy, part, figure)?))
    }

    /// Replies to leechers under all strategies, and how many had too few seeders.
    pub fn seeder_slots(&self) -> (u64, u64) {
        let all = self.runs.iter().flatten();
        let sums = all.map(|run| (run.replies, run.short_of_seeders));
        sums.fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1))
    }
}
