//! What came of one run: of every user, what is true and what was said.

use anyhow::Result;
use mika_core::detection::{Counters, Finding};

use super::people::Person;
use super::plan::SitePlan;
use super::recompute;
use super::rivals::Rule;
use super::run::Run;
use super::site::Spent;
use super::tally::Tally;
use super::watch::Said;
use crate::cheats::Cheat;

/// A user, at the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserOutcome {
    /// Who.
    pub person: Person,
    /// What detection said.
    pub said: Said,
    /// What is true.
    pub tally: Tally,
    /// What the rules of others said: how often.
    pub rivals: [u32; Rule::ALL.len()],
}

impl UserOutcome {
    /// Whether the user is honest.
    pub fn is_honest(&self) -> bool {
        self.person.cheat == Cheat::Honest
    }

    /// Seconds from the first announce that was not true to the first review.
    pub fn seconds_to_review(&self) -> Option<u32> {
        Some(self.said.review_seconds?.saturating_sub(self.tally.first_seconds?))
    }
}

/// A run, at the end.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Seed of the run.
    pub seed: u64,
    /// Days of the run.
    pub days: u32,
    /// Its users.
    pub users: Vec<UserOutcome>,
    /// Announces answered.
    pub announces: u64,
    /// What detection has seen.
    pub seen: Counters,
    /// Bytes moved between clients.
    pub moved_bytes: u64,
    /// Time spent.
    pub spent: Spent,
    /// Findings worked out again, and those that do not say what follows from their inputs.
    pub recomputed: (u64, u64),
    /// The first finding about a torrent's books.
    pub example: Option<(Finding, Cheat)>,
}

impl Outcome {
    /// Simulates a site.
    ///
    /// # Errors
    ///
    /// The tracker refused something that it should not have.
    pub fn of(plan: &SitePlan, seed: u64) -> Result<Self> {
        let mut run = Run::new(plan.clone(), seed)?;
        run.run()?;
        Ok(Self::at_end(&run, seed))
    }

    /// What came of a run that has ended.
    pub fn at_end(run: &Run, seed: u64) -> Self {
        let user = |(number, person): (usize, &Person)| UserOutcome {
            person: *person,
            said: run.site.watch.of(number),
            tally: run.tally[number],
            rivals: run.site.rivals.of(number),
        };
        let users: Vec<UserOutcome> = run.people.iter().enumerate().map(user).collect();
        let agree: Vec<bool> = run.site.findings().filter_map(recompute::agrees).collect();
        let wrong = agree.iter().filter(|it| !**it).count();
        let is_of_books = |it: &&Finding| it.input("fraction").is_some();
        let example = run.site.findings().find(is_of_books).map(|finding| {
            let user = users.get(finding.user_id.saturating_sub(1) as usize);
            (finding.clone(), user.map_or(Cheat::Honest, |it| it.person.cheat))
        });
        Self {
            seed,
            days: run.plan.days,
            announces: run.site.announces,
            seen: run.site.seen(),
            moved_bytes: run.moved_bytes(),
            spent: run.site.spent,
            recomputed: (agree.len() as u64, wrong as u64),
            example,
            users,
        }
    }

    /// Months of honest users.
    pub fn honest_months(&self) -> f64 {
        let honest = self.users.iter().filter(|it| it.is_honest()).count();
        honest as f64 * f64::from(self.days) / 30.0
    }
}
