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

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Debug, Parser)]
#[command(about = "Times the tracker without sockets")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Announces per second with 1, 2 and 4 threads on many torrents
    Threads(Size),
    /// What announces for many torrents cost beside those of other threads for one that all share
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

fn main() -> Result<()> {
    match Arguments::parse().what {
        What::Threads(size) => threads::run(size),
        What::Hot(size) => hot::run(size),
        What::Stalls(size) => stalls::run(size),
    }
}
