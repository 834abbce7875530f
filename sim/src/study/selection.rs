//! The comparison of strategies of peer selection.

use std::collections::BTreeMap;

use anyhow::Result;

use super::figures::{Figure, Figures, Part};
use super::oracle::{Goal, Oracle};
use super::parallel::in_parallel;
use super::plan::{Seeds, StudyWorld};
use super::statistics::Estimate;
use crate::simulation::simulate;
use crate::tracker::{Direct, Strategy};
use crate::world::{Members, World, WorldPlan};

/// What is compared.
#[derive(Debug, Clone)]
pub struct StudyPlan {
    /// The world that each seed draws.
    pub world: WorldPlan,
    /// Who lives in it.
    pub members: Members,
    /// Whether bounds are looked for, too.
    pub oracles: bool,
    /// Strategies beside uniform.
    pub strategies: Vec<Strategy>,
    /// Which seeds.
    pub seeds: Seeds,
    /// How many.
    pub seed_count: u64,
    /// Threads.
    pub threads: usize,
}

impl StudyPlan {
    /// A kind of world, oracles included.
    pub fn new(
        kind: &StudyWorld,
        strategies: &[Strategy],
        seeds: Seeds,
        seed_count: u64,
        threads: usize,
    ) -> Self {
        let (world, members, strategies) = ((kind.plan)(), kind.members, strategies.to_vec());
        Self { world, members, oracles: true, strategies, seeds, seed_count, threads }
    }
}

/// The figures of every strategy and seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Uniform first.
    pub strategies: Vec<Strategy>,
    /// By strategy, then seed.
    runs: Vec<Vec<Figures>>,
    /// The same of oracles.
    bounds: BTreeMap<Goal, Vec<Figures>>,
}

/// Seeds that oracles are asked about.
const ORACLE_SEEDS: usize = 4;

/// Who chooses peers in a run.
#[derive(Debug, Clone, Copy)]
enum Chooser {
    Tracker(Strategy),
    Oracle(Goal),
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
        let mut goals: Vec<Goal> = strategies.iter().filter_map(|it| Goal::of(*it)).collect();
        goals.retain(|_| plan.oracles);
        goals.sort_unstable();
        goals.dedup();
        let seed_count = usize::try_from(plan.seed_count)?.max(1);
        // A seed's strategies one after the other.
        let mut jobs = Vec::new();
        for number in 0..seed_count {
            jobs.extend(strategies.iter().map(|it| (number, Chooser::Tracker(*it))));
            let goals = goals.iter().filter(|_| number < ORACLE_SEEDS);
            jobs.extend(goals.map(|it| (number, Chooser::Oracle(*it))));
        }
        let job = |job: usize| {
            let (number, chooser) = jobs[job];
            let seed = plan.seeds.seed(number as u64);
            let world = World::of(plan.world.clone(), plan.members, seed);
            let measures = match chooser {
                Chooser::Tracker(it) => simulate(&world, Direct::new(&world, it)?)?,
                Chooser::Oracle(goal) => simulate(&world, Oracle::new(&world, goal)?)?,
            };
            Ok(Figures::new(&world, &measures))
        };
        let count = jobs.len();
        let all = in_parallel(plan.threads, count, job, |ended| done(ended, count))?;
        let mut runs = vec![Vec::new(); strategies.len()];
        let mut bounds = BTreeMap::<_, Vec<_>>::new();
        for ((_, chooser), figures) in jobs.iter().zip(all) {
            match chooser {
                Chooser::Tracker(it) => {
                    let at = strategies.iter().position(|other| other == it);
                    runs[at.unwrap_or_default()].push(figures);
                }
                Chooser::Oracle(goal) => bounds.entry(*goal).or_default().push(figures),
            }
        }
        Ok(Self { strategies, runs, bounds })
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

    fn bounds_of(&self, strategy: Strategy, part: Part, figure: Figure) -> Option<Vec<f64>> {
        let runs = self.bounds.get(&Goal::of(strategy)?)?;
        Some(runs.iter().map(|run| run.of(part, figure)).collect())
    }

    /// What an oracle with a strategy's goal reaches: a figure by that of uniform, seed by seed.
    pub fn bound_ratio(&self, strategy: Strategy, figure: Figure) -> Option<Estimate> {
        let uniform = self.values(Strategy::Uniform, Part::All, figure)?;
        Some(Estimate::of_ratio(&self.bounds_of(strategy, Part::All, figure)?, &uniform))
    }

    /// By how much an oracle's figure is below that of uniform, seed by seed.
    pub fn bound_lower_by(&self, strategy: Strategy, figure: Figure) -> Option<Estimate> {
        let uniform = self.values(Strategy::Uniform, Part::All, figure)?;
        Some(Estimate::of_difference(&uniform, &self.bounds_of(strategy, Part::All, figure)?))
    }

    /// Replies to leechers under all strategies, and how many had too few seeders.
    pub fn seeder_slots(&self) -> (u64, u64) {
        let all = self.runs.iter().flatten();
        let sums = all.map(|run| (run.replies, run.short_of_seeders));
        sums.fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1))
    }
}
