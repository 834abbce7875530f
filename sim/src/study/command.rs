//! `mika-sim selection`.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::{Result, ensure};
use clap::Args;

use super::connectivity::{ConnectivityPlan, connectivity};
use super::page::{Results, WorldResults};
use super::plan::{SEEDS_MAX, Seeds, StudyWorld};
use super::selection::{Study, StudyPlan};
use crate::tracker::Strategy;

/// Graphs that are drawn of one swarm.
const DRAWS_PER_SWARM: usize = 20;

/// Its arguments.
#[derive(Debug, Args)]
pub struct Command {
    /// Worlds that are simulated under each strategy
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    seeds: u64,
    /// Take the seeds for tuning instead of those for reports
    #[arg(long)]
    training: bool,
    /// Strategies beside uniform; all by default
    #[arg(long, value_delimiter = ',', value_parser = strategy)]
    strategies: Vec<Strategy>,
    /// A small site over some hours
    #[arg(long)]
    short: bool,
    /// Swarms that are tried for being in one piece, 20 times each; 0 for none
    #[arg(long, default_value_t = 50)]
    connectivity_swarms: usize,
    /// Peers of each of those swarms
    #[arg(long, default_value_t = 5000)]
    connectivity_peers: usize,
    /// Threads; all cores by default
    #[arg(long)]
    threads: Option<usize>,
    /// Write the tables and plots into the documents, too
    #[arg(long)]
    write: bool,
    /// Where the documents are
    #[arg(long, default_value = "docs")]
    docs: PathBuf,
}

fn strategy(name: &str) -> Result<Strategy, String> {
    let named = Strategy::ALL.into_iter().find(|strategy| strategy.name() == name);
    let names = || Strategy::ALL.map(Strategy::name).join(", ");
    named.ok_or_else(|| format!("there are: {}", names()))
}

impl Command {
    /// Runs the study, and prints it.
    ///
    /// # Errors
    ///
    /// What does not fit together, or cannot be written.
    pub fn run(self) -> Result<()> {
        let of_report = !self.training && !self.short && self.strategies.is_empty();
        ensure!(!self.write || of_report, "--write takes the whole study on seeds for reports");
        let threads = match self.threads {
            Some(threads) => threads,
            None => available_parallelism()?.get(),
        };
        let seeds = if self.training { Seeds::Training } else { Seeds::Reporting };
        let strategies = match self.strategies.is_empty() {
            true => Strategy::ALL.to_vec(),
            false => self.strategies.clone(),
        };
        let kinds = if self.short { &StudyWorld::SHORT[..] } else { &StudyWorld::WHOLE };
        let mut worlds = Vec::new();
        for kind in kinds {
            let plan = StudyPlan::new(kind, &strategies, seeds, self.seeds, threads);
            let study = Study::run(&plan, show_progress)?;
            worlds.push(WorldResults { name: kind.name, slug: kind.slug, plan, study });
        }
        let connectivity_plan = ConnectivityPlan {
            peers: self.connectivity_peers,
            swarms: self.connectivity_swarms,
            draws: DRAWS_PER_SWARM,
            seeds,
            threads,
        };
        let connectivity = match self.connectivity_swarms {
            0 => BTreeMap::new(),
            _ => connectivity(&connectivity_plan, &strategies)?,
        };
        let connectivity_peers = self.connectivity_peers;
        let results = Results { worlds, connectivity, connectivity_peers };
        println!("{}", results.markdown());
        if self.write { results.write(&self.docs) } else { Ok(()) }
    }
}

fn show_progress(ended: usize, count: usize) {
    if stderr().is_terminal() {
        // Nobody misses a progress line that cannot be written.
        let _ =
            write!(stderr(), "\r{ended} of {count} runs{}", if ended == count { "\n" } else { "" });
    }
}
