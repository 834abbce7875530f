//! Databases: how long a start takes to load a large site, and what a flush costs beside the best
//! upsert written by hand.
//!
//! `stores load` fills each database with a million torrents and 200,000 users, that of UNIT3D with
//! two million peers of the tracker before as well, and prints the time and the memory that loading
//! them takes. The HTTP store loads them from a server that makes them up. `stores flush` writes
//! 10,000 history rows over and over, alternately through the store and by hand, on one server.

use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[path = "stores/by_hand.rs"]
mod by_hand;
#[path = "stores/load.rs"]
mod load;
#[path = "stores/place.rs"]
mod place;
#[path = "stores/site.rs"]
mod site;

use place::{KINDS, Place, SQL_KINDS};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Debug, Parser)]
#[command(about = "Time and memory that databases take")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The load at a start.
    Load {
        /// Torrents in the tables.
        #[arg(long, default_value_t = 1_000_000)]
        torrents: u32,
        /// Users in the tables.
        #[arg(long, default_value_t = 200_000)]
        users: u32,
        /// Peers in the tables of a site that has such a table.
        #[arg(long, default_value_t = 2_000_000)]
        peers: u32,
        /// Only these databases.
        #[arg(long, value_delimiter = ',', default_values = KINDS)]
        kinds: Vec<String>,
    },
    /// Upserts of 10,000 history rows, beside those written by hand.
    Flush {
        /// Rounds, each of one upsert through the store and one by hand.
        #[arg(long, default_value_t = 21)]
        rounds: u32,
    },
    /// One load, in a process of its own.
    #[command(hide = true)]
    LoadOne {
        /// Which database.
        kind: String,
        /// Its URL, or the path of the file.
        url: String,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Arguments::parse().what {
            What::Load { torrents, users, peers, kinds } => {
                load_all(torrents, users, peers, &kinds).await
            }
            What::Flush { rounds } => flush_all(rounds).await,
            What::LoadOne { kind, url } => load::one(&kind, &url).await,
        }
    })
}

async fn load_all(torrents: u32, users: u32, peers: u32, kinds: &[String]) -> Result<()> {
    println!("{torrents} torrents, {users} users, {peers} peers");
    for kind in KINDS.into_iter().filter(|kind| kinds.iter().any(|other| other == kind)) {
        let rows = site::Rows { users, torrents };
        let Some(place) = Place::with(kind, rows).await? else { continue };
        place.fill(users, torrents).await?;
        place.fill_peers(users, torrents, peers)?;
        let program = std::env::current_exe()?;
        let mut command = std::process::Command::new(program);
        let status = command.args(["load-one", kind, place.url()]).status()?;
        anyhow::ensure!(status.success(), "{kind}: the load failed");
    }
    Ok(())
}

async fn flush_all(rounds: u32) -> Result<()> {
    for kind in SQL_KINDS {
        let Some(place) = Place::new(kind).await? else { continue };
        place.fill(by_hand::USERS, by_hand::TORRENTS).await?;
        let store = place.store().await?;
        let Some(mut by_hand) = by_hand::ByHand::connect(kind, place.url()).await? else {
            continue;
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let batch = by_hand::batch(u64::from(round) + 1);
            let begin = Instant::now();
            let applied = store.apply(&batch).await?;
            ours.push(begin.elapsed().as_secs_f64() * 1000.0);
            anyhow::ensure!(applied.dead_letters.is_empty(), "{kind}: dead letters");
            let begin = Instant::now();
            by_hand.upsert(&batch.history).await?;
            theirs.push(begin.elapsed().as_secs_f64() * 1000.0);
        }
        let (ours, theirs) = (median(&mut ours)?, median(&mut theirs)?);
        println!(
            "{kind}: 10000 rows in {ours:.0} ms, by hand {theirs:.0} ms: {:.2} times \
             (medians of {rounds})",
            ours / theirs
        );
        store.close().await;
    }
    Ok(())
}

fn median(figures: &mut [f64]) -> Result<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().context("no rounds")
}
