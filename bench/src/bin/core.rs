//! What the tracker itself does in one process, without sockets: how it scales over threads, what
//! one hot torrent does to the others, and how long announces wait for work in the background.

#[path = "core/hot.rs"]
mod hot;
#[path = "core/stalls.rs"]
mod stalls;
#[path = "core/threads.rs"]
mod threads;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use mika_bench::population::Population;
use mika_core::{Mode, PeerList, Tracker};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Debug, Parser)]
#[command(about = "Times the tracker without sockets")]
struct Arguments {
    /// Prints one JSON object, with the figures of each round, instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Announces per second with 1, 2 and 4 threads on many torrents
    Threads(Size),
    /// What announces for many torrents cost alone, beside those of other threads for them, and
    /// beside those for one that all share
    Hot(Size),
    /// How long announces take alone, and beside expiry, flush and snapshot
    Stalls(Size),
}

/// How many torrents and peers there are; private, over IPv4.
#[derive(Debug, Clone, Copy, Args)]
struct Size {
    #[arg(long, default_value_t = 100_000)]
    torrents: u32,
    #[arg(long, default_value_t = 10)]
    peers_per_torrent: u32,
    #[arg(long, default_value_t = 50)]
    numwant: u32,
    /// Measurements of each case; the middle one counts
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

impl Size {
    fn population(self) -> Population {
        Population {
            mode: Mode::Private,
            torrents: self.torrents,
            peers_per_torrent: self.peers_per_torrent,
            users: 100_000,
            leecher_every: 5,
            v6: false,
        }
    }

    /// A tracker that all peers have joined.
    fn filled(self) -> Result<Tracker> {
        self.population().joined(10_000, &mut PeerList::new(1))
    }
}

/// What was measured.
trait Outcome {
    /// For people.
    fn text(&self) -> Result<String>;

    /// For programs.
    fn json(&self) -> Value;
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let outcome: Box<dyn Outcome> = match arguments.what {
        What::Threads(size) => Box::new(threads::run(size)?),
        What::Hot(size) => Box::new(hot::run(size)?),
        What::Stalls(size) => Box::new(stalls::run(size)?),
    };
    let text = if arguments.json { outcome.json().to_string() } else { outcome.text()? };
    println!("{text}");
    Ok(())
}
