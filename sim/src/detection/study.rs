//! The study: worlds with cheats and without, on seeds for tuning and seeds for reports.

use anyhow::Result;

use super::outcome::{Outcome, UserOutcome};
use super::plan::{Noise, SitePlan};
use crate::cheats::Cheat;
use crate::study::parallel::in_parallel;
use crate::study::plan::Seeds;

/// Worlds of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Seeds for tuning.
    Training,
    /// The usual world, with cheats.
    Usual,
    /// The same without any cheat.
    Clean,
    /// Bad lines, worse clients, and three times as many cheats.
    Harsh,
    /// An announce every 15 minutes.
    Quick,
    /// An announce every hour.
    Slow,
    /// One cheat in 200.
    Rare,
}

impl Group {
    /// All of them.
    pub const ALL: [Group; 7] = [
        Self::Training,
        Self::Usual,
        Self::Clean,
        Self::Harsh,
        Self::Quick,
        Self::Slow,
        Self::Rare,
    ];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Usual => "usual",
            Self::Clean => "no cheats",
            Self::Harsh => "harsh, many cheats",
            Self::Quick => "announces every 15 min",
            Self::Slow => "announces every hour",
            Self::Rare => "few cheats",
        }
    }

    /// Its world.
    pub fn plan(self, base: &SitePlan) -> SitePlan {
        let base = base.clone();
        match self {
            Self::Training | Self::Usual => usual_cheats(base, 1),
            Self::Clean => base,
            Self::Harsh => usual_cheats(SitePlan { noise: Noise::HARSH, ..base }, 3),
            Self::Quick => usual_cheats(SitePlan { interval_seconds: 900, ..base }, 1),
            Self::Slow => usual_cheats(SitePlan { interval_seconds: 3600, ..base }, 1),
            Self::Rare => {
                let count = base.users / 200;
                let kinds = Cheat::ALL.iter().filter(|it| has_target(**it));
                let each = count.div_ceil(Cheat::ALL.len());
                base.clone().with(kinds.map(|it| (*it, each)).take(count))
            }
        }
    }

    /// Its seeds: no two groups share one. Those of the last study are not unseen any more once
    /// something was changed for what it showed.
    pub fn seed(self, number: u64) -> u64 {
        match self {
            Self::Training => Seeds::Training.seed(number),
            other => Seeds::Reporting.seed(SEEN_SEEDS + 100 * (other as u64 - 1) + number),
        }
    }
}

/// Of each group, those that earlier studies reported.
const SEEN_SEEDS: u64 = 90;

/// Whether a cheat has a target of its own.
pub fn has_target(cheat: Cheat) -> bool {
    matches!(
        cheat,
        Cheat::Joal
            | Cheat::RatioMasterOld
            | Cheat::RatioMasterNew
            | Cheat::Rustatio
            | Cheat::RustatioIdle
            | Cheat::GhostMultiplier
            | Cheat::DownloadZero
    )
}

/// In 3,000 users six of each that has a target, and three of each other one.
fn usual_cheats(base: SitePlan, times: usize) -> SitePlan {
    let per_thousand = |count: usize| (count * times * base.users).div_ceil(1000);
    let count = |it: Cheat| if has_target(it) { per_thousand(2) } else { per_thousand(1) };
    base.clone().with(Cheat::ALL.map(|it| (it, count(it))))
}

/// What is run.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyPlan {
    /// The world that groups change.
    pub base: SitePlan,
    /// Runs of each group.
    pub runs: Vec<(Group, u64)>,
    /// Threads.
    pub threads: usize,
}

impl StudyPlan {
    /// More than 30,000 months of honest users in the usual world alone.
    pub fn whole(threads: usize) -> Self {
        let runs = vec![
            (Group::Training, 2),
            (Group::Usual, 11),
            (Group::Clean, 1),
            (Group::Harsh, 1),
            (Group::Quick, 1),
            (Group::Slow, 1),
            (Group::Rare, 1),
        ];
        Self { base: SitePlan::whole(), runs, threads }
    }

    /// A small site over a few days, twice: seconds.
    pub fn short(threads: usize) -> Self {
        let runs = vec![(Group::Training, 1), (Group::Usual, 1)];
        Self { base: SitePlan::short(), runs, threads }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Study {
    runs: Vec<(Group, Outcome)>,
}

impl Study {
    /// Runs everything; `done` is called as runs end.
    ///
    /// # Errors
    ///
    /// A tracker refused something.
    pub fn run(plan: &StudyPlan, mut done: impl FnMut(usize, usize)) -> Result<Self> {
        let of_group = |(group, count): &(Group, u64)| {
            let group = *group;
            (0..*count).map(move |number| (group, group.seed(number)))
        };
        let jobs: Vec<(Group, u64)> = plan.runs.iter().flat_map(of_group).collect();
        let job = |number: usize| {
            let (group, seed) = jobs[number];
            Ok((group, Outcome::of(&group.plan(&plan.base), seed)?))
        };
        let runs = in_parallel(plan.threads, jobs.len(), job, |ended| done(ended, jobs.len()))?;
        Ok(Self { runs })
    }

    /// The runs of a group.
    pub fn of(&self, group: Group) -> impl Iterator<Item = &Outcome> + Clone {
        self.runs.iter().filter(move |(it, _)| *it == group).map(|(_, outcome)| outcome)
    }

    /// All runs.
    pub fn all(&self) -> impl Iterator<Item = &Outcome> + Clone {
        self.runs.iter().map(|(_, outcome)| outcome)
    }

    /// The users of a group.
    pub fn users(&self, group: Group) -> impl Iterator<Item = &UserOutcome> + Clone {
        self.of(group).flat_map(|run| &run.users)
    }

    /// Cheats of a kind in a group, of those that have made up anything.
    pub fn cheats(&self, group: Group, cheat: Cheat) -> impl Iterator<Item = &UserOutcome> + Clone {
        let users = self.users(group).filter(move |it| it.person.cheat == cheat);
        users.filter(|it| it.tally.first_seconds.is_some())
    }
}
