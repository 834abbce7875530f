//! A load generator for UDP and HTTP trackers: any of them, unchanged, on this machine.
//!
//! # What is measured
//!
//! With a rate, the moments of all requests are fixed beforehand (`schedule`), and a latency runs
//! from the scheduled moment. So a tracker that stalls is charged for every request that had to
//! wait meanwhile, also for those that could not even be sent. With `--rate max`, a bounded number
//! of requests is outstanding at any time, and a latency runs from the moment of sending: that
//! finds the throughput, and its latencies say little.
//!
//! # Tour
//!
//! * `options`: the command line. `target`: the URL.
//! * `crowd`: who announces what. Everything follows from a number, so that a million peers take
//!   no memory; `work` picks the next one.
//! * `udp`, `http`: the two engines, each a loop per thread.
//! * `tally`, `histogram`: what a thread counts. `observe`: what the system says.
//! * `idle`: connections that say nothing.
//! * `run`: threads and phases. `report`: the result.

mod crowd;
mod histogram;
mod http;
mod idle;
mod observe;
mod options;
mod poller;
mod report;
mod run;
mod schedule;
mod tally;
mod target;
mod udp;
mod work;
mod zipf;

use anyhow::Result;

pub use options::Arguments;
use options::Command;

/// Does what the command line asks for.
///
/// # Errors
///
/// An option does not fit the others, the target is not on this machine, or the system refuses
/// what is needed. A tracker that fails is no error but a figure.
pub fn main(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Run(options) => {
            let is_json = options.json;
            let outcome = run::run(&run::Plan::new(*options)?)?;
            let text = if is_json { report::json(&outcome)? } else { report::text(&outcome) };
            println!("{text}");
            Ok(())
        }
        Command::Idle(options) => {
            let outcome = idle::run(&options)?;
            let text = if options.json { outcome.json().to_string() } else { outcome.text() };
            println!("{text}");
            Ok(())
        }
        Command::Passkeys { users, seed } => crowd::print_passkeys(users, seed),
        Command::Torrents { torrents, seed } => crowd::print_torrents(torrents, seed),
        Command::CheckFree { port } => target::check_free(port),
    }
}

#[cfg(test)]
mod tests;
