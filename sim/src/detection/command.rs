//! `mika-sim detection`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _, stderr};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use super::explain::explain;
use super::outcome::Outcome;
use super::page::Results;
use super::plan::SitePlan;
use super::record::line;
use super::run::Run;
use super::study::{Group, Study, StudyPlan};
use crate::study::parallel::in_parallel;

/// What can be asked for.
#[derive(Debug, Args)]
pub struct Command {
    /// A small site over a few days, twice
    #[arg(long)]
    short: bool,
    /// Runs of the usual world; 11 by default
    #[arg(long)]
    runs: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Simulate one small site with cheats instead, and write its announces into a file: second,
    /// address, User-Agent and request line, separated by tabs
    #[arg(long, conflicts_with_all = ["write", "short", "runs"])]
    record: Option<PathBuf>,
    /// On so many seeds for tuning: tell what led to each accusation of an honest user, and what
    /// was found of cheats that were found late
    #[arg(long, conflicts_with_all = ["write", "short", "runs", "record"])]
    explain: Option<u64>,
    /// Explain the harsh world, on seeds for tuning
    #[arg(long, requires = "explain")]
    harsh: bool,
    /// Days after which to explain, of a month
    #[arg(long, default_value_t = 31, requires = "explain")]
    days: u32,
    /// Write the tables and plots into the documents, too
    #[arg(long)]
    write: bool,
    /// Where the documents are
    #[arg(long, default_value = "docs")]
    docs: PathBuf,
}

impl Command {
    /// Runs the study, prints its tables, and writes them if asked to.
    ///
    /// # Errors
    ///
    /// A tracker refused something, or a file cannot be written.
    pub fn run(self) -> Result<()> {
        ensure!(!(self.write && self.short), "--write takes the whole study");
        if let Some(path) = &self.record {
            return record(path);
        }
        if let Some(count) = self.explain {
            let of = if self.harsh { Group::Harsh } else { Group::Training };
            return explained(of, count.clamp(1, 20), self.days.clamp(1, 31), self.threads);
        }
        let mut plan = match self.short {
            true => StudyPlan::short(self.threads),
            false => StudyPlan::whole(self.threads),
        };
        if let Some(runs) = self.runs {
            let usual = plan.runs.iter_mut().filter(|(group, _)| *group == Group::Usual);
            usual.for_each(|(_, count)| *count = runs.clamp(1, 99));
        }
        let study = Study::run(&plan, show_progress)?;
        let results = Results { plan, study, timed: self.write };
        println!("{}", results.markdown());
        if self.write { results.write(&self.docs) } else { Ok(()) }
    }
}

fn explained(of: Group, count: u64, days: u32, threads: usize) -> Result<()> {
    let plan = of.plan(&SitePlan::whole());
    let job = |number: usize| {
        let seed = Group::Training.seed(number as u64);
        let mut run = Run::new(plan.clone(), seed)?;
        run.run_until(days * 86_400)?;
        let outcome = Outcome::at_end(&run, seed);
        Ok(format!(
            "# Seed {seed}, {} epochs, {:.2} s of books per day; of {} findings {} do not say what \
             follows from their inputs\n\n{}",
            outcome.seen.epochs,
            outcome.spent.advancing.as_secs_f64() / f64::from(days),
            outcome.recomputed.0,
            outcome.recomputed.1,
            explain(&run, &outcome.users)
        ))
    };
    let parts = in_parallel(threads, count as usize, job, |_| ())?;
    parts.iter().for_each(|part| println!("{part}"));
    Ok(())
}

fn record(path: &Path) -> Result<()> {
    let mut run = Run::new(Group::Training.plan(&SitePlan::short()), Group::Training.seed(0))?;
    run.site.record = Some(Vec::new());
    run.run()?;
    let mut out = BufWriter::new(File::create(path)?);
    for (at_seconds, said) in run.site.record.iter().flatten() {
        writeln!(out, "{}", line(*at_seconds, said))?;
    }
    out.flush()?;
    println!("{} announces, {} findings", run.site.announces, run.site.seen().findings);
    Ok(())
}

fn show_progress(ended: usize, count: usize) {
    if stderr().is_terminal() {
        // Nobody misses a progress line that cannot be written.
        let _ =
            write!(stderr(), "\r{ended} of {count} runs{}", if ended == count { "\n" } else { "" });
    }
}
